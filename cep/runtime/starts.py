"""What the matchers share whose steps each bind any later event: keys that have open starts, and the ring of those.

A slot's LIVE says how much of a key is open; a row of the ring is (deadline, slot, …).
Invariant: rows from ``head`` to ``tail - 1``, modulo the ring's size, are those in use.
Tested by: tests/kernels/test_graph.py, tests/kernels/test_counting.py, tests/kernels/test_folding.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cep.kernels.blocks import FIELDS
from cep.kernels.keys import LIVE, USED, enter_keys
from cep.kernels.starts import (
    CURSOR,
    DEADLINE,
    DONE,
    FOUND,
    NEXT_NO,
    SLOT,
    STARTS_HEAD,
    STARTS_TAIL,
    WANTS_FOUND,
    WANTS_SLOTS,
    WANTS_STARTS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cep.model.batch import Int64Array
    from cep.runtime.identity import Lineage

SMALL = 256
MOST_FOUND = 65_536  # results given out at once


class StartsMatcher:
    """What they have in common; ``state`` has ``slots``, ``table``, ``starts`` and ``counts``, whatever else it has."""

    state: Any  # of the kernel's own type
    _words: int  # of the key
    _streams: tuple[str, ...]
    _found: Int64Array

    @property
    def open_runs(self) -> int:
        """Partial matches not decided yet, as the matcher counts them."""
        raise NotImplementedError

    @property
    def held(self) -> tuple[int, int, int, int]:
        """Partial matches, keys that have some, rows kept, bytes."""
        size = sum(table.nbytes for table in (*self.state, self._found))
        return self.open_runs, self._live_slots().size, 0, size

    @property
    def wakes_at(self) -> int:
        """When the least deadline has passed, so that what the start holds is freed; beyond all time without one."""
        ring, (head, tail) = self.state.starts, self._ends()
        return 2**63 if head == tail else int(ring[head & (len(ring) - 1), DEADLINE]) + 1

    def _ends(self) -> tuple[int, int]:
        counts = self.state.counts
        return int(counts[STARTS_HEAD]), int(counts[STARTS_TAIL])

    def _places(self) -> Int64Array:
        """Where the ring's rows in use stand, oldest first."""
        head, tail = self._ends()
        return np.arange(head, tail) & (len(self.state.starts) - 1)

    def _live_slots(self) -> Int64Array:
        """Where the keys stand that have something open."""
        return np.flatnonzero(self.state.slots[: int(self.state.counts[USED]), LIVE] > 0)

    def _keep_starts(self, kept: Int64Array, room: int) -> None:
        """Let those rows be all of the ring, with room for so many."""
        counts = self.state.counts
        self.state = self.state._replace(starts=grown(kept, room))
        counts[STARTS_HEAD], counts[STARTS_TAIL] = 0, len(kept)

    def _sweep(self) -> None:
        """Leave out the keys that have nothing open; twice the rows unless that has freed half of them.

        A start whose key is gone has ended: any slot will do for it.
        """
        state, counts = self.state, self.state.counts
        used, kept = state.slots[: int(counts[USED])], self._live_slots()
        rows = len(state.slots) * (1 + (2 * kept.size > len(state.slots)))
        slots, table = keyed_slots(used[kept], self._words, rows)
        counts[USED] = kept.size
        at = np.zeros(len(used), np.int64)
        at[kept] = np.arange(kept.size)
        places = self._places()
        state.starts[places, SLOT] = at[state.starts[places, SLOT]]
        self.state = state._replace(slots=slots, table=table)


class DecidingMatcher(StartsMatcher):
    """One whose results are each told of one event: that which decides."""

    gives_away = False

    @property
    def open_runs(self) -> int:
        """Starts whose matches are not all decided yet."""
        return int(self.state.slots[: int(self.state.counts[USED]), LIVE].sum())

    def match(self, block: Int64Array, watermark: int) -> Iterator[Int64Array]:
        """Show the rows of a block, expire up to the watermark; give out what was found, some at a time."""
        counts = self.state.counts
        counts[CURSOR] = 0
        while True:
            stopped = self._advance(block, watermark)
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

    def _advance(self, block: Int64Array, watermark: int) -> int:
        """Call the kernel; return what stopped it."""
        raise NotImplementedError

    def _make_room(self, wanted: int) -> None:
        if wanted == WANTS_FOUND:
            width, room = self._found.shape
            if room < MOST_FOUND:
                self._found = np.zeros((width, 2 * room), np.int64)
        elif wanted == WANTS_STARTS:
            self._keep_starts(self.state.starts[self._places()], 2 * len(self.state.starts))
        else:
            assert wanted == WANTS_SLOTS, wanted
            self._sweep()

    def lineage(self, found: Int64Array) -> Callable[[], Lineage]:
        """What lists the one event of each result: that which decides."""
        identities, names = found[FIELDS].copy(), self._streams

        def events() -> Lineage:
            return np.arange(identities.size + 1), names, identities % len(names), identities // len(names)

        return events


def keyed_slots(rows: Int64Array, words: int, room: int) -> tuple[Int64Array, Int64Array]:
    """Slots that hold these rows, each of a key whose words come last, with room for so many; and their table."""
    slots = grown(rows, room)
    table = np.zeros(4 * room, np.int64)
    enter_keys(slots, len(rows), words, table)
    return slots, table


def room_for(starts: int) -> int:
    """How long a ring is that holds so many, and as many more."""
    return max(SMALL, 1 << (2 * starts - 1).bit_length()) if starts else SMALL


def grown(rows: Int64Array, room: int) -> Int64Array:
    """A table with room for so many, of which these rows come first and the rest is 0."""
    out = np.zeros((room, rows.shape[1]), np.int64)
    out[: len(rows)] = rows
    return out


def in_lists(
    nodes: Int64Array, link: int, slots: Int64Array, live: Int64Array, heads: Iterable[int]
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """The nodes that stand in some list of the slots ``live``; of each its slot, and which list.

    The list number i begins at column ``heads[i]`` of a slot, and goes on by column ``link`` of a node.
    """
    parts = [(np.zeros(0, np.int64),) * 3]
    for number, column in enumerate(heads):
        slot, at = live, slots[live, column]
        while (some := at >= 0).any():  # all lists of a column at once, one node of each a time
            slot, at = slot[some], at[some]
            parts.append((at, slot, np.full(at.size, number)))
            at = nodes[at, link]
    at, slot, of = (np.concatenate(column) for column in zip(*parts, strict=True))
    return at, slot, of
