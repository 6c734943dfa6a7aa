"""Q6 by hand: the A above 90 and all B are selected first, without a branch; the A wait in a ring, by deadline.

A B does not look for the A that it forbids: it notes, for its key, which number the next A will have. When the deadline
of an A has passed, it stands if its number is not below that of its key; until then no B later than the deadline has
been noted. Lists of open A for each key, which a B walks, were slower.

Invariant: A number n stands in row n modulo the ring's size; those from ``tail`` to ``head`` wait.
Cost: O(events) for the selection, vectorised; O(selected events).
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from benchmarks.limits.bits import in_order, list_bits
from benchmarks.stream import BATCH_ROWS, KEYS

if TYPE_CHECKING:
    from benchmarks.stream import Ticks

BOUND_MS = 10_000


class Waiting(NamedTuple):
    """The ring of A that wait; for each key the number below which a B has come for all of them."""

    ts: np.ndarray
    key: np.ndarray
    price: np.ndarray
    seen: np.ndarray


class Found(NamedTuple):
    """The emitted columns; only the first ones are filled."""

    ts: np.ndarray
    key: np.ndarray
    price: np.ndarray


@njit(error_model="numpy", nogil=True)
def select(letter, price, words, rows):
    """Write the rows that are an A above 90 or a B; return how many."""
    full = letter.size >> 6
    for word in range(full):  # a loop of constant length becomes vector operations
        bits = np.uint64(0)
        for j in range(64):
            i = word * 64 + j
            bits |= np.uint64(((letter[i] == 0) & (price[i] > 90.0)) | (letter[i] == 1)) << np.uint64(j)
        words[word] = bits
    words[full] = 0
    for i in range(full * 64, letter.size):
        words[full] |= np.uint64(((letter[i] == 0) & (price[i] > 90.0)) | (letter[i] == 1)) << np.uint64(i & 63)
    return list_bits(words, full + 1, rows)


@njit(error_model="numpy", nogil=True)
def decide(waiting, place, now, out):
    """Write the A whose deadline is before ``now`` and whose key has had no B since."""
    mask = waiting.ts.size - 1
    tail, found = place[2], place[3]
    while tail < place[1] and waiting.ts[tail & mask] + BOUND_MS < now:
        at = tail & mask
        if tail >= waiting.seen[waiting.key[at]]:
            out.ts[found] = waiting.ts[at]
            out.key[found] = waiting.key[at]
            out.price[found] = waiting.price[at]
            found += 1
        tail += 1
    place[2], place[3] = tail, found


@njit(error_model="numpy", nogil=True)
def find_alone(batch, place, waiting, words, rows, out):
    """Match one batch; return what stopped it: 0 done, 1 the ring is too small, 2 time goes back.

    ``place`` is [time of the last event, number of the next A, number of the first that waits, results, selected row
    to begin with].
    """
    ts, key, letter, price = batch.ts, batch.key, batch.type, batch.price
    begin = place[4]
    if begin == 0 and in_order(ts, place[0]) == 0:
        return 2
    selected = select(letter, price, words, rows)
    ring, head = waiting.ts.size, place[1]
    mask, due = ring - 1, np.int64(2**62)  # due: the deadline of the first that waits
    if place[2] < head:
        due = waiting.ts[place[2] & mask] + BOUND_MS
    for x in range(begin, selected):
        i = rows[x]
        if due < ts[i]:
            place[1] = head
            decide(waiting, place, ts[i], out)
            due = waiting.ts[place[2] & mask] + BOUND_MS if place[2] < head else np.int64(2**62)
        if letter[i] == 1:
            waiting.seen[key[i]] = head
            continue
        if head - place[2] == ring:
            place[1], place[4] = head, x
            return 1
        at = head & mask
        waiting.ts[at] = ts[i]
        waiting.key[at] = key[i]
        waiting.price[at] = price[i]
        head += 1
        due = min(due, ts[i] + BOUND_MS)
    place[0], place[1], place[4] = ts[ts.size - 1], head, 0
    decide(waiting, place, place[0], out)
    return 0


class Limit:
    """Q6 over batches; room for ``events`` results is made beforehand."""

    def __init__(self, events: int, ring: int = 1024) -> None:
        room = events + 1
        self._out = Found(np.zeros(room, np.int64), np.zeros(room, np.int32), np.zeros(room))
        self._words = np.zeros(BATCH_ROWS // 64 + 1, np.uint64)
        self._rows = np.zeros(BATCH_ROWS, np.int32)
        self._ring = ring
        self.reset()

    def reset(self) -> None:
        """Forget what was taken."""
        self._place = np.array([-(2**63), 0, 0, 0, 0], np.int64)
        ring = self._ring
        columns = np.zeros(ring, np.int64), np.zeros(ring, np.int32), np.zeros(ring)
        self._waiting = Waiting(*columns, np.zeros(KEYS, np.int64))

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""
        while (stopped := find_alone(batch, self._place, self._waiting, self._words, self._rows, self._out)) == 1:
            self._double()
        if stopped:
            msg = "time goes back"
            raise ValueError(msg)

    def close(self) -> None:
        """Decide what the last event's time decides."""
        decide(self._waiting, self._place, self._place[0] + 1, self._out)

    def _double(self) -> None:
        old, size = self._waiting, self._waiting.ts.size
        numbers = np.arange(self._place[2], self._place[1])
        columns = []
        for column in old[:3]:
            wider = np.zeros(2 * size, column.dtype)
            wider[numbers & (2 * size - 1)] = column[numbers & (size - 1)]
            columns.append(wider)
        self._waiting = Waiting(*columns, old.seen)

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns."""
        return {name: column[: self._place[3]] for name, column in self._out._asdict().items()}
