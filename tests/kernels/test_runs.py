"""The key table against a dict, the list of runs of a key against a list; compiled and plain, checked at every step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.kernels.jit import PLAIN
from cep.kernels.runs import (
    COUNTS,
    FIRST_FREE_RUN,
    FIRST_FREE_SLOT,
    HEAD,
    KEY,
    LIVE_RUNS,
    LIVE_SLOTS,
    NEXT,
    NODE,
    REGISTERS,
    RUNS,
    RUNS_USED,
    SLOTS_USED,
    VALUES,
    RunState,
    fill_table,
    find_slot,
    free_run,
    free_slot,
    hash_slot,
    new_run,
)
from cep.runtime.tables import rehashed
from tests.kernels.check_runs import check_keys

WORDS = 2
KEYS = [(i, -i) for i in range(24)] + [(0, 2**63 - 1), (-(2**63), 0), (7, 7)]


def plain(kernel):
    return getattr(kernel, "py_func", kernel)


def kinds(*kernels):
    both = [kernels] if PLAIN else [kernels, tuple(map(plain, kernels))]
    return pytest.mark.parametrize("run", both, ids=["compiled", "plain"][: len(both)])


def small_state(slots=16, runs=32):
    counts = np.zeros(COUNTS, np.int64)
    counts[FIRST_FREE_RUN] = counts[FIRST_FREE_SLOT] = -1
    counts[RUNS_USED] = 1
    rows = np.zeros((len(KEYS), VALUES + WORDS), np.int64)
    rows[:, VALUES:] = KEYS
    table = np.zeros((runs, REGISTERS), np.int64)
    table[:, NODE] = -1
    none = np.zeros((4, 4), np.int64)
    return RunState(
        rows, rows.view(np.float64), table, table.view(np.float64), none,
        np.zeros((slots, KEY + WORDS), np.int64), np.zeros(2 * slots, np.int64), none, none, none, none, counts,
    )  # fmt: skip


@kinds(find_slot, free_slot, fill_table)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "find", "free", "grow"]), st.integers(0, len(KEYS) - 1)), max_size=60
    )
)
def test_the_key_table_is_a_dict(run, steps):
    """Sixteen slots in a table of 32: entries run into each other, wrap around, and are moved back when one goes."""
    find, free, fill = run
    state = small_state()
    known: dict[int, int] = {}
    with np.errstate(over="ignore"):
        for step, row in steps:
            if step == "grow" and row < 2:
                slots = int(state.counts[SLOTS_USED])
                table = np.zeros(2 * len(state.table), np.int64)
                assert fill(state.slots, slots, WORDS, table) == len(known)
                state = state._replace(table=table)
            elif step == "free" and row in known:
                assert free(state, known.pop(row), WORDS) == len(known)
            elif step == "add" and (row in known or len(known) < 16):
                slot = find(state, row, VALUES, WORDS, 1)
                assert known.setdefault(row, slot) == slot
                assert state.slots[slot, KEY:].tolist() == list(KEYS[row])
            assert find(state, row, VALUES, WORDS, 0) == known.get(row, -1)
            assert state.counts[LIVE_SLOTS] == len(known) == len(set(known.values()))
            check_keys(state, WORDS)
        for row in range(len(KEYS)):
            assert find(state, row, VALUES, WORDS, 0) == known.get(row, -1)


@kinds(find_slot, free_slot)
def test_a_gap_that_wraps_around_the_end_of_the_table_is_closed(run):
    find, free = run
    with np.errstate(over="ignore"):
        state = small_state(slots=64)
        size = 8
        state = state._replace(rows=np.zeros((400, VALUES + WORDS), np.int64), table=np.zeros(size, np.int64))
        state.rows[:, VALUES] = np.arange(400)
        state.slots[:, KEY] = 0

        def home(row):
            state.slots[63, KEY] = row
            return int(hash_slot(state.slots, 63, WORDS)) & (size - 1)

        last = [r for r in range(400) if home(r) == size - 1][:3]
        first = next(r for r in range(400) if home(r) == 0)
        slots = {r: find(state, r, VALUES, WORDS, 1) for r in [*last, first]}
        assert state.table[size - 1] != 0
        assert state.table[0] != 0
        free(state, slots[last[0]], WORDS)
        for row in [*last[1:], first]:
            assert find(state, row, VALUES, WORDS, 0) == slots[row]
        check_keys(state, WORDS)
        free(state, slots[first], WORDS)
        free(state, slots[last[2]], WORDS)
        assert find(state, last[1], VALUES, WORDS, 0) == slots[last[1]]
        check_keys(state, WORDS)
        # what stands at its home does not follow into a gap before it
        slots[first] = find(state, first, VALUES, WORDS, 1)
        free(state, slots[last[1]], WORDS)
        assert find(state, first, VALUES, WORDS, 0) == slots[first]
        slots[last[0]] = find(state, last[0], VALUES, WORDS, 1)
        free(state, slots[last[0]], WORDS)
        assert find(state, first, VALUES, WORDS, 0) == slots[first]
        check_keys(state, WORDS)


def test_a_larger_table_holds_the_same_keys():
    state = small_state()
    slots = [find_slot(state, row, VALUES, WORDS, 1) for row in range(16)]
    for row in (3, 5, 8):
        free_slot(state, slots[row], WORDS)
    grown = rehashed(state, WORDS)
    assert len(grown.slots) == 32
    check_keys(grown, WORDS)
    found = [int(find_slot(grown, row, VALUES, WORDS, 0)) for row in range(16)]
    assert found == [-1 if row in (3, 5, 8) else slot for row, slot in enumerate(slots)]


@kinds(new_run, free_run)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=60))
def test_the_runs_of_a_key_are_a_list(run, steps):
    make, free = run
    state = small_state()
    slot = find_slot(state, 0, VALUES, WORDS, 1)
    known: list[int] = []
    for add, place in steps:
        if add and len(known) < 30:
            place = place % (len(known) + 1)
            before = known[place] if place < len(known) else -1
            known.insert(place, int(make(state, slot, before)))
        elif known:
            place = place % len(known)
            gone = known.pop(place)
            assert free(state, slot, gone) == (known[place] if place < len(known) else -1)
        linked, at = [], int(state.slots[slot, HEAD])
        while at >= 0:
            linked.append(at)
            at = int(state.runs[at, NEXT])
        assert linked == known
        assert state.slots[slot, RUNS] == state.counts[LIVE_RUNS] == len(known)
