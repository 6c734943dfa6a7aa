"""What `cep check` finds without events: each fault at its smallest part, and nothing where there is none."""

from __future__ import annotations

import pytest
from language.checking import PRELUDE, marked, rulebook

from cep.language.analysis.solve import FUEL

CODES = {"never-matches", "unreachable-step", "no-effect", "never-true", "always-true", "always-null"}


def found(text, severity="warning"):
    book = rulebook(text)
    both = book.warnings if severity == "warning" else book.notes
    return [d for d in both if d.code in CODES or severity == "note"]


def assert_found(text, code, message):
    """One warning of ``code`` at each mark, and no other."""
    plain, offsets = marked(text)
    said = found(plain)
    shown = "\n".join(d.render() for d in said) or "nothing was found"
    assert [(d.code, d.span.start) for d in said] == [(code, offset) for offset in offsets], shown
    assert message in said[0].message, shown
    assert said[0].hint, shown
    return said[0]


def query(condition):
    return f"rule R from Pay where {condition} emit Out {{ seq }}\n"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("seq > 3 and «seq < 4", "`seq > 3` and `seq < 4` are never both true, so the rule R never matches"),
        ("amount > 1.00001 and «amount < 1.00009", "never both true"),
        ("rate > 3 and ok and «rate < 2.5", "never both true"),
        ("rate > 1 and «not (rate > 0.5)", "never both true"),
        ("not (seq > 3 or «seq < 5)", "`seq > 3` and `seq < 5` are never both false"),
        ("«seq between 10 and 5", "its ends are the wrong way round"),
        ('card = "a" and «card in ("b", "c")', "never both true"),
        ('card like "ab%" and «card = "b"', "never both true"),
        ('card like "ab%" and «card like "b%"', "never both true"),
        ('card > "b" and «card < "a"', "never both true"),
        ("ok and «not ok", "never both true"),
        ("note is null and «note = card", "never both true"),
        ("tries is null and «tries + 1 > 3", "never both true"),
        ("«seq is null", "this value is never null"),
        ("«seq > seq", "it compares a value with itself"),
        ("«seq = 1.5", "is never true"),
        ("«seq > 9223372036854775807", "is never true"),
        ("«seq / 0 > 1", "divides by zero"),
        ("«false", "`false` is never true"),
        ("(«seq < 1 and seq > 2 or rate < 1 and rate > 2)", "no part of"),
        ("seq in (1, 2) and seq != 1 and «seq != 2", "never true together with the conditions before it"),
        ("seq > tries and «tries > seq", "never both true"),
        ("rate > amount / 1 and «amount / 1 > rate", "never both true"),
        ("seq > tries and tries > part and «part > seq", "together with the conditions before it"),
        ("amount > limit and «amount < limit", "never both true"),
        ("seq + 1 > tries + 3 and «tries > seq - 2", "never both true"),
        ("seq > 3 and (tries = 1 or tries = 2) and «seq + tries < 5", "together with the conditions before it"),
    ],
)
def test_a_query_that_can_never_be_true(condition, message):
    text = query(condition).replace("from Pay", "from Both")
    both = "stream Both extends Pay { part: int }\n"
    assert_found(both + text, "never-matches", message)


@pytest.mark.parametrize(
    "condition",
    [
        "seq > 3 and seq < 5",
        "seq > 3 or seq < 2",
        "tries > 5 or tries <= 5",  # null for a missing field
        "tries = tries",
        "seq + 1 > seq",  # null where it overflows
        "note is null or note = card",
        "amount > limit and amount < 5",  # a param may change
        "rate >= 1 and rate <= 1",
        'card like "a%" and card like "%b"',
        "coalesce(tries, 0) > 0",
        "where_at is null or where_at.lat > 1",
        "seq in (1, 2) and seq != 1",
        "not (seq = 1 and ok)",
    ],
)
def test_a_condition_that_may_come_out_either_way_is_left_alone(condition):
    assert found(query(condition)) == []


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("«seq > 5 or seq <= 5", "its parts cover every value"),
        ("«seq = seq", "it compares a value with itself"),
        ("«seq is not null and ok", "this value is never null"),
        ("ok or «true", "`true` is always true"),
        ("«not (seq > 5) or seq > 5", "its parts cover every value"),
    ],
)
def test_a_part_that_is_always_true(condition, message):
    assert_found(query(condition), "always-true", message)


def test_a_part_of_an_or_that_can_never_be_true():
    assert_found(query("ok or seq > 3 and «seq < 2"), "never-true", "never both true")


def test_a_value_that_is_always_null():
    assert_found("rule R from Pay emit Out { x = «seq div 0 }\n", "always-null", "divides by zero")
    notes = found("rule R from Pay emit Out { x = null }\nrule S from Pay emit Out { x = 1 }\n", "note")
    assert "always-null" in [n.code for n in notes]


def test_a_branch_of_a_case_that_is_never_taken():
    text = "rule R from Pay emit Out { x = case when seq > 3 then 1 when «seq > 5 then 2 else 3 end }\n"
    assert_found(text, "never-true", "is never reached")


