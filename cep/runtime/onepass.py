"""The one-pass matcher at work: its tables, room in them, and the trail by which a match's events are found again.

A batch is shown in two loops, turn by turn: one finds the slots of its rows, as far as there is room for new keys, the
other takes these rows. A key whose runs have all ended stays in its row until room is wanted; then such rows are swept
out. The trail is begun anew when it is full, with what live runs may still give out.
Invariant: tables grow with the keys that have runs and with what these have bound, not with the stream.
Tested by: tests/kernels/test_onepass.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from weakref import ref

import numpy as np

from cep.compiler.generate import load_matcher
from cep.kernels.blocks import BLOCK_KEYS, IDENTITY
from cep.kernels.jit import PLAIN
from cep.kernels.keys import KEY_AT, KEY_WORDS, USED, enter_keys
from cep.kernels.onepass import (
    BASE,
    COUNTS,
    CURSOR,
    DONE,
    END,
    FAR,
    FIRST,
    FOUND,
    LAST_AT,
    NEAR_LOW,
    NEVER,
    RESOLVED,
    ROWS,
    RUNS,
    OnePassState,
    Shown,
    complete_found,
    copy_trail,
    count_kept,
    count_trail,
    find_ends,
    find_slots,
    is_run,
    walk_trail,
)
from cep.runtime.held import is_spacious

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from weakref import ReferenceType

    from cep.compiler.onepass import OnePassTables
    from cep.model.batch import AnyArray, BoolArray, Int32Array, Int64Array
    from cep.runtime.chain import TextPart
    from cep.runtime.identity import Lineage
    from cep.runtime.snapshot import Stored

_SMALL = 256
_MOST_FOUND = 65_536  # matches given out at once
_PINNED = 8  # a match may keep so many times the memory alive that its events need
_BATCHES = 2  # a trail has room for the rows of so many batches, and of more where these are few
_ROWS = 16_384
_FEW = 1024  # keys, up to which tables grow faster
_NEAR = 4096  # the shortcut to slots may be so large, or some times the number of slots
_NEAR_TIMES = 8


class Rows(NamedTuple):
    """Rows to be shown: their block, where each of its columns begins (int64[columns]; plain, the block again), and how
    many there are.

    Some columns may lie elsewhere than in the block, which has room for them, and then ``first`` is the number of the
    first row, the others following, ``factor`` what to multiply their times with; else it is -1. ``every_begins``: all
    rows fit the first step, and their bits are not written.
    """

    block: Int64Array
    columns: Int64Array
    size: int
    first: int = -1
    factor: int = 1
    every_begins: bool = False

    @staticmethod
    def of(block: Int64Array) -> Rows:
        """The rows of a whole block."""
        if not PLAIN and block.strides[1] != block.itemsize:
            block = np.ascontiguousarray(block)
        size = block.shape[1]
        if PLAIN:
            return Rows(block, block, size)
        columns = np.arange(block.shape[0]) * block.strides[0] + block.__array_interface__["data"][0]
        return Rows(block, columns, size)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The identity of each event in a trail: ``told`` for the first ``size``, then place plus ``shift``.

    Most streams come numbered in order, and need not be told.
    """

    told: Int64Array
    size: int
    shift: int

    def then(self, used: int, rows: Rows) -> Numbers:
        """The same with further events from place ``used`` on; what was told before stays as it is."""
        goes_on = rows.first >= 0 or bool(is_run(rows.block[IDENTITY]))
        shift = (rows.first if rows.first >= 0 else int(rows.block[IDENTITY, 0])) - used
        if goes_on and shift == self.shift and used > self.size:
            return self
        told = self.told
        if told.size < used + rows.size:
            told = np.empty(2 * (used + rows.size), np.int64)
            told[: self.size] = self.told[: self.size]
        told[self.size : used] = np.arange(self.size, used) + self.shift
        if goes_on:
            return Numbers(told, used, shift)
        told[used : used + rows.size] = rows.block[IDENTITY]
        return Numbers(told, used + rows.size, 0)

    def at(self, places: Int64Array) -> Int64Array:
        """The identities of the events at places."""
        out = places + self.shift
        told = places < self.size
        out[told] = self.told[places[told]]
        return out


class _Lease:
    """Held by whoever may still walk a trail."""

    __slots__ = ("__weakref__",)


