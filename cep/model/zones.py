"""Local time: what the clocks of a time zone show, for columns of instants.

Offsets are those of `zoneinfo`, asked once a day of a block of about two years and then, where they differ, second by
second by halving; blocks are kept. No zone has two changes within three days.
``truncate_local`` gives the first instant of a stretch of local time: the stretches are the multiples of a duration on
the local clock, counted from its 1970-01-01T00:00. So a day begins at the local midnight, or with the first instant
after it where the clocks skip it.

Invariant: ``truncate_local(t) <= t``, and both show a time in the same stretch.
Cost: O(rows log changes); a block of a zone once a process, about a millisecond.
References: RFC 8536.
Tested by: tests/model/test_zones.py
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from cep.model.batch import BoolArray, Int64Array
from cep.model.time import MAX_TIME, MIN_TIME, SECOND

_DAY = 86_400
_HOUR = 3600 * SECOND
_BITS = 26  # a block of 2^26 seconds
_REACH = 2 * _DAY  # farther from UTC no clock is
_LAST = 2**63 - 1


def is_zone(name: str) -> bool:
    """Whether there is a time zone of a name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True


def local_seconds(seconds: Int64Array, zone: str) -> Int64Array:
    """Seconds since 1970 on the local clock, of seconds since 1970 in UTC."""
    if not seconds.size:
        return seconds
    starts, offsets = _changes(zone, [seconds])
    local: Int64Array = seconds + offsets[np.searchsorted(starts, seconds, "right") - 1]
    return local


def truncate_local(ts: Int64Array, step: int, zone: str) -> tuple[Int64Array, BoolArray]:
    """The first instant of the stretch of ``step`` ns that each of ``ts`` lies in, and where there is none.

    There is none outside the years 1678 to 2262, for an instant and for the beginning of its stretch.
    """
    outside = (ts < MIN_TIME) | (ts > MAX_TIME)
    inside = np.where(outside, 0, ts)
    local = inside + (local_seconds(inside // SECOND, zone) - inside // SECOND) * SECOND
    rest = local % step
    outside |= local < MIN_TIME + rest
    begin = np.where(outside, 0, local - rest)
    if not ts.size:
        return begin, outside
    first = begin // SECOND - _REACH
    starts, offsets = _changes(zone, [first, first + 2 * _REACH])
    starts, offsets = np.maximum(starts, MIN_TIME // SECOND - 2 * _REACH) * SECOND, offsets * SECOND
    ends = np.append(starts[1:], _LAST)
    place = np.searchsorted(starts, first * SECOND, "right") - 1
    while True:  # from change to change, until the local clock shows a time of the stretch: a few times at most
        found = np.maximum(starts[place], begin - offsets[place])
        reached = (found < ends[place]) & (found + offsets[place] - begin < step)
        if reached.all():
            return found, outside
        place = place + ~reached


def stretches_of(ts: Int64Array, step: int, zone: str) -> tuple[Int64Array, Int64Array]:
    """Where the stretches of ``step`` ns begin and end that some instants lie in; one ends where the next begins.

    Clocks that are set back show some times again: a stretch begins once, at the first instant at which they show its
    first time or a later one. What lies beyond the years 1678 to 2262 is in the first or last stretch there is.
    """
    reach = _REACH * SECOND
    inside = np.clip(ts, MIN_TIME + step + 2 * reach, MAX_TIME - step - 2 * reach)
    if not ts.size:
        return inside, inside
    starts, offsets = _changes(zone, [(inside - reach) // SECOND, inside // SECOND])
    starts = np.maximum(starts, MIN_TIME // SECOND) * SECOND
    shown = inside + offsets[np.searchsorted(starts, inside, "right") - 1] * SECOND
    for back in np.flatnonzero(offsets[1:] < offsets[:-1]) + 1:  # what was shown before they were set back
        begin = starts[back]
        again = (inside >= begin) & (inside < begin + reach)
        shown[again] = np.maximum(shown[again], begin + offsets[back - 1] * SECOND - 1)
    first = shown // step * step
    return _first_shown(first, zone), _first_shown(first + step, zone)


def _first_shown(local: Int64Array, zone: str) -> Int64Array:
    """The first instants at which the clocks show some local times (ns) or later ones."""
    before = local // SECOND - _REACH
    starts, offsets = _changes(zone, [before, before + 2 * _REACH])
    starts, offsets = np.maximum(starts, MIN_TIME // SECOND - 2 * _REACH) * SECOND, offsets * SECOND
    ends = np.append(starts[1:], _LAST)
    place = np.searchsorted(starts, before * SECOND, "right") - 1
    while True:  # from change to change: a few times at most
        found = np.maximum(starts[place], local - offsets[place])
        reached = found < ends[place]
        if reached.all():
            shown: Int64Array = found
            return shown
        place = place + ~reached


@lru_cache(maxsize=1024)
def _stretch(time: int, step: int, zone: str) -> tuple[int, int]:
    begin, end = stretches_of(np.array([time], np.int64), step, zone)
    return int(begin[0]), int(end[0])


def end_of_stretch(time: int, step: int, zone: str) -> int:
    """Where the stretch of an instant ends."""
    hour = time // _HOUR * _HOUR
    begin, end = _stretch(hour, step, zone)
    return end if begin <= time < end else int(stretches_of(np.array([time], np.int64), step, zone)[1][0])


def _changes(zone: str, seconds: list[Int64Array]) -> tuple[Int64Array, Int64Array]:
    """When offsets begin, and the offsets, in all blocks that have one of ``seconds``."""
    blocks = np.unique(np.concatenate([s >> _BITS for s in seconds])).tolist()
    known = [_block(zone, b) for b in blocks]
    return np.concatenate([k[0] for k in known]), np.concatenate([k[1] for k in known])


@lru_cache(maxsize=4096)
def _block(zone: str, block: int) -> tuple[Int64Array, Int64Array]:
    where = ZoneInfo(zone)
    start, end = block << _BITS, (block + 1) << _BITS
    starts, offsets = [start], [_offset(where, start)]
    day = start
    while day < end:
        later = min(day + _DAY, end)
        offset = _offset(where, later)
        if offset != offsets[-1]:
            low, high = day, later  # the offset at `low` is the old one, at `high` the new one
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(where, middle) == offsets[-1] else (low, middle)
            if high < end:
                starts.append(high)
                offsets.append(offset)
        day = later
    return np.array(starts, np.int64), np.array(offsets, np.int64)


def _offset(where: ZoneInfo, seconds: int) -> int:
    offset = datetime.fromtimestamp(seconds, UTC).astimezone(where).utcoffset()
    assert offset is not None
    return offset.days * _DAY + offset.seconds
