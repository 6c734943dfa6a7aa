"""Parsing: trees, places, and texts of every size and kind."""

from __future__ import annotations

import re
import threading
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lark import Lark
from lark import Tree as LarkTree

from cep.language import ast, parser, syntax, tables
from cep.language.format import same_meaning
from cep.language.lexing import MAX_DEPTH, scan
from cep.language.parser import parse, parse_expression, read_source
from cep.model.diagnostics import Source, Span
from cep.model.errors import InputError, RuleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lark import Token

    from cep.language.lexing import Lexeme

RULES = Path(__file__).parents[2] / "rules"
NAMES = """
    fraud/card_testing fraud/impossible_travel fraud/daily_limit iot/overheating iot/silence iot/statistics
    trading/v_shape trading/spoofing security/brute_force security/compromise sla/answered sla/error_budget
    sla/patterns logistics/cold_chain logistics/lost_parcel clickstream/visits
"""
FILES = [RULES / f"{name}.cep" for name in NAMES.split()]
WORDS = "rule at first last where when then emit every any case not end from to by in is all of no one"


def of(text: str) -> ast.File:
    return parse(Source("f.cep", text))


def rule_of(text: str) -> ast.Rule:
    (rule,) = of(text).declarations
    assert isinstance(rule, ast.Rule)
    return rule


def nodes_of(root: object) -> list[object]:
    found, todo = [], [root]
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            todo.extend(node)
        elif is_dataclass(node) and not isinstance(node, Span | Source):
            found.append(node)
            todo.extend(getattr(node, f.name) for f in fields(node))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_rule_file_parses(path: Path) -> None:
    file = parse(read_source(path))
    assert file.declarations
    assert file.comments


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_place_is_exact(path: Path) -> None:
    file = parse(read_source(path))
    text = file.source.text
    for node in nodes_of((file.module, file.declarations, file.comments)):
        span = node.span  # type: ignore[attr-defined]
        before = text[: span.start]
        assert (span.line, span.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))
        piece = text[span.start : span.end]
        assert piece == piece.strip()
        match node:
            case ast.Name() | ast.PointLiteral():
                assert piece == node.text
            case ast.DurationLiteral():
                assert piece == node.text
            case ast.IntLiteral():
                assert int(piece) == node.value
            case ast.Comment():
                assert piece == f"--{node.text}"
            case ast.Rule():
                assert piece.startswith("rule ")


@pytest.fixture(scope="module")
def described() -> Lark:
    """lark's parser with the lexer that the grammar describes."""
    return tables._make(tables.grammar_text(), "contextual")


def placed(tree: LarkTree[Token]) -> object:
    """A tree of lark's as plain data, each node with its place."""
    place = None if tree.meta.empty else (tree.meta.start_pos, tree.meta.end_pos, tree.meta.line, tree.meta.column)
    children = [placed(c) if isinstance(c, LarkTree) else c and (str(c), c.start_pos) for c in tree.children]
    return str(tree.data), place, children


def ours_placed(tree: syntax.Tree, lexemes: Sequence[Lexeme]) -> object:
    """The same of ours."""
    first, last = lexemes[tree.first], lexemes[tree.last]
    place = None if tree.first < 0 else (first.start, last.end, first.line, first.column)
    children = [
        ours_placed(c, lexemes)
        if isinstance(c, syntax.Tree)
        else None
        if c is None
        else (lexemes[c].text, lexemes[c].start)
        for c in tree.children
    ]
    return tree.kind, place, children


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_our_lexing_and_our_trees_are_those_that_the_grammar_describes(path: Path, described: Lark) -> None:
    source = read_source(path)
    lexemes = scan(source).lexemes
    ours = tables.tables(None).machine.parse(lexemes, "start")
    assert isinstance(ours, syntax.Tree)
    assert ours_placed(ours, lexemes) == placed(described.parse(source.text, start="start"))


def test_a_declaration_ends_before_another_as_it_does_at_the_end_of_a_text() -> None:
    """So a text may be parsed declaration by declaration."""
    made = tables.tables(None)
    openers = [made.words[word] for word in parser._OPENING]
    start = made.machine.states[made.machine.starts["start"]]
    ends = {id(actions["$END"]) for actions in (start, made.machine.states[start["__start_star_0"]])}  # type: ignore[index]
    checked = 0
    for actions in made.machine.states.values():
        if "$END" in actions and id(actions["$END"]) not in ends and any(word in actions for word in openers):
            assert [actions.get(word) for word in openers] == [actions["$END"]] * len(openers)
            checked += 1
    assert checked > 100


def bare(node: object) -> str:
    return re.sub(r"Span\([^)]*\)", "", repr(node))


