"""The frontend: restricted Python in, typed structured SSA IR out."""

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.frontend.convert import Capture, Outer
from adcompiler.frontend.lower import Lowered, lower
from adcompiler.frontend.specs import parse_specs, spec_of, specs_from_annotations

__all__ = ["Capture", "Lowered", "Outer", "lower", "parse_specs", "spec_of", "specs_from_annotations"]
