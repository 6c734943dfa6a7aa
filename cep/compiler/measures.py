"""Measures: aggregates that need all values of a match at once, for all matches of a batch together.

``ends`` cuts the values, nulls left out, into those of each match, in the order bound. A percentile is a value of
the data: the least that at least the share p of them do not exceed (nearest rank). A median is the middle one, of an
even number the mean of the two in the middle. A standard deviation is that of a sample: the root of the squares of the
differences from the mean, summed in the order bound, over n - 1; of fewer than two there is none.
Cost: O(values log values).
References: Hyndman and Fan, The American Statistician 50(4), 1996 (definition 1, and the median of definition 2).
Tested by: tests/compiler/test_measures.py, tests/properties/test_measures.py
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.model.batch import Column, Lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.batch import AnyArray, BoolArray, Int64Array


def measured(function: str, ends: Int64Array, values: Column, given: tuple[int, ...]) -> tuple[Any, BoolArray]:
    """The measure of each match, and where there is none."""
    counts = np.diff(ends)
    if function == "count_distinct":
        return np.diff(first_seen(ends, values).offsets), np.zeros(counts.size, np.bool_)
    if function == "stddev":
        return _deviation(counts, values)
    numbers: AnyArray = values.values
    nothing: BoolArray = counts == 0
    if not numbers.size:
        return np.zeros(counts.size, numbers.dtype if function == "percentile" else np.float64), nothing
    numbers = numbers[np.lexsort([numbers, _owners(counts)])]
    last = numbers.size - 1
    if function == "percentile":
        share, of = given
        rank = np.maximum((share * counts + of - 1) // of, 1)
        return numbers[np.minimum(ends[:-1] + rank - 1, last)], nothing
    assert function == "median", function
    low = numbers[np.minimum(ends[:-1] + np.maximum(counts - 1, 0) // 2, last)]
    high = numbers[np.minimum(ends[:-1] + counts // 2, last)]
    if values.type.kind != "duration":
        low, high = _as_floats(low, values), _as_floats(high, values)
        return np.where(counts % 2 == 1, low, (low + high) / 2.0), nothing
    rest = low % 2 + high % 2
    floor = low // 2 + high // 2 + rest // 2
    return floor + ((rest == 1) & (floor < 0)), nothing


def folded(function: str, ends: Int64Array, values: Column | None) -> tuple[AnyArray, BoolArray, BoolArray]:
    """A fold over each stretch of values without nulls (None: of events), where it is of nothing, where beyond 64 bits.

    Sums are exact, and those of floats are rounded once; ``avg`` is the sum rounded to a float, by how many there are.
    """
    counts = np.diff(ends)
    nothing, outside = counts == 0, np.zeros(counts.size, np.bool_)
    if function == "count" or values is None:
        return counts, np.zeros(counts.size, np.bool_), outside
    numbers: AnyArray = values.values
    if function in ("min", "max"):
        found = np.zeros(counts.size, numbers.dtype)
        some = np.flatnonzero(~nothing)
        if some.size:
            ascending = numbers if function == "min" else -numbers if numbers.dtype.kind == "f" else ~numbers
            owner = _owners(counts)
            order = np.lexsort([ascending, owner])  # stable: of equals the one seen first
            found[some] = numbers[order[ends[:-1][some]]]
        return found, nothing, outside
    parts = [numbers[begin:end].tolist() for begin, end in itertools.pairwise(ends.tolist())]
    if numbers.dtype.kind == "f":
        totals = np.array([exact_sum(each) for each in parts], np.float64)
        return totals if function == "sum" else totals / np.maximum(counts, 1), nothing, outside
    whole = [sum(each) for each in parts]
    if function == "sum" or values.type.kind == "duration":
        outside = np.array([not -(2**63) <= total < 2**63 for total in whole], np.bool_)
        whole = [0 if beyond else total for total, beyond in zip(whole, outside.tolist(), strict=True)]
        if function == "avg":  # toward zero
            whole = [
                abs(t) // n * (1 if t >= 0 else -1) for t, n in zip(whole, np.maximum(counts, 1).tolist(), strict=True)
            ]
        return np.array(whole, np.int64), nothing, outside
    return (
        np.array([float(t) for t in whole]) / (np.maximum(counts, 1) * float(10**values.type.scale)),
        nothing,
        outside,
    )


def exact_sum(numbers: Sequence[float]) -> float:
    """The sum of floats as if it were exact, rounded once."""
    if not all(map(math.isfinite, numbers)):
        return sum(numbers)
    try:
        return math.fsum(numbers) + 0.0  # nothing is no less than zero
    except OverflowError:  # on the way, or for good
        try:
            return float(sum(map(Fraction, numbers)))
        except OverflowError:
            return math.inf


def most_frequent(ends: Int64Array, values: Column, wanted: int) -> Lists:
    """Of each list its ``wanted`` most frequent values, the most frequent first, of equals the one seen first."""
    counts = np.diff(ends)
    order, leads = _grouped(counts, values)
    starts = np.flatnonzero(leads)
    first, often = order[starts], np.diff(np.append(starts, order.size))
    owner = _owners(counts)[first]
    ranked = np.lexsort([first, -often, owner])
    distinct = np.bincount(owner, minlength=counts.size)
    begin = np.zeros(counts.size + 1, np.int64)
    np.cumsum(distinct, out=begin[1:])
    kept = np.arange(ranked.size) - begin[owner[ranked]] < wanted
    offsets = np.zeros(counts.size + 1, np.int64)
    np.cumsum(np.minimum(distinct, wanted), out=offsets[1:])
    return Lists(offsets, values.take(first[ranked[kept]]))


def first_seen(ends: Int64Array, values: Column) -> Lists:
    """Of each list the values that do not stand in it before, in order."""
    order, leads = _grouped(np.diff(ends), values)
    keep = np.zeros(order.size, np.bool_)
    keep[order[leads]] = True
    return Lists(cut(ends, keep), values.take(keep))


def cut(ends: Int64Array, keep: BoolArray) -> Int64Array:
    """Offsets into what is kept, from offsets into all."""
    before = np.zeros(keep.size + 1, np.int64)
    np.cumsum(keep, out=before[1:])
    kept: Int64Array = before[ends]
    return kept


def _grouped(counts: Int64Array, values: Column) -> tuple[Int64Array, BoolArray]:
    """The order in which equal values of a list stand together, the first one leading, and where one leads."""
    words = values.values
    if values.text is not None:  # one dictionary may hold a string twice
        words = np.unique(np.array(values.text.strings, dtype=object), return_inverse=True)[1][words]
    elif values.type.kind == "float":
        words = np.unique(words + 0.0, return_inverse=True)[1]  # -0.0 equals 0.0
    owner = _owners(counts)
    order = np.lexsort([words, owner])  # stable
    sorted_owner, sorted_words = owner[order], words[order]
    leads = np.ones(order.size, np.bool_)
    leads[1:] = (sorted_owner[1:] != sorted_owner[:-1]) | (sorted_words[1:] != sorted_words[:-1])
    return order, leads


def _owners(counts: Int64Array) -> Int64Array:
    return np.repeat(np.arange(counts.size), counts)


def _as_floats(numbers: AnyArray, values: Column) -> AnyArray:
    scale = values.type.scale
    return numbers / float(10**scale) if scale else numbers.astype(np.float64)


def _deviation(counts: Int64Array, values: Column) -> tuple[AnyArray, BoolArray]:
    owner, numbers = _owners(counts), _as_floats(values.values, values)
    # bincount adds in order, from 0.0
    mean = np.bincount(owner, weights=numbers, minlength=counts.size) / np.maximum(counts, 1)
    apart = numbers - mean[owner]
    squares = np.bincount(owner, weights=apart * apart, minlength=counts.size)
    found: AnyArray = np.sqrt(squares / np.maximum(counts - 1, 1))
    if values.type.kind == "duration":
        return found.astype(np.int64), counts < 2
    return found, counts < 2
