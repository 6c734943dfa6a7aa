"""Q1 by hand: conditions to words of 64 bits without a branch, then one look at each bit that is set.

Cost: O(events), vectorised, and O(results).
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


class Found(NamedTuple):
    """The emitted columns; only the first ones are filled."""

    ts: np.ndarray
    key: np.ndarray
    type: np.ndarray
    price: np.ndarray
    volume: np.ndarray


@njit(error_model="numpy", nogil=True)
def find_dear(batch, last, words, rows, out, found):
    """Write the emitted columns from ``found`` on; return how many stand there now, -1 when time goes back."""
    if in_order(batch.ts, last) == 0:
        return -1
    selected = select_dear(batch.type, batch.price, 1, 90.0, words, rows)
    for x in range(selected):
        i = rows[x]
        out.ts[found + x] = batch.ts[i]
        out.key[found + x] = batch.key[i]
        out.type[found + x] = batch.type[i]
        out.price[found + x] = batch.price[i]
        out.volume[found + x] = batch.volume[i]
    return found + selected


class Limit:
    """Q1 over batches; room for ``events`` results is made beforehand."""

    def __init__(self, events: int) -> None:
        room = events + 1
        self._out = Found(
            np.zeros(room, np.int64),
            np.zeros(room, np.int32),
            np.zeros(room, np.int32),
            np.zeros(room),
            np.zeros(room, np.int32),
        )
        self._words = np.zeros(BATCH_ROWS // 64 + 1, np.uint64)
        self._rows = np.zeros(BATCH_ROWS, np.int32)
        self.reset()

    def reset(self) -> None:
        """Forget what was taken."""
        self._last = -(2**63)
        self._found = 0

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""
        found = find_dear(batch, self._last, self._words, self._rows, self._out, self._found)
        if found < 0:
            msg = "time goes back"
            raise ValueError(msg)
        self._last, self._found = batch.ts[-1], found

    def close(self) -> None:
        """Nothing waits."""

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns."""
        return {name: column[: self._found] for name, column in self._out._asdict().items()}
