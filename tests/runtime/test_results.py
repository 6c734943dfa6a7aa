"""The order of results against a slow sort of tuples; merging and interleaving lose and double nothing."""

from __future__ import annotations

import itertools
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cep.model.batch import Column, EventBatch, string_column
from cep.model.schema import Attribute, Schema
from cep.model.types import BOOL, FLOAT, INT, decimal
from cep.runtime.results import Order, Output, by_type, interleave, merge, number, order_values, ranks, sort_order

SMALL = st.integers(0, 2)
TIES = st.one_of(st.none(), st.sampled_from(["", "a", "b", "é", "😀"]))
# (ts, level, phase, kind, tie, rank, seq, rule, key, first, emit)
RESULT = st.tuples(SMALL, SMALL, st.sampled_from([0, 1, 3]), SMALL, TIES, SMALL, SMALL, SMALL, TIES, SMALL, SMALL)


def whole(values):
    return np.array(values, np.int64)


def objects(values):
    return np.array([*values, None], dtype=object)[:-1]


def lawful(rows):
    """Results as operators give them: a deadline has no event, an event's key is its own."""
    out = []
    for ts, level, phase, kind, tie, rank, seq, rule, key, first, emit in rows:
        if phase:
            kind, tie, rank, seq = 0, None, 0, 0
        else:
            key = str((ts, kind, tie, rank, seq))
        out.append((ts, level, phase, kind, tie, rank, seq, rule, key, first, emit))
    return out


def order_of(rows):
    columns = list(zip(*rows, strict=True)) or [()] * 11
    ts, level, phase, kind, tie, rank, seq, rule, key, first, emit = columns
    return Order(
        whole(ts), whole(level), whole(phase), whole(kind), (objects(tie),), whole(rank), whole(seq), whole(rule),
        (objects(key),), whole(first), whole(emit),
    )  # fmt: skip


def slow(rows):
    """The definition: time, level, phase, class, ties, rank, arrival, rule, key, first event, emit; nulls first."""

    def place(row):
        ts, level, phase, kind, tie, rank, seq, rule, key, first, emit = row
        return ts, level, phase, kind, (tie is not None, tie or ""), rank, seq, rule, key or "", first, emit

    return sorted(rows, key=place)


@given(st.lists(RESULT, max_size=12).map(lawful))
def test_results_are_sorted_as_tuples_are(rows):
    found = sort_order(order_of(rows))
    places = range(len(rows)) if found is None else found.tolist()
    assert [rows[i] for i in places] == slow(rows)
    if found is None and len(rows) > 1:
        assert rows == slow(rows)


SCHEMAS = {n: Schema(n, (Attribute("n", INT, "n"),), derived=True) for n in "XYZ"}


def output(name, rows):
    """One operator's results; ``n`` tells where each stands."""
    order = order_of(rows)
    batch = EventBatch(SCHEMAS[name], order.ts, whole([0] * len(rows)), {"n": Column(INT, order.seq)})
    return Output(batch, order)


@given(st.lists(RESULT, max_size=10, unique=True).map(lawful), st.lists(st.integers(0, 2), min_size=10, max_size=10))
def test_how_results_are_spread_over_operators_changes_nothing(rows, homes):
    """A rule gives one type; its results may come from any shard, in any piece."""
    rows = list(dict.fromkeys(rows))
    names = {row: "XYZ"[row[7]] for row in rows}
    pieces: dict[tuple[str, int], list] = {}
    for row, home in zip(slow(rows), homes, strict=False):
        pieces.setdefault((names[row], home), []).append(row)
    outputs = by_type([output(name, piece) for (name, _), piece in pieces.items()], SCHEMAS)
    assert list(outputs) == [n for n in SCHEMAS if n in names.values()]
    for name, merged in outputs.items():
        assert merged.batch["n"].to_list() == [r[6] for r in slow(rows) if names[r] == name]
    batches = interleave(list(outputs.values()))
    flat = [(b.schema.name, n) for b in batches for n in b["n"].to_list()]
    assert flat == [(names[r], r[6]) for r in slow(rows)]
    assert all(a.schema.name != b.schema.name for a, b in itertools.pairwise(batches))
    assert all(len(b) for b in batches)


def test_orders_of_different_width_and_kind_are_put_side_by_side():
    """Ties and keys may be strings in one rule, numbers in another, and none in a third."""
    row = (0, 0, 0, 0, None, 0, 0, 0, None, 0, 0)
    orders = []
    for rule, (ties, keys) in enumerate(
        [((), ()), ((whole([7]),), ()), ((objects(["a"]), whole([1])), (objects(["k"]),))]
    ):
        one = order_of([row])
        made = Order(one.ts, one.level, one.phase, one.kind + rule, ties, one.rank, one.seq, one.rule + rule, keys,
                     one.first, one.emit)  # fmt: skip
        batch = EventBatch(SCHEMAS["X"], one.ts, one.seq, {"n": Column(INT, whole([rule]))})
        orders.append(Output(batch, made))
    merged = merge(SCHEMAS["X"], orders[::-1])
    assert merged.batch["n"].to_list() == [0, 1, 2]
    assert len(merged.order.ties) == 2


def test_nothing_to_interleave_is_no_batch():
    assert interleave([]) == []
    assert interleave([output("X", [])]) == []
    assert sort_order(order_of([])) is None


def test_derived_events_are_numbered_in_order():
    numbered = number(output("X", [(t, 0, 0, 0, None, 0, 0, 0, "", 0, 0) for t in range(3)]), 40)
    assert numbered.batch.seq.tolist() == [40, 41, 42]


def test_values_sort_by_their_own_order_nulls_first():
    text = string_column(["b", None, "a", "é", "Z"])
    assert np.argsort(ranks(order_values(text))).tolist() == [1, 4, 2, 0, 3]
    flags = Column(BOOL, np.array([True, False]))
    assert order_values(flags).tolist() == [1, 0]
    floats = Column(FLOAT.as_optional(), np.array([2.5, 9.0, -1.0]), np.array([True, False, True]))
    assert np.argsort(ranks(order_values(floats))).tolist() == [1, 2, 0]


def test_decimals_with_nulls_and_without_sort_together():
    """One batch has a null among its ties, another has none: the numbers are still of one size."""
    kind = decimal(2)
    some = Column(kind.as_optional(), whole([300, 50, 0]), np.array([True, True, False]))
    all_ = Column(kind, whole([150, 900]))
    assert some.to_list() == [Decimal("3.00"), Decimal("0.50"), None]
    together = np.concatenate([order_values(some), order_values(all_).astype(object)])
    assert ranks(together).tolist() == [3, 1, 0, 2, 4]
