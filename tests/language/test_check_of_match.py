"""Functions of a match: in the `emit` of a pattern, and nowhere else."""

from __future__ import annotations

import pytest

from cep.compiler.choice import choose_matcher
from cep.language.typed import OfMatch
from cep.model.types import STRING, TIME, list_of
from tests.language.checking import assert_mistakes, rulebook

RULE = "rule R when Pay as a then Pay as b where {} within 1 h emit X {{ x = {} }}"


@pytest.mark.parametrize(("name", "kind"), [("match_start", TIME), ("match_end", TIME), ("names", list_of(STRING))])
def test_types(name, kind):
    book = rulebook(RULE.format("ok", f"{name}()"))
    assert book.rules[0].emits[0].fields == (("x", OfMatch(name, kind)),)
    assert choose_matcher(book.rules[0], book.sources, book.params).name == "run table"


def test_the_stage_is_a_name_of_a_step():
    book = rulebook("rule R when Pay as a then Move then Pay as b within 1 h emit X { x = stage() }")
    assert book.rules[0].emits[0].fields == (("x", OfMatch("stage", STRING, ("a", "Move", "b"))),)


@pytest.mark.parametrize(
    ("where", "value", "code", "message"),
    [
        ("at - «match_start() < 5 s", "1", "not-yet", "`match_start()` in a condition"),
        ("ok", "«match_start(a)", "wrong-arguments", "no argument"),
        ("ok", "max(b.at - «match_start())", "needs-alias", "of a whole match"),
        ("at > a.at and «stage() = 1", "1", "not-yet", "`stage()` in a condition"),
    ],
)
def test_mistakes(where, value, code, message):
    assert_mistakes(RULE.format(where, value), code, message)


def test_an_event_of_a_query_is_no_match():
    assert_mistakes("rule R from Pay emit X { x = «match_end() }", "needs-alias", "of a whole match")
