"""Patterns to programs: tables of the automaton, layouts of any width, long conditions; what is too long is refused."""

from __future__ import annotations

from random import Random

import engine_adapter
import numpy as np
import pytest

import cep
from cep.compiler.layout import BITS_A_WORD, Layout
from cep.kernels.program import (
    AFTER,
    AGAIN,
    FINAL,
    FINAL_WAIT,
    FIRST,
    FIRST_MOVE,
    GUARDS,
    HIGH,
    KEEP_ALL,
    LOW,
    MOVES,
    PAST_LAST,
    SKIP,
    STEPS,
    STRICT,
    TARGET,
    WITHIN,
)
from cep.kernels.runs import CLOSE_BIT, FOREVER, REGISTERS
from cep.language.typed import Attr
from cep.model.types import INT, STRING

STREAM = "stream S ordered by at { at: time(s), k: int, n: int, s: string?, f: float? }\n"
CLOSE = int(CLOSE_BIT)


def program(body):
    return cep.loads(f"{STREAM}rule R {body}").programs.by_rule["R"]


def row(at, n=0, **fields):
    return {"at": at, "k": 1, "n": n, "s": None, "f": None} | fields


def found(body, rows):
    return [r.fields for r in engine_adapter.run(f"{STREAM}rule R {body}", [("S", r) for r in rows])]


def moves(tables, state, mask):
    """The (target, strict, guards) of the moves of a state that are in a mask."""
    first = tables.steps[state, FIRST_MOVE]
    rows = [tables.moves[first + e] for e in range(tables.steps[state, MOVES]) if mask >> e & 1]
    return [(int(r[TARGET]), int(r[STRICT]), int(r[GUARDS])) for r in rows]


def test_what_a_run_may_bind_next_is_a_mask():
    made = program(
        "when S as a then optional S as b then 2 S as c then 0 or more S as d within 1 min emit X { n = a.n }"
    )
    steps, scalars = made.tables.steps, made.tables.scalars
    assert steps[:4, LOW].tolist() == [1, 0, 2, 0]
    assert steps[:3, HIGH].tolist() == [1, 1, 2]
    after = [[target for target, _, _ in moves(made.tables, i, int(steps[i, AFTER]))] for i in range(4)]
    assert after == [[1, 2], [2], [3], []]
    assert [[t for t, _, _ in moves(made.tables, i, int(steps[i, AGAIN]))] for i in range(4)] == [[], [], [2], [3]]
    assert [bool(steps[i, AFTER] & CLOSE) for i in range(4)] == [False, False, True, True]
    assert (scalars[STEPS], scalars[FIRST]) == (4, 0b1)
    assert (scalars[WITHIN], scalars[SKIP], scalars[FINAL]) == (60 * 10**9, PAST_LAST, 0)


def test_a_pattern_may_begin_with_what_may_be_left_out():
    made = program(
        "when optional S as a then 0 or more S as b then S as c within 1 s after match keep all emit X { n = c.n }"
    )
    assert made.tables.scalars[FIRST] == 0b111
    assert made.tables.scalars[SKIP] == KEEP_ALL


def test_links_and_absences_stand_on_the_moves():
    made = program(
        "when S as a then no S where n = 1 then optional S as b next S as c "
        "then no S where n = 2 for 5 s within 9 s emit X { n = a.n }"
    )
    # predicates 3 and 4 are the absences
    assert moves(made.tables, 0, -1) == [(1, 0, 0b1000), (2, 1, 0b1000)]
    assert moves(made.tables, 1, -1) == [(2, 1, 0)]
    assert made.tables.scalars[FINAL] == 0b10000
    assert made.tables.scalars[FINAL_WAIT] == made.tables.waits[4] == 5 * 10**9
    assert made.selects_all


def test_no_bound_is_for_ever():
    assert program("when S as a then S as b allow unbounded emit X { n = a.n }").tables.scalars[WITHIN] == FOREVER