class OnePassMatcher:
    """The state of one generated matcher for one shard."""

    gives_away = True
    wakes_at = 2**63  # time alone changes nothing here
    is_spacious = False  # to sweep makes tables smaller

    def __init__(self, tables: OnePassTables, streams: tuple[str, ...]) -> None:
        self._tables, self._streams = tables, streams
        self._match, _ = load_matcher(tables.text)
        self._words = len(tables.shape.keys)
        counts = np.zeros(COUNTS, np.int64)
        counts[KEY_WORDS], counts[KEY_AT], counts[USED] = self._words, BLOCK_KEYS, 1
        slots = np.zeros((64, tables.slots_width), np.int64)
        slots[0] = tables.blank
        self.state = OnePassState(slots, slots.view(np.float64), np.zeros(_SMALL, np.int32), tables.cells, counts)
        self._marks = memoryview(counts.data)  # a number is written there in half the time
        self._one_found = np.zeros((tables.shape.found_width, _SMALL), np.int64)
        self.table = np.zeros(256, np.int64)
        self._near = np.zeros(0, np.int32)
        self._numbers = Numbers(np.zeros(_SMALL, np.int64), 0, 0)
        self._used = 0  # how much of the trail is
        self._slot_of = np.zeros(_SMALL, np.int32)
        self._last_found: int | None = None  # matches of the batch before
        self._lease = _Lease()  # of the trail that is written
        self._spare: tuple[Int32Array, ReferenceType[_Lease]] | None = None  # the trail before it
        starts = list(tables.starts)
        live = np.zeros((0, len(starts))) if tables.live is None else tables.live[:, starts]
        self._starts, self._live_starts = np.array(starts, np.int64), np.ascontiguousarray(live, np.int64)
        self._looked = False  # whether a shortcut has been looked for
        self._one: Rows | None = None  # of the block of one row, which is always the same

    @property
    def open_runs(self) -> int:
        """Runs that may still become a match, the preferred of each state."""
        return int(self._runs().sum())

    def match(self, shown: Int64Array | Rows, watermark: int) -> Iterator[Int64Array]:
        """Show the rows of a block; give out what was found, some at a time. Time alone decides nothing here."""
        rows = shown if isinstance(shown, Rows) else Rows.of(shown)
        size = rows.size
        if not size:
            return
        marks = self._marks
        self._make_room(size)
        self._numbers = self._numbers.then(self._used, rows)
        marks[CURSOR] = marks[RESOLVED] = 0
        marks[ROWS], marks[BASE] = size, self._used
        self._used += size
        sweeps, many = 0, 0
        if not self._near.size and size >= _NEAR and not self._looked:
            self._looked = True
            self._look_near(rows)
        found = self._room_for_found(size // 4 if self._last_found is None else self._last_found * 9 // 8)
        while True:
            if marks[CURSOR] == marks[RESOLVED]:
                if marks[CURSOR] == size:
                    break
                if not self._find_slots(rows):
                    self._sweep(grow=sweeps > 2 and len(self.state.slots) < size)
                    sweeps += 1
                    self._find_slots(rows)
            stopped = self._walk(rows, found)
            matches = marks[FOUND]
            if matches and (stopped != DONE or marks[CURSOR] == size):
                marks[FOUND] = 0
                many += matches
                yield self._complete(rows, found, matches)
                if stopped != DONE:
                    found = self._room_for_found(2 * found.shape[1])
        self._last_found = many
        if marks[FAR] * 8 > size:
            self._look_near(rows)
        marks[FAR] = 0

    def match_one(self, block: Int64Array) -> Int64Array | None:
        """Show a block of one row; what was found, None for nothing."""
        rows = self._one
        if rows is None or rows.block is not block:
            rows = self._one = Rows.of(block)
        identity, used, numbers = int(block[IDENTITY, 0]), self._used, self._numbers
        if used == self.state.trail.size or not self._slot_of.size:
            self._make_room(1)
            used, numbers = self._used, self._numbers
        if identity - used != numbers.shift or used <= numbers.size:
            self._numbers = numbers.then(used, rows)
        marks = self._marks
        marks[CURSOR] = marks[RESOLVED] = 0
        marks[ROWS], marks[BASE] = 1, used
        self._used = used + 1
        if not self._find_slots(rows):
            self._sweep(grow=False)
            self._find_slots(rows)
        marks[FAR] = 0  # a shortcut is for many rows
        stopped = self._walk(rows, self._one_found)
        assert stopped == DONE, "one row decides few matches"
        size = marks[FOUND]
        if not size:
            return None
        marks[FOUND] = 0
        found = self._complete(rows, self._one_found, size)
        return found.copy() if found.base is self._one_found else found

    def _room_for_found(self, wanted: int) -> Int64Array:
        """Room for about so many matches."""
        size = max(_SMALL, min(wanted, _MOST_FOUND))
        # columns are not to lie a whole number of pages apart: what is written to all of them would fall on one place
        return np.empty((self._tables.shape.found_width, size // 512 * 512 + 536), np.int64)

    def _walk(self, rows: Rows, found: Int64Array) -> int:
        """Let the generated loop go over the rows whose slots are found; what stopped it."""
        tables = self._tables
        return int(self._match(self.state, Shown(rows.columns, self._slot_of, found), tables.ints, tables.floats))

    def _complete(self, rows: Rows, found: Int64Array, size: int) -> Int64Array:
        """What was found, with what every shape tells of the rows at which matches were decided."""
        counts, ends_at_row = self.state.counts, self._tables.ends_at_row
        complete_found(found, size, rows.columns, counts, rows.factor, rows.first, ends_at_row)
        out = found[:, :size]
        return out.copy() if 4 * size < found.shape[1] else out  # room is not given away with it

    def lineage(self, found: Int64Array) -> Callable[[], Lineage]:
        """What lists the events of each match, oldest first: later, unless that would keep too much alive."""
        trail, numbers, names = self.state.trail, self._numbers, self._streams
        firsts, ends, lease = found[FIRST], found[END], self._lease

        def events(_lease: _Lease = lease) -> Lineage:
            offsets, identities = _walked(trail, numbers, firsts, ends)
            if len(names) == 1:
                return offsets, names, np.zeros(identities.size, np.int32), identities
            return offsets, names, identities % len(names), identities // len(names)

        rare = 4 * _PINNED * ends.size < self._marks[ROWS]  # the trail would be kept for few
        if trail.size > 4 * _PINNED * ends.size and (rare or trail.size > 2 * _ROWS):
            listed = events()
            return lambda: listed
        return events

    def text_codes(self, key_parts: list[int]) -> list[AnyArray]:
        """The codes of strings that are held: of the parts of the key that are strings, and in the keys' rows."""
        self._sweep(grow=False)
        slots = self._slots()
        columns = [slots.shape[1] - self._words + part for part in key_parts]
        return [slots[:, c] for c in columns] + [t[rows, c] for t, rows, c in self._texts(slots)]

    def _texts(self, slots: Int64Array) -> list[TextPart]:
        """Where codes of strings stand, the key's apart; what a run that is not there has left is none."""
        live = self._live(slots)
        return [(slots, np.flatnonzero(live[:, column]), column) for column in self._tables.texts]

    @property
    def held(self) -> tuple[int, int, int, int]:
        """Runs, keys that have some, rows kept, bytes."""
        runs, state = self._runs(), self.state
        spare = () if self._spare is None else (self._spare[0],)
        tables = (state.slots, state.trail, self._numbers.told, self.table, self._near, self._slot_of, *spare)
        return int(runs.sum()), int(np.count_nonzero(runs)), 0, sum(table.nbytes for table in tables)

    # ---------------------------------------------------------------------------------------------------- snapshots

    def tables(self) -> dict[str, Int64Array]:
        """The rows of keys with runs, by last event, their starts counted from the first that a run has bound; and
        these events.
        """
        self._sweep(grow=False)
        slots = self._slots().copy()
        offsets = self._offsets(slots)
        trail, events = np.zeros(int(offsets[-1]), np.int32), np.zeros(int(offsets[-1]), np.int64)
        starts, live = list(self._tables.starts), self._live(slots)
        copy_trail(self.state.trail, slots, self._starts, offsets, trail, events)
        events = self._numbers.at(events)
        slots[~live] = 0
        slots[:, LAST_AT] = np.diff(offsets)
        if starts:
            slots[:, starts] = np.where(live[:, starts], slots[:, starts] - offsets[:-1, None], 0)
        order = np.argsort(events[offsets[1:] - 1])
        pieces = [events[offsets[i] : offsets[i + 1]] for i in order.tolist()]
        return {"slots": slots[order], "events": np.concatenate([np.zeros(0, np.int64), *pieces])}

    def text_parts(self, tables: Mapping[str, Int64Array], key_parts: list[int]) -> list[TextPart]:
        """Where codes of strings stand in such tables."""
        slots = tables["slots"]
        first = slots.shape[1] - self._words
        return [(slots, np.arange(len(slots)), first + part) for part in key_parts] + self._texts(slots)

    def read(self, stored: Stored) -> dict[str, Int64Array]:
        """Such tables, checked."""
        tables = self._tables
        slots = stored.array("slots", np.int64, None, tables.slots_width)
        events = stored.numbers("events", None, 0)
        stored.within(slots[:, LAST_AT], 1, events.size, "a key's events")
        stored.require(int(slots[:, LAST_AT].sum()) == events.size, "events are without a key")
        if tables.live is not None:
            low = (1 << tables.shift) - 1
            whole = bool((slots[:, RUNS] & low == 0).all())
            stored.require(whole, "a key has runs that there are not")
            stored.within(slots[:, RUNS] >> tables.shift, 1, len(tables.live) - 1, "the runs of a key")
        starts = slots[:, list(tables.starts)]
        there = self._live(slots)[:, list(tables.starts)]
        within = (starts >= 0) & (starts < slots[:, LAST_AT, None])
        stored.require((within | ~there).all(), "a run starts after its key's last event")
        stored.require(bool((self._runs_of(slots) > 0).all()), "a key has no run")
        keys = slots[:, slots.shape[1] - self._words :]
        stored.require(not len(keys) or len(np.unique(keys, axis=0)) == len(keys), "a key is there twice")
        return {"slots": slots, "events": events}

    def restore(self, tables: Mapping[str, Int64Array]) -> None:
        """Take over such tables, whose strings have codes of this shard."""
        packed, events = tables["slots"], tables["events"]
        slots = np.zeros((max(64, 2 * len(packed) + 2), packed.shape[1]), np.int64)
        slots[0] = self._tables.blank
        mine = slots[1 : len(packed) + 1]
        mine[:] = packed
        offsets = _offsets_of(packed[:, LAST_AT])
        starts, live = list(self._tables.starts), self._live(mine)
        if starts:
            mine[:, starts] += np.where(live[:, starts], offsets[:-1, None], 0)
        mine[:, LAST_AT] = offsets[1:] - 1
        trail = _trail(2 * events.size)
        trail[: events.size] = np.arange(events.size) - 1
        self._numbers = Numbers(events.copy(), events.size, 0)
        self._used = events.size
        self._take(slots, len(packed) + 1)
        self.state = self.state._replace(trail=trail)

    # -------------------------------------------------------------------------------------------------------- tables

    def _slots(self) -> Int64Array:
        """The rows of all keys."""
        return self.state.slots[1 : int(self.state.counts[USED])]

    def _runs(self) -> Int64Array:
        return self._runs_of(self._slots())

    def _runs_of(self, slots: Int64Array) -> Int64Array:
        """How many runs each key has."""
        tables = self._tables
        if tables.live is None:
            there: Int64Array = (slots[:, list(tables.starts)] < NEVER).sum(axis=1)
            return there
        runs: Int64Array = tables.runs[slots[:, RUNS] >> tables.shift]
        return runs

    def _live(self, slots: Int64Array) -> BoolArray:
        """Which columns mean something in each row."""
        tables = self._tables
        if tables.live is not None:
            live: BoolArray = tables.live[slots[:, RUNS] >> tables.shift]
            return live
        live = np.ones(slots.shape, np.bool_)
        for start, end in tables.spans:
            live[:, start:end] = slots[:, start, None] < NEVER
        return live

    def _offsets(self, slots: Int64Array) -> Int64Array:
        """Where the events that the runs of each key have bound begin and end, key after key."""
        lengths, tables = np.zeros(len(slots), np.int64), self._tables
        count_kept(
            self.state.trail, slots, self._starts, self._live_starts, tables.runs, tables.shift, lengths
        )  # fmt: skip
        return _offsets_of(lengths)

    def _find_slots(self, rows: Rows) -> bool:
        """Find the slots of further rows; whether there were any for which there is room."""
        state, tables, before = self.state, self._tables, self._marks[RESOLVED]
        begins = 0 if rows.every_begins else tables.begins
        find_slots(
            state.slots, self.table, self._near, state.counts, rows.columns, self._slot_of, tables.blank, begins
        )  # fmt: skip
        return self._marks[RESOLVED] > before

    def _look_near(self, rows: Rows) -> None:
        """Begin a shortcut to the slots of keys such as the block's, where these lie close together."""
        if self._words != 1:
            return
        counts, ends = self.state.counts, np.zeros(2, np.int64)
        find_ends(rows.columns, BLOCK_KEYS, rows.size, ends)
        low, high = int(ends[0]), int(ends[1]) + 1
        most = max(_NEAR, _NEAR_TIMES * len(self.state.slots))
        known = int(counts[NEAR_LOW]), int(counts[NEAR_LOW]) + self._near.size
        if self._near.size and max(high, known[1]) - min(low, known[0]) <= most:
            low, high = min(low, known[0]), max(high, known[1])
        if high - low <= most and (low, high) != known:
            counts[NEAR_LOW], self._near = low, np.zeros(high - low, np.int32)

    def _sweep(self, grow: bool) -> None:
        """Sweep out the keys without runs; twice the rows if asked for, or when that has not freed half of them.

        Half of them when that leaves large tables next to empty.
        """
        state = self.state
        live = self._slots()[self._runs() > 0]
        times = 4 if len(state.slots) < _FEW else 2
        size = times * len(state.slots) if grow or 2 * len(live) >= len(state.slots) - 2 else len(state.slots)
        size = size // 2 if not grow and is_spacious(size, len(live)) else size
        slots = np.zeros((size, state.slots.shape[1]), np.int64)
        slots[0] = self._tables.blank
        slots[1 : len(live) + 1] = live
        self._take(slots, len(live) + 1)

    def _take(self, slots: Int64Array, used: int) -> None:
        """Set the rows of keys, the first ``used`` with row 0."""
        self.table = np.zeros(4 * len(slots), np.int64)
        enter_keys(slots[1:], used - 1, self._words, self.table)
        self._near[:] = 0
        self.state.counts[USED] = used
        self.state = self.state._replace(slots=slots, slots_f=slots.view(np.float64))

    def _make_room(self, rows: int) -> None:
        """Room for the slots of rows, and in the trail for as many.

        A new trail begins with what live runs have bound; the old one is left as it is.
        """
        if self._slot_of.size < rows:
            self._slot_of = np.zeros(rows, np.int32)
        state = self.state
        if self._used + rows <= state.trail.size:
            return
        offsets = self._offsets(self._slots())
        kept = int(offsets[-1])
        trail, places = (
            self._fresh_trail(2 * kept + max(_BATCHES * rows, min(8 * _BATCHES * rows, _ROWS))),
            np.zeros(kept, np.int64),
        )
        copy_trail(state.trail, self._slots(), self._starts, offsets, trail, places)
        self._used, self._numbers = kept, Numbers(self._numbers.at(places), kept, 0)
        self._spare = state.trail, ref(self._lease)
        self._lease = _Lease()
        self.state = state._replace(trail=trail)

    def _fresh_trail(self, events: int) -> Int32Array:
        """A trail for so many events: the one before, if nobody may walk it: its memory is warm."""
        if self._spare is not None:
            trail, lease = self._spare
            if lease() is None and events <= trail.size <= 2 * events:
                return trail
        return _trail(events + events // 8)


def _trail(events: int) -> Int32Array:
    """A trail; not zeros: fresh pages cost more than the matching does."""
    return np.empty(max(_SMALL, events), np.int32)


def _offsets_of(lengths: Int64Array) -> Int64Array:
    offsets = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _walked(trail: Int32Array, numbers: Numbers, firsts: Int64Array, ends: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The offsets of each match's events, and their identities, oldest first."""
    lengths = np.zeros(ends.size, np.int64)
    out = np.zeros(int(count_trail(trail, firsts, ends, lengths)), np.int64)
    offsets = _offsets_of(lengths)
    walk_trail(trail, ends, offsets, out)
    return offsets, numbers.at(out)
