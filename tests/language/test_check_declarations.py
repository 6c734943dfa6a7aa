"""Declarations: streams, records, variants, types."""

from __future__ import annotations

import pytest

from cep.model.schema import Attribute
from cep.model.types import BOOL, FLOAT, INT, STRING, Type
from tests.language.checking import assert_mistakes, rulebook

CASES = [
    ("stream «S { at: time }", "missing-order", "which field orders it", "stream S ordered by at"),
    ("stream «S { a: int }", "missing-order", "which field orders it", "{ at: time, … }"),
    ("stream S ordered by «ta { at: time }", "unknown-field", "S has no field `ta`", "ordered by at"),
    ("stream S ordered by «when { at: time }", "unknown-field", "S has no field `when`", "ordered by at"),
    ("stream S ordered by «at { at: int }", "wrong-type", "must be a time; it is int", "at: time(ms)"),
    ("stream S ordered by «at { at: time? }", "wrong-type", "cannot be optional", "at: time"),
    ("stream S ordered by at ties by «sq { at: time, seq: int }", "unknown-field", "no field `sq`", "`seq`"),
    (
        "record P { a: int } stream S ordered by at ties by «p { at: time, p: P }",
        "wrong-type",
        "no order",
        None,
    ),
    ("stream S ordered by at ties by a, «a { at: time, a: int }", "duplicate-field", "ties twice", None),
    ("stream S ordered by at { at: time, a: int, «a: int }", "duplicate-field", "the field `a` twice", None),
    ("stream S ordered by at { at: time } stream «S ordered by at { at: time }", "duplicate-name", "twice", None),
    ("stream S ordered by at { at: time } stream «S = S | S", "duplicate-name", "twice", None),
    ("record R { a: int } record «R { a: int }", "duplicate-name", "record R is declared twice", None),
    ("param p: int = 1 param «p: int = 2", "duplicate-name", "param p is declared twice", None),
    ("table T keyed by a { a: int } table «T keyed by a { a: int }", "duplicate-name", "table T", None),
    ("record R { a: int, «a: int }", "duplicate-field", "R has the field `a` twice", None),
    ("stream S ordered by at { at: time, a: «integer }", "unknown-type", "no type `integer`", "`int`"),
    ("stream S ordered by at { at: time, a: «strin }", "unknown-type", "no type `strin`", "`string`"),
    ("stream S ordered by at { at: time, a: «varchar }", "unknown-type", "no type `varchar`", "`string`"),
    ("record Place { a: int } stream S ordered by at { at: time, a: «Plaec }", "unknown-type", "`Plaec`", "`Place`"),
    ("stream S ordered by at { at: time, a: list<«strin> }", "unknown-type", "no type `strin`", None),
    ("stream S ordered by at { at: time, a: «decimal(13) }", "unknown-type", "0 to 12 digits", None),
    ("stream S ordered by at { at: time, a: «int(4) }", "unknown-type", "takes nothing", "write int"),
    ('stream S ordered by at { at: «time("Europe/Pariss") }', "unknown-zone", "Europe/Pariss", "Europe/Paris`"),
    ('stream S ordered by at { at: «time("a\\nb") }', "unknown-zone", r"time(a\nb)", None),
    ('record P { d: «decimal("\\n") }', "unknown-type", r"decimal(\n) is no type", None),
    ('param t: time = «"a\\nb"', "param-value", r'"a\nb" is no time', None),
    ("stream S ordered by at { at: «time(min) }", "unknown-zone", "neither a unit", None),
    (
        "record A { b: B? } record B { a: «A } stream S ordered by at { at: time, b: B }",
        "cycle",
        "the record A contains itself: A → B → A",
        None,
    ),
    ("stream S extends «Bse { a: int } stream Base ordered by at { at: time }", "unknown-stream", "Bse", "`Base`"),
    ("stream A extends «B { a: int } stream B extends «A { b: int }", "cycle", "extends itself: A → B → A", None),
    (
        "stream B ordered by at { at: time, a: int } stream S extends B { «a: int }",
        "duplicate-field",
        "already from B",
        None,
    ),
    (
        "stream S ordered by at { at: time } stream V = S | S stream C extends «V { a: int }",
        "unknown-stream",
        "V is a variant",
        None,
    ),
    ("stream S ordered by at { at: time } stream V = S | «T", "unknown-stream", "no stream T", None),
    (
        "stream S ordered by at { at: time } stream V = S | «W stream W = S | «V",
        "cycle",
        "the variant V contains itself",
        None,
    ),
    (
        (
            "stream A ordered by at ties by k { at: time, k: int }\n"
            "stream B ordered by at ties by «k { at: time, k: string }"
        ),
        "wrong-type",
        "`k` breaks ties in A and in B, as int and as string",
        "same type",
    ),
]


