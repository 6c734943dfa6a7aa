"""Formatting: canonical, keeps the meaning, loses no comment."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cep.language import ast
from cep.language.format import WIDTH, format_file, same_meaning
from cep.language.lexing import scan
from cep.language.parser import parse, parse_expression, read_source
from cep.language.spelling import expression_text
from cep.model.diagnostics import Source, Span

RULES = Path(__file__).parents[2] / "rules"
NAMES = """
    fraud/card_testing fraud/impossible_travel fraud/daily_limit iot/overheating iot/silence iot/statistics
    trading/v_shape trading/spoofing security/brute_force security/compromise sla/answered sla/error_budget
    sla/patterns logistics/cold_chain logistics/lost_parcel clickstream/visits
"""
FILES = [RULES / f"{name}.cep" for name in NAMES.split()]

# Every construct that the rule files do not have.
REST = """
module a.b
use "x.cep"
param l: list<map<string, int?>>? = [1, [], "\\u0001\\"é"]
param n: float = -(-1.50) - -2 * (3 - (4 - 5)) / (6 / 7) div 8 % 9
timer Noon every 1d at "12:00"
function f() = case when a then b else case when c then d end end
function g(a: time("Europe/Paris"), b: time(ms), c: decimal(2)) -> list<int> from "m:g"
stream S extends T ties by a, b idle 2 s ordered by at late 1 s { a: int, }
stream U { a: int from "A (B)" }
table T keyed by a, b { a: int }
rule A output last every 5 events per a, b tags { x, y = not z } keyed by k or S.a or U.b, m
  when fewest 3 to 5 S as s where (x or y) and not (p and q) until U as u where z then any no U for limit
  next all of (S, no U for 1 s, 2 of (S, U))
  then fewest 2 or more (S then U gap 3 s within 2 events) in any combination as g
  prefer soonest allow unbounded within limit gap 1 s after match skip to first s consume s, g
  emit X {} on timeout emit Y {} delete T where a = 1 and b is null
rule B from Late.S as s unnest s.items[0].names as i where x not in (1, 2) and y not like "a%" or z not matches "b"
  right join T as t on t.a = s.a within -1 s to 5 s full join U as u on u.a between 1 and 2 + 3 join V as v on true
  having any x in items satisfies (x > 1) or every x in a.b satisfies (not x)
  over top 5 by a + b desc emit X { a = T[1, k].f, b = S.g, c = count(distinct a where b), d = count(where c), e.f }
rule C over latest 3 per a emit X {} from S over latest per a, b
rule D from S over every 1 d in "Europe/Paris" emit X {} output early
rule E from S over every 5 events emit X {}
rule F from S over last 5 events within 3 s emit X {}
rule G from S over span S as s where a until U where b emit X {}
rule H from S over everything upsert T { a } delete T where (not) or (any) = 1
assert I always within 3 s (A or B and C implies D implies (E iff F))
  on satisfied emit X {} on violation emit Y {} emit Z {}
assert J (A until B within 3 s) since (C unless D between 1 s and 2 s) on violation emit X {}
assert K after A as a: (A implies B) implies not previous next once between l and h (C and (D and E))
assert L until Late.A: never for 2 s historically holds (x) and (A since B or C)
test "t" { close expect 2 X { a = -1 } at 3s expect X expect no Y set a = "b" advance to 1 h 30min }
""".replace("over latest 3 per a emit X {} from S over latest per a, b", "emit X {} from S over latest 3 per a, b")


def of(text: str) -> ast.File:
    return parse(Source("f.cep", text))


def assert_formats(text: str) -> str:
    file = of(text)
    tidy = format_file(file)
    again = of(tidy)
    assert same_meaning(file, again)
    assert Counter(c.text for c in again.comments) == Counter(c.text for c in file.comments)
    assert format_file(again) == tidy
    return tidy


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_rule_files_are_canonical(path: Path) -> None:
    file = parse(read_source(path))
    assert format_file(file) == file.source.text


def test_everything_else_in_the_language_keeps_its_meaning() -> None:
    tidy = assert_formats(REST)
    assert assert_formats(" ".join(tidy.split())) != ""


def test_clauses_are_sorted_and_spaced() -> None:
    tidy = assert_formats(
        "rule  R output final emit X{a,b=1} consume a after match keep all within 10min\n"
        "when S as a where x>1 then S as b keyed by k tags{s=1} on timeout emit Y{}"
    )
    assert tidy == (
        "rule R\n"
        "tags { s = 1 }\n"
        "keyed by k\n"
        "when S as a where x > 1\n"
        "     then S as b\n"
        "within 10 min\n"
        "after match keep all\n"
        "consume a\n"
        "emit X { a, b = 1 }\n"
        "on timeout emit Y {}\n"
        "output final\n"
    )


def test_a_word_of_the_language_that_is_a_field_stands_bare_where_only_a_path_may_stand() -> None:
    body = "when S emit X { in, not }\noutput final"
    assert "keyed by a or S.e, in, not or S.in\n" in assert_formats(f"rule R keyed by a or S.e, in, not or S.in {body}")
    assert "unnest where as i" in assert_formats("rule R from S unnest where as i emit X { }")
    assert "keyed by is, any\n" in assert_formats("assert A keyed by is, any always B")


def test_an_expectation_of_none_at_a_time_keeps_its_number() -> None:
    tidy = assert_formats('test "t" { expect 0 X expect 0 X at 0 s expect 0 X { a = 1 } expect no X }')
    assert tidy.splitlines()[1:5] == ["  expect no X", "  expect 0 X at 0 s", "  expect 0 X { a = 1 }", "  expect no X"]


def test_comments_stay_with_what_they_stood_at() -> None:
    tidy = assert_formats(
        "-- head\n\n\n"
        "-- about S\nstream S { a: int, -- first\n  -- above b\n  b: int }  -- behind S\n"
        "rule R -- the rule\n"
        "emit X { a } -- out\n"
        "-- the bound\nwithin 1 s\n"
        "when S as a where x = 1 -- one\n and y = 2\n"
        "-- a second step\nthen S\n"
        "-- last\n"
    )
    assert tidy == (
        "-- head\n\n"
        "-- about S\n"
        "stream S {\n  a: int,  -- first\n  -- above b\n  b: int\n}  -- behind S\n\n"
        "rule R  -- the rule\n"
        "when S as a where x = 1  -- one\n"
        "              and y = 2\n"
        "     -- a second step\n"
        "     then S\n"
        "-- the bound\n"
        "within 1 s\n"
        "emit X { a }  -- out\n"
        "-- last\n"
    )


def test_short_declarations_may_stand_together() -> None:
    text = "param a: int = 1\nparam b: int = 2\n\nparam c: int = 3\n"
    assert assert_formats(text) == text
    assert assert_formats('use "x"\nrule R from S emit X {}') == 'use "x"\n\nrule R\nfrom S\nemit X {}\n'


def test_what_does_not_fit_on_a_line_is_broken() -> None:
    names = [f"a_long_name_{n}" for n in range(12)]
    tidy = assert_formats(
        f"stream S {{ {', '.join(f'{n}: int' for n in names)} }}\n"
        f"rule R when S as s where {' and '.join(names)} then one of ({', '.join(f'S as {n}' for n in names)})\n"
        f"then (S then {' then '.join(f'S as {n}' for n in names)} within 1 s) as g where x\n"
        f"then no S where {' or '.join(names)} for 3 s emit X {{ {', '.join(names)} }}\n"
        f"on timeout emit Y {{ {', '.join(names)} }}\n"
        f'test "t" {{ send S {{ {", ".join(f"{n} = 1" for n in names)} }} at 1 s }}'
    )
    assert max(map(len, tidy.splitlines())) <= WIDTH
    assert "\n}\n" in tidy


def test_an_empty_file_stays_empty_and_comments_alone_stay() -> None:
    assert assert_formats("") == ""
    assert assert_formats(" \n\n") == ""
    assert assert_formats("\n-- a\n--b   \n\n\n-- c") == "-- a\n--b\n\n-- c\n"


def test_a_long_chain_is_written_without_recursion() -> None:
    assert_formats(f"param x: int = {' + '.join(['x'] * 10_000)}")


def test_same_meaning_sees_a_difference() -> None:
    assert same_meaning(of("param a: duration = 90 s"), of("param  a: duration = 90s -- x"))
    for other in ("param a: duration = 91 s", "param b: duration = 90 s", "param a: int = 90 s", "", 'use "x"'):
        assert not same_meaning(of("param a: duration = 90 s"), of(other))


# ------------------------------------------------------------------------------------------------- properties


def _short(path: Path) -> str:
    """The text of a file up to the end of its first test: the others are of the same form, and take time."""
    return "\ntest ".join(path.read_text(encoding="utf-8").split("\ntest ")[:2])


@given(data=st.data())
@settings(max_examples=60)
def test_comments_anywhere_are_kept_and_change_nothing(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([*(_short(p) for p in FILES), REST]))
    bare = of(text)
    ends = [lexeme.end for lexeme in scan(bare.source).lexemes]
    places = data.draw(st.lists(st.sampled_from(ends), min_size=1, max_size=8))
    for number, place in enumerate(sorted(places, reverse=True)):
        before = data.draw(st.sampled_from(["\n", " ", "\n\n", "\n\n\n"]))
        text = f"{text[:place]}{before}-- c{number}\n{text[place:]}"
    assert same_meaning(of(assert_formats(text)), bare)


_HERE = Span(0, 0, 1, 1)
_small_names = st.sampled_from(["a", "b", "not", "any", "case", "distinct", "where", "end", "first", "in"])
_names = _small_names.map(lambda n: ast.Name(n, _HERE))
_types = st.sampled_from(["Pay", "T"]).map(lambda n: ast.Name(n, _HERE))


def _lists(of: st.SearchStrategy[ast.Expr], least: int = 0) -> st.SearchStrategy[tuple[ast.Expr, ...]]:
    return st.lists(of, min_size=least, max_size=3).map(tuple)


def _larger(inner: st.SearchStrategy[ast.Expr]) -> st.SearchStrategy[ast.Expr]:
    def chain(ops: list[str]) -> st.SearchStrategy[ast.Chain]:
        return st.lists(st.tuples(st.sampled_from(ops), inner), min_size=1, max_size=3).flatmap(
            lambda rest: inner.map(
                lambda first: ast.Chain((first, *(e for _, e in rest)), tuple(op for op, _ in rest), _HERE)
            )
        )

    argument = st.one_of(
        st.builds(ast.Argument, inner, st.booleans(), st.none() | inner, st.just(_HERE)),
        inner.map(lambda e: ast.Argument(None, False, e, _HERE)),
    )
    # `not(…)` is no call: the keyword wins.
    called = _names.filter(lambda n: n.text != "not")
    part = _names | inner.map(lambda e: ast.Index(e, _HERE))
    here = st.just(_HERE)
    return st.one_of(
        st.builds(ast.Path, st.tuples(_names, part, part), here),
        st.builds(ast.Call, called, st.lists(argument, max_size=2).map(tuple), here),
        st.builds(ast.Unary, st.sampled_from(["-", "not"]), inner, here),
        chain(["+", "-", "||"]),
        chain(["*", "/", "%", "div"]),
        st.builds(ast.Logic, st.sampled_from(["and", "or"]), _lists(inner, 2), here),
        st.builds(ast.Compare, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), inner, inner, here),
        st.builds(ast.Between, inner, inner, inner, here),
        st.builds(ast.In, inner, _lists(inner, 1), st.booleans(), here),
        st.builds(ast.TextMatch, st.sampled_from(["like", "matches"]), inner, inner, st.booleans(), here),
        st.builds(ast.IsNull, inner, st.booleans(), here),
        st.builds(
            ast.Case, st.lists(st.tuples(inner, inner), min_size=1, max_size=2).map(tuple), st.none() | inner, here
        ),
        st.builds(
            ast.Quantified,
            st.sampled_from(["any", "every"]),
            _names,
            _names.map(lambda n: ast.Path((n,), _HERE)),
            inner,
            here,
        ),
        st.builds(ast.Lookup, _types, _lists(inner, 1), _names, here),
        st.builds(ast.Latest, _types, _names, here),
        st.builds(ast.ListLiteral, _lists(inner), here),
    )


_expressions = st.recursive(
    st.one_of(
        st.integers(0, 10**20).map(lambda n: ast.IntLiteral(n, _HERE)),
        st.sampled_from(["0.5", "10.00"]).map(lambda t: ast.PointLiteral(t, _HERE)),
        st.text(max_size=5).map(lambda t: ast.StringLiteral(t, _HERE)),
        st.sampled_from([("1 s", 10**9), ("2 min 1 s", 121 * 10**9)]).map(
            lambda d: ast.DurationLiteral(d[1], d[0], _HERE)
        ),
        st.booleans().map(lambda b: ast.BoolLiteral(b, _HERE)),
        st.just(ast.NullLiteral(_HERE)),
        _names.map(lambda n: ast.Path((n,), _HERE)),
    ),
    _larger,
    max_leaves=8,
)


def _holding(value: ast.Expr) -> ast.File:
    return ast.File(Source("", ""), None, (ast.SetParam(ast.Name("x", _HERE), value, _HERE),), ())  # type: ignore[arg-type]


@given(_expressions)
@settings(max_examples=300)
def test_the_text_of_an_expression_is_that_expression(node: ast.Expr) -> None:
    assert same_meaning(_holding(parse_expression(expression_text(node))), _holding(node))
