"""The checked form of good rules, as plan and compiler read it."""

from __future__ import annotations

import pytest

from cep.language.check import check
from cep.language.parser import parse
from cep.language.typed import (
    Apply,
    Attr,
    CheckedFilter,
    CheckedPattern,
    Const,
    Fold,
    Key,
    ParamRef,
    Present,
    Prev,
)
from cep.model.diagnostics import Source
from cep.model.errors import RuleError
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, TIME, decimal
from tests.language.checking import PRELUDE, rulebook


def pattern(text: str) -> CheckedPattern:
    """The pattern of a rule."""
    body = rulebook(f"rule R {text}").rules[0].body
    assert isinstance(body, CheckedPattern)
    return body


def test_card_testing_as_the_plan_reads_it():
    book = rulebook(
        """
        rule CardTesting "A tiny test payment, then a big one, same card"
        keyed by card
        when Pay as small where amount < 5.00
             then Pay as big where amount > limit * small.amount
        within 10 min
        emit Alert { card, kind = "card testing", tested = small.amount, p = limit, same = big.ok }
        """
    )
    rule = book.rules[0]
    assert (rule.name, rule.index, rule.inputs) == ("CardTesting", 0, ("Pay",))
    assert [(k.name, k.type, k.attributes) for k in rule.keys] == [("card", STRING, {"Pay": "card"})]
    body = rule.body
    assert isinstance(body, CheckedPattern)
    small, big = body.steps
    amount = Attr(None, "amount", decimal())
    assert small.where == Apply("lt", (amount, Const(500, decimal(2))), BOOL)
    product = Apply("mul", (ParamRef("limit", decimal()), Attr("small", "amount", decimal())), decimal(8).as_optional())
    assert big.where == Apply("gt", (amount, product), BOOL.as_optional())
    assert (small.variable, small.low, small.high, small.link, big.link) == ("small", 1, 1, "then", "then")
    assert body.within == Const(600 * 10**9, DURATION)
    assert (body.final, body.skip, body.unbounded) == ((), "past last", False)
    assert rule.emits[0].type == "Alert"
    assert rule.emits[0].fields == (
        ("card", Key(0, STRING)),
        ("kind", Const("card testing", STRING)),
        ("tested", Attr("small", "amount", decimal())),
        ("p", ParamRef("limit", decimal())),
        ("same", Attr("big", "ok", BOOL)),
    )


def test_a_rising_run_reads_the_event_before_and_the_last_one():
    body = pattern(
        """
        keyed by machine
        when Temp as base
             next 5 or more Temp in a row as rise where celsius > prev(rise.celsius, base.celsius)
             next Temp as peak where celsius > 90 and celsius > last(rise.celsius)
        within 10 min
        emit Overheat { machine, steps = count(rise), mean_c = avg(rise.celsius), first_part = first(rise.part) }
        """
    )
    base, rise, peak = body.steps
    here = Attr(None, "celsius", FLOAT)
    assert rise.where == Apply("gt", (here, Prev("rise", here, Attr("base", "celsius", FLOAT), FLOAT)), BOOL)
    assert peak.where == Apply(
        "and",
        (
            Apply("gt", (here, Const(90.0, FLOAT)), BOOL),
            Apply("gt", (here, Fold("last", "rise", here, False, FLOAT)), BOOL),
        ),
        BOOL,
    )
    assert (rise.low, rise.high, rise.in_a_row, rise.link, rise.is_loop) == (5, None, True, "next", True)
    assert not base.is_loop


def test_the_aggregates_of_a_loop_have_their_types():
    rule = rulebook(
        """
        rule R when 2 Pay as v then 0 or more Pay as w within 1 h
        emit X {
          n = count(v), notes = count(v.note), total = sum(v.amount), twice = sum(v.seq * 2), mean = avg(v.amount),
          low = min(v.at), high = max(v.tries), one = first(v.card), other = last(w.card), some = sum(w.amount * limit)
        }
        """
    ).rules[0]
    fields = dict(rule.emits[0].fields)
    assert fields["n"] == Fold("count", "v", None, False, INT)
    assert fields["notes"] == Fold("count", "v", Attr(None, "note", STRING.as_optional()), False, INT)
    assert fields["total"].type == decimal().as_optional()
    doubled = Apply("mul", (Attr(None, "seq", INT), Const(2, INT)), INT.as_optional())
    assert fields["twice"] == Fold("sum", "v", doubled, False, INT.as_optional())
    assert fields["mean"].type == FLOAT.as_optional()
    assert fields["low"].type == TIME
    assert fields["high"].type == INT.as_optional()
    assert fields["one"].type == STRING
    assert fields["other"].type == STRING.as_optional()
    assert fields["some"].type == decimal(8).as_optional()


