"""Differentiable kernels for learning, written in the language that adcompiler compiles: optimizers of first order
(`optim`, `schedules`, `clip`) and those that use curvature (`second_order`, `newton`, `lissa`, with the line searches
of `search`), parameters as vectors (`flat`), weights to begin with (`init`), layers (`layers`, `recurrent`,
`activations`, `losses`, `scores` of densities), numbers in few bits (`precision`), arrays of random numbers (`noise`),
the trainer (`train`), random search (`hyper`). Each is a plain Python function; inside `ad.jit` it is compiled with the
program around it."""
