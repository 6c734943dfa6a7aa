"""``from T where … emit``: each event that satisfies the condition gives one derived event, at its own time.

| in | out |
|---|---|
| events of T, any order within the lateness bound | derived events, in the total order, as the frontier passes |

Selection and projection happen on arrival, a column at a time; what waits for the frontier is small already.
Cost: O(rows) numpy operations.
Tested by: tests/runtime/test_filter.py, tests/test_corpus.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.columns import ColumnFunction, as_column, batch_leaf, compile_columns, compile_conditions
from cep.compiler.external import Failures
from cep.compiler.screen import Asked
from cep.kernels.blocks import BLOCK_KEYS, IDENTITY, TS
from cep.language.fingerprint import fingerprint
from cep.language.typed import Attr, CheckedFilter, Key
from cep.model.batch import Column, EventBatch, derived, ends_in_order, string_column
from cep.model.later import LaterColumns
from cep.model.types import STRING
from cep.runtime.conditions import Memo, both, decide, keyed_rows
from cep.runtime.failing import WORDS, before, earliest, failing_rows
from cep.runtime.gathering import Wanted, gathering_of
from cep.runtime.held import Held
from cep.runtime.identity import provenance_later
from cep.runtime.outputs import OUTPUTS_VERSION, outputs_state, read_outputs
from cep.runtime.results import Order, Output, order_values
from cep.runtime.selection import WHOLE, Selection
from cep.runtime.takers import FilterTaker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cep.compiler.columns import Leaf
    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedKey, CheckedRule, Typed
    from cep.model.batch import BoolArray, Int64Array, Text
    from cep.model.schema import Schema
    from cep.model.types import Type
    from cep.plan.plan import Operator, StreamPlace
    from cep.runtime.clock import Frontier
    from cep.runtime.executor import Program
    from cep.runtime.gathering import Lay
    from cep.runtime.identity import Lineage
    from cep.runtime.snapshot import State, Stored

    Columns = dict[str, Column]

_NEVER = 2**63
_KEPT = frozenset({*WHOLE, "float", "string"})
"""Kinds of attributes that a block keeps as they are, strings by their codes."""
_MANY = 8192
"""Rows from which on conditions are decided by compiled passes: to load these takes longer than a small batch does."""


@dataclass(frozen=True, eq=False)
class FilterEmit:
    """One ``emit``: its fields, those that are an attribute as it is, and a function of the others."""

    type: str
    names: tuple[str, ...]
    types: tuple[Type, ...]
    picked: tuple[tuple[str, Attr | Key], ...]
    computed: tuple[str, ...]
    values: ColumnFunction

    def columns(
        self,
        stream: str,
        keys: tuple[CheckedKey, ...],
        batch: EventBatch,
        faults: Int64Array,
        failures: Failures | None = None,
    ) -> Columns:
        """The fields of the derived events of a batch."""
        out: Columns = {}
        for name, node in self.picked:
            column, kind = batch[_attribute(node, keys, stream)], node.type
            if column.valid is not None:
                column = as_column(kind, *batch_leaf(column), len(batch))
            elif column.type is not kind and column.type != kind:
                column = column.retyped(kind)
            out[name] = column
        if not self.computed:
            return out

        def leaf(node: Typed) -> Leaf:
            assert isinstance(node, Attr | Key)
            return batch_leaf(batch[_attribute(node, keys, stream)])

        out.update(zip(self.computed, self.values.columns(leaf, len(batch), faults, failures), strict=True))
        return {name: out[name] for name in self.names}


@dataclass(frozen=True, eq=False)
class FilterProgram:
    """The compiled rule: conditions that must all hold, and projections."""

    conditions: tuple[ColumnFunction, ...]
    emits: tuple[FilterEmit, ...]

    @property
    def calls(self) -> bool:
        """Whether it asks functions of Python modules, which may fail."""
        return any(each.functions for each in (*self.conditions, *(emit.values for emit in self.emits)))


def compile_filter(rule: CheckedRule, params: Mapping[str, CheckedParam]) -> FilterProgram:
    """The program of a rule whose body is ``from … where …``."""
    assert isinstance(rule.body, CheckedFilter)
    emits = []
    for emit in rule.emits:
        picked = tuple((name, shown) for name, shown in emit.fields if isinstance(shown, Attr | Key))
        rest = [(name, shown) for name, shown in emit.fields if not isinstance(shown, Attr | Key)]
        names, types = tuple(n for n, _ in emit.fields), tuple(shown.type for _, shown in emit.fields)
        values = compile_columns([shown for _, shown in rest], params)
        emits.append(FilterEmit(emit.type, names, types, picked, tuple(n for n, _ in rest), values))
    return FilterProgram(compile_conditions(rule.body.where, params), tuple(emits))


class FilterOperator:
    """The running operator; its state is what waits for the frontier."""

    def __init__(
        self,
        operator: Operator,
        program: FilterProgram,
        schemas: Mapping[str, Schema],
        places: Mapping[str, StreamPlace],
    ) -> None:
        self.operator = operator
        self.null_keys = 0
        self.failed = ""
        self.faults = np.zeros(3, np.int64)
        self._program = program
        self._schemas = schemas
        self._places = places
        self._waiting: list[tuple[int, int, Output]] = []  # with the least and the greatest time in it
        self._least = _NEVER  # the least time of an event that waits
        self._calls = program.calls
        self._failing: list[Output] = []  # events for which a function failed, each with what is said of it
        self._read = {stream: self._attributes_read(stream) for stream in operator.inputs}
        self._selections = self._select()

    @property
    def cut(self) -> Int64Array:
        """One event gives one match."""
        return np.zeros(2, np.int64)

    def _select(self) -> dict[str, Selection]:
        """What chooses rows of long batches, by stream."""
        predicates = ((0, self._program.conditions),)
        keys = {s: tuple(k.attributes[s] for k in self.operator.rule.keys) for s in self.operator.inputs}
        return {stream: Selection(predicates, names) for stream, names in keys.items()}

    def _attributes_read(self, stream: str) -> frozenset[str]:
        """What the derived events of a stream's events are made of, and their places."""
        schema, keys = self._schemas[stream], self.operator.rule.keys
        names = {*schema.ties, *(key.attributes[stream] for key in keys), *([schema.time] if schema.time else [])}
        for emit in self._program.emits:
            nodes = [node for _, node in emit.picked]
            nodes += [node for node in emit.values.leaves if isinstance(node, Attr | Key)]
            names |= {_attribute(node, keys, stream) for node in nodes}
        return frozenset(names)

    @property
    def held(self) -> Held:
        """What waits for the frontier."""
        waiting = [output.batch for _, _, output in self._waiting]
        size = sum(column.values.nbytes for batch in waiting for column in batch.columns.values())
        return Held(waiting=sum(map(len, waiting)), bytes=size)

    def receive(self, stream: str, batch: EventBatch, memo: Memo) -> None:
        """Take events of one of the rule's streams."""
        if self.failed:
            return
        rule = self.operator.rule
        failures = Failures(batch.ts) if self._calls else None

        def leaf(node: Typed) -> Leaf:
            assert isinstance(node, Attr | Key)
            return batch_leaf(batch[_attribute(node, rule.keys, stream)])

        names = tuple(k.attributes[stream] for k in rule.keys)
        keyed, null_keys = keyed_rows([batch[name] for name in names], len(batch))
        self.null_keys += null_keys
        in_order = ends_in_order(batch) is not None
        if len(batch) >= _MANY and self._program.conditions and not self._calls:
            chosen = self._selections[stream].choose(batch, keyed, leaf, memo, self.faults)
            if chosen is None:
                return
            rows = chosen.rows
        else:
            wanted = decide(self._program.conditions, leaf, batch, names, memo, self.faults, failures)
            if failures is not None:
                self._fail(stream, batch, failures)
            selected = both(wanted, keyed)
            rows = None if selected is None else selected.nonzero()[0]
            if rows is not None and rows.size == 0:
                return
        if rows is not None and rows.size < len(batch):
            batch = batch.take(rows, self._read[stream])
        keys = tuple(batch[name] for name in names)
        failures = Failures(batch.ts) if self._calls else None
        for place, emit in enumerate(self._program.emits):
            columns = emit.columns(stream, rule.keys, batch, self.faults, failures)
            output = self._output(stream, batch, place, self._schemas[emit.type], columns, keys, in_order=in_order)
            self._wait(output, in_order)
        if failures is not None:
            self._fail(stream, batch, failures)

    def batch_taker(self, stream: str, lay: Lay) -> FilterTaker | None:
        """What takes batches of the stream, if they need not wait; None when it has no such way."""
        if self._calls or self.operator.level or len(self.operator.inputs) > 1 or not self._program.conditions:
            return None
        schema, names = self._schemas[stream], self._kept_attributes()
        kinds = {schema.by_name[name].type.kind for name in names}
        if not kinds <= _KEPT or any(emit.computed for emit in self._program.emits):
            return None
        columns = tuple((name, BLOCK_KEYS + n, _KEPT) for n, name in enumerate(names))
        gathering = gathering_of(lay, self._selections[stream], Wanted(BLOCK_KEYS + len(names), columns, False))
        return None if gathering is None else FilterTaker(self, lay, gathering, _MANY)

    def _kept_attributes(self) -> tuple[str, ...]:
        """What a block of its only stream keeps of an event: attributes that are emitted, and those of the key."""
        (stream,), keys = self.operator.inputs, self.operator.rule.keys
        picked = [_attribute(node, keys, stream) for emit in self._program.emits for _, node in emit.picked]
        return tuple(dict.fromkeys((*picked, *(key.attributes[stream] for key in keys))))

    @property
    def waits(self) -> bool:
        """Whether some derived events wait for the frontier."""
        return bool(self._waiting)

    def outputs_of(self, block: Int64Array, texts: Mapping[str, Text]) -> list[Output]:
        """The derived events of a block (`cep.kernels.blocks`) of `_kept_attributes`, whose strings are codes."""
        (stream,), rule, n, where = self.operator.inputs, self.operator.rule, block.shape[1], self._block_places

        def column(name: str, kind: Type) -> Column:
            words = block[where[name]]
            if kind.kind == "string":
                return Column(kind, words.astype(np.int32), None, texts[name])
            return Column(kind, words.view(np.float64) if kind.kind == "float" else words)

        def columns(emit: FilterEmit) -> Columns:
            return {name: column(_attribute(node, rule.keys, stream), node.type) for name, node in emit.picked}

        def keys() -> tuple[Column, ...]:
            return tuple(column(key.attributes[stream], key.type) for key in rule.keys)

        def lineage() -> Lineage:
            return np.arange(n + 1), (stream,), np.zeros(n, np.int32), block[IDENTITY]

        order = Order.quick(
            ts=block[TS],
            level=self.operator.level,
            phase=0,
            kind=self._places[stream].kind,
            ties=(),
            rank=self._places[stream].rank,
            seq=block[IDENTITY],
            rule=rule.index,
            keys=(),
            first=0,
            emit=0,
            sorted=True,
        )
        out = []
        for place, emit in enumerate(self._program.emits):
            origin = provenance_later((rule.name,), None, place, keys, (stream,), n, lineage)
            schema = self._schemas[emit.type]
            fields = LaterColumns(schema.names if schema.names == emit.names else emit.names, partial(columns, emit))
            out.append(Output(derived(schema, order, n, fields, origin), order.emitted_by(place)))
        return out

    @cached_property
    def _block_places(self) -> dict[str, int]:
        """The column of each attribute in a block."""
        return {name: BLOCK_KEYS + n for n, name in enumerate(self._kept_attributes())}

    def _fail(self, stream: str, batch: EventBatch, failures: Failures) -> None:
        """Let events for which a function failed wait for the frontier."""
        if failures.rows:
            rows, words = failing_rows(failures, stream, batch)
            columns = {"words": string_column(words)}
            self._failing.append(self._output(stream, batch.take(rows), -1, WORDS, columns, ()))

    def asks(self, stream: str) -> Asked:
        """What it asks of the events of a stream."""
        names = tuple(k.attributes[stream] for k in self.operator.rule.keys)
        return Asked(((0, self._program.conditions),), names, of_all=self._calls)

    def note(self, stream: str, number: int) -> None:
        """It keeps no account of what it does not want."""

    @property
    def wakes_at(self) -> int:
        """Where the frontier must have come for something to be decided."""
        return -(2**63) if self._calls else self._least

    def change(self, program: Program) -> None:
        """Let events that arrive from now on meet another program."""
        assert isinstance(program, FilterProgram)
        self._program = program
        self._selections = self._select()
        vars(self).pop("_block_places", None)

    @property
    def layout(self) -> str:
        """What the state's form hangs on, beside the rule."""
        return fingerprint(OUTPUTS_VERSION)

    def state(self) -> State:
        """Counts, and what waits."""
        waiting = outputs_state([output for _, _, output in self._waiting], self._schemas)
        state: State = {"null_keys": self.null_keys, "faults": self.faults, "waiting": waiting}
        if not self._calls:
            return state
        return {**state, "failed": self.failed, "failing": outputs_state(self._failing, self._schemas)}

    def restore(self, stored: Stored, _program_of: Callable[[Mapping[str, str]], Program]) -> None:
        """Take over what an operator of the same rule remembered."""
        self.null_keys = stored.whole("null_keys", 0)
        self.faults[:] = stored.numbers("faults", 3, 0)
        emits = [(self._schemas[emit.type], emit.names, emit.types) for emit in self._program.emits]
        for output in read_outputs(stored.many("waiting"), self.operator, emits, self._schemas, self._places):
            self._wait(output)
        if self._calls:
            self.failed = stored.text("failed")
            unkeyed = replace(self.operator, rule=replace(self.operator.rule, keys=()))
            found = read_outputs(
                stored.many("failing"), unkeyed, [(WORDS, ("words",), (STRING,))], self._schemas, self._places, -1
            )
            self._failing = list(found)

    def advance(self, frontier: Frontier) -> list[Output]:
        """Give out what the frontier has passed, up to where the rule fails."""
        out = self._passed(frontier)
        if not self._failing:
            return out
        places = []
        for output in self._failing:
            ready = _is_passed(output, frontier)
            words = output.batch["words"].to_list()
            places += [(output.order.take(np.array([row])), words[row]) for row in np.flatnonzero(ready).tolist()]
        if not places:
            return out
        place, self.failed = earliest(places)
        self._waiting, self._least, self._failing = [], _NEVER, []
        return before(out, place)

    def _passed(self, frontier: Frontier) -> list[Output]:
        if frontier.time < self._least:
            return []
        out, waiting = [], self._waiting
        self._waiting, self._least = [], _NEVER
        for first, last, output in waiting:
            if last < frontier.time:
                out.append(output)
                continue
            if first > frontier.time:
                self._waiting.append((first, last, output))
                self._least = min(self._least, first)
                continue
            ready = _is_passed(output, frontier)
            for rows, take in ((np.flatnonzero(ready), out.append), (np.flatnonzero(~ready), self._wait)):
                if rows.size:
                    take(Output(output.batch.take(rows), output.order.take(rows)))
        return out

    def _wait(self, output: Output, in_order: bool = False) -> None:
        ts = output.order.ts
        first, last = (int(ts[0]), int(ts[-1])) if in_order else (int(ts.min()), int(ts.max()))
        self._waiting.append((first, last, output))
        self._least = min(self._least, first)

    def _output(
        self,
        stream: str,
        batch: EventBatch,
        emit: int,
        schema: Schema,
        columns: dict[str, Column],
        keys: tuple[Column, ...],
        *,
        in_order: bool = False,
    ) -> Output:
        n, seq = len(batch), batch.seq
        ties = self._schemas[stream].ties
        rule, where = self.operator.rule, self._places[stream]

        def lineage() -> Lineage:
            return np.arange(n + 1), (stream,), np.zeros(n, np.int32), seq

        origin = provenance_later((rule.name,), None, emit, lambda: keys, (stream,), n, lineage)
        made = EventBatch(schema, batch.ts, seq, columns, origin)
        order = Order(
            ts=batch.ts,
            level=self.operator.level,
            phase=0,
            kind=where.kind,
            ties=tuple(order_values(batch[t]) for t in ties),
            rank=where.rank,
            seq=seq,
            rule=rule.index,
            keys=(),
            first=0,
            emit=emit,
            sorted=in_order and not ties,  # arrivals are numbered on
        )
        return Output(made, order)


def _is_passed(output: Output, frontier: Frontier) -> BoolArray:
    ts = output.order.ts
    passed: BoolArray = (ts < frontier.time) | ((ts == frontier.time) & np.less_equal(output.order.kind, frontier.kind))
    return passed


def _attribute(node: Attr | Key, keys: tuple[CheckedKey, ...], stream: str) -> str:
    return node.name if isinstance(node, Attr) else keys[node.index].attributes[stream]
