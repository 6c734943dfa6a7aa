"""The folding matcher at work: its tables, room in them when the kernel asks, and wider cells where sums want them.

Invariants: as `cep.kernels.folding` has them; tables grow with the events since which a start is open. A sum of floats
has limbs for every float that it has met, so how wide cells are hangs on the events alone.
Tested by: tests/kernels/test_folding.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.blocks import BLOCK_KEYS
from cep.kernels.folding import (
    AT_FRONT,
    AT_RUNS,
    CELL,
    COUNTS,
    FIRST_NO,
    FRONT,
    HEAD,
    LINK,
    LOW,
    NEWEST,
    NO_NUMBERS,
    NODE_BITS,
    NODE_NO,
    NODE_NULLS,
    NODE_VALUES,
    NUMBER,
    OVERFLOWS,
    RUNS,
    SUM,
    VALUE_AT,
    WIDER_LIMB,
    WIDER_PART,
    WIDTH,
    FoldingState,
    match_folds,
)
from cep.kernels.keys import KEY_AT, KEY_WORDS, LIVE, USED
from cep.kernels.limbs import MASK, REACH
from cep.kernels.runs import FOREVER
from cep.kernels.starts import (
    DEADLINE,
    FIRST_FREE,
    LIVE_NODES,
    NEXT_NO,
    NODES_USED,
    SLOT,
    STARTS_TAIL,
    WANTS_NODES,
    WANTS_WIDER,
)
from cep.runtime.held import is_spacious
from cep.runtime.starts import SMALL, DecidingMatcher, grown, in_lists, keyed_slots, room_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.compiler.folding import FoldingTables
    from cep.kernels.folding import FoldingProgram
    from cep.model.batch import AnyArray, BoolArray, Int64Array
    from cep.runtime.chain import TextPart
    from cep.runtime.snapshot import Stored

_MOST_LIMBS = 80
Bands = tuple[tuple[int, int], ...]


class FoldingMatcher(DecidingMatcher):
    """The state of one folding matcher for one shard."""

    def __init__(self, tables: FoldingTables, streams: tuple[str, ...]) -> None:
        self._tables, self._streams = tables, streams
        self._words, self._m = len(tables.shape.keys), tables.steps - 1
        self._bounded = tables.within < FOREVER
        self._bands: Bands = tables.bands
        self._program = tables.program(self._bands)
        counts = np.zeros(COUNTS, np.int64)
        counts[KEY_WORDS], counts[KEY_AT], counts[FIRST_FREE] = self._words, BLOCK_KEYS, -1
        self.state = FoldingState(
            np.zeros((64, self._own + self._words), np.int64),
            np.zeros(256, np.int64),
            np.zeros((SMALL, 2), np.int64),
            np.zeros((SMALL, tables.node_width(self._bands)), np.int64),
            self._cell(),
            counts,
        )
        self._found = np.zeros((tables.shape.found_width, SMALL), np.int64)  # grows with what a batch finds

    @property
    def _own(self) -> int:
        """Columns of a slot before the key's words."""
        return self._tables.slot_width(self._bands)

    def _cell(self) -> Int64Array:
        return np.zeros((1, CELL + 2 + max([0, *(width for width, _ in self._bands)])), np.int64)

    @property
    def is_spacious(self) -> bool:
        """Whether tables are to be given back."""
        state, (head, tail) = self.state, self._ends()
        return is_spacious(len(state.starts), tail - head) or is_spacious(
            len(state.nodes), int(state.counts[LIVE_NODES])
        )

    @property
    def held(self) -> tuple[int, int, int, int]:
        """Starts, keys that have some, events kept, bytes."""
        runs, keys, _, size = super().held
        return runs, keys, int(self.state.counts[LIVE_NODES]), size

    def _advance(self, block: Int64Array, watermark: int) -> int:
        ratios = self._found.view(np.float64)
        return int(match_folds(self._program, self.state, block, self._found, ratios, watermark))

    def take_faults(self) -> Int64Array:
        """Divisions by zero, overflows and what is no number, since this was asked last."""
        counts = self.state.counts
        faults = np.array([0, counts[OVERFLOWS], counts[NO_NUMBERS]])
        counts[OVERFLOWS] = counts[NO_NUMBERS] = 0
        return faults

    def text_codes(self, key_parts: list[int]) -> list[AnyArray]:
        """The codes of strings that are held: of the key, of events that are kept, of what is first and last."""
        self._sweep()
        tables = {"keys": self.state.slots[: int(self.state.counts[USED])]}
        tables["nodes"] = (
            self.state.nodes[self._live()[0]] if any(p.is_text for p in self._tables.parts) else tables["keys"][:0]
        )
        return [table[rows, column] for table, rows, column in self._text_parts(tables, key_parts, self._program)]

    # ---------------------------------------------------------------------------------------------------- snapshots

    def tables(self) -> dict[str, Int64Array]:
        """The keys in order of the event since which they have open runs, their nodes, the starts that have a deadline.

        A node's LINK is its key, twice, and one more unless it stands in the front; what is not asked there is 0.
        """
        state, counts, program = self.state, self.state.counts, self._program
        used = state.slots[: int(counts[USED])]
        live = np.flatnonzero(used[:, LIVE] > 0)
        live = live[np.argsort(used[live, FIRST_NO])]
        at = np.zeros(len(used), np.int64)
        at[live] = np.arange(live.size)
        places, slot, since = self._live()
        nodes = state.nodes[places]
        nodes[:, LINK] = 2 * at[slot] + since
        nodes = nodes[np.lexsort((nodes[:, NODE_NO], nodes[:, LINK]))]
        front, back = nodes[:, LINK] % 2 == 0, nodes[:, LINK] % 2 == 1
        nodes[front, NODE_BITS] = 0
        nodes[:, NODE_BITS] &= 2**self._m - 1
        nodes[:, NODE_NULLS] &= np.where(
            back, sum({1 << part.null for part in self._tables.parts if part.null >= 0}), 0
        )
        asked = self._asked(nodes, program)
        for column in range(NODE_VALUES, int(program.scalars[FRONT])):  # what nobody asks for is nobody's business
            nodes[~asked[column], column] = 0
        nodes[back, int(program.scalars[FRONT]) :] = 0
        keys = used[live]
        keys[:, HEAD] = keys[:, NEWEST] = 0
        starts = state.starts[self._places()]
        starts[:, SLOT] = at[starts[:, SLOT]]
        next_no = counts[NEXT_NO : NEXT_NO + 1].copy()
        bands = np.array(self._bands, np.int64).reshape(-1)
        return {"keys": keys, "nodes": nodes, "starts": starts, "next_no": next_no, "bands": bands}

    def text_parts(self, tables: Mapping[str, Int64Array], key_parts: list[int]) -> list[TextPart]:
        """Where codes of strings stand in such tables: a table, its rows, the column."""
        return self._text_parts(tables, key_parts, self._tables.program(_bands_of(tables)))

    def _text_parts(
        self, tables: Mapping[str, Int64Array], key_parts: list[int], program: FoldingProgram
    ) -> list[TextPart]:
        keys, nodes, m = tables["keys"], tables["nodes"], self._m
        own = keys.shape[1] - self._words
        out: list[TextPart] = [(keys, np.arange(len(keys)), own + part) for part in key_parts]
        texts = {
            int(line[VALUE_AT]) for part, line in zip(self._tables.parts, program.parts, strict=True) if part.is_text
        }
        out += [(nodes, np.flatnonzero(rows), at) for at, rows in self._asked(nodes, program).items() if at in texts]
        for part, line in zip(self._tables.parts, program.parts, strict=True):
            if not part.is_text or part.step >= m:
                continue
            row = 2 * (m - part.step)
            for table, begin, end in (
                (keys, int(line[AT_RUNS]), int(line[AT_RUNS]) + (1 + part.step) * row),
                (nodes, int(line[AT_FRONT]), int(line[AT_FRONT]) + row),
            ):
                out += [(table, np.flatnonzero(table[:, at] != 0), at + 1) for at in range(begin, end, 2)]
        return out

    def _asked(self, nodes: Int64Array, program: FoldingProgram) -> dict[int, BoolArray]:
        """The columns of nodes that hold values, each with the rows that some part will ask for."""
        out: dict[int, BoolArray] = {}
        for part, line in zip(self._tables.parts, program.parts, strict=True):
            if part.step < self._m:
                known = nodes[:, NODE_BITS] >> part.step & 1 != 0
                if part.null >= 0:
                    known &= (nodes[:, NODE_NULLS] >> part.null) & 1 == 0
                out[int(line[VALUE_AT])] = out.get(int(line[VALUE_AT]), False) | known
        return out

    def read(self, stored: Stored) -> dict[str, Int64Array]:
        """Such tables, checked."""
        bands = stored.numbers("bands", 2 * len(self._tables.parts), 0, _MOST_LIMBS)
        known: Bands = tuple((int(width), int(low)) for width, low in bands.reshape(-1, 2))
        for part, (width, low) in zip(self._tables.parts, known, strict=True):
            stored.require(part.band in ((0, 0), (width, low)), "a sum has other limbs")
        program, m = self._tables.program(known), self._m
        keys = stored.array("keys", np.int64, None, self._tables.slot_width(known) + self._words)
        nodes = stored.array("nodes", np.int64, None, self._tables.node_width(known))
        starts = stored.array("starts", np.int64, None, 2)
        next_no = stored.numbers("next_no", 1, 0, 2**62)
        stored.within(keys[:, LIVE], 1, 2**62, "a key's starts")
        stored.within(keys[:, FIRST_NO], 0, int(next_no[0]) - 1, "a key's first start")
        stored.require((np.diff(keys[:, FIRST_NO]) > 0).all(), "keys are out of order")
        stored.require(not keys[:, HEAD : NEWEST + 1].any(), "a key's nodes are told twice")
        words = keys[:, keys.shape[1] - self._words :]
        alone = len(np.unique(words, axis=0)) == len(keys) if self._words else len(keys) <= 1
        stored.require(alone, "a key is there twice")
        self._check_cells(stored, keys, nodes, program)
        of_key, since = nodes[:, LINK] // 2, nodes[:, LINK] % 2
        stored.within(nodes[:, LINK], 0, 2 * len(keys) - 1, "an event's key")
        stored.within(nodes[:, NODE_NO], 0, int(next_no[0]) - 1, "an event's place")
        stored.within(nodes[:, NODE_BITS], 0, 2**m - 1, "the steps that an event fits")
        order = (np.diff(of_key) > 0) | (
            (np.diff(of_key) == 0) & (np.diff(nodes[:, NODE_NO]) > 0) & (np.diff(since) >= 0)
        )
        stored.require(order.all(), "events are out of order")
        stored.within(starts[:, SLOT], 0, len(keys) - 1, "a start's key")
        stored.require((np.diff(starts[:, DEADLINE]) >= 0).all(), "starts are out of order")
        opening = (since == 0) | (nodes[:, NODE_BITS] & 1 != 0)
        for held in (starts[:, SLOT], of_key[opening]):
            many = np.bincount(held, minlength=len(keys)) if self._bounded else keys[:, LIVE]
            stored.require(np.array_equal(many, keys[:, LIVE]), "a key's starts are not as many as it says")
        return {"keys": keys, "nodes": nodes, "starts": starts, "next_no": next_no, "bands": bands}

    def _check_cells(self, stored: Stored, keys: Int64Array, nodes: Int64Array, program: FoldingProgram) -> None:
        m, front = self._m, int(program.scalars[FRONT])
        stored.within(keys[:, RUNS : RUNS + m + m * m], -1, 2**63 - 1, "how many runs there are")
        stored.within(nodes[:, front : front + m], -1, 2**63 - 1, "how many runs there are")
        for part, line in zip(self._tables.parts, program.parts, strict=True):
            if part.step >= m:
                continue
            row = (m - part.step) * int(line[WIDTH])
            runs, at_front = int(line[AT_RUNS]), int(line[AT_FRONT])
            for cells in (keys[:, runs : runs + (1 + part.step) * row], nodes[:, at_front : at_front + row]):
                if part.kind == SUM:
                    stored.within(cells, 0, MASK, "a limb of a sum")
                else:
                    stored.within(
                        cells if part.kind == NUMBER else cells[:, ::2], -1, 2**63 - 1, "a part of what is told"
                    )
            if part.kind != SUM or not part.is_float:
                continue
            known = nodes[:, NODE_BITS] >> part.step & 1 != 0
            if part.null >= 0:
                known &= (nodes[:, NODE_NULLS] >> part.null) & 1 == 0
            values = nodes[known, int(line[VALUE_AT])]
            values = values[values << 1 != 0]
            limbs = (np.maximum((values >> 52) & 0x7FF, 1) - 1) >> 5
            inside = (limbs >= line[LOW]) & (limbs + REACH <= line[LOW] + line[WIDTH])
            stored.require(inside.all(), "a sum has no limbs for a value")

    def restore(self, tables: Mapping[str, Int64Array]) -> None:
        """Take over such tables, whose strings have codes of this shard."""
        keys, packed, starts, counts = tables["keys"], tables["nodes"], tables["starts"], self.state.counts
        self._bands = _bands_of(tables)
        self._program = self._tables.program(self._bands)
        slots, table = keyed_slots(keys, self._words, max(64, 2 * len(keys)))
        slots[: len(keys), HEAD] = slots[: len(keys), NEWEST] = -1
        nodes = grown(packed, max(SMALL, 2 * len(packed)))
        of_key, since = packed[:, LINK] // 2, packed[:, LINK] % 2
        if len(packed):
            same = np.diff(packed[:, LINK]) == 0  # nodes stand in the order of their events
            place, ends = np.arange(len(packed)), np.concatenate([~same, [True]])
            begins = np.concatenate([[True], ~same])
            nodes[: len(packed), LINK] = np.where(
                since == 0, np.where(ends, -1, place + 1), np.where(begins, -1, place - 1)
            )
            slots[of_key[begins & (since == 0)], HEAD] = place[begins & (since == 0)]
            slots[of_key[ends & (since == 1)], NEWEST] = place[ends & (since == 1)]
        ring = grown(starts, room_for(len(starts)))
        counts[USED], counts[STARTS_TAIL], counts[NEXT_NO] = len(keys), len(starts), tables["next_no"][0]
        counts[NODES_USED] = counts[LIVE_NODES] = len(packed)
        self.state = FoldingState(slots, table, ring, nodes, self._cell(), counts)

    # -------------------------------------------------------------------------------------------------------- tables

    def _live(self) -> tuple[Int64Array, Int64Array, Int64Array]:
        """The nodes that stand in some list, each with its slot, and 0 for those of the front, 1 for those since."""
        live = self._live_slots() if self._bounded else np.zeros(0, np.int64)
        return in_lists(self.state.nodes, LINK, self.state.slots, live, (HEAD, NEWEST))

    def _make_room(self, wanted: int) -> None:
        state, counts = self.state, self.state.counts
        if wanted == WANTS_NODES:
            self.state = state._replace(nodes=grown(state.nodes, 2 * len(state.nodes)))
        elif wanted == WANTS_WIDER:
            self._widen(int(counts[WIDER_PART]), int(counts[WIDER_LIMB]))
        else:
            super()._make_room(wanted)

    def _widen(self, part: int, limb: int) -> None:
        """Let the cells of a sum of floats have limbs for values that begin at ``limb``, and one more at either end."""
        width, low = self._bands[part]
        begin, end = (low, low + width) if width else (limb, limb)
        begin = begin if width and limb >= begin else max(limb - 1, 0)
        end = max(end, limb + REACH + 1) if limb + REACH > end else end
        bands = (*self._bands[:part], (end - begin, begin), *self._bands[part + 1 :])
        old, new, state = self._program, self._tables.program(bands), self.state
        widths = self._tables.slot_width(bands) + self._words, self._tables.node_width(bands)
        slots = _moved(state.slots, widths[0], old, new, AT_RUNS, self._m)
        slots[:, widths[0] - self._words :] = state.slots[:, self._own :]
        nodes = _moved(state.nodes, widths[1], old, new, AT_FRONT, self._m)
        self._bands, self._program = bands, new
        self.state = state._replace(slots=slots, nodes=nodes, work=self._cell())


