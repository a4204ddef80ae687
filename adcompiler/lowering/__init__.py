"""Lowering: whole-array ops become loop nests over elements, for what is compiled.

    %a: f64[n] = mul %x, %x               %s: f64 = for %i in 0..%n with (%acc: f64 = 0.0) {
    %b: f64[n] = sin %a                     %t: f64 = load %x[%i], safe=True
    %s: f64 = sum %b               ->       %a: f64 = mul %t, %t
                                            %b: f64 = sin %a
                                            %u: f64 = add %acc, %b
                                            yield %u
                                          }

Products and whatever has no rule for its elements stay calls. The order of the modules: `plan` decides what is
computed inside the loops of its reader and never becomes memory, `order` which loops are run as one nest, and when;
`nest` builds the loops, `elements` the scalars in them, `sizes` the extents.
"""

from adcompiler.lowering.lower import lower

__all__ = ["lower"]
