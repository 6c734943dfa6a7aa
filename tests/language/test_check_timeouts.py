"""`on timeout`: where it may stand, and what its names mean."""

from __future__ import annotations

import pytest

from cep.compiler.choice import choose_matcher
from tests.language.checking import assert_mistakes, rulebook

TWO = "rule R keyed by card when Pay as a then {} within 1 h emit X {{ card }} on timeout {}"


def emitted(then: str, timeout: str) -> dict[str, bool]:
    """The fields of the timeout, each with whether it may be null."""
    book = rulebook(TWO.format(then, timeout))
    (emit,) = (e for e in book.rules[0].emits if e.on_timeout)
    return {name: value.type.optional for name, value in emit.fields}


def test_only_what_binds_the_first_event_is_sure_to_be_there():
    found = emitted("Pay as b", "emit T { card, first = a.amount, second = b.amount, there = b is not null }")
    assert found == {"card": False, "first": False, "second": True, "there": False}


def test_a_loop_that_may_have_begun_nothing_has_no_sum_and_a_count():
    assert emitted("2 Pay as b", "emit T { n = count(b), s = sum(b.seq) }") == {"n": False, "s": True}


def test_whichever_of_several_steps_begins_may_be_missing():
    rule = "when one of (Pay as a, Pay as b) then Pay within 1 h emit X {} on timeout emit T { a.seq, n = b.seq }"
    (_, emit) = rulebook(f"rule R {rule}").rules[0].emits
    assert [value.type.optional for _, value in emit.fields] == [True, True]


def test_an_event_type_of_both_has_the_fields_of_both():
    book = rulebook(TWO.format("Pay as b", "emit X { card, reached = stage() }"))
    assert {a.name: a.type.optional for a in book.derived["X"].attributes} == {"card": False, "reached": True}


def test_the_run_table_takes_it_and_says_why():
    book = rulebook(TWO.format("Pay as b", "emit T {}"))
    choice = choose_matcher(book.rules[0], book.sources, book.params)
    assert choice.name == "run table"
    assert choice.why == "only it tells which starts time out, and how far they came"


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        ("when Pay as a next Pay emit X { } «on timeout emit T { }", "no-timeout", "it has no bound"),
        ("from Pay emit X { } «on timeout emit T { }", "no-timeout", "a query waits for nothing"),
        (
            "when Pay as a then Pay within 1 h emit X { } on timeout where «a.seq emit T { }",
            "not-a-condition",
            "must be true or false",
        ),
        (
            "when Pay as a then Pay within 1 h emit X { } on timeout where «b.seq = 1 emit T { }",
            "unknown-name",
            "b",
        ),
        ("when Pay as a then Pay within 1 h emit X { c = 1 } on timeout emit X { «c = a.card }", "two-types", "c"),
    ],
)
def test_mistakes(rule, code, message):
    assert_mistakes(f"rule R {rule}", code, message)
