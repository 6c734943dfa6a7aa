"""Time: 64-bit nanoseconds since 1970-01-01T00:00Z, and how instants and durations are written and read.

An instant is written in RFC 3339 with ``Z`` and as many digits as it needs, no trailing zeros. It is read from a date
(midnight), or a date and a time of day joined by ``T`` or a space, whose minutes and seconds may be left out, with a
zone or else in UTC. Instants lie between `MIN_TIME` (1678-01-01) and `MAX_TIME` (2262-01-01), both inclusive.

Invariant: ``parse_time(format_time(t)) == t`` and ``parse_duration(format_duration(d)) == d``.
References: RFC 3339; for local text, PEP 495 (the earlier of two ambiguous instants is the one with ``fold=0``).
Tested by: tests/model/test_time.py
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Timestamp = int

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
MIN_TIME: Timestamp = -9_214_560_000 * SECOND  # 1678-01-01T00:00:00Z
MAX_TIME: Timestamp = 9_214_646_400 * SECOND  # 2262-01-01T00:00:00Z

NANOSECONDS = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_TIME = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?([Zz]|[+-]\d\d(?::?\d\d)?)?)?\s*",
    re.ASCII,
)
_BARE_NUMBER = re.compile(r"\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*", re.ASCII)
_UNITS = {"w": 7 * DAY, "d": DAY, "h": 3600 * SECOND, "min": 60 * SECOND, **NANOSECONDS}
_DURATION = re.compile(r"([+-]?)((?:\s*\d+(?:\.\d+)?\s*(?:us|ms|ns|s|min|h|d|w)\b)+)", re.ASCII)
_PART = re.compile(r"(\d+)(?:\.(\d+))?\s*(us|ms|ns|s|min|h|d|w)\b", re.ASCII)


def format_time(ns: Timestamp) -> str:
    """The instant as RFC 3339 text in UTC, with as many fractional digits as it needs."""
    second, rest = divmod(ns, SECOND)
    if not MIN_TIME <= ns <= MAX_TIME:
        msg = f"{ns} ns is outside the years 1678 to 2262"
        raise ValueError(msg)
    day, second = divmod(second, 86_400)
    text = (
        f"{datetime.date.fromordinal(_EPOCH_DAY + day)}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    )
    return f"{text}.{rest:09d}".rstrip("0") + "Z" if rest else f"{text}Z"


def format_times(ns: npt.NDArray[np.int64]) -> list[str]:
    """`format_time` of a whole column."""
    import numpy as np

    seconds, rest = np.divmod(ns, SECOND)
    texts: list[str] = np.datetime_as_string(seconds.astype("M8[s]")).tolist()
    if not rest.any():
        return [f"{text}Z" for text in texts]
    return [
        f"{text}.{r:09d}".rstrip("0") + "Z" if r else f"{text}Z" for text, r in zip(texts, rest.tolist(), strict=True)
    ]


def parse_time(text: str, zone: str | None = None) -> Timestamp:
    """The instant that ``text`` names; without a zone of its own it is in ``zone``, else in UTC.

    A local time that happens twice is the earlier one. ValueError tells what is wrong: no such form, no such day, a
    local time that the clocks skip, or years that 64 bits cannot hold.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        if _BARE_NUMBER.fullmatch(text):
            msg = bare_number(_cut(text.strip()))
        else:
            msg = f'"{_cut(text)}" is not an RFC 3339 time'
        raise ValueError(msg)
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if fraction and len(fraction) > 9:
        msg = f'"{_cut(text)}" has more than nine digits after the second'
        raise ValueError(msg)
    try:
        local = datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001
    except ValueError as error:
        msg = f'"{_cut(text)}" is not a time: {error}'
        raise ValueError(msg) from None
    if offset is None:
        seconds = local_seconds(local, zone)
    else:
        seconds = local_seconds(local, None) - _offset_seconds(offset, text)
    ns = seconds * SECOND + int((fraction or "").ljust(9, "0"))
    if not MIN_TIME <= ns <= MAX_TIME:
        msg = f'"{_cut(text)}" is outside the years 1678 to 2262'
        raise ValueError(msg)
    return ns


def bare_number(number: str) -> str:
    """Why a number is no time, and the cure."""
    return f"{number} is a bare number, not a time; declare its unit: time(s), time(ms), time(us) or time(ns)"


def local_seconds(local: datetime.datetime, zone: str | None) -> int:
    """Seconds since 1970 UTC of a naive local time; of two, the earlier; ValueError when the clocks skip it."""
    seconds = (local.toordinal() - _EPOCH_DAY) * 86_400 + local.hour * 3600 + local.minute * 60 + local.second
    if zone is None or zone == "UTC":
        return seconds
    where = ZoneInfo(zone)
    offset = local.replace(tzinfo=where).utcoffset()
    assert offset is not None
    utc = seconds - round(offset.total_seconds())
    back = datetime.datetime.fromtimestamp(utc, where).replace(tzinfo=None, fold=0)
    if back != local.replace(microsecond=0):
        msg = f"{local} does not exist in {zone}: the clocks skip it"
        raise ValueError(msg)
    return utc


def format_duration(ns: int) -> str:
    """The duration in words: ``1 h 30 min``, ``250 ms``, ``0 s``; days are the largest unit."""
    parts, rest = [], abs(ns)
    for unit in ("d", "h", "min", "s", "ms", "us", "ns"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count} {unit}")
    return ("-" if ns < 0 else "") + (" ".join(parts) or "0 s")


def parse_duration(text: str) -> int:
    """Nanoseconds of ``1 h 30 min``, ``1.5 s``, ``-2 d``; ValueError for other text, and for less than 1 ns."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        if _BARE_NUMBER.fullmatch(text):
            msg = f'{text.strip()} is a bare number; a duration needs a unit, such as "10 min"'
        else:
            msg = f'"{_cut(text)}" is not a duration such as "1 h 30 min"'
        raise ValueError(msg)
    total = 0
    for whole, fraction, unit in _PART.findall(found[2]):
        scale = 10 ** len(fraction)
        scaled, rest = divmod(int(whole + fraction) * _UNITS[unit], scale)
        if rest:
            msg = f'"{_cut(text)}" is finer than a nanosecond'
            raise ValueError(msg)
        total += scaled
    if total > 2**63 - 1:
        msg = f'"{_cut(text)}" is longer than 292 years'
        raise ValueError(msg)
    return -total if found[1] == "-" else total


def _offset_seconds(offset: str, text: str) -> int:
    if offset in "Zz":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[-2:]) if len(offset) > 3 else 0
    if hours > 23 or minutes > 59:
        msg = f'"{_cut(text)}" has no possible zone offset'
        raise ValueError(msg)
    return (-1 if offset[0] == "-" else 1) * (hours * 3600 + minutes * 60)


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
