"""The match graph: steps that each bind one event by that event alone, some of them any later one (`then any`).

What an event binds is a node in the list of its key and step, in the order of the events. Which nodes may follow one is
a range of the next list that has one end: for `then any` all that came after it, for `then` the first of these. So a
node needs to know its first successor alone, and that of all nodes before is no later: what may go on to the last step
is the beginning of each list, and what has expired too. All matches stand in the lists, none is written down before it
is asked for: an event is O(steps), whatever is open, and a match costs what is written of it.

- ``slots``: a row a key (see `cep.kernels.keys`); LIVE counts its nodes; then HEAD, TAIL and OPEN (the first node
  without a successor) of the list of each step but the last, -1 for none.
- ``nodes``: NEXT, BEGIN (the first successor, or -1), NODE_NO, NODE_DEADLINE (of ``within``, in nodes of the first
  step), the null bits of the match, REACHES (see `count_matches`), ORDINAL (consecutive in its list), then for each
  step its event's identity and values.
- ``starts``: as in `cep.kernels.starts`, of the first step's nodes, with their NODE_NO.
- ``path``, ``since``: where the enumeration stands, step by step, and the match from which on the node there holds (-1:
  it has led to some before the enumeration was stopped; for the last list 1, when it was stopped).
- ``inner``: room for what the nodes of the last list give, a column each; ``order``: for the nodes of a list.
- blocks and ``found``: as in `cep.kernels.blocks`, but what the event that decides says of itself, its time and
  identity, stands once in ``events``, with how many matches of ``found`` are its.

Matches come out in the order of the semantics: by start, then by the first event on which they differ. A deadline at
time t is decided before the first event later than t, or when the watermark has passed t: then the first node of the
first list goes, and with it the nodes of each list before the first successor of what heads the list before it.

References: Bucchi, Grez, Quintana, Riveros, Vansummeren: CORE (VLDB 2022), tECS, whose unions are ranges here, as no
condition compares events; Grez, Riveros, Ugarte, Vansummeren (ICDT 2020) for the delay.
Tested by: tests/kernels/test_graph.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.blocks import BITS, FOUND_NULLS, IDENTITY, TS, null_bits
from cep.kernels.jit import IntArray, Integer, Matrix, Vector, Whole, kernel
from cep.kernels.keys import LIVE, add_key, find_key, has_room
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
    free_node,
    keep_start,
    take_node,
)

# nodes
NEXT, BEGIN, NODE_NO, NODE_DEADLINE, NODE_NULLS, REACHES, ORDINAL, VALUES = range(8)
# slots: HEAD, TAIL and OPEN of step j stand at LISTS + 3 * j
LISTS = 2
# starts, behind what `cep.kernels.starts` has there
START_NO = 2
# counts. DEPTH: the step at which the enumeration was stopped for want of room, -1 when none was; TO_GIVE: how many
# more matches the event at hand may give, LEFT_OUT: how many it may not; CUT_EVENTS, CUT_MATCHES: of how many events
# some were left out, and how many
DEPTH, DECIDED, TO_GIVE, LEFT_OUT, CUT_EVENTS, CUT_MATCHES, COUNTS = range(OWN, OWN + 7)
# events that have decided some matches
EVENT_TS, EVENT_IDENTITY, EVENT_MATCHES, EVENT_WIDTH = range(4)
# scalars of the program, and what a match does to the others of its key; MOST: matches an event; LEFT_OUT_AT: the
# column of ``found`` that says how many were left out, or -1
STEPS, WITHIN, SKIP, MOST, LEFT_OUT_AT, SCALARS = range(6)
MOST_COUNTED = 2**62
SLACK = 8  # columns of ``found`` behind the matches, and of ``inner`` behind the nodes
KEEP_ALL, PAST_LAST, TO_NEXT = range(3)


class GraphProgram(NamedTuple):
    """``takes``: (column of the block, of the node), those of step j from ``take_spans[j]`` on.

    ``gives``: (column of the node - for the last step, of the block -, column of ``found``), by ``give_spans``.
    ``nulls``: (step, null bit of the block, null bit of the match). ``single[j]``: step j is linked by `then`.
    """

    scalars: IntArray
    single: IntArray
    takes: IntArray
    take_spans: IntArray
    gives: IntArray
    give_spans: IntArray
    nulls: IntArray


class GraphState(NamedTuple):
    """Everything one operator and shard remembers between batches, strings apart."""

    slots: IntArray
    table: IntArray
    nodes: IntArray
    starts: IntArray
    path: IntArray
    since: IntArray
    inner: IntArray
    order: IntArray
    counts: IntArray


GraphProgramType = types.NamedTuple((Vector, Vector, Matrix, Vector, Matrix, Vector, Matrix), GraphProgram)
GraphStateType = types.NamedTuple((Matrix, Vector, Matrix, Matrix, Vector, Vector, Matrix, Vector, Vector), GraphState)


@kernel(types.int64(GraphStateType, Integer, Integer), inline=True)
def drop_head(state: GraphState, slot: Whole, step: Whole) -> Whole:
    """Give back the first node of a list; return the one after it, or -1."""
    slots, nodes, counts = state.slots, state.nodes, state.counts
    at = LISTS + 3 * step
    node = slots[slot, at]
    behind = free_node(nodes, counts, node, np.int64(NEXT))
    slots[slot, at] = behind
    if behind < 0:
        slots[slot, at + 1] = -1
    if slots[slot, at + 2] == node:
        slots[slot, at + 2] = behind
    slots[slot, LIVE] -= 1
    return behind


@kernel(types.int64(GraphStateType, Integer, Integer))
def drop_unreached(state: GraphState, slot: Whole, steps: Whole) -> Whole:
    """Drop the nodes of a key that nothing before them reaches any more; return how many are left. O(dropped)."""
    slots, nodes = state.slots, state.nodes
    for step in range(1, steps - 1):
        head = slots[slot, LISTS + 3 * (step - 1)]
        first = nodes[head, BEGIN] if head >= 0 else -1
        node = slots[slot, LISTS + 3 * step]
        if node == first:
            break
        while node >= 0 and node != first:
            node = drop_head(state, slot, np.int64(step))
    return slots[slot, LIVE]


@kernel(types.int64(GraphProgramType, GraphStateType, Integer), inline=True)
def expire_nodes(program: GraphProgram, state: GraphState, limit: Whole) -> Whole:
    """Drop what started so long ago that its bound ends before ``limit``; return how many starts wait still."""
    slots, nodes, starts, counts = state.slots, state.nodes, state.starts, state.counts
    mask = starts.shape[0] - 1
    while counts[STARTS_HEAD] < counts[STARTS_TAIL]:
        at = counts[STARTS_HEAD] & mask
        if starts[at, DEADLINE] >= limit:
            break
        counts[STARTS_HEAD] += 1
        slot = starts[at, SLOT]
        if slots[slot, LIVE] <= 0:
            continue
        head = slots[slot, LISTS]
        if head >= 0 and nodes[head, NODE_NO] == starts[at, START_NO]:
            drop_head(state, slot, np.int64(0))
            drop_unreached(state, slot, program.scalars[STEPS])
    return counts[STARTS_TAIL] - counts[STARTS_HEAD]


@kernel(types.int64(GraphProgramType, GraphStateType, Matrix, Integer, Integer, Integer), inline=True)
def add_node(program: GraphProgram, state: GraphState, block: IntArray, slot: Whole, row: Whole, step: Whole) -> Whole:
    """Let a row bind a step, behind all that may come before it; return the node. The caller has made room."""
    slots, nodes, counts = state.slots, state.nodes, state.counts
    node = take_node(nodes, counts, np.int64(NEXT))
    slots[slot, LIVE] += 1
    nodes[node, NEXT] = -1
    nodes[node, BEGIN] = -1
    nodes[node, NODE_NO] = counts[NEXT_NO] + row
    nodes[node, NODE_NULLS] = null_bits(program.nulls, block, row, step)
    for c in range(program.take_spans[step], program.take_spans[step + 1]):
        nodes[node, program.takes[c, 1]] = block[program.takes[c, 0], row]
    nodes[node, ORDINAL] = 0
    at = LISTS + 3 * step
    if slots[slot, at] < 0:
        slots[slot, at] = node
    else:
        before = slots[slot, at + 1]
        nodes[before, NEXT] = node
        nodes[node, ORDINAL] = nodes[before, ORDINAL] + 1
    slots[slot, at + 1] = node
    if slots[slot, at + 2] < 0:
        slots[slot, at + 2] = node
    if step == 0:
        within = program.scalars[WITHIN]
        now = block[TS, row]
        nodes[node, NODE_DEADLINE] = FOREVER
        if within < FOREVER:
            place = keep_start(state.starts, counts, slot, now, within)
            state.starts[place, START_NO] = nodes[node, NODE_NO]
            nodes[node, NODE_DEADLINE] = state.starts[place, DEADLINE]
        return node
    nodes[node, NODE_DEADLINE] = 0
    before = slots[slot, at - 1]  # OPEN of the list before
    while before >= 0:
        nodes[before, BEGIN] = node
        before = nodes[before, NEXT]
    slots[slot, at - 1] = -1
    return node


@kernel(types.int64(GraphProgramType, GraphStateType, Matrix, Integer, Integer, Integer), inline=True)
def fill(program: GraphProgram, state: GraphState, found: IntArray, step: Whole, begin: Whole, end: Whole) -> Whole:
    """Write what the node on the path gives to matches begin..end - 1; return how many these are."""
    nodes, gives = state.nodes, program.gives
    node = state.path[step]
    for c in range(program.give_spans[step], program.give_spans[step + 1]):
        value, column = nodes[node, gives[c, 0]], found[gives[c, 1]]
        for n in range(begin, end):
            column[n] = value
    return end - begin


@kernel(types.int64(GraphProgramType, GraphStateType, Integer))
def count_matches(program: GraphProgram, state: GraphState, slot: Whole) -> Whole:
    """Return how many matches the next event of a key that fits the last step decides, MOST_COUNTED if more. O(nodes).

    Each list from its end: REACHES becomes how many ways there are from a node or one behind it.
    """
    slots, nodes, order, single = state.slots, state.nodes, state.order, program.single
    keep_all = program.scalars[SKIP] == KEEP_ALL
    inner = program.scalars[STEPS] - 2
    total = np.int64(0)
    for step in range(inner, -1, -1):
        size = 0
        node = slots[slot, LISTS + 3 * step]
        while node >= 0:
            order[size] = node
            size += 1
            node = nodes[node, NEXT]
        total = np.int64(0)
        for at in range(size - 1, -1, -1):
            node = order[at]
            ways = np.int64(1)
            if step < inner:
                first = nodes[node, BEGIN]
                ways = nodes[first, REACHES] if first >= 0 else np.int64(0)
                if not keep_all:
                    ways = min(ways, np.int64(1))
                elif first >= 0 and single[step + 1] != 0 and ways < MOST_COUNTED and nodes[first, NEXT] >= 0:
                    ways -= nodes[nodes[first, NEXT], REACHES]
            total = total + ways if total <= MOST_COUNTED - ways else np.int64(MOST_COUNTED)
            nodes[node, REACHES] = total
    return total


@kernel(types.int64(GraphProgramType, GraphStateType, Integer), inline=True)
def count_left_out(program: GraphProgram, state: GraphState, slot: Whole) -> Whole:
    """Return how many matches are beyond those that one event may give, 0 when no lists of that length could be."""
    scalars = program.scalars
    most = scalars[MOST]
    if scalars[SKIP] == PAST_LAST:
        return np.int64(0)
    # as many nodes in lists of equal length would make the most matches
    lists = scalars[STEPS] - 1
    each = np.float64(state.slots[slot, LIVE]) / lists
    bound = each
    for _ in range(1, lists):
        bound *= max(each, 1.0)
    if bound <= most:
        return np.int64(0)
    return max(count_matches(program, state, slot) - most, np.int64(0))


@kernel(types.int64(GraphProgramType, GraphStateType, Integer, Integer), inline=True)
def null_path(program: GraphProgram, state: GraphState, base: Whole, end: Whole) -> Whole:
    """The null bits of what is bound on the path before step ``end``, and ``base``."""
    for j in range(end):
        base |= state.nodes[state.path[j], NODE_NULLS]
    return base


@kernel(types.int64(GraphProgramType, GraphStateType, Integer))
def lay_out_last(program: GraphProgram, state: GraphState, slot: Whole) -> Whole:
    """Write what the nodes of the last list give side by side, as many as may be given; return how many. O(written)."""
    nodes, gives, inner = state.nodes, program.gives, state.inner
    step = program.scalars[STEPS] - 2
    begin, end = program.give_spans[step], program.give_spans[step + 1]
    most = program.scalars[MOST]
    node = state.slots[slot, LISTS + 3 * step]
    size = np.int64(0)
    while node >= 0 and size < most:
        inner[0, size] = nodes[node, NODE_NULLS]
        for c in range(begin, end):
            inner[1 + c - begin, size] = nodes[node, gives[c, 0]]
        size += 1
        node = nodes[node, NEXT]
    return size


@kernel(types.int64(Matrix, Integer, Integer, Integer, Integer), inline=True)
def spread(found: IntArray, column: Whole, begin: Whole, count: Whole, value: Whole) -> Whole:
    """Write a value to so many matches; what stands behind them, up to SLACK, is written over."""
    at, end, c = np.uint64(begin), np.uint64(begin + count), np.uint64(column)
    while at < end:
        for k in range(SLACK):  # of constant length: vector operations, and one turn is the rule
            found[c, at + np.uint64(k)] = value
        at += np.uint64(SLACK)
    return count


@kernel(types.int64(Matrix, Integer, Integer, Integer, Matrix, Integer, Integer), inline=True)
def spread_list(
    found: IntArray, column: Whole, begin: Whole, count: Whole, inner: IntArray, row: Whole, place: Whole
) -> Whole:
    """Write so many values from ``place`` of a row on to as many matches; as `spread` does."""
    at, end, c = np.uint64(begin), np.uint64(begin + count), np.uint64(column)
    r, p = np.uint64(row), np.uint64(place)
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    while at < end:
        # all are read before one is written, so that it becomes one move
        v0, v1, v2, v3 = inner[r, p], inner[r, p + one], inner[r, p + two], inner[r, p + three]
        found[c, at], found[c, at + one], found[c, at + two], found[c, at + three] = v0, v1, v2, v3
        at += np.uint64(4)
        p += np.uint64(4)
    return count


@kernel(types.int64(GraphProgramType, GraphStateType, Matrix, Matrix, Matrix, Integer, Integer))
def list_matches(
    program: GraphProgram,
    state: GraphState,
    block: IntArray,
    found: IntArray,
    events: IntArray,
    slot: Whole,
    row: Whole,
) -> Whole:
    """Write the matches that a row decides, going on where it was stopped; return 1 when that is done, else 0.

    O(steps) a match: a node whose first successor leads nowhere is the last that is looked at in its list. Of the last
    list what may follow a node is its end from some place on, so it is laid out once and copied from there.
    """
    slots, nodes, counts, path, since = state.slots, state.nodes, state.counts, state.path, state.since
    scalars, single, gives, spans = program.scalars, program.single, program.gives, program.give_spans
    last = scalars[STEPS] - 1
    inner = last - 1
    keep_all, past_last = scalars[SKIP] == KEEP_ALL, scalars[SKIP] == PAST_LAST
    has_nulls = program.nulls.shape[0] > 0
    base = null_bits(program.nulls, block, row, last) if has_nulls else np.int64(0)
    begun = counts[FOUND]
    n = begun
    step = counts[DEPTH]
    if step < 0:
        counts[LEFT_OUT] = count_left_out(program, state, slot)
        counts[TO_GIVE] = scalars[MOST]
        step = np.int64(0)
        path[0] = slots[slot, LISTS]
        path[inner] = 0 if inner > 0 else path[inner]
        since[inner] = 0
    full = np.int64(min(found.shape[1] - SLACK, begun + counts[TO_GIVE]))
    resumed = since[inner]
    one = (inner > 0 and (single[inner] != 0 or not keep_all)) or past_last
    one_before = (inner > 1 and (single[inner - 1] != 0 or not keep_all)) or past_last
    head = slots[slot, LISTS + 3 * inner]
    size: Whole = np.int64(1)
    if not one and head >= 0:
        size = lay_out_last(program, state, slot)
    from_place = nodes[head, ORDINAL] if head >= 0 else np.int64(0)
    stopped = False
    while True:
        node = path[step] if step < inner or resumed == 0 else head
        if node >= 0 and step + 1 < inner:
            path[step + 1] = nodes[node, BEGIN]
            since[step] = n
            step += 1
            continue
        before = null_path(program, state, base, step) if has_nulls else np.int64(0)
        while node >= 0:  # the last two lists in one: for each node of the one before the last, what may follow it
            follows = nodes[node, BEGIN] if step < inner else head
            if follows < 0:
                node = np.int64(-1)
                break
            place = np.int64(0)
            if not one:
                place = path[inner] if resumed != 0 else nodes[follows, ORDINAL] - from_place
            count = max(size - place, np.int64(0)) if n < full else np.int64(1)
            taken = min(count, full - n)
            if taken > 0 and step < inner:
                for c in range(spans[step], spans[step + 1]):
                    spread(found, gives[c, 1], n, taken, nodes[node, gives[c, 0]])
            if taken > 0 and one:
                for c in range(spans[inner], spans[last]):
                    found[gives[c, 1], n] = nodes[follows, gives[c, 0]]
            elif taken > 0:
                for c in range(spans[inner], spans[last]):
                    spread_list(found, gives[c, 1], n, taken, state.inner, 1 + c - spans[inner], place)
            if has_nulls:
                bits = before | (nodes[node, NODE_NULLS] if step < inner else np.int64(0))
                for k in range(taken):
                    more = nodes[follows, NODE_NULLS] if one else state.inner[0, place + k]
                    found[FOUND_NULLS, n + k] = bits | more
            n += taken
            if taken < count:
                stopped = True
                path[inner] = place + taken if step < inner or not one else path[inner]
                break
            resumed = np.int64(0)
            node = nodes[node, NEXT] if step < inner and not one_before else np.int64(-1)
        path[step] = node if step < inner else path[step]
        if stopped or step == 0 or step == inner:
            break
        step -= 1
        fill(program, state, found, step, max(since[step], begun), n)
        # what has led nowhere is not followed by what leads anywhere
        leads = n > since[step] or since[step] < 0
        go_on = leads and not (step > 0 and (single[step] != 0 or not keep_all)) and not past_last
        path[step] = nodes[path[step], NEXT] if go_on else -1
    counts[TO_GIVE] -= n - begun
    done = np.int64(not stopped or counts[TO_GIVE] == 0)
    if stopped:
        for j in range(step):
            fill(program, state, found, np.int64(j), max(since[j], begun), n)
            since[j] = -1 if n > since[j] or since[j] < 0 else 0
        since[inner] = 1
    for c in range(spans[last], spans[last + 1]):
        spread(found, gives[c, 1], begun, n - begun, block[gives[c, 0], row])
    if scalars[LEFT_OUT_AT] >= 0:
        spread(found, scalars[LEFT_OUT_AT], begun, n - begun, counts[LEFT_OUT])
    if n > begun:
        at = counts[DECIDED] - 1
        if at < 0 or events[EVENT_IDENTITY, at] != block[IDENTITY, row]:
            at += 1
            events[EVENT_TS, at] = block[TS, row]
            events[EVENT_IDENTITY, at] = block[IDENTITY, row]
            events[EVENT_MATCHES, at] = 0
            counts[DECIDED] = at + 1
        events[EVENT_MATCHES, at] += n - begun
    if done != 0 and counts[LEFT_OUT] > 0:
        counts[CUT_EVENTS] += 1
        counts[CUT_MATCHES] += min(counts[LEFT_OUT], MOST_COUNTED - counts[CUT_MATCHES])
    counts[FOUND] = n
    counts[DEPTH] = -1 if done != 0 else step
    return done


@kernel(types.int64(GraphProgramType, GraphStateType, Integer))
def forget_matched(program: GraphProgram, state: GraphState, slot: Whole) -> Whole:
    """Drop what the skip rule forgets at a match: all, or the starts that had theirs; return how many are left."""
    slots, nodes = state.slots, state.nodes
    steps = program.scalars[STEPS]
    if program.scalars[SKIP] == PAST_LAST:
        for step in range(steps - 1):
            node = slots[slot, LISTS + 3 * step]
            while node >= 0:
                node = drop_head(state, slot, np.int64(step))
        return slots[slot, LIVE]
    node = slots[slot, LISTS]
    while node >= 0:
        reached = node
        for _ in range(1, steps - 1):
            reached = nodes[reached, BEGIN]
            if reached < 0:
                break
        if reached < 0:
            break
        node = drop_head(state, slot, np.int64(0))
    return drop_unreached(state, slot, steps)


@kernel(types.int64(GraphProgramType, GraphStateType, Matrix, Matrix, Matrix, Integer))
def match_graph(
    program: GraphProgram, state: GraphState, block: IntArray, found: IntArray, events: IntArray, watermark: Whole
) -> Whole:
    """Show the rows of a block from ``counts[CURSOR]`` on, then expire up to the watermark; return what stopped it.

    Any answer but DONE means: make room, or take out what was found; then call again. O(steps) amortised a row, and
    O(steps) a match.
    """
    slots, nodes, counts = state.slots, state.nodes, state.counts
    steps, single, skip = program.scalars[STEPS], program.single, program.scalars[SKIP]
    last = steps - 1
    rows = block.shape[1]
    while counts[CURSOR] < rows:
        row = counts[CURSOR]
        now = block[TS, row]
        if counts[STARTS_HEAD] < counts[STARTS_TAIL]:
            at = counts[STARTS_HEAD] & (state.starts.shape[0] - 1)
            if state.starts[at, DEADLINE] < now:
                expire_nodes(program, state, now)
        bits = block[BITS, row]
        slot = find_key(slots, state.table, counts, block, row)
        starting = bits & 1 != 0
        if slot < 0 and not starting:
            counts[CURSOR] += 1
            continue
        if nodes.shape[0] - counts[LIVE_NODES] < last:
            return WANTS_NODES
        if starting:
            if state.starts.shape[0] - (counts[STARTS_TAIL] - counts[STARTS_HEAD]) < 1:
                return WANTS_STARTS
            if slot < 0:
                if has_room(slots, counts) == 0:
                    return WANTS_SLOTS
                slot = add_key(slots, state.table, counts, block, row, -1 - slot)
                for j in range(LISTS, LISTS + 3 * last):
                    slots[slot, j] = -1
        if (bits >> last) & 1 != 0 and slots[slot, LISTS + 3 * (last - 1)] >= 0:
            before = counts[FOUND] if counts[DEPTH] < 0 else -1
            if list_matches(program, state, block, found, events, slot, row) == 0:
                return WANTS_FOUND
            if skip != KEEP_ALL and counts[FOUND] > before:
                forget_matched(program, state, slot)
                if skip == PAST_LAST:
                    counts[CURSOR] += 1
                    continue
        for step in range(last - 1, 0, -1):
            if (bits >> step) & 1 == 0:
                continue
            # HEAD of the list before, or OPEN: what this may follow
            if slots[slot, LISTS + 3 * (step - 1) + (2 if single[step] != 0 else 0)] >= 0:
                add_node(program, state, block, slot, row, np.int64(step))
        if starting:
            add_node(program, state, block, slot, row, np.int64(0))
        counts[CURSOR] += 1
    expire_nodes(program, state, watermark)
    return DONE
