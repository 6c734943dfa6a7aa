"""Fixed: the params that cannot change while rules run, and why.

A param that sets a deadline - `within`, `gap`, how long an absence lasts - is fixed: deadlines that are set already
would stand in another order than those to come. So is one that a rule asks about an event bound before in what is
decided when the event comes, as `like` is; and one in the condition of an absence at the start that compares, because
it is asked of an earlier event.
Tested by: tests/app/test_set.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.language.beforehand import is_beforehand
from cep.language.checker.walk import parts_of
from cep.language.typed import Apply, Attr, CheckedPattern, Fold, ParamRef, Present, Prev

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cep.language.rulebook import Rulebook
    from cep.language.typed import Typed


def holder(book: Rulebook, param: str) -> str | None:
    """In words, which deadline a param sets; None when it sets none."""
    for rule in book.rules:
        if not isinstance(rule.body, CheckedPattern):
            continue
        bounds = [("within", rule.body.within), ("gap", rule.body.gap)]
        bounds += [pair for n in rule.body.nodes for pair in (("within", n.within), ("gap", n.gap))]
        for word, bound in bounds:
            if isinstance(bound, ParamRef) and bound.name == param:
                return f"the `{word}` of {rule.name}"
        if any(
            isinstance(a.duration, ParamRef) and a.duration.name == param
            for a in (*rule.body.between, *rule.body.final)
        ):
            return f"how long an absence of {rule.name} lasts"
        if any(_is_asked_back(a.where, param) for a in rule.body.before_start):
            return f"what an absence at the start of {rule.name} asks of events that came before"
        if any(_is_asked_of_bound(node, param) for node in _nodes(rule.body)):
            return f"what {rule.name} looks for in an event when it comes, and asks about later"
    return None


def _is_asked_back(where: Typed | None, param: str) -> bool:
    """Whether a condition about an earlier event reads a param and compares with bound events."""
    nodes = [] if where is None else list(parts_of(where))
    compares = any(isinstance(n, Fold | Present) or (isinstance(n, Attr) and n.variable is not None) for n in nodes)
    return compares and any(isinstance(n, ParamRef) and n.name == param for n in nodes)


def _nodes(pattern: CheckedPattern) -> Iterator[Typed]:
    """All nodes of the conditions of a pattern."""
    absences = (*pattern.between, *pattern.final, *pattern.untils)
    todo: list[Typed | None] = [*(s.where for s in pattern.steps), *(a.where for a in absences)]
    while todo:
        node = todo.pop()
        if node is None:
            continue
        yield node
        match node:
            case Apply():
                todo += node.args
            case Fold() | Prev():
                todo.append(node.argument)
            case _:
                pass


def _is_asked_of_bound(node: Typed, param: str) -> bool:
    # what columns alone compute is computed when the event comes; whoever asks later would get what held then
    if not is_beforehand(node):
        return False
    parts = list(parts_of(node))
    is_bound = any(isinstance(n, Fold | Prev) or (isinstance(n, Attr) and n.variable is not None) for n in parts)
    return is_bound and any(isinstance(n, ParamRef) and n.name == param for n in parts)
