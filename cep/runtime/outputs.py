"""Derived events that wait for the frontier, in a snapshot: by stream and ``emit``, in order of arrival.

However they came in batches, events that came the same have one form. What the rule and the plan say of all of them
(level, rule, rank of the stream) is not kept: it is taken from the rules at hand.
Cost: O(events log events).
Tested by: tests/runtime/test_snapshot.py, tests/properties/test_snapshot.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.model.batch import Column, EventBatch, Provenance, string_column
from cep.model.types import Type
from cep.runtime.results import Order, Output, merge, order_values
from cep.runtime.stored import column_state, read_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cep.model.batch import AnyArray
    from cep.model.schema import Schema
    from cep.plan.plan import Operator, StreamPlace
    from cep.runtime.snapshot import State, Stored

OUTPUTS_VERSION = 1
"""Of the form of `outputs_state`; a change of it makes older states unreadable."""


def outputs_state(outputs: Sequence[Output], schemas: Mapping[str, Schema]) -> list[State]:
    """The states of outputs, each of which has events that one event of one stream made."""
    groups: dict[tuple[str, int], list[Output]] = {}
    for output in outputs:
        origin = output.batch.provenance
        assert origin is not None
        groups.setdefault((origin.streams[0], int(np.ravel(output.order.emit)[0])), []).append(output)
    return [_group_state(stream, emit, groups[stream, emit], schemas) for stream, emit in sorted(groups)]


def read_outputs(
    states: Sequence[Stored],
    operator: Operator,
    emits: Sequence[tuple[Schema, Sequence[str], Sequence[Type]]],
    schemas: Mapping[str, Schema],
    places: Mapping[str, StreamPlace],
    first_emit: int = 0,
) -> Iterator[Output]:
    """The outputs that states tell of; ``emits`` are the schema, the fields and their types of each ``emit``."""
    rule = operator.rule
    for stored in states:
        stream, emit = stored.text("stream"), stored.whole("emit", first_emit, first_emit + len(emits) - 1)
        stored.require(stream in operator.inputs, f"{stream} is none of the rule's streams")
        schema, names, types = emits[emit - first_emit]
        ts = stored.numbers("ts", None)
        n = ts.size
        stored.require(n > 0, "it has no events")
        seq, ids = stored.numbers("seq", n, 0), stored.array("ids", np.uint64, n, 2)
        columns = dict(zip(names, read_columns(stored, "columns", types, n), strict=True))
        keys = tuple(read_columns(stored, "keys", [k.type for k in rule.keys], n))
        ties = tuple(order_values(t) for t in read_columns(stored, "ties", _tie_types(schemas[stream]), n))
        first, zeros = np.zeros(n, np.int32), np.zeros(n, np.int64)
        origin = Provenance(
            (rule.name,), first, (keys,), np.arange(n) if keys else zeros, ids, np.arange(n + 1), (stream,), first, seq
        )
        order = Order(
            ts=ts,
            level=zeros + operator.level,
            phase=zeros,
            kind=zeros + places[stream].kind,
            ties=ties,
            rank=zeros + places[stream].rank,
            seq=seq,
            rule=zeros + rule.index,
            keys=(),
            first=zeros,
            emit=zeros + emit,
        )
        yield Output(EventBatch(schema, ts, seq, columns, origin), order)


def _group_state(stream: str, emit: int, outputs: list[Output], schemas: Mapping[str, Schema]) -> State:
    together = merge(outputs[0].batch.schema, outputs)
    rows = np.argsort(together.batch.seq)
    batch, order = together.batch.take(rows), together.order.take(rows)
    origin = batch.provenance
    assert origin is not None
    types = _tie_types(schemas[stream])
    return {
        "stream": stream,
        "emit": emit,
        "ts": batch.ts,
        "seq": batch.seq,
        "ids": origin.ids,
        "columns": [column_state(batch[name]) for name in outputs[0].batch.columns],
        "keys": [column_state(k.take(origin.place)) for k in origin.keys[0]],
        "ties": [column_state(_tie_column(t, v)) for t, v in zip(types, order.ties, strict=True)],
    }


def _tie_types(schema: Schema) -> list[Type]:
    """Of each tie attribute the type whose column stands for what `order_values` makes of it."""
    kinds = [schema.by_name[name].type for name in schema.ties]
    return [kind if kind.kind in ("string", "float") else Type("int", optional=kind.optional) for kind in kinds]


def _tie_column(kind: Type, values: AnyArray) -> Column:
    """The column of one of these types whose `order_values` are these."""
    if kind.kind == "string":
        return string_column(values.tolist())
    if values.dtype != object:
        return Column(kind, values)
    valid = np.array([v is not None for v in values.tolist()], np.bool_)
    return Column(kind, np.where(valid, values, 0).astype(np.float64 if kind.kind == "float" else np.int64), valid)
