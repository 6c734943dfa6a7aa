"""The tables of the run-table matcher: retained rows, runs, bindings, keys, deadlines.

Every table is int64[capacity, width]; where floats lie in it, a float64 view of the same memory goes along.

- ``rows``: retained events in the total order. NO grows strictly; BITS has bit p set when predicate p holds as far
  as it reads this event alone. From ``VALUES`` on: words of null bits, then one slot a value.
- ``runs``: partial matches. Row 0 is the blank run, never live. A live run's NODE >= 0 (a free run's is -1, its NEXT
  the next free one). MASK has bit e set while the run may take move e of its state, and bit CLOSE while it may
  complete by time alone. START_SEEN counts as SEEN does. SHADOW (and its generation) is the run that ended where this
  one went on, and that is given up once this one may end again; else -1. ENDED: the pattern may end where it stands
  (or might, until it was given up); BEGUN: the moves open there that have bound an event. From ``REGISTERS`` on: the
  program's registers, first those that hold row positions.
- ``nodes``: bound events, newest first: parent, row, step; CHOSEN_BIT is added to the step where a later event could
  have been bound as well (`then any`). A parent stands before its child.
- ``slots``: keys with live runs or kept events: HEAD, TAIL, RUNS, SEEN (events since the key is there), KEPT (how many
  events of it stand in ``past``) and the NEWEST of them, then the key's words. HEAD of a free slot is the next free
  one, RUNS -1.
- ``table``: key hash table, open addressing with linear probing, slot + 1 or 0.
- ``starts``: ring (deadline of ``within``, slot, NO of the first event); ``closers``: ring (deadline of the final
  absence, slot, run, generation), ``gaps`` the same for the bound between neighbours. All in order of deadline, because
  a deadline is an event's time plus a constant.
- ``past``: ring of events that an absence at the start may forbid: (time until when, slot, row, the place of the key's
  one before). Places count from the ring's beginning on, so one before its head is gone.
- ``counts``: the scalars of the state, by the names below.

Invariants (checked by tests/kernels/check_runs.py): the runs of a key are linked in order of (start, preference);
RUNS counts them; a slot in the table has at least one run or kept event; parents come before children.
Tested by: tests/kernels/test_match.py
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.jit import FloatArray, FloatMatrix, IntArray, Integer, Matrix, Vector, Whole, WordArray, kernel
from cep.kernels.program import Matches, MatchesType

# rows
NO, TS, STREAM, SEQ, BITS, VALUES = 0, 1, 2, 3, 4, 5
# runs
(
    NEXT,
    PREVIOUS,
    START_NO,
    START_TS,
    MASK,
    STEP,
    COUNT,
    NODE,
    CLOSE_AT,
    LAST_NO,
    LENGTH,
    GENERATION,
    START_SEEN,
    SHADOW,
    SHADOW_GENERATION,
    BEGUN,
    ENDED,
    REGISTERS,
) = range(18)
# what stands in those places in a row of ``found``: the matches given out
DECIDED_AT, PHASE, DECIDER = NEXT, PREVIOUS, MASK
# nodes
PARENT, ROW, BOUND_STEP, NODE_WIDTH = 0, 1, 2, 3
CHOSEN_BIT, STEP_BITS = np.int64(256), np.int64(255)
# slots
HEAD, TAIL, RUNS, SEEN, KEPT, NEWEST, KEY = range(7)
# past
PAST_ROW, PAST_BEFORE = 2, 3
# counts
(
    ROWS_USED,
    NODES_USED,
    FIRST_FREE_RUN,
    RUNS_USED,
    LIVE_RUNS,
    FIRST_FREE_SLOT,
    SLOTS_USED,
    LIVE_SLOTS,
    STARTS_HEAD,
    STARTS_TAIL,
    CLOSERS_HEAD,
    CLOSERS_TAIL,
    GAPS_HEAD,
    GAPS_TAIL,
    CURSOR,
    FOUND,
    GIVEN_UP,
    PAST_HEAD,
    PAST_TAIL,
    COUNTS,
) = range(20)

CLOSE = 62
"""The bit of MASK that says: completes by time alone."""
CLOSE_BIT = np.int64(1) << np.int64(CLOSE)
DONE_BIT = np.int64(1) << np.int64(CLOSE - 1)
"""The bit of MASK that says, under `prefer earliest`: complete, and waits for what stands before it."""
FOREVER = np.int64(2**63 - 1)

# phases: what decides a match, in the order of results at one instant
BY_EVENT, BY_LOOP_END, BY_TIMEOUT, BY_ABSENCE, BY_OUTPUT, BY_WINDOW = 0, 1, 2, 3, 5, 4
# of a timeout by the last event inside `within n events`: the event decides it
BY_EVENT_OUT = -1


class RunState(NamedTuple):
    """Everything one operator and shard remembers between batches, strings apart."""

    rows: IntArray
    rows_f: FloatArray
    runs: IntArray
    runs_f: FloatArray
    nodes: IntArray
    slots: IntArray
    table: IntArray
    starts: IntArray
    closers: IntArray
    gaps: IntArray
    past: IntArray
    counts: IntArray


RunStateType = types.NamedTuple(
    (Matrix, FloatMatrix, Matrix, FloatMatrix, Matrix, Matrix, Vector, Matrix, Matrix, Matrix, Matrix, Vector), RunState
)


@kernel(types.int64(Matrix, Integer, Integer), inline=True)
def hash_slot(slots: IntArray, slot: Whole, words: Whole) -> Whole:
    """Return the hash of a slot's key, as `find_slot` takes it. O(words)."""
    h = np.int64(-3750763034362895579)
    for j in range(words):
        h = (h ^ slots[slot, KEY + j]) * np.int64(-7046029254386353131)
        h ^= h >> np.int64(32)
    return h ^ (h >> np.int64(17))