@pytest.mark.parametrize(("text", "code", "message", "hint"), CASES)
def test_a_wrong_declaration_is_told_at_its_place(text, code, message, hint):
    assert_mistakes(text, code, message, hint, prelude="")


def test_a_wrong_field_is_told_once_and_not_again_by_its_readers():
    text = "stream S ordered by at { at: time, a: «strin } rule R keyed by a from S where a = 5 emit X { a, b = a }"
    assert_mistakes(text, "unknown-type", "strin", prelude="")


def test_a_child_copies_fields_and_what_it_does_not_say_itself():
    book = rulebook(
        """
        stream A ordered by at late 5 s ties by seq { at: time(ms), seq: int }
        stream B extends A late 1 s { more: string? }
        stream C extends B ordered by other ties by more { other: time("Europe/Paris") }
        """,
        prelude="",
    )
    a, b, c = book.streams.values()
    assert (b.time, b.late, b.ties) == ("at", 10**9, ("seq",))
    assert (c.time, c.late, c.ties) == ("other", 10**9, ("more",))
    assert a.names == ("at", "seq")
    assert c.names == ("at", "seq", "more", "other")
    assert c.by_name["other"].type == Type("time", zone="Europe/Paris")
    assert book.warnings == ()


def test_a_record_is_flat_and_its_optional_presence_reaches_its_leaves():
    book = rulebook(
        """
        record Place { lat: float from "Lat", city: string? }
        stream S ordered by at { at: time, a: Place, b: Place? from "B", c: float(inf), d: decimal(2)? }
        """,
        prelude="",
    )
    assert book.streams["S"].attributes == (
        Attribute("at", Type("time"), "at"),
        Attribute("a", Type("record", name="Place"), "a"),
        Attribute("a.lat", FLOAT, "a.Lat"),
        Attribute("a.city", STRING.as_optional(), "a.city"),
        Attribute("b", Type("record", optional=True, name="Place"), "B"),
        Attribute("b.lat", FLOAT.as_optional(), "B.Lat", with_record=True),
        Attribute("b.city", STRING.as_optional(), "B.city"),
        Attribute("c", Type("float", infinite=True), "c"),
        Attribute("d", Type("decimal", optional=True, scale=2), "d"),
    )


def test_a_variant_of_variants_is_unfolded_and_reads_what_all_members_have():
    book = rulebook(
        """
        stream A ordered by at { at: time, x: int, y: int, z: bool }
        stream B ordered by at { at: time, x: int?, y: string }
        stream C ordered by at { at: time(ms), x: int }
        stream AB = A | B
        stream ABC = AB | C | A
        rule R from ABC emit X { x, at }
        """,
        prelude="",
    )
    assert book.variants["ABC"] == ("A", "B", "C")
    assert book.rules[0].inputs == ("A", "B", "C")
    assert book.derived["X"].by_name["x"].type == INT.as_optional()
    assert book.derived["X"].by_name["at"].type == Type("time")


def test_a_variant_may_hold_a_derived_stream():
    book = rulebook(
        """
        stream A ordered by at { at: time, x: int, ok: bool }
        stream Both = A | D
        rule R from Both emit X { x }
        rule S from A emit D { x, at }
        """,
        prelude="",
    )
    assert book.rules[0].inputs == ("A", "D")
    assert book.streams["A"].by_name["ok"].type == BOOL
