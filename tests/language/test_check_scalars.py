"""Functions of strings, times and places: their types, what becomes a constant, and what they cannot be asked."""

from __future__ import annotations

import pytest

from cep.language.typed import Apply, Const
from cep.model.types import FLOAT, INT, STRING, TIME, Type, list_of
from tests.language.checking import assert_mistakes, mistakes, rulebook


def emitted(expression):
    book = rulebook(f'param home: string = "Europe/Paris"\nrule R from Pay emit X {{ x = {expression} }}')
    return book.rules[0].emits[0].fields[0][1]


TYPES: list[tuple[str, Type]] = [
    ("lower(card)", STRING),
    ("upper(note)", STRING.as_optional()),
    ("trim(upper(note))", STRING.as_optional()),
    ("length(card)", INT),
    ("length(note)", INT.as_optional()),
    ("substr(card, 2)", STRING),
    ("substr(card, seq, tries)", STRING.as_optional()),
    ("card || note", STRING.as_optional()),
    ('card || "-" || card', STRING),
    ("concat(card, note)", STRING),
    ("concat(note, note)", STRING),
    ('split(card, ",")', list_of(STRING)),
    ("split(note, home)", list_of(STRING).as_optional()),
    ('split("a b", " ")', list_of(STRING)),
    ("hour_of(at)", INT),
    ("day_of(at, home)", INT),
    ("weekday_of(at + pause)", INT.as_optional()),
    ("truncate(at, 1 d)", TIME.as_optional()),
    ('truncate(at, pause, "Asia/Tokyo")', TIME.as_optional()),
    ("distance_km(rate, seq, amount, 2.5)", FLOAT.as_optional()),
    ("distance_km(where_at, where_at)", FLOAT.as_optional()),
]


@pytest.mark.parametrize(("expression", "expected"), TYPES)
def test_a_function_has_the_type_of_the_table(expression, expected):
    assert emitted(expression).type == expected


CONSTANTS = [
    ('lower("ÀB")', "àb"),
    ('length("é😀")', 2),
    ('substr("abcd", -2, 1)', "c"),
    ('"a" || upper("b") || concat("c", "d")', "aBcd"),
]


@pytest.mark.parametrize(("expression", "expected"), CONSTANTS)
def test_of_constants_it_is_a_constant(expression, expected):
    found = emitted(expression)
    assert isinstance(found, Const)
    assert found.value == expected


def test_params_may_be_computed_by_functions_of_strings():
    text = 'param a: string = "x" || trim(" y ")\nparam n: int = length("abc") + 1\nrule R from Pay emit X { a, n }'
    book = rulebook(text)
    assert [book.params[n].value.value for n in ("a", "n")] == ["xy", 4]
    found = mistakes('param a: string = lower(1)\nparam b: string = substr("a")\nparam c: int = floor(1.5)')
    assert [d.message for d in found] == [
        "a: `lower` takes a string here, not an int",
        "b: `substr` takes two or three arguments",
        "c: this is not a constant",
    ]


def test_a_chain_of_strings_is_one_operation():
    chain = emitted('card || "-" || note || upper(card)')
    assert isinstance(chain, Apply)
    assert (chain.op, len(chain.args)) == ("join", 4)
    assert len(emitted("card || " * 9999 + "card").args) == 10_000


def test_the_step_and_the_time_zone_are_put_in():
    found = emitted("truncate(at, pause, home)")
    assert found.args[1:] == (Const(600 * 10**9, found.args[1].type), Const("Europe/Paris", STRING))


def test_a_distance_of_records_is_one_of_their_fields():
    found = emitted("distance_km(where_at, where_at)")
    assert [a.name for a in found.args] == ["where_at.lat", "where_at.lon"] * 2


