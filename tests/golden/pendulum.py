import numpy as np


def pendulum_grad(angle, speed, dt, steps):
    """Gradient of pendulum with respect to angle and speed."""

    # forward sweep
    angle_tape = np.empty(max(steps, 0))
    for i in range(steps):
        angle_tape[i] = angle
        speed -= dt * np.sin(angle)
        angle += dt * speed

    # reverse sweep
    speed_bar = 0.0
    angle_bar = 1.0
    for i in range(steps - 1, -1, -1):  # for _ in range(steps):
        angle = angle_tape[i]
        speed_bar += angle_bar * dt  # angle = angle + dt * speed
        angle_bar -= speed_bar * dt * np.cos(angle)  # speed = speed - dt * math.sin(angle)
    return angle_bar, speed_bar
