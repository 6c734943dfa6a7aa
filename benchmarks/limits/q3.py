"""Q3 by hand: the events above 90 of the three letters are selected first, without a branch; then all pairs are known.

What an A and a B leave behind stands in two columns, from which what is too old is dropped at the front. Of a B it is
known how many A came before it, so what goes with it is a slice. To count, less will do: an A brings as many pairs as B
come after it, so the pairs are a running sum, from which an A that grows too old takes its own.

Invariant: columns are compacted, never a ring, so that slices are copied as vectors.
Cost: O(events) for the selection, vectorised; O(selected events + matches written), or O(selected events) to count.
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

BOUND_MS = 999
_ROOM = 4096


class Kept(NamedTuple):
    """A and B that may still be part of a match: times, prices; how many A came before a B, how many B before an A."""

    a_ts: np.ndarray
    a_price: np.ndarray
    a_before: np.ndarray
    b_ts: np.ndarray
    b_price: np.ndarray
    b_before: np.ndarray


class Found(NamedTuple):
    """The emitted columns; only the first ones are filled."""

    first: np.ndarray
    second: np.ndarray
    third: np.ndarray


class Counted(NamedTuple):
    """The emitted columns of the count."""

    combinations: np.ndarray
    third: np.ndarray


@njit(error_model="numpy", nogil=True)
def compact(ts, price, before, head, tail):
    """Move rows head..tail - 1 to the front; return how many these are."""
    for j in range(tail - head):
        ts[j], price[j], before[j] = ts[head + j], price[head + j], before[head + j]
    return tail - head


@njit(error_model="numpy", nogil=True)
def find_all(batch, place, kept, words, rows, out):
    """Match one batch; return what stopped it: 0 done, 1 no room for what is kept, 2 time goes back, 3 for results.

    ``place`` is [time of the last event, head and tail of A, of B, A dropped, results, selected row to begin with, the
    bound].
    """
    ts, letter, price = batch.ts, batch.type, batch.price
    begin, found, bound = place[7], place[6], place[8]
    if begin == 0 and in_order(ts, place[0]) == 0:
        return 2
    selected = select_dear(letter, price, 3, 90.0, words, rows)
    ah, at, bh, bt, dropped = place[1], place[2], place[3], place[4], place[5]
    stopped = 0
    x = begin
    while x < selected:
        i = rows[x]
        which = letter[i]
        if which == 2:
            limit = ts[i] - bound
            while ah < at and kept.a_ts[ah] < limit:
                ah += 1
            while bh < bt and kept.b_ts[bh] < limit:
                bh += 1
            if (bt - bh) * (at - ah) > out.first.size - found:
                stopped = 3
                break
            begun = found
            for q in range(bh, bt):
                count = kept.b_before[q] - dropped - ah
                if count > 0:
                    out.first[found : found + count] = kept.a_price[ah : ah + count]
                    out.second[found : found + count] = kept.b_price[q]
                    found += count
            out.third[begun:found] = price[i]
        elif which == 0:
            if at == kept.a_ts.size:
                if ah * 2 < at:
                    stopped = 1
                    break
                dropped += ah
                at = compact(kept.a_ts, kept.a_price, kept.a_before, ah, at)
                ah = 0
            kept.a_ts[at], kept.a_price[at] = ts[i], price[i]
            at += 1
        else:
            if bt == kept.b_ts.size:
                if bh * 2 < bt:
                    stopped = 1
                    break
                bt = compact(kept.b_ts, kept.b_price, kept.b_before, bh, bt)
                bh = 0
            kept.b_ts[bt], kept.b_price[bt], kept.b_before[bt] = ts[i], price[i], at + dropped
            bt += 1
        x += 1
    place[1], place[2], place[3], place[4], place[5], place[6], place[7] = ah, at, bh, bt, dropped, found, x
    if stopped == 0:
        place[0], place[7] = ts[ts.size - 1], 0
    return stopped


@njit(error_model="numpy", nogil=True)
def count_all(batch, place, kept, words, rows, out):
    """Count one batch; as `find_all`.

    ``place`` is [last time, head and tail of A, pairs, B seen, -, results, row, the bound].
    """
    ts, letter, price = batch.ts, batch.type, batch.price
    begin, found, bound = place[7], place[6], place[8]
    if begin == 0 and in_order(ts, place[0]) == 0:
        return 2
    selected = select_dear(letter, price, 3, 90.0, words, rows)
    ah, at, pairs, seen = place[1], place[2], place[3], place[4]
    stopped = 0
    x = begin
    while x < selected:
        i = rows[x]
        which = letter[i]
        limit = ts[i] - bound
        while ah < at and kept.a_ts[ah] < limit:
            pairs -= seen - kept.a_before[ah]
            ah += 1
        if which == 0:
            if at == kept.a_ts.size:
                if ah * 2 < at:
                    stopped = 1
                    break
                at = compact(kept.a_ts, kept.a_price, kept.a_before, ah, at)
                ah = 0
            kept.a_ts[at], kept.a_before[at] = ts[i], seen
            at += 1
        elif which == 1:
            seen += 1
            pairs += at - ah
        elif pairs > 0:
            out.combinations[found] = pairs
            out.third[found] = price[i]
            found += 1
        x += 1
    place[1], place[2], place[3], place[4], place[6], place[7] = ah, at, pairs, seen, found, x
    if stopped == 0:
        place[0], place[7] = ts[ts.size - 1], 0
    return stopped


class _Limit:
    """Q3 over batches; tables double when they are too small."""

    def __init__(self, kernel, out, room: int, bound: int) -> None:
        self._kernel, self._out, self._room, self._bound = kernel, out, room, bound
        self._words = np.zeros(BATCH_ROWS // 64 + 1, np.uint64)
        self._rows = np.zeros(BATCH_ROWS, np.int32)
        self.reset()

    def reset(self) -> None:
        """Forget what was taken."""
        self._place = np.array([-(2**63), 0, 0, 0, 0, 0, 0, 0, self._bound], np.int64)
        kinds = (np.int64, np.float64, np.int64) * 2
        self._kept = Kept(*(np.zeros(self._room, kind) for kind in kinds))

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""
        while stopped := self._kernel(batch, self._place, self._kept, self._words, self._rows, self._out):
            if stopped == 2:
                msg = "time goes back"
                raise ValueError(msg)
            if stopped == 1:
                self._kept = Kept(*_doubled(self._kept))
            else:
                self._out = type(self._out)(*_doubled(self._out))

    def close(self) -> None:
        """Nothing waits."""

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns."""
        return {name: column[: self._place[6]] for name, column in self._out._asdict().items()}


def _doubled(columns):
    return (np.concatenate([column, np.zeros_like(column)]) for column in columns)


class Limit(_Limit):
    """Q3e: room for ``events`` results is made beforehand."""

    def __init__(self, events: int, room: int = _ROOM, bound: int = BOUND_MS) -> None:
        super().__init__(find_all, Found(*(np.zeros(events + 1024) for _ in range(3))), room, bound)


class CountLimit(_Limit):
    """Q3c."""

    def __init__(self, events: int, room: int = _ROOM, bound: int = BOUND_MS) -> None:
        super().__init__(count_all, Counted(np.zeros(events + 1, np.int64), np.zeros(events + 1)), room, bound)
