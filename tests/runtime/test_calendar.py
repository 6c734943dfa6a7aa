"""Windows of local time: days of 23 and 25 hours, hours that come twice, and no window that another overlaps."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from oracle.window import first_shown, furthest

import cep
from cep.model.zones import end_of_stretch, stretches_of

HOUR = 3600 * 10**9
RULE = """
stream S ordered by at { at: time(ns), v: int }
rule R from S over every 1 d in "Europe/Paris" emit R { n = count(), a = window_start(), b = window_end() }
"""


def instant(text, zone="Europe/Paris"):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("day", "after", "hours"), [("03-29", "03-30", 23), ("10-25", "10-26", 25), ("07-01", "07-02", 24)]
)
def test_a_day_is_as_long_as_the_clocks_make_it(day, after, hours):
    begin, end = instant(f"2026-{day}T00:00"), instant(f"2026-{after}T00:00")
    times = [begin - HOUR, begin, begin + 5 * HOUR, end - 1, end, end + HOUR]
    out = cep.run(cep.loads(RULE), [{"at": t, "v": 1} for t in times], end="final")["R"].to_dicts()
    got = stretches_of(np.array(times), 24 * HOUR, "Europe/Paris")
    assert (end - begin) // HOUR == hours
    assert got[0].tolist()[1:4] == [begin] * 3
    assert got[1].tolist() == [begin, end, end, end, end + 24 * HOUR, end + 24 * HOUR]
    assert [row["n"] for row in out] == [1, 3, 2]
    bounds = [datetime.fromisoformat(out[1][name]).timestamp() for name in ("a", "b")]
    assert bounds == [begin // 10**9, end // 10**9]


@pytest.mark.parametrize(
    ("zone", "near"),
    [
        ("Europe/Paris", "2026-03-29T02:00"),
        ("Europe/Paris", "2026-10-25T02:00"),
        ("America/St_Johns", "2006-10-29T00:00"),  # at 00:01 back to 23:01 of the day before
        ("Australia/Lord_Howe", "2026-04-05T02:00"),  # half an hour
        ("Pacific/Apia", "2011-12-30T00:00"),  # a day that there was not
        ("America/Sao_Paulo", "2018-11-04T00:00"),  # a day without midnight
    ],
)
@pytest.mark.parametrize("step", [HOUR // 2, HOUR, 24 * HOUR, 7 * 24 * HOUR])
def test_stretches_are_those_of_the_definition_and_follow_each_other(zone, near, step):
    middle = instant(near, zone)
    times = np.arange(middle - 30 * HOUR, middle + 30 * HOUR, HOUR // 4) + 7
    begin, end = stretches_of(times, step, zone)
    assert ((begin <= times) & (times < end)).all()
    assert (np.diff(begin) >= 0).all()
    assert (begin[1:][np.diff(begin) > 0] >= end[:-1][np.diff(begin) > 0]).all()
    for n in range(0, len(times), 17):
        number = furthest(int(times[n]), zone) // step
        assert begin[n] == first_shown(number * step, zone)
        assert end[n] == first_shown((number + 1) * step, zone)
        assert end_of_stretch(int(times[n]), step, zone) == end[n]


def test_far_times_have_a_stretch_too():
    for time in (-(2**63) + 1, 2**63 - 1):
        begin, end = stretches_of(np.array([time]), 24 * HOUR, "Europe/Paris")
        assert begin[0] < end[0]
