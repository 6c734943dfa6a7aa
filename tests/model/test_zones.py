"""Local time against Python's own calendar, instant by instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cep.model.time import DAY, MAX_TIME, MIN_TIME, SECOND
from cep.model.zones import local_seconds, truncate_local

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3600
ZONES = ["Europe/Paris", "America/Sao_Paulo", "Africa/Freetown", "UTC"]


def offset(second, zone):
    return round((EPOCH + timedelta(seconds=second)).astimezone(ZoneInfo(zone)).utcoffset().total_seconds())


def at(text):
    return int((datetime.fromisoformat(text) - EPOCH).total_seconds())


# the clocks change at, or right before, these
CHANGES = ["2024-03-31T01:00Z", "2024-10-27T01:00Z", "2018-11-04T03:00Z", "1939-09-01T00:00Z", "1911-03-10T23:50:39Z"]


@pytest.mark.parametrize("zone", ZONES)
def test_the_clocks_show_what_python_says(zone):
    rng = Random(zone)
    seconds = [rng.randrange(-(2**63) // SECOND, 2**63 // SECOND) for _ in range(100)]
    seconds += [at(c) + d for c in CHANGES for d in (-HOUR, -1, 0, 1, HOUR)]
    seconds += [-(2**63) // SECOND, 2**63 // SECOND]
    found = local_seconds(np.array(seconds), zone)
    assert found.tolist() == [s + offset(s, zone) for s in seconds]


def test_no_instants_have_no_local_time():
    assert local_seconds(np.zeros(0, np.int64), "Europe/Paris").size == 0
    assert truncate_local(np.zeros(0, np.int64), DAY, "Europe/Paris")[0].size == 0


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("step", [DAY, HOUR * SECOND, 7 * DAY, 30 * 60 * SECOND, 7 * SECOND, 3], ids=str)
def test_a_stretch_begins_at_its_first_instant(zone, step):
    rng = Random(step)
    times = [(at(c) + rng.randrange(-3 * HOUR, 3 * HOUR)) * SECOND + rng.randrange(SECOND) for c in CHANGES * 8]
    found, outside = truncate_local(np.array(times), step, zone)
    assert not outside.any()

    def stretch(ns):
        return (ns + offset(ns // SECOND, zone) * SECOND) // step

    for time, begin in zip(times, found.tolist(), strict=True):
        assert begin <= time
        assert stretch(begin) == stretch(time)
        assert stretch(begin - 1) != stretch(time)


def test_a_day_whose_midnight_is_skipped_begins_with_what_follows():
    noon = at("2018-11-04T14:00Z") * SECOND
    found, _ = truncate_local(np.array([noon]), DAY, "America/Sao_Paulo")
    assert found.tolist() == [at("2018-11-04T03:00Z") * SECOND]


def test_beyond_what_can_be_written_there_is_no_stretch():
    times = np.array([MIN_TIME - 1, MIN_TIME, MIN_TIME + 3 * DAY, MAX_TIME, MAX_TIME + 1, -(2**63), 2**63 - 1])
    _, outside = truncate_local(times, DAY, "Europe/Paris")
    assert outside.tolist() == [True, False, False, False, True, True, True]
    _, outside = truncate_local(times, 2**63 - 1, "Europe/Paris")
    assert outside.tolist() == [True, True, True, False, True, True, True]