@pytest.mark.parametrize(
    "line",
    [
        "rule {name} when Pay as a where n {op} {number} then Pay as b within {time}\nemit {name} {{ x = a.card }}",
        "rule {name} from Pay where not [{number}] = b or not[0] {op} {number} emit {name} {{ any = {text} }}",
        "rule {name} from Pay where any x in tags satisfies (x {op} {text}) emit {name} {{ n = 1 }}",
        "timer {name} every {time} at {text}",
    ],
)
def test_declarations_of_one_form_are_each_what_they_are_alone(line: str) -> None:
    """The second of a form is built by the tree of the first."""
    texts = [
        line.format(name="One", op="<", number="1", time="1 s", text='"a"'),
        line.format(name="Two2", op="<", number="1000", time="10 min 5\n s", text='"ab\\n"'),
        line.format(name="Three", op="<", number="7", time="2 h", text='""'),
        line.format(name="Four", op=">=", number="7", time="2 h", text='""').replace("not [", "not["),
    ]
    alone = [parse(Source("t", text)).declarations[0] for text in texts]
    assert bare(parse(Source("t", "\n".join(texts))).declarations) == bare(tuple(alone))


def test_a_pattern_has_its_steps_links_and_bounds() -> None:
    rule = rule_of(
        "rule R keyed by user or Wire.payer\n"
        "when fewest 2 to 5 Pay in a row as p where amount > 1 until Stop\n"
        "then any no Pay where amount = 2 for limit\n"
        "next 2 of (Pay, (Pay then Pay within 1 s) as g)\n"
        "within 20 events gap 5 s after match skip to first p prefer soonest consume p\n"
        "emit A { user, x = p.amount }"
    )
    body = rule.body
    assert isinstance(body, ast.Matching)
    first, absent, choice = body.pattern.steps
    assert isinstance(first, ast.Step)
    assert first.quantifier is not None
    assert (first.quantifier.low, first.quantifier.high, first.quantifier.fewest) == (2, 5, True)
    assert first.adjacency == "in a row"
    assert isinstance(absent, ast.Absence)
    assert isinstance(absent.duration, ast.Name)
    assert isinstance(choice, ast.Step)
    assert isinstance(choice.source, ast.Choice)
    assert (choice.source.kind, choice.source.count, len(choice.source.steps)) == ("count", 2, 2)
    assert [link.word for link in body.pattern.links] == ["then any", "next"]
    assert [(b.kind, b.events) for b in body.bounds] == [("within_events", 20), ("gap", None)]
    assert body.skip is not None
    assert (body.skip.to, body.skip.prefer) == ("first", "soonest")
    assert [n.text for n in body.consume] == ["p"]
    assert [(s.text, f.text) for s, f in rule.keys[0].others] == [("Wire", "payer")]


def test_clauses_may_come_in_any_order() -> None:
    usual = of(
        'rule R "d"\ntags { a = 1 }\nkeyed by card\nwhen Pay as a then Pay as b\nwithin 1 s\nafter match keep all\n'
        "consume a\nemit X {}\non timeout where a.x = 1 emit Y {} emit Z {}\noutput final"
    )
    other = of(
        'rule R "d"\noutput final\nemit X {}\nwithin 1 s\nwhen Pay as a then Pay as b\nconsume a\n'
        "on timeout where a.x = 1 emit Y {} emit Z {}\nafter match keep all\nkeyed by card\ntags { a = 1 }"
    )
    assert same_meaning(usual, other)
    assert same_meaning(
        of("stream S ordered by at late 1 s idle 2 s ties by a, b { at: time }"),
        of("stream S ties by a, b idle 2 s late 1 s ordered by at { at: time }"),
    )
    assert same_meaning(
        of("rule R from S over last 1 s having count() > 1 keyed by k emit X {}"),
        of("rule R emit X {} keyed by k from S having count() > 1 over last 1 s"),
    )


def test_actions_behind_on_timeout_are_the_timeouts() -> None:
    rule = rule_of("rule R when Pay emit A {} on timeout emit B {} delete T where x = 1 output final emit C {}")
    assert [a.type.text for a in rule.actions] == ["A", "C"]
    assert rule.timeout is not None
    assert [a.type.text for a in rule.timeout.actions] == ["B", "T"]


@pytest.mark.parametrize(
    "text",
    ["any", "every", "case", "not = true", "x and not", "not not", "count(distinct)", "any(x)", "any.x", "(case)"],
)
def test_keywords_are_names_where_no_keyword_fits(text: str) -> None:
    parse_expression(text)


def test_words_of_the_language_can_be_fields_and_aliases() -> None:
    words = WORDS.split()
    of(f"stream S {{ {', '.join(f'{w}: int' for w in words)} }}\nrule R from S emit X {{ {', '.join(words)} }}")


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("30s", 30 * 10**9),
        ("1 h 30 min", 5400 * 10**9),
        ("1.5 h", 5400 * 10**9),
        ("0.001 us", 1),
        ("2w 1d", 15 * 86400 * 10**9),
        ("5\n ms", 5_000_000),
        ("0 s", 0),
    ],
)
def test_durations_are_whole_nanoseconds(text: str, nanoseconds: int) -> None:
    node = parse_expression(text)
    assert isinstance(node, ast.DurationLiteral)
    assert (node.value, node.text) == (nanoseconds, text)


