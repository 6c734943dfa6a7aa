"""Unused: names that are declared and read nowhere.

A name counts as read wherever it is written besides its own declaration, in tests too. A file without rules and
assertions is there to be read by other files, so what it declares is not asked about. All are notes: a name may be
there for the reader.
Cost: linear in the text.
Tested by: tests/language/test_analysis.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

from cep.language import ast
from cep.language.checker.report import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    told: list[tuple[set[str], list[ast.Name]]] = []
    for file in files:
        for declaration in file.declarations:
            written, given = _names(declaration)
            for name in written:
                read.setdefault(name, set()).add(len(told))
            told.append((written, given))
    number = 0
    for file in files:
        reporter = Reporter(report, file.source)
        whole = any(isinstance(d, ast.Rule | ast.Assertion) for d in file.declarations)
        for declaration in file.declarations:
            if isinstance(declaration, _DECLARED) and whole:
                given_name = declaration.name
                if not read.get(given_name.text, set()) - {number}:
                    word, why = _WORDS[type(declaration)]
                    message = f"the {word} `{given_name.text}` is declared and not used: {why}"
                    reporter.note(given_name.span, f"unused-{word}", message, "leave it out")
            elif isinstance(declaration, ast.Rule):
                _aliases(reporter, *told[number])
            number += 1


def _aliases(reporter: Reporter, written: set[str], given: list[ast.Name]) -> None:
    if written & {"names", "stage"}:  # they say the names of steps
        return
    for name in given:
        if name.text not in written:
            message = f"the alias `{name.text}` is given and not read"
            reporter.note(name.span, "unused-alias", message, f"leave out `as {name.text}`, or read a field of it")


def _names(declaration: object) -> tuple[set[str], list[ast.Name]]:
    """Every name that a declaration writes to read something, and the aliases that it gives.

    The names of aliases, fields and emitted types are not read.
    """
    written: set[str] = set()
    given: list[ast.Name] = []
    waiting: list[object] = [declaration]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind is tuple:
            waiting += cast("tuple[object, ...]", node)
        elif (inside := _inside(kind)) is not None:
            if kind in _READING:
                written.update(_READING[kind](node))
            elif kind in _ALIASED and (alias := cast("ast.Step", node).alias) is not None:
                given.append(alias)
            for name in inside:
                part = getattr(node, name)
                if type(part) not in _PLAIN:
                    waiting.append(part)
    return written, given


def _inside(kind: type) -> tuple[str, ...] | None:
    """What stands in a node of the tree; None for what is none."""
    if kind not in _fields:
        counts = [f.name for f in fields(kind) if f.name not in ("span", "text")] if is_dataclass(kind) else None
        _fields[kind] = None if counts is None else tuple(counts)
    return _fields[kind]


def _of(*names: ast.Name | object | None) -> list[str]:
    return [name.text for name in names if isinstance(name, ast.Name)]


_fields: dict[type, tuple[str, ...] | None] = {}
_PLAIN = frozenset((str, int, float, bool, type(None)))
_ALIASED = frozenset((ast.Step, ast.Event, ast.Query))
_READING: dict[type, Callable[[Any], Iterable[str]]] = {
    ast.Path: lambda node: _of(node.parts[0]),
    ast.EventType: lambda node: _of(node.name),
    ast.Call: lambda node: _of(node.name),
    ast.SetParam: lambda node: _of(node.name),
    ast.TypeName: lambda node: (node.name,),
    ast.Stream: lambda node: _of(node.extends),
    ast.Variant: lambda node: _of(*node.members),
    ast.KeyItem: lambda node: _of(*(stream for stream, _ in node.others)),
    ast.Lookup: lambda node: _of(node.table),
    ast.Latest: lambda node: _of(node.stream),
    ast.Skip: lambda node: _of(node.variable),
    ast.Matching: lambda node: _of(*node.consume),
    ast.Absence: lambda node: _of(node.duration),
    ast.Bound: lambda node: _of(node.duration),
    ast.TimeSpan: lambda node: _of(node.low, node.high),
}
