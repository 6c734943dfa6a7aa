"""The chain matcher at work: its tables, and room in them when the kernel asks.

Invariants: as `cep.kernels.chain` has them; tables grow with the runs that are open, not with the stream.
Tested by: tests/kernels/test_chain.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.direct import BLOCK_KEYS
from cep.kernels.chain import (
    COUNTS,
    CURSOR,
    DONE,
    FIRST_FREE_RUN,
    FOUND,
    LISTS,
    LIVE_RUNS,
    NEXT,
    NEXT_NO,
    RUN_NULLS,
    RUNS_USED,
    START_NO,
    STARTS_HEAD,
    STARTS_TAIL,
    STEPS,
    WANTS_FOUND,
    WANTS_RUNS,
    WANTS_SLOTS,
    WANTS_STARTS,
    WITHIN,
    ChainState,
    match_chains,
)
from cep.kernels.keys import KEY_AT, KEY_WORDS, LIVE, USED, enter_keys
from cep.kernels.runs import FOREVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cep.compiler.chain import ChainTables
    from cep.model.batch import AnyArray, Int64Array
    from cep.runtime.identity import Lineage
    from cep.runtime.snapshot import Stored

TextPart = tuple["Int64Array", "Int64Array", int]
"""Where codes of strings stand: a table, rows of it, a column."""

_SMALL = 256
_MOST_FOUND = 65_536  # matches given out at once, unless one event has more


class ChainMatcher:
    """The state of one chain for one shard."""

    gives_away = False

    def __init__(self, tables: ChainTables, streams: tuple[str, ...]) -> None:
        self._tables, self._streams = tables, streams
        shape = tables.shape
        self._words = len(shape.keys)
        lists = 2 * (int(tables.program.scalars[STEPS]) - 1)
        counts = np.zeros(COUNTS, np.int64)
        counts[FIRST_FREE_RUN] = -1
        counts[KEY_WORDS], counts[KEY_AT] = self._words, BLOCK_KEYS
        self.state = ChainState(
            np.zeros((64, LISTS + lists + self._words), np.int64),
            np.zeros(256, np.int64),
            np.zeros((_SMALL, shape.found_width), np.int64),
            np.zeros((_SMALL, 3), np.int64),
            counts,
        )
        self._found = np.zeros((shape.found_width, _SMALL), np.int64)  # grows with what a batch finds
        text = {i for i, (_, kind) in enumerate(shape.values) if kind.kind == "string"}
        first = BLOCK_KEYS + self._words
        self._text_columns = [c for _, b, c in tables.program.copies.tolist() if b - first in text]

    @property
    def open_runs(self) -> int:
        """Partial matches not decided yet."""
        return int(self.state.counts[LIVE_RUNS])

    def match(self, block: Int64Array, watermark: int) -> Iterator[Int64Array]:
        """Show the rows of a block, expire up to the watermark; give out what was found, some at a time."""
        counts = self.state.counts
        counts[CURSOR] = 0
        while True:
            stopped = int(match_chains(self._tables.program, self.state, block, self._found, watermark))
            found = int(counts[FOUND])
            if stopped == DONE:
                counts[NEXT_NO] += block.shape[1]
                counts[CURSOR] = 0
            if found and stopped in (DONE, WANTS_FOUND):
                counts[FOUND] = 0
                yield self._found[:, :found]
            if stopped == DONE:
                return
            self._make_room(stopped, found)

    def lineage(self, found: Int64Array) -> Callable[[], Lineage]:
        """What lists the events of each match, oldest first."""
        bound, names = found[list(self._tables.identities)], self._streams

        def events() -> Lineage:
            identities = np.ascontiguousarray(bound.T).reshape(-1)
            offsets = np.arange(0, identities.size + 1, len(bound))
            return offsets, names, identities % len(names), identities // len(names)

        return events

    def text_codes(self, key_parts: list[int]) -> list[AnyArray]:
        """The codes of strings that are held: of the parts of the key that are strings, and of what runs have bound."""
        self._sweep()
        slots = self.state.slots[: int(self.state.counts[USED])]
        out: list[AnyArray] = [slots[:, slots.shape[1] - self._words + part] for part in key_parts]
        if self._text_columns:
            runs = self.state.runs[self._live_runs()]
            out += [runs[:, column] for column in self._text_columns]
        return out

    @property
    def held(self) -> tuple[int, int, int, int]:
        """Runs, keys that have some, rows kept, bytes."""
        slots = self.state.slots[: int(self.state.counts[USED])]
        size = sum(table.nbytes for table in (*self.state, self._found))
        return self.open_runs, int(np.count_nonzero(slots[:, LIVE] > 0)), 0, size

    # ---------------------------------------------------------------------------------------------------- snapshots

    def tables(self) -> dict[str, Int64Array]:
        """The live runs in order of start: the step each waits for stands in place of NEXT, its deadline at the end."""
        state, counts = self.state, self.state.counts
        slots, rows, steps = state.slots[: int(counts[USED])], [], []
        for step in range(1, int(self._tables.program.scalars[STEPS])):
            at = slots[:, LISTS + 2 * (step - 1)]
            at = at[at >= 0]
            while at.size:
                rows.append(at)
                steps.append(np.full(at.size, step))
                at = state.runs[at, NEXT]
                at = at[at >= 0]
        live = np.concatenate([np.zeros(0, np.int64), *rows])
        order = np.argsort(state.runs[live, START_NO])
        runs = np.concatenate([state.runs[live], np.full((live.size, 1), FOREVER)], axis=1)[order]
        runs[:, NEXT] = np.concatenate([np.zeros(0, np.int64), *steps])[order]
        if int(self._tables.program.scalars[WITHIN]) < FOREVER:
            starts = self._starts()
            runs[:, -1] = starts[np.searchsorted(starts[:, 2], runs[:, START_NO]), 0]
        for place in self._tables.shape.places.values():  # what stands under a null is nobody's business
            if place.null is not None:
                runs[(runs[:, RUN_NULLS] >> place.null) & 1 != 0, place.column] = 0
        return {"runs": runs, "next_no": counts[NEXT_NO : NEXT_NO + 1].copy()}

    def text_parts(self, tables: Mapping[str, Int64Array], key_parts: list[int]) -> list[TextPart]:
        """Where codes of strings stand in such tables: a table, its rows, the column."""
        runs = tables["runs"]
        every = np.arange(len(runs))
        keys = [(runs, every, self._tables.shape.keys[part]) for part in key_parts]
        steps = {column: step for step, _, column in self._tables.program.copies.tolist()}
        nulls = {p.column: p.null for p in self._tables.shape.places.values() if p.null is not None}
        out = keys
        for column in self._text_columns:
            there = runs[:, NEXT] > steps[column]
            if column in nulls:
                there &= (runs[:, RUN_NULLS] >> nulls[column]) & 1 == 0
            out.append((runs, np.flatnonzero(there), column))
        return out

    def read(self, stored: Stored) -> dict[str, Int64Array]:
        """Such tables, checked."""
        steps, width = int(self._tables.program.scalars[STEPS]), self._tables.shape.found_width
        runs = stored.array("runs", np.int64, None, width + 1)
        next_no = stored.numbers("next_no", 1, 0, 2**62)
        stored.within(runs[:, NEXT], 1, steps - 1, "the step that a run waits for")
        stored.within(runs[:, START_NO], 0, int(next_no[0]) - 1, "a run's start")
        stored.within(runs[:, list(self._tables.identities)], 0, 2**63 - 1, "a bound event")
        ordered = (np.diff(runs[:, START_NO]) > 0) & (np.diff(runs[:, -1]) >= 0)
        stored.require(ordered.all(), "runs are out of order")
        key = self._keys_of(runs)
        by_key = np.lexsort((runs[:, START_NO], key))
        behind = (np.diff(key[by_key]) > 0) | (np.diff(runs[by_key, NEXT]) <= 0)
        stored.require(behind.all(), "a run has overtaken an earlier one")
        return {"runs": runs, "next_no": next_no}

    def restore(self, tables: Mapping[str, Int64Array]) -> None:
        """Take over such tables, whose strings have codes of this shard."""
        packed, counts = tables["runs"], self.state.counts
        size, key = len(packed), self._keys_of(packed)
        runs = _grown(np.ascontiguousarray(packed[:, :-1]), max(_SMALL, 2 * size))
        slots = np.zeros((max(64, 2 * size), self.state.slots.shape[1]), np.int64)
        lists = LISTS + 2 * (int(self._tables.program.scalars[STEPS]) - 1)
        held = int(key.max(initial=-1)) + 1
        slots[:held, LISTS:lists] = -1
        slots[key, lists:] = packed[:, list(self._tables.shape.keys)]
        slots[:held, LIVE] = np.bincount(key, minlength=held)
        order = np.lexsort((packed[:, START_NO], packed[:, NEXT], key))
        head = LISTS + 2 * (packed[order, NEXT] - 1)
        place = key[order] * lists + head
        first = np.concatenate([[True], np.diff(place) > 0])[:size]
        last = np.concatenate([np.diff(place) > 0, [True]])[-size:] if size else first
        runs[order, NEXT] = np.where(last, -1, np.concatenate([order[1:], order[:1]]))
        slots[key[order[first]], head[first]] = order[first]
        slots[key[order[last]], head[last] + 1] = order[last]
        table = np.zeros(4 * len(slots), np.int64)
        enter_keys(slots, held, self._words, table)
        room = _SMALL
        while room < 2 * size:
            room *= 2
        starts = np.zeros((room, 3), np.int64)
        if int(self._tables.program.scalars[WITHIN]) < FOREVER:
            starts[:size, 0], starts[:size, 1], starts[:size, 2] = packed[:, -1], key, packed[:, START_NO]
            counts[STARTS_TAIL] = size
        counts[USED], counts[NEXT_NO] = held, tables["next_no"][0]
        counts[RUNS_USED] = counts[LIVE_RUNS] = size
        self.state = ChainState(slots, table, runs, starts, counts)

    def _keys_of(self, runs: Int64Array) -> Int64Array:
        """The number of each run's key."""
        if not self._words or not len(runs):
            return np.zeros(len(runs), np.int64)
        number: Int64Array = np.unique(runs[:, list(self._tables.shape.keys)], axis=0, return_inverse=True)[1]
        return number.reshape(-1)

    # -------------------------------------------------------------------------------------------------------- tables

    def _starts(self) -> Int64Array:
        """What stands in the ring of starts, in order."""
        counts, ring = self.state.counts, self.state.starts
        entries: Int64Array = ring[np.arange(int(counts[STARTS_HEAD]), int(counts[STARTS_TAIL])) & (len(ring) - 1)]
        return entries

    def _live_runs(self) -> Int64Array:
        """The rows of all runs that stand in some list."""
        state, live = self.state, []
        slots = state.slots[: int(state.counts[USED])]
        heads = slots[slots[:, LIVE] > 0][:, LISTS : slots.shape[1] - self._words : 2].reshape(-1)
        at = heads[heads >= 0]
        while at.size:  # all lists at once, one run of each a time
            live.append(at)
            at = state.runs[at, NEXT]
            at = at[at >= 0]
        return np.concatenate(live) if live else np.zeros(0, np.int64)

    def _make_room(self, wanted: int, found: int) -> None:
        state = self.state
        if wanted == WANTS_FOUND:
            width, room = self._found.shape
            if not found or room < _MOST_FOUND:
                self._found = np.zeros((width, 2 * room), np.int64)
        elif wanted == WANTS_RUNS:
            self.state = state._replace(runs=_grown(state.runs, 2 * len(state.runs)))
        elif wanted == WANTS_STARTS:
            self.state = state._replace(starts=self._roomier_starts())
        else:
            assert wanted == WANTS_SLOTS, wanted
            self._sweep()

    def _sweep(self) -> None:
        """Sweep out the keys without runs; twice the rows unless that has freed half of them."""
        state, counts = self.state, self.state.counts
        used = state.slots[: int(counts[USED])]
        kept = np.flatnonzero(used[:, LIVE] > 0)
        slots = np.zeros((len(state.slots) * (1 + (2 * kept.size > len(state.slots))), used.shape[1]), np.int64)
        slots[: kept.size] = used[kept]
        table = np.zeros(4 * len(slots), np.int64)
        enter_keys(slots, kept.size, self._words, table)
        counts[USED] = kept.size
        at = np.zeros(len(used), np.int64)  # starts whose key is gone have ended: any row will do
        at[kept] = np.arange(kept.size)
        places = np.arange(int(counts[STARTS_HEAD]), int(counts[STARTS_TAIL])) & (len(state.starts) - 1)
        state.starts[places, 1] = at[state.starts[places, 1]]
        self.state = state._replace(slots=slots, table=table)

    def _roomier_starts(self) -> Int64Array:
        """The ring of starts without those whose runs are gone, and twice as large unless hardly any are left."""
        state, counts = self.state, self.state.counts
        ring = state.starts
        entries = self._starts()
        entries = entries[np.isin(entries[:, 2], state.runs[self._live_runs(), START_NO])]
        counts[STARTS_HEAD], counts[STARTS_TAIL] = 0, len(entries)
        out = np.zeros((2 * len(ring) if 8 * len(entries) > len(ring) else len(ring), 3), np.int64)
        out[: len(entries)] = entries
        return out


def _grown(table: Int64Array, capacity: int) -> Int64Array:
    out = np.zeros((capacity, table.shape[1]), np.int64)
    out[: len(table)] = table
    return out
