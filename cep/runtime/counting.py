"""The counting matcher at work: its tables, and room in them when the kernel asks.

Invariants: as `cep.kernels.counting` has them; tables grow with the starts that are open.
Tested by: tests/kernels/test_counting.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.blocks import BLOCK_KEYS, FIELDS
from cep.kernels.counting import (
    COUNTS,
    CURSOR,
    DEADLINE,
    DONE,
    FIRST_NO,
    FOUND,
    NEXT_NO,
    OVER,
    ROW,
    SLOT,
    STARTS_HEAD,
    STARTS_TAIL,
    STEPS,
    SUMS,
    WANTS_FOUND,
    WANTS_SLOTS,
    WANTS_STARTS,
    WITHIN,
    CountingState,
    match_counts,
)
from cep.kernels.keys import KEY_AT, KEY_WORDS, LIVE, USED, enter_keys
from cep.kernels.runs import FOREVER
from cep.runtime.held import is_spacious
from cep.runtime.starts import next_bound, places_of, sweep_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cep.compiler.counting import CountingTables
    from cep.model.batch import AnyArray, Int64Array
    from cep.runtime.chain import TextPart
    from cep.runtime.identity import Lineage
    from cep.runtime.snapshot import Stored

_SMALL = 256
_MOST_FOUND = 65_536  # results given out at once


class CountingMatcher:
    """The state of one counting matcher for one shard."""

    gives_away = False

    def __init__(self, tables: CountingTables, streams: tuple[str, ...]) -> None:
        self._tables, self._streams = tables, streams
        self._words = len(tables.shape.keys)
        m = int(tables.program.scalars[STEPS]) - 1
        self._own = SUMS + m + 2 * m * m
        self._bounded = int(tables.program.scalars[WITHIN]) < FOREVER
        counts = np.zeros(COUNTS, np.int64)
        counts[KEY_WORDS], counts[KEY_AT] = self._words, BLOCK_KEYS
        self.state = CountingState(
            np.zeros((64, self._own + self._words), np.int64),
            np.zeros(256, np.int64),
            np.zeros((_SMALL, ROW + m), np.int64),
            counts,
        )
        self._found = np.zeros((tables.shape.found_width, _SMALL), np.int64)  # grows with what a batch finds

    @property
    def wakes_at(self) -> int:
        """When the next bound has passed, so that what it holds is freed."""
        counts = self.state.counts
        return next_bound(self.state.starts, int(counts[STARTS_HEAD]), int(counts[STARTS_TAIL]))

    @property
    def is_spacious(self) -> bool:
        """Whether tables are to be given back."""
        counts = self.state.counts
        return is_spacious(len(self.state.starts), int(counts[STARTS_TAIL] - counts[STARTS_HEAD]))

    @property
    def open_runs(self) -> int:
        """Starts whose matches are not all decided yet."""
        return int(self.state.slots[: int(self.state.counts[USED]), LIVE].sum())

    def match(self, block: Int64Array, watermark: int) -> Iterator[Int64Array]:
        """Show the rows of a block, expire up to the watermark; give out what was found, some at a time."""
        counts = self.state.counts
        counts[CURSOR] = 0
        while True:
            stopped = int(match_counts(self._tables.program, self.state, block, self._found, watermark))
            found = int(counts[FOUND])
            if stopped == DONE:
                counts[NEXT_NO] += block.shape[1]
                counts[CURSOR] = 0
            if found and stopped in (DONE, WANTS_FOUND):
                counts[FOUND] = 0
                yield self._found[:, :found]
            if stopped == DONE:
                return
            self._make_room(stopped)

    def lineage(self, found: Int64Array) -> Callable[[], Lineage]:
        """What lists the one event of each result: that which decides."""
        identities, names = found[FIELDS].copy(), self._streams

        def events() -> Lineage:
            return np.arange(identities.size + 1), names, identities % len(names), identities // len(names)

        return events

    def text_codes(self, key_parts: list[int]) -> list[AnyArray]:
        """The codes of strings that are held: of the parts of the key that are strings."""
        self._sweep()
        slots = self.state.slots[: int(self.state.counts[USED])]
        return [slots[:, self._own + part] for part in key_parts]

    @property
    def held(self) -> tuple[int, int, int, int]:
        """Starts, keys that have some, rows kept, bytes."""
        slots = self.state.slots[: int(self.state.counts[USED])]
        size = sum(table.nbytes for table in (*self.state, self._found))
        return self.open_runs, int(np.count_nonzero(slots[:, LIVE] > 0)), 0, size

    # ---------------------------------------------------------------------------------------------------- snapshots

    def tables(self) -> dict[str, Int64Array]:
        """The keys in order of the event since which they have open runs, and the starts that have a deadline."""
        state, counts = self.state, self.state.counts
        used = state.slots[: int(counts[USED])]
        live = np.flatnonzero(used[:, LIVE] > 0)
        live = live[np.argsort(used[live, FIRST_NO])]
        at = np.zeros(len(used), np.int64)
        at[live] = np.arange(live.size)
        starts = state.starts[self._places()]
        starts[:, SLOT] = at[starts[:, SLOT]]
        return {"keys": used[live], "starts": starts, "next_no": counts[NEXT_NO : NEXT_NO + 1].copy()}

    def text_parts(self, tables: Mapping[str, Int64Array], key_parts: list[int]) -> list[TextPart]:
        """Where codes of strings stand in such tables: a table, its rows, the column."""
        keys = tables["keys"]
        return [(keys, np.arange(len(keys)), self._own + part) for part in key_parts]

    def read(self, stored: Stored) -> dict[str, Int64Array]:
        """Such tables, checked."""
        keys = stored.array("keys", np.int64, None, self.state.slots.shape[1])
        starts = stored.array("starts", np.int64, None, self.state.starts.shape[1])
        next_no = stored.numbers("next_no", 1, 0, 2**62)
        stored.within(keys[:, LIVE], 1, 2**62, "a key's starts")
        stored.within(keys[:, OVER], 0, 1, "what says that a count is beyond 64 bits")
        stored.within(keys[:, FIRST_NO], 0, int(next_no[0]) - 1, "a key's first start")
        stored.require((np.diff(keys[:, FIRST_NO]) > 0).all(), "keys are out of order")
        words = keys[:, self._own :]
        alone = len(np.unique(words, axis=0)) == len(keys) if self._words else len(keys) <= 1
        stored.require(alone, "a key is there twice")
        stored.within(starts[:, SLOT], 0, len(keys) - 1, "a start's key")
        stored.require((np.diff(starts[:, DEADLINE]) >= 0).all(), "starts are out of order")
        held = np.bincount(starts[:, SLOT], minlength=len(keys)) if self._bounded else keys[:, LIVE]
        stored.require(np.array_equal(held, keys[:, LIVE]), "a key's starts are not as many as it says")
        return {"keys": keys, "starts": starts, "next_no": next_no}

    def restore(self, tables: Mapping[str, Int64Array]) -> None:
        """Take over such tables, whose strings have codes of this shard."""
        keys, starts, counts = tables["keys"], tables["starts"], self.state.counts
        slots = np.zeros((max(64, 2 * len(keys)), keys.shape[1]), np.int64)
        slots[: len(keys)] = keys
        table = np.zeros(4 * len(slots), np.int64)
        enter_keys(slots, len(keys), self._words, table)
        room = _SMALL
        while room < 2 * len(starts):
            room *= 2
        ring = np.zeros((room, starts.shape[1]), np.int64)
        ring[: len(starts)] = starts
        counts[USED], counts[STARTS_TAIL], counts[NEXT_NO] = len(keys), len(starts), tables["next_no"][0]
        self.state = CountingState(slots, table, ring, counts)

    # -------------------------------------------------------------------------------------------------------- tables

    def _places(self) -> Int64Array:
        counts = self.state.counts
        return places_of(self.state.starts, int(counts[STARTS_HEAD]), int(counts[STARTS_TAIL]))

    def _make_room(self, wanted: int) -> None:
        state, counts = self.state, self.state.counts
        if wanted == WANTS_FOUND:
            width, room = self._found.shape
            if room < _MOST_FOUND:
                self._found = np.zeros((width, 2 * room), np.int64)
        elif wanted == WANTS_STARTS:
            entries = state.starts[self._places()]
            starts = np.zeros((2 * len(state.starts), state.starts.shape[1]), np.int64)
            starts[: len(entries)] = entries
            counts[STARTS_HEAD], counts[STARTS_TAIL] = 0, len(entries)
            self.state = state._replace(starts=starts)
        else:
            assert wanted == WANTS_SLOTS, wanted
            self._sweep()

    def _sweep(self) -> None:
        state = self.state
        slots, table = sweep_keys(state.slots, state.counts, self._words, state.starts, self._places())
        self.state = state._replace(slots=slots, table=table)
