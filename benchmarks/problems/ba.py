"""ADBench's ba, bundle adjustment: residuals of all observations and their sparse Jacobian. Srajer et al. 2018, 4.2.

Of each observation the residual and its 2 x 15 block (camera 11, point 3, weight 1), and the weight's error with its
derivative."""

from __future__ import annotations

import math

import numpy as np

import adcompiler as ad
from benchmarks import peers
from benchmarks.adbench import ba_file
from benchmarks.problem import Ours, Problem, fast, plain, plain_part
from benchmarks.problems.ba_lanes import strips


def rotate(r, x):
    """x turned about the axis r by the angle |r|: Rodrigues."""
    square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2]
    if square == 0.0:
        return x + np.cross(r, x)
    angle = math.sqrt(square)
    v = r / angle
    c, s = math.cos(angle), math.sin(angle)
    return x * c + np.cross(v, x) * s + v * (np.dot(v, x) * (1.0 - c))


def residual(camera, point, weight, feature):
    """The weighted distance of a point's image from where it was seen. camera: rotation, centre, focal length,
    principal point, two coefficients of radial distortion."""
    seen = rotate(camera[:3], point - camera[3:6])
    image = seen[:2] / seen[2]
    square = image[0] * image[0] + image[1] * image[1]
    image = image * (1.0 + camera[9] * square + camera[10] * square * square)
    return weight * (image * camera[6] + camera[7:9] - feature)


@ad.jit
def values(cameras, points, weights, features, observations):
    out = np.zeros((len(weights), 2))
    for i in range(len(weights)):
        camera, point = cameras[observations[i, 0]], points[observations[i, 1]]
        out[i] = residual(camera, point, weights[i], features[i])
    return out, 1.0 - weights**2


@ad.jit
def blocks(cameras, points, weights, features, observations):
    p = len(weights)
    out, block = np.zeros((p, 2)), np.zeros((p, 2, 15))
    for i in range(p):
        camera, point = cameras[observations[i, 0]], points[observations[i, 1]]
        out[i] = residual(camera, point, weights[i], features[i])
        by_camera, by_point, by_weight = ad.jacobian(residual, argnums=(0, 1, 2))(
            camera, point, weights[i], features[i]
        )
        block[i, :, :11] = by_camera
        block[i, :, 11:14] = by_point
        block[i, :, 14] = by_weight
    return out, block, 1.0 - weights**2, -2.0 * weights


@plain_part
def turned(r0, r1, r2, x0, x1, x2):
    """Rodrigues by hand: the turned point, the axis, sine and cosine of the angle and its inverse."""
    square = r0 * r0 + r1 * r1 + r2 * r2
    if square == 0.0:
        y0, y1, y2 = x0 + r1 * x2 - r2 * x1, x1 + r2 * x0 - r0 * x2, x2 + r0 * x1 - r1 * x0
        return y0, y1, y2, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0
    inverse = 1.0 / math.sqrt(square)
    angle = square * inverse
    v0, v1, v2 = r0 * inverse, r1 * inverse, r2 * inverse
    s, c = math.sin(angle), math.cos(angle)
    along = (v0 * x0 + v1 * x1 + v2 * x2) * (1.0 - c)
    y0 = x0 * c + (v1 * x2 - v2 * x1) * s + v0 * along
    y1 = x1 * c + (v2 * x0 - v0 * x2) * s + v1 * along
    y2 = x2 * c + (v0 * x1 - v1 * x0) * s + v2 * along
    return y0, y1, y2, v0, v1, v2, s, c, inverse


@plain
def objective(cameras, points, weights, features, observations):
    p = len(weights)
    out, errors = np.empty((p, 2)), np.empty(p)
    for i in range(p):
        camera, point = cameras[observations[i, 0]], points[observations[i, 1]]
        x0, x1, x2 = point[0] - camera[3], point[1] - camera[4], point[2] - camera[5]
        y0, y1, y2, _, _, _, _, _, _ = turned(camera[0], camera[1], camera[2], x0, x1, x2)
        p0, p1 = y0 / y2, y1 / y2
        square = p0 * p0 + p1 * p1
        stretch = 1.0 + camera[9] * square + camera[10] * square * square
        w = weights[i]
        out[i, 0] = w * (p0 * stretch * camera[6] + camera[7] - features[i, 0])
        out[i, 1] = w * (p1 * stretch * camera[6] + camera[8] - features[i, 1])
        errors[i] = 1.0 - w * w
    return out, errors


