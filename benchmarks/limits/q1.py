"""Q1 by hand: a mask without a branch, then eight rows looked at together.

Cost: the pass over the mask skips eight rows at a time, and 92 of 100 such groups are empty.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

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


@njit(cache=True, error_model="numpy", nogil=True)
def find_dear(batch, last, marks, out, found):
    """Write the emitted columns from ``found`` on; return how many stand there now, -1 when time goes back."""
    ts, letter, price = batch.ts, batch.type, batch.price
    rows = ts.size
    back = ts[0] < last
    for i in range(1, rows):
        back |= ts[i] < ts[i - 1]
    if back:
        return -1
    for i in range(rows):
        marks[i] = (letter[i] == 0) & (price[i] > 90.0)
    marks[rows : (rows + 7) // 8 * 8] = 0
    groups = marks.view(np.uint64)
    for group in range((rows + 7) // 8):
        if groups[group] == 0:
            continue
        for i in range(8 * group, min(8 * group + 8, rows)):
            out.ts[found] = ts[i]
            out.key[found] = batch.key[i]
            out.type[found] = letter[i]
            out.price[found] = price[i]
            out.volume[found] = batch.volume[i]
            found += marks[i]
    return found


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
        self._marks = np.zeros(BATCH_ROWS, np.uint8)
        self.reset()

    def reset(self) -> None:
        """Forget what was taken."""
        self._last = -(2**63)
        self._found = 0

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""
        found = find_dear(batch, self._last, self._marks, self._out, self._found)
        if found < 0:
            msg = "time goes back"
            raise ValueError(msg)
        self._last, self._found = batch.ts[-1], found

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns."""
        return {name: column[: self._found] for name, column in self._out._asdict().items()}
