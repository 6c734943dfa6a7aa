"""Clocks against their definition: one event after the other, with nothing but the highest time in mind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.model.time import MAX_TIME, MIN_TIME
from cep.plan.plan import StreamPlace
from cep.runtime.clock import END_OF_TIME, NOTHING, StreamClock, joint_frontier

PLACE = StreamPlace(0, 0, False)
STEPS = st.one_of(
    st.tuples(st.just("events"), st.lists(st.integers(0, 30), max_size=6)),
    st.tuples(st.just("advance"), st.integers(-5, 35)),
)


def slow_judge(highest, floor, late, times):
    """Which events are late, the watermark each met, and the highest time then."""
    met, tardy = [], []
    for ts in times:
        watermark = max(floor, MIN_TIME if highest is None else highest - late)
        met.append(watermark)
        tardy.append(ts < watermark)
        highest = ts if highest is None else max(highest, ts)
    return met, tardy, highest


@given(late=st.integers(0, 8), steps=st.lists(STEPS, max_size=10))
def test_events_are_judged_one_after_the_other(late, steps):
    clock = StreamClock(PLACE, late)
    highest, floor, before = None, MIN_TIME, MIN_TIME
    for what, value in steps:
        if what == "advance":
            clock.advance(value)
            floor = max(floor, value)
        else:
            met, tardy, after = slow_judge(highest, floor, late, value)
            ts = np.array(value, np.int64)
            watermarks = clock.watermarks(ts).tolist()
            mask, met_by_late = clock.judge(ts)
            highest = after
            if any(tardy):
                assert mask.tolist() == tardy
                assert [w for w, t in zip(met_by_late.tolist(), tardy, strict=True) if t] == [
                    w for w, t in zip(met, tardy, strict=True) if t
                ]
            else:
                assert mask is None
                assert met_by_late is None
            # what `watermarks` says is what a row after each event meets
            _, _, running = slow_judge(clock.highest, floor, late, [])
            assert all(w >= m for w, m in zip(watermarks, met, strict=True))
            assert running == clock.highest
        expected = max(floor, MIN_TIME if highest is None else highest - late)
        assert clock.watermark == expected >= before
        before = expected


@given(late=st.integers(0, 8), times=st.lists(st.integers(0, 30), max_size=12), cut=st.integers(0, 12))
def test_how_events_are_cut_changes_no_verdict(late, times, cut):
    whole, parts = StreamClock(PLACE, late), StreamClock(PLACE, late)
    mask, _ = whole.judge(np.array(times, np.int64))
    verdicts = [] if mask is None else mask.tolist()
    pieces = []
    for part in (times[:cut], times[cut:]):
        found, _ = parts.judge(np.array(part, np.int64))
        pieces += [False] * len(part) if found is None else found.tolist()
    assert pieces == (verdicts or [False] * len(times))
    assert parts.watermark == whole.watermark


def test_a_bound_longer_than_history_overflows_nothing():
    clock = StreamClock(PLACE, 2**63 - 1)
    mask, met = clock.judge(np.array([0, MIN_TIME, MAX_TIME, MIN_TIME, 0], np.int64))
    assert mask.tolist() == [False, False, False, True, False]
    assert met[mask].tolist() == [clock.watermark] == [MAX_TIME - 2**63 + 1]


def test_an_event_at_the_watermark_is_not_late():
    clock = StreamClock(PLACE, 0)
    clock.advance(10)
    mask, met = clock.judge(np.array([10, 9, 10, 11, 10], np.int64))
    assert mask.tolist() == [False, True, False, False, True]
    assert met[mask].tolist() == [10, 11]


def clocks(*described):
    """Clocks from (kind, has ties, watermark, ended)."""
    out = []
    for rank, (kind, ties, watermark, ended) in enumerate(described):
        clock = StreamClock(StreamPlace(kind, rank, ties), 0)
        if watermark is not None:
            clock.judge(np.array([watermark], np.int64))
        clock.ended = ended
        out.append(clock)
    return out


KINDS = st.tuples(st.integers(0, 3), st.booleans(), st.one_of(st.none(), st.integers(0, 4)), st.booleans())


@given(st.lists(KINDS, min_size=1, max_size=4))
def test_nothing_can_still_arrive_at_or_before_the_frontier(described):
    """By enumeration: what each running stream may still bring, against what is said to be decided."""
    frontier = joint_frontier(clocks(*described))
    running = [d for d in described if not d[3]]
    if not running:
        times = [w for _, _, w, _ in described if w is not None]
        assert frontier == (max(times, default=MIN_TIME) + 1, NOTHING)
        return
    for kind, ties, watermark, _ in running:
        # it may bring events from its watermark on: at it, of its own class (with ties: before others of that class)
        at = MIN_TIME if watermark is None else watermark
        assert frontier.time <= at
        if frontier.time == at:
            assert frontier.kind <= kind - ties
    least = min(MIN_TIME if w is None else w for _, _, w, _ in running)
    assert frontier.time == least, "and it is as far as can be"


def test_one_stream_without_ties_is_decided_as_it_arrives():
    assert joint_frontier(clocks((0, False, 5, False))) == (5, 0)
    assert joint_frontier(clocks((0, True, 5, False))) == (5, -1)


def test_what_has_ended_holds_nobody_back():
    assert joint_frontier(clocks((0, False, 5, True), (1, False, 9, False))) == (9, 1)
    assert joint_frontier(clocks((0, False, None, True), (1, False, None, True))) == (MIN_TIME + 1, NOTHING)


def test_a_promise_beyond_all_events_counts_when_all_have_ended():
    clock = StreamClock(PLACE, 0)
    clock.judge(np.array([5], np.int64))
    clock.advance(100)
    clock.ended = True
    assert joint_frontier([clock]) == (100, NOTHING)


@pytest.mark.parametrize("ts", [MAX_TIME, 0])
def test_the_end_of_time_is_later_than_any_event(ts):
    assert (ts, 10**6) < END_OF_TIME
