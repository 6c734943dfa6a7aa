"""Unused: names that are declared and read nowhere.

A name counts as read wherever it is written besides its own declaration, in tests too. A file without rules and
assertions is there to be read by other files, so what it declares is not asked about. All are notes: a name may be
there for the reader.
Cost: linear in the text.
Tested by: tests/language/test_analysis.py
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.report import Reporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.language.checker.report import Report

_DECLARED = (ast.Param, ast.Record, ast.Stream, ast.Variant, ast.Table, ast.Timer, ast.Function)
_WORDS = {
    ast.Param: ("param", "no rule reads it"),
    ast.Record: ("record", "no field has this type"),
    ast.Stream: ("stream", "no rule reads it"),
    ast.Variant: ("variant", "no rule reads it"),
    ast.Table: ("table", "no rule reads it"),
    ast.Timer: ("timer", "no rule reads it"),
    ast.Function: ("function", "nothing calls it"),
}


def unused(report: Report, files: Sequence[ast.File]) -> None:
    """Note what the files declare and never read, and the aliases of rules."""
    read: dict[str, set[int]] = {}  # by name, the declarations that write it
    number = 0
    for file in files:
        for declaration in file.declarations:
            for name in _written(declaration):
                read.setdefault(name, set()).add(number)
            number += 1
    number = 0
    for file in files:
        reporter = Reporter(report, file.source)
        whole = any(isinstance(d, ast.Rule | ast.Assertion) for d in file.declarations)
        for declaration in file.declarations:
            if isinstance(declaration, _DECLARED) and whole:
                given = declaration.name
                if not read.get(given.text, set()) - {number}:
                    word, why = _WORDS[type(declaration)]
                    message = f"the {word} `{given.text}` is declared and not used: {why}"
                    reporter.note(given.span, f"unused-{word}", message, "leave it out")
            elif isinstance(declaration, ast.Rule):
                _aliases(reporter, declaration)
            number += 1


def _aliases(reporter: Reporter, rule: ast.Rule) -> None:
    written = set(_written(rule))
    if written & {"names", "stage"}:  # they say the names of steps
        return
    for name in _given(rule):
        if name.text not in written:
            message = f"the alias `{name.text}` is given and not read"
            reporter.note(name.span, "unused-alias", message, f"leave out `as {name.text}`, or read a field of it")


def _given(rule: ast.Rule) -> Iterator[ast.Name]:
    """The aliases of a rule."""
    for node in _nodes(rule):
        if isinstance(node, ast.Step | ast.Event | ast.Query) and node.alias is not None:
            yield node.alias


def _written(declaration: object) -> Iterator[str]:
    """Every name that is written to read something; the names of aliases, fields and emitted types are not."""
    for node in _nodes(declaration):
        match node:
            case ast.Path(parts):
                if isinstance(parts[0], ast.Name):
                    yield parts[0].text
            case ast.EventType(_, name) | ast.Call(name) | ast.SetParam(name):
                yield name.text
            case ast.TypeName(name):
                yield name
            case ast.Stream() if node.extends is not None:
                yield node.extends.text
            case ast.Variant():
                yield from (m.text for m in node.members)
            case ast.KeyItem():
                yield from (stream.text for stream, _ in node.others)
            case ast.Lookup():
                yield node.table.text
            case ast.Latest():
                yield node.stream.text
            case ast.Skip() if node.variable is not None:
                yield node.variable.text
            case ast.Matching():
                yield from (name.text for name in node.consume)
            case ast.Absence() | ast.Bound() if isinstance(node.duration, ast.Name):
                yield node.duration.text
            case ast.TimeSpan():
                yield from (end.text for end in (node.low, node.high) if isinstance(end, ast.Name))
            case _:
                pass


def _nodes(root: object) -> Iterator[object]:
    """Every node of a syntax tree."""
    waiting: list[object] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(node)
        elif is_dataclass(node):
            yield node
            waiting.extend(getattr(node, f.name) for f in fields(node) if f.name not in ("span", "text"))
