"""``output first|last|all|snapshot every d per …``: an operator around another, between its rule and what goes out.

| in | out |
|---|---|
| the derived events of a rule, as they are decided | those that `output` lets through, now or when a period ends |

The derived events of a rule are decided in order, whatever their keys and shards; each ``emit`` has periods of its own
(`cep.runtime.periods`). Ends of periods are deadlines: they come when the frontier has passed them, after everything
else of that time. What goes out at the end of a period is the event that was kept, with its id and lineage, at another
time; of a snapshot, which may tell of an event again and again, the id is of that time as well.

State: the number of derived events so far, the periods, and the events that they keep.
Cost: O(1) an event, in Python.
Tested by: tests/runtime/test_limited.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.runs import BY_OUTPUT
from cep.language.fingerprint import fingerprint
from cep.model.batch import Column, EventBatch, Provenance, string_column
from cep.model.concatenate import concatenate, null_column
from cep.runtime.held import Held, total
from cep.runtime.kept import Kept
from cep.runtime.periods import Period, Periods, Snapshots
from cep.runtime.results import Order, Output, concatenate_orders, sort_order
from cep.runtime.stored import column_state, read_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cep.compiler.screen import Asked
    from cep.language.typed import CheckedEmit, CheckedOutput, CheckedRule
    from cep.model.batch import Int64Array, UInt64Array
    from cep.model.schema import Schema
    from cep.model.types import Type
    from cep.plan.plan import Operator
    from cep.runtime.clock import Frontier
    from cep.runtime.conditions import Memo
    from cep.runtime.executor import Program, RunningOperator
    from cep.runtime.periods import Value
    from cep.runtime.snapshot import State, Stored

LIMITED_VERSION = 1
"""Of the form of the state; a change of it makes older states unreadable."""


@dataclass(slots=True)
class _Limit:
    """What is limited by itself: one ``emit``, at its place in the rule.

    ``per``: for each part of what tells periods apart its name among the fields, or its place in the key; and its type.
    """

    place: int
    per: tuple[tuple[str | int, Type], ...]
    periods: Periods | Snapshots
    kept: Kept


class LimitedOperator:
    """The running operator: what it reads is the business of ``inner``, what goes out its own."""

    def __init__(self, inner: RunningOperator, operator: Operator, schemas: Mapping[str, Schema]) -> None:
        self.operator = operator
        self._inner = inner
        rule = operator.rule
        assert rule.output is not None
        self._output: CheckedOutput = rule.output
        self._count = 0  # derived events so far
        self._limits = [self._limit(rule, place, emit, schemas) for place, emit in enumerate(rule.emits)]

    def _limit(self, rule: CheckedRule, place: int, emit: CheckedEmit, schemas: Mapping[str, Schema]) -> _Limit:
        fields = {name for name, _ in emit.fields}
        schema, keys = schemas[emit.type], {k.name: (n, k.type) for n, k in enumerate(rule.keys)}
        per = [(name, schema.by_name[name].type) if name in fields else keys[name] for name in self._output.per]
        mode, every = self._output.mode, self._output.every
        periods = Snapshots(every) if mode == "snapshot" else Periods(mode, every)
        return _Limit(place, tuple(per), periods, Kept(schema, rule))

    # --------------------------------------------------------------------------------------------- as the one inside

    @property
    def null_keys(self) -> int:
        """Events without a key."""
        return self._inner.null_keys

    @property
    def failed(self) -> str:
        """Where and why a function of a Python module failed; "" while none has."""
        return self._inner.failed

    @property
    def faults(self) -> Int64Array:
        """Divisions by zero, overflows, floats that are no number."""
        return self._inner.faults

    @property
    def cut(self) -> Int64Array:
        """Of how many events some matches were left out, and how many."""
        return self._inner.cut

    @property
    def held(self) -> Held:
        """What the one inside keeps, and the events that are told later, which wait."""
        own = Held(waiting=self.untold, bytes=sum(x.kept.bytes for x in self._limits))
        return total([self._inner.held, own])

    @property
    def held_back(self) -> int:
        """Derived events that do not go out."""
        return sum(x.periods.held_back for x in self._limits)

    @property
    def untold(self) -> int:
        """Derived events that go out when a period ends."""
        return sum(x.periods.untold for x in self._limits)

    def receive(self, stream: str, batch: EventBatch, memo: Memo) -> None:
        """Take events."""
        self._inner.receive(stream, batch, memo)

    def asks(self, stream: str) -> Asked:
        """What the rule asks of the events of a stream."""
        return self._inner.asks(stream)

    def note(self, stream: str, number: int) -> None:
        """Take note of events that it was not shown."""
        self._inner.note(stream, number)

    def change(self, program: Program) -> None:
        """Let events that arrive from now on meet another program."""
        self._inner.change(program)

    @property
    def wakes_at(self) -> int:
        """Where the frontier must have come for a derived event to be decided, or for a period to have ended."""
        return min(self._inner.wakes_at, *(x.periods.next_end + 1 for x in self._limits))

    # --------------------------------------------------------------------------------------------------- what goes out

    def advance(self, frontier: Frontier) -> list[Output]:
        """Give out what is decided and let through, and what periods that are over have kept."""
        decided = [o for o in self._inner.advance(frontier) if len(o.order)]
        out = [o for limit, numbers, output in self._in_order(decided) for o in self._through(limit, numbers, output)]
        for limit in self._limits:
            ended = limit.periods.ended(frontier.time)
            if ended:
                out.append(self._told(limit, ended))
            limit.kept.sweep(limit.periods)
        return out

    def _in_order(self, decided: Sequence[Output]) -> list[tuple[_Limit, Int64Array, Output]]:
        """The derived events of each ``emit`` in order, with their numbers among all of the rule."""
        if not decided:
            return []
        order = concatenate_orders([o.order for o in decided])
        rows = sort_order(order)
        rows = np.arange(len(order)) if rows is None else rows
        numbers = np.empty(len(rows), np.int64)
        numbers[rows] = np.arange(self._count, self._count + len(rows))
        self._count += len(rows)
        begins = np.cumsum([0, *(len(o.order) for o in decided)]).tolist()
        groups: dict[int, list[int]] = {}
        for at, output in enumerate(decided):
            groups.setdefault(int(np.ravel(output.order.emit)[0]), []).append(at)
        out = []
        for place, members in sorted(groups.items()):
            limit = self._limits[place]
            mine = np.concatenate([numbers[begins[at] : begins[at + 1]] for at in members])
            schema = decided[members[0]].batch.schema
            batch = concatenate(schema, [decided[at].batch for at in members])
            places = concatenate_orders([decided[at].order for at in members])
            if not bool((np.diff(mine) > 0).all()):
                sort = np.argsort(mine)
                mine, batch, places = mine[sort], batch.take(sort), places.take(sort)
            out.append((limit, mine, Output(batch, places)))
        return out

    def _through(self, limit: _Limit, numbers: Int64Array, output: Output) -> list[Output]:
        """What goes out at once; what may go out later is kept."""
        batch = output.batch
        values = _values([_column(batch, name, kind) for name, kind in limit.per], len(batch))
        at_once, kept = limit.periods.take(values, batch.ts.tolist(), numbers.tolist())
        if kept:
            mine = np.array(kept, np.int64)
            limit.kept.add(numbers[mine], batch.take(mine))
        if not at_once:
            return []
        rows = np.array(at_once, np.int64)
        return [Output(batch.take(rows), output.order.take(rows))]

    def _told(self, limit: _Limit, ended: Sequence[Period]) -> Output:
        """The events of periods, at their ends."""
        numbers = [n for period in ended for n in period.events]
        ts = np.repeat([p.end for p in ended], [len(p.events) for p in ended])
        batch = limit.kept.take(numbers)
        origin = batch.provenance
        if self._output.mode == "snapshot":
            assert origin is not None
            origin = Provenance(
                origin.rules, origin.rule, origin.keys, origin.place, at_time(origin.ids, ts), origin.offsets,
                origin.streams, origin.stream, origin.number,
            )  # fmt: skip
        order = Order(
            ts=ts,
            level=self.operator.level,
            phase=BY_OUTPUT,
            kind=0,
            ties=(),
            rank=0,
            seq=np.zeros(len(ts), np.int64),
            rule=self.operator.rule.index,
            keys=(),
            first=np.array(numbers, np.int64),
            emit=limit.place,
        )
        return Output(EventBatch(batch.schema, ts, batch.seq, batch.columns, origin), order)

    # ---------------------------------------------------------------------------------------------------- snapshots

    @property
    def layout(self) -> str:
        """What the state's form hangs on, beside the rule."""
        return fingerprint(self._inner.layout, LIMITED_VERSION)

    def state(self) -> State:
        """What the one inside remembers, the periods, and what they keep."""
        return {
            "inner": self._inner.state(),
            "count": self._count,
            "limits": [_limit_state(limit) for limit in self._limits],
        }

    def restore(self, stored: Stored, program_of: Callable[[Mapping[str, str]], Program]) -> None:
        """Take over what an operator of the same rule remembered."""
        self._inner.restore(stored.inner("inner"), program_of)
        self._count = stored.whole("count", 0, 2**62)
        states = stored.many("limits")
        stored.require(len(states) == len(self._limits), "it has not one limit for each `emit`")
        for limit, each in zip(self._limits, states, strict=True):
            _read_limit(limit, each, self._count)


