"""``when pattern … emit``: select, then order, then match.

| in | out |
|---|---|
| events of the rule's streams, any order within the lateness bound | derived events of its matches, as the frontier
passes |

Conditions on one event alone are decided on arrival, a column at a time; only events that some step or absence may want
(all, where a link is strict) become rows. Rows wait until the frontier has passed them, are put in order, and shown
to the matcher of their key's shard.
Cost: see `cep.kernels.match`; selection O(rows) numpy operations.
Tested by: tests/runtime/test_pattern.py, tests/test_corpus.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.columns import batch_leaf
from cep.compiler.external import Failures
from cep.compiler.pattern import PatternProgram
from cep.compiler.screen import Asked
from cep.kernels.runs import BITS, SEQ, STREAM, TS, VALUES
from cep.kernels.text import hash_rows
from cep.language.typed import Attr, Key
from cep.model.batch import numbers_at, times_at
from cep.runtime.conditions import Memo, decide, keyed_rows
from cep.runtime.failing import before, earliest, failing_rows
from cep.runtime.held import Held, total
from cep.runtime.packing import packed
from cep.runtime.shard import FAILING, PatternShard
from cep.runtime.strings import shard_of_strings
from cep.runtime.tables import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cep.compiler.columns import Leaf
    from cep.compiler.pattern import Input
    from cep.language.typed import Typed
    from cep.model.batch import AnyArray, BoolArray, Column, EventBatch, Int64Array
    from cep.model.schema import Schema
    from cep.plan.plan import Operator, StreamPlace
    from cep.runtime.clock import Frontier
    from cep.runtime.executor import Program
    from cep.runtime.results import Output
    from cep.runtime.snapshot import State, Stored
    from cep.runtime.strings import Strings


class PatternOperator:
    """The running operator: one `PatternShard` a shard; without a key there is one."""

    def __init__(
        self,
        operator: Operator,
        program: PatternProgram,
        schemas: Mapping[str, Schema],
        places: Mapping[str, StreamPlace],
        shards: int,
    ) -> None:
        self.operator = operator
        self.null_keys = 0
        self.failed = ""
        self._faults, self._cut = np.zeros(3, np.int64), np.zeros(2, np.int64)
        self._program = program
        self._inputs: dict[str, tuple[int, Input]] = {i.stream: (n, i) for n, i in enumerate(program.inputs)}
        self._seen = np.zeros(len(program.inputs), np.int64)  # by stream, the number after the greatest that came
        count = shards if operator.rule.keys else 1
        self._empty = partial(PatternShard, operator, program, schemas, places)
        self._shards = [self._empty() for _ in range(count)]
        self._calls = program.calls
        self._failing: dict[tuple[int, int], str] = {}  # by stream and number: events for which a function failed

    @property
    def faults(self) -> Int64Array:
        """Divisions by zero, overflows, floats that are no number."""
        total: Int64Array = self._faults + np.sum([s.faults for s in self._shards], axis=0)
        return total

    @property
    def cut(self) -> Int64Array:
        """Of how many events some matches were left out, and how many."""
        counted: Int64Array = self._cut + np.sum([s.limit.cut for s in self._shards], axis=0)
        return counted

    @property
    def held(self) -> Held:
        """What its shards keep."""
        return total(s.held for s in self._shards)

    def receive(self, stream: str, batch: EventBatch, memo: Memo) -> None:
        """Take events of one of the rule's streams."""
        number, source = self._inputs[stream]
        self._seen[number] = batch.seq[-1] + 1
        if self.failed:
            return
        failures = Failures(batch.ts) if self._calls else None

        def leaf(node: Typed) -> Leaf:
            return batch_leaf(batch[_attribute(node, source)])

        masks = [(p, decide(c, leaf, batch, source.keys, memo, self._faults, failures)) for p, c in source.predicates]
        keyed, null_keys = keyed_rows([batch[name] for name in source.keys], len(batch))
        self.null_keys += null_keys
        if self._program.selects_all or any(m is None for _, m in masks):
            rows = np.arange(len(batch)) if keyed is None else np.flatnonzero(keyed)
        else:
            rows = np.flatnonzero(_any_of([m for _, m in masks if m is not None], keyed, len(batch)))
        if rows.size:
            self._take(number, source, batch, rows, masks, failures)
        if failures is not None and failures.rows:
            self._fail(number, source, batch, failures)

    def _take(
        self,
        number: int,
        source: Input,
        batch: EventBatch,
        rows: Int64Array,
        masks: list[tuple[int, BoolArray | None]],
        failures: Failures | None,
    ) -> None:
        """Let the selected events wait in the shards of their keys."""
        bits = np.zeros(rows.size, np.int64)
        for p, mask in masks:
            bits |= np.int64(1 << p) if mask is None else mask[rows].astype(np.int64) << p
        if len(self._shards) == 1:
            only = self._shards[0]
            only.take(self._block(number, source, batch, rows, bits, only.strings, self._faults, failures))
            return
        shard = shard_of([batch[name].take(rows) for name in source.keys], len(self._shards))
        for s, target in enumerate(self._shards):
            mine = np.flatnonzero(shard == s)
            if mine.size:
                block = self._block(
                    number, source, batch, rows[mine], bits[mine], target.strings, self._faults, failures
                )
                target.take(block)

    def _fail(self, number: int, source: Input, batch: EventBatch, failures: Failures) -> None:
        """Let events for which a function failed wait in every shard, to end the rule there."""
        rows, words = failing_rows(failures, source.stream, batch)
        self._failing.update(zip(((number, n) for n in batch.seq[rows].tolist()), words, strict=True))
        bits = np.full(rows.size, FAILING)
        for target in self._shards:
            target.take(self._block(number, source, batch, rows, bits, target.strings, np.zeros(3, np.int64), None))

    def asks(self, stream: str) -> Asked:
        """What it asks of the events of a stream."""
        source = self._inputs[stream][1]
        return Asked(source.predicates, source.keys, self._program.selects_all or self._calls)

    def note(self, stream: str, number: int) -> None:
        """Take note that events up to ``number`` have come that it was not shown, because it wants none of them."""
        place, _ = self._inputs[stream]
        self._seen[place] = max(int(self._seen[place]), number + 1)

    @property
    def wakes_at(self) -> int:
        """Where the frontier must have come for something to be decided."""
        return -(2**63) if self._calls else min(shard.wakes_at for shard in self._shards)

    def change(self, program: Program) -> None:
        """Let events that arrive from now on meet another program, which keeps its state alike."""
        assert isinstance(program, PatternProgram)
        assert program.keeps_alike(self._program)
        self._program = program
        self._inputs = {i.stream: (n, i) for n, i in enumerate(program.inputs)}
        for shard in self._shards:
            shard.change(program, self._seen.copy())

    def advance(self, frontier: Frontier) -> list[Output]:
        """Give out what the frontier decides, up to where the rule fails."""
        if self.failed:
            return []
        outputs = [output for shard in self._shards for output in shard.advance(frontier)]
        return self._until_it_fails(outputs) if self._calls else outputs

    def _until_it_fails(self, outputs: list[Output]) -> list[Output]:
        places = [place for shard in self._shards for place in shard.failing]
        stopped = next((shard.stopped for shard in self._shards if shard.stopped is not None), None)
        if places:  # a match before any failing event: there every shard has stopped
            place, self.failed = earliest(places)
            outputs = before(outputs, place)
        elif stopped is not None:
            self.failed = self._failing[stopped]
        else:
            return outputs
        self._faults, self._cut = self.faults, self.cut
        self._shards = [self._empty() for _ in self._shards]
        self._failing = {}
        return outputs

    @property
    def layout(self) -> str:
        """What the state's form hangs on, beside the rule."""
        return layout(self._program)

    def state(self) -> State:
        """Counts, and the state of each shard."""
        shards = [shard.state() for shard in self._shards]
        state: State = {"null_keys": self.null_keys, "faults": self._faults, "seen": self._seen, "shards": shards}
        if not self._calls:
            return state
        places = sorted(self._failing)
        failing: State = {
            "streams": np.array([stream for stream, _ in places], np.int64),
            "numbers": np.array([number for _, number in places], np.int64),
            "words": [self._failing[place] for place in places],
        }
        return {**state, "cut": self._cut, "failed": self.failed, "failing": failing}

    def restore(self, stored: Stored, program_of: Callable[[Mapping[str, str]], Program]) -> None:
        """Take over what an operator of the same rule, in as many shards, remembered."""
        self.null_keys = stored.whole("null_keys", 0)
        self._faults[:] = stored.numbers("faults", 3, 0)
        self._seen[:] = stored.numbers("seen", self._seen.size, 0)

        def pattern_of(values: Mapping[str, str]) -> PatternProgram | None:
            program = program_of(values)
            return program if isinstance(program, PatternProgram) else None

        shards = stored.many("shards")
        stored.require(len(shards) == len(self._shards), f"it has {len(shards)} shards, not {len(self._shards)}")
        for shard, each in zip(self._shards, shards, strict=True):
            shard.restore(each, pattern_of)
        if self._calls:
            self._cut[:] = stored.numbers("cut", 2, 0)
            self.failed = stored.text("failed")
            failing = stored.inner("failing")
            words = failing.texts("words")
            streams = failing.numbers("streams", len(words), 0, len(self._inputs) - 1)
            numbers = failing.numbers("numbers", len(words), 0)
            self._failing = dict(zip(zip(streams.tolist(), numbers.tolist(), strict=True), words, strict=True))

    def _block(
        self,
        number: int,
        source: Input,
        batch: EventBatch,
        rows: Int64Array,
        bits: Int64Array,
        strings: Strings,
        faults: Int64Array,
        failures: Failures | None,
    ) -> Int64Array:
        """The selected events as rows of the retained table (see `cep.kernels.runs`)."""
        layout = self._program.layout
        block = np.zeros((rows.size, layout.row_width), np.int64)
        block[:, TS] = times_at(batch, rows)
        block[:, STREAM] = number
        block[:, SEQ] = numbers_at(batch, rows)
        block[:, BITS] = bits
        for i, name in enumerate(source.keys):
            block[:, layout.key_at + i] = words_of(word_column(batch[name].take(rows)), strings)
        # a slot of an attribute that this stream lacks is null; no step of this stream reads it
        for word in range(layout.null_words):
            block[:, VALUES + word] = -1 if len(source.present) < len(layout.slots) else 0

        def leaf(node: Typed) -> Leaf:
            return batch_leaf(batch[_attribute(node, source)].take(rows))

        failed = None if failures is None else Failures(batch.ts[rows])
        columns = source.values.columns(leaf, rows.size, faults, failed)
        if failures is not None and failed is not None:
            for row, words in failed.rows.items():
                failures.add(int(rows[row]), words)
        for slot, column in zip(source.present, columns, strict=True):
            word, bit = layout.null_place(slot)
            block[:, word] &= ~(np.int64(1) << np.int64(bit))
            if column.valid is not None:
                block[:, word] |= (~column.valid).astype(np.int64) << np.int64(bit)
            block[:, layout.column(slot)] = words_of(column, strings)
        return block


