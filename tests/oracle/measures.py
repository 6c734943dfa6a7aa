"""Measures of all values of a match: percentile, median, stddev, top, count(distinct …)."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from oracle import values

MEASURES = ("percentile", "median", "stddev", "top")


def distinct(found):
    """'Each value once, in order of the first.'"""
    out = []
    for value in found:
        if value not in out:
            out.append(value)
    return out


def measure(name, found, given=None):
    """A measure of values; 'nulls are passed over'."""
    found = [v for v in found if v is not None]
    if name == "top":  # 'the most frequent first, of equals the one seen first'
        return sorted(distinct(found), key=lambda v: -found.count(v))[:given]
    if name == "percentile":  # 'the least value that at least the share p of them do not exceed'
        share = Fraction(given.text if isinstance(given, values.Point) else given)
        reached = [v for v in sorted(found) if sum(w <= v for w in found) >= share * len(found)]
        return reached[0] if reached else None
    if name == "median":
        return median(sorted(found))
    return deviation(found)


def median(found):
    """'The middle one, of an even number the mean of the two in the middle'; of durations toward zero."""
    if not found:
        return None
    low, high = found[(len(found) - 1) // 2], found[len(found) // 2]
    if isinstance(low, values.Duration):
        return low if len(found) % 2 else values.Duration(values.toward_zero(int(low) + int(high), 2))
    low, high = values.to_float(low), values.to_float(high)
    return low if len(found) % 2 else values.sound((low + high) / 2.0, low, high)


def deviation(found):
    """'Over n - 1; of fewer than two there is none'; in floats, summed in the order bound."""
    if len(found) < 2:
        return None
    numbers = [values.to_float(v) for v in found]
    total = 0.0
    for x in numbers:
        total += x
    mean, squares = total / len(numbers), 0.0
    for x in numbers:
        squares += (x - mean) * (x - mean)
    root = values.sound(math.sqrt(squares / (len(numbers) - 1)))
    return values.Duration(int(root)) if isinstance(found[0], values.Duration) else root


def running_deviation(found):
    """'Over everything by Welford's recurrence, in the order of the events.'"""
    found = [v for v in found if v is not None]
    count, mean, squares = 0, 0.0, 0.0
    for x in map(values.to_float, found):
        count += 1
        apart = x - mean
        mean += apart / count
        squares += apart * (x - mean)
    if count < 2:
        return None
    if math.isnan(squares):
        return None
    root = values.sound(math.sqrt(squares / (count - 1)))
    return values.Duration(int(root)) if isinstance(found[0], values.Duration) else root


def sketched(name, found, share=None):
    """What the library's sketch answers, fed in the order of the events: 'infinite values are passed over'."""
    import datasketches

    found = [v for v in found if v is not None]
    if name == "approx_distinct":
        sketch = datasketches.hll_sketch(12)
        for value in found:
            if isinstance(value, Decimal):
                value = int(value.scaleb(-value.as_tuple().exponent))
            sketch.update(value + 0.0 if isinstance(value, float) else value if isinstance(value, str) else int(value))
        return round(sketch.get_estimate())
    digest = datasketches.tdigest_double(200)
    for value in map(values.to_float, found):
        if math.isfinite(value):
            digest.update(value)
    written = share.text if isinstance(share, values.Point) else share
    return None if digest.is_empty() else digest.get_quantile(float(written))
