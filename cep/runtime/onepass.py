"""The one-pass matcher at work: its tables, room in them, and the trail by which a match's events are found again.

A key whose runs have all ended stays in its row until room is wanted; then such rows are swept out. The trail is begun
anew when it is full, with what live runs may still give out.
Invariant: tables grow with the keys that have runs and with what these have bound, not with the stream.
Tested by: tests/kernels/test_onepass.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.direct import BLOCK_KEYS
from cep.compiler.generate import load_matcher
from cep.kernels.keys import KEY_AT, KEY_WORDS, USED, enter_keys
from cep.kernels.onepass import (
    COUNTS,
    CURSOR,
    DONE,
    END,
    FOUND,
    LAST_AT,
    LENGTH,
    NEVER,
    ORDINAL,
    TRAIL_USED,
    WANTS_FOUND,
    WANTS_SLOTS,
    OnePassState,
    Shown,
    copy_trail,
    walk_trail,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cep.compiler.onepass import OnePassTables
    from cep.model.batch import AnyArray, Int64Array
    from cep.runtime.chain import TextPart
    from cep.runtime.identity import Lineage
    from cep.runtime.snapshot import Stored

_SMALL = 256
_MOST_FOUND = 65_536  # matches given out at once
_PINNED = 8  # a match may keep so many times the memory alive that its events need


class OnePassMatcher:
    """The state of one generated matcher for one shard."""

    def __init__(self, tables: OnePassTables, streams: tuple[str, ...]) -> None:
        self._tables, self._streams = tables, streams
        self._match, _ = load_matcher(tables.text)
        self._words = len(tables.shape.keys)
        counts = np.zeros(COUNTS, np.int64)
        counts[KEY_WORDS], counts[KEY_AT] = self._words, BLOCK_KEYS
        slots = np.zeros((64, tables.slots_width), np.int64)
        trail = np.zeros((_SMALL, 2), np.int64)
        self.state = OnePassState(slots, slots.view(np.float64), np.zeros(256, np.int64), trail, counts)
        self._found = np.zeros((tables.shape.found_width, _SMALL), np.int64)  # grows with what a batch finds

    @property
    def open_runs(self) -> int:
        """Runs that may still become a match, the preferred of each state."""
        return int(np.count_nonzero(self._starts() < NEVER))

    def match(self, block: Int64Array, watermark: int) -> Iterator[Int64Array]:
        """Show the rows of a block; give out what was found, some at a time. Time alone decides nothing here."""
        if not block.shape[1]:
            return
        counts = self.state.counts
        if int(counts[TRAIL_USED]) + block.shape[1] > len(self.state.trail):
            self._begin_trail(block.shape[1])
        counts[CURSOR] = 0
        # empty, not zeros: fresh pages cost more than the matching does
        if self._found.shape[1] < min(block.shape[1] // 4, _MOST_FOUND):
            self._found = np.empty((len(self._found), block.shape[1] // 4), np.int64)
        block_f, stuck = block.view(np.float64), -1
        while True:
            shown = Shown(block, block_f, self._found)
            stopped = int(self._match(self.state, shown, self._tables.ints, self._tables.floats))
            found = int(counts[FOUND])
            if found and stopped in (DONE, WANTS_FOUND):
                counts[FOUND] = 0
                yield self._found[:, :found]
            if stopped == DONE:
                return
            if stopped == WANTS_SLOTS:
                self._sweep(grow=int(counts[CURSOR]) == stuck)
                stuck = int(counts[CURSOR])
            elif not found or self._found.shape[1] < _MOST_FOUND:
                self._found = np.empty((len(self._found), 2 * self._found.shape[1]), np.int64)

    def lineage(self, found: Int64Array) -> Callable[[], Lineage]:
        """What lists the events of each match, oldest first: later, unless that would keep too much alive."""
        trail, names = self.state.trail, self._streams
        lengths, ends = found[LENGTH].copy(), found[END].copy()

        def events() -> Lineage:
            offsets = np.zeros(lengths.size + 1, np.int64)
            np.cumsum(lengths, out=offsets[1:])
            identities = np.zeros(int(offsets[-1]), np.int64)
            walk_trail(trail, ends, offsets, identities)
            return offsets, names, identities % len(names), identities // len(names)

        if trail.size > _PINNED * 2 * int(lengths.sum()):
            listed = events()
            return lambda: listed
        return events

    def text_codes(self, key_parts: list[int]) -> list[AnyArray]:
        """The codes of strings that are held: of the parts of the key that are strings, and in the keys' rows."""
        self._sweep(grow=False)
        slots = self.state.slots[: int(self.state.counts[USED])]
        columns = [slots.shape[1] - self._words + part for part in key_parts]
        return [slots[:, c] for c in columns] + [t[rows, c] for t, rows, c in self._texts(slots)]

    def _texts(self, slots: Int64Array) -> list[TextPart]:
        """Where codes of strings stand, the key's apart; what a run that is not there has left is none."""
        every = np.arange(len(slots))
        return [
            (slots, every if start < 0 else np.flatnonzero(slots[:, start] < NEVER), column)
            for column, start in self._tables.text_slots
        ]

    @property
    def held(self) -> tuple[int, int, int, int]:
        """Runs, keys that have some, rows kept, bytes."""
        keys = int(np.count_nonzero((self._starts() < NEVER).any(axis=1)))
        tables = (self.state.slots, self.state.table, self.state.trail, self.state.counts, self._found)
        return self.open_runs, keys, 0, sum(table.nbytes for table in tables)

    # ---------------------------------------------------------------------------------------------------- snapshots

    def tables(self) -> dict[str, Int64Array]:
        """The rows of keys with runs, by last event, each ORDINAL counted from the first run; and their events."""
        self._sweep(grow=False)
        slots, offsets = self._kept()
        events = np.zeros(int(offsets[-1]), np.int64)
        walk_trail(self.state.trail, slots[:, LAST_AT].copy(), offsets, events)
        lengths = np.diff(offsets)
        order = np.argsort(events[offsets[1:] - 1])
        for start, end in self._spans():
            there = slots[:, start] < NEVER
            slots[~there, start:end] = 0
            slots[:, start] = np.where(there, slots[:, start] - slots[:, ORDINAL] + lengths, NEVER)
        slots[:, ORDINAL], slots[:, LAST_AT] = lengths, 0
        pieces = [events[offsets[i] : offsets[i + 1]] for i in order.tolist()]
        return {"slots": slots[order], "events": np.concatenate([np.zeros(0, np.int64), *pieces])}

    def text_parts(self, tables: Mapping[str, Int64Array], key_parts: list[int]) -> list[TextPart]:
        """Where codes of strings stand in such tables."""
        slots = tables["slots"]
        first = slots.shape[1] - self._words
        return [(slots, np.arange(len(slots)), first + part) for part in key_parts] + self._texts(slots)

    def read(self, stored: Stored) -> dict[str, Int64Array]:
        """Such tables, checked."""
        slots = stored.array("slots", np.int64, None, self._tables.slots_width)
        events = stored.numbers("events", None, 0)
        stored.within(slots[:, ORDINAL], 1, events.size, "a key's events")
        stored.require(int(slots[:, ORDINAL].sum()) == events.size, "events are without a key")
        starts = slots[:, list(self._tables.starts)]
        there = (starts >= 1) & (starts <= slots[:, ORDINAL, None])
        stored.require((there | (starts == NEVER)).all(), "a run starts after its key's last event")
        stored.require(there.any(axis=1).all(), "a key has no run")
        keys = slots[:, slots.shape[1] - self._words :]
        stored.require(not len(keys) or len(np.unique(keys, axis=0)) == len(keys), "a key is there twice")
        return {"slots": slots, "events": events}

    def restore(self, tables: Mapping[str, Int64Array]) -> None:
        """Take over such tables, whose strings have codes of this shard."""
        packed, events, counts = tables["slots"], tables["events"], self.state.counts
        slots = np.zeros((max(64, 2 * len(packed)), packed.shape[1]), np.int64)
        slots[: len(packed)] = packed
        ends = np.cumsum(packed[:, ORDINAL])
        slots[: len(packed), LAST_AT] = ends - 1
        trail = np.zeros((max(_SMALL, 2 * events.size), 2), np.int64)
        trail[: events.size, 0], trail[: events.size, 1] = np.arange(events.size) - 1, events
        trail[ends[:-1], 0] = -1
        table = np.zeros(4 * len(slots), np.int64)
        enter_keys(slots, len(packed), self._words, table)
        counts[USED], counts[TRAIL_USED] = len(packed), events.size
        self.state = OnePassState(slots, slots.view(np.float64), table, trail, counts)

    def _spans(self) -> list[tuple[int, int]]:
        """The columns of each state: its start, and where the next one's begin."""
        starts = self._tables.starts
        return list(zip(starts, (*starts[1:], self._tables.slots_width - self._words), strict=True))

    def _kept(self) -> tuple[Int64Array, Int64Array]:
        """The rows of all keys, and where the events that their runs have bound begin and end, key after key."""
        slots = self.state.slots[: int(self.state.counts[USED])].copy()
        lengths = np.maximum(slots[:, ORDINAL] - self._starts().min(axis=1, initial=NEVER) + 1, 0)
        return slots, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])

    # -------------------------------------------------------------------------------------------------------- tables

    def _starts(self) -> Int64Array:
        """The starts of the runs of each key, by state; NEVER where there is none."""
        slots = self.state.slots[: int(self.state.counts[USED])]
        starts: Int64Array = slots[:, list(self._tables.starts)]
        return starts

    def _sweep(self, grow: bool) -> None:
        """Sweep out the keys without runs; twice the rows if asked for, or when that has not freed half of them."""
        state, counts = self.state, self.state.counts
        live = state.slots[: int(counts[USED])][(self._starts() < NEVER).any(axis=1)]
        size = 2 * len(state.slots) if grow or 2 * len(live) > len(state.slots) else len(state.slots)
        slots = np.zeros((size, state.slots.shape[1]), np.int64)
        slots[: len(live)] = live
        table = np.zeros(4 * size, np.int64)
        enter_keys(slots, len(live), self._words, table)
        counts[USED] = len(live)
        self.state = state._replace(slots=slots, slots_f=slots.view(np.float64), table=table)

    def _begin_trail(self, rows: int) -> None:
        """A trail with what live runs have bound and room for as many rows again; the old one is left as it is."""
        state, counts = self.state, self.state.counts
        offsets = self._kept()[1]
        lengths, kept = np.diff(offsets), int(offsets[-1])
        trail = np.empty((max(_SMALL, 2 * (kept + rows)), 2), np.int64)
        counts[TRAIL_USED] = copy_trail(state.trail, state.slots, lengths, trail)
        self.state = state._replace(trail=trail)
