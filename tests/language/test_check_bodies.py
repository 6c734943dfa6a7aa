"""Declared functions: a call means the body with the arguments in it; every mistake is told once, where it stands."""

from __future__ import annotations

import pytest

from cep.language.typed import Apply, Attr, Const, ParamRef
from cep.model.types import FLOAT, STRING, decimal
from tests.language.checking import PRELUDE, assert_mistakes, mistakes, rulebook

DECLARED = """\
function half(x: float) = x / 2
function quarter(x: float) = half(half(x))
function tax(x: decimal(2), share: decimal(2)) = x * share
function name_of(p: Place) = coalesce(p.city, "?")
function kmh(a: Place, b: Place, t: duration) = distance_km(a, b) / hours(t)
function way(a: Place, b: Place) = kmh(b, a, pause)
function known(p: Place) = p is not null
function cent() = 0.01
function loud(s: string) = upper(s) || "!"
"""


def emitted(expression):
    book = rulebook(f"{DECLARED}rule R from Pay emit X {{ x = {expression} }}")
    assert not [w for w in book.warnings if w.code == "not-yet"]
    return book.rules[0].emits[0].fields[0][1]


def test_a_call_is_the_body_with_the_arguments_in_it():
    assert emitted("half(rate)") == emitted("rate / 2")
    assert emitted("quarter(rate)") == emitted("rate / 2 / 2")
    assert emitted("loud(note)") == emitted('upper(note) || "!"')
    assert emitted("kmh(where_at, where_at, at - at)") == emitted("distance_km(where_at, where_at) / hours(at - at)")
    assert emitted("name_of(where_at)") == emitted('coalesce(where_at.city, "?")')
    assert emitted("known(where_at)") == emitted("where_at is not null")


def test_arguments_become_what_the_parameters_are():
    assert emitted("half(seq)").args[0].op == "to_float"
    assert emitted("tax(3, 0.21)").args == (Const(300, decimal(2)), Const(21, decimal(2)))
    assert emitted("loud(null)").args[0].args == (Const(None, STRING.as_optional()),)
    assert emitted("half(tries)").type == FLOAT.as_optional()


def test_a_body_sees_params_and_other_functions():
    found = emitted("way(where_at, where_at)")
    assert isinstance(found, Apply)
    (pause,) = [a for a in found.args[1].args if isinstance(a, ParamRef)]
    assert pause.name == "pause"


def test_a_literal_with_a_point_meets_what_it_stands_beside():
    assert emitted("cent() + amount").args[0] == Const(100, decimal(4))
    assert emitted("cent() + rate").args[0] == Const(0.01, FLOAT)


def test_functions_stand_in_patterns_and_around_aggregates():
    text = """rule R when 2 Pay as a then Pay as b
    where half(sum(a.rate)) > half(rate) and kmh(b.where_at, last(a.where_at), 1 h) > 5 within 1 h emit X { }"""
    found = mistakes(DECLARED + text)
    assert [d.code for d in found] == ["record-value"]  # an aggregate of a record is no place
    text = """rule R when 2 Pay as a then Pay as b
    where half(sum(a.rate)) > max(half(a.rate)) within 1 h emit X { x = half(first(a.rate)) }"""
    book = rulebook(DECLARED + text)
    where = book.rules[0].body.steps[1].where
    assert where.args[1].argument == emitted("half(rate)")


DECLARATIONS = [
    ("function f(x: int) = x + «y", "unknown-name", "a function sees its parameters", "a parameter `y: …`"),
    ("function f(price: float) = «prize * 2", "unknown-name", "`prize` is unknown", "did you mean `price`?"),
    ("function f(x: int) = x + «card", "unknown-name", "`card` is unknown", None),
    ('function f(x: int) = «x + "a"', "wrong-type", "`+` is not defined for an int and a string", None),
    ("function f(p: «Plaice) = p", "unknown-type", "no type `Plaice`", "did you mean `Place`?"),
    ("function f(p: Place) = «p", "record-value", "a whole record", "p.lat"),
    ("function f(p: Place) = «p.height", "unknown-field", "Place has no field `height`", None),
    ("function f(x: int) = «x.y", "unknown-field", "`x` is an int and has no fields", None),
    ("function «f(x: int) = f(x)", "cycle", "f → f", None),
    ("function lower(x: string) = x".replace("lower", "«lower"), "duplicate-name", "function of the language", None),
    ("function f(x: float) = «sum(x)", "needs-alias", "`sum` has no events inside a function", "f(sum(v.field))"),
    ("function f(x: float) = «prev(x, 0)", "needs-alias", "`prev` has no events", None),
    ("function f(pause: duration) = «pause", "ambiguous-name", "a parameter of the function f and a param", "another"),
    ("function f(x: int, «x: int) = 1", "duplicate-field", "the function f has the field `x` twice", None),
    ("function f(x: string, p: string) = x like «p", "wrong-type", "must be a string constant", None),
    ("function f(x: int) = 1\nfunction «f(x: int) = 2", "duplicate-name", "declared twice", None),
    ("function f(x: int) = «twice(x)", "unknown-function", "no function `twice`", None),
]


