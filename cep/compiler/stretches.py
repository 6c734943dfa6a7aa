"""Aggregates over windows: each a stretch of rows, in which a `Fold` over `WINDOW` is a leaf of emitted text.

Stretches overlap where windows slide, and then what enters and leaves is told to a kernel (`cep.kernels.sliding`); sums
of whole numbers are differences of sums from the beginning. The meanings are those of the aggregates over a loop
(`cep.compiler.measures`), but that a sum of floats is the exact one, rounded once, as over all matches together: it
hangs on no order, and nothing of what has left the window is in it.
Cost: O(rows + windows) an aggregate, times log rows for percentile and median; ``stddev top distinct`` O(rows of all
windows).
Tested by: tests/compiler/test_stretches.py, tests/properties/test_windows.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.compiler.columns import batch_leaf
from cep.compiler.emit import NOT_A_NUMBER, OVERFLOW
from cep.compiler.lists import ListVector
from cep.compiler.measures import cut, first_seen, most_frequent
from cep.compiler.sketches import SKETCHED, sketched
from cep.kernels.limbs import REACH
from cep.kernels.sliding import list_deviations, list_distinct, list_kth, list_least, list_sums
from cep.kernels.window import HIGH, LOW, WINDOW_WIDTH
from cep.model.batch import Column, Lists

if TYPE_CHECKING:
    from cep.compiler.columns import Leaf
    from cep.language.typed import Fold
    from cep.model.batch import AnyArray, BoolArray, Int64Array

_HALF = np.int64(32)
_MASK = np.int64(0xFFFFFFFF)
_MOST = np.int64(2**63 - 1)


@dataclass(frozen=True, eq=False)
class Stretches:
    """The windows: ``found`` as the kernels of `cep.kernels.window` list them, over ``rows`` rows."""

    found: Int64Array
    rows: int

    @staticmethod
    def of(low: AnyArray, high: AnyArray, rows: int) -> Stretches:
        """Windows by their bounds."""
        found = np.zeros((len(low), WINDOW_WIDTH), np.int64)
        found[:, LOW], found[:, HIGH] = low, high
        return Stretches(found, rows)

    def __len__(self) -> int:
        return len(self.found)

    @property
    def low(self) -> Int64Array:
        """The first row of each."""
        first: Int64Array = self.found[:, LOW]
        return first

    @property
    def high(self) -> Int64Array:
        """The row after the last of each."""
        after: Int64Array = self.found[:, HIGH]
        return after

    def fold(self, node: Fold, values: Column | None, faults: Int64Array) -> Leaf:
        """An aggregate of each window over a column (None: of events), as a leaf; what is no number is counted."""
        if values is None:
            return self.high - self.low, False
        if node.function in SKETCHED:
            return sketched(node, values, list(zip(self.low.tolist(), self.high.tolist(), strict=True)))
        if node.distinct:
            ends, once = self._each_once(values)
            of_once = (
                Stretches.of(ends[:-1], ends[1:], len(once)) if len(once) else self
            )  # all are null: so is once each
            return of_once.fold(replace(node, distinct=False), once if len(once) else values, faults)
        if node.function == "count":
            return self.differences(there(values)), False
        if node.function in ("first", "last", "min", "max"):
            return taken(values, *self.places(node.function, values))
        if node.function in ("sum", "avg"):
            if values.type.kind == "float":
                return self._float_sum(node.function, values, faults)
            return self._whole_sum(node.function, values, faults)
        if node.function in ("percentile", "median"):
            return self._kth(node, values, faults)
        if node.function == "stddev":
            return self._deviation(values, faults)
        if node.function == "count_distinct":
            return self._distinct(values), False
        if node.function == "list":
            return self.listed(values), False
        ends, listed = self._spread(values)
        if node.function == "flatten":
            return _in_order(_joined(ends, listed)), False
        lists = most_frequent(ends, listed, node.given[0]) if node.function == "top" else first_seen(ends, listed)
        return _in_order(lists), False

    def listed(self, values: Column) -> ListVector:
        """All values of each window."""
        offsets, rows = self._rows
        return _in_order(Lists(offsets, values.take(rows)))

    def places(self, function: str, values: Column) -> tuple[Int64Array, BoolArray]:
        """The rows of which ``first``, ``last``, ``min`` and ``max`` give the values, and where there is none."""
        if function in ("first", "last"):
            return self._ends(function, values)
        return self._least(function, values)

    def lineage(self, of_rows: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Offsets, and something of each row, window after window."""
        counts = self.high - self.low
        offsets = np.zeros(len(self) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return offsets, of_rows[np.repeat(self.low - offsets[:-1], counts) + np.arange(offsets[-1])]

    # ------------------------------------------------------------------------------------------------------- parts

    @cached_property
    def _rows(self) -> tuple[Int64Array, Int64Array]:
        """Offsets, and the rows of all windows, one window after the other."""
        return self.lineage(np.arange(self.rows))

    def _spread(self, values: Column) -> tuple[Int64Array, Column]:
        """The values of each window that are not null, cut by offsets."""
        offsets, rows = self._rows
        if values.valid is not None:
            keep = values.valid[rows]
            offsets, rows = cut(offsets, keep), rows[keep]
        known = values.take(rows)
        return offsets, Column(values.type, known.values, None, known.text, known.lists)

    def _each_once(self, values: Column) -> tuple[Int64Array, Column]:
        """The values of each window that are not null, each once, in order of the first."""
        lists = first_seen(*self._spread(values))
        return lists.offsets, lists.items

    def differences(self, numbers: AnyArray) -> Int64Array:
        """Sums of whole numbers, modulo 2^64."""
        before = np.zeros(self.rows + 1, np.int64)
        np.cumsum(numbers, out=before[1:])
        sums: Int64Array = before[self.high] - before[self.low]
        return sums

    def _nothing(self, values: Column) -> tuple[Int64Array, BoolArray]:
        counts = self.differences(there(values))
        nothing: BoolArray = counts == 0
        return counts, nothing

    def _ends(self, function: str, values: Column) -> tuple[Int64Array, BoolArray]:
        numbers = np.arange(self.rows)
        here = there(values) != 0
        if function == "first":
            at = np.minimum.accumulate(np.where(here, numbers, self.rows)[::-1])[::-1][self.low]
            nothing = at >= self.high
        else:
            at = np.maximum.accumulate(np.where(here, numbers, -1))[self.high - 1]
            nothing = at < self.low
        return at, nothing

    def _least(self, function: str, values: Column) -> tuple[Int64Array, BoolArray]:
        at = np.zeros(len(self), np.int64)
        order = ordered(values)
        queue = np.zeros(self.rows, np.int64)
        list_least(order if function == "min" else ~order, there(values), self.found, queue, at)
        return at, at < 0

    def _whole_sum(self, function: str, values: Column, faults: Int64Array) -> Leaf:
        counts, _ = self._nothing(values)
        numbers = np.where(there(values) != 0, values.values, 0)
        low, high = self.differences(numbers & _MASK), self.differences(numbers >> _HALF)
        return whole_total(function, values, counts, (high, low), faults)  # of fewer than 2^31 rows both are exact

    def _float_sum(self, function: str, values: Column, faults: Int64Array) -> Leaf:
        counts, _ = self._nothing(values)
        numbers: AnyArray = values.values
        here = there(values) != 0
        finite = here & np.isfinite(numbers)
        bits = np.ascontiguousarray(numbers).view(np.int64)
        limbs = (np.maximum((bits >> 52) & 0x7FF, 1) - 1) >> 5
        some = limbs[finite]
        lowest = int(some.min()) if some.size else 0
        width = (int(some.max()) if some.size else 0) - lowest + REACH
        out = np.zeros(len(self), np.int64)
        list_sums(bits, finite.astype(np.int64), self.found, np.zeros((2, width), np.int64), lowest, out)
        infinite = (self.differences(here & (numbers == np.inf)), self.differences(here & (numbers == -np.inf)))
        return float_total(function, out.view(np.float64), counts, infinite, faults)

    def _kth(self, node: Fold, values: Column, faults: Int64Array) -> Leaf:
        here = there(values) != 0
        some = np.flatnonzero(here)
        order = some[np.argsort(ordered(values)[some], kind="stable")]
        ranks = np.zeros(self.rows, np.int64)
        ranks[order] = np.arange(1, order.size + 1)
        tree = np.zeros(1 << int(order.size).bit_length(), np.int64)
        out = np.zeros((len(self), 2), np.int64)
        share, of = node.given if node.function == "percentile" else (0, 0)
        list_kth(ranks, self.found, tree, share, of, out)
        nothing = out[:, 0] == 0
        at = order[np.maximum(out, 1) - 1] if order.size else np.zeros_like(out)
        numbers: AnyArray = values.values
        low, high = numbers[at[:, 0]], numbers[at[:, 1]]
        if node.function == "percentile":
            return np.where(nothing, np.zeros((), numbers.dtype), low), nothing
        if values.type.kind == "duration":
            rest = low % 2 + high % 2
            floor = low // 2 + high // 2 + rest // 2
            return np.where(nothing, 0, floor + ((rest == 1) & (floor < 0))), nothing
        low, high = as_floats(low, values), as_floats(high, values)
        with np.errstate(all="ignore"):
            middle = np.where(out[:, 0] == out[:, 1], low, (low + high) / 2.0)
        return sound(middle, nothing, np.isinf(low) | np.isinf(high), faults)

    def _deviation(self, values: Column, faults: Int64Array) -> Leaf:
        counts, _ = self._nothing(values)
        squares = np.zeros(len(self), np.float64)
        numbers = as_floats(values.values, values)
        here = there(values)
        with np.errstate(all="ignore"):
            list_deviations(numbers, here, self.found, squares)
            found = np.sqrt(squares / np.maximum(counts - 1, 1))
        if values.type.kind == "duration":
            return found.astype(np.int64), counts < 2
        some_infinite = self.differences((here != 0) & np.isinf(numbers)) > 0
        return sound(found, counts < 2, some_infinite, faults)

    def _distinct(self, values: Column) -> Int64Array:
        words: Any = values.values
        if values.text is not None:  # one dictionary may hold a string twice
            words = np.array(values.text.strings, dtype=object)[words].astype(str) if len(values.text) else words
        elif values.type.kind == "float":
            words = words + 0.0  # -0.0 equals 0.0
        codes = np.unique(words, return_inverse=True)[1].reshape(-1).astype(np.int64)
        codes[there(values) == 0] = -1
        out = np.zeros(len(self), np.int64)
        list_distinct(codes, self.found, np.zeros(self.rows, np.int64), out)
        return out


def _in_order(lists: Lists) -> ListVector:
    return ListVector(np.arange(len(lists), dtype=np.int32), lists)


def _joined(ends: Int64Array, values: Column) -> Lists:
    """The lists of each stretch as one list."""
    assert values.lists is not None, "`flatten` takes lists"
    lists = values.lists.take(values.values)
    return Lists(lists.offsets[ends], lists.items)


def there(values: Column) -> Int64Array:
    """1 where a row has a value, else 0."""
    if values.valid is None:
        return np.ones(len(values), np.int64)
    there: Int64Array = values.valid.astype(np.int64)
    return there


def whole_total(
    function: str, values: Column, counts: Int64Array, halves: tuple[Int64Array, Int64Array], faults: Int64Array
) -> Leaf:
    """The sum or mean of whole numbers, of the sums of their higher and lower halves."""
    high, low = halves[0] + (halves[1] >> _HALF), halves[1] & _MASK
    nothing = counts == 0
    outside = (high >= 2**31) | (high < -(2**31))
    total = (high << _HALF) | low
    many = np.maximum(counts, 1)
    if function == "avg" and values.type.kind != "duration":
        exact = total.astype(np.float64)
        for row in np.flatnonzero(outside).tolist():
            exact[row] = float((int(high[row]) << 32) + int(low[row]))
        return exact / (many * float(10**values.type.scale)), nothing
    faults[OVERFLOW] += np.count_nonzero(outside)
    if function == "avg":  # toward zero
        floor = total // many
        total = floor + ((floor < 0) & (floor * many != total))
    return np.where(outside, 0, total), nothing | outside


def float_total(
    function: str, total: AnyArray, counts: Int64Array, infinite: tuple[Int64Array, Int64Array], faults: Int64Array
) -> Leaf:
    """The sum or mean of floats, of the sum of those that are finite, and how many are infinite, above and below."""
    above, below = infinite[0] > 0, infinite[1] > 0
    if above.any() or below.any():
        total = np.where(above & below, np.nan, np.where(above, np.inf, np.where(below, -np.inf, total)))
    if function == "avg":
        total = total / np.maximum(counts, 1)
    return sound(total, counts == 0, above | below, faults)


def ordered(values: Column) -> Int64Array:
    """Whole numbers that sort as the values do; equal where these are."""
    if values.type.kind != "float":
        return np.ascontiguousarray(values.values)
    bits = np.ascontiguousarray(values.values + 0.0).view(np.int64)
    ordered: Int64Array = bits ^ ((bits >> 63) & _MOST)
    return ordered


def taken(values: Column, at: AnyArray, nothing: BoolArray) -> Leaf:
    """The values at some rows; what stands where there is nothing is lawful."""
    at = np.where(nothing, 0, at)
    value, _ = batch_leaf(Column(values.type, values.values[at], None, values.text, values.lists))
    return (value & ~nothing, nothing) if values.type.kind == "bool" else (value, nothing)


def sound(found: AnyArray, nothing: BoolArray, infinite: BoolArray, faults: Int64Array) -> Leaf:
    """A float, null where it is none, or is infinite and what it is of is not; these are counted."""
    bad = (np.isnan(found) | (np.isinf(found) & ~infinite)) & ~nothing
    faults[NOT_A_NUMBER] += np.count_nonzero(bad)
    return found, nothing | bad


def as_floats(numbers: AnyArray, values: Column) -> AnyArray:
    """Numbers of a column as floats, whatever its scale."""
    scale = values.type.scale
    floats: AnyArray = numbers / float(10**scale) if scale else numbers.astype(np.float64)
    return np.ascontiguousarray(floats)
