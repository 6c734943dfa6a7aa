"""Questions about the elements of a list: ``any x in items satisfies (…)``, ``every x in …``, and ``x in (items)``.

``x`` is a name of its own inside the parentheses: one that means something else there is a mistake. ``every`` becomes
*not any … not*, and so does ``in`` where a condition has to walk through the list: they are one operation from here on.
Tested by: tests/language/test_check_quantified.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cep.language.beforehand import elements_of, events_of, reads_run
from cep.language.checker.lists import may_look
from cep.language.checker.operations import kind_text, settled, to_float
from cep.language.checker.report import listed
from cep.language.checker.walk import parts_of
from cep.language.typed import Apply, Call, Element, Fold
from cep.model.types import BOOL

if TYPE_CHECKING:
    from cep.language import ast
    from cep.language.checker.expressions import Expressions
    from cep.language.checker.scope import Scope
    from cep.language.typed import Typed


def quantified(expressions: Expressions, expr: ast.Quantified) -> Typed | None:
    """The typed form of ``any … in … satisfies`` and ``every … in … satisfies``."""
    scope, reporter, name = expressions.scope, expressions.reporter, expr.variable
    items = settled(expressions.item(expr.items))
    element: Element | None = None
    if items is not None and items.type.kind != "list":
        message = f"`{expr.op} … in` goes through a list; this is {kind_text(items.type)}"
        hint = "ask about the value itself" if items.type.kind != "null" else None
        reporter.error(expr.items.span, "wrong-type", message, hint)
    elif items is not None and may_look(reporter, scope, items, expr.items.span):
        element = Element(name.text, items.type.items[0])
    if name.text in scope.elements:
        meanings = ["the element of the list around"]
    else:
        meanings = expressions.names.meanings(name.text)
    if meanings:
        message = f"`{name.text}` is {listed(meanings)}, and cannot be the element of a list too"
        reporter.error(name.span, "ambiguous-name", message, "give the element another name")
        return None
    inside = replace(scope, elements={**scope.elements, name.text: (element, scope.fold)})
    condition = expressions.within(inside).condition(expr.condition, f"what `{expr.op}` asks of an element")
    if items is None or element is None or condition is None:
        return None
    asked = next((n for n in parts_of(condition) if isinstance(n, Call) and elements_of(n)), None)
    if asked is not None:
        reporter.not_yet(expr.condition.span, f"`{asked.function.name}` of the element of a list")
        return None
    if expr.op == "any":
        return _any(items, element, condition)
    found = _any(items, element, Apply("not", (condition,), condition.type))
    return Apply("not", (found,), found.type)


def _any(items: Typed, element: Element, condition: Typed) -> Apply:
    return Apply("any", (items, element, condition), BOOL.as_optional(items.type.optional or condition.type.optional))


def among(scope: Scope, value: Typed, items: list[Typed]) -> Typed:
    """Whether a value is one of ``items``, or of the elements of those that are lists."""
    single = tuple(i for i in items if i.type.kind != "list")
    parts: list[Typed] = []
    if single:
        optional = value.type.optional or any(i.type.optional for i in single)
        parts.append(Apply("in", (value, *single), BOOL.as_optional(optional)))
    for item in items:
        if item.type.kind != "list":
            continue
        if _walks(scope, value, item):
            parts.append(_equals_any(value, item))
            continue
        optional = value.type.optional or item.type.optional or item.type.items[0].optional
        parts.append(Apply("in_list", (value, item), BOOL.as_optional(optional)))
    if len(parts) == 1:
        return parts[0]
    return Apply("or", tuple(parts), BOOL.as_optional(any(p.type.optional for p in parts)))


def _walks(scope: Scope, value: Typed, item: Typed) -> bool:
    """Whether looking for a value in a list is more than the columns of the event at hand, or a search in bindings."""
    if scope.elements:
        return True
    if scope.place not in ("step", "absence") or isinstance(item, Fold):
        return False
    return any(reads_run(n) or bool(events_of(n) - {None}) for n in (value, item))


def _equals_any(value: Typed, item: Typed) -> Typed:
    taken = {n.name for of in (value, item) for n in parts_of(of) if isinstance(n, Element)}
    name = next(f"${n}" for n in range(len(taken) + 1) if f"${n}" not in taken)
    element = Element(name, item.type.items[0])
    compared = to_float(element) if value.type.kind == "float" else element
    optional = value.type.optional or element.type.optional
    return _any(item, element, Apply("eq", (value, compared), BOOL.as_optional(optional)))