def _limit_state(limit: _Limit) -> State:
    """The state of one limit: the values with their periods in order, then those that are over and wait."""
    periods = limit.periods
    if isinstance(periods, Snapshots):
        values = list(periods.newest)
        ends = [] if periods.end is None else [periods.end]
        events, extra = [[n] for n in periods.newest.values()], periods.since
    else:
        values, extra = list(periods.open), 0
        ends, events = [p.end for p in periods.open.values()], [p.events for p in periods.open.values()]
    columns = [_column_of(kind, [v[part] for v in values]) for part, (_, kind) in enumerate(limit.per)]
    over = periods.over
    return {
        "values": [column_state(c) for c in columns],
        "many": len(values),
        "ends": np.array(ends, np.int64),
        "since": extra,
        "counts": np.array([len(e) for e in events], np.int64),
        "events": np.array([n for e in events for n in e], np.int64),
        "over ends": np.array([p.end for p in over], np.int64),
        "over counts": np.array([len(p.events) for p in over], np.int64),
        "over events": np.array([n for p in over for n in p.events], np.int64),
        "held back": periods.held_back,
        "kept": limit.kept.state(periods.events),
    }


def _read_limit(limit: _Limit, stored: Stored, count: int) -> None:
    periods = limit.periods
    many = stored.whole("many", 0, 2**62)
    columns = read_columns(stored, "values", [kind for _, kind in limit.per], many)
    values = _values(columns, many)
    stored.require(len(set(values)) == many, "a value is there twice")
    known = limit.kept.restore(stored.inner("kept"), count)
    periods.held_back = stored.whole("held back", 0, 2**62)
    lists = {}
    for word in ("", "over "):
        counts = stored.numbers(f"{word}counts", None, 0)
        events = stored.numbers(f"{word}events", int(counts.sum()), 0)
        stored.require(bool(np.isin(events, known).all()), "an event of a period is not kept")
        lists[word] = [part.tolist() for part in np.split(events, np.cumsum(counts)[:-1])] if len(counts) else []
    over = stored.numbers("over ends", len(lists["over "])).tolist()
    periods.over = [Period(end, events) for end, events in zip(over, lists["over "], strict=True)]
    stored.require(len(lists[""]) == many, "a value has no period")
    ends = stored.numbers("ends", None).tolist()
    if isinstance(periods, Snapshots):
        stored.require(len(ends) <= 1 and all(len(e) == 1 for e in lists[""]), "a snapshot has no event of a value")
        periods.newest = {value: event for value, (event,) in zip(values, lists[""], strict=True)}
        periods.end = ends[0] if ends else None
        periods.since = stored.whole("since", 0, 2**62)
    else:
        stored.require(len(ends) == many and bool((np.diff(ends) >= 0).all()), "periods are out of order")
        periods.open.update(zip(values, map(Period, ends, lists[""]), strict=True))
        periods.size = sum(1 for _ in periods.events)