WRONG = [
    ('lower(«seq) = "1"', "wrong-type", "`lower` takes a string, not an int", None),
    ("length(«tags) > 1", "not-yet", "a list in this place", None),
    ("length(«pause) > 1", "wrong-type", "`length` takes a string, not a duration", "seconds(d)"),
    ("«trim() = card", "wrong-arguments", "`trim` takes one argument", "trim(x)"),
    ("«substr(card) = card", "wrong-arguments", "`substr` takes two or three arguments", "substr(x, 1, 3)"),
    ('substr(card, «"a") = card', "wrong-type", "`substr` takes an int, not a string", None),
    ('«concat(card) = "a"', "wrong-arguments", "`concat` takes two arguments or more", None),
    ('concat(card, «5) = "a"', "wrong-type", "`concat` takes a string, not an int", None),
    ('card || «5 = "a"', "wrong-type", "`||` joins strings, not an int", 'in quotes: "5"'),
    ('card || «amount || "x" = "a"', "wrong-type", "`||` joins strings, not a decimal", "a field of its own"),
    ('card || «null = "a"', "wrong-type", "`||` joins strings, not null", '""'),
    ("hour_of(«seq) = 1", "wrong-type", "`hour_of` takes a time, not an int", None),
    ("hour_of(at, «card) = 1", "wrong-arguments", "the time zone of `hour_of` is a constant string", "in quotes"),
    ('day_of(at, «"Europe/Pari") = 1', "unknown-zone", '"Europe/Pari" is no time zone', "`Europe/Paris`"),
    ("«truncate(at) = at", "wrong-arguments", "`truncate` takes two or three arguments", "truncate(t, 1 d)"),
    ('truncate(at, «"day") = at', "wrong-arguments", "is a constant duration", "truncate(t, 1 d)"),
    ("truncate(at, «at - at) = at", "wrong-arguments", "is a constant duration", None),
    ("truncate(at, «never) = at", "wrong-arguments", "longer than nothing", None),
    ("truncate(«rate, 1 d) = at", "wrong-type", "`truncate` takes a time, not a float", "floor(x)"),
    ("truncate(«pause, 1 d) = at", "wrong-type", "`truncate` takes a time, not a duration", "d - d % 1 min"),
    ("«distance_km(1, 2, 3) > 1", "wrong-arguments", "two records or four numbers", None),
    ("distance_km(«seq, where_at) > 1", "wrong-type", "takes records with the fields lat and lon", "(lat1, lon1"),
    ("distance_km(where_at, «1 + 2) > 1", "wrong-type", "not an int", None),
    ("distance_km(1, 2, 3, «card) > 1", "wrong-type", "`distance_km` takes an int, a float or a decimal", None),
    ("«len(card) > 1", "unknown-function", "`len`", "did you mean `length`?"),
    ('«substring(card, 1, 2) = "a"', "unknown-function", "`substring`", "did you mean `substr`?"),
    ('«tolower(card) = "a"', "unknown-function", "`tolower`", "did you mean `lower`?"),
    ("«date_trunc(at, 1 d) = at", "unknown-function", "`date_trunc`", "did you mean `truncate`?"),
    ("«hour(at) = 1", "unknown-function", "`hour`", "did you mean `hour_of`?"),
    ('split(«seq, ",") is null', "wrong-type", "`split` takes a string, not an int", None),
    ("«split(card) is null", "wrong-arguments", "`split` takes two arguments", 'split(x, ",")'),
    ("split(card, «card) is null", "wrong-arguments", "splits at is a constant string", "in quotes"),
    ('split(card, «"") is null', "wrong-arguments", "at the empty string", 'split(x, ",")'),
    ("split(card, «never) is null", "wrong-arguments", "constant string", None),
    ('«split(card, ",") = card', "wrong-type", "a list<string>", "in ("),
    ('length(«split(card, ",")) = 1', "wrong-type", "`length` takes a string", None),
    ('«string_split(card, ",") is null', "unknown-function", "`string_split`", "did you mean `split`?"),
]


@pytest.mark.parametrize(("condition", "code", "message", "hint"), WRONG)
def test_what_a_function_cannot_take_is_told(condition, code, message, hint):
    assert_mistakes(f"rule R from Pay where {condition} emit X {{ }}", code, message, hint)


def test_a_record_without_a_place_has_no_distance():
    text = """\
record Spot { lat: float, name: string }
record Sign { lat: string, lon: string }
stream Seen ordered by at { at: time, spot: Spot, sign: Sign }
rule R from Seen where distance_km(«spot, «spot) > 1 and distance_km(1, 2, 3, 4) > 1 emit X { }"""
    assert_mistakes(text, "unknown-field", "Spot has no `lon`", "the fields that it has")
    found = mistakes(text.replace("«", "").replace("spot, spot", "sign, sign"))
    assert [d.message for d in found] == ["`distance_km` takes an int, a float or a decimal, not a string"] * 2


def test_the_length_of_a_loop_is_its_count():
    found = mistakes("rule R when 2 Pay as a within 1 h emit X { n = len(a), m = len(a.card) }")
    assert [d.hint for d in found] == ["did you mean `count`?", "did you mean `length`?"]


def test_strings_of_two_events_in_a_condition_are_refused_at_their_place():
    rule = "rule R when Pay as a then Pay as b where {} within 1 h emit X {{ x = a.card || b.card }}"
    for condition, what in [
        ('ok and «a.card || card = "x"', "`||`"),
        ("«concat(a.card, card) = note", "`concat`"),
        ("«substr(card, a.seq) = note", "`substr`"),
        ("«concat(a.note, last(b.note)) = note", "`concat`"),
    ]:
        assert_mistakes(rule.format(condition), "not-yet", f"{what} of values of several events", "one event at a time")
    assert not mistakes(rule.format("lower(coalesce(a.note, note)) = upper(card) and length(a.card) = length(card)"))