@kernel(types.int64(RunStateType, Integer, Integer, Integer, Integer), inline=True)
def find_slot(state: RunState, row: Whole, first: Whole, words: Whole, add: Whole) -> Whole:
    """Return the slot of the key at ``rows[row, first:first + words]``, or -1; with ``add`` a new one is made.

    The caller has made sure of room. O(1) expected.
    """
    rows, slots, table, counts = state.rows, state.slots, state.table, state.counts
    mask = table.size - 1
    h = np.int64(-3750763034362895579)
    for j in range(words):
        h = (h ^ rows[row, first + j]) * np.int64(-7046029254386353131)
        h ^= h >> np.int64(32)
    at = (h ^ (h >> np.int64(17))) & mask
    while table[at] != 0:
        slot = table[at] - 1
        same = True
        for j in range(words):
            if slots[slot, KEY + j] != rows[row, first + j]:
                same = False
                break
        if same:
            return slot
        at = (at + 1) & mask
    if add == 0:
        return -1
    slot = counts[FIRST_FREE_SLOT]
    if slot >= 0:
        counts[FIRST_FREE_SLOT] = slots[slot, HEAD]
    else:
        slot = counts[SLOTS_USED]
        counts[SLOTS_USED] += 1
    for j in range(words):
        slots[slot, KEY + j] = rows[row, first + j]
    slots[slot, HEAD] = -1
    slots[slot, TAIL] = -1
    slots[slot, RUNS] = 0
    slots[slot, SEEN] = 0
    slots[slot, KEPT] = 0
    slots[slot, NEWEST] = -1
    table[at] = slot + 1
    counts[LIVE_SLOTS] += 1
    return slot


@kernel(types.int64(Matrix, Integer, Integer, Vector))
def fill_table(slots: IntArray, used: Whole, words: Whole, table: IntArray) -> Whole:
    """Enter the keys of the first ``used`` slots into an empty hash table; return how many there are. O(keys)."""
    mask = table.size - 1
    live = 0
    for slot in range(used):
        if slots[slot, RUNS] < 0:
            continue
        at = hash_slot(slots, slot, words) & mask
        while table[at] != 0:
            at = (at + 1) & mask
        table[at] = slot + 1
        live += 1
    return live


