"""Mistakes of form: each with its place, its code, what was expected, and a hint."""

from __future__ import annotations

import contextlib

import pytest

from cep.language.mistakes import MOST_WORDS
from cep.language.parser import parse, parse_expression
from cep.model.diagnostics import Diagnostic, Source
from cep.model.errors import RuleError

STREAM = "stream Pay ordered by at { at: time, card: string, amount: decimal }\n"
WHEN = STREAM + "rule R keyed by card\nwhen Pay as a where amount > 1\n     then Pay as b\n"
END = "\nemit A { card }\n"

# `@` stands at the place of the mistake; then the code, a part of the message, a part of the hint.
CASES = [
    # durations
    (WHEN + "within 10 @m" + END, "bad-duration", "'m' is not a unit of time", "did you mean '10 min'?"),
    (WHEN + "within @10m" + END, "bad-duration", "'m' is not a unit", "'10 min'"),
    (WHEN + "within 2 @hours" + END, "bad-duration", "'hours'", "'2 h'"),
    (WHEN + "within @30sec" + END, "bad-duration", "'sec'", "'30 s'"),
    (WHEN + "within @10" + END, "bad-duration", "expected a duration or a number of events", "'10 min'"),
    (WHEN + "within @5 rows" + END, "bad-duration", "expected a duration or a number of events", "'5 events'"),
    ("stream P ordered by at late @30 { at: time }", "bad-duration", "expected a duration, found '30'", "'30 s'"),
    ('test "t" { send Pay {} at @5 }', "bad-duration", "expected a duration", "'5 s'"),
    ("param d: duration = @0.0001 us", "bad-duration", "not a whole number of nanoseconds", None),
    ("param d: duration = @400 w 99999 w", "bad-duration", "more than 292 years", None),
    # parts of patterns and of values
    (STREAM + "rule R when one of (Pay as a@)" + END, "syntax", "found ')'", "'one of' is a choice of two or more"),
    (WHEN + "after match skip past last @event" + END, "syntax", "found 'event'", None),
    (STREAM + "@event Login { at: time }", "syntax", "found 'event'", "'stream' declares"),
    (STREAM + "rule R when fewest @Pay as p within 1 h" + END, "syntax", "found 'Pay'", "'fewest 1 or more X'"),
    (STREAM + "rule R when Pay as a @or Pay as b" + END, "syntax", "found 'or'", "'one of (A, B)'"),
    (STREAM + "rule R when Pay as a @and Pay as b" + END, "syntax", "found 'and'", "'all of (A, B)'"),
    (STREAM + "rule R when 2 Pay as a @in a row" + END, "syntax", "found 'in", "stand before 'as'"),
    (STREAM + "rule R from Pay where amount = (1@, 2)" + END, "syntax", "found ','", "'x in (…)'"),
    (STREAM + "rule R from Pay where amount != (1@, 2)" + END, "syntax", "found ','", "'x not in (…)'"),
    (STREAM + "rule R from Pay where 3 in @items" + END, "syntax", "found 'items'", "'in (items)'"),
    (STREAM + "rule R from Pay where case @amount > 1 then 1 end" + END, "syntax", "'amount'", "'case when"),
    # signs of other languages
    (WHEN.replace("> 1", "@== 1") + END, "bad-character", "'=='", "write '='"),
    (WHEN.replace("> 1", "> 1 @&& b") + END, "bad-character", "'&&'", "write 'and'"),
    (WHEN.replace("> 1", "> 1 || card @= 2") + END, "syntax", "expected an operator, 'then'", "write 'or'"),
    (WHEN.replace("> 1", "> 1 and @!b") + END, "bad-character", "'!'", "write 'not'"),
    (WHEN.replace("> 1", "@<> 1") + END, "bad-character", "'<>'", "write '!='"),
    (WHEN.replace("> 1", "= @'x'") + END, "bad-character", "single quotes", "double quotes"),
    (WHEN.replace("> 1", "= @“x”") + END, "bad-character", "“", "double quotes"),
    (WHEN.replace("then", "@->") + END, "syntax", "expected an operator, 'then', 'next', 'within'", "write 'then'"),
    (WHEN + "@// remark" + END, "bad-character", "'//'", "'-- '"),
    (WHEN + "@# remark" + END, "bad-character", "'#'", "'-- '"),
    (WHEN + "within 1 s@;" + END, "bad-character", "';'", "leave"),
    # names
    (WHEN.replace("when Pay", "when @pay") + END, "syntax", "expected a step", "'Pay'"),
    (WHEN.replace("as a", "as @A") + END, "syntax", "expected an alias", "'a'"),
    ("rule @small_name when Pay emit A {}", "syntax", "a name with a capital", "'SmallName'"),
    ("stream S { @Amount: int }", "syntax", "expected a name", "'amount'"),
    ("param @fooBar: int = 3", "bad-name", "'fooBar'", "'foo_bar'"),
    ("param @é: int = 3", "bad-character", "'é'", "a-z"),
    ('rule R when Pay as @"p" emit A {}', "syntax", "expected an alias, found a text", "without quotes"),
    ("rule R when Pay as p @from x emit A {}", "syntax", "found 'from'", None),
    # keywords
    (WHEN + "@withn 10 min" + END, "syntax", "'then', 'next', 'within', 'emit'", "did you mean 'within'?"),
    (WHEN + "@WITHIN 10 min" + END, "syntax", "found 'WITHIN'", "keywords are small: 'within'"),
    (WHEN.replace("where", "@wher") + END, "syntax", "'where'", "did you mean 'where'?"),
    ("rule R @keyd by card when Pay emit A {}", "syntax", "'when', 'from'", "did you mean 'keyed by'?"),
    ("@rulle R when Pay emit A {}", "syntax", "expected a declaration", "did you mean 'rule'?"),
    ("rule R @group by card when Pay emit A {}", "syntax", "found 'group'", "'keyed by'"),
    ("rule R when Pay @followed by Pay emit A {}", "syntax", "'then'", "'then'"),
    ("rule R when Pay as p@, Pay as q emit A {}", "syntax", "'then'", "write 'then'"),
    ("rule Q from Pay @within 5 s emit X {}", "syntax", "found 'within'", "over last"),
    (WHEN + "within 10 @evnts" + END, "syntax", "expected 'events'", "did you mean 'events'?"),
    # brackets
    (WHEN + "emit A { card@", "unclosed-bracket", "expected '}', ','", "close the '{' of line 5"),
    (WHEN + "emit A @( card )", "syntax", "expected '{'", "braces"),
    (WHEN + "emit A @card", "syntax", "expected '{'", "braces"),
    ("stream Pay ordered by at @at: time }", "syntax", "expected '{'", "braces"),
    ("stream P ordered by at { at: time @card: string }", "syntax", "'}', ','", "put a ','"),
    ("param x: int = (1 + 2@", "unclosed-bracket", "expected ')' or an operator", "'('"),
    ("param x: int = (1 + 2@]", "unclosed-bracket", "found ']'", "close the '('"),
    ("param x: int = 1@)", "syntax", "found ')'", "no bracket open"),
    ("param x: bool = a in @[1]", "syntax", "expected '('", "parentheses"),
    ("param x: list<int@>= 3", "syntax", "expected '>'", "space"),
    # values
    ("param x: int = @1e9", "bad-number", "'1e9'", "exponents"),
    ("param x: int = @1_000", "bad-number", "'1_000'", "without marks"),
    ("param x: int = @5abc", "bad-number", "'5abc'", "space"),
    ("param x: float = @.5", "syntax", "expected an expression", "'0.5'"),
    ("param x: int = @" + "9" * 5000, "bad-number", "5000 digits", None),
    ('param x: string = @"abc', "unclosed-string", "not closed", "\\n"),
    (r'param x: string = "a@\qb"', "bad-escape", r"'\q'", r"\uXXXX"),
    ('param x: string = "a@\\\r"', "bad-escape", r"\r' is not an escape", "backslash"),
    ("@1\n h", "syntax", "found '1 h'", None),
    (r'param x: string = "a@\u12"', "bad-escape", r"'\u'", "four hexadecimal digits"),
    (r'param x: string = @"\ud800"', "bad-escape", "half a character", None),
    ("param x: bool = 1 < 2 @< 3", "syntax", "found '<'", "b between a and c"),
    ("param x: int = @§", "bad-character", "'§'", None),
    ("param x: int = @\x01", "bad-character", "U+0001", None),
    ("param x: int =@", "syntax", "expected an expression, found the end", None),
    # clauses
    ("rule @R when Pay", "missing-clause", "rule R has no 'emit'", "emit R"),
    ("rule R keyed by card emit A {}@", "syntax", "expected 'when', 'from'", None),
    ("rule R when Pay emit A {} @on timeout", "missing-clause", "'on timeout' has no action", "on timeout emit"),
    ("rule R when Pay emit A {} within 1 s @within 2 s", "repeated-clause", "one 'within'", None),
    (
        "rule R when Pay at most 1 matches per event @at most 2 matches per event emit A {}",
        "repeated-clause",
        "one 'at most … matches per event'",
        None,
    ),
    ("rule @R when Pay on timeout emit A {} emit B {}", "missing-clause", "R has no 'emit'", "before 'on timeout'"),
    ("rule R when Pay emit A {} keyed by a @keyed by b", "repeated-clause", "one 'keyed by'", None),
    ("rule R @within 2 s from Pay emit X {}", "misplaced-clause", "'within' belongs to", "over last"),
    ("rule R when Pay emit A { @x[0] }", "missing-name", "no name", "name ="),
    ("table @T { a: int }", "missing-clause", "table T has no 'keyed by'", "keyed by"),
    ("module a\n@module b", "misplaced-clause", "'module'", None),
    ("stream S late 1 s @late 2 s { at: time }", "repeated-clause", "one 'late'", None),
    ("assert X A until B @until C", "syntax", "found 'until'", "parentheses"),
    ("assert X keyed by k@", "syntax", "expected a formula", None),
    ("assert X A @emit B {}", "syntax", "found 'emit'", "'on violation'"),
    ("@from Pay emit A {}", "syntax", "expected a declaration", None),
]  # fmt: skip


