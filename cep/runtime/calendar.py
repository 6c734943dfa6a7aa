"""Windows of local time: which rows of each key are of one stretch on the clocks of a time zone.

Cost: O(rows that are looked at).
Tested by: tests/runtime/test_calendar.py, tests/test_corpus.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.window import AT, BEGINS, DROPPED, HIGH, LAST_TIME, LOW, WAKES, WINDOW_WIDTH
from cep.model.zones import stretches_of

if TYPE_CHECKING:
    from cep.language.typed import CheckedWindow
    from cep.model.batch import Int64Array

BEGIN = WINDOW_WIDTH
"""Where a window begins, behind what kernels say of it."""


def list_calendar(ts: Int64Array, ends: Int64Array, left: Int64Array, window: CheckedWindow, until: int) -> Int64Array:
    """The windows of some keys that end before ``until``, with `BEGIN`; what is left of each key goes to ``left``."""
    assert window.zone is not None
    begin, end = stretches_of(ts, window.length or 1, window.zone)
    key = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    over = end < until
    leads = np.ones(len(ts), np.bool_)
    leads[1:] = (key[1:] != key[:-1]) | (end[1:] != end[:-1])
    first = np.flatnonzero(leads)
    after = np.append(first[1:], len(ts))[over[first]]
    first = first[over[first]]
    found = np.zeros((len(first), WINDOW_WIDTH + 1), np.int64)
    found[:, LOW], found[:, HIGH], found[:, AT], found[:, BEGIN] = first, after, end[first], begin[first]
    left[:, DROPPED] = np.bincount(key[over], minlength=len(ends) - 1)
    at = ends[:-1] + left[:, DROPPED]
    some = at < ends[1:]
    left[:, WAKES] = np.where(some, end[np.where(some, at, 0)], LAST_TIME)
    left[:, BEGINS] = 0
    return found