def at_time(ids: UInt64Array, ts: Int64Array) -> UInt64Array:
    """Identities of what is told again: those of the events, of each time another."""
    mixed = ts.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    out: UInt64Array = (ids ^ mixed[:, None]) * np.array([0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)
    return out ^ (out >> np.uint64(32))


def _column(batch: EventBatch, name: str | int, kind: Type) -> Column:
    """What tells the periods of derived events apart: a field, or a part of the key."""
    if isinstance(name, str):
        return batch.columns[name] if name in batch.columns else null_column(kind, len(batch))
    origin = batch.provenance
    assert origin is not None
    return origin.keys[0][name].take(origin.place)


def _values(columns: Sequence[Column], rows: int) -> list[Value]:
    """The values of each row, as Python's that hash; equal floats are one."""
    parts = []
    for column in columns:
        if column.text is not None:
            parts.append(column.to_list())
            continue
        values = column.values + 0.0 if column.type.kind == "float" else column.values
        words: list[object] = values.tolist()
        if column.valid is not None:
            words = [w if there else None for w, there in zip(words, column.valid.tolist(), strict=True)]
        parts.append(words)
    return list(zip(*parts, strict=True)) if parts else [()] * rows


def _column_of(kind: Type, values: Sequence[object]) -> Column:
    """The column whose `_values` these are."""
    if kind.kind == "string":
        return string_column([None if v is None else str(v) for v in values])
    blank = null_column(kind, len(values))
    words = np.array([0 if v is None else v for v in values]).astype(blank.values.dtype)
    return Column(kind, words, np.array([v is not None for v in values], np.bool_))
