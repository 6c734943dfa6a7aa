"""Fingerprints: whether a checked rule, or a stream, means what another one meant.

It is taken from the checked form: layout, comments, the spelling of numbers and durations, the rule's place in its file
and its description are no part of it. Variants are unfolded there, and the schemas of what a rule reads are part of it.
The values of params are not: who asks compares `params_of` beside it.

Invariant: the same in every process and on every machine.
Cost: O(nodes), without recursion, however deep an expression is.
Tested by: tests/language/test_fingerprint.py
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, cast

from cep.language.typed import Attr, Call, CheckedRule, External, Fold, ParamRef, Present, Prev
from cep.model.diagnostics import Source, Span
from cep.model.schema import Schema
from cep.model.table import TableRead
from cep.model.types import Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.language.typed import Typed

_names: dict[type, tuple[str, ...] | None] = {}
_WITHOUT_PARTS = frozenset((Span, Source, Type, Schema, str, int, float, bool, type(None)))
_SILENT = {"index", "description", "state_bound"}  # of a rule: what changes nothing that it finds


def fingerprint(*parts: object) -> str:
    """32 hexadecimal digits of anything made of dataclasses, tuples, mappings and plain values."""
    digest = hashlib.blake2b(digest_size=16)
    for token in _tokens(parts):
        digest.update(token.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def rule_fingerprint(rule: CheckedRule, sources: Mapping[str, Schema]) -> str:
    """The fingerprint of a rule and of the schemas of what it reads, in order."""
    return fingerprint(rule, [sources[name] for name in rule.inputs])


def params_of(rule: CheckedRule) -> tuple[str, ...]:
    """The params that a rule reads, by name. A pattern of ``like`` or ``matches`` is part of the rule itself."""
    return tuple(sorted({node.name for node in _parts(rule) if isinstance(node, ParamRef)}))


def variables_of(node: Typed) -> frozenset[str]:
    """The names of bound events that an expression reads."""
    reading = (Attr, Fold, Prev, Present)
    return frozenset(n.variable for n in _parts(node) if isinstance(n, reading) and n.variable is not None)


def folds_of(*parts: object) -> tuple[Fold, ...]:
    """The aggregates in expressions, in no order."""
    return tuple(node for node in _parts(parts) if isinstance(node, Fold))


def externals_of(*parts: object) -> tuple[External, ...]:
    """The functions of Python modules that a rule, or parts of one, call, by name."""
    called = [node.function for node in _parts(parts) if isinstance(node, Call)]
    found = {function.name: function for function in called if isinstance(function, External)}
    return tuple(found[name] for name in sorted(found))


def reads_tables(*parts: object) -> bool:
    """Whether a rule, or parts of one, read a table."""
    return any(isinstance(node, Call) and isinstance(node.function, TableRead) for node in _parts(parts))


def _parts(root: object) -> Iterator[object]:
    """The dataclasses in it, in no order: what each rule is asked again and again."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind is tuple or kind is list:
            waiting += cast("Sequence[object]", node)
        elif (names := _names_of(kind)) is not None:
            yield node
            for name in names:
                part = getattr(node, name)
                if type(part) not in _WITHOUT_PARTS:
                    waiting.append(part)
        elif isinstance(node, Mapping):
            waiting += node.values()


def _nodes(parts: object) -> Iterator[object]:
    """Everything in it, from the outside in and from left to right."""
    stack = [parts]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is Span or kind is Source:
            continue
        yield node
        names = _names_of(kind)
        if names is not None:
            stack += [getattr(node, name) for name in names]
        elif isinstance(node, tuple | list):
            stack += reversed(node)
        elif isinstance(node, Mapping):
            stack += [part for item in reversed(list(node.items())) for part in reversed(item)]


def _names_of(kind: type) -> tuple[str, ...] | None:
    """What counts of a dataclass, from right to left; None for any other type."""
    if kind not in _names:
        silent = _SILENT if issubclass(kind, CheckedRule) else ()
        counts = [f.name for f in fields(kind) if f.compare and f.name not in silent] if is_dataclass(kind) else None
        _names[kind] = None if counts is None else tuple(reversed(counts))
    return _names[kind]


def _tokens(parts: object) -> Iterator[str]:
    for node in _nodes(parts):
        if is_dataclass(node):
            yield type(node).__name__
        elif isinstance(node, tuple | list | Mapping):
            yield f"{len(node)} of"
        else:
            yield repr(node)
