"""Folding without enumerating: sums, counts, bests and ends over all matches that an event decides.

For steps that each bind any later event that fits, an event that fits step j lets each run at step j - 1 become a
further run at step j. So of the runs at a step it is enough to know how many they are and, for each *part* (an
aggregate of an attribute of step k), what those from step k on have bound there: a *cell*. What is told of runs adds
up, and is multiplied by how many ways lead on; so what has happened since some moment is a matrix, THEN.

What a start takes with it when its bound ends is found by two stacks: the starts before some moment, the *front*, each
know the runs of themselves and of all later starts up to that moment; runs begun later are summed in RUNS. All runs are
those of the front's head times THEN, and RUNS. When the front is used up, the events since are walked back, newest
first, the matrix of what follows in hand, and their starts become the front. Nothing is ever subtracted, so least and
greatest are as good as sums, and a number beyond its bits stays so only as long as its runs do.

- ``slots``: a row a key (see `cep.kernels.keys`); LIVE counts its starts; FIRST_NO, HEAD (the oldest node of the
  front), NEWEST (the newest since), RUNS (m, for m steps but the last), THEN (m x m), each part's cells: for the steps
  from k on, then for each step before k what leads from it to these; then the key's words.
- ``nodes``: LINK (in the front to the next later one, else to the next earlier), BITS, null bits, number, the values of
  parts; then what stands in the front: runs of a start and all later ones by step, and each part's cells.
- ``starts``: as in `cep.kernels.starts`, with nothing else.
- ``parts``: KIND, STEP, the block's column and null bit, IS_FLOAT, WIDTH of a cell, LOW, where cells begin in a slot
  (AT_RUNS, AT_THEN) and in a node (AT_FRONT), where the value is in a node.
- cells: of NUMBER how many matches have a value; of LEAST, GREATEST, EARLIEST and LATEST the event's number + 1 (0:
  none) and its value, of equal ones that of the earlier event; of SUM limbs of 32 bits, the least first, two's
  complement, LOW limbs above 2^-1074 for floats. So sums are exact, whatever their order, and rounded once.
- ``folds``: what is given: WHAT, part, the part that counts (-1: matches), column of ``found``, null bit.
- blocks and ``found``: as in `cep.kernels.blocks`; ``ratios`` is ``found`` as floats.

A number of runs beyond 64 bits is -1. The first in order of all values is that of the earliest event that stands there
in any match, and the last that of the latest: of two matches exchange what comes before, and both are matches.
Cost: O(steps) an event, amortised, times the cells' width for each part; O(steps) what is decided.
References: Tangwongsan, Hirzel, Schneider: Low-latency sliding-window aggregation (DEBS 2017) for the two stacks;
Kulisch, Computer Arithmetic and Validity, for exact sums.
Tested by: tests/kernels/test_folding.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.blocks import BITS, FOUND_NULLS, NULLS, TS, null_bits
from cep.kernels.jit import FloatArray, FloatMatrix, FloatVector, IntArray, Integer, Matrix, Vector, Whole, kernel
from cep.kernels.keys import KEY_WORDS, LIVE, add_key, find_key, has_room
from cep.kernels.limbs import MASK, add_limbs, add_product, as_float, is_in_band, limb_of
from cep.kernels.runs import FOREVER
from cep.kernels.starts import (
    CURSOR,
    DEADLINE,
    DONE,
    FOUND,
    LIVE_NODES,
    NEXT_NO,
    OWN,
    SLOT,
    STARTS_HEAD,
    STARTS_TAIL,
    WANTS_FOUND,
    WANTS_NODES,
    WANTS_SLOTS,
    WANTS_STARTS,
    WANTS_WIDER,
    free_node,
    keep_start,
    take_node,
)

# slots
FIRST_NO, HEAD, NEWEST, RUNS = 1, 2, 3, 4
# nodes
LINK, NODE_BITS, NODE_NULLS, NODE_NO, NODE_VALUES = range(5)
# counts; WIDER_PART: whose limbs do not reach, WIDER_LIMB: up or down to which
WIDER_PART, WIDER_LIMB, OVERFLOWS, NO_NUMBERS, COUNTS = range(OWN, OWN + 5)
# scalars of the program; FRONT: where the front's runs stand in a node
STEPS, WITHIN, FRONT, SCALARS = range(4)
# parts
KIND, STEP, COLUMN, NULL_BIT, IS_FLOAT, WIDTH, LOW, AT_RUNS, AT_THEN, AT_FRONT, VALUE_AT, PART_WIDTH = range(12)
NUMBER, SUM, LEAST, GREATEST, EARLIEST, LATEST = range(6)
# folds
WHAT, PART, COUNTED, GIVEN, NULL = range(5)
COUNT, SUM_WHOLE, SUM_FLOAT, MEAN_WHOLE, MEAN_FLOAT, MEAN_DURATION, BEST = range(7)
CELL = 0  # where in ``work`` the cell is that is asked for

MOST_RUNS = 2**63 - 1
BEYOND = -1


class FoldingProgram(NamedTuple):
    """``gives``: (column of the block, column of ``found``); ``takes``: (column of the block, of a node); ``nulls``: as
    in `null_bits`, of the last step; ``divisors``: by which the mean of a fold is divided besides.
    """

    scalars: IntArray
    parts: IntArray
    folds: IntArray
    divisors: FloatArray
    takes: IntArray
    gives: IntArray
    nulls: IntArray


class FoldingState(NamedTuple):
    """Everything one operator and shard remembers between batches, strings apart."""

    slots: IntArray
    table: IntArray
    starts: IntArray
    nodes: IntArray
    work: IntArray
    counts: IntArray


FoldingProgramType = types.NamedTuple((Vector, Matrix, Matrix, FloatVector, Matrix, Matrix, Matrix), FoldingProgram)
FoldingStateType = types.NamedTuple((Matrix, Vector, Matrix, Matrix, Matrix, Vector), FoldingState)


Place = types.UniTuple(types.int64, 2)
Pair = tuple[Whole, Whole]


@kernel(types.int64(Integer, Integer), inline=True)
def more(a: Whole, b: Whole) -> Whole:
    """So many runs and so many, or BEYOND."""
    both = a + b
    return np.int64(BEYOND) if a < 0 or b < 0 or both < 0 else both


@kernel(types.int64(Integer, Integer), inline=True)
def times(a: Whole, b: Whole) -> Whole:
    """So many ways for each of so many runs, or BEYOND."""
    if a == 0 or b == 0:
        return np.int64(0)
    if a < 0 or b < 0:
        return np.int64(BEYOND)
    if (a | b) >> 31 == 0 or a <= MOST_RUNS // b:
        return a * b
    return np.int64(BEYOND)


@kernel(types.int64(Integer, Integer), inline=True)
def rank(value: Whole, is_float: Whole) -> Whole:
    """A whole number that is ordered as values are: those of floats by their bits, both zeros alike."""
    if is_float == 0:
        return value
    if value << 1 == 0:
        return np.int64(0)
    return value ^ ((value >> 63) & 0x7FFFFFFFFFFFFFFF)


@kernel(types.int64(Matrix, Integer, Matrix, Integer, Integer, Integer, Integer), inline=True)
def take_better(
    parts: IntArray, c: Whole, table: IntArray, row: Whole, at: Whole, number: Whole, value: Whole
) -> Whole:
    """Let a cell of a part hold an event's value if it is the better one; return the number that it holds."""
    held = table[row, at]
    if held != 0:
        kind = parts[c, KIND]
        better = number < held if kind != LATEST else number > held
        if kind in (LEAST, GREATEST):
            here, there = rank(value, parts[c, IS_FLOAT]), rank(table[row, at + 1], parts[c, IS_FLOAT])
            if here != there:
                better = here < there if kind == LEAST else here > there
        if not better:
            return held
    table[row, at] = number
    table[row, at + 1] = value
    return number


