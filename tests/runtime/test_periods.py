"""Periods by themselves: numbers in, numbers out."""

from __future__ import annotations

import pytest

from cep.runtime.periods import NEVER, Periods, Snapshots

A, B = ("a",), ("b",)


def fed(periods, *events):
    """The places that go out at once, of (value, time) with numbers from 0."""
    values, times = zip(*events, strict=True)
    return periods.take(values, times, range(len(events)))


def told(periods, until):
    return sorted((p.end, p.events) for p in periods.ended(until))


def test_first_lets_through_what_opens_a_period_and_counts_the_rest():
    periods = Periods("first", 10)
    assert fed(periods, (A, 0), (B, 3), (A, 9), (A, 10), (A, 19), (B, 13)) == ([0, 1, 3, 5], [])
    assert periods.held_back == 2
    assert told(periods, 100) == []
    assert not periods.open


def test_last_keeps_one_event_a_value_and_all_keeps_all():
    last, every = Periods("last", 10), Periods("all", 10)
    events = [(A, 0), (B, 3), (A, 9), (A, 10)]
    assert fed(last, *events) == ([], [1, 2, 3])
    assert fed(every, *events) == ([], [0, 1, 2, 3])
    assert (last.size, every.size) == (3, 4)
    assert told(last, 11) == [(10, [2])]
    assert told(every, 14) == [(10, [0, 2]), (13, [1])]
    assert (last.next_end, every.next_end) == (13, 20)
    assert (last.size, last.held_back, every.size, every.held_back) == (2, 1, 1, 0)


def test_what_ends_at_a_time_waits_until_all_of_that_time_is_known():
    periods = Periods("last", 10)
    fed(periods, (A, 0), (A, 10))
    assert told(periods, 10) == []
    assert periods.next_end == 10
    assert told(periods, 11) == [(10, [0])]


def test_a_snapshot_tells_of_every_value_when_something_came():
    periods = Snapshots(10)
    assert fed(periods, (A, 0), (B, 1), (B, 2)) == ([], [0, 2])
    assert (periods.held_back, periods.untold) == (1, 2)
    assert told(periods, 10) == []
    assert told(periods, 50) == [(10, [0, 2])]
    assert (periods.untold, periods.next_end) == (0, NEVER)
    assert periods.take([B], [60], [3]) == ([], [0])
    assert told(periods, 80) == [(70, [0, 3])]
    assert periods.held_back == 1


@pytest.mark.parametrize("make", [lambda d: Periods("last", d), Snapshots])
def test_a_period_beyond_the_end_of_time_never_ends(make):
    periods = make(2**62)
    fed(periods, (A, 2**62 + 5))
    assert told(periods, NEVER) == []