@kernel(types.int64(RunStateType, Integer, Integer))
def free_slot(state: RunState, slot: Whole, words: Whole) -> Whole:
    """Take a key without runs out of the table, closing the gap; return how many keys are left. O(1) expected."""
    slots, table, counts = state.slots, state.table, state.counts
    mask = table.size - 1
    at = hash_slot(slots, slot, words) & mask
    while table[at] != slot + 1:
        at = (at + 1) & mask
    hole = at
    at = (at + 1) & mask
    while table[at] != 0:
        home = hash_slot(slots, table[at] - 1, words) & mask
        # the entry may move back to the hole unless its home lies behind the hole (all modulo the size)
        if ((at - home) & mask) >= ((at - hole) & mask):
            table[hole] = table[at]
            hole = at
        at = (at + 1) & mask
    table[hole] = 0
    slots[slot, RUNS] = -1
    slots[slot, HEAD] = counts[FIRST_FREE_SLOT]
    counts[FIRST_FREE_SLOT] = slot
    counts[LIVE_SLOTS] -= 1
    return counts[LIVE_SLOTS]


@kernel(types.int64(RunStateType, Integer, Integer), inline=True)
def free_run(state: RunState, slot: Whole, run: Whole) -> Whole:
    """Unlink a run of a key and give it back; return the run after it, or -1. O(1)."""
    runs, slots, counts = state.runs, state.slots, state.counts
    before, after = runs[run, PREVIOUS], runs[run, NEXT]
    if before >= 0:
        runs[before, NEXT] = after
    else:
        slots[slot, HEAD] = after
    if after >= 0:
        runs[after, PREVIOUS] = before
    else:
        slots[slot, TAIL] = before
    slots[slot, RUNS] -= 1
    runs[run, NODE] = -1
    runs[run, GENERATION] += 1
    runs[run, NEXT] = counts[FIRST_FREE_RUN]
    counts[FIRST_FREE_RUN] = run
    counts[LIVE_RUNS] -= 1
    return after


@kernel(types.int64(RunStateType, Integer, Integer), inline=True)
def new_run(state: RunState, slot: Whole, before: Whole) -> Whole:
    """Link an unused run of a key in front of run ``before`` (-1: at the end); return it. O(1), in room made before."""
    runs, slots, counts = state.runs, state.slots, state.counts
    run = counts[FIRST_FREE_RUN]
    if run >= 0:
        counts[FIRST_FREE_RUN] = runs[run, NEXT]
    else:
        run = counts[RUNS_USED]
        counts[RUNS_USED] += 1
    counts[LIVE_RUNS] += 1
    slots[slot, RUNS] += 1
    behind = runs[before, PREVIOUS] if before >= 0 else slots[slot, TAIL]
    runs[run, NEXT] = before
    runs[run, PREVIOUS] = behind
    if behind >= 0:
        runs[behind, NEXT] = run
    else:
        slots[slot, HEAD] = run
    if before >= 0:
        runs[before, PREVIOUS] = run
    else:
        slots[slot, TAIL] = run
    return run


@kernel(types.int64(Integer, Integer), inline=True)
def add_time(ts: Whole, duration: Whole) -> Whole:
    """Return ts + duration, or FOREVER where that would overflow; ``duration`` >= 0."""
    return ts + duration if ts <= FOREVER - duration else FOREVER


@kernel(types.int64(RunStateType, MatchesType, Integer, Integer, Integer, Integer), inline=True)
def give_out(state: RunState, matches: Matches, run: Whole, decided_at: Whole, phase: Whole, decider: Whole) -> Whole:
    """Copy a run that is complete to ``found``; return how many stand there now."""
    runs, counts = state.runs, state.counts
    target = counts[FOUND]
    found = matches.found
    for j in range(runs.shape[1]):
        found[target, j] = runs[run, j]
    found[target, DECIDED_AT] = decided_at
    found[target, PHASE] = phase
    found[target, DECIDER] = decider
    counts[FOUND] = target + 1
    return target + 1


