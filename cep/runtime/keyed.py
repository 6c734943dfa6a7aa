"""The rows that a query keeps of each key: a table, a list of rows a key, and when each key is to be looked at again.

A key is there while it has rows. When it is to be looked at is kept as a lower bound in a heap, one entry a key: what
comes later moves the true time only away, so that an event of a key that is there costs no entry.
Cost: O(1) an event, in Python for its key; O(log keys) a key that is looked at.
Tested by: tests/runtime/test_window.py, tests/properties/test_windows.py
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.runs import TS
from cep.kernels.window import (
    BROKEN,
    COUNT,
    DROPPED,
    FIRST,
    KEY_WIDTH,
    LAST,
    LAST_TIME,
    LIVE,
    USED,
    WAKES,
    append_rows,
    drop_rows,
    list_rows,
)
from cep.model.zones import end_of_stretch
from cep.runtime.held import is_spacious

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from cep.language.typed import CheckedWindow
    from cep.model.batch import Int64Array

_FEW = 64
_NEVER = int(LAST_TIME)
_KEEPS_ALL = (_NEVER, _NEVER)


class KeyedRows:
    """The rows of all keys; ``width`` of a row, of which the key's words are ``words``."""

    def __init__(self, window: CheckedWindow, width: int, words: slice) -> None:
        self._window, self._words = window, words
        self._gap, self._most = _KEEPS_ALL
        if window.kind == "session":
            self._gap, self._most = window.length or 0, window.every or _NEVER
        self._rows = np.zeros((_FEW, width), np.int64)
        self._keys = np.zeros((_FEW, KEY_WIDTH), np.int64)
        self._counts = np.array([0, -1, 0], np.int64)
        self._slots: dict[Hashable, int] = {}
        self._names: list[Hashable] = []  # of each slot its key
        self._free: list[int] = []
        self._heap: list[tuple[int, int]] = []  # when a slot is to be looked at, at the earliest
        self._waking: set[int] = set()  # the slots in it

    @property
    def keys(self) -> int:
        """How many keys have rows."""
        return len(self._slots)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self._counts[LIVE])

    @property
    def bytes(self) -> int:
        """What the tables take."""
        return self._rows.nbytes + self._keys.nbytes

    @property
    def wakes_at(self) -> int:
        """What the frontier must have reached for some key to be looked at."""
        return self._heap[0][0] + 1 if self._heap else _NEVER + 1

    def add(self, block: Int64Array) -> Int64Array:
        """Keep rows in the total order; return the slots of their keys."""
        slots = self._slots_of(block)
        done = 0
        while (done := done + int(self._append(block[done:], slots[done:]))) < len(block):
            self._grow(2 * len(self._rows) + len(block))
        return slots

    def _append(self, block: Int64Array, slots: Int64Array) -> int:
        return int(append_rows(self._rows, self._counts, self._keys, block, slots, self._gap, self._most))

    def _slots_of(self, block: Int64Array) -> Int64Array:
        words = block[:, self._words]
        names: Sequence[Hashable] = words[:, 0].tolist() if words.shape[1] == 1 else list(map(tuple, words.tolist()))
        known = self._slots
        out = np.zeros(len(block), np.int64)
        for row, name in enumerate(names):
            slot = known.get(name)
            if slot is None:
                slot = known[name] = self._new_slot(name)
                self.wake(slot, self.wakes_of(int(block[row, TS])))
            out[row] = slot
        return out

    def _new_slot(self, name: Hashable) -> int:
        if self._free:
            slot = self._free.pop()
            self._names[slot] = name
        else:
            slot = len(self._names)
            self._names.append(name)
            if slot == len(self._keys):
                self._keys = np.concatenate([self._keys, np.zeros_like(self._keys)])
        self._keys[slot] = 0
        return slot

    def wakes_of(self, first: int) -> int:
        """When a key whose first row is of this time is to be looked at, at the earliest."""
        window = self._window
        if window.kind == "panes":
            every = window.every or 1
            return min((first // every + 1) * every, _NEVER)
        if window.zone is not None:
            return end_of_stretch(first, window.length or 1, window.zone)
        if window.length is None:
            return _NEVER
        return min(first + min(window.length, self._most), _NEVER)

    def wake(self, slot: int, time: int) -> None:
        """Let a key be looked at when the frontier has passed a time."""
        if time < _NEVER and slot not in self._waking:
            self._waking.add(slot)
            heappush(self._heap, (time, slot))

    def due(self, until: int) -> list[int]:
        """The slots of keys that are to be looked at before a time, each taken out."""
        out = []
        while self._heap and self._heap[0][0] < until:
            _, slot = heappop(self._heap)
            self._waking.discard(slot)
            if not self._keys[slot, COUNT]:
                continue
            time = self._truly(slot)
            if time < until:
                out.append(slot)
            else:
                self.wake(slot, time)
        return out

    def _truly(self, slot: int) -> int:
        """When a key is to be looked at, as its rows stand."""
        kind, length = self._window.kind, self._window.length or 0
        if kind in ("panes", "calendar") or self._keys[slot, BROKEN]:
            return -(2**63)
        last = min(int(self._keys[slot, LAST]) + length, _NEVER)
        return last if kind != "session" else min(last, int(self._keys[slot, FIRST]) + self._most, _NEVER)

    def full(self, slots: Int64Array, count: int) -> Int64Array:
        """Those of some slots that have so many rows, each once."""
        some = np.unique(slots)
        found: Int64Array = some[self._keys[some, COUNT] >= count]
        return found

    def rows_of(self, slots: Int64Array) -> tuple[Int64Array, Int64Array]:
        """The rows of some keys, one key after the other, and the offsets that cut them."""
        ends = np.zeros(len(slots) + 1, np.int64)
        np.cumsum(self._keys[slots, COUNT], out=ends[1:])
        places = np.zeros(int(ends[-1]), np.int64)
        list_rows(self._rows, self._keys, slots, places)
        return self._rows[places], ends

    def all_rows(self) -> Int64Array:
        """The rows of all keys."""
        return self.rows_of(np.array(list(self._slots.values()), np.int64))[0]

    def leave(self, slots: Int64Array, left: Int64Array) -> None:
        """Let go of what ``left`` says of some keys, and look at them again when it says."""
        drop_rows(self._rows, self._counts, self._keys, slots, left)
        counts = self._keys[slots, COUNT].tolist()
        for slot, count, time in zip(slots.tolist(), counts, left[:, WAKES].tolist(), strict=True):
            if count:
                self.wake(slot, time)
            else:
                del self._slots[self._names[slot]]
                self._free.append(slot)
        if left[:, DROPPED].any() and is_spacious(len(self._rows), self.rows):
            self._give_back()

    def _give_back(self) -> None:
        """Move what is left of a burst to tables of the size that it needs."""
        slots = np.array(list(self._slots.values()), np.int64)
        rows, ends = self.rows_of(slots)
        owner = np.repeat(slots, np.diff(ends))
        keys = self._keys[slots]
        self._rows = np.zeros((max(_FEW, 2 * len(rows)), rows.shape[1]), np.int64)
        self._counts[:] = 0, -1, 0
        self._keys[:, COUNT] = 0
        self._append(rows, owner)
        self._keys[slots, FIRST], self._keys[slots, BROKEN] = keys[:, FIRST], keys[:, BROKEN]

    def _grow(self, size: int) -> None:
        rows = np.zeros((size, self._rows.shape[1]), np.int64)
        rows[: int(self._counts[USED])] = self._rows[: int(self._counts[USED])]
        self._rows = rows
