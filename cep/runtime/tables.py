"""The tables of the run-table matcher (`cep.kernels.runs`) in a snapshot: packed, in one form for one state.

Packed, a state is its live rows, runs, nodes and slots and the deadlines that still wait, numbered from 0: rows and
nodes in their order; slots in order of their first run's start; runs by slot, in the order of the key's list, from 1 (0
is the blank run); keys without runs among the others by their first kept event. So links, free lists, the hash table
and ``counts`` need not be kept: they are made again.

What refers to another table is named here, because it is numbered anew and its range is checked: a run's NODE, SHADOW
and registers that hold rows, a node's PARENT and ROW, and the `RINGS`. A SHADOW that is gone is 0, of generation -1. A
new ring of deadlines is a line in `RINGS`; other columns are kept as they are. `STATE_VERSION` counts changes of what
columns mean; their number is part of `layout`.

Invariants: packing what was restored gives the packed tables again; packing leaves the state as it is; nothing that a
kernel uses as a position is outside its table after `restore_runs`.
Cost: O(tables), and O(runs log runs) to order them.
Tested by: tests/runtime/test_snapshot.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cep.kernels.program import DONE_AT, FINAL, MOVES, STEPS
from cep.kernels.runs import (
    BOUND_STEP,
    CHOSEN_BIT,
    CLOSE_AT,
    CLOSE_BIT,
    CLOSERS_HEAD,
    CLOSERS_TAIL,
    COUNT,
    COUNTS,
    CURSOR,
    DONE_BIT,
    FIRST_FREE_RUN,
    FIRST_FREE_SLOT,
    FOREVER,
    FOUND,
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
    NODE_WIDTH,
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
    SHADOW,
    SHADOW_GENERATION,
    SLOTS_USED,
    START_NO,
    STARTS_HEAD,
    STARTS_TAIL,
    STEP,
    STREAM,
    TAIL,
    TS,
    VALUES,
    RunState,
    compact_state,
    fill_table,
)
from cep.language.fingerprint import fingerprint

if TYPE_CHECKING:
    from cep.compiler.pattern import PatternProgram
    from cep.model.batch import BoolArray, Int64Array
    from cep.runtime.snapshot import Stored

STATE_VERSION = 2
SMALL = 256
"""Rows of a new table."""


class Ring(NamedTuple):
    """A ring of deadlines: (time, slot, START_NO of the runs it is for), or (time, slot, run, GENERATION)."""

    table: str
    head: int
    tail: int
    of_run: bool


PAST = Ring("past", PAST_HEAD, PAST_TAIL, False)
RINGS = (
    Ring("starts", STARTS_HEAD, STARTS_TAIL, False),
    Ring("closers", CLOSERS_HEAD, CLOSERS_TAIL, True),
    Ring("gaps", GAPS_HEAD, GAPS_TAIL, True),
)


def layout(program: PatternProgram) -> str:
    """A fingerprint of what the columns are: a state is good for programs with the same one."""
    kept = program.layout
    columns = (RunState._fields, REGISTERS, KEY, NODE_WIDTH, COUNTS, VALUES, [i.present for i in program.inputs])
    registers = (kept.key_words, kept.slots, kept.positions, kept.folds)
    tables = program.tables  # what MASK and STEP refer to
    automaton = [t.tolist() for t in (tables.steps, tables.moves, tables.groups, tables.nests)]
    return fingerprint(STATE_VERSION, columns, registers, automaton)


def wakes_of(program: PatternProgram) -> str:
    """The ring whose entries end runs that went on where the pattern may end: under `prefer earliest` others wait."""
    scalars = program.tables.scalars
    return "" if scalars[DONE_AT] == 0 else "gaps" if scalars[FINAL] == 0 else "closers"


def pack_runs(state: RunState, positions: int, wakes: str = "") -> dict[str, Int64Array]:
    """The packed tables of a state; ``positions`` is the number of registers that hold rows, ``wakes`` see above."""
    assert state.counts[FOUND] == 0, "matches are taken out before a call returns"
    assert state.counts[CURSOR] == state.counts[ROWS_USED], "all rows are read before a call returns"
    rows, runs, nodes = (
        table[: int(state.counts[used])].copy()
        for table, used in ((state.rows, ROWS_USED), (state.runs, RUNS_USED), (state.nodes, NODES_USED))
    )
    packing = _with_tables(state, rows=rows, runs=runs, nodes=nodes, past=state.past.copy(), counts=state.counts.copy())
    compact_state(packing, positions, np.zeros(len(rows), np.int64), np.zeros(len(nodes), np.int64))
    slots = state.slots[: int(state.counts[SLOTS_USED])]
    past = _entries(packing, PAST)
    first = np.zeros(len(slots), np.int64)  # the number of the event that a key is ordered by
    first[past[::-1, 1]] = rows[past[::-1, PAST_ROW], NO]
    with_runs = np.flatnonzero(slots[:, RUNS] > 0)
    first[with_runs] = runs[slots[with_runs, HEAD], START_NO]
    live_slots = np.flatnonzero(slots[:, RUNS] >= 0)
    live_slots = live_slots[np.argsort(first[live_slots])]
    live = np.flatnonzero(runs[:, NODE] >= 0)
    slot_of_head = np.full(len(runs), -1)
    having = slots[live_slots, RUNS] > 0
    slot_of_head[slots[live_slots[having], HEAD]] = np.flatnonzero(having)
    behind, head = _chains(np.where(runs[:, NODE] >= 0, runs[:, PREVIOUS], -1))
    live = live[np.lexsort((behind[live], slot_of_head[head[live]]))]
    slot_at, run_at = np.full(len(slots), -1), np.full(len(runs), -1)
    slot_at[live_slots], run_at[live] = np.arange(live_slots.size), np.arange(1, live.size + 1)
    out = {"rows": rows[: int(packing.counts[ROWS_USED])], "nodes": nodes[: int(packing.counts[NODES_USED])]}
    out["runs"], out["slots"] = runs[live], slots[live_slots]
    shadow = runs[live, SHADOW]
    alive = (shadow >= 0) & (runs[shadow, GENERATION] == runs[live, SHADOW_GENERATION])
    out["runs"][:, SHADOW] = np.where(alive, run_at[shadow], np.minimum(shadow, 0))
    out["runs"][:, SHADOW_GENERATION] = np.where(alive | (shadow < 0), 0, -1)
    out["runs"][:, [NEXT, PREVIOUS, GENERATION]] = 0
    out["slots"][:, [HEAD, TAIL, KEPT, NEWEST]] = 0
    past[:, 1], past[:, PAST_BEFORE] = slot_at[past[:, 1]], 0
    out[PAST.table] = past
    for ring in RINGS:
        entries = _entries(state, ring)
        if ring.of_run:
            entries = entries[runs[entries[:, 2], GENERATION] == entries[:, 3]]
            if ring.table == wakes:
                entries = np.concatenate([entries, _entries_of_shadows(runs, live, head, slots)])
            entries[:, 2], entries[:, 3] = run_at[entries[:, 2]], 0
        else:
            entries = entries[np.isin(entries[:, 2], runs[live, START_NO])]
        entries[:, 1] = slot_at[entries[:, 1]]
        out[ring.table] = np.unique(entries, axis=0) if ring.table == wakes else entries
    return out


def restore_runs(empty: RunState, program: PatternProgram, stored: Stored) -> RunState:
    """The state of packed tables, checked, in the tables of a state without runs, made larger where need be.

    Its hash table is empty: the caller enters the keys, once their strings have codes.
    """
    rows, runs, nodes, slots = (
        stored.array(name, np.int64, None, table.shape[1])
        for name, table in (("rows", empty.rows), ("runs", empty.runs), ("nodes", empty.nodes), ("slots", empty.slots))
    )
    past = stored.array(PAST.table, np.int64, None, empty.past.shape[1])
    rings = {r.table: stored.array(r.table, np.int64, None, getattr(empty, r.table).shape[1]) for r in RINGS}
    _check_rows(stored, rows, program)
    _check_runs(stored, runs, nodes, len(rows), program)
    _check_past(stored, past, rows, slots)
    _check_keys(stored, slots, runs, past)
    owner = np.repeat(np.arange(len(slots)), slots[:, RUNS])
    for ring in RINGS:
        _check_ring(stored, ring, rings[ring.table], owner, len(slots))
    runs[:, GENERATION] = 0
    number = np.arange(1, len(runs) + 1)
    first = np.cumsum(slots[:, RUNS]) - slots[:, RUNS] + 1
    runs[:, PREVIOUS], runs[:, NEXT] = number - 1, number + 1
    having = slots[:, RUNS] > 0
    slots[:, HEAD], slots[:, TAIL] = np.where(having, first, -1), np.where(having, first + slots[:, RUNS] - 1, -1)
    runs[slots[having, HEAD] - 1, PREVIOUS] = runs[slots[having, TAIL] - 1, NEXT] = -1
    _link_past(past, slots)
    counts = empty.counts.copy()
    counts[ROWS_USED] = counts[CURSOR] = len(rows)
    counts[NODES_USED], counts[RUNS_USED], counts[LIVE_RUNS] = len(nodes), len(runs) + 1, len(runs)
    counts[SLOTS_USED] = counts[LIVE_SLOTS] = len(slots)
    tables = {r.table: _in_room(getattr(empty, r.table), rings[r.table], 0) for r in RINGS}
    tables[PAST.table] = _in_room(empty.past, past, 0)
    for ring in (*RINGS, PAST):
        counts[ring.head], counts[ring.tail] = 0, len(past) if ring is PAST else len(rings[ring.table])
    tables |= {"rows": _in_room(empty.rows, rows, 0), "nodes": _in_room(empty.nodes, nodes, 0), "counts": counts}
    tables["runs"] = _in_room(empty.runs, runs, 1)
    tables["runs"][len(runs) + 1 :, NODE] = -1
    tables["slots"] = _in_room(empty.slots, slots, 0)
    tables["table"] = np.zeros(4 * len(tables["slots"]), np.int64)  # filled when the keys are known
    return _with_tables(empty, **tables)


def repacked(state: RunState, program: PatternProgram) -> RunState:
    """The same in tables of the size that it needs."""
    from cep.runtime.snapshot import Stored

    tables = pack_runs(state, len(program.layout.positions), wakes_of(program))
    out = restore_runs(empty_state(program), program, Stored("the tables", tables))
    used = int(out.counts[SLOTS_USED])
    fill_table(out.slots, used, program.layout.key_words, out.table)
    return out


# -------------------------------------------------------------------------------------------------------------- room


def new_table(capacity: int, width: int) -> Int64Array:
    """A table of zeros."""
    return np.zeros((capacity, width), np.int64)


def grown(table: Int64Array, capacity: int) -> Int64Array:
    """The table with room for ``capacity`` rows."""
    out = np.zeros((capacity, table.shape[1]), np.int64)
    out[: len(table)] = table
    return out


def widened(ring: Int64Array, wanted: bool) -> Int64Array:
    """The ring, whose head stands at 0, with twice the room where that is wanted."""
    return grown(ring, 2 * len(ring)) if wanted else ring


def empty_state(program: PatternProgram) -> RunState:
    """The tables of a shard that has seen nothing."""
    layout = program.layout
    rows = new_table(SMALL, layout.row_width)
    runs = new_table(SMALL, layout.run_width)
    runs[:, NODE] = -1
    runs[0, STEP] = program.tables.scalars[STEPS]
    runs[0, REGISTERS:] = program.blank
    counts = np.zeros(COUNTS, np.int64)
    counts[FIRST_FREE_RUN] = counts[FIRST_FREE_SLOT] = -1
    counts[RUNS_USED] = 1  # the blank run
    return RunState(
        rows,
        rows.view(np.float64),
        runs,
        runs.view(np.float64),
        new_table(SMALL, NODE_WIDTH),
        new_table(64, KEY + layout.key_words),
        np.zeros(256, np.int64),
        new_table(64, 3),
        new_table(64, 4),
        new_table(64, 4),
        new_table(64, 4),
        counts,
    )


def rehashed(state: RunState, words: int) -> RunState:
    """Twice the slots, and a hash table four times as large as they are."""
    slots = grown(state.slots, 2 * len(state.slots))
    table = np.zeros(4 * len(slots), np.int64)
    fill_table(slots, int(state.counts[SLOTS_USED]), words, table)
    return state._replace(slots=slots, table=table)


# ------------------------------------------------------------------------------------------------------------ checks


def _check_rows(stored: Stored, rows: Int64Array, program: PatternProgram) -> None:
    stored.within(rows[:, STREAM], 0, len(program.inputs) - 1, "a row's stream")
    stored.within(rows[:, NO], 0, 2**62, "a row's number")
    stored.require((np.diff(rows[:, NO]) > 0).all() and (np.diff(rows[:, TS]) >= 0).all(), "rows are out of order")


def _check_runs(stored: Stored, runs: Int64Array, nodes: Int64Array, rows: int, program: PatternProgram) -> None:
    steps, positions = int(program.tables.scalars[STEPS]), len(program.layout.positions)
    stored.within(nodes[:, PARENT], -1, len(nodes) - 1, "a binding's parent")
    stored.require((nodes[:, PARENT] < np.arange(len(nodes))).all(), "a binding stands before its parent")
    stored.within(nodes[:, ROW], 0, rows - 1, "a binding's row")
    stored.within(nodes[:, BOUND_STEP] & ~CHOSEN_BIT, 0, steps - 1, "a binding's step")
    stored.within(runs[:, NODE], 0, len(nodes) - 1, "a run's binding")
    stored.within(runs[:, STEP], 0, steps - 1, "a run's step")
    stored.within(runs[:, COUNT], 1, 2**62, "a run's count")
    lawful = (np.int64(1) << program.tables.steps[runs[:, STEP], MOVES]) - 1 | CLOSE_BIT
    if program.tables.scalars[DONE_AT] != 0:
        lawful |= DONE_BIT
    stored.require(((runs[:, MASK] != 0) & (runs[:, MASK] & ~lawful == 0)).all(), "a run waits for no step of the rule")
    stored.within(runs[:, SHADOW], -1, len(runs), "a run's shadow")
    gone = np.where(runs[:, SHADOW] == 0, -1, 0)
    stored.require((runs[:, SHADOW_GENERATION] == gone).all(), "a shadow's generation is wrong")
    stored.within(runs[:, REGISTERS : REGISTERS + positions], -1, rows - 1, "a run's register")
    stored.require(
        (runs[:, LENGTH] == _chains(nodes[:, PARENT])[0][runs[:, NODE]] + 1).all(), "a run's length is wrong"
    )


def _check_past(stored: Stored, past: Int64Array, rows: Int64Array, slots: Int64Array) -> None:
    stored.require((np.diff(past[:, 0]) >= 0).all(), "kept events are out of order")
    stored.within(past[:, 1], 0, len(slots) - 1, "a slot of a kept event")
    stored.within(past[:, PAST_ROW], 0, len(rows) - 1, "the row of a kept event")
    stored.require((np.diff(past[:, PAST_ROW]) > 0).all(), "rows of kept events are out of order")


def _link_past(past: Int64Array, slots: Int64Array) -> None:
    """Link the kept events of each key, newest first."""
    slots[:, KEPT] = np.bincount(past[:, 1], minlength=len(slots))
    slots[:, NEWEST] = -1
    order = np.argsort(past[:, 1], kind="stable")
    owner = past[order, 1]
    past[order, PAST_BEFORE] = np.where(np.diff(owner, prepend=-1) == 0, np.roll(order, 1), -1)
    slots[past[:, 1], NEWEST] = np.arange(len(past))  # the last one stands


def _check_keys(stored: Stored, slots: Int64Array, runs: Int64Array, past: Int64Array) -> None:
    stored.within(slots[:, RUNS], 0, len(runs), "a key's runs")
    stored.require(
        ((slots[:, RUNS] > 0) | np.isin(np.arange(len(slots)), past[:, 1])).all(),
        "a key's runs are none, and it keeps no event",
    )
    stored.require(int(slots[:, RUNS].sum()) == len(runs), "runs are without a key")
    stored.require(len(np.unique(slots[:, KEY:], axis=0)) == len(slots), "a key is there twice")
    owner = np.repeat(np.arange(len(slots)), slots[:, RUNS])
    shadowed = np.flatnonzero(runs[:, SHADOW] > 0)
    same_key = owner[runs[shadowed, SHADOW] - 1] == owner[shadowed]
    stored.require(same_key.all(), "a shadow has another key")
    ordered = (np.diff(runs[:, START_NO]) >= 0) | (np.diff(owner) > 0)
    stored.require(ordered.all(), "the runs of a key are out of order")


def _check_ring(stored: Stored, ring: Ring, entries: Int64Array, owner: Int64Array, slots: int) -> None:
    stored.require((np.diff(entries[:, 0]) >= 0).all(), f"{ring.table} are out of order")
    stored.within(entries[:, 1], 0, slots - 1, f"a slot of {ring.table}")
    if ring.of_run:
        stored.within(entries[:, 2], 1, owner.size, f"a run of {ring.table}")
        stored.require((owner[entries[:, 2] - 1] == entries[:, 1]).all(), f"a run of {ring.table} has another key")
        stored.within(entries[:, 3], 0, 0, f"a generation of {ring.table}")


# ------------------------------------------------------------------------------------------------------------ inside


def _with_tables(state: RunState, **tables: Int64Array) -> RunState:
    """The state with other tables, and the float64 views of those that have one."""
    named = state._asdict() | tables
    named |= {f"{name}_f": table.view(np.float64) for name, table in tables.items() if f"{name}_f" in named}
    return RunState(**named)


def _entries(state: RunState, ring: Ring) -> Int64Array:
    table: Int64Array = getattr(state, ring.table)
    places = np.arange(int(state.counts[ring.head]), int(state.counts[ring.tail])) & (len(table) - 1)
    entries: Int64Array = table[places]
    return entries


def _entries_of_shadows(runs: Int64Array, live: Int64Array, head: Int64Array, slots: Int64Array) -> Int64Array:
    """When what live runs went on from is decided, as entries of theirs: its own may be gone."""
    went = live[(runs[live, SHADOW] >= 0) & (runs[live, CLOSE_AT] != FOREVER)]
    slot_of_head = np.zeros(len(runs), np.int64)
    having = np.flatnonzero(slots[:, RUNS] > 0)
    slot_of_head[slots[having, HEAD]] = having
    return np.stack([runs[went, CLOSE_AT], slot_of_head[head[went]], went, runs[went, GENERATION]], axis=1)


def _in_room(empty: Int64Array, rows: Int64Array, first: int) -> Int64Array:
    """The table with ``rows`` from ``first`` on, and as much room again; its size stays a power of two."""
    capacity = len(empty)
    while capacity < 2 * len(rows) + first:
        capacity *= 2
    out = np.zeros((capacity, empty.shape[1]), np.int64)
    out[:first] = empty[:first]
    out[first : first + len(rows)] = rows
    return out


def _chains(before: Int64Array) -> tuple[Int64Array, Int64Array]:
    """For each element of linked lists how many stand before it, and the first; ``before`` is -1 at the first."""
    head = np.where(before < 0, np.arange(before.size), before)
    distance = (before >= 0).astype(np.int64)
    while (before[head] >= 0).any():  # each round doubles the step
        distance += distance[head]
        head = head[head]
    return distance, head


def is_wanted(state: RunState, deadlines: Int64Array, wakes: str) -> BoolArray:
    """Which entries of a ring are of live runs, or (with ``wakes``) end one that went on from a run that is gone."""
    runs = state.runs
    live: BoolArray = runs[deadlines[:, 2], GENERATION] == deadlines[:, 3]
    if wakes:
        went = runs[(runs[:, NODE] >= 0) & (runs[:, SHADOW] >= 0), CLOSE_AT]
        live |= np.isin(deadlines[:, 0], went)
    return live


def least_deadline(state: RunState, least: int) -> int:
    """The least time that the frontier must have reached for a deadline to be decided, or ``least`` if that is less."""
    counts = state.counts
    if not counts[LIVE_RUNS] and counts[PAST_HEAD] == counts[PAST_TAIL]:
        return least
    rings = (
        (state.starts, STARTS_HEAD, STARTS_TAIL),
        (state.closers, CLOSERS_HEAD, CLOSERS_TAIL),
        (state.gaps, GAPS_HEAD, GAPS_TAIL),
        (state.past, PAST_HEAD, PAST_TAIL),
    )
    for ring, head, tail in rings:
        if counts[head] < counts[tail]:  # a deadline at t is decided when the frontier has passed t
            least = min(least, int(ring[counts[head] & (len(ring) - 1), 0]) + 1)
    return least
