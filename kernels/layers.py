"""Layers of networks: functions of arrays with one example per row (first axis)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import adcompiler as ad
from adcompiler.kernels.noise import uniforms


def linear(x: Any, weights: Any, bias: Any) -> Any:
    """x @ weights + bias: (n, inputs), (inputs, outputs), (outputs,) -> (n, outputs)"""
    return x @ weights + bias


# Convolutions, which are correlations: the kernel is not turned round.
def convolve1d(x: Any, kernels: Any, bias: Any, stride: int = 1, padding: int = 0) -> Any:
    """(n, inputs, length), (outputs, inputs, width), (outputs,) -> (n, outputs, (length + 2 padding - width) // stride
    + 1); `padding` zeros on either side."""
    n, channels, length = x.shape
    outputs, _, width = kernels.shape
    space = np.zeros((n, channels, length + 2 * padding), dtype=x.dtype)
    space[:, :, padding : padding + length] = x
    count = (length + 2 * padding - width) // stride + 1
    patches = np.empty((n, count, channels, width), dtype=x.dtype)
    for k in range(width):
        patches[:, :, :, k] = np.transpose(space[:, :, k : k + stride * (count - 1) + 1 : stride], (0, 2, 1))
    flat = patches.reshape(n * count, channels * width) @ kernels.reshape(outputs, channels * width).T + bias
    return np.transpose(flat.reshape(n, count, outputs), (0, 2, 1))


def convolve2d(x: Any, kernels: Any, bias: Any, stride: int = 1, padding: int = 0) -> Any:
    """(n, inputs, height, width), (outputs, inputs, a, b), (outputs,) -> (n, outputs, height', width') with height' =
    (height + 2 padding - a) // stride + 1 and width' alike. One product of matrices over all patches."""
    n, channels, height, width = x.shape
    outputs, _, a, b = kernels.shape
    space = np.zeros((n, channels, height + 2 * padding, width + 2 * padding), dtype=x.dtype)
    space[:, :, padding : padding + height, padding : padding + width] = x
    rows, columns = (height + 2 * padding - a) // stride + 1, (width + 2 * padding - b) // stride + 1
    patches = np.empty((n, rows, columns, channels, a, b), dtype=x.dtype)
    for k in range(a):
        for l in range(b):
            part = space[:, :, k : k + stride * (rows - 1) + 1 : stride, l : l + stride * (columns - 1) + 1 : stride]
            patches[:, :, :, :, k, l] = np.transpose(part, (0, 2, 3, 1))
    size = channels * a * b
    flat = patches.reshape(n * rows * columns, size) @ kernels.reshape(outputs, size).T + bias
    return np.transpose(flat.reshape(n, rows, columns, outputs), (0, 3, 1, 2))


def max_pool1d(x: Any, size: int) -> Any:
    """The largest of each `size` in turn: (n, c, length) -> (n, c, length // size); what is left over at the end has no
    part in it."""
    n, c, length = x.shape
    count = length // size
    return np.max(x[:, :, : count * size].reshape(n, c, count, size), axis=3)


def mean_pool1d(x: Any, size: int) -> Any:
    """The mean of each `size` in turn: as `max_pool1d`."""
    n, c, length = x.shape
    count = length // size
    return np.sum(x[:, :, : count * size].reshape(n, c, count, size), axis=3) / size


def max_pool2d(x: Any, size: int) -> Any:
    """The largest of each square of `size` by `size`: (n, c, h, w) -> (n, c, h // size, w // size); what is left over
    at the edges has no part in it."""
    n, c, h, w = x.shape
    rows, columns = h // size, w // size
    cut = x[:, :, : rows * size, : columns * size].reshape(n, c, rows, size, columns, size)
    return np.max(np.max(cut, axis=5), axis=3)


def mean_pool2d(x: Any, size: int) -> Any:
    """The mean of each square: as `max_pool2d`."""
    n, c, h, w = x.shape
    rows, columns = h // size, w // size
    cut = x[:, :, : rows * size, : columns * size].reshape(n, c, rows, size, columns, size)
    return np.sum(np.sum(cut, axis=5), axis=3) / (size * size)


# Normalization.
class Running(NamedTuple):
    """Running mean and variance of each feature: `Running(np.zeros(d), np.ones(d))` to begin with."""

    mean: Any
    variance: Any


def batch_norm(x: Any, gamma: Any, beta: Any, running: Running, rate: Any = 0.1, eps: Any = 1e-5) -> Any:
    """(y, running): each feature (column) with mean 0 and variance 1 over the batch, then times gamma plus beta (Ioffe
    and Szegedy 2015). y takes the biased variance, the running one the unbiased, as PyTorch has it; gradients do not
    flow into the running values."""
    n = x.shape[0]
    mean = np.mean(x, axis=0)
    variance = np.mean((x - mean) ** 2, axis=0)
    y = (x - mean) / np.sqrt(variance + eps) * gamma + beta
    now = ad.stop_gradient(mean), ad.stop_gradient(variance) * (n / (n - 1))
    kept = Running(
        (1.0 - rate) * running.mean + rate * now[0],
        (1.0 - rate) * running.variance + rate * now[1],
    )
    return y, kept


def batch_norm_fixed(x: Any, gamma: Any, beta: Any, running: Running, eps: Any = 1e-5) -> Any:
    """What batch_norm is when training is over: by the running mean and variance."""
    return (x - running.mean) / np.sqrt(running.variance + eps) * gamma + beta


def layer_norm(x: Any, gamma: Any, beta: Any, eps: Any = 1e-5) -> Any:
    """Each row with mean 0 and (biased) variance 1, then times gamma plus beta (Ba et al. 2016)."""
    centered = x - np.mean(x, axis=1, keepdims=True)
    return centered / np.sqrt(np.mean(centered**2, axis=1, keepdims=True) + eps) * gamma + beta


# Noise.
def dropout_mask(key: int, shape: tuple[int, ...], rate: Any, dtype: Any = np.float64) -> Any:
    """0 with probability `rate`, else 1 / (1 - rate): a function of the key, so the reverse sweep sees the same one."""
    return ((uniforms(key, shape) >= rate) / (1.0 - rate)).astype(dtype)


def dropout(x: Any, key: int, rate: Any) -> Any:
    """Each element is dropped with probability `rate`; the others grow by 1 / (1 - rate), so that none of this is
    needed when training is over (Srivastava et al. 2014, inverted)."""
    return x * dropout_mask(key, x.shape, rate, x.dtype)
