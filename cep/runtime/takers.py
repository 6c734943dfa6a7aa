"""How operators take what need not wait: single events, and batches that stand in order, past what waits.

Invariant: what is taken so is shown to the matcher just as a step would show it.
Tested by: tests/runtime/test_single.py, tests/runtime/test_gathering.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cep.kernels.blocks import BLOCK_KEYS
from cep.model.batch import where_it_lies
from cep.runtime.chain import ChainMatcher
from cep.runtime.onepass import OnePassMatcher, Rows
from cep.runtime.operators.pattern import word_column, words_of
from cep.runtime.rows import compile_row_writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cep.compiler.direct import DirectInput
    from cep.model.batch import EventBatch, Int64Array
    from cep.model.types import Type
    from cep.runtime.bundle import Bundle
    from cep.runtime.gathering import Gathering, Lay
    from cep.runtime.operators.direct import DirectShard, RowMatcher
    from cep.runtime.operators.filter import FilterOperator
    from cep.runtime.results import Output


class RowTaker:
    """Takes single events for a shard in which nothing waits."""

    __slots__ = ("_block", "_emit", "_matcher", "_put", "_shard", "_strings", "type", "waiting")

    def __init__(
        self,
        shard: DirectShard,
        matcher: RowMatcher,
        number: int,
        source: DirectInput,
        places: Mapping[str, tuple[int, Type]],
        time: str,
    ) -> None:
        self._matcher = matcher
        self._shard, self._strings, self.waiting = shard, shard.strings, shard.waiting
        self._block, self._put = compile_row_writer(shard.shape, number, source, places, time, shard.strings.code_of)
        self._emit = shard.row_emit()
        self.type = shard.shape.emits[0].type

    def take(self, values: Sequence[Any], number: int, bits: int) -> Int64Array | list[Output] | None:
        """Show an event, with its number and the bits of the steps that it fits; None: it decides nothing.

        What a rule with one plain `emit` has matched is for `emit` or for `outputs`.
        """
        if self._strings.crowded:
            self._shard.collect(self._block[:, :0])
        self._put(values, number, bits)
        found = self._matcher.match_one(self._block)
        if found is None:
            return None
        if not isinstance(found, np.ndarray):
            return [output for some in found for output in self._shard.harvest(some)]
        return found if self._emit is not None else self._shard.harvest(found)

    @property
    def wakes_at(self) -> int:
        """Where time must have come for something to be decided without an event."""
        return self._matcher.wakes_at

    def outputs(self, found: Int64Array) -> list[Output]:
        """The derived events of matches, with their places in the order."""
        return self._shard.harvest(found)

    def emit(self, found: Int64Array, number: int) -> EventBatch:
        """The derived events of matches, in order, numbered from ``number`` on."""
        assert self._emit is not None
        return self._emit.batch(found, number, self._shard.matcher.lineage(found))


class BatchTaker:
    """Shows batches that need not wait to a shard in which nothing waits."""

    __slots__ = ("_gathering", "_keys", "_lay", "_matcher", "_places", "_shard", "_strings", "_waiting", "outputs")

    def __init__(self, shard: DirectShard, lay: Lay, gathering: Gathering) -> None:
        self._shard, self._lay, self._gathering = shard, lay, gathering
        self._strings, self._waiting = shard.strings, shard.waiting
        self._keys = BLOCK_KEYS + len(shard.shape.keys)
        has_form = shard.form is not None
        self._matcher = shard.matcher if has_form and isinstance(shard.matcher, ChainMatcher) else None
        rows_lie = gathering.every and isinstance(shard.matcher, OnePassMatcher)
        self._places = gathering.tell_places() if rows_lie else None
        self.outputs: list[Output] = []  # what its shard has made of it, if it has no form

    @property
    def wakes_at(self) -> int:
        """Where the watermark must have come for something to be decided or freed."""
        return self._shard.matcher.wakes_at

    def take(self, batch: EventBatch, watermark: int, bundle: Bundle) -> int | None:
        """How many events the batch at hand decides, which go to ``bundle`` or to ``outputs``.

        None (and nothing is noted) when it is to go the way of batches that wait.
        """
        if self._waiting.blocks:
            return None
        gathering = self._gathering
        count = gathering.gather(batch)
        if not count:
            return count
        lay = self._lay
        if self._matcher is not None and not gathering.others:
            return self._bundled(self._matcher.match_flat(lay.flat, gathering.width, count), bundle)
        block = lay.block(gathering.width, count)
        if gathering.others:
            for name, target in gathering.others:
                column = lay.column(name, count, every=gathering.every)
                block[target] = words_of(word_column(column) if target < self._keys else column, self._strings)
            if self._strings.wants_collection:
                self._shard.collect(block)
        if self._matcher is None:
            if self._places is None:
                self.outputs = self._shard.match(block, watermark)
            else:
                self.outputs = self._shard.match_rows(self._rows(block, self._places), watermark)
            return sum(len(o.order) for o in self.outputs)
        return self._bundled(self._matcher.match_one(block), bundle)

    def _bundled(self, matched: Int64Array | Iterator[Int64Array] | None, bundle: Bundle) -> int:
        if matched is None:
            return 0
        if isinstance(matched, np.ndarray):
            bundle.add(self._shard, matched)
            return int(matched.shape[1])
        decided = 0
        for found in map(np.copy, matched):
            bundle.add(self._shard, found)
            decided += found.shape[1]
        return decided

    def _rows(self, block: Int64Array, places: Int64Array) -> Rows:
        lay = self._lay
        return Rows(block, places, block.shape[1], lay.first, lay.factor, not self._gathering.has_tests)


class FilterTaker:
    """Takes batches that need not wait for a filter whose events are made of attributes as they are."""

    __slots__ = ("_filter", "_gathering", "_lay", "_many", "outputs")

    wakes_at = 2**63  # nothing waits

    def __init__(self, operator: FilterOperator, lay: Lay, gathering: Gathering, many: int) -> None:
        """``many``: rows from which on a batch comes here whatever it is, see `cep.runtime.operators.filter`."""
        self._filter, self._lay, self._gathering, self._many = operator, lay, gathering, many
        self.outputs: list[Output] = []

    def take(self, batch: EventBatch, watermark: int, bundle: Bundle) -> int | None:
        """As `BatchTaker.take`; what it makes goes to ``outputs``."""
        if self._filter.waits or (where_it_lies(batch) is None and len(batch) < self._many):
            return None
        count = self._gathering.gather(batch)
        if not count:
            self.outputs = []
            return count
        block = self._lay.block(self._gathering.width, count).copy()
        self.outputs = self._filter.outputs_of(block, self._lay.texts)
        return count * len(self.outputs)