@pytest.mark.parametrize(("text", "code", "message", "hint"), DECLARATIONS)
def test_the_mistakes_of_a_body_are_told_where_it_stands_and_not_again_at_calls(text, code, message, hint):
    assert_mistakes(f"{text}\nrule R from Pay emit X {{ }}", code, message, hint)


def test_calls_of_a_wrong_function_are_silent():
    found = mistakes("function f(x: int) = y\nfunction g(x: int) = f(x) rule R from Pay emit X { a = f(1), b = g(2) }")
    assert [d.code for d in found] == ["unknown-name"]


def test_a_circle_is_told_once():
    found = mistakes("function f(x: int) = g(x)\nfunction g(x: int) = h(x)\nfunction h(x: int) = f(x)")
    assert [d.code for d in found] == ["cycle"]


CALLS = [
    ("«half() > 1", "wrong-arguments", "`half` takes one argument", "write half(x)"),
    ("«kmh(where_at) > 1", "wrong-arguments", "`kmh` takes 3 arguments", "write kmh(a, b, t)"),
    ("«half(distinct rate) > 1", "wrong-arguments", "`half` takes one argument", None),
    ("«cent(1) > 1", "wrong-arguments", "`cent` takes no argument", "write cent()"),
    ("half(«card) > 1", "wrong-type", "`x` of `half` is a float, not a string", None),
    ("half(«amount) > 1", "wrong-type", "`x` of `half` is a float, not a decimal", None),
    ("tax(«amount, 1) > 1", "wrong-type", "is a decimal(2), not a decimal", "round(x, 2)"),
    ("tax(«rate, 1) > 1", "wrong-type", "is a decimal(2), not a float", "`x: float`"),
    ("kmh(where_at, where_at, «5) > 1", "wrong-type", "`t` of `kmh` is a duration, not an int", "unit"),
    ("kmh(where_at, «rate, 1 h) > 1", "wrong-type", "`b` of `kmh` is the record Place, not a float", "where_at"),
    ("kmh(where_at, «1, 1 h) > 1", "wrong-type", "`b` of `kmh` is the record Place, not an int", None),
    ("half(«nothing) > 1", "unknown-field", "`nothing` is unknown", None),
    ("«hulf(1) > 1", "unknown-function", "no function `hulf`", "did you mean `half`?"),
]


@pytest.mark.parametrize(("condition", "code", "message", "hint"), CALLS)
def test_what_a_call_gets_wrong_is_told_at_the_call(condition, code, message, hint):
    assert_mistakes(f"rule R from Pay where {condition} emit X {{ }}", code, message, hint, PRELUDE + DECLARED)


def test_another_record_is_no_place():
    text = "record Town { lat: float, lon: float }\nstream Seen ordered by at { at: time, town: Town }\n"
    text += "rule R from Seen where known(«town) emit X { }"
    assert_mistakes(text, "wrong-type", "is the record Place, not a Town", None, PRELUDE + DECLARED)


def test_what_expands_without_end_is_refused():
    doubling = "function twice(x: int) = x + x\n"
    nested = "twice(«twice(" + "twice(" * 13 + "seq" + ")" * 15
    assert_mistakes(f"{doubling}rule R from Pay where {nested} > 1 emit X {{ }}", "too-long", "expands to more than")
    chain = "".join(f"function f{n + 1}(x: int) = f{n}(x)\n" for n in range(30))
    found = mistakes(f"function f0(x: int) = x\n{chain}rule R from Pay emit X {{ x = f30(seq) }}")
    assert [d.code for d in found] == ["too-long"]


def test_the_event_at_hand_is_not_seen_by_a_body():
    assert emitted("half(rate)").args[0] == Attr(None, "rate", FLOAT)
    assert_mistakes(
        "function rate_of(x: int) = «rate rule R from Pay emit X { x = rate_of(1) }", "unknown-name", "`rate`"
    )
