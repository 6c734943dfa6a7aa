"""Times and durations: written and read back, refused with a reason."""

# ruff: noqa: DTZ001  (naive times are what is read)
from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.model.time import (
    MAX_TIME,
    MIN_TIME,
    SECOND,
    format_duration,
    format_time,
    format_times,
    parse_duration,
    parse_time,
)

TIMES = st.integers(MIN_TIME, MAX_TIME)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (1_000_000, "1970-01-01T00:00:00.001Z"),
        (MIN_TIME, "1678-01-01T00:00:00Z"),
        (MAX_TIME, "2262-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_written_with_the_digits_it_needs(ns, text):
    assert format_time(ns) == text
    assert format_times(np.array([ns])) == [text]
    assert parse_time(text) == ns


@given(TIMES)
def test_what_is_written_is_read_back(ns):
    assert parse_time(format_time(ns)) == ns


@given(st.lists(TIMES, max_size=5))
def test_a_column_is_written_as_its_values_are(times):
    assert format_times(np.array(times, np.int64)) == [format_time(t) for t in times]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2020-01-02", "2020-01-02T00:00:00Z"),
        ("2020-01-02 03:04:05", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04", "2020-01-02T03:04:00Z"),
        ("2020-01-02t03:04:05z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05+01:30", "2020-01-02T01:34:05Z"),
        ("2020-01-02T03:04:05-0130", "2020-01-02T04:34:05Z"),
        ("2020-01-02T03:04:05.123456789+01", "2020-01-02T02:04:05.123456789Z"),
        (" 2020-01-02 ", "2020-01-02T00:00:00Z"),
    ],
)
def test_the_forms_of_rfc_3339_and_its_usual_relatives_are_read(text, same):
    assert format_time(parse_time(text)) == same


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("yesterday", "not an RFC 3339 time"),
        ("", "not an RFC 3339 time"),
        ("2020-02-30", "day is out of range"),
        ("2020-01-02T24:00", "hour must be in"),
        ("2020-01-02T23:59:60Z", "second must be in"),
        ("2020-01-02T03:04:05.1234567891Z", "more than nine digits"),
        ("1677-12-31", "outside the years 1678 to 2262"),
        ("2300-01-01", "outside the years 1678 to 2262"),
        ("2020-01-02T03:04:05+99:00", "zone offset"),
        ("1700000000", "declare its unit: time(s), time(ms)"),
    ],
)
def test_other_text_is_refused_with_a_reason(text, reason):
    with pytest.raises(ValueError, match=reason.replace("(", r"\(").replace(")", r"\)")):
        parse_time(text)


def test_a_time_out_of_range_is_not_written():
    with pytest.raises(ValueError, match="outside"):
        format_time(MAX_TIME + 1)


def test_of_an_hour_that_happens_twice_the_earlier_is_meant():
    assert format_time(parse_time("2024-10-27 02:30", "Europe/Paris")) == "2024-10-27T00:30:00Z"


def test_an_hour_that_the_clocks_skip_is_refused():
    with pytest.raises(ValueError, match="the clocks skip it"):
        parse_time("2024-03-31 02:30", "Europe/Paris")


def test_a_zone_in_the_text_wins_over_the_declared_one():
    assert parse_time("2024-07-01T00:00Z", "Europe/Paris") == parse_time("2024-07-01")


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)))
def test_utc_text_means_what_datetime_says(moment):
    expected = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1) * 1000
    assert parse_time(moment.isoformat()) == expected


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"),
        (90 * 60 * SECOND, "1 h 30 min"),
        (14 * 86_400 * SECOND, "14 d"),
        (1_500_000, "1 ms 500 us"),
        (-3 * SECOND - 1, "-3 s 1 ns"),
    ],
)
def test_a_duration_is_written_in_words(ns, text):
    assert format_duration(ns) == text
    assert parse_duration(text) == ns


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_durations_are_read_back(ns):
    assert parse_duration(format_duration(ns)) == ns


@pytest.mark.parametrize(
    ("text", "ns"), [("1.5 s", 1_500_000_000), ("2w", 14 * 86_400 * SECOND), ("10min", 600 * SECOND)]
)
def test_a_duration_may_have_a_fraction_and_no_spaces(text, ns):
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10", "needs a unit"),
        ("ten minutes", "not a duration"),
        ("0.1 ns", "finer"),
        ("9999999 w", "292 years"),
        ("", "no"),
    ],
)
def test_other_durations_are_refused_with_a_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_duration(text)
