"""Joined: rulebooks that were loaded apart, as one for one engine.

Declarations that say the same are one, wherever they stand: two books that read one stream each declare it. Two of one
name that differ are a mistake, shown with both places. What one book emits the others may read.
Cost: linear in the text, and the rules are checked once more, together.
Tested by: tests/app/test_joined.py
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING

from cep.app.tables import known_rows
from cep.language import ast
from cep.language.check import check
from cep.model.diagnostics import Diagnostic, Source, Span
from cep.model.errors import RuleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language.rulebook import Rulebook
    from cep.language.typed import Code

_Named = ast.Param | ast.Record | ast.Stream | ast.Variant | ast.Table | ast.Timer | ast.Function | ast.Rule
_WORDS = {
    ast.Param: "param",
    ast.Record: "record",
    ast.Table: "table",
    ast.Timer: "timer",
    ast.Function: "function",
    ast.Rule: "rule",
}


def joined(books: Sequence[Rulebook]) -> Rulebook:
    """One rulebook of several; raises `RuleError` where they contradict each other."""
    known: dict[tuple[str, str], tuple[object, Source, Span]] = {}
    mistakes: list[Diagnostic] = []
    values: dict[str, object] = {}
    codes: dict[str, Code] = {}
    paths: dict[str, str | None] = {}
    files: list[ast.File] = []
    for book in books:
        for file in book.files:
            kept: list[ast.Declaration] = []
            for declaration in file.declarations:
                if not isinstance(declaration, _Named | ast.Assertion):
                    kept.append(declaration)
                    continue
                name = declaration.name
                word = _WORDS.get(type(declaration), "rule" if isinstance(declaration, ast.Assertion) else "stream")
                said = _said(declaration, book)
                if (word, name.text) not in known:
                    known[word, name.text] = (said, file.source, name.span)
                    kept.append(declaration)
                elif known[word, name.text][0] != said:
                    _, source, span = known[word, name.text]
                    mistakes.append(_differing(word, name, file.source, source, span))
            files.append(replace(file, declarations=tuple(kept)))
        for function, code in book.functions.items():
            if codes.setdefault(function, code) is not code:
                msg = f"two rulebooks were given different code for the function {function}"
                raise UsageError(msg)
        for table, rows in book.tables.items():
            if paths.setdefault(table, rows.path) != rows.path:
                msg = f"two rulebooks read the table {table} from different files: {paths[table]} and {rows.path}"
                raise UsageError(msg)
        values |= {param.name: param.value for param in book.params.values()}
    if mistakes:
        raise RuleError(mistakes)
    return check(files, values, codes, known_rows(*books))


def _differing(word: str, name: ast.Name, source: Source, there: Source, span: Span) -> Diagnostic:
    hint = "let both say the same, or call one otherwise"
    related = (("the other is here", there, span),)
    return Diagnostic(
        "duplicate-name", f"two rulebooks mean different things by the {word} {name.text}", source, name.span, hint,
        related=related,
    )  # fmt: skip


def _said(declaration: _Named | ast.Assertion, book: Rulebook) -> object:
    """What a declaration says, without its places; a param with the value that it has."""
    if isinstance(declaration, ast.Param):
        param = book.params[declaration.name.text]
        return (param.type, param.value)
    return _bare(declaration)


def _bare(node: object) -> object:
    if isinstance(node, ast.DurationLiteral):
        return node.value
    if isinstance(node, tuple):
        return tuple(map(_bare, node))
    if is_dataclass(node):
        return (type(node), *(_bare(getattr(node, f.name)) for f in fields(node) if f.name != "span"))
    return node
