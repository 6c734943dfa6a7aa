"""The match graph at work: its tables, and room in them when the kernel asks.

Invariants: as `cep.kernels.graph` has them; tables grow with the events that may still be part of a match.
Tested by: tests/kernels/test_graph.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.blocks import BLOCK_KEYS
from cep.kernels.graph import (
    BEGIN,
    COUNTS,
    CUT_EVENTS,
    CUT_MATCHES,
    DECIDED,
    DEPTH,
    EVENT_IDENTITY,
    EVENT_MATCHES,
    EVENT_TS,
    EVENT_WIDTH,
    LISTS,
    NEXT,
    NODE_DEADLINE,
    NODE_NO,
    ORDINAL,
    REACHES,
    SLACK,
    START_NO,
    STEPS,
    VALUES,
    WITHIN,
    GraphState,
    match_graph,
)
from cep.kernels.keys import KEY_AT, KEY_WORDS, LIVE, USED
from cep.kernels.runs import FOREVER
from cep.kernels.starts import (
    CURSOR,
    DONE,
    FIRST_FREE,
    FOUND,
    LIVE_NODES,
    NEXT_NO,
    NODES_USED,
    STARTS_TAIL,
    WANTS_FOUND,
    WANTS_NODES,
    WANTS_SLOTS,
    WANTS_STARTS,
)
from cep.runtime.held import is_spacious
from cep.runtime.results import Deciders
from cep.runtime.starts import MOST_FOUND, SMALL, StartsMatcher, grown, in_lists, keyed_slots, room_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cep.compiler.graph import GraphTables
    from cep.model.batch import AnyArray, Int64Array
    from cep.runtime.chain import TextPart
    from cep.runtime.identity import Lineage
    from cep.runtime.snapshot import Stored

_ASIDE = 8  # columns whose distance is a power of two fall on the same lines of the cache


class GraphMatcher(StartsMatcher):
    """The state of one match graph for one shard."""

    gives_away = True

    def __init__(self, tables: GraphTables, streams: tuple[str, ...]) -> None:
        self._tables, self._streams = tables, streams
        self._words = len(tables.shape.keys)
        self._steps = int(tables.program.scalars[STEPS])
        self._bounded = int(tables.program.scalars[WITHIN]) < FOREVER
        counts = np.zeros(COUNTS, np.int64)
        counts[FIRST_FREE] = counts[DEPTH] = -1
        counts[KEY_WORDS], counts[KEY_AT] = self._words, BLOCK_KEYS
        self.state = GraphState(
            np.zeros((64, self._lists + self._words), np.int64),
            np.zeros(256, np.int64),
            np.zeros((SMALL, tables.node_width), np.int64),
            np.zeros((SMALL, 3), np.int64),
            np.full(self._steps, -1, np.int64),
            np.zeros(self._steps, np.int64),
            self._room_for(SMALL),
            np.zeros(SMALL, np.int64),
            counts,
        )
        self._found = np.empty((tables.shape.found_width, SMALL), np.int64)  # grows with what a batch finds
        self._events = np.empty((EVENT_WIDTH, 1), np.int64)

    def _room_for(self, nodes: int) -> Int64Array:
        """What the last list is laid out in."""
        gives = int(np.diff(self._tables.program.give_spans).max())
        return np.zeros((1 + gives, nodes + SLACK), np.int64)

    @property
    def _lists(self) -> int:
        """Columns of a slot before the key's words."""
        return LISTS + 3 * (self._steps - 1)

    @property
    def is_spacious(self) -> bool:
        """Whether tables are to be given back."""
        return is_spacious(len(self.state.nodes), self.open_runs)

    @property
    def open_runs(self) -> int:
        """Events that may still be part of a match: each stands for all runs that it ends."""
        return int(self.state.counts[LIVE_NODES])

    def match(self, block: Int64Array, watermark: int) -> Iterator[Int64Array]:
        """Show the rows of a block, expire up to the watermark; give out what was found, some at a time."""
        counts = self.state.counts
        counts[CURSOR] = 0
        self._events = np.empty((EVENT_WIDTH, block.shape[1] + 1), np.int64)
        while True:
            stopped = int(match_graph(self._tables.program, self.state, block, self._found, self._events, watermark))
            found = int(counts[FOUND])
            if stopped == DONE:
                counts[NEXT_NO] += block.shape[1]
                counts[CURSOR] = 0
            if found and (stopped == DONE or (stopped == WANTS_FOUND and found >= MOST_FOUND)):
                counts[FOUND] = 0
                yield self._given(found)
                counts[DECIDED] = 0
            if stopped == DONE:
                return
            self._make_room(stopped)

    def _given(self, found: int) -> Int64Array:
        """What was found, for good: a copy where it would keep much room alive that it does not need."""
        given = self._found[:, :found]
        if 4 * found < self._found.shape[1]:
            return given.copy()
        self._found = np.empty_like(self._found)
        return given

    def deciders(self, found: Int64Array) -> Deciders:
        """The times and identities of the events that decided what was found last, and how many matches each."""
        events = self._events[:, : int(self.state.counts[DECIDED])].copy()
        return Deciders(events[EVENT_TS], events[EVENT_IDENTITY], events[EVENT_MATCHES])

    def lineage(self, found: Int64Array) -> Callable[[], Lineage]:
        """What lists the events of each match, oldest first."""
        first, names = self._tables.identities[0], self._streams
        bound = found[first : first + self._steps - 1]  # a view: what is found is given away
        decided = self.deciders(found)

        def events() -> Lineage:
            deciding = np.repeat(decided.identity, decided.matches)
            identities = np.ascontiguousarray(np.concatenate([bound, deciding[None]]).T).reshape(-1)
            offsets = np.arange(0, identities.size + 1, len(bound) + 1)
            return offsets, names, identities % len(names), identities // len(names)

        return events

    @property
    def cut(self) -> tuple[int, int]:
        """Of how many events some matches were left out, and how many."""
        return int(self.state.counts[CUT_EVENTS]), int(self.state.counts[CUT_MATCHES])

    def text_codes(self, key_parts: list[int]) -> list[AnyArray]:
        """The codes of strings that are held: of the parts of the key that are strings, and of what is bound."""
        self._sweep()
        slots = self.state.slots[: int(self.state.counts[USED])]
        out: list[AnyArray] = [slots[:, self._lists + part] for part in key_parts]
        if self._tables.texts:
            at, _, step = self._live()
            out += [self.state.nodes[at[step == of], column] for of, column in self._tables.texts]
        return out

    # ---------------------------------------------------------------------------------------------------- snapshots

    def tables(self) -> dict[str, Int64Array]:
        """The nodes by event and step: the step stands in place of NEXT, then all is as it is, and the key's words."""
        state = self.state
        at, slot, step = self._live()
        order = np.lexsort((step, state.nodes[at, NODE_NO]))
        at, slot, step = at[order], slot[order], step[order]
        place = np.full(len(state.nodes), -1)
        place[at] = np.arange(at.size)
        nodes = np.concatenate([state.nodes[at], state.slots[slot, self._lists :]], axis=1)
        nodes[:, NEXT], nodes[:, REACHES], nodes[:, ORDINAL] = step, 0, 0
        nodes[:, BEGIN] = np.where(nodes[:, BEGIN] >= 0, place[nodes[:, BEGIN]], -1)
        kept = np.diff(self._tables.program.take_spans)[step]  # what a step does not keep is nobody's business
        beyond = np.arange(state.nodes.shape[1]) >= (VALUES + kept)[:, None]
        nodes[:, : beyond.shape[1]][beyond] = 0
        return {"nodes": nodes, "next_no": state.counts[NEXT_NO : NEXT_NO + 1].copy(), "cut": np.array(self.cut)}

    def text_parts(self, tables: Mapping[str, Int64Array], key_parts: list[int]) -> list[TextPart]:
        """Where codes of strings stand in such tables: a table, its rows, the column."""
        nodes = tables["nodes"]
        out = [(nodes, np.arange(len(nodes)), self._tables.node_width + part) for part in key_parts]
        out += [(nodes, np.flatnonzero(nodes[:, NEXT] == step), column) for step, column in self._tables.texts]
        return out

    def read(self, stored: Stored) -> dict[str, Int64Array]:
        """Such tables, checked."""
        nodes = stored.array("nodes", np.int64, None, self._tables.node_width + self._words)
        next_no = stored.numbers("next_no", 1, 0, 2**62)
        step, begin, number = nodes[:, NEXT], nodes[:, BEGIN], nodes[:, NODE_NO]
        stored.within(step, 0, self._steps - 2, "the step of a bound event")
        stored.within(begin, -1, len(nodes) - 1, "what follows a bound event")
        stored.within(number, 0, int(next_no[0]) - 1, "the place of a bound event")
        stored.within(nodes[:, VALUES], 0, 2**63 - 1, "a bound event")
        ordered = (np.diff(number) > 0) | ((np.diff(number) == 0) & (np.diff(step) > 0))
        stored.require(ordered.all(), "bound events are out of order")
        key = self._keys_of(nodes)
        some = np.flatnonzero(begin >= 0)
        after = begin[some]
        follows = (step[after] == step[some] + 1) & (key[after] == key[some]) & (number[after] > number[some])
        stored.require(follows.all(), "a bound event is followed by none of its own")
        by_list = np.lexsort((number, step, key))
        same = (np.diff(key[by_list]) == 0) & (np.diff(step[by_list]) == 0)
        later = np.where(begin < 0, len(nodes), begin)[by_list]
        stored.require((~same | (np.diff(later) >= 0)).all(), "what follows bound events is out of order")
        starts = nodes[step == 0, NODE_DEADLINE]
        stored.require((np.diff(starts) >= 0).all(), "bounds are out of order")
        return {"nodes": nodes, "next_no": next_no, "cut": stored.numbers("cut", 2, 0)}

    def restore(self, tables: Mapping[str, Int64Array]) -> None:
        """Take over such tables, whose strings have codes of this shard."""
        packed, counts = tables["nodes"], self.state.counts
        size, key, width = len(packed), self._keys_of(packed), self._tables.node_width
        step, number = packed[:, NEXT].copy(), packed[:, NODE_NO]
        nodes = grown(np.ascontiguousarray(packed[:, :width]), max(SMALL, 2 * size))
        held = int(key.max(initial=-1)) + 1
        used = np.full((held, self._lists + self._words), -1)
        used[key, self._lists :] = packed[:, width:]
        used[:, LIVE] = np.bincount(key, minlength=held)
        used[:, LIVE + 1 : LISTS] = 0
        slots, table = keyed_slots(used, self._words, max(64, 2 * size))
        order = np.lexsort((number, step, key))
        place = key[order] * self._steps + step[order]
        changes = np.diff(place) > 0
        first = np.concatenate([[True], changes])[:size]
        last = np.concatenate([changes, [True]])[-size:] if size else first
        nodes[order, NEXT] = np.where(last, -1, np.concatenate([order[1:], order[:1]]))
        head = LISTS + 3 * step
        slots[key[order[first]], head[order[first]]] = order[first]
        slots[key[order[last]], head[order[last]] + 1] = order[last]
        unfollowed = order[packed[order, BEGIN] < 0][::-1]  # the first of each list is written last
        slots[key[unfollowed], head[unfollowed] + 2] = unfollowed
        begun = np.flatnonzero(step == 0) if self._bounded else np.zeros(0, np.int64)
        starts = np.stack([packed[begun, NODE_DEADLINE], key[begun], number[begun]], axis=1)
        starts = grown(starts, room_for(begun.size))
        counts[STARTS_TAIL] = begun.size
        counts[USED], counts[NEXT_NO] = held, tables["next_no"][0]
        counts[CUT_EVENTS], counts[CUT_MATCHES] = tables["cut"]
        counts[NODES_USED] = counts[LIVE_NODES] = size
        of_list = np.cumsum(first) - 1 if size else first
        nodes[order, ORDINAL] = np.arange(size) - np.flatnonzero(first)[of_list]
        self.state = self.state._replace(slots=slots, table=table, nodes=nodes, starts=starts)
        self.state = self.state._replace(order=np.empty(len(nodes), np.int64), inner=self._room_for(len(nodes)))

    def _keys_of(self, nodes: Int64Array) -> Int64Array:
        """The number of each node's key."""
        if not self._words or not len(nodes):
            return np.zeros(len(nodes), np.int64)
        words = nodes[:, self._tables.node_width :]
        number: Int64Array = np.unique(words, axis=0, return_inverse=True)[1]
        return number.reshape(-1)

    # -------------------------------------------------------------------------------------------------------- tables

    def _live(self) -> tuple[Int64Array, Int64Array, Int64Array]:
        """The nodes that stand in some list, each with its slot and its step."""
        heads = range(LISTS, self._lists, 3)
        return in_lists(self.state.nodes, NEXT, self.state.slots, self._live_slots(), heads)

    def _make_room(self, wanted: int) -> None:
        state = self.state
        if wanted == WANTS_FOUND:
            if self._found.shape[1] < MOST_FOUND:
                wider = np.empty((len(self._found), 2 * self._found.shape[1] + _ASIDE), np.int64)
                wider[:, : self._found.shape[1]] = self._found
                self._found = wider
        elif wanted == WANTS_NODES:
            nodes = grown(state.nodes, 2 * len(state.nodes))
            order, inner = np.empty(len(nodes), np.int64), self._room_for(len(nodes))
            self.state = state._replace(nodes=nodes, order=order, inner=inner)
        elif wanted == WANTS_STARTS:
            self._keep_begun()
        else:
            assert wanted == WANTS_SLOTS, wanted
            self._sweep()

    def _keep_begun(self) -> None:
        """Leave out of the ring of starts those that are gone; twice the room unless hardly any are left."""
        state = self.state
        entries = state.starts[self._places()]
        at, _, step = self._live()
        entries = entries[np.isin(entries[:, START_NO], state.nodes[at[step == 0], NODE_NO])]
        self._keep_starts(entries, len(state.starts) * (1 + (8 * len(entries) > len(state.starts))))