@plain_part
def by_axis_and_point(v0, v1, v2, s, c, inverse, x0, x1, x2, turn, by_axis):
    """The derivatives of the turned point by the point (the rotation itself), and by the axis r = angle v."""
    e = 1.0 - c
    dot = v0 * x0 + v1 * x1 + v2 * x2
    turn[0, 0], turn[0, 1], turn[0, 2] = c + e * v0 * v0, e * v0 * v1 - s * v2, e * v0 * v2 + s * v1
    turn[1, 0], turn[1, 1], turn[1, 2] = e * v1 * v0 + s * v2, c + e * v1 * v1, e * v1 * v2 - s * v0
    turn[2, 0], turn[2, 1], turn[2, 2] = e * v2 * v0 - s * v1, e * v2 * v1 + s * v0, c + e * v2 * v2
    if inverse == 0.0:  # of x + r x x, the axis itself being 0
        by_axis[0, 0], by_axis[0, 1], by_axis[0, 2] = 0.0, x2, -x1
        by_axis[1, 0], by_axis[1, 1], by_axis[1, 2] = -x2, 0.0, x0
        by_axis[2, 0], by_axis[2, 1], by_axis[2, 2] = x1, -x0, 0.0
        return
    # By v, then from v = r / angle: what changes its direction, divided by the angle, and the angle along v.
    by_axis[0, 0], by_axis[0, 1], by_axis[0, 2] = e * (dot + v0 * x0), s * x2 + e * v0 * x1, -s * x1 + e * v0 * x2
    by_axis[1, 0], by_axis[1, 1], by_axis[1, 2] = -s * x2 + e * v1 * x0, e * (dot + v1 * x1), s * x0 + e * v1 * x2
    by_axis[2, 0], by_axis[2, 1], by_axis[2, 2] = s * x1 + e * v2 * x0, -s * x0 + e * v2 * x1, e * (dot + v2 * x2)
    c0, c1, c2 = v1 * x2 - v2 * x1, v2 * x0 - v0 * x2, v0 * x1 - v1 * x0
    by_angle = (c0 * c + (v0 * dot - x0) * s, c1 * c + (v1 * dot - x1) * s, c2 * c + (v2 * dot - x2) * s)
    for a in range(3):
        g0, g1, g2 = by_axis[a, 0], by_axis[a, 1], by_axis[a, 2]
        along = by_angle[a] - (g0 * v0 + g1 * v1 + g2 * v2) * inverse
        by_axis[a, 0], by_axis[a, 1] = g0 * inverse + v0 * along, g1 * inverse + v1 * along
        by_axis[a, 2] = g2 * inverse + v2 * along


@plain_part
def image_block(camera, w, feature, y0, y1, y2, turn, by_axis, out, block):
    """One observation's residual and block, from the turned point and its derivatives."""
    p0, p1 = y0 / y2, y1 / y2
    square = p0 * p0 + p1 * p1
    k1, k2, f = camera[9], camera[10], camera[6]
    stretch = 1.0 + k1 * square + k2 * square * square
    out[0] = w * (p0 * stretch * f + camera[7] - feature[0])
    out[1] = w * (p1 * stretch * f + camera[8] - feature[1])
    slope = 2.0 * (k1 + 2.0 * k2 * square)
    for a in range(2):
        pa = p0 if a == 0 else p1
        row = block[a]
        q0 = w * f * (slope * pa * p0 + (stretch if a == 0 else 0.0)) / y2
        q1 = w * f * (slope * pa * p1 + (stretch if a == 1 else 0.0)) / y2
        q2 = -(q0 * p0 + q1 * p1)
        for b in range(3):
            row[b] = q0 * by_axis[0, b] + q1 * by_axis[1, b] + q2 * by_axis[2, b]
            by_point = q0 * turn[0, b] + q1 * turn[1, b] + q2 * turn[2, b]
            row[3 + b] = -by_point
            row[11 + b] = by_point
        row[6] = w * pa * stretch
        row[7], row[8] = (w, 0.0) if a == 0 else (0.0, w)
        row[9] = w * f * pa * square
        row[10] = w * f * pa * square * square
        row[14] = pa * stretch * f + camera[7 + a] - feature[a]