def _any_of(masks: list[BoolArray], keyed: BoolArray | None, rows: int) -> BoolArray:
    """Where some mask holds, and the key is there; the masks are left as they are."""
    if not masks:
        return np.zeros(rows, np.bool_)
    union = masks[0]
    for mask in masks[1:]:
        union = union | mask
    return union if keyed is None else union & keyed


def _attribute(node: Typed, source: Input) -> str:
    if isinstance(node, Key):
        return source.keys[node.index]
    assert isinstance(node, Attr)
    return node.name


def words_of(column: Column, strings: Strings) -> AnyArray:
    """A column as int64 words: floats by their bits, strings and lists by their codes in the operator's store."""
    if column.text is not None:
        return strings.intern(column.text, column.values) if len(column.text) else np.zeros(len(column), np.int64)
    if column.lists is not None:
        # few rows are selected of a batch: only their lists are packed
        return strings.intern(packed(column.lists.take(column.values)), np.arange(len(column)))
    if column.type.kind == "float":
        return column.values.view(np.int64)
    if column.type.kind == "bool" and column.valid is not None:
        return column.values & column.valid
    return column.values


def word_column(column: Column) -> Column:
    """The column with -0.0 as 0.0: they are equal, so their words must be."""
    return replace(column, values=column.values + 0.0) if column.type.kind == "float" else column


def shard_of(keys: list[Column], shards: int) -> Int64Array:
    """The shard of each row by its key."""
    words = np.zeros((len(keys[0]), len(keys)), np.int64)
    for i, column in enumerate(keys):
        if column.text is not None:
            words[:, i] = shard_of_strings(column.text, column.values)
        elif column.type.kind == "float":
            words[:, i] = word_column(column).values.view(np.int64)
        else:
            words[:, i] = column.values
    hashes = np.zeros(len(words), np.int64)
    hash_rows(words, hashes)
    shard: Int64Array = (hashes >> 17) % shards
    return shard