@kernel(types.int64(Matrix, Integer, Matrix, Integer, Integer, Integer, Integer, Integer), inline=True)
def put_value(
    parts: IntArray, c: Whole, table: IntArray, row: Whole, at: Whole, number: Whole, value: Whole, runs: Whole
) -> Whole:
    """Let so many runs bind an event's value, as a cell of a part tells of it; return how many."""
    kind = parts[c, KIND]
    if runs == 0:
        return runs
    if kind == NUMBER:
        table[row, at] = more(table[row, at], runs)
    elif kind == SUM:
        add_product(table, row, at, parts[c, WIDTH], parts[c, LOW], parts[c, IS_FLOAT], value, runs)
    else:
        take_better(parts, c, table, row, at, number + 1, value)
    return runs


@kernel(types.int64(Matrix, Integer, Matrix, Place, Matrix, Place, Integer), inline=True)
def put_cell(parts: IntArray, c: Whole, table: IntArray, to: Pair, source: IntArray, of: Pair, ways: Whole) -> Whole:
    """Let what a cell of a part (row, column) tells of go on in so many ways, into another; return how many."""
    kind, (row, at), (source_row, source_at) = parts[c, KIND], to, of
    if ways == 0:
        return ways
    if kind == NUMBER:
        table[row, at] = more(table[row, at], times(source[source_row, source_at], ways))
    elif kind == SUM:
        add_limbs(table, row, at, source, source_row, source_at, parts[c, WIDTH], ways)
    elif source[source_row, source_at] != 0:
        take_better(parts, c, table, row, at, source[source_row, source_at], source[source_row, source_at + 1])
    return ways


