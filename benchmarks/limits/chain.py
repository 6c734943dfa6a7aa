"""Sequences of any length by hand: Q2's kernel with the steps in a loop, for any number of keys and any bound.

Runs that wait for the same step are a list for each key, newest first, as in `benchmarks.limits.q2`, whose loop this is
with the steps unrolled; all lists of a key lie beside each other, all values of a run too.
Invariant: numbers fall along a list; a number below ``head - ring`` stands for a run overwritten.
Cost: O(events) for the selection, vectorised; O(selected events + runs that move on).
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from benchmarks.limits.bits import in_order, select_dear
from benchmarks.stream import BATCH_ROWS

if TYPE_CHECKING:
    from benchmarks.stream import Ticks


class Runs(NamedTuple):
    """The ring of runs, [run, step] what they have bound, and [key, step] the newest run that waits for a step."""

    start: np.ndarray
    behind: np.ndarray
    bound: np.ndarray
    waits: np.ndarray


@njit(error_model="numpy", nogil=True)
def find_chains(batch, place, runs, words, rows, keys, out):
    """Match one batch; return what stopped it: 0 done, 1 the ring is too small, 2 time goes back.

    ``place`` is [time of the last event, number of the next run, results, selected row to begin with, the bound].
    """
    ts, key, letter, price = batch.ts, batch.key, batch.type, batch.price
    begin, head, found, bound = place[3], place[1], place[2], place[4]
    if begin == 0 and in_order(ts, place[0]) == 0:
        return 2
    steps = out.shape[1]
    selected = select_dear(letter, price, steps, 50.0, words, rows)
    ring = runs.start.size
    mask = ring - 1
    oldest = max(head - ring, 0)
    for x in range(begin, selected):
        i = rows[x]
        k = key[i]
        step = letter[i]
        now = ts[i]
        if step == 0:
            at = head & mask
            if now - runs.start[at] <= bound:
                place[1], place[2], place[3] = head, found, x
                return 1
            runs.start[at] = now
            runs.bound[at, 0] = price[i]
            runs.behind[at] = runs.waits[k, 0]
            runs.waits[k, 0] = head
            head += 1
            oldest = max(head - ring, 0)
            continue
        newest = run = runs.waits[k, step - 1]
        runs.waits[k, step - 1] = -1
        if step == steps - 1:
            while run >= oldest and now - runs.start[run & mask] <= bound:
                keys[found] = k
                for c in range(step):
                    out[found, c] = runs.bound[run & mask, c]
                out[found, step] = price[i]
                found += 1
                run = runs.behind[run & mask]
            continue
        alive = np.int64(-1)
        while run >= oldest and now - runs.start[run & mask] <= bound:
            runs.bound[run & mask, step] = price[i]
            alive = run
            run = runs.behind[run & mask]
        if alive >= 0:
            runs.behind[alive & mask] = runs.waits[k, step]
            runs.waits[k, step] = newest
    place[0], place[1], place[2], place[3] = ts[ts.size - 1], head, found, 0
    return 0


class Limit:
    """A chain over batches; room for ``events`` results is made beforehand. ``bound`` in milliseconds, inclusive."""

    def __init__(self, events: int, steps: int, keys: int, bound: int, ring: int = 1024) -> None:
        self._out, self._of = np.zeros((events + 1, steps)), np.zeros(events + 1, np.int32)
        self._words = np.zeros(BATCH_ROWS // 64 + 1, np.uint64)
        self._rows = np.zeros(BATCH_ROWS, np.int32)
        self._keys, self._bound, self._ring = keys, bound, ring
        self.reset()

    def reset(self) -> None:
        """Forget what was taken."""
        steps = self._out.shape[1]
        self._place = np.array([-(2**63), self._ring, 0, 0, self._bound], np.int64)
        never = np.full(self._ring, -(2**62), np.int64)
        waits = np.full((self._keys, steps - 1), -1, np.int64)
        self._runs = Runs(never, np.full(self._ring, -1, np.int64), np.zeros((self._ring, steps - 1)), waits)

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""
        while stopped := find_chains(batch, self._place, self._runs, self._words, self._rows, self._of, self._out):
            if stopped == 2:
                msg = "time goes back"
                raise ValueError(msg)
            self._double()

    def _double(self) -> None:
        old, head = self._runs, int(self._place[1])
        ring = old.start.size
        numbers = np.arange(head - ring, head)
        columns = []
        for column in old[:3]:
            wider = np.full((2 * ring, *column.shape[1:]), -(2**62) if column is old.start else -1, column.dtype)
            wider[numbers & (2 * ring - 1)] = column[numbers & (ring - 1)]
            columns.append(wider)
        # what had been overwritten before must not be taken for a run of the wider ring
        for links in (columns[1], old.waits):
            links[links < head - ring] = -1
        self._runs = Runs(*columns, old.waits)

    def close(self) -> None:
        """Nothing waits."""

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns."""
        size = self._place[2]
        return {"key": self._of[:size], **{f"p{c}": self._out[:size, c] for c in range(self._out.shape[1])}}
