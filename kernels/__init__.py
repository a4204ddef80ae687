"""Differentiable kernels for learning, written in the language that adcompiler compiles: optimizers, schedules,
clipping, the trainer. Each is a plain Python function; inside `ad.jit` it is compiled with the program around it."""