# ------------------------------------------------------------------------------------------------------- patterns


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "Pay as a where amount > 10 then Pay as b where amount < a.amount and «a.amount < 5",
            "the steps before it ask",
        ),
        ("Pay as a then Pay as b where «at < a.at", "events are bound in the order of their times"),
        ("Pay as a then Pay as b where «a.at - at > 0 s", "events are bound in the order of their times"),
        ("Pay as a then Pay as b where «at > a.at + 2 h", "`within` keeps the events of a match closer together"),
        ("Pay as a then Pay as b then Pay where «minutes(b.at - a.at) > 90", "`within`"),
        ("Pay as a then Pay as b where «card != a.card", "all events of a match have the same key"),
        (
            "2 or more Pay as v where seq > «prev(v.seq) then Pay",
            "so the loop never begins and the rule R never matches",
        ),
        ("2 or more Pay as v where «count(v) > 1 then Pay", "so the loop never begins"),
        ("2 to 3 Pay as v then Pay where «count(v) > 4", "is never true"),
        ("2 Pay as v where seq > 10 then Pay where «last(v.seq) < 5", "the steps before it ask"),
        ("Pay as a then Pay as b where «a is null", "is never true"),
    ],
)
def test_a_pattern_that_can_never_match(pattern, message):
    assert_found(f"rule R keyed by card when {pattern} within 1 h emit Out {{}}\n", "never-matches", message)


@pytest.mark.parametrize(
    "pattern",
    [
        "Pay as a where amount > limit then Pay as b where a.amount < limit",  # the param may change in between
        "Pay as a then Pay as b where at <= a.at",  # two events of one time
        "Pay as a where seq > 5 then optional Pay as b where seq < 3 then Pay where a.seq > 7",
        "Pay as a then optional Pay as b where a.seq > 5 then Pay where a.seq < 3",
        "2 or more Pay as v where seq > prev(v.seq, 0) then Pay",
        "2 or more Pay as v where prev(v.seq) is null or seq > prev(v.seq) then Pay",
        "Pay as a where seq > 5 then no Pay where seq < 3 then Pay as b where seq < 3",
        "Pay as a then Pay as b where card = a.card",  # said again, and no harm in it
        "Pay as a where seq > 5 then Pay as b where a.seq > 3",
    ],
)
def test_a_pattern_that_may_match_is_left_alone(pattern):
    assert found(f"rule R keyed by card when {pattern} within 1 h emit Out {{}}\n") == []


def test_what_follows_a_step_that_never_binds_is_shown_as_never_reached():
    text = "rule R when Pay as a then Pay where «false then Pay then Pay within 1 h emit Out {}\n"
    warning = assert_found(text, "never-matches", "so this step never binds")
    assert [words for words, _, _ in warning.related] == ["this step, and all after it, is never reached"]


def test_an_optional_step_that_never_binds_and_what_reads_it():
    text = (
        "rule R when Pay as a then optional Pay as b where «ok and not ok then Pay within 1 h emit Out { x = b.seq }\n"
    )
    warnings = found(text.replace("«", ""))
    assert [w.code for w in warnings] == ["unreachable-step", "always-null"]
    assert "so `b` never binds" in warnings[0].message


def test_an_absence_that_forbids_nothing_and_one_that_forbids_all():
    text = "rule R when Pay then no Pay where seq > 3 and «seq < 2 then Pay within 1 h emit Out {}\n"
    assert_found(text, "no-effect", "so this absence forbids nothing")
    assert_found("rule R when Pay then no Pay where «true for 1 h emit Out {}\n", "always-true", "is always true")


# ---------------------------------------------------------------------------------------------------------- unused


def unused(text):
    return [(d.code, d.source.text[d.span.start : d.span.end]) for d in rulebook(text, "").notes]


def test_names_that_nothing_reads_are_noted():
    text = """\
param used: int = 1
param idle_limit: int = 2
record Place { lat: float }
stream A ordered by at { at: time, x: int }
stream B extends A { y: int }
stream C ordered by at { at: time }
stream Both = A | B
rule R when A as a where x > used then B as b where x > a.x within 1 h emit Out { x = 1 }
"""
    assert unused(text) == [
        ("unused-param", "idle_limit"), ("unused-record", "Place"), ("unused-stream", "C"),
        ("unused-variant", "Both"), ("unused-alias", "b"),
    ]  # fmt: skip


def test_a_file_without_rules_is_there_for_others():
    assert unused("stream A ordered by at { at: time }\nparam p: int = 1\n") == []


def test_a_param_of_a_bound_and_a_name_in_a_test_are_used():
    text = """\
param d: duration = 1 h
stream A ordered by at { at: time }
stream B ordered by at { at: time }
rule R when A then A within d emit Out {}
test "b" { send B {} at 0 s }
"""
    assert unused(text) == []


def test_notes_are_no_warnings():
    book = rulebook("rule R from Pay as p where seq > 1 emit Out { seq }\n", PRELUDE)
    assert book.warnings == ()
    assert {n.severity for n in book.notes} == {"note"}


# ------------------------------------------------------------------------------------------------------------- size


def test_what_is_too_large_is_given_up_in_silence(monkeypatch):
    text = query("seq > 3 and seq < 2")
    assert found(text)
    monkeypatch.setattr("cep.language.analysis.findings.FUEL", 3)
    assert found(text) == []
    assert FUEL > 3


def test_a_long_chain_is_looked_at_to_its_end():
    chain = " and ".join(f"seq != {n}" for n in range(1000))
    assert_found(query(f"{chain} and seq > 5 and «seq < 3"), "never-matches", "`seq > 5` and `seq < 3`")
