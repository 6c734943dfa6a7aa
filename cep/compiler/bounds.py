"""Conditions that compare one attribute of the event at hand with a constant, as bounds of its value.

They are most of all conditions, and need no function: `cep.kernels.select` decides them on the column as it lies.
Tested by: tests/runtime/test_selection.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cep.language.typed import Apply, Attr, Const

if TYPE_CHECKING:
    from cep.language.typed import Typed

_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
_WHOLE = ("int", "time", "duration", "decimal")
_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Bounds:
    """Holds where the attribute is there and within ``low`` and ``high``, both inclusive; or, ``outside``, is not.

    Of strings nothing is known but that the condition is never true of a null: ``low`` is None. ``op`` and ``value``
    are the comparison as it is written, if it is one.
    """

    attribute: str
    low: int | float | None = None
    high: int | float | None = None
    outside: bool = False
    op: str = ""
    value: int | float | str | None = None


def bounds_of(condition: Typed) -> Bounds | None:
    """The bounds that a condition is, None when it is none."""
    if isinstance(condition, Attr) and condition.type.kind == "bool":
        return Bounds(condition.name, 1, 1) if condition.variable is None else None
    if not isinstance(condition, Apply) or len(condition.args) != 2:
        return None
    op, (left, right) = condition.op, condition.args
    if isinstance(left, Const) and op in _MIRRORED:
        op, left, right = _MIRRORED[op], right, left
    if not isinstance(left, Attr) or left.variable is not None or not isinstance(right, Const) or right.value is None:
        return None
    value, kind = right.value, left.type.kind
    if kind == "string" and (op in _MIRRORED or op in ("like", "matches")):
        assert isinstance(value, str)
        return Bounds(left.name, op=op, value=value) if op in _MIRRORED else Bounds(left.name)
    if op not in _MIRRORED or isinstance(value, bool | str):
        return None
    if kind in _WHOLE and right.type.kind == kind and left.type.scale == right.type.scale and isinstance(value, int):
        low = value + 1 if op == "gt" else value if op in ("ge", "eq", "ne") else _LEAST
        high = value - 1 if op == "lt" else value if op in ("le", "eq", "ne") else _MOST
        return Bounds(left.name, low, high, op == "ne", op, value)
    if kind == "float" and right.type.kind == "float":
        at = float(value)
        least = math.nextafter(at, math.inf) if op == "gt" else at if op in ("ge", "eq", "ne") else -math.inf
        most = math.nextafter(at, -math.inf) if op == "lt" else at if op in ("le", "eq", "ne") else math.inf
        return Bounds(left.name, least, most, op == "ne", op, at)
    return None
