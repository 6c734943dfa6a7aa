"""The run-table matcher: every pattern, any predicates, exactly.

Per key, runs stand in order of (start, preference). An event is shown to each run in turn: every move that the run may
take and that the event fits gives a child, put in front of its parent in order of the moves, because the candidate
that binds an event is preferred to the one that passes it over (behind it for a reluctant move). So whatever completes
at one event is met in the order of the semantics - earlier start first, then preference - and the skip rule is one
comparison.

A step binds the *first* later event that fits: once a run has taken a move in a child, it no longer waits for it
itself. A loop that may go on or end waits for both at once (two bits of one MASK). ``CLOSE`` waits for time alone.

A deadline at time t is decided before the first event later than t, or when the watermark has passed t.

What is asked of a row stands in `cep.kernels.asking`; ``update`` keeps the registers.

Cost: O(runs of the key x moves) an event, O(1) amortized a deadline.
References: SASE+ (Agrawal et al., SIGMOD 2008) for runs and selection strategies; docs/semantics.md for the order.
Tested by: tests/kernels/test_match.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.asking import FREE, NEVER, any_fits, fits, is_forbidden, is_preceded, restraint, turn_round
from cep.kernels.deadlines import (
    DONE,
    WANTS_CLOSERS,
    WANTS_FOUND,
    WANTS_GAPS,
    WANTS_NODES,
    WANTS_PAST,
    WANTS_RUNS,
    WANTS_SLOTS,
    WANTS_STARTS,
    bar_of,
    drop_key,
    forget_past,
    forget_runs,
    forget_used,
    holds_used,
    is_alike,
    is_due,
    keep_past,
    use_up,
)
from cep.kernels.earliest import pass_time, release
from cep.kernels.jit import Address, Callee, Integer, Whole, call_generated, kernel, pointer
from cep.kernels.moves import count_after, is_reluctant, members_after, open_moves
from cep.kernels.program import (
    AGAIN_STEP,
    CLEARED,
    CONSUMES,
    DEPTH,
    DONE_AT,
    ENDS,
    EVENTS,
    EVERY,
    FINAL,
    FINAL_WAIT,
    FIRST,
    FIRST_MOVE,
    GAP,
    GROUP_REGISTER,
    GROUP_SEEN,
    GROUP_SINCE,
    GROUP_TOTAL,
    GUARDS,
    IN_LAST,
    KEEP,
    KEEP_ALL,
    KEPT_BITS,
    KEPT_FOR,
    KEY_AT,
    KEY_WORDS,
    LOW,
    MOST_MOVES,
    MOVES,
    NEEDED,
    NO_BAR,
    POSITION,
    QUIET,
    REDUNDANT,
    RELUCTANT,
    RESTRAINED,
    ROUND,
    SET,
    SILENCES,
    SKIP,
    STEPS,
    STRICT,
    TARGET,
    UNTIL,
    UNTILS,
    UPDATE,
    USED_BIT,
    WITHIN,
    Matches,
    MatchesType,
    MatchProgram,
    MatchProgramType,
    Operands,
    OperandsType,
)
from cep.kernels.runs import (
    BEGUN,
    BITS,
    BOUND_STEP,
    BY_EVENT,
    CHOSEN_BIT,
    CLOSE_AT,
    CLOSE_BIT,
    CLOSERS_HEAD,
    CLOSERS_TAIL,
    COUNT,
    CURSOR,
    DECIDED_AT,
    DECIDER,
    DONE_BIT,
    ENDED,
    FOREVER,
    FOUND,
    GAPS_HEAD,
    GAPS_TAIL,
    GENERATION,
    GIVEN_UP,
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
    PAST_HEAD,
    PAST_TAIL,
    PHASE,
    REGISTERS,
    ROW,
    ROWS_USED,
    RUNS,
    SEEN,
    SHADOW,
    SHADOW_GENERATION,
    START_NO,
    START_SEEN,
    START_TS,
    STARTS_HEAD,
    STARTS_TAIL,
    STEP,
    TS,
    RunState,
    RunStateType,
    add_time,
    find_slot,
    free_run,
    give_out,
    new_run,
)
from cep.kernels.timeouts import end_event

_Place = types.UniTuple(types.int64, 5)


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, OperandsType, Callee, _Place), inline=True)
def bind(
    program: MatchProgram,
    state: RunState,
    matches: Matches,
    operands: Operands,
    update: Address,
    place: tuple[Whole, Whole, Whole, Whole, Whole],
) -> Whole:
    """Let a copy of a run take a move and bind a row; return 1 when that completes it, else 0; 2 where it may end.

    A complete one is then in ``found``. ``place`` is (parent run, slot, row, move, the run to stand in front of). The
    caller has made sure of room.
    """
    parent, slot, row, move, before = place
    rows, runs, nodes, counts = state.rows, state.runs, state.nodes, state.counts
    steps, moves, scalars = program.steps, program.moves, program.scalars
    step = moves[move, TARGET]
    count = runs[parent, COUNT] + 1 if moves[move, ROUND] == AGAIN_STEP else 1
    mask = open_moves(program, state, parent, move, count)
    first = runs[parent, NODE] < 0
    seen = state.slots[slot, SEEN]
    start_seen = seen if first else runs[parent, START_SEEN]
    if seen - start_seen + 1 >= scalars[EVENTS]:  # the last event inside the bound
        if mask & CLOSE_BIT != 0 or scalars[QUIET] == 0:  # else it is there to time out
            mask &= CLOSE_BIT
        if mask == 0:
            return 0
    final = scalars[FINAL] != 0
    complete = mask == CLOSE_BIT and not final
    waits = complete and scalars[DONE_AT] != 0  # for what stands before it
    if complete and not waits:
        target = counts[FOUND]
        into, into_f = matches.found, matches.found_f
    else:
        target = new_run(state, slot, before)
        into, into_f = runs, state.runs_f
    for j in range(REGISTERS, runs.shape[1]):
        into[target, j] = runs[parent, j]
    for d in range(moves[move, KEEP], steps[step, DEPTH]):
        group = program.nests[step, d]
        into[target, program.groups[group, GROUP_REGISTER]] = count_after(program, state, parent, move, np.int64(d))
        if program.groups[group, GROUP_TOTAL] >= 0:
            into[target, program.groups[group, GROUP_TOTAL]] += 1
        if program.groups[group, GROUP_SINCE] != 0:
            into[target, program.groups[group, GROUP_SINCE]] = rows[row, TS]
            into[target, program.groups[group, GROUP_SEEN]] = seen
    if steps[step, NEEDED] != 0:
        into[target, steps[step, SET]] = members_after(program, state, parent, move)
    cleared = moves[move, CLEARED]
    j = REGISTERS
    while cleared != 0:
        if cleared & 1 != 0:
            into[target, j] = -1
        cleared >>= 1
        j += 1
    node = counts[NODES_USED]
    counts[NODES_USED] = node + 1
    nodes[node, PARENT] = runs[parent, NODE]
    nodes[node, ROW] = row
    nodes[node, BOUND_STEP] = step | CHOSEN_BIT if moves[move, EVERY] != 0 else step
    into[target, NODE] = node
    into[target, LENGTH] = runs[parent, LENGTH] + 1
    into[target, START_NO] = rows[row, NO] if first else runs[parent, START_NO]
    into[target, START_TS] = rows[row, TS] if first else runs[parent, START_TS]
    into[target, START_SEEN] = start_seen
    into[target, LAST_NO] = rows[row, NO]
    into[target, STEP] = step
    into[target, COUNT] = count
    into[target, MASK] = DONE_BIT if waits else mask
    into[target, CLOSE_AT] = FOREVER
    into[target, SHADOW] = -1
    into[target, BEGUN] = 0
    closes = mask & CLOSE_BIT != 0
    into[target, ENDED] = 1 if closes else 0
    if moves[move, IN_LAST] != 0 and not first:
        if runs[parent, ENDED] != 0:
            if not closes:
                into[target, SHADOW] = parent
                # what it went on from by choice is not given up for it: no run has this generation
                into[target, SHADOW_GENERATION] = -1 if moves[move, EVERY] != 0 else runs[parent, GENERATION]
                last = rows[nodes[runs[parent, NODE], ROW], TS]
                into[target, CLOSE_AT] = runs[parent, CLOSE_AT] if final else add_time(last, scalars[GAP])
        elif runs[parent, SHADOW] >= 0:
            shadow = runs[parent, SHADOW]
            if not closes:
                into[target, SHADOW] = shadow
                into[target, SHADOW_GENERATION] = runs[parent, SHADOW_GENERATION]
                into[target, CLOSE_AT] = runs[parent, CLOSE_AT]
            elif runs[shadow, GENERATION] == runs[parent, SHADOW_GENERATION]:
                runs[shadow, MASK] &= ~CLOSE_BIT  # given up for the longer one
                counts[GIVEN_UP] += 1
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
            pointer(nodes),
            pointer(operands.ints),
            pointer(operands.floats),
            pointer(operands.heap),
            pointer(operands.spans),
            pointer(operands.faults),
        )
    if waits:
        into[target, scalars[DONE_AT]] = rows[row, NO]
        return 1
    if complete:
        matches.found[target, DECIDED_AT] = rows[row, TS]
        matches.found[target, PHASE] = BY_EVENT
        matches.found[target, DECIDER] = row
        counts[FOUND] = target + 1
        return 1
    if scalars[GAP] < FOREVER and mask & ~CLOSE_BIT != 0:
        gaps = state.gaps
        at = counts[GAPS_TAIL] & (gaps.shape[0] - 1)
        gaps[at, 0] = add_time(rows[row, TS], scalars[GAP])
        gaps[at, 1] = slot
        gaps[at, 2] = target
        gaps[at, 3] = runs[target, GENERATION]
        counts[GAPS_TAIL] += 1
    if final and closes:
        deadline = add_time(rows[row, TS], scalars[FINAL_WAIT])
        runs[target, CLOSE_AT] = deadline
        closers = state.closers
        at = counts[CLOSERS_TAIL] & (closers.shape[0] - 1)
        closers[at, 0] = deadline
        closers[at, 1] = slot
        closers[at, 2] = target
        closers[at, 3] = runs[target, GENERATION]
        counts[CLOSERS_TAIL] += 1
    return 2 if closes else 0


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
    steps, moves, scalars = program.steps, program.moves, program.scalars
    final = scalars[FINAL]
    keep_all = scalars[SKIP] == KEEP_ALL
    consumes = scalars[CONSUMES] != 0
    done_at = scalars[DONE_AT]
    restrained = scalars[RESTRAINED] != 0
    begin = counts[FOUND]
    now, number = rows[row, TS], rows[row, NO]
    slots[slot, SEEN] += 1
    bar: Whole = NO_BAR
    given = NO_BAR  # the start that has a match at this event already (keep all), and the first of these matches
    began: Whole = np.int64(0)
    used: Whole = np.int64(0)
    run = slots[slot, HEAD]
    while run >= 0 and bar < number:
        mask = runs[run, MASK]
        if mask == DONE_BIT:
            run = runs[run, NEXT]
            continue
        # one that went on where the pattern may end has time until that end is decided
        went = runs[run, SHADOW] >= 0
        tainted = consumes and (used > 0 or went) and holds_used(state, runs[run, NODE]) != 0
        if (went and runs[run, CLOSE_AT] < now) or runs[run, START_NO] <= bar or (tainted and not went):
            run = free_run(state, slot, run)
            continue
        if tainted:  # it is no match, yet what it went on from may have to be given up for it
            used += 1
        behind = runs[run, NEXT]
        source = runs[run, STEP]
        start = runs[run, START_NO]
        ends = steps[source, ENDS]
        if final != 0 and runs[run, CLOSE_AT] < now:
            mask &= ~ends  # the end is decided, for this one or a longer one: nothing that was open goes on
        closing = mask & CLOSE_BIT != 0
        left = mask
        iterated = False
        first = steps[source, FIRST_MOVE]
        for e in range(steps[source, MOVES]):
            bit = np.int64(1) << e
            if mask & bit == 0:
                continue
            move = first + e
            if any_fits(program, state, operands, test, moves[move, UNTILS], row, run) != 0:
                left &= ~bit
                continue
            held: Whole = FREE
            if restrained:
                # with `prefer earliest` others wait for the move, and what a group's bound says decides nothing
                is_open = 1 if (closing and ends & bit != 0) or done_at != 0 else 0
                held = restraint(program, state, operands, test, (slot, row, run, np.int64(move), np.int64(is_open)))
            fitting: Whole = np.int64(0)
            if held == FREE:  # what a new iteration forgets its events do not know
                turn_round(program, state, run, np.int64(move))
                fitting = fits(program, state, operands, test, moves[move, TARGET], row, run)
                turn_round(program, state, run, np.int64(move))
            if fitting != 0:
                full = counts[FOUND]
                before = behind if is_reluctant(program, state, run, move) != 0 else run
                bound = bind(program, state, matches, operands, update, (run, slot, row, np.int64(move), before))
                every = moves[move, EVERY] != 0
                if not every:
                    left &= ~bit
                if closing and ends & bit != 0 and not every:
                    if bound != 0:
                        left &= ~CLOSE_BIT
                    else:
                        runs[run, BEGUN] |= bit
                if moves[move, ROUND] == AGAIN_STEP and (not every or runs[run, COUNT] >= steps[source, LOW]):
                    iterated = True
                between = (moves[move, GUARDS], row, run, np.int64(move))
                if every and is_forbidden(program, state, operands, test, between) != 0:
                    left &= ~bit  # it stands between what is bound and any later one
                if bound == 1 and done_at == 0:
                    node = matches.found[full, NODE]
                    if (keep_all and start == given and is_alike(program, state, matches, began, full, node) != 0) or (
                        used > 0 and holds_used(state, node) != 0
                    ):
                        counts[FOUND] = full  # the same start and completion as the preferred, or with a used event
                        continue
                    if start != given:
                        given, began = start, full
                    bar = max(bar, bar_of(program, state, matches, full))
                    if consumes:
                        used += use_up(program, state, matches, full)
                    if start <= bar:
                        break
                continue
            broken = held == NEVER or moves[move, STRICT] != 0
            between = (moves[move, GUARDS], row, run, np.int64(move))
            if broken or is_forbidden(program, state, operands, test, between) != 0:
                left &= ~bit
        if start <= bar:
            free_run(state, slot, run)
            run = behind  # what the run has just begun stands before it or between, and is forgotten below
            continue
        left &= runs[run, MASK]  # a longer one may have taken CLOSE away
        if final != 0 and runs[run, CLOSE_AT] < FOREVER and (left & (CLOSE_BIT | ends) != 0 or runs[run, SHADOW] >= 0):
            since = runs[run, CLOSE_AT] - scalars[FINAL_WAIT]
            for p in range(scalars[STEPS], program.waits.size):
                in_force = (final >> p) & 1 != 0 and since < now and now - since <= program.waits[p]
                if in_force and fits(program, state, operands, test, p, row, run) != 0:
                    left = left & ~(CLOSE_BIT | ends) if runs[run, SHADOW] < 0 else np.int64(0)
                    break
        # what was still open is broken, or nothing more is inside the bound: the pattern ends where the run stands
        decided = False
        if closing and left & ends == 0:
            closed = np.int64(0)  # `until` came: what has begun there is over too
            if (
                steps[source, UNTIL] != 0
                and any_fits(program, state, operands, test, steps[source, UNTIL], row, run) != 0
            ):
                for e in range(steps[source, MOVES]):
                    closed |= any_fits(program, state, operands, test, moves[first + e, UNTILS], row, run) << e
            begun = runs[run, BEGUN]
            decided = begun & ~closed == 0 and (mask & ends != 0 or begun & closed != 0)
        if slots[slot, SEEN] - runs[run, START_SEEN] + 1 >= scalars[EVENTS]:
            if scalars[QUIET] == 0:
                left &= CLOSE_BIT | DONE_BIT
            decided = True
        if decided and final == 0 and left & CLOSE_BIT != 0:
            left &= ~CLOSE_BIT
            if done_at != 0:
                left |= DONE_BIT
                runs[run, done_at] = number
            alike = start == given
            if alike:
                alike = is_alike(program, state, matches, began, counts[FOUND], runs[run, NODE]) != 0
            if done_at == 0 and not alike and not (used > 0 and holds_used(state, runs[run, NODE]) != 0):
                at = give_out(state, matches, run, now, np.int64(BY_EVENT), row) - 1
                if start != given:
                    given, began = start, np.int64(at)
                bar = max(bar, bar_of(program, state, matches, at))
                if consumes:
                    used += use_up(program, state, matches, at)
        if iterated and steps[source, REDUNDANT] != 0:
            left &= DONE_BIT  # whatever it could still become, the longer loop becomes too, and is preferred
        runs[run, MASK] = left
        if left == 0 or start <= bar:
            free_run(state, slot, run)
        run = behind
    if bar >= 0:
        forget_runs(state, slot, bar)
    if bar < number and rows[row, BITS] & scalars[FIRST] != 0 and rows[row, BITS] & USED_BIT == 0:
        start_runs(program, state, matches, operands, test, update, slot, row)
    if used > 0:
        forget_used(state, slot)
    if counts[GIVEN_UP] > 0:
        counts[GIVEN_UP] = 0
        run = slots[slot, HEAD]
        while run >= 0:
            run = free_run(state, slot, run) if runs[run, MASK] == 0 else runs[run, NEXT]
    if scalars[QUIET] != 0:
        end_event(program, state, matches, slot, row, begin)
    if done_at != 0:
        release(program, state, matches, slot, now, np.int64(BY_EVENT), row)
    return counts[FOUND]


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, OperandsType, Callee, Callee, Integer, Integer))
def start_runs(
    program: MatchProgram,
    state: RunState,
    matches: Matches,
    operands: Operands,
    test: Address,
    update: Address,
    slot: Whole,
    row: Whole,
) -> Whole:
    """Let a row start runs of its key; return how many runs the key has then."""
    rows, slots, counts = state.rows, state.slots, state.counts
    scalars, moves = program.scalars, program.moves
    start = scalars[STEPS]
    began = slots[slot, RUNS]
    first = program.steps[start, FIRST_MOVE]
    given = False
    used: Whole = np.int64(0)
    for kind in range(2):  # what is reluctant stands behind what is not
        for e in range(program.steps[start, MOVES]):
            move = np.int64(first + e)
            if (moves[move, RELUCTANT] != 0) != (kind == 1):
                continue
            if fits(program, state, operands, test, moves[move, TARGET], row, np.int64(0)) == 0:
                continue
            if moves[move, SILENCES] != 0 and is_preceded(program, state, operands, test, update, slot, row, move) != 0:
                continue
            full = counts[FOUND]
            bound = bind(program, state, matches, operands, update, (np.int64(0), slot, row, move, np.int64(-1)))
            if bound != 1 or scalars[DONE_AT] != 0:
                continue
            if given:
                counts[FOUND] = full  # the same start and completion: the preferred one stands
                continue
            given = True
            if scalars[CONSUMES] != 0:
                used += use_up(program, state, matches, full)
            if scalars[SKIP] != KEEP_ALL:
                forget_runs(state, slot, rows[row, NO])
                break
        if given and scalars[SKIP] != KEEP_ALL:
            break
    if used > 0:
        forget_used(state, slot)
    if slots[slot, RUNS] > began and scalars[WITHIN] < FOREVER:
        starts = state.starts
        at = counts[STARTS_TAIL] & (starts.shape[0] - 1)
        starts[at, 0] = add_time(rows[row, TS], scalars[WITHIN])
        starts[at, 1] = slot
        starts[at, 2] = rows[row, NO]
        counts[STARTS_TAIL] += 1
    return slots[slot, RUNS]


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
    words, key_at = scalars[KEY_WORDS], scalars[KEY_AT]
    keeps, wanted = scalars[KEPT_BITS] != 0, scalars[FIRST] | scalars[KEPT_BITS]
    while counts[CURSOR] < counts[ROWS_USED]:
        row = counts[CURSOR]
        now = rows[row, TS]
        if (
            is_due(state.starts, counts[STARTS_HEAD], counts[STARTS_TAIL], now)
            or is_due(state.gaps, counts[GAPS_HEAD], counts[GAPS_TAIL], now)
            or is_due(state.closers, counts[CLOSERS_HEAD], counts[CLOSERS_TAIL], now)
        ):
            stopped = pass_time(program, state, matches, now)
            if stopped != DONE:
                return stopped
        if keeps:
            forget_past(program, state, now)
        slot = find_slot(state, row, key_at, words, np.int64(0))
        starting = rows[row, BITS] & wanted != 0
        if slot < 0 and not starting:
            counts[CURSOR] += 1
            continue
        # no step may fail half-way, so room for the worst case is asked for beforehand
        most = ((slots[slot, RUNS] if slot >= 0 else 0) + 1) * (scalars[MOST_MOVES] + 1)
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
        if scalars[GAP] < FOREVER and state.gaps.shape[0] - (counts[GAPS_TAIL] - counts[GAPS_HEAD]) < most:
            return WANTS_GAPS
        kept = keeps and rows[row, BITS] & scalars[KEPT_BITS] != 0
        if kept and state.past.shape[0] - (counts[PAST_TAIL] - counts[PAST_HEAD]) < 1:
            return WANTS_PAST
        if slot < 0:
            if counts[LIVE_SLOTS] + 1 > slots.shape[0] or 2 * (counts[LIVE_SLOTS] + 1) > state.table.size:
                return WANTS_SLOTS
            slot = find_slot(state, row, key_at, words, np.int64(1))
        show_event(program, state, matches, operands, test, update, slot, row)
        if kept:
            keep_past(state, slot, row, add_time(now, scalars[KEPT_FOR]))
        if slots[slot, RUNS] == 0:
            drop_key(state, slot, words)
        counts[CURSOR] += 1
    stopped = pass_time(program, state, matches, watermark)
    if stopped != DONE:
        return stopped
    forget_past(program, state, watermark)
    return DONE
