"""Rulebooks that were loaded apart run in one engine."""

from __future__ import annotations

import pytest

import cep

PAY = "stream Pay ordered by at late 60 s { at: time(s), card: string, amount: int }\n"
BIG = PAY + 'rule Big "big" from Pay where amount > 100 emit Alert { card, amount }\n'
SAME = """\
-- the same, laid out otherwise
stream Pay ordered by at late 1 min {
  at: time(s), card: string, amount: int
}
"""
ROWS = [{"at": 1, "card": "c1", "amount": 500}, {"at": 2, "card": "c2", "amount": -1}]


def refused(*texts):
    with pytest.raises(cep.RuleError) as caught:
        cep.Engine([cep.loads(text, name=f"{n}.cep") for n, text in enumerate(texts)])
    return caught.value.diagnostics


def test_declarations_that_say_the_same_are_one():
    odd = cep.loads(SAME + "rule Odd from Pay where amount < 0 emit Strange { card }")
    result = cep.run([cep.loads(BIG), odd], {"Pay": ROWS})
    assert result["Alert"].to_dicts() == [{"card": "c1", "amount": 500}]
    assert result["Strange"].to_dicts() == [{"card": "c2"}]
    assert result.summary.events == {"Pay": 2}


def test_a_book_that_is_given_twice_counts_once():
    book = cep.loads(BIG)
    assert cep.run([book, book, cep.loads(BIG)], {"Pay": ROWS}).summary.matches == {"Big": 1}


def test_one_book_may_be_given_alone_or_in_a_list():
    assert cep.run([cep.loads(BIG)], {"Pay": ROWS}).summary.matches == {"Big": 1}


def test_what_contradicts_is_refused_with_both_places():
    [found] = refused(BIG, PAY.replace("60 s", "61 s"))
    assert found.code == "duplicate-name"
    assert found.message == "two rulebooks mean different things by the stream Pay"
    assert found.place == "1.cep:1:8"
    assert [(source.name, span.line) for _, source, span in found.related] == [("0.cep", 1)]


def test_all_contradictions_are_told_at_once():
    first = "param n: int = 1\nrecord P { x: int }\n" + BIG
    second = "param n: int = 2\nrecord P { x: float }\n" + BIG.replace("> 100", "> 200")
    assert [d.message.rpartition("by the ")[2] for d in refused(first, second)] == ["param n", "record P", "rule Big"]


def test_a_param_is_the_same_when_it_has_the_same_value():
    text = "param n: int = 1\n" + BIG.replace("100", "n")
    books = [cep.loads(text, params={"n": 600}), cep.loads(text.replace("= 1", "= 600"))]
    assert cep.run(books, {"Pay": ROWS}).summary.matches == {"Big": 0}
    with pytest.raises(cep.RuleError, match="param n"):
        cep.Engine([cep.loads(text), cep.loads(text, params={"n": 2})])


def test_a_stream_that_another_book_emits_is_told():
    [found] = refused(BIG, "stream Alert ordered by at { at: time }")
    assert found.message == "Alert is a declared stream, so no rule can emit it"


def test_what_are_no_rules_is_refused():
    for wrong in ([], ["rules.cep"], 5 * [None]):
        with pytest.raises(cep.UsageError, match=r"give Rules, of cep\.load or cep\.loads"):
            cep.Engine(wrong)
