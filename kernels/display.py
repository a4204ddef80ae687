"""What people look at while a program trains, and afterwards: a progress bar and a picture of the losses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

EVERY = 0.1  # seconds between two looks at the counter


@contextmanager
def watched(counter: np.ndarray, total: int, wanted: bool = True) -> Iterator[None]:
    """A bar that follows `counter[0]`, which compiled code counts up: a thread looks at it ten times a second."""
    if not wanted:
        yield
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError("a progress bar needs tqdm: pip install adcompiler[viz]") from error
    done, start = threading.Event(), int(counter[0])
    bar = tqdm(total=total, unit="step")

    def look() -> None:
        more = int(counter[0]) - start - bar.n
        if more:
            bar.update(more)

    def follow() -> None:
        while not done.wait(EVERY):
            look()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        look()
        bar.close()


def picture(losses: np.ndarray, path: Any, best: int | None = None) -> None:
    """Save the losses of a run, float64[epochs, 2], as a picture; `best` marks an epoch. Needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("a picture needs matplotlib: pip install adcompiler[viz]") from error
    figure = Figure(figsize=(6.0, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(losses[:, 0], label="training")
    axes.plot(losses[:, 1], label="validation")
    if best is not None:
        axes.axvline(best, color="gray", linewidth=0.8, linestyle=":", label="best")
    axes.set(xlabel="epoch", ylabel="loss", yscale="log" if np.all(losses > 0.0) else "linear")
    axes.legend()
    figure.savefig(path)
