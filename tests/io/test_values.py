"""Single values: what each type reads, exactly, and the words in which it refuses."""

# ruff: noqa: DTZ001  (naive times are what is read)
from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.io.values import plain, reader_of, shown
from cep.model.time import parse_time
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, TIME, Type, decimal

PARIS = Type("time", zone="Europe/Paris")
MS = Type("time", unit="ms")
NAN = float("nan")
INF = float("inf")

READ = [
    (INT, 5, 5),
    (INT, 5.0, 5),
    (INT, Decimal("5.00"), 5),
    (INT, " -12 ", -12),
    (INT, "+12", 12),
    (INT, np.uint8(7), 7),
    (INT, NAN, None),
    (INT, None, None),
    (INT, -(2**63), -(2**63)),
    (FLOAT, 3, 3.0),
    (FLOAT, 2**53 + 1, float(2**53)),
    (FLOAT, "1e3", 1000.0),
    (FLOAT, "nan", None),
    (FLOAT, NAN, None),
    (FLOAT, Decimal("0.1"), 0.1),
    (Type("float", infinite=True), "inf", INF),
    (Type("float", infinite=True), -INF, -INF),
    (BOOL, True, True),
    (BOOL, "FALSE", False),
    (BOOL, np.bool_(True), True),
    (STRING, "", ""),
    (STRING, "a\x00b", "a\x00b"),
    (decimal(2), 3, 300),
    (decimal(2), 1.1, 110),
    (decimal(2), "1.10", 110),
    (decimal(2), "1.1000000", 110),
    (decimal(2), "1e2", 10000),
    (decimal(2), Decimal("-0.01"), -1),
    (decimal(0), "9223372036854775807", 2**63 - 1),
    (decimal(12), 0.000000000001, 1),
    (decimal(4), NAN, None),
    (TIME, "1970-01-01T00:00:01+01:00", -3_599_000_000_000),
    (TIME, datetime.datetime(1970, 1, 1, 0, 0, 1), 1_000_000_000),
    (TIME, datetime.datetime(1970, 1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), 0),
    (TIME, datetime.date(1970, 1, 2), 86_400_000_000_000),
    (TIME, np.datetime64("1970-01-01T00:00:00.123456789"), 123_456_789),
    (TIME, np.datetime64("NaT"), None),
    (MS, 5, 5_000_000),
    (MS, 1.5, 1_500_000),
    (MS, "5", 5_000_000),
    (MS, "1970-01-01", 0),
    (Type("time", unit="s"), 1704067200.123, 1_704_067_200_123_000_000),
    (Type("time", unit="s"), Decimal("1704067200.123456789"), 1_704_067_200_123_456_789),
    (PARIS, "2024-07-01", parse_time("2024-06-30T22:00Z")),
    (PARIS, datetime.datetime(2024, 10, 27, 2, 30), parse_time("2024-10-27T00:30Z")),
    (DURATION, "1 h 30 min", 5_400_000_000_000),
    (DURATION, datetime.timedelta(seconds=1), 1_000_000_000),
    (DURATION, np.timedelta64(5, "ns"), 5),
    (DURATION, np.timedelta64(2, "h"), 7_200_000_000_000),
]

REFUSED = [
    (INT, "12a", '"12a" is not an int'),
    (INT, "", '"" is not an int'),
    (INT, 3.5, "3.5 is not a whole number"),
    (INT, INF, "inf is not a whole number"),
    (INT, True, "True is not an int"),
    (INT, 2**63, "does not fit in 64 bits"),
    (INT, 10**5000, "does not fit in 64 bits"),
    (INT, Decimal("1e999999"), "is not a whole number"),
    (INT, [1], "is not an int"),
    (FLOAT, "x", '"x" is not a number'),
    (FLOAT, "1_0", "is not a number"),
    (FLOAT, INF, "float(inf) admits it"),
    (FLOAT, "1e999", "infinite"),
    (FLOAT, 10**400, "does not fit in a float"),
    (FLOAT, False, "is not a number"),
    (BOOL, 1, "neither true nor false"),
    (BOOL, "yes", "neither true nor false"),
    (STRING, 5, "5 is not a string"),
    (STRING, "\ud800", "not valid UTF-8"),
    (STRING, b"x", "is not a string"),
    (decimal(2), "1.105", "more than 2 digits"),
    (decimal(2), 1.105, "more than 2 digits"),
    (decimal(2), "1." + "0" * 200 + "1", "more than 2 digits"),
    (decimal(2), "1e30", "does not fit"),
    (decimal(2), Decimal("1e999999999"), "does not fit"),
    (decimal(2), INF, "does not fit"),
    (decimal(2), 2**62, "does not fit"),
    (decimal(2), True, "not a decimal"),
    (decimal(2), "12a", '"12a" is not a decimal'),
    (TIME, 1700000000, "declare its unit: time(s)"),
    (TIME, "1700000000", "declare its unit: time(s)"),
    (TIME, "soon", "RFC 3339"),
    (TIME, True, "not a time"),
    (TIME, datetime.datetime(1600, 1, 1), "outside the years"),
    (TIME, np.datetime64("9999-01-01"), "outside the years"),
    (MS, 10**18, "outside the years"),
    (MS, INF, "outside the years"),
    (Type("time", unit="ns"), 1.5, "finer than a nanosecond"),
    (PARIS, "2024-03-31T02:30", "the clocks skip it"),
    (PARIS, datetime.datetime(2024, 3, 31, 2, 30), "the clocks skip it"),
    (DURATION, 5, "needs a unit"),
    (DURATION, "5", "needs a unit"),
    (DURATION, True, "not a duration"),
]


@pytest.mark.parametrize(("kind", "value", "read"), READ, ids=str)
def test_a_value_is_read_exactly(kind, value, read):
    got = reader_of(kind)(value)
    assert got == read
    assert type(got) is type(read)


@pytest.mark.parametrize(
    ("kind", "value", "reason"), REFUSED, ids=lambda v: str(v)[:20] if not isinstance(v, int) else "n"
)
def test_a_value_that_does_not_fit_is_refused_in_words(kind, value, reason):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (the words are looked at below)
        reader_of(kind)(value)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 250


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14))
def test_no_decimal_is_rounded(value):
    assert reader_of(decimal(4))(str(value)) == int(value * 10_000)
    assert reader_of(decimal(4))(value) == int(value * 10_000)


@given(st.integers(-(2**53) // 100, 2**53 // 100))
def test_a_float_means_the_shortest_decimal_that_is_this_float(cents):
    assert reader_of(decimal(2))(cents / 100) == cents


def test_values_are_shown_short():
    assert shown("x" * 1000).endswith("…")
    assert plain("x" * 5000) == "x" * 999 + "…"
    assert plain(None) is None
    assert "digits" in shown(10**5000)
