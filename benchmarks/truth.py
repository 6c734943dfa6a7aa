"""What each query must find, in plain Python, by another way than any matcher takes.

Q1 filters. Q2 goes backwards: for each key it remembers when the next C comes, and at a B which C that is; so at an A
it knows when its C will be. Q3 sums over the A: how many C come within the bound, and how many B each of them has seen
since. Q4 writes the moves of each key's price as letters and leaves the rest to a regular
expression, which is leftmost and greedy and goes on behind each match, as the row pattern does. Q6 goes backwards as Q2
does. Q8 puts the events in order of key and seeks the next one in sorted columns, rule by rule.
Cost: about a second for a million events.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.stream import TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from benchmarks.many import Shape
    from benchmarks.stream import Ticks

    Int64Array = npt.NDArray[np.int64]

_A, _B, _C = range(3)


def count_q1(ticks: Ticks) -> int:
    """How many events are an A above 90."""
    return sum(
        letter == _A and price > 90 for letter, price in zip(ticks.type.tolist(), ticks.price.tolist(), strict=True)
    )


def count_q2(ticks: Ticks) -> int:
    """How many A have their B and then their C, all above 50 and of one key, in less than ten seconds."""
    next_c: dict[int, int] = {}
    c_behind_b: dict[int, int | None] = {}
    found = 0
    columns = (ticks.ts, ticks.key, ticks.type, ticks.price)
    for ts, key, letter, price in zip(*(c[::-1].tolist() for c in columns), strict=True):
        if price <= 50:
            continue
        if letter == _C:
            next_c[key] = ts
        elif letter == _B:
            c_behind_b[key] = next_c.get(key)
        elif letter == _A:
            end = c_behind_b.get(key)
            found += end is not None and end - ts < 10_000
    return found


def count_q3(ticks: Ticks, bound: int = 999) -> int:
    """How many A, B and C above 90 stand in this order within so many milliseconds."""
    dear = ticks.price > 90
    times, letters = ticks.ts[dear], ticks.type[dear]
    seen = np.cumsum(letters == _B)  # B up to each row
    of_c = np.flatnonzero(letters == _C)
    sums = np.concatenate([[0], np.cumsum(seen[of_c])])
    found = 0
    for row in np.flatnonzero(letters == _A).tolist():
        begin = int(np.searchsorted(of_c, row))
        end = int(np.searchsorted(of_c, np.searchsorted(times, times[row] + bound + 1)))
        found += int(sums[end] - sums[begin]) - (end - begin) * int(seen[row])
    return found


def count_q4(ticks: Ticks) -> int:
    """How often, key by key, a price falls, then climbs, then no longer climbs; matches share no event."""
    prices: dict[int, list[float]] = {}
    for key, price in zip(ticks.key.tolist(), ticks.price.tolist(), strict=True):
        prices.setdefault(key, []).append(price)
    valley = re.compile(".d+u+[ds]")
    found = 0
    for column in prices.values():
        moves = "".join("d" if after < before else "u" if after > before else "s" for before, after in pairwise(column))
        found += len(valley.findall("s" + moves))
    return found


def count_q6(ticks: Ticks) -> int:
    """How many A above 90 have no B of their key in the ten seconds after them, and ten seconds have passed."""
    found, end = 0, int(ticks.ts[-1])
    next_b: dict[int, int] = {}
    columns = (ticks.ts, ticks.key, ticks.type, ticks.price)
    for ts, key, letter, price in zip(*(c[::-1].tolist() for c in columns), strict=True):
        if letter == _B:
            next_b[key] = ts
        elif letter == _A and price > 90 and end - ts >= 10_000:
            found += next_b.get(key, end + 1) - ts > 10_000
    return found


def count_sequence(ticks: Ticks, steps: int, least: float, bound: int) -> int:
    """How many events of the first letter have all further ones after them, each the next of its key, within a bound.

    Goes backwards: for each key it remembers, step by step, when what begins there ends.
    """
    ends: list[dict[int, int | None]] = [{} for _ in range(steps)]
    found = 0
    columns = (ticks.ts, ticks.key, ticks.type, ticks.price)
    for ts, key, letter, price in zip(*(column[::-1].tolist() for column in columns), strict=True):
        if price <= least or letter >= steps:
            continue
        if letter == steps - 1:
            ends[letter][key] = ts
            continue
        end = ends[letter + 1].get(key)
        if letter:
            ends[letter][key] = end
        else:
            found += end is not None and end - ts <= bound
    return found


def count_q8(ticks: Ticks, shapes: Sequence[Shape]) -> int:
    """What the rules of these shapes find together; `count_q2` is the one of A, B, C and 50."""
    size = ticks.events
    place = ticks.key.astype(np.int64) * size + np.arange(size)  # later events of a key have greater ones
    by_letter = [np.flatnonzero(ticks.type == letter) for letter in range(len(TYPES))]
    found = 0
    for letters, least in shapes:
        dear = (place[rows[ticks.price[rows] > least]] for rows in (by_letter[TYPES.index(x)] for x in letters))
        first, second, third = (np.sort(places) for places in dear)
        of_second = _next(first, second, size)
        first, second = first[of_second >= 0], of_second[of_second >= 0]
        of_third = _next(second, third, size)
        first, third = first[of_third >= 0], of_third[of_third >= 0]
        found += int(np.count_nonzero(ticks.ts[third % size] - ticks.ts[first % size] < 10_000))
    return found


def _next(places: Int64Array, others: Int64Array, size: int) -> Int64Array:
    """For each place the next of the others that is of the same key, or -1."""
    at = np.searchsorted(others, places)
    after = np.append(others, -1)[at]
    return np.where(after // size == places // size, after, -1)
