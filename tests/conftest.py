"""Settings of the test session: a kernel cache of its own, and the verifier after every pass."""

from __future__ import annotations

import os
import shutil
import tempfile

if "ADCOMPILER_CACHE_DIR" not in os.environ:
    _folder = tempfile.mkdtemp(prefix="adcompiler-tests-")
    os.environ["ADCOMPILER_CACHE_DIR"] = _folder
else:
    _folder = None
os.environ.setdefault("ADCOMPILER_VERIFY", "1")
os.environ.pop("NUMBA_CACHE_DIR", None)  # machine code lies beside the text it comes from, as tests expect


def pytest_sessionfinish() -> None:
    # Workers of pytest-xdist inherit the folder; the process that made it removes it.
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)
