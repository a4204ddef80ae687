"""The command line: IR, generated source, stand-alone modules and gradient checks of a function in a file."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from adcompiler import api, describe, standalone, suite
from adcompiler.backends import python
from adcompiler.driver import Built, to_loops
from adcompiler.errors import AdcompilerError, GradientMismatch, TypeMismatch, UnsupportedFunction
from adcompiler.frontend import parse_specs, specs_from_annotations
from adcompiler.frontend.spec import Leaf, Spec, Static, Tuple, leaves
from adcompiler.gradcheck import findings
from adcompiler.ir.core import Function
from adcompiler.ir.types import Array, is_float, np_dtype
from adcompiler.ir.walk import clone
from adcompiler.trees import rebuilt

TRANSFORMS: dict[str, Callable[..., Any]] = {"primal": api.jit, "forward": api.jvp, "reverse": api.grad}
LATER = {
    "graph": "the IR as a picture",
    "report": "source, IR and adjoint side by side",
}


# The function.
def find(place: str) -> Callable[..., Any]:
    """The function that FILE:FUNC names, without our decorators."""
    file, _, name = place.rpartition(":")
    if not file or not name:
        raise TypeMismatch(f"{place!r} does not name a function", hint="FILE:FUNC, as in model.py:loss")
    fn: Any = load(Path(file))
    for part in name.split("."):
        if not hasattr(fn, part):
            own = [k for k, v in vars(fn).items() if getattr(v, "__module__", "") == Path(file).stem and callable(v)]
            raise TypeMismatch(f"{file} has no function {name!r}", hint=f"one of {', '.join(own)}" if own else None)
        fn = getattr(fn, part)
    while isinstance(fn, api.Transform):
        fn = fn.fn
    if not callable(fn):
        raise TypeMismatch(f"{place} is not a function, but {type(fn).__name__}")
    return fn


def load(path: Path) -> ModuleType:
    """Import a file by its path, as Python would run it: its folder is where its own imports are looked for."""
    if not path.is_file():
        raise TypeMismatch(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        raise TypeMismatch(f"{path} is not a Python file")
    sys.path.insert(0, str(path.resolve().parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except AdcompilerError:
        raise
    except Exception as error:
        text = "".join(traceback.format_exception(error)).rstrip()
        raise TypeMismatch(f"{path} can't be imported:\n{text}") from None
    return module


def parameters(fn: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(getattr(fn, "py_func", fn)).parameters)


def arguments(fn: Callable[..., Any], given: str | None) -> tuple[Spec, ...]:
    """The specs of FUNC's arguments: those of --args, else its annotations."""
    if given is not None:
        return tuple(parse_specs(given))
    specs = specs_from_annotations(fn)
    if specs is None:
        hint = '--args "f64[:,:], f64[:], i64", or annotations as in x: "f64[:]"'
        raise TypeMismatch(f"the types of the arguments of {fn.__name__} are not known", hint=hint)
    return specs


def positions(fn: Callable[..., Any], specs: Sequence[Spec], wrt: str | None) -> tuple[int, ...]:
    """Positions of the arguments that --wrt names."""
    names = parameters(fn)
    found = []
    for name in [w.strip() for w in (wrt or "").split(",") if w.strip()]:
        if name not in names[: len(specs)]:
            raise TypeMismatch(f"--wrt: {fn.__name__} has no argument {name!r}", hint=", ".join(names[: len(specs)]))
        found.append(names.index(name))
    return tuple(found)


def floating(specs: Sequence[Spec]) -> list[int]:
    return [k for k, s in enumerate(specs) if any(is_float(leaf.type) for leaf in leaves(s))]


def argnums(fn: Callable[..., Any], specs: Sequence[Spec], wrt: str | None) -> int | tuple[int, ...]:
    """What --wrt names, as `grad` takes it; without it the first argument that holds floats."""
    found = positions(fn, specs, wrt)
    if not found:
        return (floating(specs) or [0])[0]
    return found[0] if len(found) == 1 else found


# Stages.
Stages = list[tuple[str, Function]]


