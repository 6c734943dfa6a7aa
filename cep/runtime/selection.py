"""Which events of a batch some step may want: conditions on one event alone, decided where the columns lie.

A comparison of an attribute with a constant, or anything that is asked of one string, goes over the column once and
clears the bits of its steps (`cep.kernels.select`); strings are decided for the dictionary, which is kept while
batches bring the same (a table's small dictionary that comes again is: `cep.io.whole`). Every other condition is a
column function, whose answer rules share (`cep.runtime.conditions`).
Cost: O(rows) for each distinct condition.
Tested by: tests/runtime/test_selection.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.text import TextVector
from cep.kernels.select import (
    gather_bits,
    gather_int32,
    gather_int64,
    list_rows,
    mark_codes,
    mark_float64,
    mark_int32,
    mark_int64,
    mark_true,
    pack_marks,
)
from cep.runtime.conditions import decide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cep.compiler.columns import ColumnFunction, Leaf
    from cep.language.typed import Typed
    from cep.model.batch import AnyArray, BoolArray, Column, EventBatch, Int64Array, Text, UInt8Array
    from cep.runtime.conditions import Memo

WHOLE = ("int", "time", "duration", "decimal")
"""What is words already."""

_PLANE = 8  # steps to a byte
_LEAST, _MOST = -(2**31), 2**31 - 1


@dataclass(frozen=True, eq=False)
class Chosen:
    """The rows that are wanted, ascending (None: all), and by eight steps a byte a row of the batch."""

    rows: Int64Array | None
    planes: list[UInt8Array]

    def write_bits(self, rows: Int64Array | None, out: Int64Array) -> None:
        """Write the bits of the steps that the events at ``rows`` (None: all) fit."""
        if rows is None:
            out[:] = self.planes[0]
            for place, plane in enumerate(self.planes[1:], 1):
                out |= plane.astype(np.int64) << (_PLANE * place)
            return
        out.fill(0)
        for place, plane in enumerate(self.planes):
            gather_bits(plane, rows, _PLANE * place, out)


_MOST_DECIDED = 256
_decided: dict[tuple[object, int], tuple[Text, tuple[int, int], BoolArray | None]] = {}
"""What was asked of a dictionary, by condition and the dictionary's identity, with that, what `Test` keeps of it."""


class Test:
    """A condition, and by plane the bits of the steps that ask it.

    Of a string: what it is true of in the dictionary of the last batch, as codes from ``low`` to ``high``, or by code.
    """

    __slots__ = ("by_code", "function", "high", "kept", "low", "narrow", "steps")

    def __init__(self, function: ColumnFunction) -> None:
        self.function, self.steps = function, 0
        self.kept: tuple[tuple[int, int, int], ...] = ()  # place of the plane; bits kept where it holds, and elsewhere
        self.low: int | float = 0
        self.high: int | float = -1
        self.narrow = (0, -1)  # low and high for 32 bits
        self.by_code: BoolArray | None = None
        bounds = function.bounds
        if bounds is not None and bounds.low is not None and bounds.high is not None:
            self.span(bounds.low, bounds.high)

    def ask(self, step: int) -> None:
        """Let one step more ask it."""
        self.steps |= 1 << step
        bounds, split = self.function.bounds, _split(self.steps)
        outside = bounds is not None and bounds.outside
        self.kept = tuple((p, 255 ^ bits, 255) if outside else (p, 255, 255 ^ bits) for p, bits in split)

    def span(self, low: int | float, high: int | float) -> None:
        """Let it be true from ``low`` to ``high``."""
        self.low, self.high = low, high
        if isinstance(low, int) and low <= _MOST and high >= _LEAST:
            self.narrow = max(low, _LEAST), int(min(high, _MOST))

    def decide_texts(self, text: Text) -> None:
        """Decide it for each string of a dictionary; what one rule has asked of it another finds decided."""
        key = self.function.identity, id(text)
        known = _decided.get(key)
        if known is not None and known[0] is text:
            _, self.narrow, self.by_code = known
            return
        codes, faults = np.arange(len(text), dtype=np.int32), np.zeros(3, np.int64)
        decided = self.function.condition(lambda _: (TextVector(codes, text), False), len(text), faults)
        assert not faults.any(), "to compare strings is no fault"
        places = np.flatnonzero(decided)
        self.narrow, self.by_code = (0, -1), None
        if places.size:
            self.narrow = int(places[0]), int(places[-1])
            if places.size != self.narrow[1] - self.narrow[0] + 1:
                self.by_code = decided
        if len(_decided) >= _MOST_DECIDED:
            _decided.clear()
        _decided[key] = text, self.narrow, self.by_code