@kernel(types.int64(FoldingProgramType, FoldingStateType, Integer))
def clear_runs(program: FoldingProgram, state: FoldingState, slot: Whole) -> Whole:
    """Let nothing have happened since the front of a key; return its slot. O(cells)."""
    slots = state.slots
    m = program.scalars[STEPS] - 1
    for j in range(RUNS, slots.shape[1] - state.counts[KEY_WORDS]):
        slots[slot, j] = 0
    for j in range(m):
        slots[slot, RUNS + m + j * m + j] = 1
    return slot


@kernel(types.int64(FoldingProgramType, FoldingStateType, Integer, Integer))
def go_back(program: FoldingProgram, state: FoldingState, slot: Whole, node: Whole) -> Whole:
    """Let THEN of a key, which is of what followed a node's event, be of that event too; return the node. O(m)."""
    slots, nodes, parts = state.slots, state.nodes, program.parts
    m = program.scalars[STEPS] - 1
    then = RUNS + m
    bits, nulls, number = nodes[node, NODE_BITS], nodes[node, NODE_NULLS], nodes[node, NODE_NO]
    for j in range(1, m):  # a row of the matrix takes in the next, which is as it was
        if (bits >> j) & 1 == 0:
            continue
        for c in range(parts.shape[0]):
            k, width = parts[c, STEP], parts[c, WIDTH]
            if j > k or k >= m:
                continue
            row_at = parts[c, AT_THEN] + (j - 1) * (m - k) * width
            if j == k:
                if parts[c, NULL_BIT] < 0 or (nulls >> parts[c, NULL_BIT]) & 1 == 0:
                    value = nodes[node, parts[c, VALUE_AT]]
                    for t in range(k, m):
                        ways = slots[slot, then + j * m + t]
                        put_value(parts, c, slots, slot, row_at + (t - k) * width, number, value, ways)
                continue
            for t in range(k, m):
                at = row_at + (t - k) * width
                put_cell(parts, c, slots, (slot, at), slots, (slot, at + (m - k) * width), np.int64(1))
        for t in range(j, m):
            slots[slot, then + (j - 1) * m + t] = more(
                slots[slot, then + (j - 1) * m + t], slots[slot, then + j * m + t]
            )
    return node