def lowered(args: argparse.Namespace, mode: str) -> tuple[Built, Stages]:
    """FUNC transformed as the options say, and the program after every stage on the way."""
    fn = find(args.function)
    specs = arguments(fn, args.args)
    stages: Stages = []
    options: dict[str, Any] = {"disable": names(args.disable)}
    given: tuple[Spec, ...] = specs
    if mode == "reverse":
        options["argnums"] = argnums(fn, specs, args.wrt)
    elif mode == "forward":
        live = positions(fn, specs, args.wrt) or tuple(floating(specs))
        given = Tuple(specs), Tuple(tuple(s if k in live else Static(None) for k, s in enumerate(specs)))
    transform = TRANSFORMS[mode](fn, **options)
    built = transform.lower_specs(given, observer=lambda name, now: stages.append((name, clone(now))))
    kernel: Stages = []
    to_loops(built.function, built.options, lambda name, now: kernel.append((name, clone(now))))
    earlier = dict(stages)
    return built, stages + [(f"{name} (kernel)" if name in earlier else name, fn) for name, fn in kernel]


def names(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (text or "").replace(",", " ").split()))


def staged(stages: Stages, args: argparse.Namespace, show: Callable[[Function], str]) -> str:
    """The program after the stage asked for (the last of that name), or after each."""
    if args.all_stages:
        return "\n".join(f"# {k}. after {name}\n{show(fn)}" for k, (name, fn) in enumerate(stages, 1))
    for name, fn in reversed(stages):
        if name == args.after:
            return show(fn)
    raise TypeMismatch(f"--after: no stage is called {args.after!r}", hint=", ".join(dict(stages)))


def show(text: str) -> None:
    """Print code: highlighted on a terminal where pygments is installed, plain in a pipe."""
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        with contextlib.suppress(ImportError):
            from pygments import highlight
            from pygments.formatters import TerminalFormatter
            from pygments.lexers import PythonLexer

            text = highlight(text, PythonLexer(), TerminalFormatter())
    print(text.rstrip("\n"))


# Inputs.
def draw(specs: Sequence[Spec], seed: int, size: int) -> tuple[Any, ...]:
    """Arguments of the given types: every axis of length `size`, floats between .1 and .9, integers from 0 to size."""
    rng = np.random.default_rng(seed)
    return tuple(rebuilt(s, iter([_drawn(leaf, rng, size) for leaf in leaves(s)])) for s in specs)


def _drawn(leaf: Leaf, rng: np.random.Generator, size: int) -> Any:
    shape = (size,) * leaf.type.rank if isinstance(leaf.type, Array) else ()
    dtype = np_dtype(leaf.type)
    numbers: Any
    if dtype.kind == "f":
        numbers = rng.uniform(0.1, 0.9, shape)
    elif dtype.kind == "b":
        numbers = rng.random(shape) < 0.5
    else:
        # An index has to lie inside; a single integer is more often a count.
        numbers = rng.integers(0, size, shape) if shape else rng.integers(1, size + 1)
    value = np.asarray(numbers).astype(dtype)
    return value if isinstance(leaf.type, Array) else value.item() if leaf.weak else value[()]


# Commands.
def ir(args: argparse.Namespace) -> int:
    built, stages = lowered(args, args.mode or "primal")
    show(staged(stages, args, str) if args.after or args.all_stages else built.ir)
    return 0


def source(args: argparse.Namespace) -> int:
    built, stages = lowered(args, args.mode or "reverse")
    if args.residuals:
        print(built.residuals)
    elif args.after or args.all_stages:
        show(staged(stages, args, lambda fn: python.emit(fn, kernel=args.kernel)))
    else:
        show(built.kernel if args.kernel else built.source)
    return 0


def emit(args: argparse.Namespace) -> int:
    fn = find(args.function)
    specs = arguments(fn, args.args)
    wrt = argnums(fn, specs, args.wrt)
    text = standalone.module(fn, args.function.rpartition(":")[2].rpartition(".")[2], specs, wrt, names(args.disable))
    if args.output in (None, "-"):
        show(text)
    else:
        Path(args.output).write_text(text, encoding="utf-8")
    return 0


def check_command(args: argparse.Namespace) -> int:
    fn = find(args.function)
    inputs = draw(arguments(fn, args.args), args.seed, args.size)
    try:
        found = findings(fn, inputs, args.order, seed=args.seed)
    except AdcompilerError:
        raise
    except (ArithmeticError, LookupError, ValueError, AssertionError, RuntimeError) as error:
        if Path(traceback.extract_tb(error.__traceback__)[-1].filename).is_relative_to(Path(__file__).parent):
            raise  # ours, not the program's
        said, hint = f"{type(error).__name__}: {error}", "another --size or --seed"
        raise TypeMismatch(f"{fn.__name__} raised {said}, for the inputs drawn", hint=hint) from None
    worst = max(found, key=lambda f: f.severity)
    bad = [f for f in found if not f.right]
    print(f"{fn.__name__}: {len(found)} tests up to order {args.order}, {len(bad)} mismatches")
    print(f"worst: {worst}")
    return 1 if bad else 0


