"""What later versions run is refused by name, and never run wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from cep.language.check import check
from cep.language.parser import parse, read_source
from cep.model.errors import RuleError
from tests.language.checking import MARK, PRELUDE, assert_mistakes, mistakes, rulebook

RULES = Path(__file__).parents[2] / "rules"

EXTRA = """\
table Known keyed by card { card: string, owner: string }
timer Noon every 1 d at "12:00"
"""

CASES = [
    # patterns
    ("when Pay as a then Pay within 1 h prefer earliest emit X { } «on timeout emit Y { }", "beside `prefer earliest`"),
    ("when (Pay as a then Pay gap 1 s) within 1 h emit X { } «on timeout emit Y { }", "bound inside a group"),
    ("when Pay as a then Pay within 1 h emit X { n = count() } «on timeout emit Y { }", "beside `count()`"),
    ("when Pay as a within 1 h emit X { } «output first every 5 events", "`output first every 5 events`"),
    ("when Pay as a within 1 h emit X { } «output final", "`output final`"),
    ("when Pay as a within 1 h emit X { } «output early", "`output early`"),
    ("from Pay over every 5 events emit X { n = count() } «output early", "windows that no time ends"),
    ("from Pay over last 5 s emit X { n = count() } «output early", "windows that no time ends"),
    # queries
    ("from Pay as p «join Temp as t on t.part = p.seq emit X { c = t.part }", "`join`"),
    ("from Pay over last 1 d emit X { c = «list(amount where seq > 1) }", "`where` inside `list(…)`"),
    ("when 2 Pay as p within 1 h emit X { c = «rate() }", "`rate` of a match"),
    ("from Pay over last 1 d emit X { c = first(«tags) }", "`first` of lists over a window"),
    ("from Pay unnest «tags as t emit X { t }", "`unnest`"),
    ("from Pay emit X { c = «sum(amount) }", "`sum` over the events of a query"),
    ("from Pay emit X { c = «prev(amount) }", "`prev` over the events of a query"),
    ("from «Known emit X { }", "the table Known"),
    ("from «Noon emit X { }", "the timer Noon"),
    ("from Pay «upsert Known { card = card, owner = card }", "`upsert`"),
    ("from Pay «delete Known where card = card", "`delete`"),
    # expressions
    ('when Pay as a then Pay where «a.card || card = "x" within 1 h emit X { }', "`||` of values of several events"),
    ("from Pay where «Temp.celsius > 5 emit X { }", "the latest value of a stream"),
    ('from Pay where «tags[0] = "x" emit X { }', "an element of a list"),
    ("from Pay where «tags = seq emit X { }", "a list in this place"),
    ("from Pay emit X { c = «[1, 2] }", "a list"),
    ("when 2 Pay as a then Pay where «list(a.seq) is null within 1 h emit X { }", "`list` in a condition"),
    ("when 2 Pay as a within 1 h emit X { c = «deadline() }", "`deadline()`"),
    (
        "when Pay then any Pay within 1 h after match keep all prefer earliest emit X { «n = count() }",
        "`count()` of matches that wait for earlier starts",
    ),
]


@pytest.mark.parametrize(("rule", "message"), CASES)
def test_what_does_not_run_yet_is_refused_once_at_its_place(rule, message):
    assert_mistakes(f"rule R {rule}", "not-yet", message, None, PRELUDE + EXTRA)
    found = mistakes(f"rule R {rule}".replace(MARK, ""), PRELUDE + EXTRA)
    assert all("does not run yet in this version" in d.message for d in found)


def test_use_is_refused():
    assert_mistakes('«use "other.cep"\n', "not-yet", "`use`")


def test_an_assertion_is_refused_and_its_events_are_known():
    text = "assert «A always (Pay implies eventually within 1 h Temp) on violation emit V { } rule R from V emit X { }"
    assert_mistakes(text, "not-yet", "the assertion A")


def test_the_rest_of_a_refused_rule_is_checked():
    found = mistakes(
        "rule R when 2 Pay then Tmep as b then Temp as t where t.celsus > 1 within 1 h emit X { n = deadline() }"
    )
    assert sorted(d.code for d in found) == ["not-yet", "unknown-field", "unknown-stream"]


def test_an_unused_table_or_timer_is_warned_of_and_tests_are_no_mistake():
    book = rulebook('rule R from Pay emit X { } test "t" { send Pay { seq = 1 } at 0 s }', PRELUDE + EXTRA)
    assert [w.code for w in book.warnings] == ["not-yet"] * 2
    assert [w.message.split()[1] for w in book.warnings] == ["table", "timer"]


RUNNING = {
    "fraud/card_testing.cep",
    "fraud/impossible_travel.cep",
    "iot/overheating.cep",
    "security/brute_force.cep",
    "security/compromise.cep",
    "trading/spoofing.cep",
    "trading/v_shape.cep",
}
WINDOWED = {"clickstream/visits.cep", "fraud/daily_limit.cep", "iot/statistics.cep"}
REFUSED = {
    "iot/silence.cep": {"assertion HonestAlarm"},
    "sla/answered.cep": {"assertion AnsweredInTime"},
    "sla/error_budget.cep": {"left join"},
    "logistics/cold_chain.cep": {"assertion ColdChain"},
    "logistics/lost_parcel.cep": {"upsert", "delete"},
}


@pytest.mark.parametrize("path", sorted(RUNNING))
def test_the_files_that_run_are_checked_without_mistakes(path):
    book = check([parse(read_source(RULES / path))])
    assert book.rules
    assert all(rule.state_bound.startswith("runs end") for rule in book.rules)


@pytest.mark.parametrize("path", sorted(WINDOWED))
def test_the_files_with_windows_are_checked_without_mistakes(path):
    book = check([parse(read_source(RULES / path))])
    assert all(rule.state_bound for rule in book.rules)


@pytest.mark.parametrize("path", sorted(REFUSED))
def test_the_other_files_are_refused_for_what_does_not_run_yet_and_nothing_else(path):
    with pytest.raises(RuleError) as caught:
        check([parse(read_source(RULES / path))])
    found = caught.value.diagnostics
    assert {d.code for d in found} == {"not-yet"}
    for what in REFUSED[path]:
        assert any(what in d.message for d in found), what
    for d in found:
        assert any(what in d.message for what in REFUSED[path]), d.message
