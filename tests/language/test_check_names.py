"""Names: each is found, or the mistake stands at its place with the nearest name."""

from __future__ import annotations

import pytest

from tests.language.checking import assert_mistakes, mistakes, rulebook

CASES = [
    # streams
    ("rule R from «Pey emit X { }", "unknown-stream", "no stream Pey", "`Pay`"),
    ("rule R when Pay then «Wier within 1 h emit X { }", "unknown-stream", "no stream Wier", "`Wire`"),
    ("rule R from «Late.Pey emit X { }", "unknown-stream", "no stream Pey", "`Pay`"),
    ("rule R from «Early.Pay emit X { }", "unknown-stream", "Early.Pay is no stream", "Late.Pay"),
    ("rule R from «Late.Move emit X { }", "unknown-stream", "Move is a variant", None),
    ("rule R from Pay emit X { } rule S from «Late.X emit Y { }", "unknown-stream", "derived event type", None),
    ("rule R from «Place emit X { }", "unknown-stream", "Place is a record", None),
    # fields
    ("rule R from Pay where «amonut > 5 emit X { }", "unknown-field", "`amonut` is unknown: Pay has no", "`amount`"),
    ("rule R from Pay as p where «p.amonut > 5 emit X { }", "unknown-field", "no field `amonut`", "`amount`"),
    ("rule R from Pay where «amount.cents > 5 emit X { }", "unknown-field", "`amount` is a decimal", None),
    ("rule R from Pay where «where_at.lon2 > 5 emit X { }", "unknown-field", "Place has no field", "`where_at.lon`"),
    ("rule R from Pay where «where_at = 5 emit X { }", "record-value", "whole record (Place)", "where_at.lat"),
    ("rule R from Pay where «where_at = 1 emit X { }", "record-value", "whole record", None),
    ('rule R from Move where «iban = "x" emit X { }', "unknown-field", "Pay has no such field", None),
    ("rule R from Late.Pay where «amonut > 5 emit X { }", "unknown-field", "Late.Pay has no such", "`amount`"),
    ('rule R from Rejected.Pay where «reson = "x" emit X { }', "unknown-field", "Rejected.Pay", "`reason`"),
    # aliases
    (
        "rule R when Pay as a where «b.amount > 1 then Pay as b within 1 h emit X { }",
        "bound-later",
        "`b` is bound later",
        "the step of `b`",
    ),
    (
        "rule R when Pay as a where amount > «sum(b.amount) then 2 Pay as b within 1 h emit X { }".replace(
            "«sum(", "sum(«"
        ),
        "bound-later",
        "`b` is bound later",
        None,
    ),
    (
        "rule R when 2 Pay as v then Pay where amount > «v.amount within 1 h emit X { }",
        "loop-alias",
        "`v` is a loop",
        "last(v.amount)",
    ),
    ("rule R when 2 Pay as v within 1 h emit X { «v.amount }", "loop-alias", "`v` is a loop", "last(v.amount)"),
    (
        "rule R when 2 (Pay as v then Temp) within 1 h emit X { «v.amount }",
        "loop-alias",
        "`v` is a step of a repeated group",
        "last(v.amount)",
    ),
    ("rule R when 2 Pay as v within 1 h emit X { «v.amonut }", "unknown-field", "no field `amonut`", "`amount`"),
    ("rule R when Pay as a emit X { c = «a }", "event-as-value", "`a` is an event", "a.at"),
    ("rule R when 2 Pay as a within 1 h emit X { c = «a }", "event-as-value", "`a` is an event", "count(a)"),
    ("rule R when Pay as a then Pay as «a within 1 h emit X { }", "duplicate-alias", "two events", None),
    (
        "rule R when Pay as a then no Wire as w then Temp as t within 1 h emit X { n = «w.iban }",
        "absent-alias",
        "must not come",
        None,
    ),
    (
        "rule R when Pay as big then Wire emit X { c = «bgi.amount } ".replace("Wire emit", "Wire within 1 h emit"),
        "unknown-name",
        "`bgi` is unknown",
        "`big`",
    ),
    (
        "rule R when Pay as a then Pay as b within 1 h emit X { «amount }",
        "needs-alias",
        "`amount` is a field of each of `a` and `b`",
        "a.amount or b.amount",
    ),
    (
        "rule R when 3 Pay as a within 1 h emit X { «amount }",
        "needs-alias",
        "`amount` is a field of `a`",
        "last(a.amount)",
    ),
    ("rule R when Pay as a emit X { «frobnitz }", "unknown-name", "`frobnitz` is unknown", "aliases are a"),
    # two meanings
    ("rule R from Pay as amount where «amount > 5 emit X { }", "ambiguous-name", "a field of Pay and an alias", None),
    (
        'param card: int = 1 rule R from Pay where «card = "x" emit X { }',
        "ambiguous-name",
        "a field of Pay and a param",
        None,
    ),
    ("rule R keyed by card when Pay as card emit X { c = «card }", "ambiguous-name", "an alias and the key", None),
    ("rule R keyed by card when Pay as limit emit X { c = «limit }", "ambiguous-name", "an alias and a param", None),
    # aggregates
    (
        "rule R when 2 Pay as a then 2 Pay as b within 1 h emit X { c = sum(a.amount + «b.amount) }",
        "mixed-aliases",
        "over `a`, and reads `b`",
        None,
    ),
    ("rule R when 2 Pay as a within 1 h emit X { c = «sum(amount) }", "needs-alias", "whose events", "sum(a.amount)"),
    ("rule R when 2 Pay as a within 1 h emit X { c = sum(a.amount * «rate) }", "needs-alias", "`rate`", "a.rate"),
    ("rule R when 2 Pay as a within 1 h emit X { c = «sum() }", "wrong-arguments", "one argument", "sum(a.field)"),
    ("rule R when 2 Pay as a within 1 h emit X { c = sum(«a) }", "event-as-value", "needs a field", "sum(a."),
    ("rule R when 2 Pay as a within 1 h emit X { c = sum(«max(a.seq)) }", "nested-aggregate", "`max`", None),
    ("rule R when 2 Pay as a within 1 h emit X { c = «mean(a.seq) }", "unknown-function", "`mean`", "`avg`"),
    ("rule R when 2 Pay as a within 1 h emit X { c = «cuont(a) }", "unknown-function", "`cuont`", "`count`"),
    (
        "rule R when 2 Pay as a within 1 h emit X { c = «prev(a.seq, 0) }",
        "prev-outside-loop",
        "own condition",
        "last(a.seq)",
    ),
    ("rule R when Pay as a where seq > «prev(a.seq, 0) emit X { }", "prev-outside-loop", "own condition", None),
    ("rule R when 2 Pay as a where seq > «prev(a.seq, 0, 1) within 1 h emit X { }", "wrong-arguments", "default", None),
    # keys
    ("rule R keyed by «crd from Pay emit X { }", "key-missing", "Pay has no field `crd`", "`card`"),
    (
        "rule R keyed by «card when Pay then Temp within 1 h emit X { }",
        "key-missing",
        "Temp has no field `card`",
        "or Temp.",
    ),
    ("rule R keyed by card or «Wire.iban from Pay emit X { }", "key-stream", "does not read Wire", "reads Pay"),
    (
        "rule R keyed by «card or Wire.ibn when Pay then Wire within 1 h emit X { }",
        "key-missing",
        "Wire has no field `ibn`",
        "`iban`",
    ),
    (
        "rule R keyed by «card or Temp.celsius when Pay then Temp within 1 h emit X { }",
        "key-type",
        "string in Pay and float in Temp",
        None,
    ),
    ("rule R keyed by «where_at from Pay emit X { }", "key-type", "cannot be a key", None),
    ("rule R keyed by card, «card from Pay emit X { }", "duplicate-name", "in the key twice", None),
    ("rule R keyed by card from Pay emit X { c = «card.x }", "unknown-field", "`card` is a string", None),
    (
        "rule R keyed by card when Pay as a emit X { c = «card.x }",
        "unknown-field",
        "the key `card` has no fields",
        None,
    ),
    ("rule R from Pay emit X { c = «limit.x }", "unknown-field", "the param `limit` has no fields", None),
    # emit
    ("rule R from Pay as p emit X { card, «card = p.card }", "duplicate-field", "`card` twice", None),
    ("rule R from Pay emit X { «_id = seq }", "reserved-name", "`_id`", None),
    ("rule R from Pay emit «Wire { card }", "duplicate-name", "Wire is a declared stream", None),
    ("rule R from Pay emit «Move { card }", "duplicate-name", "Move is a declared stream", None),
    ("rule R from Pay emit X { } rule «R from Pay emit Y { }", "duplicate-name", "two rules are called R", None),
    ("rule R tags { a = «limit } from Pay emit X { }".replace("a = «", "«a = "), "tag-value", "constant", None),
]


