"""Where captured values are read: as objects, so that another process can look at the same places again."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import getitem
from typing import Any

import numpy as np

from adcompiler.frontend.specs import spec_of

Reader = Callable[[], Any]


@dataclass(frozen=True, eq=False)
class Global:
    """A global name of a function."""

    function: types.FunctionType
    name: str

    def reader(self) -> Reader:
        return partial(getitem, self.function.__globals__, self.name)


@dataclass(frozen=True, eq=False)
class Cell:
    """A name that a function closes over."""

    function: types.FunctionType
    name: str

    def reader(self) -> Reader:
        cells = dict(zip(self.function.__code__.co_freevars, self.function.__closure__ or (), strict=True))
        return partial(getattr, cells[self.name], "cell_contents")


@dataclass(frozen=True, eq=False)
class Attribute:
    """An attribute of a module or class."""

    owner: Any
    name: str

    def reader(self) -> Reader:
        return partial(getattr, self.owner, self.name)


@dataclass(frozen=True, eq=False)
class Default:
    """The default of a function's parameter."""

    function: types.FunctionType
    name: str

    def reader(self) -> Reader:
        return partial(_default, self.function, self.name)


@dataclass(frozen=True, eq=False)
class Part:
    """A leaf of what is read at another place."""

    whole: Place
    k: int

    def reader(self) -> Reader:
        return partial(_part, self.whole.reader(), self.k)


@dataclass(frozen=True, eq=False)
class Structure:
    """The spec of what is read at another place."""

    whole: Place
    name: str

    def reader(self) -> Reader:
        return partial(_structure, self.whole.reader(), self.name)


Place = Global | Cell | Attribute | Default | Part | Structure


def _default(function: types.FunctionType, name: str) -> Any:
    return inspect.signature(function).parameters[name].default


def _part(read: Reader, k: int) -> Any:
    return flatten(read())[k]


def _structure(read: Reader, name: str) -> Any:
    return spec_of(read(), name)


def flatten(value: Any) -> list[Any]:
    """The leaves of a Python value, in the order of its spec's."""
    if isinstance(value, tuple):
        parts = list(value)
    elif isinstance(value, dict):
        parts = list(value.values())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, f.name) for f in dataclasses.fields(value)]
    else:
        return [value] if isinstance(value, np.ndarray | np.generic | bool | int | float) else []
    return [leaf for p in parts for leaf in flatten(p)]
