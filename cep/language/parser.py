"""Parsing: a rule text to its syntax tree, or to every mistake of form in it.

The lexemes are fed one by one to lark's LALR tables (grammar.lark), and the state of the parser decides
whether a small word is a keyword or a name. A text that fails is parsed again declaration by declaration,
so that each one's first mistake is reported: parsing resumes at the next word that opens a declaration at a
line's start.

Cost: O(n); nothing here recurses, whatever the text.
Tested by: tests/language/test_parser.py, tests/language/test_syntax_errors.py
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from cep.language import ast
from cep.language.build import Builder
from cep.language.lexing import Lexeme, end_after, scan
from cep.language.mistakes import Stop, diagnose
from cep.language.tables import Tables, tables
from cep.model.diagnostics import Diagnostic, Source, Span
from cep.model.errors import InputError, RuleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lark import Token, Tree


def parse(source: Source, cache_dir: str | None = None) -> ast.File:
    """The syntax tree of a rule text; raises RuleError with all its mistakes of form.

    ``cache_dir`` is a folder in which the grammar's tables may be kept.
    """
    file, problems, _ = parse_partly(source, cache_dir)
    if problems:
        raise RuleError(problems)
    return file


def parse_partly(source: Source, cache_dir: str | None = None) -> tuple[ast.File, list[Diagnostic], frozenset[str]]:
    """The declarations that can be read, all mistakes of form, and the names that the unreadable ones would have given.

    So the rest of a file can be checked all the same, without being told off for names that are there.
    """
    lexed = scan(source)
    made = tables(cache_dir)
    problems = list(lexed.problems)
    lost: set[str] = set()
    trees: list[Tree[Token]] = []
    outcome = _run(made, lexed.lexemes, "start")
    if not isinstance(outcome, Stop):
        trees.append(outcome)
    else:
        whole, syntax = outcome, []
        for lexemes in _split(lexed.lexemes):
            outcome = _run(made, lexemes, "start")
            if isinstance(outcome, Stop):
                syntax.append(diagnose(source, outcome))
                lost.update(after.text for word, after in pairwise(lexemes) if word.text in _NAMING)
            else:
                trees.append(outcome)
        problems += syntax or [diagnose(source, whole)]
    builder = Builder(source)
    nodes: list[Any] = [builder.build(child) for tree in trees for child in tree.children]
    modules = [node for node in nodes if isinstance(node, ast.Module)]
    for module in modules:
        if module is not nodes[0]:
            builder.problem("misplaced-clause", "'module' is the first word of a file", module.span, "move it up")
    problems += builder.problems
    declarations = tuple(node for node in nodes if not isinstance(node, ast.Module))
    file = ast.File(source, modules[0] if modules else None, declarations, tuple(lexed.comments))
    return file, _in_order(problems), frozenset(lost)


def parse_expression(text: str, cache_dir: str | None = None) -> ast.Expr:
    """The tree of one expression, such as a value given on the command line; raises RuleError."""
    source = Source("<expression>", text)
    lexed = scan(source)
    outcome = _run(tables(cache_dir), lexed.lexemes, "lone_expression")
    if isinstance(outcome, Stop):
        raise RuleError(_in_order([*lexed.problems, diagnose(source, outcome)]))
    builder = Builder(source)
    node = builder.build(outcome)
    if lexed.problems or builder.problems:
        raise RuleError(_in_order([*lexed.problems, *builder.problems]))
    return cast(ast.Expr, node)


def read_source(path: Path) -> Source:
    """The text of a rule file. Raises InputError where there is none, RuleError where it is not UTF-8."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError("there is no such file", path=str(path)) from None
    except IsADirectoryError:
        raise InputError("this is a folder, not a rule file", path=str(path), hint="name the files in it") from None
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror or error}", path=str(path)) from None
    data = data.removeprefix(b"\xef\xbb\xbf")
    bad = data.find(b"\0")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = error.start if bad < 0 else min(bad, error.start)
        text = data.decode("utf-8", "replace")
    source = Source(str(path), text)
    if bad >= 0:
        before = data[:bad].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        span = Span(len(before), len(before) + 1, line, column)
        message = f"the byte 0x{data[bad]:02x} is not text in UTF-8"
        raise RuleError([Diagnostic("not-utf8", message, source, span, "save the file as UTF-8")])
    return source


def _in_order(problems: Sequence[Diagnostic]) -> list[Diagnostic]:
    return sorted(problems, key=lambda d: d.span.start)


