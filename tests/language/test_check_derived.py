"""Derived streams: their schemas are unions, they feed other rules, and circles are refused."""

from __future__ import annotations

from cep.language.typed import Const
from cep.model.types import DURATION, FLOAT, INT, STRING
from tests.language.checking import assert_mistakes, mistakes, rulebook


def test_a_derived_schema_is_the_union_of_what_all_rules_emit():
    book = rulebook(
        """
        rule A from Pay emit X { card, n = seq, note }
        rule B from Pay emit X { card, n = tries, z = 1.5 }
        """
    )
    schema = book.derived["X"]
    assert schema.names == ("card", "n", "note", "z")
    assert [a.type for a in schema.attributes] == [
        STRING,
        INT.as_optional(),
        STRING.as_optional(),
        FLOAT.as_optional(),
    ]
    assert schema.time is None
    assert schema.derived


def test_a_null_takes_the_type_that_another_rule_gives():
    book = rulebook("rule A from Pay emit X { n = null } rule B from Pay emit X { n = seq }")
    assert book.rules[0].emits[0].fields == (("n", Const(None, INT.as_optional())),)


def test_a_null_alone_asks_for_a_type():
    assert_mistakes("rule A from Pay emit X { «n = null }", "null-without-type", "X.n is null in every rule")


def test_one_name_with_two_types_shows_both_places():
    text = "rule A from Pay emit X { n = seq } rule B from Pay emit X { «n = card }"
    assert_mistakes(text, "two-types", "X.n is string here and int in another rule", "one type")
    found = mistakes(text.replace("«", ""))[0]
    assert found.related[0][0] == "int here"
    assert found.related[0][2].start < found.span.start


def test_a_body_without_fields_is_a_derived_type_without_attributes():
    assert rulebook("rule A from Pay emit X { }").derived["X"].attributes == ()


def test_a_rule_reads_what_a_later_rule_emits():
    book = rulebook(
        """
        rule Second from First where n > 1 emit Last { card, n }
        rule Zero from Pay emit First { card, n = seq }
        """
    )
    assert list(book.derived) == ["Last", "First"]
    assert book.derived["Last"].by_name["n"].type == INT
    assert [r.name for r in book.rules] == ["Second", "Zero"]
    assert [r.index for r in book.rules] == [0, 1]


def test_inputs_are_in_declared_order_and_derived_ones_last():
    book = rulebook(
        """
        rule A from Pay emit X { card }
        rule B when X then Temp then no Pay then Late.Temp within 1 h emit Y { }
        """
    )
    assert book.rules[1].inputs == ("Pay", "Temp", "Late.Temp", "X")
    assert set(book.rules[1].inputs) <= set(book.sources)


def test_a_circle_of_rules_is_spelled_out():
    assert_mistakes(
        "rule A from «Z emit X { } rule B from X emit Y { } rule C from Y emit Z { }",
        "cycle",
        "in a circle: Z → X → Y → Z",
    )


def test_a_rule_that_reads_what_it_emits_is_a_circle():
    text = "rule A when Pay then «X within 1 h emit X { }"
    assert_mistakes(text, "cycle", "the rule A reads what it emits: X → X")


def test_two_circles_are_two_mistakes_and_their_rules_are_checked():
    found = mistakes(
        "rule A from X emit X { } rule B from Y emit Y { } "
        "rule C from X where a > 1 emit W { } rule D from Pey emit V { }"
    )
    assert [d.code for d in found] == ["cycle", "cycle", "unknown-field", "unknown-stream"]


def test_a_circle_through_a_variant_is_found():
    assert_mistakes("stream V = Pay | X rule A from «V emit X { card }", "cycle", "X → X")


def test_a_wrong_field_of_a_derived_stream_is_told_once():
    text = "rule A from Pay emit X { a = «amonut } rule B from X where a > 5 emit Y { a }"
    assert_mistakes(text, "unknown-field", "amonut")


def test_a_missing_field_of_a_derived_stream_is_told_at_its_reader():
    assert_mistakes(
        "rule A from Pay emit X { amount } rule B from X emit Y { «amonut }", "unknown-field", "X has no such"
    )


def test_late_and_rejected_events_can_be_read():
    book = rulebook(
        """
        rule A keyed by card from Late.Pay where amount > 5 emit TooLate { card, at }
        rule B from Rejected.Pay where row > 5 emit Bad { row, reason, value }
        """
    )
    assert book.derived["Bad"].by_name["value"].type == STRING.as_optional()
    assert book.rules[0].keys[0].attributes == {"Late.Pay": "card"}


def test_a_thousand_rules_in_a_row_are_put_in_order():
    chain = "".join(f"rule R{n} from T{n + 1} emit T{n} {{ x }}\n" for n in range(1000))
    book = rulebook(chain + "rule Last from Pay emit T1000 { x = at - at }")
    assert book.derived["T0"].by_name["x"].type == DURATION.as_optional()