@kernel(types.int64(FoldingProgramType, FoldingStateType, Integer))
def turn(program: FoldingProgram, state: FoldingState, slot: Whole) -> Whole:
    """Make the starts of a key since its front its front, the front being used up; return its head.

    O(cells) for each event since: each is walked back over once. RUNS hold the runs of the starts met so far.
    """
    slots, nodes, counts, parts = state.slots, state.nodes, state.counts, program.parts
    m, front = program.scalars[STEPS] - 1, program.scalars[FRONT]
    then = RUNS + m
    clear_runs(program, state, slot)
    later = np.int64(-1)
    node = slots[slot, NEWEST]
    while node >= 0:
        if nodes[node, NODE_BITS] & 1 == 0:
            go_back(program, state, slot, node)
            node = free_node(nodes, counts, node, np.int64(LINK))
            continue
        nulls = nodes[node, NODE_NULLS]
        for t in range(m):
            ways = slots[slot, then + t]
            for c in range(parts.shape[0]):
                k, width = parts[c, STEP], parts[c, WIDTH]
                if t < k:
                    continue
                at = parts[c, AT_RUNS] + (t - k) * width
                if k > 0:
                    put_cell(
                        parts, c, slots, (slot, at), slots, (slot, parts[c, AT_THEN] + (t - k) * width), np.int64(1)
                    )
                elif parts[c, NULL_BIT] < 0 or (nulls >> parts[c, NULL_BIT]) & 1 == 0:
                    value = nodes[node, parts[c, VALUE_AT]]
                    put_value(parts, c, slots, slot, at, nodes[node, NODE_NO], value, ways)
            slots[slot, RUNS + t] = more(slots[slot, RUNS + t], ways)
            nodes[node, front + t] = slots[slot, RUNS + t]
        for c in range(parts.shape[0]):
            for j in range((m - parts[c, STEP]) * parts[c, WIDTH]):
                nodes[node, parts[c, AT_FRONT] + j] = slots[slot, parts[c, AT_RUNS] + j]
        go_back(program, state, slot, node)
        before = nodes[node, LINK]
        nodes[node, LINK] = later
        later = node
        node = before
    clear_runs(program, state, slot)
    slots[slot, HEAD], slots[slot, NEWEST] = later, -1
    return later


@kernel(types.int64(FoldingProgramType, FoldingStateType, Integer), inline=True)
def expire_starts(program: FoldingProgram, state: FoldingState, limit: Whole) -> Whole:
    """Take out the runs whose ``within`` ends before ``limit``; return how many starts wait still."""
    slots, starts, nodes, counts = state.slots, state.starts, state.nodes, state.counts
    mask = starts.shape[0] - 1
    while counts[STARTS_HEAD] < counts[STARTS_TAIL]:
        at = counts[STARTS_HEAD] & mask
        if starts[at, DEADLINE] >= limit:
            break
        counts[STARTS_HEAD] += 1
        slot = starts[at, SLOT]
        slots[slot, LIVE] -= 1
        if slots[slot, LIVE] > 0:
            head = slots[slot, HEAD]
            if head < 0:
                head = turn(program, state, slot)
            slots[slot, HEAD] = free_node(nodes, counts, head, np.int64(LINK))
            continue
        for first in (slots[slot, HEAD], slots[slot, NEWEST]):
            node = first
            while node >= 0:
                node = free_node(nodes, counts, node, np.int64(LINK))
        slots[slot, HEAD], slots[slot, NEWEST] = -1, -1
    return counts[STARTS_TAIL] - counts[STARTS_HEAD]


