"""Diagnostics and errors: place, excerpt with a caret, hint."""

from __future__ import annotations

import pytest

from cep.model.diagnostics import Diagnostic, Source, Span
from cep.model.errors import CepError, InputError, OutputError, RuleError, UsageError

TEXT = "stream S ordered by at { at: time }\nrule R from S where amoun > 3 emit T { amoun }\n"
SOURCE = Source("rules.cep", TEXT)
START = TEXT.index("amoun")
SPAN = Span(START, START + 5, 2, TEXT.split("\n")[1].index("amoun") + 1)


def test_a_diagnostic_shows_place_line_caret_and_hint():
    shown = Diagnostic("unknown-field", "S has no field amoun", SOURCE, SPAN, "did you mean amount?").render()
    assert shown.split("\n") == [
        "rules.cep:2:21: error[unknown-field]: S has no field amoun",
        "  2 | rule R from S where amoun > 3 emit T { amoun }",
        "    |                     ^^^^^",
        "  hint: did you mean amount?",
    ]


def test_a_second_place_is_shown_with_its_note():
    first = Span(0, 8, 1, 1)
    shown = Diagnostic("twice", "R is there twice", SOURCE, SPAN, related=(("the first", SOURCE, first),)).render()
    assert "  rules.cep:1:1: the first\n  1 | stream S" in shown


def test_a_very_long_line_is_shown_around_the_caret():
    text = "x" * 50_000 + "?" + "y" * 50_000
    lines = Diagnostic("odd", "odd", Source("f", text), Span(50_000, 50_001, 1, 50_001)).render().split("\n")
    assert all(len(line) < 200 for line in lines)
    assert lines[1][lines[2].index("^")] == "?"


def test_a_caret_stands_also_behind_the_end_of_the_text():
    assert Diagnostic("end", "end", Source("f", "ab"), Span(2, 2, 1, 3)).render().endswith("^")


def test_a_line_that_is_not_there_is_empty():
    assert SOURCE.line(99) == ""
    assert SOURCE.line(0) == ""


def test_a_rule_error_holds_all_mistakes_and_their_places():
    both = [Diagnostic("a", "first", SOURCE, SPAN), Diagnostic("b", "second", SOURCE, SPAN)]
    error = RuleError(both)
    assert error.diagnostics == tuple(both)
    assert "first" in str(error)
    assert "second" in str(error)
    assert error.diagnostics[0].place == "rules.cep:2:21"


def test_an_input_error_says_where_and_the_cure():
    error = InputError("needs a column amount", path="pay.csv", stream="Pay", column="amount", hint="--map")
    assert str(error) == "pay.csv: needs a column amount\n  hint: --map"
    assert (error.path, error.stream, error.column, error.row) == ("pay.csv", "Pay", "amount", None)


@pytest.mark.parametrize(
    ("error", "code"), [(InputError("x"), 1), (OutputError("x"), 1), (RuleError([]), 2), (UsageError("x"), 64)]
)
def test_each_error_ends_the_program_with_its_own_code(error, code):
    assert isinstance(error, CepError)
    assert error.exit_code == code


def test_what_a_message_quotes_never_breaks_its_line():
    found = Diagnostic("c", "the zone 'a\nb\u2028'", Source("f", "x"), Span(0, 1, 1, 1), "write\x00 it\ttwice")
    assert found.message == r"the zone 'a\nb\u2028'"
    assert found.hint == r"write\x00 it\ttwice"
    assert len(found.render().splitlines()) == 4
