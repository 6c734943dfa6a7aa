"""``latest n per k`` and ``top n by e``: of each key the events that stand out so far.

A window is a choice among the rows of its key, not a stretch of them; so its rows are written out for each event.
Of equals the one that came first is the better. ``top`` lists its events best first, and gives a window only where
the event at hand is among them: otherwise nothing has changed.
Cost: O(rows that are kept of the key) an event.
Tested by: tests/properties/test_windows_chosen.py, tests/test_corpus.py
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.stretches import ordered
from cep.kernels.runs import TS
from cep.kernels.window import AT, HIGH, LOW, WINDOW_WIDTH
from cep.runtime.listed import Windows
from cep.runtime.operators.pattern import word_column
from cep.runtime.rowplaces import RowPlaces

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from cep.compiler.window import WindowProgram
    from cep.model.batch import Int64Array
    from cep.runtime.snapshot import State, Stored
    from cep.runtime.windowrows import WindowRows

_MANY = 1 << 20
"""How many rows of windows are written out at once."""


@dataclass
class _Newest:
    """The places of a key's rows in order, and by value the oldest first."""

    order: dict[int, None] = field(default_factory=dict)
    by_value: dict[Hashable, deque[int]] = field(default_factory=dict)


@dataclass
class _Best:
    """The places of a key's rows, the best first, and how good they are, the least number the best."""

    places: list[int] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)


class ChosenRows:
    """The rows of all keys; ``words`` of a row are its key."""

    def __init__(self, program: WindowProgram, rows: WindowRows, words: slice) -> None:
        self._window, self._asked, self._reader, self._words = program.window, program.asked, rows, words
        self._places = RowPlaces(program.layout.row_width)
        self._newest: dict[Hashable, _Newest] = {}
        self._best: dict[Hashable, _Best] = {}

    @property
    def keys(self) -> int:
        """How many keys have rows."""
        return len(self._newest) + len(self._best)

    @property
    def open(self) -> int:
        """No window is open: each is decided with its event."""
        return 0

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._places.rows

    @property
    def bytes(self) -> int:
        """What the table takes."""
        return self._places.bytes

    def all_rows(self) -> Int64Array:
        """The rows of all keys."""
        newest = [place for key in self._newest.values() for place in key.order]
        return self._places.at(newest + [place for key in self._best.values() for place in key.places])

    def take(self, block: Int64Array) -> Iterator[Windows]:
        """Take rows in the total order; give the windows that end with them, in that order."""
        names = list(map(tuple, block[:, self._words].tolist()))
        ranks, values = self._ranks(block), self._values(block)
        places = self._places.add(block)
        listing: list[int] = []
        ends: list[int] = []
        last: list[int] = []
        gone: list[int] = []
        for row, (name, place) in enumerate(zip(names, places, strict=True)):
            before = len(listing)
            if self._window.kind == "newest":
                listing += self._come(name, values[row], place, gone)
                last.append(len(listing) - 1)
            else:
                rank = self._rise(name, ranks[row], place, gone)
                if rank < 0:
                    continue
                listing += self._best[name].places
                last.append(before + rank)
            ends.append(len(listing))
            if len(listing) > _MANY:
                yield self._windows(listing, ends, last)
                listing, ends, last = [], [], []
        if ends:
            yield self._windows(listing, ends, last)
        self._places.release(gone)

    def _come(self, name: Hashable, value: Hashable, place: int, gone: list[int]) -> dict[int, None]:
        key = self._newest.get(name)
        if key is None:
            key = self._newest[name] = _Newest()
        alike = key.by_value.get(value)
        if alike is None:
            alike = key.by_value[value] = deque()
        if len(alike) == self._window.count:
            old = alike.popleft()
            del key.order[old]
            gone.append(old)
        alike.append(place)
        key.order[place] = None
        return key.order

    def _rise(self, name: Hashable, rank: int, place: int, gone: list[int]) -> int:
        """Where a row comes to stand among the best, or -1."""
        key = self._best.get(name)
        if key is None:
            key = self._best[name] = _Best()
        at = bisect_right(key.ranks, rank)
        if at == self._window.count:
            gone.append(place)
            return -1
        key.ranks.insert(at, rank)
        key.places.insert(at, place)
        if len(key.ranks) > (self._window.count or 0):
            key.ranks.pop()
            gone.append(key.places.pop())
        return at

    def _ranks(self, block: Int64Array) -> list[int]:
        """How good rows are, of two the lesser number the better."""
        if self._window.kind != "best":
            return []
        found = ordered(self._reader.column(self._asked[0], block))
        ranks: list[int] = (found if self._window.ascending else ~found).tolist()
        return ranks

    def _values(self, block: Int64Array) -> list[tuple[int, ...]]:
        """What tells rows apart."""
        if self._window.kind == "best":
            return []
        columns = []
        for slot in self._asked:
            column = word_column(self._reader.column(slot, block))
            is_text = column.text is not None
            columns.append(self._reader.words(slot, block) if is_text else column.values)
        words = [c.view(np.int64) if c.dtype.kind == "f" else c for c in columns]
        return list(zip(*(w.tolist() for w in words), strict=True))

    def _windows(self, listing: list[int], ends: list[int], last: list[int]) -> Windows:
        rows = self._places.at(listing)
        found = np.zeros((len(ends), WINDOW_WIDTH), np.int64)
        found[:, HIGH] = ends
        found[1:, LOW] = ends[:-1]
        by = np.array(last, np.int64)
        found[:, AT] = rows[by, TS]
        return Windows(rows, found, by, np.minimum.reduceat(rows[:, TS], found[:, LOW]))

    def state(self) -> State:
        """What is not in the rows: nothing."""
        return {}

    def restore(self, rows: Int64Array, stored: Stored) -> None:
        """Take rows over, in the total order."""
        for _ in self.take(rows):
            pass