def _run(made: Tables, lexemes: Sequence[Lexeme], start: str) -> Tree[Token] | Stop:
    """The tree of the lexemes, or where and why the parse stopped."""
    from lark import Token, UnexpectedToken

    parser = made.parser.parse_interactive(start=start)
    state = parser.parser_state
    states = state.parse_conf.states
    for at, lexeme in enumerate(lexemes):
        actions = states[state.position]
        terminal = _terminal(made, actions, lexemes, at)
        token = Token(
            terminal, lexeme.text, lexeme.start, lexeme.line, lexeme.column, lexeme.line, lexeme.column, lexeme.end
        )
        try:
            result = parser.feed_token(token)
        except UnexpectedToken:
            return Stop(list(lexemes), at, _accepted(made, lexemes, at, start), _before(made, lexemes, at, start), made)
        if terminal == "$END":
            return cast("Tree[Token]", result)
    raise AssertionError("the lexemes have no end")


def _accepted(made: Tables, lexemes: Sequence[Lexeme], at: int, start: str) -> frozenset[str]:
    """The terminals that could have stood at ``at``: a failed feed has already reduced, so parse again."""
    from lark import Token

    parser = made.parser.parse_interactive(start=start)
    states = parser.parser_state.parse_conf.states
    for i in range(at):
        parser.feed_token(Token(_terminal(made, states[parser.parser_state.position], lexemes, i), lexemes[i].text))
    return frozenset(parser.accepts())


def _before(made: Tables, lexemes: Sequence[Lexeme], at: int, start: str) -> frozenset[str]:
    return _accepted(made, lexemes, at - 1, start) if at else frozenset()


def _terminal(made: Tables, actions: dict[str, Any], lexemes: Sequence[Lexeme], at: int) -> str:
    """The terminal of a lexeme where the parser can go on with ``actions``; of no use there, any of its own."""
    lexeme = lexemes[at]
    kind = lexeme.kind
    if kind == "word":
        keyword = made.words.get(lexeme.text)
        if keyword is None or keyword not in actions:
            return "NAME" if "NAME" in actions or keyword is None else keyword
        return "NAME" if "NAME" in actions and _is_name(lexemes, at) else keyword
    if kind == "mark":
        names = made.marks[lexeme.text]
        return next((name for name in names if name in actions), names[-1])
    return _TERMINALS[kind]


_TERMINALS = {
    "type": "TYPE",
    "int": "INT",
    "float": "FLOAT",
    "duration": "DURATION",
    "string": "STRING",
    "bad": "BAD",
    "end": "$END",
}
_AFTER_NAME = frozenset(("=", "!=", "<", "<=", ">", ">=", "+", "*", "/", "%", "||", ",", ")", "]", "}", "."))
_WORDS_AFTER_NAME = frozenset({"and", "or", "is", "in", "like", "matches", "between", "div"})


def _is_name(lexemes: Sequence[Lexeme], at: int) -> bool:
    """Whether a word that could be a keyword or a name here is a name, by what follows it."""
    word, after = lexemes[at].text, lexemes[at + 1]
    if word in ("any", "every"):
        return not (after.kind == "word" and lexemes[at + 2].text == "in")
    if word == "case":
        return after.text != "when"
    if word in ("not", "distinct", "where"):
        if after.text == "[":
            return after.start == lexemes[at].end  # `not[0]` is an index, `not [1]` a list
        if after.text == "where":
            return word == "distinct"
        return after.kind == "end" or after.text in _AFTER_NAME or after.text in _WORDS_AFTER_NAME
    return False


_NAMING = frozenset({"param", "record", "stream", "table", "timer", "function", "rule", "emit", "upsert", "assert"})
_OPENING = frozenset(
    {"module", "use", "param", "record", "stream", "table", "timer", "function", "rule", "assert", "test"}
)


def _split(lexemes: Sequence[Lexeme]) -> Iterator[list[Lexeme]]:
    """The lexemes of each declaration, each list with an end of its own behind its last lexeme."""
    begin, depth, line = 0, 0, 0
    for at, lexeme in enumerate(lexemes):
        first, line = lexeme.line > line, lexeme.line
        if lexeme.kind in ("mark", "bad") and lexeme.text in ("(", "[", "{"):
            depth += 1
        elif lexeme.kind == "mark" and lexeme.text in (")", "]", "}"):
            depth = max(0, depth - 1)
        elif first and at > begin and lexeme.text in _OPENING and (lexeme.column == 1 or depth == 0):
            after = lexemes[at + 1]
            if after.kind in ("word", "type", "string", "bad", "end"):
                yield [*lexemes[begin:at], end_after(lexemes[at - 1])]
                begin, depth = at, 0
    yield list(lexemes[begin:])
