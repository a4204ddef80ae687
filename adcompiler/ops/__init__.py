"""The op table's entries; importing this package fills adcompiler.ir.table.OPS."""

from adcompiler.ir.table import OPS
from adcompiler.ops import array, custom, decisions, einsum, indexed, linalg, memory, random, scalar, special

__all__ = [
    "OPS",
    "array",
    "custom",
    "decisions",
    "einsum",
    "indexed",
    "linalg",
    "memory",
    "random",
    "scalar",
    "special",
]
