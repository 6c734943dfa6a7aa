"""What each query must find, in plain Python, by another way than any matcher takes.

Q1 filters. Q2 goes backwards: for each key it remembers when the next C comes, and at a B which C that is; so at an A
it knows when its C will be. Q3 sums over the A: how many C come within the bound, and how many B each of them has seen
since. Q4 writes the moves of each key's price as letters and leaves the rest to a regular
expression, which is leftmost and greedy and goes on behind each match, as the row pattern does.
Cost: about a second for a million events.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmarks.stream import Ticks

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


def count_q3(ticks: Ticks) -> int:
    """How many A, B and C above 90 stand in this order in less than a second."""
    dear = ticks.price > 90
    times, letters = ticks.ts[dear], ticks.type[dear]
    seen = np.cumsum(letters == _B)  # B up to each row
    of_c = np.flatnonzero(letters == _C)
    sums = np.concatenate([[0], np.cumsum(seen[of_c])])
    found = 0
    for row in np.flatnonzero(letters == _A).tolist():
        begin = int(np.searchsorted(of_c, row))
        end = int(np.searchsorted(of_c, np.searchsorted(times, times[row] + 1000)))
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


def count_chain(ticks: Ticks, letters: str, least: float) -> int:
    """What `count_q2` counts, for other letters and another price."""
    a, b, c = ("ABCDEFGHIJ".index(letter) for letter in letters)
    next_c: dict[int, int] = {}
    c_behind_b: dict[int, int | None] = {}
    found = 0
    columns = (ticks.ts, ticks.key, ticks.type, ticks.price)
    for ts, key, letter, price in zip(*(column[::-1].tolist() for column in columns), strict=True):
        if price <= least:
            continue
        if letter == c:
            next_c[key] = ts
        elif letter == b:
            c_behind_b[key] = next_c.get(key)
        elif letter == a:
            end = c_behind_b.get(key)
            found += end is not None and end - ts < 10_000
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