class Selection:
    """The conditions of one input; it keeps nothing that output depends on."""

    def __init__(self, predicates: Sequence[tuple[int, tuple[ColumnFunction, ...]]], keys: tuple[str, ...]) -> None:
        """``predicates``: (step, conditions that must all hold); ``keys`` are the attributes of the rule's key."""
        self._keys = keys
        bits = 0
        tests: dict[object, Test] = {}
        for step, conditions in predicates:
            bits |= 1 << step
            for function in conditions:
                tests.setdefault(function.identity, Test(function)).ask(step)
        self.tests = list(tests.values())
        count = max((step for step, _ in predicates), default=0) // _PLANE + 1
        self.begin = [bits >> (_PLANE * place) & 255 for place in range(count)]
        self._texts: dict[str, Text] = {}  # the last dictionary of each attribute

    def choose(
        self,
        batch: EventBatch,
        keyed: BoolArray | None,
        leaf: Callable[[Typed], Leaf],
        memo: Memo,
        faults: Int64Array,
    ) -> Chosen | None:
        """The events that some step may want and whose key is there; None when there are none."""
        size = len(batch)
        planes = []
        for bits in self.begin:
            plane = np.empty(size, np.uint8)
            plane.fill(bits)
            planes.append(plane)
        columns = batch.columns
        for test in self.tests:
            bounds = test.function.bounds
            column = None if bounds is None else columns[bounds.attribute]
            if column is None or not self._mark(test, column, planes):
                found = decide((test.function,), leaf, batch, self._keys, memo, faults)
                if found is not None:
                    _keep(planes, test.steps, found)
            elif column.valid is not None:
                _keep(planes, test.steps, column.valid)
        if keyed is not None:
            _keep(planes, -1, keyed)
        marks = planes[0]
        for plane in planes[1:]:
            marks = marks | plane
        words = np.empty((size + 63) >> 6, np.uint64)
        count = int(pack_marks(marks, words))
        if count == 0:
            return None
        if count == size:
            return Chosen(None, planes)
        rows = np.empty(count, np.int64)
        list_rows(words, rows)
        return Chosen(rows, planes)

    def _mark(self, test: Test, column: Column, planes: list[UInt8Array]) -> bool:
        """Decide a condition where the column lies; False when that cannot be done."""
        values, factor = column.stored
        if column.text is not None:
            if not self.look_up(test, column.text, values.size):
                return False
            if test.by_code is not None:
                values = np.ascontiguousarray(values)
                for place, inside, outside in test.kept:
                    mark_codes(values, np.where(test.by_code, inside, outside).astype(np.uint8), planes[place])
                return True
        dtype = values.dtype
        if factor != 1 or dtype not in _KNOWN:
            values = column.values
            dtype = values.dtype
        if not values.flags.c_contiguous:
            values = np.ascontiguousarray(values)
        if dtype == np.int32:
            for place, inside, outside in test.kept:
                mark_int32(values, *test.narrow, inside, outside, planes[place])
        elif dtype == np.float64:
            for place, inside, outside in test.kept:
                mark_float64(values, test.low, test.high, inside, outside, planes[place])
        elif dtype == np.int64:
            for place, inside, outside in test.kept:
                mark_int64(values, test.low, test.high, inside, outside, planes[place])
        else:
            for place, inside, outside in test.kept:
                mark_true(values.view(np.uint8), inside, outside, planes[place])
        return True

    def look_up(self, test: Test, text: Text, rows: int) -> bool:
        """Let what is asked of an attribute be decided for this dictionary; False when it is larger than the batch."""
        bounds = test.function.bounds
        assert bounds is not None
        if self._texts.get(bounds.attribute) is text:
            return True
        if len(text) > rows:
            return False
        for other in self.tests:
            if other.function.bounds is not None and other.function.bounds.attribute == bounds.attribute:
                other.decide_texts(text)
        self._texts[bounds.attribute] = text
        return True


_KNOWN = frozenset(map(np.dtype, (np.int32, np.int64, np.float64, np.bool_)))


def gather(values: AnyArray, factor: int, rows: Int64Array, out: Int64Array) -> None:
    """Write the values at ``rows``, times a factor, as words: floats by their bits."""
    dtype = values.dtype
    if not values.flags.c_contiguous:
        values = np.ascontiguousarray(values)
    if dtype == np.float64:
        gather_int64(values.view(np.int64), rows, factor, out)
    elif dtype == np.int64:
        gather_int64(values, rows, factor, out)
    elif dtype == np.int32:
        gather_int32(values, rows, factor, out)
    else:
        np.multiply(values[rows], factor, out=out, dtype=np.int64)


def _split(steps: int) -> list[tuple[int, int]]:
    """The planes that the bits of some steps stand in, with those bits."""
    split = [(place, steps >> (_PLANE * place) & 255) for place in range(_PLANE)]
    return [(place, bits) for place, bits in split if bits]


def _keep(planes: list[UInt8Array], steps: int, mask: AnyArray) -> None:
    """Clear the bits of steps where a mask does not hold."""
    mask = np.ascontiguousarray(mask).view(np.uint8)
    for place, bits in _split(steps):
        if place < len(planes):
            mark_true(mask, 255, 255 ^ bits, planes[place])
