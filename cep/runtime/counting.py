"""The counting matcher at work: its tables, and room in them when the kernel asks.

Invariants: as `cep.kernels.counting` has them; tables grow with the starts that are open.
Tested by: tests/kernels/test_counting.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.blocks import BLOCK_KEYS
from cep.kernels.counting import (
    COUNTS,
    FIRST_NO,
    OVER,
    ROW,
    STEPS,
    SUMS,
    WITHIN,
    CountingState,
    match_counts,
)
from cep.kernels.keys import KEY_AT, KEY_WORDS, LIVE, USED
from cep.kernels.runs import FOREVER
from cep.kernels.starts import DEADLINE, NEXT_NO, SLOT, STARTS_TAIL
from cep.runtime.held import is_spacious
from cep.runtime.starts import SMALL, DecidingMatcher, grown, keyed_slots, room_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.compiler.counting import CountingTables
    from cep.model.batch import AnyArray, Int64Array
    from cep.runtime.chain import TextPart
    from cep.runtime.snapshot import Stored


class CountingMatcher(DecidingMatcher):
    """The state of one counting matcher for one shard."""

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
            np.zeros((SMALL, ROW + m), np.int64),
            counts,
        )
        self._found = np.zeros((tables.shape.found_width, SMALL), np.int64)  # grows with what a batch finds

    @property
    def is_spacious(self) -> bool:
        """Whether tables are to be given back."""
        head, tail = self._ends()
        return is_spacious(len(self.state.starts), tail - head)

    def _advance(self, block: Int64Array, watermark: int) -> int:
        return int(match_counts(self._tables.program, self.state, block, self._found, watermark))

    def text_codes(self, key_parts: list[int]) -> list[AnyArray]:
        """The codes of strings that are held: of the parts of the key that are strings."""
        self._sweep()
        slots = self.state.slots[: int(self.state.counts[USED])]
        return [slots[:, self._own + part] for part in key_parts]

    # ---------------------------------------------------------------------------------------------------- snapshots

    def tables(self) -> dict[str, Int64Array]:
        """The keys in order of the event since which they have open runs, and the starts that have a deadline."""
        state, counts = self.state, self.state.counts
        used = state.slots[: int(counts[USED])]
        live = self._live_slots()
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
        slots, table = keyed_slots(keys, self._words, max(64, 2 * len(keys)))
        counts[USED], counts[STARTS_TAIL], counts[NEXT_NO] = len(keys), len(starts), tables["next_no"][0]
        self.state = CountingState(slots, table, grown(starts, room_for(len(starts))), counts)