def test_conjuncts_about_one_event_are_decided_before_the_matcher():
    made = program(
        "when S as a where n > 1 then S as b where n > 2 and n > a.n and s is null within 1 s emit X { n = a.n }"
    )
    (source,) = made.inputs
    assert [p for p, condition in source.predicates if condition is not None] == [0, 1]
    assert made.text.count(" > ") == 1
    assert not made.selects_all


def test_values_of_streams_with_one_name_and_kind_share_a_slot():
    text = """
    stream A ordered by at { at: time(s), n: int, s: string, x: int }
    stream B ordered by at { at: time(s), n: int?, s: int, y: int }
    rule R when A as a then B as b where n > a.n and y = a.x within 1 s emit X { a = a.s, b = b.s }
    """
    made = cep.loads(text).programs.by_rule["R"]
    kinds = sorted((s.expression.name, s.type.kind) for s in made.layout.slots)
    assert kinds == [("n", "int"), ("s", "int"), ("s", "string"), ("x", "int"), ("y", "int")]
    assert [len(i.present) for i in made.inputs] == [3, 3]
    rows = [("A", {"at": 0, "n": 1, "s": "t", "x": 5}), ("B", {"at": 1, "n": None, "s": 6, "y": 5}),
            ("B", {"at": 1, "n": 2, "s": 7, "y": 5})]  # fmt: skip
    assert [r.fields for r in engine_adapter.run(text, rows)] == [{"a": "t", "b": 7}]


@pytest.mark.parametrize("slots", [0, 1, 61, 62, 63, 124, 125, 200])
def test_every_slot_has_a_null_bit_of_its_own(slots):
    layout = Layout(2)
    for i in range(slots):
        layout.slot(Attr(None, f"f{i}", INT), INT)
    layout.freeze()
    places = [layout.null_place(i) for i in range(slots)]
    columns = [layout.column(i) for i in range(slots)]
    assert len(set(places)) == slots
    assert all(bit < BITS_A_WORD for _, bit in places)
    assert all(word < layout.key_at for word, _ in places)
    assert columns == list(range(layout.key_at + 2, layout.row_width))
    assert layout.run_width == REGISTERS


def test_a_slot_is_made_once_for_a_name_and_kind():
    layout = Layout(0)
    first = layout.slot(Attr(None, "a", INT), INT)
    assert layout.slot(Attr(None, "a", INT), INT.as_optional()) is first
    assert layout.slot(Attr(None, "a", STRING), STRING) is not first


def test_seventy_nullable_values_come_back_as_they_went_in():
    rng, n = Random(5), 70
    kinds = [rng.choice(["int", "float", "bool", "string"]) for _ in range(n)]
    samples = {
        "int": [None, 0, 2**63 - 1, -(2**63)],
        "float": [None, 0.5, -1e300],
        "bool": [None, True, False],
        "string": [None, "", "é😀", "x" * 300],
    }
    fields = ", ".join(f"f{i}: {kind}?" for i, kind in enumerate(kinds))
    emit = ", ".join(f"g{i} = a.f{i}, h{i} = last(l.f{i})" for i in range(n))
    text = f"stream W ordered by at {{ at: time(s), {fields} }}\n"
    text += f"rule R when W as a then 3 W as l within 1 min emit X {{ {emit} }}"
    rows = [{"at": t} | {f"f{i}": rng.choice(samples[k]) for i, k in enumerate(kinds)} for t in range(4)]
    (match,) = engine_adapter.run(text, [("W", r) for r in rows])
    for i in range(n):
        assert match.fields[f"g{i}"] == rows[0][f"f{i}"]
        known = [r[f"f{i}"] for r in rows[1:] if r[f"f{i}"] is not None]
        assert match.fields[f"h{i}"] == (known[-1] if known else None)


