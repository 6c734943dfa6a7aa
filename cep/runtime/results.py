"""Results: what operators gave out in one step, put into the one order that never depends on how input was cut.

Order: time; level of the rule; phase (decided by an event, by a loop's end, by a timeout, by an absence); for events
their place in the total order (class, ties, rank, arrival); then rule, key, first event, and the order of ``emit`` in
the rule.
What is the same for all results of an operator is one int for all of them, not a column.
Cost: O(results log results), O(results) when they come in order.
Tested by: tests/runtime/test_results.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cep.model.batch import renumbered
from cep.model.concatenate import concatenate
from cep.model.decided import Decided, Piece

_NEAR = 2**16 - 1
"""So far apart may numbers be that are sorted by their digits."""

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cep.model.batch import AnyArray, Column, EventBatch, Int64Array
    from cep.model.schema import Schema


@dataclass(frozen=True, eq=False)
class Order:
    """Where each result stands; arrays of one length. ``ties`` and ``keys`` may hold strings (dtype object).

    ``kind``, ``ties``, ``rank`` and ``seq`` place the deciding event and are 0 where a deadline decided. ``sorted``:
    they are known to stand in order, so nobody looks.
    """

    ts: Int64Array
    level: int | Int64Array
    phase: int | Int64Array
    kind: int | Int64Array
    ties: tuple[AnyArray, ...]
    rank: int | Int64Array
    seq: Int64Array
    rule: int | Int64Array
    keys: tuple[AnyArray, ...]
    first: int | Int64Array
    emit: int | Int64Array
    sorted: bool = False

    @staticmethod
    def quick(**fields: int | Int64Array | tuple[AnyArray, ...]) -> Order:
        """One with these fields, all but ``sorted``; a frozen dataclass writes each of its own in ten times as long."""
        order = Order.__new__(Order)
        vars(order).update(fields)
        return order

    @staticmethod
    def repeated(one: Order, counts: Int64Array, size: int) -> Order:
        """Each place as often as ``counts`` says, ``size`` in all; made when somebody looks."""
        order = Order.__new__(Order)
        own = {name: value for name, value in vars(one).items() if isinstance(value, int | tuple)}
        vars(order).update(own, _one=one, _counts=counts, _size=size)
        return order

    def __getattr__(self, name: str) -> Int64Array:
        here = vars(self)
        if "_one" not in here or name not in _REPEATED:
            raise AttributeError(name)
        made: Int64Array = np.repeat(getattr(here["_one"], name), here["_counts"])
        here[name] = made
        return made

    def __len__(self) -> int:
        here = vars(self)
        return int(here["ts"].size if "ts" in here else here["_size"])

    def emitted_by(self, emit: int) -> Order:
        """The same places for another ``emit`` of the rule."""
        if isinstance(self.emit, int) and self.emit == emit:
            return self
        other = Order.__new__(Order)
        vars(other).update(vars(self), emit=emit)
        return other

    def take(self, rows: AnyArray) -> Order:
        """The order of the results at ``rows``."""

        def at(values: int | Int64Array) -> int | Int64Array:
            return values if isinstance(values, int) else values[rows]

        return Order(
            self.ts[rows],
            at(self.level),
            at(self.phase),
            at(self.kind),
            tuple(t[rows] for t in self.ties),
            at(self.rank),
            self.seq[rows],
            at(self.rule),
            tuple(k[rows] for k in self.keys),
            at(self.first),
            at(self.emit),
        )


class Deciders(NamedTuple):
    """Events, in order, by time and identity, and how many matches each decided."""

    ts: Int64Array
    identity: Int64Array
    matches: Int64Array


_REPEATED = ("ts", "kind", "rank", "seq", "rule", "first")


class Output(NamedTuple):
    """Derived events of one ``emit`` of one operator and shard, with their order."""

    batch: EventBatch
    order: Order


def merge(schema: Schema, outputs: Sequence[Output]) -> Output:
    """All derived events of one type, in order."""
    if len(outputs) == 1 and outputs[0].order.sorted and tuple(outputs[0].batch.columns) == schema.names:
        return outputs[0]
    batch = concatenate(schema, [o.batch for o in outputs])
    order = concatenate_orders([o.order for o in outputs])
    rows = sort_order(order)
    if rows is None:
        return outputs[0] if batch is outputs[0].batch else Output(batch, order)
    return Output(batch.take(rows), order.take(rows))


def interleave(outputs: Sequence[Output]) -> Decided:
    """Derived events of several types, each in order, as one sequence."""
    full = [o for o in outputs if len(o.order)]
    if not full:
        return Decided()
    batches = tuple(o.batch for o in full)
    if len(full) == 1:
        return Decided([Piece(batches)])
    order = concatenate_orders([o.order for o in full])
    types = np.repeat(np.arange(len(full)), [len(o.order) for o in full])
    rows = sort_order(order)
    return Decided([Piece(batches, types if rows is None else types[rows])])


def sort_order(order: Order) -> Int64Array | None:
    """The positions that put results in order; None when they are in order already."""
    ts = order.ts
    if ts.size < 2:
        return None
    later = ts[1:] > ts[:-1]
    if bool(later.all()):
        return None
    plain: list[int | AnyArray] = [order.emit, order.first, order.rule, order.seq, order.rank, order.kind]
    if isinstance(order.phase, int) and order.phase == 0 and not order.ties:
        columns = [k for k in (*plain, order.level, ts) if not isinstance(k, int)]
        if _stand_in_order(columns):
            return None
        rows = _by_number(order.seq)
        if rows is not None and _stand_in_order([c[rows] for c in columns]):
            return rows
        return np.lexsort(columns)
    if not bool((ts[1:] < ts[:-1]).any()):  # some at one time: only these are compared further
        at = np.flatnonzero(~later)
        some = np.unique(np.concatenate([at, at + 1]))
        if 2 * some.size < ts.size:
            inner = sort_order(order.take(some))
            if inner is None:
                return None
            rows = np.arange(ts.size)
            rows[some] = some[inner]
            return rows
    by_event = np.equal(order.phase, 0)  # a deadline has no ties: what stands in its place may be 0 here and None there
    keys: list[int | AnyArray] = [order.emit, order.first]
    keys += [] if by_event.all() else [ranks(k) for k in reversed(order.keys)]
    keys += [order.rule, order.seq, order.rank]
    keys += [np.where(by_event, _ranks_by_class(t, _full(order.kind, ts.size)), 0) for t in reversed(order.ties)]
    keys += [order.kind, order.phase, order.level, ts]
    columns = [k for k in keys if not isinstance(k, int)]
    if _stand_in_order(columns):
        return None
    sorted_rows: Int64Array = np.lexsort(columns)
    return sorted_rows


def _by_number(numbers: Int64Array) -> Int64Array | None:
    """The positions that put numbers in order, equal ones as they stand; None where they lie far from each other.

    What many rules find in one batch is in order for each: sorted so it is in order for all, in a tenth of the time.
    """
    least = numbers.min()
    if int(numbers.max() - least) > _NEAR:
        return None
    rows: Int64Array = np.argsort((numbers - least).astype(np.uint16), kind="stable")
    return rows


def _stand_in_order(columns: list[AnyArray]) -> bool:
    """Whether rows are in order already, by the last column first, as `numpy.lexsort` takes them."""
    same = np.ones(columns[0].size - 1, np.bool_)  # rows that are like the one before so far
    for column in reversed(columns):
        before, after = column[:-1], column[1:]
        if bool((same & (after < before)).any()):
            return False
        same &= after == before
    return True


def _full(values: int | Int64Array, size: int) -> Int64Array:
    return np.full(size, values, np.int64) if isinstance(values, int) else values


def ranks(values: AnyArray) -> AnyArray:
    """Numbers that sort as the values do."""
    if values.dtype != object:
        return values
    keys = [_sortable(v) for v in values.tolist()]
    known = {v: i for i, v in enumerate(sorted(set(keys)))}
    return np.array([known[k] for k in keys], np.int64)


def _sortable(value: object) -> tuple[int, object]:
    # nulls (and what a rule with fewer parts has instead) before numbers before strings
    if value is None:
        return (0, 0)
    return (2, value) if isinstance(value, str) else (1, value)


def _ranks_by_class(values: AnyArray, kinds: Int64Array) -> AnyArray:
    if values.dtype != object:
        return values
    out = np.zeros(values.size, np.int64)
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        out[rows] = ranks(values[rows])
    return out


def concatenate_orders(orders: Sequence[Order]) -> Order:
    """The places of several, one after the other."""
    if len(orders) == 1:
        return orders[0]
    sizes = [len(o) for o in orders]

    def padded(columns: Iterable[tuple[AnyArray, ...]]) -> tuple[AnyArray, ...]:
        rows = list(columns)
        width = max(map(len, rows))
        out = []
        for i in range(width):
            parts = [c[i] if i < len(c) else np.zeros(n, np.int64) for c, n in zip(rows, sizes, strict=True)]
            mixed = len({p.dtype for p in parts}) > 1
            out.append(np.concatenate([p.astype(object) for p in parts] if mixed else parts))
        return tuple(out)

    def joined(parts: list[int | Int64Array]) -> int | Int64Array:
        if all(isinstance(p, int) for p in parts) and len(set(parts)) == 1:
            return parts[0]
        return np.concatenate([_full(p, n) for p, n in zip(parts, sizes, strict=True)])

    return Order(
        np.concatenate([o.ts for o in orders]),
        joined([o.level for o in orders]),
        joined([o.phase for o in orders]),
        joined([o.kind for o in orders]),
        padded(o.ties for o in orders),
        joined([o.rank for o in orders]),
        np.concatenate([o.seq for o in orders]),
        joined([o.rule for o in orders]),
        padded(o.keys for o in orders),
        joined([o.first for o in orders]),
        joined([o.emit for o in orders]),
    )


def number(output: Output, first: int) -> Output:
    """The same derived events with ``seq`` counted from ``first``."""
    n = len(output.order)
    return Output(renumbered(output.batch, first, n), output.order)


def order_values(column: Column) -> AnyArray:
    """A column as an array that sorts as its values do (nulls first): numbers, or objects where strings or nulls are.

    Decimals by their counts, with nulls or without: attributes that are compared have one scale.
    """
    if column.text is not None:
        return np.array(column.to_list(), dtype=object)
    values: AnyArray = column.values if column.values.dtype != np.bool_ else column.values.astype(np.int64)
    if column.valid is not None:
        values = values.astype(object)
        values[~column.valid] = None
    return values


def column_ranks(column: Column) -> Int64Array:
    """Numbers that sort as a column's values do, nulls first. O(rows + distinct strings log distinct strings)."""
    if column.text is not None:
        strings = column.text.strings
        known = {s: i + 1 for i, s in enumerate(sorted(set(strings)))}
        found = np.array([known[s] for s in strings] or [0], np.int64)[column.values]
    else:
        found = np.unique(column.values, return_inverse=True)[1].astype(np.int64) + 1
    return found if column.valid is None else np.where(column.valid, found, 0)


def by_type(outputs: Iterable[Output], schemas: Mapping[str, Schema]) -> dict[str, Output]:
    """Outputs merged by type, in order of the schemas."""
    found: dict[str, list[Output]] = {}
    for output in outputs:
        if len(output.order):
            found.setdefault(output.batch.schema.name, []).append(output)
    if len(found) == 1:
        return {name: merge(schemas[name], same) for name, same in found.items()}
    return {name: merge(schemas[name], found[name]) for name in schemas if name in found}
