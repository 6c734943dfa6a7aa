"""Functions of Python modules, checked by their declarations alone."""

from __future__ import annotations

import pytest

from cep.language.fingerprint import externals_of, rule_fingerprint
from cep.language.typed import Attr, Call
from cep.model.types import FLOAT, INT, STRING
from tests.language.checking import assert_mistakes, rulebook

DECLARED = """\
function score(card: string, amount: decimal) -> float from "models:score"
function label(n: int, word: string?) -> string from "lab.words:label"
function sure(n: int) -> int from "models:sure"
function twice(n: int) = sure(n) + sure(n)
function any_of(tags: list<string>) -> bool from "models:any_of"
"""


def emitted(expression):
    return rulebook(f"{DECLARED}rule R from Pay emit X {{ x = {expression} }}").rules[0].emits[0].fields[0][1]


def test_a_call_has_the_declared_type_and_admits_null_where_an_argument_may_be_null():
    call = emitted("sure(seq)")
    assert isinstance(call, Call)
    assert (call.op, call.type, call.args) == ("sure()", INT, (Attr(None, "seq", INT),))
    assert call.function.reference == "models:sure"
    assert emitted("sure(tries)").type == INT.as_optional()
    assert emitted("label(seq, note)").type == STRING
    assert emitted("score(card, amount)").type == FLOAT.as_optional()  # NaN is null


def test_a_body_may_call_a_function_of_a_module_and_a_list_may_be_given():
    assert {
        f.name for f in externals_of(rulebook(f"{DECLARED}rule R from Pay where twice(seq) > 1 emit X {{}}").rules[0])
    }
    assert isinstance(emitted("any_of(tags)"), Call)


ASKED = 'function f(x: int) -> int from "m:f" rule R {} within 1 h emit X {{ }}'


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ('«function f(x: int) -> int from "m.f" rule R from Pay emit X { }', "module-name", "names no function"),
        ('function f(x: «Place) -> int from "m:f" rule R from Pay emit X { }', "not-yet", "a record as a parameter"),
        ('function f(x: int) -> «list<int> from "m:f" rule R from Pay emit X { }', "not-yet", "gives a list"),
        ('function f(x: int, «x: int) -> int from "m:f" rule R from Pay emit X { }', "duplicate-field", "twice"),
        ('function f(x: int) -> int from "m:f" rule R from Pay emit X { x = «f() }', "wrong-arguments", "one argument"),
        ('function f(x: int) -> int from "m:f" rule R from Pay emit X { x = f(«card) }', "wrong-type", "not a string"),
        (
            ASKED.format("when Pay as a then Pay where «f(a.seq + seq) > 1"),
            "not-yet",
            "`f` of values of several events in a condition",
        ),
        (
            ASKED.format("when 2 Pay as a then Pay where «f(count(a)) > 1"),
            "not-yet",
            "`f` of values of several events in a condition",
        ),
    ],
)
def test_mistakes(text, code, message):
    assert_mistakes(text, code, message)


def test_a_fingerprint_has_the_functions_name_and_not_its_code():
    def taken(declared, **codes):
        from cep.language.check import check
        from cep.language.parser import parse
        from cep.model.diagnostics import Source
        from tests.language.checking import PRELUDE

        text = f"{PRELUDE}{declared} rule R from Pay where f(seq) > 1 emit X {{ }}"
        book = check([parse(Source("r", text))], None, codes)
        return rule_fingerprint(book.rules[0], book.sources)

    plain = taken('function f(x: int) -> int from "m:f"')
    assert plain == taken('function f(x: int) -> int from "m:f"', f=abs)
    assert plain != taken('function f(x: int) -> int from "m:g"')
    assert plain != taken('function f(x: int?) -> int from "m:f"')