@pytest.mark.parametrize("where", ["or", "plus"])
def test_ten_thousand_terms_about_one_event_run_in_a_pattern_and_in_a_filter(where):
    n = 10_000
    condition = {
        "or": " or ".join(f"n = {i + 5}" for i in range(n)),
        "plus": f"{' + '.join(['n'] * n)} > {4 * n}",
    }[where]
    # in one go, so that the text is checked once
    text = f"{STREAM}rule F from S where {condition} emit X {{ n }}\n"
    text += f"rule R when S as a where {condition} then S as b within 9 s emit Y {{ n = a.n }}"
    results = [(r.type, r.fields["n"]) for r in engine_adapter.run(text, [("S", row(t, t + 2)) for t in range(6)])]
    assert [n for kind, n in results if kind == "X"] == [5, 6, 7]
    assert [n for kind, n in results if kind == "Y"] == [5]


@pytest.mark.parametrize("where", ["and", "in"])
def test_many_terms_that_compare_with_a_bound_event_run(where):
    n = 60
    terms = [f"n != a.n + {i}" for i in range(n)]
    condition = " and ".join(terms) if where == "and" else f"not n in ({', '.join(f'a.n + {i}' for i in range(n))})"
    rows = [row(0, 0), row(1, 59, k=2), row(2, 7, k=2), row(3, 60, k=2)]
    assert found(f"when S as a where k = 1 then S as b where {condition} within 9 s emit X {{ n = b.n }}", rows) == [
        {"n": 60}
    ]


def test_an_aggregate_of_ten_thousand_terms_is_refused_in_words():
    long = " + ".join(["b.n"] * 10_000)
    rules = cep.loads(f"{STREAM}rule R when S as a then 2 S as b within 9 s emit X {{ n = sum({long}) }}")
    with pytest.raises(cep.RuleError, match="too long inside an aggregate"):
        _ = rules.programs


def test_ten_thousand_terms_that_compare_with_a_bound_event_are_refused_in_words():
    condition = " and ".join(f"n != a.n + {i}" for i in range(10_000))
    rules = cep.loads(f"{STREAM}rule R when S as a then S as b where {condition} within 9 s emit X {{ n = b.n }}")
    with pytest.raises(cep.RuleError, match="too long to compile") as caught:
        _ = rules.programs
    assert caught.value.diagnostics[0].code == "too-long"


def test_a_blank_run_has_bound_nothing():
    made = program(
        "when S as a then 1 or more S as l where n > a.n within 9 s "
        "emit X { c = count(l), s = sum(l.n), o = first(l.s) }"
    )
    positions = len(made.layout.positions)
    assert made.blank[:positions].tolist() == [-1] * positions
    assert not np.any(made.blank[positions:])
    assert len(made.blank) == made.layout.run_width - REGISTERS


LEAST, MOST = -(2**63), 2**63 - 1
SUMS = {
    "mixed": ([1, 2, None, -4], {"c": 3, "t": -1, "m": -1 / 3, "lo": -4, "hi": 2, "a": 1, "z": -4}),
    "nothing": ([None, None], {"c": 0, "t": None, "m": None, "lo": None, "hi": None, "a": None, "z": None}),
    "there and back": ([MOST, 1, -1], {"c": 3, "t": MOST, "m": 2.0**63 / 3, "lo": -1, "hi": MOST, "a": MOST, "z": -1}),
    "beyond": ([MOST, 1], {"c": 2, "t": None, "m": 2.0**62, "lo": 1, "hi": MOST, "a": MOST, "z": 1}),
    "far below": ([LEAST] * 3, {"c": 3, "t": None, "m": -(2.0**63), "lo": LEAST, "hi": LEAST, "a": LEAST, "z": LEAST}),
}  # fmt: skip


@pytest.mark.parametrize("name", SUMS)
def test_folds_pass_over_nulls_and_sum_in_128_bits(name):
    values, want = SUMS[name]
    text = f"""
    stream V ordered by at {{ at: time(s), v: int?, end: bool }}
    rule R when {len(values)} V as l where not end then V as z where end within 1 min
    emit X {{ c = count(l.v), t = sum(l.v), m = avg(l.v), lo = min(l.v), hi = max(l.v), a = first(l.v), z = last(l.v) }}
    """
    rows = [{"at": i, "v": v, "end": False} for i, v in enumerate(values)] + [{"at": 50, "v": None, "end": True}]
    (match,) = engine_adapter.run(text, [("V", r) for r in rows])
    assert match.fields == want