def mistakes_of(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(RuleError) as caught:
        parse(Source("f.cep", text))
    for problem in caught.value.diagnostics:
        assert "\n" not in problem.message
        assert not any(word.isupper() and len(word) > 3 and f"'{word}'" not in problem.message for word in
                       problem.message.replace("'", " ").split() if word not in text)  # fmt: skip
        assert problem.render()
    return caught.value.diagnostics


@pytest.mark.parametrize(("marked", "code", "message", "hint"), CASES, ids=[c[0][-40:] for c in CASES])
def test_a_mistake_has_its_place_code_and_hint(marked: str, code: str, message: str, hint: str | None) -> None:
    at = marked.index("@")
    text = marked.replace("@", "")
    (problem,) = mistakes_of(text)
    assert (problem.code, problem.span.start) == (code, at)
    assert problem.span.line == text.count("\n", 0, at) + 1
    assert problem.span.column == at - (text.rfind("\n", 0, at) + 1) + 1
    assert message in problem.message
    if hint is not None:
        assert problem.hint is not None
        assert hint in problem.hint


def test_the_first_mistake_of_every_declaration_is_reported() -> None:
    problems = mistakes_of(
        "stream A ordered at { at: time }\n"
        "stream B ordered by at { at: time }\n"
        "rule One when Pay emit { x }\n"
        "rule Two\n  when Pay wher x = 1 emit X {\n"
        "param fine: int = 5\n"
        'param x: string = "abc\n'
        "param y: int = 5 5\n"
        "table T keyed by a { rule: int\ntable: string }\n"
        "assert Z always\n"
        'test "t" { sned Pay {} at 1 s }\n'
        "rule Last when Pay"
    )
    assert [p.span.line for p in problems] == [1, 3, 5, 7, 8, 10, 11, 12, 13]


def test_mistakes_in_values_are_reported_beside_those_of_form() -> None:
    problems = mistakes_of('param a: string = "\\q"\nparam b: duration = 0.0001 us\nparam c int = 5')
    assert [(p.code, p.span.line) for p in problems] == [("bad-escape", 1), ("bad-duration", 2), ("syntax", 3)]


def test_at_most_six_things_are_expected() -> None:
    for marked, _, _, _ in CASES:
        for problem in mistakes_of(marked.replace("@", "")):
            if problem.message.startswith("expected ") and ", found" in problem.message:
                said = problem.message.removeprefix("expected ").rsplit(", found", 1)[0]
                assert len(said.replace(" or ", ", ").split(", ")) <= MOST_WORDS + 1


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("(" * 1000 + "1" + ")" * 1000, 101),
        ("[" * 1000 + "1" + "]" * 1000, 101),
        ("f(" * 1000 + "1" + ")" * 1000, 202),
        ("not " * 1000 + "x", 401),
        ("- " * 1000 + "x", 201),
        ("case when x then " * 1000 + "1" + " end" * 1000, 100 * 17 + 1),
        ("(" * 1000, 101),
    ],
)
def test_nesting_beyond_the_limit_is_refused_with_its_place(text: str, column: int) -> None:
    with pytest.raises(RuleError) as caught:
        parse_expression(text)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.column) == ("too-deep", column)


def test_formulas_groups_and_types_do_not_nest_without_end_either() -> None:
    for text in (
        "assert A " + "always " * 1000 + "B",
        "assert A " + "B implies " * 1000 + "B",
        "rule R when " + "(" * 1000 + "A" + ")" * 1000 + " emit X {}",
        "param x: " + "list<" * 1000 + "int" + ">" * 1000 + " = 1",
    ):
        assert [p.code for p in mistakes_of(text)] == ["too-deep"]


def test_a_value_from_the_command_line_is_checked_alone() -> None:
    for text in ("", "1 2", "param x: int = 5", "1 +", "'x'"):
        with pytest.raises(RuleError) as caught:
            parse_expression(text)
        assert caught.value.diagnostics[0].source.name == "<expression>"


def test_no_text_raises_anything_else() -> None:
    pieces = (WHEN + END).split()
    for start in range(len(pieces)):
        for text in (" ".join(pieces[start:]), " ".join(pieces[:start]), " ".join(pieces[::-1][start:])):
            with contextlib.suppress(RuleError):
                parse(Source("f.cep", text))
