"""adcompiler."""
