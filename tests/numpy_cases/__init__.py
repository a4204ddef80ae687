"""Programs for every NumPy name, by what they do; importing this package fills the registry."""

from numpy_cases import elementwise, indexed, products, reducing, shaping, zero
from numpy_cases.registry import CASES, Case

__all__ = ["CASES", "Case", "elementwise", "indexed", "products", "reducing", "shaping", "zero"]