@kernel(types.int64(FoldingProgramType, FoldingStateType, Matrix, Integer, Integer), inline=True)
def move_on(program: FoldingProgram, state: FoldingState, block: IntArray, slot: Whole, row: Whole) -> Whole:
    """Let the runs of a key take an event that fits some steps; return its bits. O(steps) a step that it fits."""
    slots, parts = state.slots, program.parts
    m = program.scalars[STEPS] - 1
    then = RUNS + m
    bits, nulls, number = block[BITS, row], block[NULLS, row], state.counts[NEXT_NO] + row
    behind = slots[slot, HEAD] >= 0  # nobody asks what happened since a front that is not there
    for j in range(m - 1, 0, -1):  # from the last, so that no run binds the event twice
        if (bits >> j) & 1 == 0:
            continue
        for c in range(parts.shape[0]):
            k, width = parts[c, STEP], parts[c, WIDTH]
            if j < k or k >= m:
                continue
            row_width = (m - k) * width
            at, at_then = parts[c, AT_RUNS] + (j - k) * width, parts[c, AT_THEN] + (j - k) * width
            if j > k:
                put_cell(parts, c, slots, (slot, at), slots, (slot, at - width), np.int64(1))
                for i in range(k if behind else 0):
                    cell = at_then + i * row_width
                    put_cell(parts, c, slots, (slot, cell), slots, (slot, cell - width), np.int64(1))
            elif parts[c, NULL_BIT] < 0 or (nulls >> parts[c, NULL_BIT]) & 1 == 0:
                value = block[parts[c, COLUMN], row]
                put_value(parts, c, slots, slot, at, number, value, slots[slot, RUNS + j - 1])
                for i in range(k if behind else 0):
                    ways = slots[slot, then + i * m + j - 1]
                    put_value(parts, c, slots, slot, at_then + i * row_width, number, value, ways)
        slots[slot, RUNS + j] = more(slots[slot, RUNS + j], slots[slot, RUNS + j - 1])
        for i in range(j if behind else 0):
            at = then + i * m + j
            slots[slot, at] = more(slots[slot, at], slots[slot, at - 1])
    return bits


@kernel(types.int64(FoldingProgramType, FoldingStateType, Matrix, Integer, Integer), inline=True)
def keep_event(program: FoldingProgram, state: FoldingState, block: IntArray, slot: Whole, row: Whole) -> Whole:
    """Note an event of a key as its newest; return the node. The caller has made room."""
    slots, nodes, counts = state.slots, state.nodes, state.counts
    node = take_node(nodes, counts, np.int64(LINK))
    nodes[node, LINK] = slots[slot, NEWEST]
    nodes[node, NODE_BITS] = block[BITS, row]
    nodes[node, NODE_NULLS] = block[NULLS, row]
    nodes[node, NODE_NO] = counts[NEXT_NO] + row
    for c in range(program.takes.shape[0]):
        nodes[node, program.takes[c, 1]] = block[program.takes[c, 0], row]
    slots[slot, NEWEST] = node
    return node


@kernel(types.int64(FoldingProgramType, FoldingStateType, Matrix, Integer, Integer), inline=True)
def start_run(program: FoldingProgram, state: FoldingState, block: IntArray, slot: Whole, row: Whole) -> Whole:
    """Let a row start a run of a key; return how many starts the key has. The caller has made room."""
    slots, starts, counts, parts = state.slots, state.starts, state.counts, program.parts
    within = program.scalars[WITHIN]
    number, nulls = counts[NEXT_NO] + row, block[NULLS, row]
    if slots[slot, LIVE] == 0:
        clear_runs(program, state, slot)
        slots[slot, HEAD], slots[slot, NEWEST] = -1, -1
        slots[slot, FIRST_NO] = number
    slots[slot, LIVE] += 1
    slots[slot, RUNS] += 1
    for c in range(parts.shape[0]):
        if parts[c, STEP] == 0 and (parts[c, NULL_BIT] < 0 or (nulls >> parts[c, NULL_BIT]) & 1 == 0):
            value = block[parts[c, COLUMN], row]
            put_value(parts, c, slots, slot, parts[c, AT_RUNS], number, value, np.int64(1))
    if within < FOREVER:
        keep_start(starts, counts, slot, block[TS, row], within)
    return slots[slot, LIVE]


@kernel(types.int64(FoldingProgramType, FoldingStateType, Integer), inline=True)
def count_runs(program: FoldingProgram, state: FoldingState, slot: Whole) -> Whole:
    """How many runs of a key stand before the last step."""
    slots = state.slots
    m, front = program.scalars[STEPS] - 1, program.scalars[FRONT]
    many = slots[slot, RUNS + m - 1]
    head = slots[slot, HEAD]
    if head >= 0:
        for j in range(m):
            many = more(many, times(state.nodes[head, front + j], slots[slot, RUNS + m + j * m + m - 1]))
    return many


