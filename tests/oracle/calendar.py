"""Times on the clocks of a time zone, by Python's own calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cep.model.time import MAX_TIME, MIN_TIME
from oracle.values import Time, kept

SECOND = 10**9
HOUR = 3600
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local(second, zone):
    """What the clock shows at a whole second since 1970."""
    return (EPOCH + timedelta(seconds=second)).astimezone(ZoneInfo(zone))


def part(name, time, zone="UTC"):
    clock = local(int(time) // SECOND, zone)
    return {"hour_of": clock.hour, "day_of": clock.day, "weekday_of": clock.isoweekday()}[name]


def offset(second, zone):
    return round(local(second, zone).utcoffset().total_seconds())


def truncated(time, step, zone=None):
    """'down to a multiple of d since the epoch'; with a zone 'the first instant of that stretch of local time'."""
    if zone is None:
        return kept(Time(int(time) // step * step))
    if not MIN_TIME <= time <= MAX_TIME:
        return None

    def stretch(instant):
        return (instant + offset(instant // SECOND, zone) * SECOND) // step * step

    begin = stretch(int(time))
    if begin < MIN_TIME:
        return None
    # the clocks show the beginning of the stretch within two days of it, or are changed past it
    seconds = range(begin // SECOND - 48 * HOUR, begin // SECOND + 48 * HOUR, HOUR)
    candidates = [begin - offset(s, zone) * SECOND for s in seconds]
    candidates += [changed(s, zone) * SECOND for s in seconds if offset(s, zone) != offset(s + HOUR, zone)]
    return Time(min(c for c in candidates if stretch(c) == begin))


def changed(second, zone):
    """The first second with another offset than ``second`` has."""
    before = offset(second, zone)
    return next(s for s in range(second, second + HOUR + 1) if offset(s, zone) != before)
