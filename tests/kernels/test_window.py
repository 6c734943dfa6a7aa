"""Which events each window holds: the kernels, compiled and plain, against lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.kernels import window
from cep.kernels.runs import NO, TS

LAST = int(window.LAST_TIME)
BOTH = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
TIMES = st.lists(st.lists(st.integers(-30, 30), min_size=1, max_size=8).map(sorted), min_size=1, max_size=3)


def run(kernel, plain, *arguments):
    return getattr(kernel, "py_func", kernel)(*arguments) if plain else kernel(*arguments)


def tables(keys, room):
    ts = np.array([t for key in keys for t in key], np.int64)
    ends = np.cumsum([0, *map(len, keys)])
    left = np.zeros((len(keys), window.LEFT_WIDTH), np.int64)
    return ts, ends, np.zeros((room, window.WINDOW_WIDTH), np.int64), left, np.zeros(window.SPAN_WIDTH, np.int64)


@BOTH
@given(TIMES, st.integers(1, 9), st.integers(1, 9), st.integers(-35, 45))
def test_panes_are_those_that_end_before_the_frontier_and_what_later_ones_need_is_left(
    plain, keys, length, every, until
):
    ts, ends, found, left, span = tables(keys, 1)
    span[window.LENGTH], span[window.EVERY], span[window.DONE], span[window.UNTIL] = length, every, -(2**62), until
    while run(window.list_panes, plain, ts, ends, found, left, span) < len(keys):
        found = np.concatenate([found, np.zeros_like(found)])
    got = [row[:3] for row in found[: span[window.FOUND]].tolist()]
    want = []
    for first, key in zip(ends.tolist(), keys, strict=False):
        for end in range(-200, until):
            held = [n for n, t in enumerate(key) if end - length <= t < end]
            if end % every == 0 and held:
                want.append([first + held[0], first + held[-1] + 1, end])
    assert got == want
    for n, key in enumerate(keys):
        later = [e for e in range(until, 200) if e % every == 0]
        needed = [any(e - length <= t < e for e in later) for t in key]
        assert left[n, window.DROPPED] == (needed.index(True) if True in needed else len(key))


@BOTH
@given(TIMES, st.integers(1, 9), st.integers(1, 20), st.integers(-35, 60))
def test_sessions_are_joined_up_to_the_gap_and_the_most(plain, keys, gap, most, until):
    ts, ends, found, left, span = tables(keys, sum(map(len, keys)))
    span[window.LENGTH], span[window.EVERY], span[window.UNTIL] = gap, most, max(until, *map(max, keys))
    run(window.list_sessions, plain, ts, ends, found, left, span)
    want = []
    for first, key in zip(ends.tolist(), keys, strict=False):
        at = 0
        while at < len(key):
            stop = at + 1
            while stop < len(key) and key[stop] - key[stop - 1] <= gap and key[stop] - key[at] <= most:
                stop += 1
            deadline = min(key[stop - 1] + gap, key[at] + most)
            if deadline < span[window.UNTIL]:
                want.append([first + at, first + stop, deadline])
            at = stop
    assert [row[:3] for row in found[: span[window.FOUND]].tolist()] == want


@BOTH
@given(TIMES, st.integers(0, 9), st.integers(1, 5))
def test_the_latest_events_end_with_their_own(plain, keys, length, most):
    ts, ends, found, left, span = tables(keys, sum(map(len, keys)))
    span[window.LENGTH], span[window.EVERY], span[window.UNTIL] = length, most, max(map(max, keys))
    fresh = np.array([len(key) for key in keys], np.int64)
    count = run(window.list_latest, plain, ts, ends, fresh, found, left, span)
    want = []
    for first, key in zip(ends.tolist(), keys, strict=False):
        for n, t in enumerate(key):
            held = [m for m in range(max(0, n + 1 - most), n + 1) if not length or key[m] > t - length]
            want.append([first + held[0], first + n + 1, t])
    assert [row[:3] for row in found[:count].tolist()] == want


@BOTH
def test_times_beyond_64_bits_are_the_last_there_is(plain):
    assert run(window.later, True, LAST - 1, 5) == LAST
    assert run(window.earlier, True, -(2**63) + 1, 5) == -(2**63)
    assert run(window.next_end, True, LAST - 1, 2**62) == LAST
    ts, ends, found, left, span = tables([[LAST - 3]], 4)
    span[window.LENGTH], span[window.EVERY], span[window.UNTIL] = 2**62, 2**62, LAST
    assert run(window.list_panes, plain, ts, ends, found, left, span) == 1
    assert span[window.FOUND] == 0


@BOTH
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=30))
def test_rows_of_each_key_are_linked_in_order_and_freed_rows_are_used_again(plain, steps):
    rows, keys = np.zeros((40, 6), np.int64), np.zeros((3, window.KEY_WIDTH), np.int64)
    counts = np.array([0, -1, 0], np.int64)
    model = [[], [], []]
    for time, (slot, dropped) in enumerate(steps):
        block = np.zeros((1, 6), np.int64)
        block[0, TS] = time
        slots = np.array([slot], np.int64)
        assert run(window.append_rows, plain, rows, counts, keys, block, slots, LAST, LAST) == 1
        model[slot].append(time)
        left = np.zeros((1, window.LEFT_WIDTH), np.int64)
        left[0, window.DROPPED] = min(dropped, len(model[slot]))
        run(window.drop_rows, plain, rows, counts, keys, slots, left)
        del model[slot][: int(left[0, window.DROPPED])]
        out = np.zeros(40, np.int64)
        n = run(window.list_rows, plain, rows, keys, np.arange(3), out)
        assert rows[out[:n], TS].tolist() == [t for key in model for t in key]
        assert counts[window.LIVE] == n
        assert counts[window.USED] <= 1 + max(map(sum, [[len(m) for m in model]])) + len(steps)
    assert NO == 0
