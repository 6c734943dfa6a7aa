"""``when pattern … emit`` by a direct matcher: one that keeps the values it needs, and no rows.

| in | out |
|---|---|
| events of the rule's streams, any order within the lateness bound | derived events of its matches, as the frontier
passes |

It does what `cep.runtime.operators.pattern` does - select, order, match - with blocks of columns in place of rows of a
table; which rules come here is decided by `cep.compiler.choice`.
Cost: O(rows) numpy operations to select; see the matchers, `cep.kernels.chain` and `cep.compiler.onepass`.
Tested by: tests/runtime/test_direct.py, tests/test_corpus.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.chain import ChainTables
from cep.compiler.columns import as_column, batch_leaf
from cep.compiler.onepass import OnePassTables
from cep.compiler.screen import Asked
from cep.kernels.blocks import BITS, BLOCK_KEYS, DECIDED_AT, FOUND_NULLS, IDENTITY, NULLS, START_NO, TS
from cep.kernels.runs import BY_ABSENCE
from cep.language.fingerprint import fingerprint
from cep.language.typed import Attr, Key
from cep.model.batch import Column, derived, numbers_at, times_stored, write_places
from cep.model.later import LaterColumns
from cep.runtime.chain import ChainMatcher
from cep.runtime.conditions import Memo, decide, keyed_rows
from cep.runtime.counting import CountingMatcher
from cep.runtime.folding import FoldingMatcher
from cep.runtime.gathering import gathering_of, wanted_by
from cep.runtime.graph import GraphMatcher
from cep.runtime.held import Held, total
from cep.runtime.identity import provenance_later
from cep.runtime.matchers import start_matcher
from cep.runtime.onepass import OnePassMatcher
from cep.runtime.operators.pattern import shard_of, word_column, words_of
from cep.runtime.results import Order, Output, order_values, sort_order
from cep.runtime.rows import RowEmit
from cep.runtime.selection import WHOLE, Chosen, Selection, gather
from cep.runtime.stored import check_codes, read_text, renumbered, text_state
from cep.runtime.strings import Strings
from cep.runtime.takers import BatchTaker, RowTaker
from cep.runtime.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cep.compiler.choice import DirectTables
    from cep.compiler.columns import Leaf
    from cep.compiler.direct import DirectInput
    from cep.language.typed import CheckedRule, Typed
    from cep.model.batch import AnyArray, BoolArray, EventBatch, Int32Array, Int64Array
    from cep.model.schema import Schema
    from cep.model.types import Type
    from cep.plan.plan import Operator, StreamPlace
    from cep.runtime.chain import TextPart
    from cep.runtime.clock import Frontier
    from cep.runtime.executor import Program
    from cep.runtime.gathering import Lay
    from cep.runtime.onepass import Rows
    from cep.runtime.snapshot import State, Stored

RowMatcher = ChainMatcher | OnePassMatcher
"""Matchers that take a block of one row in a way of its own."""

STATE_VERSION = 4
_FEW = 8192  # parts of so many matches become one batch with what comes behind them


class DirectShard:
    """Rows that wait, the matcher and the strings of one shard."""

    def __init__(
        self, operator: Operator, tables: DirectTables, schemas: Mapping[str, Schema], places: Mapping[str, StreamPlace]
    ) -> None:
        shape = tables.shape
        self.strings = Strings(shape.texts)
        self.faults = np.zeros(3, np.int64)
        self._operator, self._shape, self._schemas = operator, shape, schemas
        self.shape = shape
        self._streams = tuple(i.stream for i in shape.inputs)
        self._kinds = np.array([places[s].kind for s in self._streams], np.int64)
        self._ranks = np.array([places[s].rank for s in self._streams], np.int64)
        self.waiting = Waiting(self._kinds, self._ranks)
        self._tables = tables
        self.matcher = start_matcher(tables, self._streams)
        self._nothing = np.zeros((shape.block_width, 0), np.int64)
        self._watermark = -(2**63)
        self._plain = [all(node in shape.places for _, node in emit.fields) for emit in operator.rule.emits]
        kinds = {node.type.kind for emit in operator.rule.emits for _, node in emit.fields}
        self._later = all(self._plain) and "string" not in {*kinds, *(key.type.kind for key in operator.rule.keys)}
        names = [schemas[emit.type].names for emit in shape.emits]
        self._names = [own if own == emit.names else emit.names for own, emit in zip(names, shape.emits, strict=True)]
        self.form = self._form(tables)
        # of others each part of what is found is told with what the matcher knows then
        self._joins = isinstance(self.matcher, ChainMatcher | CountingMatcher | OnePassMatcher)
        self._by_deadline = isinstance(tables, ChainTables) and tables.is_silent
        self._text_keys = [i for i, k in enumerate(operator.rule.keys) if k.type.kind == "string"]

    def _form(self, tables: DirectTables) -> object:
        """What must be equal for matches of two shards to be one table but for their rules; None where nothing is.

        Strings are codes in a store of the shard's own, and other matchers than the chain keep lineage of their own.
        """
        shape, rule = self._shape, self._operator.rule
        kinds = [*(k.type for k in rule.keys), *(kind for _, kind in shape.values)]
        if not isinstance(tables, ChainTables) or tables.is_silent or self._plain != [True]:
            return None
        if any(k.kind == "string" for k in kinds):
            return None
        (emit,) = rule.emits
        places = [(name, node.type, shape.places[node]) for name, node in emit.fields]
        form = (emit.type, places, [k.type for k in rule.keys], shape.keys, shape.decider, shape.found_width)
        return repr((*form, tables.identities, self._streams, self._operator.level))

    def advance(self, frontier: Frontier) -> list[Output]:
        """Show the matcher what the frontier has passed; return the derived events of its matches."""
        block = self.waiting.ready(frontier)
        if block is None and frontier.time <= self._watermark:
            return []
        self._watermark = max(self._watermark, frontier.time)
        if block is None:
            block = self._nothing
        elif self.strings.wants_collection:
            self.collect(block)
        return self.match(block, self._watermark)

    def match(self, block: Int64Array, watermark: int) -> list[Output]:
        """Show the matcher a block, then the watermark; return the derived events of its matches."""
        return self._matched(self.matcher.match(block, watermark), watermark)

    def match_rows(self, rows: Rows, watermark: int) -> list[Output]:
        """The same for rows of which some columns stand where they lie."""
        assert isinstance(self.matcher, OnePassMatcher), "others take whole blocks"
        return self._matched(self.matcher.match(rows, watermark), watermark)

    def _matched(self, matches: Iterator[Int64Array], watermark: int) -> list[Output]:
        self._watermark = watermark
        out: list[Output] = []
        some: list[Int64Array] = []
        for found in matches:
            some.append(found if self.matcher.gives_away else found.copy())
            if not self._joins or found.shape[1] > _FEW:
                out += self._harvest_all(some)
                some = []
        out += self._harvest_all(some)
        if self.matcher.is_spacious:
            self._give_back()
        return out

    def _give_back(self) -> None:
        """Let what is remembered move to tables of the size that it needs."""
        fresh = start_matcher(self._tables, self._streams)
        fresh.restore(self.matcher.tables())
        vars(self.matcher).update(vars(fresh))  # others know the matcher, and nobody its tables
        assert not list(self.matcher.match(self._nothing, self._watermark)), "all that was due has been decided"
        self.collect(self._nothing)

    def collect(self, incoming: Int64Array) -> None:
        """Free the strings that neither ``incoming`` rows nor anything that is held needs."""
        parts = [p for b in (incoming, *self.waiting.blocks) for p in self._text_parts(b.T)]
        self.strings.collect([*(t[rows, c] for t, rows, c in parts), *self.matcher.text_codes(self._text_keys)])

    # ---------------------------------------------------------------------------------------------------- snapshots

    @property
    def held(self) -> Held:
        """What it keeps, counted."""
        runs, keys, rows, size = self.matcher.held
        waiting = self.waiting.blocks
        arrays: list[AnyArray] = [*self.strings.store, *waiting]
        size += sum(a.nbytes for a in arrays)
        return Held(runs, keys, rows, sum(b.shape[1] for b in waiting), size)

    def state(self) -> State:
        """All that the shard remembers, in one form however it came about."""
        tables = self.matcher.tables()
        waiting = np.concatenate([self._nothing, *self.waiting.blocks], axis=1).T
        waiting = waiting[np.argsort(waiting[:, IDENTITY])]
        waiting[:, NULLS] = waiting[:, NULLS] if self._shape.has_nulls else 0
        for value in range(len(self._shape.values)):  # what stands under a null is nobody's business
            waiting[(waiting[:, NULLS] >> value) & 1 != 0, BLOCK_KEYS + len(self._shape.keys) + value] = 0
        parts = self._text_parts(waiting) + self.matcher.text_parts(tables, self._text_keys)
        used, codes = renumbered([table[rows, column] for table, rows, column in parts])
        for (table, rows, column), new in zip(parts, codes, strict=True):
            table[rows, column] = new
        strings = text_state(self.strings.dictionary(used))
        watermark, faults = self._watermark, self.faults
        return {"watermark": watermark, "faults": faults, "strings": strings, "waiting": waiting, **tables}

    def restore(self, stored: Stored) -> None:
        """Take over what a shard of the same rule remembered."""
        self._watermark = stored.whole("watermark", -(2**63), 2**63 - 1)
        self.faults[:] = stored.numbers("faults", 3, 0)
        text = read_text(stored.inner("strings"))
        codes = self.strings.intern(text, np.arange(len(text)))
        waiting = stored.array("waiting", np.int64, None, self._shape.block_width)
        stored.within(waiting[:, IDENTITY], 0, 2**63 - 1, "a row that waits")
        tables = self.matcher.read(stored)
        for table, rows, column in self._text_parts(waiting) + self.matcher.text_parts(tables, self._text_keys):
            check_codes(stored, text, table[rows, column], "string")
            table[rows, column] = codes[table[rows, column]]
        self.matcher.restore(tables)
        if len(waiting):
            self.waiting.take(np.ascontiguousarray(waiting.T))

    def _text_parts(self, rows: Int64Array) -> list[TextPart]:
        """Where codes of strings stand in rows that wait."""
        every, stream = np.arange(len(rows)), rows[:, IDENTITY] % len(self._streams)
        out = [(rows, every, BLOCK_KEYS + part) for part in self._text_keys]
        for value in self._shape.text_values:
            has = [n for n, source in enumerate(self._shape.inputs) if value in source.present]
            there = np.isin(stream, has) & ((rows[:, NULLS] >> value) & 1 == 0 if self._shape.has_nulls else True)
            column = BLOCK_KEYS + len(self._shape.keys) + value
            out.append((rows, np.flatnonzero(there), column))
        return out

    # ------------------------------------------------------------------------------------------------------- matches

    @property
    def rule(self) -> CheckedRule:
        """The rule whose matches it finds."""
        return self._operator.rule

    def harvest(self, found: Int64Array) -> list[Output]:
        """The derived events of matches."""
        return self.harvest_one(found if self.matcher.gives_away else found.copy())  # what is given out is its own

    def _harvest_all(self, some: Sequence[Int64Array]) -> list[Output]:
        """The derived events of matches found one part after the other."""
        if not some:
            return []
        return self.harvest_one(some[0] if len(some) == 1 else np.concatenate(some, axis=1))

    def harvest_one(self, found: Int64Array) -> list[Output]:
        """The same for matches that nobody else writes into."""
        if isinstance(self.matcher, FoldingMatcher):
            self.faults += self.matcher.take_faults()
        order = self._order(found)
        if self._by_deadline:  # at one time keys decide the order
            rows = sort_order(order)
            if rows is not None:
                found, order = found.take(rows, axis=1), order.take(rows)
        return self._made(found, order, (self.rule,), None)

    def harvest_many(self, found: Int64Array, rules: Sequence[CheckedRule], which: Int32Array) -> list[Output]:
        """The derived events of matches of several shards of its form, the ``which``-th of these rules each."""
        order = replace(self._order(found), rule=np.array([rule.index for rule in rules])[which])
        rows = sort_order(order)
        if rows is not None:
            found, order, which = found.take(rows, axis=1), order.take(rows), which[rows]
        return self._made(found, order, rules, which)

    def _made(
        self, found: Int64Array, order: Order, rules: Sequence[CheckedRule], which: Int32Array | None
    ) -> list[Output]:
        n, out = found.shape[1], []
        lineage, names = self.matcher.lineage(found), [rule.name for rule in rules]
        for place, emit in enumerate(self._shape.emits):
            columns: Mapping[str, Column]
            list_keys = partial(self._keys_of, found)
            if self._later:
                columns = LaterColumns(self._names[place], partial(self._columns_of, found, place, n))
            else:  # what is computed counts faults, and strings may leave their store
                columns, keys = self._columns_of(found, place, n), self._keys_of(found)
                list_keys = partial(tuple, keys)
            origin = provenance_later(names, which, place, list_keys, self._streams, n, lineage)
            batch = derived(self._schemas[emit.type], order, n, columns, origin)
            out.append(Output(batch, order.emitted_by(place)))
        return out

    def _columns_of(self, found: Int64Array, place: int, n: int) -> dict[str, Column]:
        """The fields of the derived events of an ``emit``."""
        emit, shape = self._shape.emits[place], self._shape

        def leaf(node: Typed) -> Leaf:
            at = shape.places[node]
            null: BoolArray | bool = False
            if at.null is not None:
                null = ((found[FOUND_NULLS] >> at.null) & 1) != 0
            return self._leaf(node.type, found[at.column], null)

        if self._plain[place]:  # nothing is computed
            fields = self._operator.rule.emits[place].fields
            return {name: as_column(node.type, *leaf(node), n) for name, node in fields}
        return dict(zip(emit.names, emit.values.columns(leaf, n, self.faults), strict=True))

    def _keys_of(self, found: Int64Array) -> tuple[Column, ...]:
        """The parts of the key of each match."""
        parts = zip(self._operator.rule.keys, self._shape.keys, strict=True)
        return tuple(self._key_column(key.type, found[column]) for key, column in parts)

    def _order(self, found: Int64Array) -> Order:
        if self._by_deadline:
            return self._deadlines(found)
        if isinstance(self.matcher, GraphMatcher):  # one place for all that an event decides
            ts, identity, matches = self.matcher.deciders(found)
            if not self._shape.many_at_once:
                return Order.repeated(self._places(ts, identity, 0), matches, found.shape[1])
            ts, identity = np.repeat(ts, matches), np.repeat(identity, matches)
        else:
            ts, identity = found[DECIDED_AT], found[self._shape.decider]
        return self._places(ts, identity, found[START_NO] if self._shape.many_at_once else 0)

    def _deadlines(self, found: Int64Array) -> Order:
        """The places of what deadlines decide: by key where events have their own place."""
        rule = self._operator.rule
        keys = []
        for key, column in zip(rule.keys, self._shape.keys, strict=True):
            words, kind = found[column], key.type.kind
            texts = order_values(self._key_column(key.type, words)) if kind == "string" else words
            keys.append(words.view(np.float64) if kind == "float" else texts)
        return Order.quick(
            ts=found[DECIDED_AT],
            level=self._operator.level,
            phase=BY_ABSENCE,
            kind=0,
            ties=(),
            rank=0,
            seq=np.zeros(found.shape[1], np.int64),
            rule=rule.index,
            keys=tuple(keys),
            first=found[START_NO],
            emit=0,
        )

    def _places(self, ts: Int64Array, identity: Int64Array, first: int | Int64Array) -> Order:
        streams = len(self._streams)
        stream = identity % streams if streams > 1 else None
        return Order.quick(
            ts=ts,
            level=self._operator.level,
            phase=0,
            kind=int(self._kinds[0]) if stream is None else self._kinds[stream],
            ties=(),
            rank=int(self._ranks[0]) if stream is None else self._ranks[stream],
            seq=identity if stream is None else identity // streams,
            rule=self._operator.rule.index,
            keys=(),
            first=first,
            emit=0,
            sorted=not self._shape.many_at_once,  # rows were shown in order
        )

    def row_emit(self) -> RowEmit | None:
        """What makes the events that one event matches, where there is one ``emit`` that computes nothing.

        And that leaves out no field of its type: else they are made as those of a batch are, which fills them in.
        """
        rule = self._operator.rule
        schema = self._schemas[rule.emits[0].type]
        if self._by_deadline or self._plain != [True] or self._shape.emits[0].names != schema.names:
            return None
        return RowEmit(self.shape, rule, schema, self._streams, self.strings)

    def _leaf(self, kind: Type, words: Int64Array, null: BoolArray | bool) -> Leaf:
        if kind.kind == "string":
            return self.strings.text(words if null is False else np.where(null, 0, words)), null
        if kind.kind == "float":
            return words.view(np.float64), null
        if kind.kind == "bool":
            return (words != 0) if null is False else (words != 0) & ~null, null
        return words, null

    def _key_column(self, kind: Type, words: Int64Array) -> Column:
        value, _ = self._leaf(kind, words, False)
        return Column(kind, value.codes, None, value.text) if kind.kind == "string" else Column(kind, value)


class DirectOperator:
    """The running operator: one `DirectShard` a shard; without a key there is one."""

    def __init__(
        self,
        operator: Operator,
        tables: DirectTables,
        schemas: Mapping[str, Schema],
        places: Mapping[str, StreamPlace],
        shards: int,
    ) -> None:
        self.operator = operator
        self.null_keys = 0
        self.failed = ""  # it calls no function that could
        self._faults = np.zeros(3, np.int64)
        self._tables, self._shape = tables, tables.shape
        self._inputs: dict[str, tuple[int, DirectInput]] = {i.stream: (n, i) for n, i in enumerate(self._shape.inputs)}
        self._selections = {
            i.stream: Selection(i.predicates, i.keys) for i in self._shape.inputs if not self._shape.selects_all
        }
        count = shards if operator.rule.keys else 1
        self._shards = [DirectShard(operator, tables, schemas, places) for _ in range(count)]

    @property
    def faults(self) -> Int64Array:
        """Divisions by zero, overflows, floats that are no number."""
        counted: Int64Array = self._faults + np.sum([s.faults for s in self._shards], axis=0)
        return counted

    @property
    def cut(self) -> Int64Array:
        """Of how many events some matches were left out, and how many."""
        matchers = [s.matcher for s in self._shards]
        counted: Int64Array = np.sum([(0, 0), *(m.cut for m in matchers if isinstance(m, GraphMatcher))], axis=0)
        return counted

    @property
    def held(self) -> Held:
        """What its shards keep."""
        return total(s.held for s in self._shards)

    def asks(self, stream: str) -> Asked:
        """What it asks of the events of a stream."""
        source = self._inputs[stream][1]
        return Asked(source.predicates, source.keys, self._shape.selects_all)

    def row_taker(self, stream: str, places: Mapping[str, tuple[int, Type]], time: str) -> RowTaker | None:
        """What takes single events of a stream, if they need not wait; None when it has no such way."""
        matcher = self._shards[0].matcher
        if len(self._shards) > 1 or self.operator.level or not isinstance(matcher, RowMatcher):
            return None
        number, source = self._inputs[stream]
        return RowTaker(self._shards[0], matcher, number, source, places, time)

    def batch_taker(self, stream: str, lay: Lay) -> BatchTaker | None:
        """What takes batches of a stream, if they need not wait; None when it has no such way."""
        if len(self._shards) > 1 or self.operator.level or len(self._inputs) > 1:
            return None
        source = self._inputs[stream][1]
        selection, wanted = self._selections.get(stream), wanted_by(source, self._shape)
        if selection is None and wanted is not None:
            selection = Selection(source.predicates, source.keys)
        gathering = None if wanted is None or selection is None else gathering_of(lay, selection, wanted)
        return None if gathering is None else BatchTaker(self._shards[0], lay, gathering)

    def note(self, stream: str, number: int) -> None:
        """It keeps no account of what it does not want."""

    @property
    def wakes_at(self) -> int:
        """Where the frontier must have come for something to be decided."""
        return min(min(shard.waiting.least, shard.matcher.wakes_at) for shard in self._shards)

    def change(self, program: Program) -> None:
        """Nothing changes: no rule that reads a param comes here."""

    @property
    def layout(self) -> str:
        """A fingerprint of the form of its state."""
        own = self._tables.text if isinstance(self._tables, OnePassTables) else ""
        return fingerprint(STATE_VERSION, type(self._tables).__name__, self._shape.described, own)

    def state(self) -> State:
        """Counts, and the state of each shard."""
        shards = [shard.state() for shard in self._shards]
        return {"null_keys": self.null_keys, "faults": self._faults, "shards": shards}

    def restore(self, stored: Stored, program_of: Callable[[Mapping[str, str]], Program]) -> None:
        """Take over what an operator of the same rule, in as many shards, remembered."""
        self.null_keys = stored.whole("null_keys", 0)
        self._faults[:] = stored.numbers("faults", 3, 0)
        shards = stored.many("shards")
        stored.require(len(shards) == len(self._shards), f"it has {len(shards)} shards, not {len(self._shards)}")
        for shard, each in zip(self._shards, shards, strict=True):
            shard.restore(each)

    def receive(self, stream: str, batch: EventBatch, memo: Memo) -> None:
        """Take events of one of the rule's streams."""
        number, source = self._inputs[stream]

        def leaf(node: Typed) -> Leaf:
            if isinstance(node, Key):
                return batch_leaf(batch[source.keys[node.index]])
            assert isinstance(node, Attr)
            return batch_leaf(batch[node.name])

        size = len(batch)
        keyed, null_keys = keyed_rows([batch[name] for name in source.keys], size)
        self.null_keys += null_keys
        if not self._shape.selects_all:
            chosen = self._selections[stream].choose(batch, keyed, leaf, memo, self._faults)
            if chosen is not None:
                self._show(number, source, batch, chosen.rows, chosen)
            return
        masks = [(p, decide(c, leaf, batch, source.keys, memo, self._faults)) for p, c in source.predicates]
        bits = _packed(masks)
        rows = None if keyed is None else np.flatnonzero(keyed)
        if rows is not None and rows.size == 0:
            return
        if rows is not None and rows.size == size:
            rows = None
        self._show(number, source, batch, rows, bits)

    def _show(
        self,
        number: int,
        source: DirectInput,
        batch: EventBatch,
        rows: Int64Array | None,
        bits: Int64Array | int | Chosen,
    ) -> None:
        """Let the events at ``rows`` (None: all) wait in their shards."""
        shards = self._shards
        if len(shards) == 1:
            shards[0].waiting.take(self._block(number, source, batch, rows, bits, shards[0].strings))
            return
        rows = np.arange(len(batch)) if rows is None else rows
        shard = shard_of([batch[name].take(rows) for name in source.keys], len(shards))
        for s, target in enumerate(shards):
            mine = rows[shard == s]
            if mine.size:
                target.waiting.take(self._block(number, source, batch, mine, bits, target.strings))

    def advance(self, frontier: Frontier) -> list[Output]:
        """Give out what the frontier decides."""
        return [output for shard in self._shards for output in shard.advance(frontier)]

    def _block(
        self,
        number: int,
        source: DirectInput,
        batch: EventBatch,
        rows: Int64Array | None,
        bits: Int64Array | int | Chosen,
        strings: Strings,
    ) -> Int64Array:
        """The events at ``rows`` (None: all) as a block."""
        shape, streams = self._shape, len(self._shape.inputs)
        keys = len(shape.keys)
        block = np.empty((shape.block_width, len(batch) if rows is None else rows.size), np.int64)
        if rows is None:
            write_places(batch, block[TS], block[IDENTITY])
        else:
            gather(*times_stored(batch), rows, block[TS])
            block[IDENTITY] = numbers_at(batch, rows)
        if streams > 1:
            block[IDENTITY] *= streams
            block[IDENTITY] += number
        if isinstance(bits, Chosen):
            bits.write_bits(rows, block[BITS])
        else:
            block[BITS] = bits if isinstance(bits, int) or rows is None else bits[rows]
        if shape.has_nulls:
            block[NULLS] = 0
        for i, name in enumerate(source.keys):
            column = batch[name]
            if rows is not None and column.type.kind in WHOLE:
                gather(*column.stored, rows, block[BLOCK_KEYS + i])
            else:
                block[BLOCK_KEYS + i] = words_of(word_column(column if rows is None else column.take(rows)), strings)
        if len(source.present) < len(shape.values):
            block[BLOCK_KEYS + keys :] = 0  # what this stream lacks is read by no step of it
        for value in source.present:
            column = batch[shape.values[value][0]]
            if rows is not None and column.type.kind in (*WHOLE, "float"):
                gather(*column.stored, rows, block[BLOCK_KEYS + keys + value])
                valid = None if column.valid is None else column.valid[rows]
            else:
                column = column if rows is None else column.take(rows)
                block[BLOCK_KEYS + keys + value] = words_of(column, strings)
                valid = column.valid
            if valid is not None:
                block[NULLS] |= (~valid).astype(np.int64) << value
        return block


def _packed(masks: list[tuple[int, BoolArray | None]]) -> Int64Array | int:
    """The bits of each row, or those of all alike."""
    same = 0
    bits: AnyArray | None = None
    wide = any(p > 7 for p, _ in masks)
    for p, mask in masks:
        if mask is None:
            same |= 1 << p
            continue
        part = mask.astype(np.int64) << p if wide else mask.view(np.uint8) << np.uint8(p) if p else mask.view(np.uint8)
        bits = part if bits is None else bits | part
    if bits is None:
        return same
    return bits | bits.dtype.type(same) if same else bits
