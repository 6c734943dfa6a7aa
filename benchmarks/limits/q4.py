"""Q4 by hand: a state and three prices a key, and no branch at all.

A key's state says what its last event was: 0 the end of a match or nothing yet, 1 a start, 2 falling, 3 climbing. The
next state stands in a table by state and move; results are written always and counted when there is one.
Cost: O(events), one cache line a key.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from benchmarks.limits.bits import in_order
from benchmarks.stream import KEYS

if TYPE_CHECKING:
    from benchmarks.stream import Ticks

# by 3 * state + move; moves: 0 down, 1 up, 2 level
AFTER = np.array([1, 1, 1, 2, 1, 1, 2, 3, 1, 0, 3, 0], np.int64)
LAST, TOP, BOTTOM = range(3)


class Found(NamedTuple):
    """The emitted columns; only the first ones are filled."""

    key: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    peak: np.ndarray


@njit(error_model="numpy", nogil=True)
def find_valleys(batch, last, state, prices, out, found):
    """Write the emitted columns from ``found`` on; return how many stand there now, -1 when time goes back."""
    ts, keys, price = batch.ts, batch.key, batch.price
    if in_order(ts, last) == 0:
        return -1
    for i in range(ts.size):
        key, now = keys[i], price[i]
        before = prices[key, LAST]
        top = prices[key, TOP]
        bottom = prices[key, BOTTOM]
        was = state[key]
        becomes = AFTER[3 * was + (now >= before) + (now == before)]
        out.key[found] = key
        out.top[found] = top
        out.bottom[found] = bottom
        out.peak[found] = before
        found += (was == 3) & (becomes == 0)
        state[key] = becomes
        prices[key, LAST] = now
        prices[key, TOP] = now if becomes == 1 else top
        prices[key, BOTTOM] = bottom if was == 3 else before
    return found


class Limit:
    """Q4 over batches; room for ``events`` results is made beforehand."""

    def __init__(self, events: int) -> None:
        self._out = Found(np.zeros(events + 1, np.int32), *(np.zeros(events + 1) for _ in range(3)))
        self.reset()

    def reset(self) -> None:
        """Forget what was taken."""
        self._last = -(2**63)
        self._found = 0
        self._state = np.zeros(KEYS, np.int64)
        self._prices = np.zeros((KEYS, 4))

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""
        found = find_valleys(batch, self._last, self._state, self._prices, self._out, self._found)
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
