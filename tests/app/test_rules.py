"""Loading: one text, one file or several as one rulebook; every mistake at once, each with its place as data."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

import cep
from cep.plan.plan import Plan

STREAM = "stream Pay ordered by at { at: time(s), card: string, amount: int }\n"
BIG = "rule Big from Pay where amount > 100 emit Alert { card, amount }\n"
PARAMS = """
param whole: int = 1
param real: float = 1.5
param exact: decimal = 2.50
param yes: bool = true
param word: string = "a"
param span: duration = 10 min
param moment: time = "1970-01-01"
stream S ordered by at {
  at: time(s), whole_: int, real_: float, exact_: decimal, yes_: bool, word_: string, span_: duration, moment_: time
}
rule All from S
where whole_ = whole and real_ = real and exact_ = exact and yes_ = yes and word_ = word and span_ = span
  and moment_ = moment
emit Same { at }
"""
GIVEN = {
    "whole": 7,
    "real": 0.5,
    "exact": Decimal("0.10"),
    "yes": False,
    "word": "b c",
    "span": dt.timedelta(hours=1, seconds=30),
    "moment": dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
}
AS_TEXT = {
    "whole": "7",
    "real": "0.5",
    "exact": "0.10",
    "yes": "false",
    "word": "b c",
    "span": "1 h 30 s",
    "moment": "2025-01-01T00:00:00Z",
}
EVENT = {
    "at": 1,
    "whole_": 7,
    "real_": 0.5,
    "exact_": "0.1",
    "yes_": False,
    "word_": "b c",
    "span_": "1 h 30 s",
    "moment_": "2025-01-01",
}


def write(folder: Path, **files: str) -> list[Path]:
    paths = [folder / f"{name}.cep" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text)
    return paths


def mistakes(*calls, **params):
    """The diagnostics of a load that must fail."""
    load, argument = calls
    with pytest.raises(cep.RuleError) as caught:
        load(argument, **params)
    return caught.value.diagnostics


# -------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    "form", [str, Path, lambda p: [p], lambda p: iter([str(p)])], ids=["str", "path", "list", "any"]
)
def test_a_file_is_given_by_path_or_text_alone_or_in_a_list(tmp_path, form):
    [path] = write(tmp_path, rules=STREAM + BIG)
    rules = cep.load(form(path))
    assert repr(rules) == "<Rules: 1 rule, 1 stream>"
    assert isinstance(rules.plan, Plan)
    assert rules.rulebook.rules[0].source.name == str(path)


def test_several_files_are_one_rulebook_in_whatever_order_they_refer_to_each_other(tmp_path):
    more = (
        "param limit: int = 3\nrule Three when Alert as a then Alert as b within 1 h emit Two { n = b.amount + limit }"
    )
    rules = cep.load(write(tmp_path, more=more, big=BIG, stream=STREAM), params={"limit": 5})
    assert [r.name for r in rules.rulebook.rules] == ["Three", "Big"]
    result = cep.run(rules, {"Pay": {"at": [1, 2], "card": ["a", "b"], "amount": [500, 700]}})
    assert result["Two"].to_dicts() == [{"n": 705}]


def test_a_missing_file_and_a_folder_are_told_by_name(tmp_path):
    for path, says in ((tmp_path / "no.cep", "there is no such file"), (tmp_path, "this is a folder")):
        with pytest.raises(cep.InputError) as caught:
            cep.load([*write(tmp_path, rules=STREAM), path])
        assert caught.value.path == str(path)
        assert says in caught.value.message


def test_no_file_at_all_is_refused():
    with pytest.raises(cep.UsageError, match="no rule file was given"):
        cep.load([])


def test_loads_names_the_text_as_it_is_told_to():
    [plain] = mistakes(cep.loads, "rule")
    [named] = mistakes(cep.loads, "rule", name="mine.cep")
    assert (plain.place, named.place) == ("<text>:1:5", "mine.cep:1:5")


def test_warnings_do_not_keep_rules_from_loading():
    rules = cep.loads(STREAM + "rule R when Pay as a then Pay as b where card = a.card within 1 h emit E { }")
    assert [w.severity for w in rules.rulebook.warnings] == ["warning"]
    assert len(rules.rulebook.rules) == 1


# ----------------------------------------------------------------------------------------------------- mistakes


def test_a_mistake_is_data_with_code_place_and_hint():
    text = STREAM + "rule R from Pay where amuont > 5 emit E { card }"
    [mistake] = mistakes(cep.loads, text)
    assert mistake.code == "unknown-field"
    assert (mistake.span.line, mistake.span.column) == (2, 23)
    assert text[mistake.span.start : mistake.span.end] == "amuont"
    assert mistake.hint == "did you mean `amount`?"


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path):
    wrong = "rule A from Pya emit E { }\nrule B from Pay where nope > 5 emit F { card, gone }\n"
    paths = write(tmp_path, stream=STREAM, one=wrong, two="rule C from Pay where card > 5 emit G { }")
    found = mistakes(cep.load, paths)
    assert [(Path(m.source.name).name, m.span.line) for m in found] == [
        ("one.cep", 1),
        ("one.cep", 2),
        ("one.cep", 2),
        ("two.cep", 1),
    ]


def test_a_syntax_mistake_in_one_file_does_not_hide_those_of_another(tmp_path):
    found = mistakes(cep.load, write(tmp_path, one="rule", stream=STREAM, two="stream 5"))
    assert [(Path(m.source.name).name, m.code) for m in found] == [("one.cep", "syntax"), ("two.cep", "syntax")]


def test_two_rules_of_one_name_are_told_with_both_places(tmp_path):
    paths = write(tmp_path, stream=STREAM + BIG, other="-- again\n" + BIG)
    [mistake] = mistakes(cep.load, paths)
    assert (mistake.code, mistake.place) == ("duplicate-name", f"{paths[1]}:2:6")
    assert mistake.message == "two rules are called Big"
    [(_, source, span)] = mistake.related
    assert (source.name, span.line, span.column) == (str(paths[0]), 2, 6)


def test_what_a_rule_error_says_is_every_mistake_with_its_line():
    with pytest.raises(cep.RuleError) as caught:
        cep.loads(STREAM + "rule R from Pya emit E { }\nrule S from Pay emit F { gone }")
    said = str(caught.value)
    assert said == "\n".join(m.render() for m in caught.value.diagnostics)
    assert "<text>:2:13: error[unknown-stream]" in said
    assert "  2 | rule R from Pya emit E { }\n    |             ^^^" in said


def test_a_text_without_rules_loads():
    rules = cep.loads("-- nothing yet\n")
    assert repr(rules) == "<Rules: 0 rules, 0 streams>"
    assert list(cep.run(rules, {})) == []


# ------------------------------------------------------------------------------------------------------- params


@pytest.fixture(scope="module")
def count():
    """How many events of one that agrees with the given params do agree."""
    return lambda params: len(cep.run(cep.loads(PARAMS, params=params), {"S": [EVENT]})["Same"])


def test_params_of_every_type_are_given_as_values_or_as_text(count):
    assert count({}) == 0
    assert count(GIVEN) == count(AS_TEXT) == 1


@pytest.mark.parametrize("name", GIVEN)
def test_each_param_counts(name):
    rest = {n: v for n, v in GIVEN.items() if n != name}
    book = cep.loads(PARAMS, params=rest).rulebook
    whole = cep.loads(PARAMS, params=GIVEN).rulebook
    assert [n for n in GIVEN if book.params[n] != whole.params[n]] == [name]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"whole": 2.5}, "param whole: "),
        ({"whole": "two"}, "param whole: "),
        ({"whole": True}, "param whole: this is a bool, not an int"),
        ({"whole": 2**63}, "param whole: "),
        ({"real": float("inf")}, "param real: "),
        ({"exact": Decimal("0.123456")}, "param exact: "),
        ({"yes": 1}, "param yes: "),
        ({"word": 5}, "param word: "),
        ({"span": 10}, "write a unit, e.g. 10 min"),
        ({"moment": "yesterday"}, "param moment: "),
        ({"moment": dt.timedelta(1)}, "param moment: "),
        ({"word": None}, "param word: "),
        ({"wohle": 1}, "there is no param `wohle`: did you mean `whole`?"),
    ],
)
def test_a_param_that_is_not_there_or_of_another_type_is_refused(params, says):
    with pytest.raises(cep.UsageError) as caught:
        cep.loads(PARAMS, params=params)
    assert says in str(caught.value)


def test_mistakes_of_form_and_of_meaning_are_told_together_and_none_twice():
    text = """
stream Pay ordered by at { at: time, card: string, amount: int }
stream Broken ordered by { at: time }
rule One from Pay where amout > 1 emit X { card }
rule Two from Pay where amount == 1 emit Y { card }
rule Three from Broken where nothing > 1 emit Z {}
rule Four from Pay where card > 3 then emit W {}
rule Five from W emit V {}
rule Six from Missing emit U {}
"""
    with pytest.raises(cep.RuleError) as caught:
        cep.loads(text)
    told = [(d.span.line, d.code) for d in caught.value.diagnostics]
    assert [line for line, _ in told] == [3, 4, 5, 7, 9]
    assert "unknown" in told[1][1]
    assert "unknown" in told[-1][1]
