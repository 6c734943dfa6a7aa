"""Windows and their aggregates: what is checked of them, and how mistakes are told."""

import pytest

from cep.language.typed import WINDOW, CheckedQuery, CheckedWindow, Fold, OfMatch
from tests.language.checking import assert_mistakes, rulebook

S, MIN = 10**9, 60 * 10**9
WINDOWS = [
    ("last 5 min", CheckedWindow("sliding", 5 * MIN)),
    ("last 5 min every 1 min", CheckedWindow("panes", 5 * MIN, MIN)),
    ("every 90 s", CheckedWindow("panes", 90 * S, 90 * S)),
    ("last 3 events", CheckedWindow("latest", count=3)),
    ("last 3 events within 4 s", CheckedWindow("latest", 4 * S, count=3)),
    ("every 3 events", CheckedWindow("batches", count=3)),
    ("session gap 30 min", CheckedWindow("session", 30 * MIN)),
    ("session gap 30 min max 4 h", CheckedWindow("session", 30 * MIN, 240 * MIN)),
    ('every 1 d in "Europe/Paris"', CheckedWindow("calendar", 1440 * MIN, zone="Europe/Paris")),
]


@pytest.mark.parametrize(("text", "window"), WINDOWS)
def test_every_window_has_its_kind_and_lengths(text, window):
    rule = rulebook(f"rule R from Pay over {text} having count() > 1 emit X {{ n = count() }}").rules[0]
    assert isinstance(rule.body, CheckedQuery)
    assert rule.body.window == window
    assert rule.state_bound.startswith("what aggregates read of")


def test_aggregates_are_over_the_window_and_ask_the_event_at_hand():
    book = rulebook("rule R keyed by card from Pay as p over every 1 h emit X { n = count(), s = sum(p.amount) }")
    (_, count), (_, total) = book.rules[0].emits[0].fields
    assert (count.function, count.variable, count.argument) == ("count", WINDOW, None)
    assert isinstance(total, Fold)
    assert (total.function, total.argument.variable, total.argument.name) == ("sum", None, "amount")
    assert total.type.optional  # it may overflow


def test_the_window_tells_its_bounds():
    book = rulebook("rule R from Pay over every 1 h emit X { a = window_start(), b = window_end() }")
    assert [type(value) for _, value in book.rules[0].emits[0].fields] == [OfMatch, OfMatch]


MISTAKES = [
    ("from Pay over every 1 h emit X { a = «amount }", "loop-alias", "differs among the events", "first(amount)"),
    ("from Pay as p over session gap 1 s emit X { a = «p.amount }", "loop-alias", "differs", "last(amount)"),
    ("from Pay over every 1 h having «amount > 5 emit X { n = count() }", "loop-alias", "differs", None),
    ("from Pay over every 1 h emit X { a = sum(«max(amount)) }", "nested-aggregate", "inside another", None),
    ("from Pay over last 1 h emit X { a = «sum() }", "wrong-arguments", "one argument", "sum(field)"),
    ("from Pay over last 1 h emit X { a = sum(«card) }", "wrong-type", "not defined for a string", None),
    ("from Pay over last 1 h having «sum(amount) emit X { n = count() }", "not-a-condition", "", None),
    ("from Pay over every «0 s emit X { n = count() }", "bad-duration", "lasts some time", None),
    ("from Pay over «last 0 events emit X { n = count() }", "impossible-count", "at least one", None),
    ('from Pay over «every 1 d in "Paris" emit X { n = count() }', "unknown-zone", "no time zone", "Europe/Paris"),
    ("from Pay over latest 1 per «tags emit X { n = count() }", "not-yet", "a list in this place", None),
    ("from Pay over top 3 by «card emit X { n = count() }", "wrong-type", "in order by a value", "it takes int"),
    ("from Pay over top 3 by «colour emit X { n = count() }", "unknown-field", "", None),
    ("from Pay over «top 0 by amount emit X { n = count() }", "impossible-count", "at least one", None),
    ("from Pay over span «Bay until Temp emit X { n = count() }", "unknown-stream", "no stream Bay", "Pay"),
    ("from Pay over span Pay where «amount until Temp emit X { n = count() }", "not-a-condition", "", None),
    ("from Pay over span Pay until Temp where «card = 1 emit X { n = count() }", "unknown-field", "", None),
    ("keyed by «card from Pay over span Pay until Temp emit X { n = count() }", "key-missing", "Temp has no", None),
    ("«from Pay over everything emit X { l = list(amount) }", "unbounded-state", "`list`", "let the window end"),
    ("«from Pay over everything emit X { l = count(distinct card) }", "unbounded-state", "distinct", None),
    ("«from Pay over everything having median(amount) > 1 emit X { }", "unbounded-state", "`median`", None),
    ("from Pay over last 1 h emit X { l = «ids(amount) }", "wrong-arguments", "no argument", "ids()"),
    ("from Pay over last 1 h emit X { l = «list() }", "wrong-arguments", "one argument", "list(field)"),
    ("from Pay over last 1 h emit X { l = «flatten(amount) }", "wrong-type", "joins lists", "distinct(…)"),
    ("from Pay over last 1 h emit X { l = «rate(amount) }", "wrong-arguments", "a duration", "rate(1 min)"),
    ("from Pay over last 1 h emit X { l = approx_percentile(«card, 0.5) }", "wrong-type", "a string", "it takes int"),
    ("from Pay over last 1 h emit X { l = «approx_percentile(amount) }", "wrong-arguments", "", None),
    ("from Pay over last 1 h emit X { l = «approx_distinct() }", "wrong-arguments", "one argument", None),
    ("from Pay emit X { a = «window_start() }", "needs-alias", "of a window", None),
    ("from Pay over last 1 h emit X { a = window_end(«1) }", "wrong-arguments", "no argument", None),
]