@kernel(types.int64(FoldingProgramType, FoldingStateType, Matrix, Integer, Integer, Integer, Integer))
def gather_part(
    program: FoldingProgram, state: FoldingState, block: IntArray, slot: Whole, row: Whole, c: Whole, many: Whole
) -> Whole:
    """Let CELL of ``work`` be what a part tells of all matches that a row decides; return the part. O(steps)."""
    slots, nodes, parts, work = state.slots, state.nodes, program.parts, state.work
    m, front = program.scalars[STEPS] - 1, program.scalars[FRONT]
    then = RUNS + m
    k, width = parts[c, STEP], parts[c, WIDTH]
    cell = (np.int64(0), np.int64(CELL))
    for j in range(width):
        work[0, CELL + j] = 0
    if k == m:
        if parts[c, NULL_BIT] < 0 or (block[NULLS, row] >> parts[c, NULL_BIT]) & 1 == 0:
            number, value = state.counts[NEXT_NO] + row, block[parts[c, COLUMN], row]
            put_value(parts, c, work, np.int64(0), np.int64(CELL), number, value, many)
        return c
    last = (m - 1 - k) * width
    put_cell(parts, c, work, cell, slots, (slot, parts[c, AT_RUNS] + last), np.int64(1))
    head = slots[slot, HEAD]
    if head >= 0:
        for j in range(k):
            at = parts[c, AT_THEN] + j * (m - k) * width + last
            put_cell(parts, c, work, cell, slots, (slot, at), nodes[head, front + j])
        for j in range(k, m):
            at = parts[c, AT_FRONT] + (j - k) * width
            put_cell(parts, c, work, cell, nodes, (head, at), slots[slot, then + j * m + m - 1])
    return c


@kernel(types.int64(FoldingProgramType, FoldingStateType, Matrix, Matrix, FloatMatrix, Integer, Integer, Integer))
def give_folds(
    program: FoldingProgram, state: FoldingState, block: IntArray, found: IntArray, ratios: FloatArray,
    slot: Whole, row: Whole, many: Whole,
) -> Whole:  # fmt: skip
    """Write what is told of the matches that a row decides, so many, to what was found last; return the null bits."""
    parts, folds, work, counts = program.parts, program.folds, state.work, state.counts
    n = counts[FOUND] - 1
    nulls = np.int64(0)
    gathered = np.int64(-1)
    for f in range(folds.shape[0]):
        what, c, at = folds[f, WHAT], folds[f, PART], folds[f, GIVEN]
        number = many
        if folds[f, COUNTED] >= 0:
            gather_part(program, state, block, slot, row, folds[f, COUNTED], many)
            number = work[0, CELL]
            gathered = folds[f, COUNTED]
        if c >= 0 and c != gathered:
            gather_part(program, state, block, slot, row, c, many)
            gathered = c
        found[at, n] = 0
        null = number < 0 if what == COUNT else number == 0
        if what == COUNT:
            found[at, n] = 0 if null else number
        elif what == BEST:
            null = work[0, CELL] == 0
            found[at, n] = 0 if null else work[0, CELL + 1]
        elif number < 0 or many < 0:
            null = True
        elif not null and what in (SUM_WHOLE, MEAN_DURATION):
            total = work[0, CELL] | work[0, CELL + 1] << 32
            sign = (total >> 63) & MASK
            if work[0, CELL + 2] != sign or work[0, CELL + 3] != sign:
                counts[OVERFLOWS] += 1
                null = True
            elif what == SUM_WHOLE:
                found[at, n] = total
            else:  # toward zero
                whole = total // number
                found[at, n] = whole + 1 if whole < 0 and whole * number != total else whole
        elif not null:
            width, low = parts[c, WIDTH], parts[c, LOW] * 32 if parts[c, IS_FLOAT] != 0 else np.int64(1074)
            found[at, n] = as_float(work, np.int64(CELL), width, low)
            total_f = ratios[at, n]
            if np.isinf(total_f):
                counts[NO_NUMBERS] += 1
                null = True
                found[at, n] = 0
            elif what in (MEAN_WHOLE, MEAN_FLOAT):
                ratios[at, n] = total_f / (np.float64(number) * program.divisors[f])
            gathered = np.int64(-1)  # its limbs may have been turned
        if null:
            nulls |= np.int64(1) << folds[f, NULL]
    return nulls


