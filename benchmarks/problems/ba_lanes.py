"""ba's residuals and Jacobian blocks as an expert tunes them: strips of observations side by side, sine and cosine as
vectors, each strip's blocks transposed while they are in the cache.

The strides of a strip's rows have to be constants where LLVM sees them, or it can't tell the rows apart."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.problem import fast, fast_part
from benchmarks.vector import sincos

LANES = 16


@fast_part
def back(q0, q1, p0, p1, depth, v0, v1, v2, x0, x1, x2, s, c, de, inverse, a0, a1, a2):
    """From the adjoint of one image coordinate's pair to those of point and rotation."""
    q0, q1 = q0 * depth, q1 * depth
    q2 = -(q0 * p0 + q1 * p1)
    along = (1.0 - c) * (v0 * q0 + v1 * q1 + v2 * q2)
    g0 = q0 * c + s * (q1 * v2 - q2 * v1) + v0 * along
    g1 = q1 * c + s * (q2 * v0 - q0 * v2) + v1 * along
    g2 = q2 * c + s * (q0 * v1 - q1 * v0) + v2 * along
    h0 = s * (x1 * q2 - x2 * q1) + de * q0 + along * x0
    h1 = s * (x2 * q0 - x0 * q2) + de * q1 + along * x1
    h2 = s * (x0 * q1 - x1 * q0) + de * q2 + along * x2
    push = a0 * q0 + a1 * q1 + a2 * q2 - (h0 * v0 + h1 * v1 + h2 * v2) * inverse
    return g0, g1, g2, h0 * inverse + v0 * push, h1 * inverse + v1 * push, h2 * inverse + v2 * push


@fast_part
def chain(given, block):
    """Of a strip: the 2 x 15 blocks and the two residuals, one row each, from rows of camera, point, weight and
    feature."""
    for k in range(LANES):
        r0, r1, r2 = given[0, k], given[1, k], given[2, k]
        x0, x1, x2 = given[11, k] - given[3, k], given[12, k] - given[4, k], given[13, k] - given[5, k]
        f, k1, k2, w = given[6, k], given[9, k], given[10, k], given[14, k]
        square = r0 * r0 + r1 * r1 + r2 * r2
        inverse = 1.0 / math.sqrt(square)
        v0, v1, v2 = r0 * inverse, r1 * inverse, r2 * inverse
        s, c = sincos(square * inverse)
        dot = v0 * x0 + v1 * x1 + v2 * x2
        c0, c1, c2 = v1 * x2 - v2 * x1, v2 * x0 - v0 * x2, v0 * x1 - v1 * x0
        de = dot * (1.0 - c)
        y0, y1, y2 = x0 * c + c0 * s + v0 * de, x1 * c + c1 * s + v1 * de, x2 * c + c2 * s + v2 * de
        depth = 1.0 / y2
        p0, p1 = y0 * depth, y1 * depth
        square = p0 * p0 + p1 * p1
        stretch = 1.0 + square * (k1 + k2 * square)
        wf = w * f
        slope = wf * 2.0 * (k1 + 2.0 * k2 * square)
        j00, j01, j11 = wf * stretch + slope * p0 * p0, slope * p0 * p1, wf * stretch + slope * p1 * p1
        e0 = p0 * stretch * f + given[7, k] - given[15, k]
        e1 = p1 * stretch * f + given[8, k] - given[16, k]
        block[30, k], block[31, k] = w * e0, w * e1
        block[6, k], block[21, k] = w * p0 * stretch, w * p1 * stretch
        block[7, k], block[8, k], block[22, k], block[23, k] = w, 0.0, 0.0, w
        block[9, k], block[24, k] = wf * p0 * square, wf * p1 * square
        block[10, k], block[25, k] = wf * p0 * square * square, wf * p1 * square * square
        block[14, k], block[29, k] = e0, e1
        a0, a1, a2 = c0 * c + (v0 * dot - x0) * s, c1 * c + (v1 * dot - x1) * s, c2 * c + (v2 * dot - x2) * s
        g0, g1, g2, h0, h1, h2 = back(j00, j01, p0, p1, depth, v0, v1, v2, x0, x1, x2, s, c, de, inverse, a0, a1, a2)
        block[0, k], block[1, k], block[2, k] = h0, h1, h2
        block[3, k], block[4, k], block[5, k] = -g0, -g1, -g2
        block[11, k], block[12, k], block[13, k] = g0, g1, g2
        g0, g1, g2, h0, h1, h2 = back(j01, j11, p0, p1, depth, v0, v1, v2, x0, x1, x2, s, c, de, inverse, a0, a1, a2)
        block[15, k], block[16, k], block[17, k] = h0, h1, h2
        block[18, k], block[19, k], block[20, k] = -g0, -g1, -g2
        block[26, k], block[27, k], block[28, k] = g0, g1, g2


@fast
def strips(cameras, points, weights, features, observations):
    """All observations; where a camera isn't turned at all, the block holds nan."""
    p = len(weights)
    out, blocks = np.empty((p, 2)), np.empty((p, 2, 15))
    errors, errors_by = np.empty(p), np.empty(p)
    given, block = np.zeros((17, LANES)), np.empty((32, LANES))
    given[13] = 1.0
    for start in range(0, p, LANES):
        size = min(LANES, p - start)
        for k in range(size):
            camera, point = cameras[observations[start + k, 0]], points[observations[start + k, 1]]
            for j in range(11):
                given[j, k] = camera[j]
            for j in range(3):
                given[11 + j, k] = point[j]
            given[14, k] = weights[start + k]
            given[15, k], given[16, k] = features[start + k, 0], features[start + k, 1]
        chain(given, block)
        for k in range(size):
            for j in range(15):
                blocks[start + k, 0, j] = block[j, k]
                blocks[start + k, 1, j] = block[15 + j, k]
            out[start + k, 0], out[start + k, 1] = block[30, k], block[31, k]
    for i in range(p):
        errors[i] = 1.0 - weights[i] * weights[i]
        errors_by[i] = -2.0 * weights[i]
    return out, blocks, errors, errors_by
