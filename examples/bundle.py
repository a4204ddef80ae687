"""Bundle adjustment of a small scene: cameras and points from what the cameras saw, by Gauss and Newton.

Each camera has a rotation (a vector along its axis, as long as its angle: Rodrigues' formula), a place and a focal
length; each point is seen by each camera, with noise. The residuals are loops over observations, written as one would
without thinking of derivatives; `ad.jacobian` differentiates them by everything at once. The scene is known up to its
place, direction and size, which the damping of Levenberg and Marquardt leaves as they were at the start.
"""

from __future__ import annotations

import math

import numpy as np

import adcompiler as ad

CAMERA = 7  # numbers of a camera: rotation (3), place (3), focal length


def rotated(axis, x):
    """x turned about the axis by the axis' length."""
    angle2 = np.dot(axis, axis)
    if angle2 > 1e-30:
        angle = math.sqrt(angle2)
        unit = axis / angle
        return (
            x * math.cos(angle) + np.cross(unit, x) * math.sin(angle) + unit * np.dot(unit, x) * (1.0 - math.cos(angle))
        )
    return x + np.cross(axis, x)


def residuals(scene, cameras, points, seen):
    """Where each camera sees each point, less where it saw it. scene: the cameras, then the points, flat."""
    out = np.empty((cameras, points, 2))
    for c in range(cameras):
        camera = scene[CAMERA * c : CAMERA * c + 7]
        for p in range(points):
            start = CAMERA * cameras + 3 * p
            x = rotated(camera[:3], scene[start : start + 3] - camera[3:6])
            out[c, p, 0] = camera[6] * x[0] / x[2] - seen[c, p, 0]
            out[c, p, 1] = camera[6] * x[1] / x[2] - seen[c, p, 1]
    return out.ravel()


error = ad.jit(residuals)
jacobian = ad.jacobian(residuals)


def adjusted(scene, cameras, points, seen, steps=50):
    """The scene with the least squares of residuals, and the root of their mean square after each step."""
    damping, r = 1e-3, error(scene, cameras, points, seen)
    history = [float(np.sqrt(np.mean(r * r)))]
    for _ in range(steps):
        j = jacobian(scene, cameras, points, seen)
        normal = j.T @ j
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -j.T @ r)
        after = error(scene + step, cameras, points, seen)
        better = after @ after < r @ r
        done = better and r @ r - after @ after < 1e-12 * (r @ r)
        scene, r, damping = (scene + step, after, damping / 10.0) if better else (scene, r, damping * 10.0)
        history.append(float(np.sqrt(np.mean(r * r))))
        if done:
            break
    return scene, history


def room(cameras=4, points=25, noise=1e-3, seed=0):
    """Cameras in a row that look at a cloud of points: the true scene, and what they see."""
    rng = np.random.default_rng(seed)
    places = np.stack([np.linspace(-2.0, 2.0, cameras), 0.3 * rng.normal(size=cameras), np.full(cameras, -6.0)], axis=1)
    turns = 0.1 * rng.normal(size=(cameras, 3))
    poses = np.concatenate([turns, places, np.ones((cameras, 1))], axis=1)
    scene = np.concatenate([poses.ravel(), rng.normal(size=3 * points)])
    seen = error(scene, cameras, points, np.zeros((cameras, points, 2))).reshape(cameras, points, 2)
    return scene, seen + noise * rng.normal(size=seen.shape)


def main() -> tuple[float, float]:
    """Print the course; returns the first and the last root mean square of residuals, in units of the noise."""
    noise = 1e-3
    truth, seen = room(noise=noise)
    start = truth + 0.05 * np.random.default_rng(1).normal(size=truth.shape)
    _, history = adjusted(start, *seen.shape[:2], seen)
    print(f"{seen.shape[0]} cameras, {seen.shape[1]} points, {truth.size} unknowns, {seen.size} observations")
    for k, value in enumerate(history):
        print(f"step {k:2}: root mean square {value / noise:10.4f} times the noise")
    return history[0] / noise, history[-1] / noise


if __name__ == "__main__":
    main()
