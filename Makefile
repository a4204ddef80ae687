# Everything starts from a Python 3.10-3.13 alone: the first target makes .venv and installs what it needs there.
# These spoil products and warm starts, whatever the shell has set.
unexport OPENBLAS_CORETYPE OPENBLAS_L2_SIZE PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/installed
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-long faults check bench clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(STAMP) ## gradients of real programs, with their IR and source (two minutes)
	@$(BIN)/python examples/demo.py

test: $(STAMP) ## the test suite
	@$(BIN)/python -m pytest -n $(WORKERS)

test-long: $(STAMP) ## the test suite with its long tests
	@$(BIN)/python -m pytest -n $(WORKERS) -m "long or not long"

faults: $(STAMP) ## plant faults into the compiler: the suite has to notice each (ten minutes)
	@cd tests && PYTHONPATH=. ../$(BIN)/python -m faults.run --jobs $(WORKERS)

check: $(STAMP) ## format, lint, types, layers and a smoke test (a minute)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_layers.py tests/test_readme.py

bench: $(STAMP) ## the benchmark suite, with JAX, PyTorch and autograd where they are installed: pip install -e .[bench]
	@$(BIN)/adcompiler bench $(BENCH)

clean: ## remove the virtual environment and what the tools left
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis build *.egg-info

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "adcompiler needs Python 3.10, 3.11, 3.12 or 3.13: make PYTHON=..." >&2; exit 2; }
	@echo "making .venv with $(PYTHON) ..." >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,viz]"
	@touch $@