def _bands_of(tables: Mapping[str, Int64Array]) -> Bands:
    return tuple((int(width), int(low)) for width, low in tables["bands"].reshape(-1, 2))


def _moved(table: Int64Array, width: int, old: FoldingProgram, new: FoldingProgram, at: int, m: int) -> Int64Array:
    """A table with the cells of all parts where another program has them; the key's words are left out."""
    out = np.zeros((len(table), width), np.int64)
    begin = min([table.shape[1], *old.parts[:, at].tolist()])
    out[:, :begin] = table[:, :begin]
    for was, now in zip(old.parts.tolist(), new.parts.tolist(), strict=True):
        step = was[1]
        cells = (m - step) * (1 + step if at == AT_RUNS else 1) if step < m else 0
        if not cells or not was[WIDTH]:
            continue
        known = table[:, was[at] : was[at] + cells * was[WIDTH]].reshape(len(table), cells, was[WIDTH])
        wide = np.zeros((len(table), cells, now[WIDTH]), np.int64)
        below = was[LOW] - now[LOW]
        wide[:, :, below : below + was[WIDTH]] = known
        if now[WIDTH] > was[WIDTH]:  # a number below zero goes on with ones
            wide[:, :, below + was[WIDTH] :] = np.where(known[:, :, -1:] >> 31 != 0, MASK, 0)
        out[:, now[at] : now[at] + cells * now[WIDTH]] = wide.reshape(len(table), -1)
    return out
