"""``output early``: windows that time ends are told of as they fill, and what has been told is taken back.

At each event every window that holds it has changed: what was told of it before that event is taken back, and what it
is now is told. Both are stretches of the rows that are kept, so nothing is remembered of what has been told: it was
told when ``having`` was true of it. An id is made of a window's events, so that what is taken back has the id that it
was told with, and what is left in the end is what ``output final`` gives.
Cost: O(windows that hold an event) an event, in Python, and a call O(rows of the windows that it changes).
Tested by: tests/properties/test_windows_early.py, tests/test_corpus.py
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.runs import TS
from cep.kernels.window import AT, HIGH, LAST_TIME, LOW, WINDOW_WIDTH
from cep.model.zones import stretches_of
from cep.runtime.listed import Told, Windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cep.language.typed import CheckedWindow
    from cep.model.batch import Int64Array

TOLD, TAKEN_BACK = 0, 1
OPS = ("+", "-")
_NEVER = int(LAST_TIME)


def list_early(window: CheckedWindow, rows: Int64Array, ends: Int64Array, fresh: Int64Array) -> Windows:
    """What the last ``fresh`` rows of each key change, event after event: first taken back, then told."""
    ts = rows[:, TS].tolist()
    found: list[tuple[int, int, int, int, int, int]] = []
    for key in range(len(ends) - 1):
        first, stop = int(ends[key]), int(ends[key + 1])
        for row, low, begin, end in _holding(window, ts, first, stop, stop - int(fresh[key])):
            if row > low:
                found.append((low, row, end, begin, TAKEN_BACK, row))
            found.append((low, row + 1, end, begin, TOLD, row))
    table = np.array(found, np.int64).reshape(-1, 6)
    lows, highs, end_times, begin_times, ops, at = table.T
    # bounds of stretches never fall: the rows of each window are written out, and its changes stand one after the other
    _, which, lane = np.unique(table[:, [0, 2]], axis=0, return_index=True, return_inverse=True)
    lane = lane.reshape(-1)
    sizes = np.zeros(len(which), np.int64)
    np.maximum.at(sizes, lane, at + 1 - lows)
    offsets = np.cumsum(sizes) - sizes
    copied = np.repeat(lows[which] - offsets, sizes) + np.arange(sizes.sum())
    order = np.argsort(lane, kind="stable")
    shift = (offsets[lane] - lows)[order]
    listed = np.zeros((len(table), WINDOW_WIDTH), np.int64)
    listed[:, LOW], listed[:, HIGH], listed[:, AT] = lows[order] + shift, highs[order] + shift, end_times[order]
    begins = begin_times[order] if window.kind == "calendar" else None
    told = Told(ops[order], at[order] + shift, order)
    return Windows(rows[copied], listed, listed[:, HIGH] - 1, begins, told=told)


def _holding(
    window: CheckedWindow, ts: list[int], first: int, stop: int, new: int
) -> Iterator[tuple[int, int, int, int]]:
    """Each row of a key from ``new`` on with the windows that hold it: the first row, beginning and end."""
    length, every = window.length or 1, window.every or _NEVER
    match window.kind:
        case "panes":
            for row in range(new, stop):
                end = (ts[row] // every + 1) * every
                while end - length <= ts[row] and end < _NEVER:
                    yield row, bisect_left(ts, end - length, first, row), end - length, end
                    end += every
        case "calendar":
            begins, ends = stretches_of(np.array(ts[new:stop], np.int64), length, window.zone or "UTC")
            for row, begin, end in zip(range(new, stop), begins.tolist(), ends.tolist(), strict=True):
                yield row, bisect_left(ts, begin, first, row), begin, end
        case _:
            low = first
            for row in range(first, stop):
                if row > first and (ts[row] - ts[row - 1] > length or ts[row] - ts[low] > every):
                    low = row
                end = min(ts[row] + length, ts[low] + every)
                if row >= new and end < _NEVER:
                    yield row, low, ts[low], end
