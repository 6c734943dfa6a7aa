"""The invariants of `cep.kernels.runs`, verified over a whole state: slow, obvious, called after every step."""

from __future__ import annotations

import numpy as np

from cep.kernels.runs import (
    CLOSE_AT,
    CLOSE_BIT,
    CLOSERS_HEAD,
    CLOSERS_TAIL,
    CURSOR,
    FIRST_FREE_RUN,
    FIRST_FREE_SLOT,
    FOREVER,
    GAPS_HEAD,
    GAPS_TAIL,
    GENERATION,
    HEAD,
    KEPT,
    KEY,
    LENGTH,
    LIVE_RUNS,
    LIVE_SLOTS,
    MASK,
    NEWEST,
    NEXT,
    NO,
    NODE,
    NODES_USED,
    PARENT,
    PAST_BEFORE,
    PAST_HEAD,
    PAST_ROW,
    PAST_TAIL,
    PREVIOUS,
    REGISTERS,
    ROW,
    ROWS_USED,
    RUNS,
    RUNS_USED,
    SLOTS_USED,
    START_NO,
    START_TS,
    STARTS_HEAD,
    STARTS_TAIL,
    TAIL,
    TS,
    hash_slot,
)


def check_runs(state, words, positions=0):
    """Fail where the state breaks a law; ``words`` of a key, ``positions``: registers that hold rows."""
    check_rows(state)
    check_keys(state, words)
    live = [run for slot in live_slots(state) for run in runs_of(state, slot)]
    assert len(live) == len(set(live)) == state.counts[LIVE_RUNS]
    assert 0 not in live, "the blank run is never live"
    check_free_runs(state, live)
    for run in live:
        check_chain(state, run, positions)
    check_deadlines(state)
    check_past(state)


def check_past(state):
    """The kept events of each key: linked newest first, counted, those before the head gone."""
    past, counts = state.past, state.counts
    head, tail = int(counts[PAST_HEAD]), int(counts[PAST_TAIL])
    assert 0 <= tail - head <= len(past)
    entries = {n: past[n & (len(past) - 1)] for n in range(head, tail)}
    assert all(entries[n][0] <= entries[n + 1][0] for n in range(head, tail - 1))
    linked = []
    for slot in live_slots(state):
        own, entry = [], int(state.slots[slot, NEWEST])
        while entry >= head:
            assert entries[entry][1] == slot
            own.append(entry)
            entry = int(entries[entry][PAST_BEFORE])
        assert own == sorted(own, reverse=True)
        assert state.slots[slot, KEPT] == len(own)
        linked += own
    assert sorted(linked) == list(entries)
    assert all(entries[n][PAST_ROW] <= counts[CURSOR] for n in entries)


def check_rows(state):
    counts = state.counts
    assert 0 <= counts[CURSOR] <= counts[ROWS_USED] <= len(state.rows)
    used = state.rows[: counts[ROWS_USED]]
    assert (np.diff(used[:, NO]) > 0).all()
    assert (np.diff(used[:, TS]) >= 0).all()
    assert np.shares_memory(state.rows, state.rows_f)
    assert np.shares_memory(state.runs, state.runs_f)


def live_slots(state):
    return [s for s in range(state.counts[SLOTS_USED]) if state.slots[s, RUNS] >= 0]


def check_keys(state, words):
    slots, table, counts = state.slots, state.table, state.counts
    assert table.size & (table.size - 1) == 0
    live = live_slots(state)
    assert len(live) == counts[LIVE_SLOTS] <= counts[SLOTS_USED] <= len(slots)
    assert 2 * len(live) <= table.size
    assert sorted(int(t) - 1 for t in table if t) == live
    assert len({tuple(slots[s, KEY : KEY + words].tolist()) for s in live}) == len(live)
    free, slot = [], int(counts[FIRST_FREE_SLOT])
    while slot >= 0:
        free.append(slot)
        slot = int(slots[slot, HEAD])
    assert sorted(free + live) == list(range(counts[SLOTS_USED]))
    with np.errstate(over="ignore"):
        for s in live:  # found from its home without a gap
            at = int(hash_slot(slots, s, words)) & (table.size - 1)
            while table[at] != s + 1:
                assert table[at] != 0
                at = (at + 1) & (table.size - 1)


def runs_of(state, slot):
    """The runs of a key, first to last; linked both ways, counted, in order of their start."""
    runs, slots = state.runs, state.slots
    out, before, run = [], -1, int(slots[slot, HEAD])
    while run >= 0:
        assert runs[run, PREVIOUS] == before
        out.append(run)
        before, run = run, int(runs[run, NEXT])
    assert slots[slot, TAIL] == before
    assert slots[slot, RUNS] == len(out)
    assert out or slots[slot, KEPT] > 0, "a key without runs and kept events is no key"
    starts = [int(runs[r, START_NO]) for r in out]
    assert starts == sorted(starts)
    return out


def check_free_runs(state, live):
    free, run = [], int(state.counts[FIRST_FREE_RUN])
    while run >= 0:
        assert state.runs[run, NODE] == -1
        free.append(run)
        run = int(state.runs[run, NEXT])
    assert sorted([0, *free, *live]) == list(range(state.counts[RUNS_USED]))


def check_chain(state, run, positions):
    """What a run has bound: as many as it says, in order, from its start; its registers point at them."""
    runs, nodes, rows, counts = state.runs, state.nodes, state.rows, state.counts
    assert runs[run, MASK] != 0, "a run that can do nothing more is dropped"
    bound, node = [], int(runs[run, NODE])
    assert node >= 0
    while node >= 0:
        assert node < counts[NODES_USED]
        assert nodes[node, PARENT] < node, "a parent stands before its child"
        bound.append(int(nodes[node, ROW]))
        node = int(nodes[node, PARENT])
    assert all(0 <= r < counts[CURSOR] + 1 for r in bound)
    assert bound == sorted(set(bound), reverse=True)
    assert len(bound) == runs[run, LENGTH]
    assert rows[bound[-1], NO] == runs[run, START_NO]
    assert rows[bound[-1], TS] == runs[run, START_TS]
    assert set(runs[run, REGISTERS : REGISTERS + positions].tolist()) <= {-1, *bound}


def check_deadlines(state):
    counts = state.counts
    for ring, head, tail in (
        (state.starts, counts[STARTS_HEAD], counts[STARTS_TAIL]),
        (state.closers, counts[CLOSERS_HEAD], counts[CLOSERS_TAIL]),
        (state.gaps, counts[GAPS_HEAD], counts[GAPS_TAIL]),
    ):
        assert len(ring) & (len(ring) - 1) == 0
        assert 0 <= tail - head <= len(ring)
        times = ring[np.arange(head, tail) & (len(ring) - 1), 0]
        assert (np.diff(times) >= 0).all()
    waiting = {
        (int(run), int(generation))
        for _, _, run, generation in state.closers[
            np.arange(counts[CLOSERS_HEAD], counts[CLOSERS_TAIL]) & (len(state.closers) - 1)
        ]
    }
    for slot in live_slots(state):
        for run in runs_of(state, slot):
            if state.runs[run, CLOSE_AT] != FOREVER and state.runs[run, MASK] & CLOSE_BIT:
                assert (run, int(state.runs[run, GENERATION])) in waiting