def test_texts_are_unescaped() -> None:
    node = parse_expression(r'"a\"b\\c\n\t\r\u00e9\ud83d\ude00é -- no comment"')
    assert isinstance(node, ast.StringLiteral)
    assert node.value == 'a"b\\c\n\t\ré😀é -- no comment'


def test_operators_bind_as_usual() -> None:
    node = parse_expression("not a = 1 + 2 * -3 or b between 1 and 2 and c not in (1, 2)")
    assert isinstance(node, ast.Logic)
    assert node.op == "or"
    first, second = node.operands
    assert isinstance(first, ast.Unary)
    assert isinstance(first.operand, ast.Compare)
    assert isinstance(second, ast.Logic)
    assert [type(o) for o in second.operands] == [ast.Between, ast.In]


def test_a_comment_starts_only_behind_white_space() -> None:
    assert isinstance(parse_expression("5--3"), ast.Chain)
    file = of('param x: int = 5 --3\n--no space\n-- "quoted\nparam y: string = "-- text"')
    assert [c.text for c in file.comments] == ["3", "no space", ' "quoted']


@pytest.mark.parametrize("text", ["", "\n \n", "-- only a comment", "\ufeff", "\r\n"])
def test_an_empty_file_declares_nothing(text: str) -> None:
    assert of(text).declarations == ()


def test_line_ends_of_windows_and_a_mark_of_byte_order_change_nothing(tmp_path: Path) -> None:
    text = FILES[0].read_text(encoding="utf-8")
    (tmp_path / "a.cep").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert same_meaning(parse(read_source(tmp_path / "a.cep")), of(text))
    assert same_meaning(of("\ufeff" + text), of(text))


def test_a_chain_of_ten_thousand_terms_is_one_node() -> None:
    for op, kind in (("+", ast.Chain), ("*", ast.Chain), ("and", ast.Logic), ("or", ast.Logic), ("||", ast.Chain)):
        node = parse_expression(f" {op} ".join(["x"] * 10_000))
        assert isinstance(node, kind)
        assert len(node.operands) == 10_000
    (claim,) = of("assert A " + " or ".join(["B"] * 10_000)).declarations
    assert isinstance(claim, ast.Assertion)
    (rule,) = of("rule R when " + " then ".join(["B"] * 10_000) + " emit X {}").declarations
    assert isinstance(rule, ast.Rule)


def test_an_expression_of_a_hundred_thousand_characters_parses() -> None:
    text = " or ".join(f'(amount > {n} and card = "c{n}")' for n in range(2_800))
    assert len(text) > 100_000
    node = parse_expression(text)
    assert isinstance(node, ast.Logic)
    assert len(node.operands) == 2_800


def test_nesting_is_allowed_up_to_the_limit() -> None:
    parse_expression("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH)
    parse_expression("not " * MAX_DEPTH + "x")
    parse_expression("f(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH)


def test_a_missing_file_and_a_folder_are_input_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.cep", tmp_path, tmp_path / "none" / "x.cep"):
        with pytest.raises(InputError) as caught:
            read_source(path)
        assert caught.value.path == str(path)


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [(b"module a\n-- \xff\xfe\n", 2, 4), (b"a\0b", 1, 2), (b"\xef\xbb\xbf\n\n\xc3", 3, 1), ("é\n\0".encode(), 2, 1)],
)
def test_a_byte_that_is_not_text_is_shown_with_its_place(tmp_path: Path, data: bytes, line: int, column: int) -> None:
    path = tmp_path / "bad.cep"
    path.write_bytes(data)
    with pytest.raises(RuleError) as caught:
        read_source(path)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line, problem.span.column) == ("not-utf8", line, column)
    assert problem.render()


def test_tables_come_from_the_cache_and_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"
    tables.load(str(folder))
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    assert tables._read(path) is not None
    for damaged in (b"", whole[:-1], whole[:40] + b"x" + whole[41:], b"no tables at all" * 10):
        path.write_bytes(damaged)
        assert tables._read(path) is None
    assert tables.load(str(folder)).words["then"] == "THEN"
    assert path.read_bytes()[:32] == whole[:32] or tables._read(path) is not None


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert tables.load(str(tmp_path / "file")).words


def test_several_may_write_the_cache_at_once(tmp_path: Path) -> None:
    made = tables.tables(None)
    path = tmp_path / "t.tables"
    writers = [threading.Thread(target=tables._write, args=(made.parser, path)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [p.name for p in tmp_path.iterdir()] == ["t.tables"]
    assert tables._read(path) is not None