@kernel(types.int64(RunStateType, Integer, Vector, Vector))
def compact_state(state: RunState, positions: Whole, row_at: IntArray, node_at: IntArray) -> Whole:
    """Drop the rows and bindings that no live run, kept event or unread row needs; return how many rows stay.

    ``positions`` is the number of registers that hold rows; ``row_at`` and ``node_at`` are scratch, zero, as long as
    the tables. Cost: O(rows + nodes + runs); called when a table is full, so O(1) amortized an event.
    """
    rows, runs, nodes, counts = state.rows, state.runs, state.nodes, state.counts
    for run in range(1, counts[RUNS_USED]):
        node = runs[run, NODE]
        while node >= 0 and node_at[node] == 0:
            node_at[node] = 1
            row_at[nodes[node, ROW]] = 1
            node = nodes[node, PARENT]
    past = state.past
    ring = past.shape[0] - 1
    for entry in range(counts[PAST_HEAD], counts[PAST_TAIL]):
        row_at[past[entry & ring, PAST_ROW]] = 1
    kept = 0
    for row in range(counts[ROWS_USED]):
        if row_at[row] != 0 or row >= counts[CURSOR]:
            row_at[row] = kept
            if kept != row:
                for j in range(rows.shape[1]):
                    rows[kept, j] = rows[row, j]
            kept += 1
        else:
            row_at[row] = -1
    unread = counts[ROWS_USED] - counts[CURSOR]
    counts[ROWS_USED] = kept
    counts[CURSOR] = kept - unread
    bound = 0
    for node in range(counts[NODES_USED]):
        if node_at[node] == 0:
            continue
        parent = nodes[node, PARENT]
        nodes[bound, PARENT] = node_at[parent] if parent >= 0 else -1
        nodes[bound, ROW] = row_at[nodes[node, ROW]]
        nodes[bound, BOUND_STEP] = nodes[node, BOUND_STEP]
        node_at[node] = bound
        bound += 1
    counts[NODES_USED] = bound
    for run in range(1, counts[RUNS_USED]):
        if runs[run, NODE] < 0:
            continue
        runs[run, NODE] = node_at[runs[run, NODE]]
        for j in range(REGISTERS, REGISTERS + positions):
            if runs[run, j] >= 0:
                runs[run, j] = row_at[runs[run, j]]
    for entry in range(counts[PAST_HEAD], counts[PAST_TAIL]):
        past[entry & ring, PAST_ROW] = row_at[past[entry & ring, PAST_ROW]]
    return kept


@kernel(types.int64(Matrix, Integer, Matrix, Matrix, Matrix))
def list_bindings(found: IntArray, count: Whole, nodes: IntArray, rows: IntArray, out: IntArray) -> Whole:
    """Write (row, stream, seq, step) of the bound events of each match, oldest first; return how many. O(bindings)."""
    end = 0
    for i in range(count):
        end += found[i, LENGTH]
        at = end - 1
        node = found[i, NODE]
        while node >= 0:
            row = nodes[node, ROW]
            out[at, 0] = row
            out[at, 1] = rows[row, STREAM]
            out[at, 2] = rows[row, SEQ]
            out[at, 3] = nodes[node, BOUND_STEP] & STEP_BITS
            at -= 1
            node = nodes[node, PARENT]
    return end


@kernel(types.int64(Vector, Vector, Vector, types.Array(types.uint64, 1, "C"), types.Array(types.uint64, 2, "C")))
def hash_lineage(offsets: IntArray, streams: IntArray, numbers: IntArray, seeds: WordArray, out: WordArray) -> Whole:
    """Write 128 bits for each match from its seed and its events' identities; return how many. O(bindings).

    ``streams`` are hashes of the streams' names, so that an identity does not hang on declaration order.
    """
    for i in range(offsets.size - 1):
        a = seeds[i] ^ np.uint64(0x9E3779B97F4A7C15)
        b = seeds[i] * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(0x94D049BB133111EB)
        for j in range(offsets[i], offsets[i + 1]):
            x = np.uint64(streams[j]) ^ (np.uint64(numbers[j]) * np.uint64(0xD6E8FEB86659FD93))
            x ^= x >> np.uint64(32)
            x *= np.uint64(0xD6E8FEB86659FD93)
            x ^= x >> np.uint64(29)
            a = (a ^ x) * np.uint64(0x9FB21C651E98DF25)
            a ^= a >> np.uint64(28)
            b = (b + x) * np.uint64(0xC2B2AE3D27D4EB4F)
            b ^= b >> np.uint64(31)
        out[i, 0] = a
        out[i, 1] = b
    return offsets.size - 1
