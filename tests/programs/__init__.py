"""Random whole programs: restricted Python as text, run by Python and by everything that adcompiler makes of it."""

from programs.module import program
from programs.oracle import Discard, Refused, check
from programs.program import Program

__all__ = ["Discard", "Program", "Refused", "check", "program"]
