"""Q1 by hand: conditions to words of 64 bits without a branch, then one look at each bit that is set.

Cost: O(events), vectorised, and O(results).
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from benchmarks.stream import Ticks


# a word's lowest bit times this number has the bit's place in its upper six bits, by way of the table
DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
PLACE = np.zeros(64, np.int64)
PLACE[[(int(DE_BRUIJN) << j) % 2**64 >> 58 for j in range(64)]] = np.arange(64)


class Found(NamedTuple):
    """The emitted columns; only the first ones are filled."""

    ts: np.ndarray
    key: np.ndarray
    type: np.ndarray
    price: np.ndarray
    volume: np.ndarray


@njit(cache=True, error_model="numpy", nogil=True)
def in_order(ts, last):
    """Return 1 when no event is earlier than the one before it."""
    before, after = ts[:-1], ts[1:]
    back = np.int64(ts[0] < last)
    for i in range(after.size):
        back += after[i] < before[i]
    return np.int64(back == 0)


@njit(cache=True, error_model="numpy", nogil=True)
def find_dear(batch, last, out, found):
    """Write the emitted columns from ``found`` on; return how many stand there now, -1 when time goes back."""
    if in_order(batch.ts, last) == 0:
        return -1
    letter, price = batch.type, batch.price
    for word in range((letter.size + 63) >> 6):
        at = word << 6
        bits = np.uint64(0)
        if at + 64 <= letter.size:  # a loop of constant length becomes one vector operation
            for j in range(64):
                bits |= np.uint64((letter[at + j] == 0) & (price[at + j] > 90.0)) << np.uint64(j)
        else:
            for j in range(letter.size - at):
                bits |= np.uint64((letter[at + j] == 0) & (price[at + j] > 90.0)) << np.uint64(j)
        while bits != 0:
            low = bits & (~bits + np.uint64(1))
            i = at + PLACE[(low * DE_BRUIJN) >> np.uint64(58)]
            out.ts[found] = batch.ts[i]
            out.key[found] = batch.key[i]
            out.type[found] = letter[i]
            out.price[found] = price[i]
            out.volume[found] = batch.volume[i]
            found += 1
            bits ^= low
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
        self.reset()

    def reset(self) -> None:
        """Forget what was taken."""
        self._last = -(2**63)
        self._found = 0

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""
        found = find_dear(batch, self._last, self._out, self._found)
        if found < 0:
            msg = "time goes back"
            raise ValueError(msg)
        self._last, self._found = batch.ts[-1], found

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns."""
        return {name: column[: self._found] for name, column in self._out._asdict().items()}
