"""The chain matcher at work: its tables, and room in them when the kernel asks.

Invariants: as `cep.kernels.chain` has them; tables grow with the runs that are open, not with the stream. What has
expired is not counted, whether or not it has been cut out of its list.
Tested by: tests/kernels/test_chain.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.blocks import BLOCK_KEYS, TS
from cep.kernels.chain import (
    BEHIND,
    BOUND,
    COUNTS,
    CURSOR,
    DEADLINE,
    DIRECT_FROM,
    DONE,
    FOUND,
    HEAD,
    INSTANT,
    INSTANT_FIRST,
    IS_DIRECT,
    KEEP_ALL,
    LIMIT,
    LISTS,
    NOTHING,
    RUN_NULLS,
    SOUGHT_TO,
    STEPS,
    WAITS_BAR,
    WAITS_HEAD,
    WAITS_RUN,
    WAITS_SLOT,
    WAITS_TS,
    WAITS_WIDTH,
    WAKES,
    WANTS_FOUND,
    WANTS_RUNS,
    WANTS_SLOTS,
    WANTS_WAITS,
    ChainState,
    addresses,
    match_chain_row,
    match_chains,
    move_chains,
    prune_chains,
)
from cep.kernels.jit import PLAIN
from cep.kernels.keys import KEY_AT, KEY_WORDS, USED, enter_keys
from cep.kernels.runs import FOREVER
from cep.kernels.silence import match_silence_row, match_silences
from cep.runtime.held import is_spacious

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cep.compiler.chain import ChainTables
    from cep.compiler.sequence import Bound
    from cep.model.batch import AnyArray, BoolArray, Int64Array
    from cep.runtime.identity import Lineage
    from cep.runtime.snapshot import Stored

TextPart = tuple["Int64Array", "Int64Array", int]
"""Where codes of strings stand: a table, rows of it, a column."""

_SMALL = 256
_FEW = 1024  # so many keys are not looked through for those that have no runs
_NEAR = 65_536  # places for so many keys cost less than to seek them by hash
_AHEAD = 1024  # rows whose keys are sought at once
_MOST_FOUND = 65_536  # matches given out at once, unless one event has more
_NEVER = -(2**63)
_BLOCK = 16  # the block's place among the addresses
_WIDTH, _ROWS = 3 * _BLOCK + 1, 3 * _BLOCK + 2
# a run that is kept: the step it waits for, its deadline, its null bits, its key, what it has bound; where a chain ends
# in a silence, behind that, how many of the runs its match forgets: one that waits for the silence waits for the step
# behind the last, since the time that stands in place of the deadline
_WAITS_FOR, _ENDS, _NULLS, _KEYS = range(4)


class ChainMatcher:
    """The state of one chain for one shard."""

    gives_away = False

    def __init__(self, tables: ChainTables, streams: tuple[str, ...]) -> None:
        self._tables, self._streams = tables, streams
        shape, durations = tables.shape, tables.program.durations
        self._words, self._lists = len(shape.keys), int(tables.program.scalars[STEPS]) - 1
        self._silent, self._keep_all = tables.is_silent, bool(tables.program.scalars[KEEP_ALL])
        self._places = self._lists + self._silent  # where a run of a key may stand
        self._keys_at = self._lists + durations.size + self._silent
        self._match, self._match_row = (
            (match_silences, match_silence_row) if self._silent else (match_chains, match_chain_row)
        )
        self._watermark = _NEVER
        counts = np.zeros(COUNTS, np.int64)
        counts[KEY_WORDS], counts[KEY_AT], counts[LISTS] = self._words, BLOCK_KEYS, self._lists
        counts[HEAD] = _SMALL + 1
        counts[INSTANT], counts[WAKES] = _NEVER, FOREVER
        self._marks = memoryview(counts.data)  # a number is written there in half the time
        self.state = ChainState(
            np.zeros((64, self._keys_at + self._words), np.int64),
            np.zeros(256, np.int64),
            _ring(_SMALL, tables.run_width),
            np.zeros(_AHEAD, np.int64),
            counts,
            np.zeros((_SMALL if self._silent else 1, WAITS_WIDTH), np.int64),
            np.zeros(durations.size, np.int64),
        )
        # what the kernel has been told of, and where; the block of one row is always the same
        self._entered: tuple[ChainState | None, Int64Array | None, Int64Array | None] = (None, None, None)
        self._where, self._told, self._at = np.zeros((0, 3), np.int64), memoryview(b""), 0
        self._found = np.zeros((shape.found_width, _SMALL), np.int64)  # grows with what a batch finds

    @property
    def wakes_at(self) -> int:
        """When the next silence is over, or an eighth of a large ring is the most that can be open: it is given back.

        Time alone changes nothing else here.
        """
        return min(self._marks[WAKES] + 1, self._spacious_at)

    @property
    def _spacious_at(self) -> int:
        """When no more than an eighth of a large ring can be open."""
        runs = self.state.runs
        room = len(runs)
        if not is_spacious(room, 0):
            return 2**63
        return int(runs[(self._marks[HEAD] - room // 8) & (room - 1), DEADLINE]) + 1

    @property
    def is_spacious(self) -> bool:
        """Whether tables are to be given back."""
        return self._spacious_at <= self._watermark

    @property
    def open_runs(self) -> int:
        """Partial matches not decided yet."""
        return self._live()[0]

    def match(self, block: Int64Array, watermark: int) -> Iterator[Int64Array]:
        """Show the rows of a block, expire up to the watermark; give out what was found, some at a time."""
        self._marks[LIMIT] = watermark
        if block.shape[1] or self._marks[WAKES] < watermark:
            stopped = self._show(block)
            if stopped != NOTHING:
                yield from self._shown(block, stopped)
        self._watermark = max(self._watermark, watermark)

    def match_one(self, block: Int64Array) -> Int64Array | Iterator[Int64Array] | None:
        """Show a block; all that was found, or some at a time as `match` gives it; None for nothing.

        Time is let pass up to its last row.
        """
        self._marks[LIMIT] = _NEVER
        stopped = self._show(block)
        if stopped in (DONE, NOTHING):
            return self._given() if stopped == DONE else None
        return self._shown(block, stopped)

    def match_flat(self, words: Int64Array, width: int, rows: int) -> Int64Array | Iterator[Int64Array] | None:
        """The same for a block that stands at the beginning of ``words``, which are the same for many blocks."""
        state, found, shown = self._entered
        if self.state is not state or self._found is not found or shown is not words:
            self._enter(words.reshape(1, -1), words)
        marks, at = self._marks, self._told
        marks[LIMIT] = _NEVER
        at[_WIDTH], at[_ROWS] = width, rows
        stopped = self._match_row(self._at)
        if stopped == NOTHING:
            return None
        if stopped == DONE:
            return self._given()
        return self._shown(words[: width * rows].reshape(width, rows), int(stopped))

    def _given(self) -> Int64Array | None:
        """What was found; nobody else writes into it."""
        size = self._marks[FOUND]
        self._marks[FOUND] = 0
        return self._found[:, :size].copy() if size else None

    def _show(self, block: Int64Array) -> int:
        """Show a block from its beginning; what stopped it."""
        if PLAIN:
            self._marks[CURSOR] = self._marks[SOUGHT_TO] = 0
            return int(self._match(self._tables.program, self.state, block, self._found))
        state, found, shown = self._entered
        if self.state is not state or self._found is not found:
            self._enter(block, block)
        elif block is not shown:
            self._where[_BLOCK] = block.__array_interface__["data"][0], *block.shape
            self._entered = state, found, block
        return int(self._match_row(self._at))

    def _enter(self, block: Int64Array, shown: Int64Array) -> None:
        """Write down where all lies that the kernel works on; ``shown``: by what the block is known again."""
        self._where = addresses(self._tables.program, self.state, block, self._found)
        self._told, self._at = memoryview(self._where.data).cast("B").cast("q"), int(self._where.ctypes.data)
        self._entered = self.state, self._found, shown

    def _shown(self, block: Int64Array, stopped: int) -> Iterator[Int64Array]:
        """Give out what was found, and show the rest of a block."""
        counts = self.state.counts
        while True:
            found = int(counts[FOUND])
            if found and stopped in (DONE, WANTS_FOUND):
                counts[FOUND] = 0
                yield self._found[:, :found]
            if stopped == DONE:
                return
            self._make_room(stopped, found, block)
            stopped = int(self._match(self._tables.program, self.state, block, self._found))

    def lineage(self, found: Int64Array) -> Callable[[], Lineage]:
        """What lists the events of each match, oldest first."""
        which, names = list(self._tables.identities), self._streams

        def events() -> Lineage:
            bound = found[which]
            identities = np.ascontiguousarray(bound.T).reshape(-1)
            offsets = np.arange(0, identities.size + 1, len(bound))
            return offsets, names, identities % len(names), identities // len(names)

        return events

    def text_codes(self, key_parts: list[int]) -> list[AnyArray]:
        """The codes of strings that are held: of the parts of the key that are strings, and of what runs have bound."""
        _, lists = self._live()
        steps = np.where(lists > 0, (lists - 1) % self._places + 1, 0)
        self._sweep()
        slots = self.state.slots[: int(self.state.counts[USED])]
        out: list[AnyArray] = [slots[:, self._keys_at + part] for part in key_parts]
        out += [self.state.runs[steps > b.step, BOUND + c] for c, b in enumerate(self._tables.bound) if b.is_text]
        return out

    @property
    def held(self) -> tuple[int, int, int, int]:
        """Runs, keys that have some, rows kept, bytes."""
        runs, lists = self._live()
        size = sum(table.nbytes for table in (*self.state, self._found))
        return runs, np.unique((lists[lists > 0] - 1) // self._places).size, 0, size

    # ---------------------------------------------------------------------------------------------------- snapshots

    def tables(self) -> dict[str, Int64Array]:
        """The live runs in order of start."""
        count, lists = self._live()
        state = self.state
        head, ring = int(state.counts[HEAD]), len(state.runs)
        rows = np.arange(head - ring, head) & (ring - 1)
        rows = rows[lists[rows] > 0]
        slot, waits_for = (lists[rows] - 1) // self._places, (lists[rows] - 1) % self._places + 1
        out = np.zeros((count, self._kept_width), np.int64)
        out[:, _WAITS_FOR], out[:, _ENDS] = waits_for, state.runs[rows, DEADLINE]
        out[:, _NULLS] = state.runs[rows, RUN_NULLS]
        out[:, _KEYS : self._bound_at] = state.slots[slot, self._keys_at :]
        if self._silent:
            silent, group = np.flatnonzero(waits_for > self._lists), self._groups()
            waits = state.waits[group[rows[silent]]]
            out[silent, _ENDS] = waits[:, WAITS_TS]
            if not self._keep_all:  # as many of these runs as started before a run that may come after
                numbers = np.arange(head - ring, head)[lists[np.arange(head - ring, head) & (ring - 1)] > 0]
                out[silent, -1] = np.searchsorted(numbers, waits[:, WAITS_BAR])
        for c, bound in enumerate(self._tables.bound):
            there = _is_there(out, bound)  # what stands under a null is nobody's business
            out[:, self._bound_at + c] = np.where(there, state.runs[rows, BOUND + c], 0)
        return {"runs": out}

    def text_parts(self, tables: Mapping[str, Int64Array], key_parts: list[int]) -> list[TextPart]:
        """Where codes of strings stand in such tables: a table, its rows, the column."""
        runs = tables["runs"]
        out: list[TextPart] = [(runs, np.arange(len(runs)), _KEYS + part) for part in key_parts]
        for c, bound in enumerate(self._tables.bound):
            if bound.is_text:
                out.append((runs, np.flatnonzero(_is_there(runs, bound)), self._bound_at + c))
        return out

    def read(self, stored: Stored) -> dict[str, Int64Array]:
        """Such tables, checked."""
        bound = self._tables.bound
        runs = stored.array("runs", np.int64, None, self._kept_width)
        stored.within(runs[:, _WAITS_FOR], 1, self._places, "the step that a run waits for")
        identities = [self._bound_at + c for c, b in enumerate(bound) if not c or b.step > bound[c - 1].step]
        stored.within(runs[:, identities], 0, 2**63 - 1, "a bound event")
        silent = runs[:, _WAITS_FOR] > self._lists
        stored.require(bool((np.diff(runs[~silent, _ENDS]) >= 0).all()), "runs are out of order")
        key = self._keys_of(runs)
        by_key = np.lexsort((np.arange(len(runs)), key))
        same = np.diff(key[by_key]) == 0
        behind = ~same | (np.diff(runs[by_key, _WAITS_FOR]) <= 0)
        stored.require(bool(behind.all()), "a run has overtaken an earlier one")
        if self._silent:
            stored.within(runs[:, -1], 0, 0 if self._keep_all else len(runs), "what a match forgets")
            stored.require(bool((runs[~silent, -1] == 0).all()), "a run that is not complete forgets others")
            both = same & silent[by_key[1:]] & silent[by_key[:-1]]
            for column in (_ENDS, -1):
                falls = both & (np.diff(runs[by_key, column]) < 0)
                stored.require(not bool(falls.any()), "runs that wait for a silence are out of order")
        return {"runs": runs}

    def restore(self, tables: Mapping[str, Int64Array]) -> None:
        """Take over such tables, whose strings have codes of this shard."""
        packed, counts = tables["runs"], self.state.counts
        size, key = len(packed), self._keys_of(packed)
        room = _SMALL
        while room < 4 * size:
            room *= 2
        numbers = np.arange(room + 1, room + 1 + size)
        ring, rows = _ring(room, self.state.runs.shape[1]), numbers & (room - 1)
        ring[rows, DEADLINE], ring[rows, RUN_NULLS] = packed[:, _ENDS], packed[:, _NULLS]
        ring[rows, BOUND:] = packed[:, self._bound_at : self._bound_at + len(self._tables.bound)]
        held = int(key.max(initial=-1)) + 1
        slots = np.zeros((max(64, 2 * held), self.state.slots.shape[1]), np.int64)
        slots[key, self._keys_at :] = packed[:, _KEYS : self._bound_at]
        silent = packed[:, _WAITS_FOR] > self._lists
        waiting = np.flatnonzero(~silent)
        in_list = key * self._lists + packed[:, _WAITS_FOR] - 1
        order = waiting[np.lexsort((numbers[waiting], in_list[waiting]))]
        same = np.diff(in_list[order]) == 0
        ring[rows[order[1:]], BEHIND] = np.where(same, numbers[order[:-1]], 0)
        # the last of a list that is written is its newest
        slots[key[waiting], packed[waiting, _WAITS_FOR] - 1] = numbers[waiting]
        counts[USED], counts[HEAD] = held, room + 1 + size
        table = self._table(slots, held, np.zeros(0, np.int64))
        self.state = self.state._replace(slots=slots, table=table, runs=ring)
        if self._silent:
            self._restore_groups(packed, np.flatnonzero(silent), key, numbers)

    def _restore_groups(self, packed: Int64Array, silent: Int64Array, key: Int64Array, numbers: Int64Array) -> None:
        """Let the runs at some rows of a table that is kept wait for their silence, those of one event as a group."""
        state, counts, ring = self.state, self.state.counts, self.state.runs
        ts, bar, mask = packed[:, _ENDS], packed[:, -1], len(ring) - 1
        order = silent[np.lexsort((silent, key[silent], ts[silent]))]
        parts = np.stack([ts[order], key[order], bar[order]])
        begins = np.concatenate([[True], (np.diff(parts, axis=1) != 0).any(axis=0)])[: order.size]
        ring[numbers[order] & mask, BEHIND] = np.where(begins, 0, numbers[np.concatenate([order[:1], order[:-1]])])
        last = order[np.flatnonzero(np.concatenate([begins[1:], [True]]))] if order.size else order
        silence = int(self._tables.program.durations[-1])
        ring[numbers[order] & mask, DEADLINE] = np.where(ts[order] > FOREVER - silence, FOREVER, ts[order] + silence)
        waits = np.zeros((_room_for(last.size), WAITS_WIDTH), np.int64)
        groups = waits[: last.size]
        groups[:, WAITS_TS], groups[:, WAITS_SLOT], groups[:, WAITS_RUN] = ts[last], key[last], numbers[last]
        groups[:, WAITS_BAR] = (int(counts[HEAD]) - len(packed) + bar[last]) * (not self._keep_all)
        counts[WAITS_HEAD] = last.size
        if last.size:
            counts[INSTANT], counts[WAKES] = ts[last[-1]], ring[numbers[last[0]] & mask, DEADLINE]
            counts[INSTANT_FIRST] = np.searchsorted(ts[last], ts[last[-1]])
        self.state = state._replace(waits=waits)

    @property
    def _bound_at(self) -> int:
        """Where what is bound begins in a run that is kept."""
        return _KEYS + self._words

    @property
    def _kept_width(self) -> int:
        """Columns of a run that is kept."""
        return self._bound_at + len(self._tables.bound) + self._silent

    def _keys_of(self, runs: Int64Array) -> Int64Array:
        """The number of each run's key."""
        if not self._words or not len(runs):
            return np.zeros(len(runs), np.int64)
        number: Int64Array = np.unique(runs[:, _KEYS : self._bound_at], axis=0, return_inverse=True)[1]
        return number.reshape(-1)

    # -------------------------------------------------------------------------------------------------------- tables

    def _live(self, now: int | None = None) -> tuple[int, Int64Array]:
        """How many runs have not expired, and for each row of the ring the number of its list or 0; the rest is cut."""
        lists = np.zeros(len(self.state.runs), np.int64)
        return int(prune_chains(self.state, self._watermark if now is None else now, lists)), lists

    def _make_room(self, wanted: int, found: int, block: Int64Array) -> None:
        state = self.state
        if wanted == WANTS_FOUND:
            width, room = self._found.shape
            if not found or room < _MOST_FOUND:
                self._found = np.zeros((width, 2 * room), np.int64)
            return
        count, lists = self._live(int(block[TS, state.counts[CURSOR]]))
        if wanted == WANTS_SLOTS:
            self._sweep(block)
            return
        if wanted == WANTS_WAITS:
            self._pack_groups()
            return
        assert wanted == WANTS_RUNS, wanted
        room = len(state.runs)
        while 4 * count > room:
            room *= 2
        ring = _ring(room, state.runs.shape[1])
        move_chains(state, lists, ring)
        self.state = state._replace(runs=ring)
        if int(state.counts[USED]) > 4 * room:  # to look at all of them must not cost more than the runs between
            self._sweep()

    def _sweep(self, block: Int64Array | None = None) -> None:
        """Sweep out the keys that `_live` has left without runs.

        With a block that wants room there are twice the rows unless they are many and that has freed half of them.
        """
        state, counts = self.state, self.state.counts
        used = state.slots[: int(counts[USED])]
        wanted: BoolArray = np.atleast_1d(used[:, : self._lists].any(axis=1))
        if self._silent:
            group = self._waiting_groups()
            group = group[state.waits[group, WAITS_RUN] > 0]
            wanted[state.waits[group, WAITS_SLOT]] = True
            state.waits[group, WAITS_SLOT] = (np.cumsum(wanted) - 1)[state.waits[group, WAITS_SLOT]]
        kept = used[wanted]
        size = len(state.slots)
        coming = np.zeros(0, np.int64) if block is None or not self._words else block[BLOCK_KEYS]
        if block is not None and size < _FEW:
            few = self._words == 1 and int(coming.max()) - int(coming.min()) < _FEW <= coming.size
            size = _FEW if few else 4 * size  # as many keys as there may be at once: to sweep takes longer than they do
        elif block is not None and 2 * len(kept) > size:
            size *= 2
        slots = np.zeros((size, used.shape[1]), np.int64)
        slots[: len(kept)] = kept
        counts[USED] = len(kept)
        counts[SOUGHT_TO] = counts[CURSOR]  # what was found ahead stands elsewhere now
        self.state = state._replace(slots=slots, table=self._table(slots, len(kept), coming))

    def _waiting_groups(self) -> Int64Array:
        """Where the groups stand that wait for a silence, those that something has broken too, in order."""
        state = self.state
        return np.arange(int(state.tails[-1]), int(state.counts[WAITS_HEAD])) & (len(state.waits) - 1)

    def _groups(self) -> Int64Array:
        """By row of the ring of runs where the group stands whose run is there; `_live` has seen to it."""
        state, out = self.state, np.zeros(len(self.state.runs), np.int64)
        group = self._waiting_groups()
        run = state.waits[group, WAITS_RUN]
        while (some := run > 0).any():  # one run of each group a time
            group, run = group[some], run[some] & (len(state.runs) - 1)
            out[run] = group
            run = state.runs[run, BEHIND]
        return out

    def _pack_groups(self) -> None:
        """A ring of groups without those that `_live` has found broken, and with room.

        What is left stands whatever was forbidden so far, so nobody need remember that.
        """
        state, counts, first = self.state, self.state.counts, int(self.state.tails[-1])
        groups = state.waits[self._waiting_groups()]
        whole = groups[:, WAITS_RUN] > 0
        before = np.concatenate([[0], np.cumsum(whole)])  # how many stand before each
        marks = np.append(state.tails, counts[INSTANT_FIRST])
        *state.tails[:], counts[INSTANT_FIRST] = before[np.clip(marks - first, 0, whole.size)]
        counts[WAITS_HEAD] = before[-1]
        waits = np.zeros((_room_for(int(before[-1])), WAITS_WIDTH), np.int64)
        waits[: before[-1]] = groups[whole]
        state.slots[:, self._lists : self._keys_at - 1] = 0
        self.state = state._replace(waits=waits)

    def _table(self, slots: Int64Array, used: int, coming: Int64Array) -> Int64Array:
        """A table of the keys in ``slots`` with room for those that come: direct where they lie near each other."""
        counts, room = self.state.counts, len(slots)
        if self._words == 1:
            parts = [slots[:used, -1], coming]
            ends = [(int(part.min()), int(part.max())) for part in parts if part.size]
            before = int(counts[DIRECT_FROM]), int(counts[DIRECT_FROM]) + len(self.state.table) - 1
            # all that there was is taken in while there is room, so that keys that come and go change nothing
            for spans in ([*ends, before] if counts[IS_DIRECT] else ends, ends):
                least = min((low for low, _ in spans), default=0)
                size = max((high for _, high in spans), default=0) - least + 1
                if size <= max(_NEAR, 8 * room):
                    table = np.zeros(size + size // 2, np.int64)
                    table[slots[:used, -1] - least] = np.arange(1, used + 1)
                    counts[IS_DIRECT], counts[DIRECT_FROM] = 1, least
                    return table
        counts[IS_DIRECT] = 0
        table = np.zeros(4 * room, np.int64)
        enter_keys(slots, used, self._words, table)
        return table


def _is_there(runs: Int64Array, bound: Bound) -> BoolArray:
    """Which runs that are kept have bound a value that is not null."""
    there: BoolArray = runs[:, _WAITS_FOR] > bound.step
    if bound.null is not None:
        there &= (runs[:, _NULLS] >> bound.null) & 1 == 0
    return there


def _room_for(groups: int) -> int:
    """Rows of a ring of groups with as much room again."""
    room = _SMALL
    while room < 2 * groups:
        room *= 2
    return room


def _ring(size: int, width: int) -> Int64Array:
    """A ring without runs."""
    out = np.zeros((size, width), np.int64)
    out[:, DEADLINE] = _NEVER
    return out
