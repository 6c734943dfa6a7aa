"""``any`` and ``every``: what their names and types are, and what is told where they are wrong."""

from __future__ import annotations

import pytest
from language.checking import assert_mistakes, rulebook

from cep.language.typed import Apply, Attr, Const, Element
from cep.model.types import BOOL, INT

PRELUDE = """\
param limit: int = 3
stream Pay ordered by at {
  at: time, id: int, card: string, tags: list<string>, sums: list<int?>?, nest: list<list<int>>
}
"""


def emitted(text):
    return rulebook(f"rule R from Pay emit X {{ x = {text} }}", PRELUDE).rules[0].emits[0].fields[0][1]


def test_any_joins_the_condition_of_the_elements():
    element = Element("n", INT.as_optional())
    body = Apply("gt", (element, Const(3, INT)), BOOL.as_optional())
    found = emitted("any n in sums satisfies (n > 3)")
    assert isinstance(found, Apply)
    assert (found.op, found.args[1:]) == ("any", (element, body))
    assert isinstance(found.args[0], Attr)


def test_every_is_not_any_not():
    found = emitted("every n in nest satisfies (1 in (n))")
    assert isinstance(found, Apply)
    inner = found.args[0]
    assert isinstance(inner, Apply)
    assert (found.op, inner.op) == ("not", "any")
    assert isinstance(inner.args[2], Apply)
    assert inner.args[2].op == "not"


@pytest.mark.parametrize(
    ("text", "optional"),
    [
        ('any t in tags satisfies (t = "a")', False),
        ("any t in tags satisfies (t = card and id > limit)", False),
        ("any n in sums satisfies (n is null)", True),
        ("every n in flat satisfies (n > 1)", True),
        ("any l in nest satisfies (every n in l satisfies (n > id))", False),
        ('any p in split(card, ",") satisfies (length(p) > 3)', False),
    ],
)
def test_it_is_null_where_the_list_or_the_condition_may_be(text, optional):
    prelude = PRELUDE.replace("nest:", "flat: list<int?>, nest:")
    book = rulebook(f"rule R from Pay emit X {{ x = {text} }}", prelude)
    assert book.rules[0].emits[0].fields[0][1].type == BOOL.as_optional(optional)


CASES = (
    ("from Pay where any «card in tags satisfies (card = 1)", "ambiguous-name", "a field of Pay", "another name"),
    ("from Pay where any «limit in tags satisfies (true)", "ambiguous-name", "a param", "another name"),
    ("from Pay where any t in nest satisfies (any «t in t satisfies (t > 1))", "ambiguous-name", "around", None),
    ("from Pay as p where any «p in tags satisfies (p = card)", "ambiguous-name", "an alias", "another name"),
    ("when Pay as a then Pay as b where any «a in tags satisfies (a = card) within 1 h", "ambiguous-name",
     "`a` is an alias", "another name"),
    ("from Pay where any t in «card satisfies (t > 1)", "wrong-type", "this is a string", None),
    ("from Pay where any t in «lower(card) satisfies (t > 1)", "wrong-type", "this is a string", None),
    ("from Pay where any t in tags satisfies («t)", "not-a-condition", "must be true or false", None),
    ("from Pay where any t in tags satisfies («t > 1)", "wrong-type", "a string cannot be compared", None),
    ("from Pay where any t in tags satisfies («t.size > 1)", "unknown-field", "`t` has no fields", None),
    ("from Pay where any t in «tagz satisfies (t > 1)", "unknown-field", "tagz", "tags"),
    ("from Pay where any t in tags satisfies (t = «u)", "unknown-field", "`u` is unknown", None),
    ("from Pay where any t in tags satisfies (t = card) and «t = card", "unknown-field", "`t` is unknown", None),
    ("from Pay where any l in nest satisfies («l = 1)", "not-yet", "a list in this place", "any x in l"),
    ("when 2 Pay as a within 1 h emit X { x = any n in ids(a) satisfies (sum(a.id + «n) > 1) }", "mixed-aliases",
     "`n` is an element", "outside"),
    ("when 2 Pay as a then Pay where any t in «events(a) satisfies (t = card) within 1 h", "not-yet",
     "`events` in a condition", None),
    ("when Pay as a then Pay where «any t in a.tags satisfies (lower(t) = card) within 1 h", "not-yet",
     "`lower` of an element", "alone"),
    ("when Pay as a then Pay where «any t in a.tags satisfies (coalesce(t, card) = card) within 1 h", "not-yet",
     "`coalesce` of an element", None),
    ("when Pay as a then Pay where «any t in a.tags satisfies (t || card = card) within 1 h", "not-yet",
     "`||` of an element", None),
    ("when Pay as a then Pay where «any l in a.nest satisfies (id in (l)) within 1 h", "not-yet",
     "a list of lists", None),
)  # fmt: skip


@pytest.mark.parametrize(("text", "code", "message", "hint"), CASES)
def test_what_is_wrong_is_told_at_its_place(text, code, message, hint):
    rule = text if " emit " in text else f"{text} emit X {{ }}"
    assert_mistakes(f"rule R {rule}", code, message, hint, PRELUDE)


def test_what_asks_about_one_event_alone_may_ask_anything():
    of_a = 'any t in a.tags satisfies (lower(t) || a.card like "x%")'
    of_b = "every l in nest satisfies (any n in l satisfies (n = b.id))"
    rulebook(
        f"rule R when Pay as a then Pay as b where id > a.id and {of_a} and {of_b} within 1 h emit X {{ }}", PRELUDE
    )
