"""Lists and records where they may stand, and what is said where they may not."""

from __future__ import annotations

import pytest
from language.checking import assert_mistakes, rulebook

from cep.language.typed import Attr, Fold
from cep.model.types import FLOAT, INT, STRING, list_of

PRELUDE = """\
record City { name: string, zip: int? }
record Place { lat: float, city: City?, notes: list<string> }
stream Pay ordered by at {
  at: time, id: int, card: string, rate: float?, tags: list<string>, sums: list<int?>?, place: Place?,
  m: map<string, int>
}
stream Bare ordered by at { at: time, card: string }
"""

TYPES = (
    ("ids(a)", list_of(INT)),
    ("list(a.rate)", list_of(FLOAT.as_optional())),
    ("list(a.id + 1)", list_of(INT.as_optional())),
    ("list(a.tags)", list_of(list_of(STRING))),
    ("list(a.place.city.name)", list_of(STRING.as_optional())),
    ("distinct(a.rate)", list_of(FLOAT)),
    ("flatten(a.sums)", list_of(INT.as_optional())),
    ("events(a)", list_of(STRING)),
    ("last(a.tags)", list_of(STRING)),
    ("first(a.sums)", list_of(INT.as_optional()).as_optional()),
    ("z.sums", list_of(INT.as_optional()).as_optional()),
)


@pytest.mark.parametrize(("text", "kind"), TYPES)
def test_a_list_has_the_type_of_its_elements(text, kind):
    book = rulebook(f"rule R when 2 Pay as a then Pay as z within 1 h emit X {{ x = {text} }}", PRELUDE)
    assert book.rules[0].emits[0].fields[0][1].type == kind
    assert book.derived["X"].by_name["x"].type == kind


def test_ids_is_the_list_of_the_field_id():
    book = rulebook("rule R when 2 Pay as a within 1 h emit X { x = ids(a) }", PRELUDE)
    assert book.rules[0].emits[0].fields[0][1] == Fold("list", "a", Attr(None, "id", INT), False, list_of(INT))


def test_two_rules_may_emit_lists_of_which_one_holds_nulls():
    rules = "rule A from Pay emit X { x = sums } rule B when 2 Pay as a within 1 h emit X { x = ids(a) }"
    assert str(rulebook(rules, PRELUDE).derived["X"].by_name["x"].type) == "list<int?>?"


def test_an_emitted_record_brings_its_fields():
    book = rulebook("rule R from Pay as p emit X { where_at = p.place, p.place.city }", PRELUDE)
    assert [(a.name, str(a.type)) for a in book.derived["X"].attributes] == [
        ("where_at", "Place?"),
        ("where_at.lat", "float?"),
        ("where_at.city", "City?"),
        ("where_at.city.name", "string?"),
        ("where_at.city.zip", "int?"),
        ("where_at.notes", "list<string>?"),
        ("city", "City?"),
        ("city.name", "string?"),
        ("city.zip", "int?"),
    ]


CASES = (
    ("when 2 Bare as b within 1 h emit X { x = «ids(b) }", "unknown-field", "the field `id`", "list(b.card)"),
    ("when 2 Bare as b within 1 h emit X { x = «ids(b) }", "unknown-field", "the field `id`", "events(b)"),
    ("when 2 Pay as a within 1 h emit X { x = ids(«a.card) }", "wrong-arguments", "the alias of events", "ids(a)"),
    ("when 2 Pay as a within 1 h emit X { x = list(«a) }", "wrong-arguments", "a field of `a`", "list(a."),
    ("when 2 Pay as a within 1 h emit X { x = «list(card) }", "needs-alias", "whose events", "list(a.card)"),
    ("when 2 Pay as a within 1 h emit X { x = «flatten(a.card) }", "wrong-type", "joins lists", "list("),
    ("when 2 Pay as a within 1 h emit X { x = «distinct(a.tags) }", "wrong-type", "list<string>", "flatten"),
    ("when 2 Pay as a within 1 h emit X { x = max(«a.tags) }", "wrong-type", "`max` is not defined", None),
    ("when 2 Pay as a within 1 h emit X { x = «list(a.id) + 1 }", "wrong-type", "`+` is not defined", None),
    ("when 2 Pay as a within 1 h emit X { x = «ids(a) = ids(a) }", "wrong-type", "not defined for lists", "x in"),
    ("when 2 Pay as a within 1 h emit X { x = list(«count(a)) }", "nested-aggregate", "inside another", None),
    ("from Pay where «tags = card emit X { }", "not-yet", "a list in this place", "is null"),
    ("from Pay where card in (tags, «sums) emit X { }", "wrong-type", "cannot be compared", None),
    ("from Pay where id in («[1, 2]) emit X { }", "not-yet", "a list", None),
    ("from Pay emit X { «m }", "not-yet", "map<string, int>", None),
    ("from Pay emit X { x = «ids(v) }", "not-yet", "needs a window", None),
    ("when 2 Pay as a then Pay where «a.card in (tags) within 1 h emit X { }", "loop-alias", "is a loop", None),
    ("when 2 Pay as a then Pay where card in («flatten(a.tags)) within 1 h emit X { }", "not-yet", "`flatten`", None),
    ("when 2 Pay as a then Pay where card in («events(a)) within 1 h emit X { }", "not-yet", "`events`", None),
    ("when 2 Pay as a then Pay where «ids(a) is null within 1 h emit X { }", "not-yet", "outside of `in", "emit"),
    ("keyed by tags from Pay emit X { }".replace("tags", "«tags", 1), "key-type", "cannot be a key", None),
    ("from Pay where «place = 1 emit X { }", "record-value", "whole record", "place.lat"),
)


@pytest.mark.parametrize(("text", "code", "message", "hint"), CASES)
def test_what_a_list_or_a_record_cannot_be_asked_is_told_at_its_place(text, code, message, hint):
    assert_mistakes(f"rule R {text}", code, message, hint, PRELUDE)


def test_records_may_not_stand_in_themselves_nor_very_deep_nor_make_very_many_fields():
    stream = "stream S ordered by at { at: time, x: R0 } rule R from S emit X { }"
    assert_mistakes("record R0 { r: R1? } record R1 { r: «R0? } " + stream, "cycle", "contains itself", None, "")
    deep = " ".join(f"record R{n} {{ r: R{n + 1} }}" for n in reversed(range(17)))
    deep = deep.replace("record R0 { r: R1", "record R0 { r: «R1")
    assert_mistakes(f"record R17 {{ a: int }} {deep} {stream}", "too-many-fields", "16 deep", "outer record", "")
    wide = ", ".join(f"f{n}: int" for n in range(600))
    text = f"record R1 {{ {wide} }} record R0 {{ a: R1, b: «R1 }} {stream}"
    assert_mistakes(text, "too-many-fields", "R0 has more than 1000 fields", None, "")
