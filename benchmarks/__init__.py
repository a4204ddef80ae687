"""The benchmark suite: programs in our language against gradients written by hand and the field's other tools."""