def test_an_aggregate_in_its_own_condition_is_running_and_its_alias_is_the_current_event():
    body = pattern("when 3 Pay as v where v.amount > 1 and sum(v.amount) < 100 within 1 h emit X { }")
    where = body.steps[0].where
    assert isinstance(where, Apply)
    first, second = where.args
    assert isinstance(first, Apply)
    assert first.args[0] == Attr(None, "amount", decimal())
    assert isinstance(second, Apply)
    fold = second.args[0]
    assert isinstance(fold, Fold)
    assert fold.running


def test_an_optional_step_has_optional_fields_and_its_presence_can_be_asked():
    rule = rulebook(
        "rule R when Pay as a then optional Wire as w then Temp within 1 h "
        "emit X { w.iban, came = w is not null, missed = w is null, never = 1 }"
    ).rules[0]
    body = rule.body
    assert isinstance(body, CheckedPattern)
    assert [(s.variable, s.low, s.high) for s in body.steps] == [("a", 1, 1), ("w", 0, 1), ("$3", 1, 1)]
    assert rule.emits[0].fields == (
        ("iban", Attr("w", "iban", STRING.as_optional())),
        ("came", Present("w", BOOL)),
        ("missed", Apply("not", (Present("w", BOOL),), BOOL)),
        ("never", Const(1, INT)),
    )


def test_absences_stand_between_steps_and_at_the_end():
    body = pattern(
        "when Pay as a then no Wire as w where w.seq = a.seq then no Temp then Pay then no Move for pause "
        "then no Temp for 1 s within pause emit X { }"
    )
    first, second = body.steps
    assert first.absences == ()
    assert [a.streams for a in second.absences] == [("Wire",), ("Temp",)]
    assert second.absences[0].where == Apply("eq", (Attr(None, "seq", INT), Attr("a", "seq", INT)), BOOL)
    assert [a.streams for a in body.final] == [("Pay", "Wire"), ("Temp",)]
    assert [a.duration for a in body.final] == [ParamRef("pause", DURATION), Const(10**9, DURATION)]
    assert body.within == ParamRef("pause", DURATION)


def test_skip_and_allow_unbounded_are_kept():
    body = pattern("when Pay then Temp allow unbounded after match keep all emit X { }")
    assert (body.skip, body.unbounded, body.within) == ("keep all", True, None)
    assert pattern("when Pay after match skip past last emit X { }").skip == "past last"


def test_a_filter_reads_its_event_bare_and_by_alias():
    rule = rulebook(
        "rule R keyed by user from Renamed as r where r.amount > 5 and where_at is not null "
        "emit X { user, r.where_at.lat }",
        PRELUDE.replace("stream Temp", "stream Renamed extends Pay { user: string }\nstream Temp"),
    ).rules[0]
    assert isinstance(rule.body, CheckedFilter)
    assert rule.body.streams == ("Renamed",)
    assert rule.emits[0].fields == (
        ("user", Attr(None, "user", STRING)),
        ("lat", Attr(None, "where_at.lat", FLOAT.as_optional())),
    )


def test_a_key_may_have_another_name_in_another_stream():
    rule = rulebook("rule R keyed by card or Temp.machine, at when Pay then Temp within 1 h emit X { card, at }").rules[
        0
    ]
    assert [(k.name, k.attributes) for k in rule.keys] == [
        ("card", {"Pay": "card", "Temp": "machine"}),
        ("at", {"Pay": "at", "Temp": "at"}),
    ]
    assert rule.emits[0].fields == (("card", Key(0, STRING)), ("at", Key(1, TIME)))


def test_a_key_may_lie_in_a_record_and_is_never_null():
    rule = rulebook("rule R keyed by where_at.city when Pay emit X { city }").rules[0]
    assert rule.keys[0].attributes == {"Pay": "where_at.city"}
    assert rule.emits[0].fields == (("city", Key(0, STRING)),)


def test_a_rule_may_emit_more_than_one_event():
    rule = rulebook("rule R when Pay as a emit X { a.card } emit Y { a.seq }").rules[0]
    assert [e.type for e in rule.emits] == ["X", "Y"]


def test_files_are_checked_together_and_their_mistakes_come_file_by_file():
    texts = {
        "one.cep": "rule A from Pay where amonut > 5 emit X { }",
        "two.cep": PRELUDE,
        "three.cep": "rule A from Pay emit Y { } rule B from X where sqe = 1 emit Z { }",
    }
    files = [parse(Source(name, text)) for name, text in texts.items()]
    with pytest.raises(RuleError) as caught:
        check(files)
    found = caught.value.diagnostics
    assert [(d.source.name, d.code) for d in found] == [
        ("one.cep", "unknown-field"),
        ("three.cep", "duplicate-name"),
        ("three.cep", "unknown-field"),
    ]
    assert found[1].related[0][1].name == "one.cep"


def test_nothing_at_all_is_a_rulebook_without_rules():
    assert check([]).rules == ()
