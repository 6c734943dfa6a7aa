"""Walks over checked expressions.

Tested by: tests/compiler/test_pattern.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.language.typed import Apply, Fold, Prev

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cep.language.typed import Typed


def walk_typed(node: Typed) -> Iterator[Typed]:
    """An expression and all below it."""
    stack: list[Typed] = [node]
    while stack:
        current = stack.pop()
        yield current
        match current:
            case Apply():
                stack.extend(current.args)
            case Fold() if current.argument is not None:
                stack.append(current.argument)
            case Prev():
                stack.append(current.argument)
                if current.default is not None:
                    stack.append(current.default)
            case _:
                pass
