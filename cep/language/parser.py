"""Parsing: a rule text to its syntax tree, or to every mistake of form in it.

A text is cut at each word that opens a declaration at a line's start, and the parts are parsed one by one
(see syntax.py), so that each one's first mistake is reported. Where a part fails, the text is parsed as a whole: it may
have been cut where it should not have been.

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
from cep.language.syntax import Forms, terminal_of
from cep.language.tables import tables
from cep.model.diagnostics import Diagnostic, Source, Span
from cep.model.errors import InputError, RuleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cep.language.syntax import Tree
    from cep.language.tables import Tables


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
    forms = Forms(made.machine)
    problems = list(lexed.problems)
    lost: set[str] = set()
    pieces = list(_split(lexed.lexemes))
    read = [_run(made, forms, lexemes, "start") for lexemes in pieces]
    if any(isinstance(outcome, Stop) for outcome in read):
        # a word that opens a declaration may stand at a line's start inside of one, too
        whole = _run(made, forms, lexed.lexemes, "start")
        if isinstance(whole, Stop):
            syntax = [diagnose(source, outcome) for outcome in read if isinstance(outcome, Stop)]
            for lexemes, outcome in zip(pieces, read, strict=True):
                if isinstance(outcome, Stop):
                    lost.update(after.text for word, after in pairwise(lexemes) if word.text in _NAMING)
            problems += syntax or [diagnose(source, whole)]
        else:
            pieces, read = [lexed.lexemes], [whole]
    builder = Builder(source)
    nodes: list[Any] = [
        builder.build(child, lexemes)
        for lexemes, outcome in zip(pieces, read, strict=True)
        if not isinstance(outcome, Stop)
        for child in outcome.children
    ]
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
    made = tables(cache_dir)
    outcome = _run(made, Forms(made.machine), lexed.lexemes, "lone_expression")
    if isinstance(outcome, Stop):
        raise RuleError(_in_order([*lexed.problems, diagnose(source, outcome)]))
    builder = Builder(source)
    node = builder.build(outcome, lexed.lexemes)
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


def _run(made: Tables, forms: Forms, lexemes: Sequence[Lexeme], start: str) -> Tree | Stop:
    """The tree of the lexemes, or where and why the parse stopped."""
    found = forms.parse(lexemes, start)
    if isinstance(found, int):
        before = _accepted(made, lexemes, found - 1, start) if found else frozenset()
        return Stop(list(lexemes), found, _accepted(made, lexemes, found, start), before, made)
    return found


def _accepted(made: Tables, lexemes: Sequence[Lexeme], at: int, start: str) -> frozenset[str]:
    """The terminals that could have stood at ``at``: a failed feed has already reduced, so parse again."""
    from lark import Token

    parser = made.parser.parse_interactive(start=start)
    states = parser.parser_state.parse_conf.states
    for i in range(at):
        parser.feed_token(Token(terminal_of(made, states[parser.parser_state.position], lexemes, i), lexemes[i].text))
    return frozenset(parser.accepts())


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
