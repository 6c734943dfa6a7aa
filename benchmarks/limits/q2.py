"""Q2 by hand: the events above 50 of the three letters are selected first, without a branch, then matched by lists.

Runs that wait for a B, and runs that wait for a C, are a list each for each key, newest first; a B puts what is alive
of the first in front of the second. Runs stand in a ring in order of their start, which bounds memory by what can start
within the bound: a run that is overwritten has expired, and so has everything behind it in its list.

Invariant: numbers fall along a list; a number below ``head - ring`` stands for a run overwritten.
Cost: O(events) for the selection, vectorised; O(selected events + runs that get their B).
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from benchmarks.limits.bits import in_order, select_dear
from benchmarks.stream import BATCH_ROWS, KEYS

if TYPE_CHECKING:
    from benchmarks.stream import Ticks

BOUND_MS = 9999


class Runs(NamedTuple):
    """The ring of runs, and for each key the newest run that waits for a B, and for a C."""

    start: np.ndarray
    behind: np.ndarray
    first: np.ndarray
    second: np.ndarray
    wait_b: np.ndarray
    wait_c: np.ndarray


class Found(NamedTuple):
    """The emitted columns; only the first ones are filled."""

    key: np.ndarray
    first: np.ndarray
    second: np.ndarray
    third: np.ndarray


@njit(error_model="numpy", nogil=True)
def find_chains(batch, place, runs, words, rows, out):
    """Match one batch; return what stopped it: 0 done, 1 the ring is too small, 2 time goes back.

    ``place`` is [time of the last event, number of the next run, results, selected row to begin with].
    """
    ts, key, letter, price = batch.ts, batch.key, batch.type, batch.price
    size = ts.size
    begin, head, found = place[3], place[1], place[2]
    if begin == 0 and in_order(ts, place[0]) == 0:
        return 2
    selected = select_dear(letter, price, 3, 50.0, words, rows)
    ring = runs.start.size
    mask = ring - 1
    oldest = max(head - ring, 0)
    for x in range(begin, selected):
        i = rows[x]
        k = key[i]
        which = letter[i]
        if which == 0:
            at = head & mask
            if ts[i] - runs.start[at] <= BOUND_MS:
                place[1], place[2], place[3] = head, found, x
                return 1
            runs.start[at] = ts[i]
            runs.first[at] = price[i]
            waiting = runs.wait_b[k]
            runs.behind[at] = waiting
            runs.wait_b[k] = head
            head += 1
            oldest = max(head - ring, 0)
        elif which == 1:
            newest = run = runs.wait_b[k]
            alive = np.int64(-1)
            while run >= oldest and ts[i] - runs.start[run & mask] <= BOUND_MS:
                runs.second[run & mask] = price[i]
                alive = run
                run = runs.behind[run & mask]
            if alive >= 0:
                runs.behind[alive & mask] = runs.wait_c[k]
                runs.wait_c[k] = newest
            runs.wait_b[k] = -1
        else:
            run = runs.wait_c[k]
            while run >= oldest and ts[i] - runs.start[run & mask] <= BOUND_MS:
                out.key[found] = k
                out.first[found] = runs.first[run & mask]
                out.second[found] = runs.second[run & mask]
                out.third[found] = price[i]
                found += 1
                run = runs.behind[run & mask]
            runs.wait_c[k] = -1
    place[0], place[1], place[2], place[3] = ts[size - 1], head, found, 0
    return 0


class Limit:
    """Q2 over batches; room for ``events`` results is made beforehand."""

    def __init__(self, events: int, ring: int = 1024) -> None:
        self._out = Found(np.zeros(events + 1, np.int32), *(np.zeros(events + 1) for _ in range(3)))
        self._words = np.zeros(BATCH_ROWS // 64 + 1, np.uint64)
        self._rows = np.zeros(BATCH_ROWS, np.int32)
        self._ring = ring
        self.reset()

    def reset(self) -> None:
        """Forget what was taken."""
        self._place = np.array([-(2**63), self._ring, 0, 0], np.int64)
        never = np.full(self._ring, -(2**62), np.int64)
        lists = (np.full(KEYS, -1, np.int64) for _ in range(2))
        numbers = np.full(self._ring, -1, np.int64)
        self._runs = Runs(never, numbers, np.zeros(self._ring), np.zeros(self._ring), *lists)

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""
        while (stopped := find_chains(batch, self._place, self._runs, self._words, self._rows, self._out)) == 1:
            self._double()
        if stopped:
            msg = "time goes back"
            raise ValueError(msg)

    def _double(self) -> None:
        old, head = self._runs, int(self._place[1])
        ring = old.start.size
        numbers = np.arange(head - ring, head)
        columns = []
        for column in old[:4]:
            wider = np.full(2 * ring, -(2**62) if column is old.start else -1, column.dtype)
            wider[numbers & (2 * ring - 1)] = column[numbers & (ring - 1)]
            columns.append(wider)
        # what had been overwritten before must not be taken for a run of the wider ring
        behind, lists = columns[1], [old.wait_b, old.wait_c]
        for links in (behind, *lists):
            links[links < head - ring] = -1
        self._runs = Runs(*columns, *lists)

    def close(self) -> None:
        """Nothing waits."""

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns."""
        return {name: column[: self._place[2]] for name, column in self._out._asdict().items()}
