"""Sums that do not drift: what a window and a running total say after many updates, beside the sum of the same numbers.

``python -m benchmarks.drift [--events N]``. The floats lie between 10^-9 and 10^9, of both signs, so that what is
added and taken away again in floats leaves something behind; this is shown beside. The last window's sum, and the sum
of everything, are compared to the bit with `math.fsum`, which rounds once.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time

import numpy as np

import cep

BLOCK, LAST = 1 << 18, 1000
RULES = f"""
stream S ordered by ts {{ ts: time(ns), n: int, f: float }}
rule Sliding from S over last {LAST} events having last(n) % {BLOCK} = {BLOCK - 1}
emit Sliding {{ s = sum(f), n = last(n) }}
rule Total from S over everything having last(n) % {BLOCK} = {BLOCK - 1}
emit Total {{ s = sum(f), n = last(n) }}
"""


def floats(block: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The numbers of a block."""
    rng = np.random.default_rng(block)
    drawn: np.ndarray[tuple[int], np.dtype[np.float64]] = rng.normal(size=BLOCK) * 10.0 ** rng.integers(-9, 10, BLOCK)
    return drawn


def drift(events: int) -> dict[str, float | int | bool]:
    """What has come of so many updates, in whole blocks."""
    blocks = max(events // BLOCK, 1)
    found: dict[str, tuple[float, int]] = {}
    begin, wrong = time.perf_counter(), 0
    added = np.float64(0.0)
    before = np.zeros(0)
    engine = cep.Engine(cep.loads(RULES))
    for block in range(blocks):
        values = floats(block)
        numbers = np.arange(block * BLOCK, (block + 1) * BLOCK)
        for piece in engine.send_batch("S", {"ts": numbers, "n": numbers, "f": values}):
            for row in piece.to_dicts():
                found[piece.schema.name] = row["s"], row["n"]
        left = np.concatenate([before, values])[: len(before) + BLOCK - LAST]
        added = np.cumsum(np.concatenate([[added], values]))[-1] - left.sum()
        before = values[-LAST:]
        wrong += found["Sliding"][0] != math.fsum(before)
    seconds = time.perf_counter() - begin
    whole = math.fsum(itertools.chain.from_iterable(floats(block).tolist() for block in range(blocks)))
    return {
        "updates": blocks * BLOCK,
        "windows that differ from fsum": wrong,
        "sum of everything is that of fsum": found["Total"] == (whole, blocks * BLOCK - 1),
        "drift of adding and taking away in floats": abs(float(added) - math.fsum(before)),
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.drift")
    parser.add_argument("--events", type=int, default=10**8)
    print(json.dumps(drift(parser.parse_args().events), indent=2))