def ops(args: argparse.Namespace) -> int:
    print(describe.operations())
    return 0


def info(args: argparse.Namespace) -> int:
    print(describe.machine())
    return 0


def bench(args: argparse.Namespace) -> int:
    given = [*args.names, *(["--quick"] if args.quick else [])]
    given += [part for name in ("json", "without") if (value := getattr(args, name)) for part in (f"--{name}", value)]
    return suite.run(given)


def later(args: argparse.Namespace) -> int:
    raise UnsupportedFunction(f"adcompiler {args.command} is not built yet")


# The parser.
def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="adcompiler", description=__doc__, allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(run=run)
        return sub

    for name, run, text in (
        ("ir", ir, "the typed IR: the primal unless --mode says otherwise"),
        ("source", source, "the generated Python: the gradient unless --mode says otherwise"),
    ):
        sub = command(name, run, text)
        _function(sub)
        sub.add_argument("--mode", choices=TRANSFORMS, help="FUNC itself, its tangent, its gradient")
        stage = sub.add_mutually_exclusive_group()
        stage.add_argument("--after", metavar="PASS", help="the program after this pass (its last run)")
        stage.add_argument("--all-stages", action="store_true", help="the program after every pass")
        if name == "source":
            sub.add_argument("--kernel", action="store_true", help="what is compiled, instead of what is derived")
            sub.add_argument("--residuals", action="store_true", help="what is kept of the forward sweep, and why")
    sub = command("emit", emit, "a stand-alone module with FUNC, FUNC_grad and FUNC_value_and_grad")
    _function(sub)
    sub.add_argument("-o", "--output", metavar="OUT.py", help="the file to write; standard output without it")
    sub = command("check", check_command, "test both modes against differences and each other; status 1 on a mismatch")
    _function(sub, wrt=False)
    sub.add_argument("--order", type=int, default=1, help="derivatives up to this order (1)")
    sub.add_argument("--seed", type=int, default=0, help="of the inputs drawn (0)")
    sub.add_argument("--size", type=int, default=4, help="the length of every axis of the arrays drawn (4)")
    command("ops", ops, "every primitive: its derivative, what reverse mode keeps, where it runs")
    command("info", info, "versions, vector math, BLAS, threads, CUDA, MPI: what this machine has")
    sub = command("bench", bench, "the benchmark suite: our gradients, gradients by hand, JAX, PyTorch and autograd")
    sub.add_argument("names", nargs="*", metavar="NAME", help="of problems, as in gmm; all without it")
    sub.add_argument("--json", metavar="FILE", help="keep what was measured in a file")
    sub.add_argument("--quick", action="store_true", help="fewer rounds, and neither compile time nor memory")
    sub.add_argument("--without", metavar="NAMES", help="leave out, of: jax, torch, autograd, costs")
    for name, text in LATER.items():
        sub = command(name, later, f"{text} (not built yet)")
        sub.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
        sub.add_argument("-o", "--output", help=argparse.SUPPRESS)
    return top


def _function(sub: argparse.ArgumentParser, wrt: bool = True) -> None:
    sub.add_argument("function", metavar="FILE:FUNC", help="a function in a Python file, as in model.py:loss")
    sub.add_argument("--args", metavar="TYPES", help='types of its arguments: "f64[:,:], i64" (else annotations)')
    if wrt:
        sub.add_argument("--wrt", metavar="NAMES", help="arguments to differentiate, separated by commas")
        sub.add_argument("--disable", metavar="PASSES", help="passes to leave out, separated by commas")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 where `check` finds a mismatch, or 2 with the error on standard error."""
    args = parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:  # as in `adcompiler ir ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except GradientMismatch as error:
        print(f"GradientMismatch: {error}", file=sys.stderr)
        return 1
    except (AdcompilerError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except Exception:
        traceback.print_exc()
        print("adcompiler failed: this is a bug in adcompiler", file=sys.stderr)
        return 2
    return code