@kernel(types.int64(FoldingProgramType, FoldingStateType, Matrix, Integer), inline=True)
def find_narrow(program: FoldingProgram, state: FoldingState, block: IntArray, row: Whole) -> Whole:
    """Return 1 and note part and limb when a row has a float that the limbs of a sum do not reach, else 0."""
    parts, counts = program.parts, state.counts
    for c in range(parts.shape[0]):
        if parts[c, KIND] != SUM or parts[c, IS_FLOAT] == 0 or (block[BITS, row] >> parts[c, STEP]) & 1 == 0:
            continue
        if parts[c, NULL_BIT] >= 0 and (block[NULLS, row] >> parts[c, NULL_BIT]) & 1 != 0:
            continue
        value = block[parts[c, COLUMN], row]
        if value << 1 != 0 and is_in_band(value, parts[c, LOW], parts[c, WIDTH]) == 0:
            counts[WIDER_PART], counts[WIDER_LIMB] = c, limb_of(value)
            return np.int64(1)
    return np.int64(0)


@kernel(types.int64(FoldingProgramType, FoldingStateType, Matrix, Matrix, FloatMatrix, Integer))
def match_folds(
    program: FoldingProgram, state: FoldingState, block: IntArray, found: IntArray, ratios: FloatArray, watermark: Whole
) -> Whole:
    """Show the rows of a block from ``counts[CURSOR]`` on, then expire up to the watermark; return what stopped it.

    Any answer but DONE means: make room, or take out what was found; then call again.
    """
    slots, counts, gives, nulls = state.slots, state.counts, program.gives, program.nulls
    scalars = program.scalars
    m = scalars[STEPS] - 1
    bounded = scalars[WITHIN] < FOREVER
    middle = (np.int64(1) << m) - 2  # the bits of the steps between the first and the last
    rows = block.shape[1]
    while counts[CURSOR] < rows:
        row = counts[CURSOR]
        now = block[TS, row]
        if counts[STARTS_HEAD] < counts[STARTS_TAIL]:
            at = counts[STARTS_HEAD] & (state.starts.shape[0] - 1)
            if state.starts[at, DEADLINE] < now:
                expire_starts(program, state, now)
        bits = block[BITS, row]
        slot = find_key(slots, state.table, counts, block, row)
        starting = bits & 1 != 0
        live = slot >= 0 and slots[slot, LIVE] > 0
        if not starting and not live:
            counts[CURSOR] += 1
            continue
        if found.shape[1] - counts[FOUND] < 1:
            return WANTS_FOUND
        if find_narrow(program, state, block, row) != 0:
            return WANTS_WIDER
        if bounded and state.nodes.shape[0] - counts[LIVE_NODES] < 1:
            return WANTS_NODES
        if starting:
            if bounded and state.starts.shape[0] - (counts[STARTS_TAIL] - counts[STARTS_HEAD]) < 1:
                return WANTS_STARTS
            if slot < 0:
                if has_room(slots, counts) == 0:
                    return WANTS_SLOTS
                slot = add_key(slots, state.table, counts, block, row, -1 - slot)
        if live:
            if (bits >> m) & 1 != 0:
                many = count_runs(program, state, slot)
                if many != 0:
                    n = counts[FOUND]
                    counts[FOUND] = n + 1
                    for c in range(gives.shape[0]):
                        found[gives[c, 1], n] = block[gives[c, 0], row]
                    empty = give_folds(program, state, block, found, ratios, slot, row, many)
                    found[FOUND_NULLS, n] = empty | null_bits(nulls, block, row, m)
            if bits & middle != 0:
                move_on(program, state, block, slot, row)
        if starting:
            start_run(program, state, block, slot, row)
        if bounded and (starting or (bits & middle != 0 and slots[slot, RUNS] > 0)):
            keep_event(program, state, block, slot, row)
        counts[CURSOR] += 1
    expire_starts(program, state, watermark)
    return np.int64(DONE)
