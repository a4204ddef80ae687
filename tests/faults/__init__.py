"""Faults planted into the compiler, one at a time: the suite has to notice each (`make faults`)."""

from __future__ import annotations

from faults.analyses import ANALYSES
from faults.arrays import ARRAYS
from faults.backends import BACKENDS
from faults.fault import Fault
from faults.frontend import FRONTEND
from faults.passes import PASSES
from faults.rules import RULES
from faults.speed import SPEED
from faults.transforms import TRANSFORMS
from faults.vectors import VECTORS

__all__ = ["FAULTS", "Fault"]

FAULTS: tuple[Fault, ...] = (*RULES, *ARRAYS, *TRANSFORMS, *ANALYSES, *PASSES, *FRONTEND, *BACKENDS, *VECTORS, *SPEED)
