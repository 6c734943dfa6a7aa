"""``span A until B``: of each key the events from one that opens it to the next that closes it.

An event that opens while a span is open changes nothing. One that would do both closes the span that is open, else it
opens one. What is of the query is counted; of the boundaries it may be that none is.
Cost: O(1) an event, in Python for its key.
Tested by: tests/properties/test_windows_chosen.py, tests/test_corpus.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.runs import TS
from cep.kernels.window import AT, HIGH, LOW, WINDOW_WIDTH
from cep.runtime.listed import Windows
from cep.runtime.rowplaces import RowPlaces

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from cep.compiler.window import WindowProgram
    from cep.model.batch import BoolArray, Int64Array
    from cep.runtime.snapshot import State, Stored
    from cep.runtime.windowrows import WindowRows


class SpanRows:
    """The rows of all open spans; ``words`` of a row are its key."""

    def __init__(self, program: WindowProgram, rows: WindowRows, words: slice) -> None:
        self._marks, self._reader, self._words = program.marks, rows, words
        self._places = RowPlaces(program.layout.row_width)
        self._spans: dict[Hashable, list[int]] = {}

    @property
    def keys(self) -> int:
        """How many keys have an open span."""
        return len(self._spans)

    @property
    def open(self) -> int:
        """How many spans are open."""
        return len(self._spans)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._places.rows

    @property
    def bytes(self) -> int:
        """What the table takes."""
        return self._places.bytes

    def all_rows(self) -> Int64Array:
        """The rows of all open spans."""
        return self._places.at([place for span in self._spans.values() for place in span])

    def marked(self, block: Int64Array, mark: int) -> BoolArray:
        """Which rows are of the query (0), open (1), close (2)."""
        column = self._reader.column(self._marks[mark], block)
        found: BoolArray = column.values != 0 if column.valid is None else (column.values != 0) & column.valid
        return found

    def take(self, block: Int64Array) -> Iterator[Windows]:
        """Take rows in the total order; give the windows that they close."""
        names = list(map(tuple, block[:, self._words].tolist()))
        opens, closes = self.marked(block, 1).tolist(), self.marked(block, 2).tolist()
        gone: list[int] = []
        closed: list[list[int]] = []
        for name, place, is_first, is_last in zip(names, self._places.add(block), opens, closes, strict=True):
            span = self._spans.get(name)
            if span is not None:
                span.append(place)
                if is_last:
                    closed.append(self._spans.pop(name))
            elif is_first:
                self._spans[name] = [place]
            else:
                gone.append(place)
        if closed:
            yield self._windows(closed)
        self._places.release(gone)
        for span in closed:
            self._places.release(span)

    def _windows(self, closed: list[list[int]]) -> Windows:
        """The windows of spans that have events of the query: these first, the boundaries that are not behind them."""
        rows = self._places.at([place for span in closed for place in span])
        sizes = np.array([len(span) for span in closed])
        cuts = np.zeros(len(closed) + 1, np.int64)
        np.cumsum(sizes, out=cuts[1:])
        owner = np.repeat(np.arange(len(closed)), sizes)
        inside = self.marked(rows, 0)
        is_end = np.zeros(len(rows), np.bool_)
        is_end[cuts[:-1]] = is_end[cuts[1:] - 1] = True
        rank = np.where(inside, 0, np.where(is_end, 1, 2))
        order = np.lexsort([rank, owner])
        place = np.zeros(len(rows), np.int64)
        place[order] = np.arange(len(rows))
        found = np.zeros((len(closed), WINDOW_WIDTH), np.int64)
        found[:, LOW] = cuts[:-1]
        found[:, HIGH] = cuts[:-1] + np.bincount(owner[inside], minlength=len(closed))
        found[:, AT] = rows[cuts[1:] - 1, TS]
        causes = (cuts[:-1], cuts[:-1] + np.bincount(owner[rank < 2], minlength=len(closed)))
        windows = Windows(rows[order], found, place[cuts[1:] - 1], rows[cuts[:-1], TS], causes)
        return windows.at(found[:, HIGH] > found[:, LOW])

    def state(self) -> State:
        """What is not in the rows: nothing."""
        return {}

    def restore(self, rows: Int64Array, stored: Stored) -> None:
        """Take rows over, in the total order: those of one key are of one span."""
        names = map(tuple, rows[:, self._words].tolist())
        for name, place in zip(names, self._places.add(rows), strict=True):
            self._spans.setdefault(name, []).append(place)
