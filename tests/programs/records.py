"""Structures that random programs use: a number and an array in a dict, a dataclass, a named tuple, a tuple."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


@dataclass
class State:
    p: float
    v: np.ndarray


class Point(NamedTuple):
    p: float
    v: np.ndarray


@dataclass(frozen=True)
class Form:
    """A structure as text: how it is built, how its parts are read, and whether they can be replaced."""

    build: str
    number: str
    array: str
    mutable: bool


FORMS = {
    "dict": Form('{{"p": {0}, "v": {1}}}', '{0}["p"]', '{0}["v"]', True),
    "State": Form("State({0}, {1})", "{0}.p", "{0}.v", True),
    "Point": Form("Point({0}, {1})", "{0}.p", "{0}.v", False),
    "nested": Form('{{"s": State({0}, {1})}}', '{0}["s"].p', '{0}["s"].v', True),
    "tuple": Form("({0}, {1})", "{0}[0]", "{0}[1]", False),
}
# With another number and the same array.
REPLACED = {"State": "replace({0}, p={1})", "Point": "{0}._replace(p={1})"}


def built(form: str, number: float, array: np.ndarray) -> Any:
    """A structure of this form."""
    return eval(FORMS[form].build.format("p", "v"), {"State": State, "Point": Point, "p": number, "v": array})
