"""Many programs in a row: `python -m programs.campaign FIRST COUNT` prints what failed, sorted by its kind."""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter

from programs import Discard, Refused, check, program
from programs.choices import Choices


def kind(error: BaseException) -> str:
    """What a failure has in common with its like: class, message, and the innermost place of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [f for f in frames if "adcompiler/" in f.filename] or list(frames)
    text = str(error).splitlines()[0] if str(error) else ""
    return (
        f"{type(error).__name__} {text[:70]} | {mine[-1].filename.rsplit('/', 2)[-1]}:{mine[-1].lineno} {mine[-1].name}"
    )


def campaign(first: int, count: int, backend: int = 0, budget: float = 1e9) -> Counter:
    tally: Counter = Counter()
    examples: dict[str, list] = {}
    start = time.time()
    for seed in range(first, first + count):
        if time.time() - start > budget:
            break
        tally["programs"] += 1
        p = program(Choices.seeded(seed))
        try:
            for what in check(p, orders=1 + (seed % 5 == 0), compiled=bool(backend and seed % backend == 0)):
                tally[f"checked: {what}"] += 1
        except Discard:
            tally["discarded"] += 1
        except Refused as error:
            tally["refused"] += 1
            examples.setdefault(
                "refused " + str(error).splitlines()[-1][:60] + str(error).splitlines()[0][-90:], []
            ).append((len(p.text), seed))
        except Exception as error:
            tally["failed"] += 1
            print(f"seed {seed}: {kind(error)}", flush=True)
            examples.setdefault(kind(error), []).append((len(p.text), seed))
    tally["seconds"] = int(time.time() - start)
    for name, seeds in sorted(examples.items(), key=lambda item: -len(item[1])):
        print(f"{len(seeds):5d} {name}   smallest seeds {[s for _, s in sorted(seeds)[:3]]}")
    for name, n in tally.items():
        print(f"{name}: {n}")
    return tally


if __name__ == "__main__":
    campaign(*map(int, sys.argv[1:]))
