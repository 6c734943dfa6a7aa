"""Walks: every part of an expression, without recursion.

Cost: linear in the expression.
Tested by: tests/language/test_check_names.py, tests/language/test_check_patterns.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.typed import Apply, Fold, Prev

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.language.typed import Typed


def walk(expr: ast.Expr) -> Iterator[ast.Expr]:
    """Every expression in ``expr``, itself first."""
    waiting: list[ast.Expr] = [expr]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(_children(node)))


def _children(expr: ast.Expr) -> Sequence[ast.Expr]:
    match expr:
        case ast.Unary(_, operand):
            return (operand,)
        case ast.Chain(operands) | ast.Logic(_, operands):
            return operands
        case ast.Compare(_, left, right):
            return (left, right)
        case ast.Between(value, low, high):
            return (value, low, high)
        case ast.In(value, items):
            return (value, *items)
        case ast.TextMatch(_, value, pattern):
            return (value, pattern)
        case ast.IsNull(value):
            return (value,)
        case ast.Call(_, arguments):
            parts = [part for a in arguments for part in (a.value, a.where)]
            return [p for p in parts if p is not None]
        case ast.Case(branches, otherwise):
            both = [part for branch in branches for part in branch]
            return both if otherwise is None else [*both, otherwise]
        case ast.Quantified(_, _, items, condition):
            return (items, condition)
        case ast.Lookup(_, keys):
            return keys
        case ast.ListLiteral(items):
            return items
        case ast.Path(parts):
            return [p.value for p in parts if isinstance(p, ast.Index)]
        case _:
            return ()


def parts_of(expr: Typed) -> Iterator[Typed]:
    """Every typed expression in ``expr``, itself first."""
    waiting: list[Typed] = [expr]
    while waiting:
        node = waiting.pop()
        yield node
        match node:
            case Apply(_, args):
                waiting.extend(reversed(args))
            case Fold(_, _, argument) if argument is not None:
                waiting.append(argument)
            case Prev(_, argument, default):
                waiting.append(argument)
                if default is not None:
                    waiting.append(default)
            case _:
                pass