@plain
def by_hand(cameras, points, weights, features, observations):
    """The chain of derivatives: of the turned point by rotation and point, of the image by the turned point."""
    p = len(weights)
    out, block = np.empty((p, 2)), np.empty((p, 2, 15))
    errors, errors_by = np.empty(p), np.empty(p)
    turn, by_axis = np.empty((3, 3)), np.empty((3, 3))
    for i in range(p):
        camera, point = cameras[observations[i, 0]], points[observations[i, 1]]
        x0, x1, x2 = point[0] - camera[3], point[1] - camera[4], point[2] - camera[5]
        y0, y1, y2, v0, v1, v2, s, c, inverse = turned(camera[0], camera[1], camera[2], x0, x1, x2)
        by_axis_and_point(v0, v1, v2, s, c, inverse, x0, x1, x2, turn, by_axis)
        image_block(camera, weights[i], features[i], y0, y1, y2, turn, by_axis, out[i], block[i])
        errors[i] = 1.0 - weights[i] * weights[i]
        errors_by[i] = -2.0 * weights[i]
    return out, block, errors, errors_by


@fast
def best(cameras, points, weights, features, observations):
    """Strips of observations; those of cameras that aren't turned at all one by one."""
    out, block, errors, errors_by = strips(cameras, points, weights, features, observations)
    for c in range(len(cameras)):
        if cameras[c, 0] == 0.0 and cameras[c, 1] == 0.0 and cameras[c, 2] == 0.0:
            for i in range(len(weights)):
                if observations[i, 0] == c:
                    now = slice(i, i + 1)
                    one, one_block, _, _ = by_hand(cameras, points, weights[now], features[now], observations[now])
                    out[i], block[i] = one[0], one_block[0]
    return out, block, errors, errors_by


def in_jax(np):
    import jax

    def rotated(r, x):
        square = r @ r
        safe = np.where(square == 0.0, 1.0, square)
        angle = np.sqrt(safe)
        v = r / angle
        c, s = np.cos(angle), np.sin(angle)
        turned = x * c + np.cross(v, x) * s + v * (v @ x) * (1.0 - c)
        return np.where(square == 0.0, x + np.cross(r, x), turned)

    def residual(camera, point, weight, feature):
        seen = rotated(camera[:3], point - camera[3:6])
        image = seen[:2] / seen[2]
        square = image @ image
        image = image * (1.0 + camera[9] * square + camera[10] * square * square)
        return weight * (image * camera[6] + camera[7:9] - feature)

    def one(camera, point, weight, feature):
        return residual(camera, point, weight, feature), jax.jacrev(residual, (0, 1, 2))(camera, point, weight, feature)

    def blocks(cameras, points, weights, features, observations):
        given = cameras[observations[:, 0]], points[observations[:, 1]], weights, features
        out, (by_camera, by_point, by_weight) = jax.vmap(one)(*given)
        block = np.concatenate([by_camera, by_point, by_weight[:, :, None]], axis=2)
        return out, block, 1.0 - weights**2, -2.0 * weights

    return blocks


def inputs(n, m, p):
    rng = np.random.default_rng(0)
    cameras, points = rng.standard_normal((n, 11)), rng.standard_normal((m, 3)) + np.array([0.0, 0.0, 5.0])
    cameras[0, :3] = 0.0
    which = np.arange(p)
    observations = np.stack([which % n, which % m], axis=1)
    return cameras, points, rng.random(p), rng.standard_normal((p, 2)), observations


PROBLEM = Problem(
    name="ba",
    text=__doc__,
    ours={"loops": Ours(blocks, values)},
    sizes={"31843": lambda: ba_file("n49 m7776 p31843")},
    small=lambda: inputs(3, 5, 7),
    objective=objective,
    plain=by_hand,
    best=best,
    peers={"jax": peers.jax_function(in_jax)},
)