@pytest.mark.parametrize(("rule", "code", "message", "hint"), MISTAKES)
def test_mistakes_are_told_at_their_place(rule, code, message, hint):
    if "window_end" in rule:
        rule = rule.replace("«", "").replace("a = ", "a = «")
    assert_mistakes(f"rule R {rule}", code, message, hint)


CHOSEN = [
    ("latest 2 per card", "newest", 2),
    ("latest per card", "newest", 1),
    ("top 3 by amount", "best", 3),
    ("top 3 by amount asc", "best", 3),
    ("span Pay where amount > 1 until Pay", "span", None),
    ("everything", "everything", None),
]


@pytest.mark.parametrize(("text", "kind", "count"), CHOSEN)
def test_windows_that_ask_something_of_events(text, kind, count):
    rule = rulebook(f"rule R from Pay over {text} emit X {{ n = count() }}").rules[0]
    window = rule.body.window
    assert (window.kind, window.count, window.ascending) == (kind, count, "asc" in text)
    assert len(window.asked) == (kind in ("newest", "best"))
    assert len(window.boundaries) == 2 * (kind == "span")
    assert rule.state_bound.startswith("what aggregates")


def test_a_span_is_over_the_streams_of_its_boundaries_too():
    rule = rulebook("rule R from Pay over span Temp where celsius > 5 until Temp emit X { n = count() }").rules[0]
    assert rule.inputs == ("Pay", "Temp")
    assert rule.body.streams == ("Pay",)


def test_a_rate_is_a_count_by_a_length():
    (_, rate), *_ = rulebook("rule R from Pay over last 1 h emit X { r = rate(1 min) }").rules[0].emits[0].fields
    assert (rate.op, rate.type.kind, rate.type.optional) == ("div", "float", True)
    assert rate.args[1].args[1].value == MIN


def test_a_field_of_the_event_at_hand_stands_bare_where_each_event_has_a_window():
    book = rulebook("rule R keyed by card from Pay as p over last 3 events emit X { card, amount, at = p.at }")
    assert [name for name, _ in book.rules[0].emits[0].fields] == ["card", "amount", "at"]


def test_output_final_changes_nothing():
    one, other = (
        rulebook(f"rule R from Pay over every 1 h emit X {{ n = count() }} {o}") for o in ("", "output final")
    )
    assert one.rules[0].output is None is other.rules[0].output
    assert one.rules[0].body == other.rules[0].body