@pytest.mark.parametrize(("text", "code", "message", "hint"), CASES)
def test_a_wrong_name_is_told_at_its_place_with_what_was_meant(text, code, message, hint):
    assert_mistakes(text, code, message, hint)


def test_ten_mistakes_of_one_file_are_told_at_once_in_the_order_of_the_text():
    found = mistakes(
        """
        stream Door ordered by when { at: time, room: string, open: boolean }
        rule A from Dor emit X { }
        rule B from Pay where amuont > 5 and card = 7 emit X { frob }
        rule C keyed by crd when Pay as a where amount = null then 0 Pay within 0 s emit X { b.seq }
        rule A from Pay where one(1) = 1 emit X { }
        """
    )
    assert [d.code for d in found] == [
        "unknown-field",
        "unknown-type",
        "unknown-stream",
        "unknown-field",
        "wrong-type",
        "unknown-field",
        "key-missing",
        "null-comparison",
        "impossible-count",
        "bound-not-positive",
        "unknown-name",
        "duplicate-name",
        "unknown-function",
    ]
    assert [d.span.start for d in found] == sorted(d.span.start for d in found)
    assert all(d.place.startswith("rules.cep:") for d in found)


def test_the_name_of_a_key_is_no_second_meaning_of_its_field():
    book = rulebook('rule R keyed by card from Pay where card != "x" emit X { card }')
    assert book.rules[0].keys[0].attributes == {"Pay": "card"}


def test_a_renamed_key_makes_the_bare_name_ambiguous_in_the_stream_that_has_both():
    assert_mistakes(
        'rule R keyed by card or Wire.iban when Pay then Wire as w where «card = "x" within 1 h emit X { }',
        "ambiguous-name",
        "a field of Wire and the key",
    )
