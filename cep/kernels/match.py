"""The run-table matcher: every pattern, any predicates, exactly.

Per key, runs stand in order of (start, preference). An event is shown to each run in turn: every step that the run may
bind next and that the event fits gives a child, put in front of its parent in written order, because the candidate
that binds an event is preferred to the one that passes it over. So whatever completes at one event is met in the
order of the semantics - earlier start first, then preference - and the skip rule is one comparison.

A step binds the *first* later event that fits: once a run has bound step j in a child, it no longer waits for j
itself. A loop that may go on or end waits for both at once (two bits of one MASK). ``CLOSE`` waits for time alone.

A deadline at time t is decided before the first event later than t, or when the watermark has passed t.

Predicates p: steps 0..S-1, then absences. ``rows[BITS]`` says what holds on the event alone; ``TESTED`` names those
that also compare with bound events, which the generated function ``test`` decides. ``update`` keeps the registers.

Cost: O(runs of the key x steps) an event, O(1) amortized a deadline.
References: SASE+ (Agrawal et al., SIGMOD 2008) for runs and selection strategies; docs/semantics.md for the order.
Tested by: tests/kernels/test_match.py
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.jit import (
    Address,
    ByteArray,
    Bytes,
    Callee,
    FloatArray,
    FloatMatrix,
    FloatVector,
    IntArray,
    Integer,
    Matrix,
    Vector,
    Whole,
    call_generated,
    kernel,
    pointer,
)
from cep.kernels.runs import (
    BITS,
    BOUND_STEP,
    BY_ABSENCE,
    BY_EVENT,
    BY_LOOP_END,
    CLOSE_AT,
    CLOSE_BIT,
    CLOSERS_HEAD,
    CLOSERS_TAIL,
    COUNT,
    CURSOR,
    DECIDED_AT,
    DECIDER,
    FOREVER,
    FOUND,
    GENERATION,
    HEAD,
    LAST_NO,
    LENGTH,
    LIVE_RUNS,
    LIVE_SLOTS,
    MASK,
    NEXT,
    NO,
    NODE,
    NODES_USED,
    PARENT,
    PHASE,
    REGISTERS,
    ROW,
    ROWS_USED,
    RUNS,
    START_NO,
    START_TS,
    STARTS_HEAD,
    STARTS_TAIL,
    STEP,
    TS,
    RunState,
    RunStateType,
    find_slot,
    free_run,
    free_slot,
    new_run,
)

# steps
LOW, HIGH, POSITION, AFTER, UPDATE, REDUNDANT, STEP_WIDTH = range(7)
# scalars
STEPS, FIRST, FINAL, FINAL_WAIT, WITHIN, KEEP_ALL, KEY_WORDS, KEY_AT, TESTED, SCALARS = range(10)

# what stopped the matcher; the caller makes room and calls again
DONE, WANTS_RUNS, WANTS_NODES, WANTS_FOUND, WANTS_STARTS, WANTS_CLOSERS, WANTS_SLOTS = range(7)

NO_BAR = np.int64(-1)


class MatchProgram(NamedTuple):
    """The compiled pattern as tables: steps [S, STEP_WIDTH]; strict, guards [S, S] from step to step; waits [P]."""

    steps: IntArray
    strict: IntArray
    guards: IntArray
    waits: IntArray
    scalars: IntArray


class Matches(NamedTuple):
    """What was found: rows laid out as runs are, and their float64 view."""

    found: IntArray
    found_f: FloatArray


class Operands(NamedTuple):
    """What generated functions read besides rows and runs: constants, strings; and ``faults``, which they count."""

    ints: IntArray
    floats: FloatArray
    heap: ByteArray
    spans: IntArray
    faults: IntArray


MatchProgramType = types.NamedTuple((Matrix, Matrix, Matrix, Vector, Vector), MatchProgram)
MatchesType = types.NamedTuple((Matrix, FloatMatrix), Matches)
OperandsType = types.NamedTuple((Vector, FloatVector, Bytes, Matrix, Vector), Operands)
_Place = types.UniTuple(types.int64, 5)


@kernel(types.int64(MatchProgramType, RunStateType, OperandsType, Callee, Integer, Integer, Integer), inline=True)
def fits(
    program: MatchProgram, state: RunState, operands: Operands, test: Address, p: Whole, row: Whole, run: Whole
) -> Whole:
    """Return 1 when predicate ``p`` holds for a row under what a run has bound, else 0."""
    if (state.rows[row, BITS] >> p) & 1 == 0:
        return 0
    if (program.scalars[TESTED] >> p) & 1 == 0:
        return 1
    rows, runs = state.rows, state.runs
    return call_generated(
        test,
        p,
        pointer(rows),
        pointer(state.rows_f),
        row * rows.shape[1],
        pointer(runs),
        pointer(state.runs_f),
        run * runs.shape[1],
        pointer(operands.ints),
        pointer(operands.floats),
        pointer(operands.heap),
        pointer(operands.spans),
        pointer(operands.faults),
    )


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, OperandsType, Callee, _Place), inline=True)
def bind(
    program: MatchProgram,
    state: RunState,
    matches: Matches,
    operands: Operands,
    update: Address,
    place: tuple[Whole, Whole, Whole, Whole, Whole],
) -> Whole:
    """Let a copy of a run bind a row to a step; return 1 when that completes it (it is then in ``found``), else 0.

    ``place`` is (parent run, slot, row, step, the run to stand in front of). The caller has made sure of room.
    """
    parent, slot, row, step, before = place
    rows, runs, nodes, counts = state.rows, state.runs, state.nodes, state.counts
    steps, scalars = program.steps, program.scalars
    count = runs[parent, COUNT] + 1 if runs[parent, STEP] == step else 1
    after = steps[step, AFTER]
    if count < steps[step, LOW]:
        mask = np.int64(1) << step
    elif count < steps[step, HIGH]:
        mask = (np.int64(1) << step) | after
    else:
        mask = after
    final = scalars[FINAL] != 0
    complete = mask == CLOSE_BIT and not final
    if complete:
        target = counts[FOUND]
        into, into_f = matches.found, matches.found_f
    else:
        target = new_run(state, slot, before)
        into, into_f = runs, state.runs_f
    for j in range(REGISTERS, runs.shape[1]):
        into[target, j] = runs[parent, j]
    node = counts[NODES_USED]
    counts[NODES_USED] = node + 1
    nodes[node, PARENT] = runs[parent, NODE]
    nodes[node, ROW] = row
    nodes[node, BOUND_STEP] = step
    into[target, NODE] = node
    into[target, LENGTH] = runs[parent, LENGTH] + 1
    first = runs[parent, NODE] < 0
    into[target, START_NO] = rows[row, NO] if first else runs[parent, START_NO]
    into[target, START_TS] = rows[row, TS] if first else runs[parent, START_TS]
    into[target, LAST_NO] = rows[row, NO]
    into[target, STEP] = step
    into[target, COUNT] = count
    into[target, MASK] = mask
    into[target, CLOSE_AT] = FOREVER
    if steps[step, POSITION] >= 0:
        into[target, REGISTERS + steps[step, POSITION]] = row
    if steps[step, UPDATE] != 0:
        call_generated(
            update,
            step,
            pointer(rows),
            pointer(state.rows_f),
            row * rows.shape[1],
            pointer(into),
            pointer(into_f),
            target * into.shape[1],
            pointer(operands.ints),
            pointer(operands.floats),
            pointer(operands.heap),
            pointer(operands.spans),
            pointer(operands.faults),
        )
    if complete:
        matches.found[target, DECIDED_AT] = rows[row, TS]
        matches.found[target, PHASE] = BY_EVENT
        matches.found[target, DECIDER] = row
        counts[FOUND] = target + 1
        return 1
    if final and mask & CLOSE_BIT != 0:
        deadline = add_time(rows[row, TS], scalars[FINAL_WAIT])
        runs[target, CLOSE_AT] = deadline
        closers = state.closers
        at = counts[CLOSERS_TAIL] & (closers.shape[0] - 1)
        closers[at, 0] = deadline
        closers[at, 1] = slot
        closers[at, 2] = target
        closers[at, 3] = runs[target, GENERATION]
        counts[CLOSERS_TAIL] += 1
    return 0


@kernel(types.boolean(Matrix, Integer, Integer, Integer), inline=True)
def is_due(ring: IntArray, head: Whole, tail: Whole, limit: Whole) -> bool:
    """Return whether the next deadline of a ring comes before ``limit``."""
    return bool(head < tail and ring[head & (ring.shape[0] - 1), 0] < limit)


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


@kernel(types.int64(RunStateType, Integer, Integer), inline=True)
def forget_runs(state: RunState, slot: Whole, bar: Whole) -> Whole:
    """Drop the runs of a key that started at or before ``bar``; return how many are left. O(dropped)."""
    runs, slots = state.runs, state.slots
    run = slots[slot, HEAD]
    while run >= 0 and runs[run, START_NO] <= bar:
        run = free_run(state, slot, run)
    return slots[slot, RUNS]


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer))
def close_starts(program: MatchProgram, state: RunState, matches: Matches, limit: Whole) -> Whole:
    """Decide every ``within`` that ends before ``limit``; return what stopped it. O(1) amortized a start."""
    runs, slots, starts, counts = state.runs, state.slots, state.starts, state.counts
    final = program.scalars[FINAL] != 0
    keep_all = program.scalars[KEEP_ALL] != 0
    while counts[STARTS_HEAD] < counts[STARTS_TAIL]:
        at = counts[STARTS_HEAD] & (starts.shape[0] - 1)
        deadline, slot, start = starts[at, 0], starts[at, 1], starts[at, 2]
        if deadline >= limit:
            break
        if counts[FOUND] >= matches.found.shape[0]:
            return WANTS_FOUND
        counts[STARTS_HEAD] += 1
        if slots[slot, RUNS] <= 0:
            continue
        bar = NO_BAR
        given = False
        run = slots[slot, HEAD]
        while run >= 0 and runs[run, START_NO] <= start:
            if runs[run, START_NO] != start:
                run = runs[run, NEXT]
                continue
            if final:  # what is bound stays; the absence is not inside the bound
                runs[run, MASK] &= CLOSE_BIT
                run = free_run(state, slot, run) if runs[run, MASK] == 0 else runs[run, NEXT]
                continue
            if not given and runs[run, MASK] & CLOSE_BIT != 0:
                give_out(state, matches, run, deadline, BY_LOOP_END, np.int64(-1))
                given = True
                if not keep_all:
                    bar = runs[run, LAST_NO]
            run = free_run(state, slot, run)
        if bar >= 0:
            forget_runs(state, slot, bar)
        if slots[slot, RUNS] == 0:
            free_slot(state, slot, program.scalars[KEY_WORDS])
    return DONE


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer))
def close_absences(program: MatchProgram, state: RunState, matches: Matches, limit: Whole) -> Whole:
    """Decide every final absence that ends before ``limit``; return what stopped it. O(1) amortized a deadline.

    Several runs of one key with one deadline are looked at together, in the order of the key's list.
    """
    runs, slots, closers, counts = state.runs, state.slots, state.closers, state.counts
    keep_all = program.scalars[KEEP_ALL] != 0
    last_step = np.int64(1) << (program.scalars[STEPS] - 1)
    ring = closers.shape[0] - 1
    while counts[CLOSERS_HEAD] < counts[CLOSERS_TAIL]:
        at = counts[CLOSERS_HEAD] & ring
        deadline, slot, run, generation = closers[at, 0], closers[at, 1], closers[at, 2], closers[at, 3]
        if deadline >= limit:
            break
        if runs[run, GENERATION] != generation or runs[run, CLOSE_AT] != deadline or runs[run, MASK] & CLOSE_BIT == 0:
            counts[CLOSERS_HEAD] += 1
            continue
        if counts[FOUND] + slots[slot, RUNS] > matches.found.shape[0]:
            return WANTS_FOUND
        counts[CLOSERS_HEAD] += 1
        alone = True
        if counts[CLOSERS_HEAD] < counts[CLOSERS_TAIL]:
            after = counts[CLOSERS_HEAD] & ring
            alone = closers[after, 0] != deadline
        bar = NO_BAR
        given = NO_BAR
        if not alone:
            run = slots[slot, HEAD]
        while run >= 0:
            behind = runs[run, NEXT]
            if runs[run, CLOSE_AT] == deadline and runs[run, MASK] & CLOSE_BIT != 0 and runs[run, START_NO] > bar:
                if runs[run, START_NO] != given:
                    give_out(state, matches, run, deadline, BY_ABSENCE, np.int64(-1))
                    given = runs[run, START_NO]
                    if not keep_all:
                        bar = runs[run, LAST_NO]
                runs[run, MASK] &= ~(CLOSE_BIT | last_step)
                if runs[run, MASK] == 0:
                    free_run(state, slot, run)
            if alone:
                break
            run = behind
        if bar >= 0:
            forget_runs(state, slot, bar)
        if slots[slot, RUNS] == 0:
            free_slot(state, slot, program.scalars[KEY_WORDS])
    return DONE


@kernel(
    types.int64(MatchProgramType, RunStateType, MatchesType, OperandsType, Callee, Callee, Integer, Integer),
    inline=True,
)
def show_event(
    program: MatchProgram,
    state: RunState,
    matches: Matches,
    operands: Operands,
    test: Address,
    update: Address,
    slot: Whole,
    row: Whole,
) -> Whole:
    """Show one row to every run of its key and let it start runs; return how many matches stand in ``found``."""
    rows, runs, slots, counts = state.rows, state.runs, state.slots, state.counts
    scalars = program.scalars
    steps = scalars[STEPS]
    last = steps - 1
    last_bit = np.int64(1) << last
    final = scalars[FINAL]
    keep_all = scalars[KEEP_ALL] != 0
    now, number = rows[row, TS], rows[row, NO]
    bar = NO_BAR
    given = NO_BAR  # the start that has a match at this event already (keep all)
    run = slots[slot, HEAD]
    while run >= 0:
        if runs[run, START_NO] <= bar:
            run = free_run(state, slot, run)
            continue
        behind = runs[run, NEXT]
        source = runs[run, STEP]
        start = runs[run, START_NO]
        mask = runs[run, MASK]
        closing = mask & CLOSE_BIT != 0
        left = mask
        broken = False
        iterated = False
        for j in range(steps):
            bit = np.int64(1) << j
            if mask & bit == 0:
                continue
            closes = closing and j == last
            if fits(program, state, operands, test, j, row, run) != 0:
                full = counts[FOUND]
                if bind(program, state, matches, operands, update, (run, slot, row, np.int64(j), run)) != 0:
                    if keep_all:
                        if start == given:
                            counts[FOUND] = full  # the same start and completion: the preferred one stands
                        given = start
                    else:
                        bar = number
                        break
                left &= ~bit
                if closes:
                    left &= ~CLOSE_BIT
                if j == source:
                    iterated = True
                continue
            if program.strict[source, j] != 0:
                left &= ~bit
                if closes and final == 0:
                    left &= ~CLOSE_BIT
                    broken = True
                continue
            guards = program.guards[source, j]
            if guards != 0:
                for p in range(steps, program.waits.size):
                    if (guards >> p) & 1 != 0 and fits(program, state, operands, test, p, row, run) != 0:
                        left &= ~bit
                        break
        if bar == number:
            break
        if final != 0 and left & CLOSE_BIT != 0:
            since = runs[run, CLOSE_AT] - scalars[FINAL_WAIT]
            for p in range(steps, program.waits.size):
                in_force = (final >> p) & 1 != 0 and since < now and now - since <= program.waits[p]
                if in_force and fits(program, state, operands, test, p, row, run) != 0:
                    left &= ~(CLOSE_BIT | last_bit)
                    break
        if broken:
            if keep_all:
                if start != given:
                    give_out(state, matches, run, now, BY_EVENT, row)
                    given = start
            else:
                give_out(state, matches, run, now, BY_EVENT, row)
                bar = runs[run, LAST_NO]
        if iterated and program.steps[source, REDUNDANT] != 0:
            left = np.int64(0)  # whatever it could still become, the longer loop becomes too, and is preferred
        runs[run, MASK] = left
        if left == 0 or start <= bar:
            free_run(state, slot, run)
        run = behind
    if bar >= 0:
        forget_runs(state, slot, bar)
    if bar < number and rows[row, BITS] & scalars[FIRST] != 0:
        began = slots[slot, RUNS]
        given = NO_BAR
        for j in range(steps):
            if (scalars[FIRST] >> j) & 1 == 0 or fits(program, state, operands, test, j, row, np.int64(0)) == 0:
                continue
            full = counts[FOUND]
            if (
                bind(program, state, matches, operands, update, (np.int64(0), slot, row, np.int64(j), np.int64(-1)))
                != 0
            ):
                if not keep_all:
                    bar = number
                    break
                if given == number:
                    counts[FOUND] = full
                given = number
        if bar == number:
            forget_runs(state, slot, bar)
        elif slots[slot, RUNS] > began and scalars[WITHIN] < FOREVER:
            starts = state.starts
            at = counts[STARTS_TAIL] & (starts.shape[0] - 1)
            starts[at, 0] = add_time(now, scalars[WITHIN])
            starts[at, 1] = slot
            starts[at, 2] = number
            counts[STARTS_TAIL] += 1
    return counts[FOUND]


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, OperandsType, Callee, Callee, Integer))
def match_rows(
    program: MatchProgram,
    state: RunState,
    matches: Matches,
    operands: Operands,
    test: Address,
    update: Address,
    watermark: Whole,
) -> Whole:
    """Show all unread rows to the runs, then decide what the watermark has passed; return what stopped it.

    Works from ``counts[CURSOR]`` to ``counts[ROWS_USED]``; any answer but DONE means: make room, call again.
    """
    rows, slots, counts = state.rows, state.slots, state.counts
    scalars = program.scalars
    steps, words, key_at = scalars[STEPS], scalars[KEY_WORDS], scalars[KEY_AT]
    while counts[CURSOR] < counts[ROWS_USED]:
        row = counts[CURSOR]
        now = rows[row, TS]
        if is_due(state.starts, counts[STARTS_HEAD], counts[STARTS_TAIL], now):
            stopped = close_starts(program, state, matches, now)
            if stopped != DONE:
                return stopped
        if is_due(state.closers, counts[CLOSERS_HEAD], counts[CLOSERS_TAIL], now):
            stopped = close_absences(program, state, matches, now)
            if stopped != DONE:
                return stopped
        slot = find_slot(state, row, key_at, words, np.int64(0))
        starting = rows[row, BITS] & scalars[FIRST] != 0
        if slot < 0 and not starting:
            counts[CURSOR] += 1
            continue
        # no step may fail half-way, so room for the worst case is asked for beforehand
        most = ((slots[slot, RUNS] if slot >= 0 else 0) + 1) * (steps + 1)
        if state.runs.shape[0] - 1 - counts[LIVE_RUNS] < most:
            return WANTS_RUNS
        if state.nodes.shape[0] - counts[NODES_USED] < most:
            return WANTS_NODES
        if matches.found.shape[0] - counts[FOUND] < most:
            return WANTS_FOUND
        if state.starts.shape[0] - (counts[STARTS_TAIL] - counts[STARTS_HEAD]) < 1:
            return WANTS_STARTS
        if state.closers.shape[0] - (counts[CLOSERS_TAIL] - counts[CLOSERS_HEAD]) < most:
            return WANTS_CLOSERS
        if slot < 0:
            if counts[LIVE_SLOTS] + 1 > slots.shape[0] or 2 * (counts[LIVE_SLOTS] + 1) > state.table.size:
                return WANTS_SLOTS
            slot = find_slot(state, row, key_at, words, np.int64(1))
        show_event(program, state, matches, operands, test, update, slot, row)
        if slots[slot, RUNS] == 0:
            free_slot(state, slot, words)
        counts[CURSOR] += 1
    stopped = close_starts(program, state, matches, watermark)
    if stopped != DONE:
        return stopped
    return close_absences(program, state, matches, watermark)
