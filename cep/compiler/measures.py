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

from typing import TYPE_CHECKING, Any

import numpy as np

from cep.model.batch import Column, Lists

if TYPE_CHECKING:
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
