"""Differentiable kernels for learning, written in the language that adcompiler compiles: optimizers, schedules,
clipping, weights to begin with, layers, activations, losses, the trainer. Each is a plain Python function; inside
`ad.jit` it is compiled with the program around it."""
