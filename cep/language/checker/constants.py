"""Constants: values that need no event (parameters), computed exactly.

A point literal is a `Decimal` until the declared type is known, so that ``5.10`` never passes through a float.
Tested by: tests/language/test_check.py, tests/language/test_check_params.py
"""

from __future__ import annotations

import datetime as dt
import math
import numbers
import re
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Literal

from cep.language import ast
from cep.language.typed import Const
from cep.model.diagnostics import Span
from cep.model.strings import of_constants
from cep.model.time import format_duration, format_time
from cep.model.types import MAX_SCALE, Type

MIN_INT, MAX_INT = -(2**63), 2**63 - 1
_EXACT = Context(prec=400)

Kind = Literal["int", "point", "float", "string", "duration", "time", "bool", "null"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value without a declared type; ``point`` is a `Decimal`, times and durations are nanoseconds."""

    kind: Kind
    value: int | float | str | bool | Decimal | None


class NotConstantError(Exception):
    """An expression that is no constant, or a constant that does not fit; ``span`` is None when it is the whole."""

    def __init__(self, message: str, hint: str | None = None, span: Span | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.span = span


def evaluate(expr: ast.Expr) -> Constant:
    """The value of an expression of literals, negation and arithmetic."""
    match expr:
        case ast.IntLiteral(value):
            return Constant("int", value)
        case ast.PointLiteral(text):
            return Constant("point", Decimal(text))
        case ast.StringLiteral(value):
            return Constant("string", value)
        case ast.DurationLiteral(value):
            return Constant("duration", value)
        case ast.BoolLiteral(value):
            return Constant("bool", value)
        case ast.NullLiteral():
            return Constant("null", None)
        case ast.Unary("-", operand, span):
            return _negate(evaluate(operand), span)
        case ast.Chain(operands, ops, span):
            out = evaluate(operands[0])
            for op, operand in zip(ops, operands[1:], strict=True):
                out = _combine(op, out, evaluate(operand), span)
            return out
        case ast.Call():
            return _call(expr)
        case _:
            raise NotConstantError("this is not a constant", "write a literal, or arithmetic of literals", expr.span)


_OF_STRINGS = {
    **dict.fromkeys(("lower", "upper", "trim", "length"), ("string",)),
    "substr": ("string", "int", "int"),
    "concat": ("string",) * 1000,
}


def _call(call: ast.Call) -> Constant:
    """A function of strings; the others are none of constants."""
    takes = _OF_STRINGS.get(call.name.text)
    written = [a.value for a in call.arguments if a.value is not None and not a.distinct and a.where is None]
    if takes is None or len(written) != len(call.arguments) or not 1 <= len(written) <= len(takes):
        raise NotConstantError("this is not a constant", "write a literal, or arithmetic of literals", call.span)
    values = [evaluate(w) for w in written]
    for c, kind, w in zip(values, takes, written, strict=False):
        if c.kind != kind:
            raise NotConstantError(f"`{call.name.text}` takes {_a(kind)} here, not {_a(c.kind)}", None, w.span)
    if call.name.text == "substr" and len(values) == 1:
        raise NotConstantError("`substr` takes two or three arguments", "write substr(x, 1, 3)", call.span)
    found = of_constants(call.name.text, [c.value for c in values])
    return Constant("string" if isinstance(found, str) else "int", found)


def _negate(c: Constant, span: Span) -> Constant:
    if isinstance(c.value, Decimal):
        return Constant(c.kind, -c.value)
    if c.kind in ("int", "float", "duration") and isinstance(c.value, int | float):
        return Constant(c.kind, -c.value)
    raise NotConstantError(f"a {c.kind} cannot be negated", None, span)


def _combine(op: str, a: Constant, b: Constant, span: Span) -> Constant:
    kinds = {a.kind, b.kind}
    x, y = a.value, b.value
    try:
        if kinds == {"string"} and op == "||" and isinstance(x, str) and isinstance(y, str):
            return Constant("string", x + y)
        if kinds == {"duration"} and isinstance(x, int) and isinstance(y, int):
            if op in ("+", "-"):
                return Constant("duration", x + y if op == "+" else x - y)
            if op == "/":
                return Constant("float", x / y)
        elif kinds == {"int", "duration"} and op == "*" and isinstance(x, int) and isinstance(y, int):
            return Constant("duration", x * y)
        elif kinds == {"int"} and isinstance(x, int) and isinstance(y, int):
            if op == "/":
                return Constant("float", x / y)
            return Constant("int", _integers(op, x, y))
        elif kinds <= {"int", "point"} and isinstance(x, int | Decimal) and isinstance(y, int | Decimal):
            if op in ("+", "-", "*"):
                return Constant("point", _exactly(op, Decimal(x), Decimal(y)))
            if op == "/":
                return Constant("float", float(x) / float(y))
        elif kinds <= {"int", "point", "float"} and op in ("+", "-", "*", "/"):
            f, g = float(x or 0), float(y or 0)
            return Constant("float", {"+": f + g, "-": f - g, "*": f * g}[op] if op != "/" else f / g)
    except ZeroDivisionError:
        raise NotConstantError("this divides by zero", None, span) from None
    raise NotConstantError(f"`{op}` is not defined for {_a(a.kind)} and {_a(b.kind)}", None, span)


def _integers(op: str, x: int, y: int) -> int:
    if op in ("div", "%"):  # toward zero, as at run time
        quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        return quotient if op == "div" else x - quotient * y
    return {"+": x + y, "-": x - y, "*": x * y}[op] if op in "+-*" else _unknown(op)


def _unknown(op: str) -> int:
    raise NotConstantError(f"`{op}` is not defined for ints")


def _exactly(op: str, x: Decimal, y: Decimal) -> Decimal:
    if op == "*":
        return _EXACT.multiply(x, y)
    return _EXACT.add(x, y) if op == "+" else _EXACT.subtract(x, y)


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {'number with a point' if kind == 'point' else kind}"


def scaled(value: Decimal, scale: int) -> int:
    """``value`` as a count of 10^-scale; an error when digits would be lost or int64 is left."""
    count = value.scaleb(scale, _EXACT)
    if count != count.to_integral_value():
        raise NotConstantError(f"{value} has more digits after the point than decimal({scale}) keeps")
    if not MIN_INT <= count <= MAX_INT:
        raise NotConstantError(f"{value} is beyond what decimal({scale}) holds")
    return int(count)


def scale_of(value: Decimal) -> int:
    """How many digits after the point ``value`` needs."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "literals are finite"
    if -exponent > MAX_SCALE:  # zeros at the end say nothing
        exponent = value.normalize(_EXACT).as_tuple().exponent
        assert isinstance(exponent, int), "literals are finite"
    return max(0, -exponent)


def as_type(c: Constant, declared: Type) -> Const:
    """The constant as a value of ``declared``; raises `NotConstantError` when it is none."""
    value, kind = c.value, declared.kind
    if kind == "int" and c.kind == "int" and isinstance(value, int):
        if not MIN_INT <= value <= MAX_INT:
            raise NotConstantError(f"{value} is beyond 64 bits")
        return Const(value, declared)
    if kind == "float" and c.kind in ("int", "point", "float") and isinstance(value, int | float | Decimal):
        number = _finite(value)
        if number is None:
            raise NotConstantError(f"{value} is no finite number")
        return Const(number, declared)
    if kind == "decimal" and c.kind in ("int", "point") and isinstance(value, int | Decimal):
        return Const(scaled(Decimal(value), declared.scale), declared)
    if kind == "duration" and c.kind == "duration" and isinstance(value, int):
        if not MIN_INT <= value <= MAX_INT:
            raise NotConstantError("this duration is beyond 64 bits of nanoseconds")
        return Const(value, declared)
    if kind == "time" and c.kind == "time" and isinstance(value, int):
        return Const(value, declared)
    if kind == "time" and c.kind == "string" and isinstance(value, str):
        return Const(_instant(value), declared)
    if kind in ("string", "bool") and c.kind == kind and isinstance(value, str | bool):
        return Const(value, declared)
    raise NotConstantError(f"this is {_a(c.kind)}, not {_a(str(declared))}", _cure(c, declared))


def _cure(c: Constant, declared: Type) -> str | None:
    if declared.kind == "duration" and c.kind in ("int", "point"):
        return f"write a unit, e.g. {c.value} min"
    if declared.kind == "string" and c.value is not None:
        return f'write it in quotes: "{c.value}"'
    if c.kind == "null":
        return "a param always has a value"
    if declared.kind == "int" and c.kind in ("point", "float"):
        return "declare it float or decimal"
    if declared.kind == "time":
        return 'write RFC 3339 text: "2024-05-01T00:00:00Z"'
    return None


def _finite(value: int | float | Decimal) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?\s*([Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def nanoseconds(span: dt.timedelta) -> int:
    """A time delta in nanoseconds, exactly."""
    return (span.days * 86_400 + span.seconds) * 10**9 + span.microseconds * 1000


def _instant(text: str) -> int:
    found = _RFC3339.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        date, clock, fraction, zone = found.groups()
        zone = "+00:00" if zone is None or zone in "Zz" else zone
        moment = dt.datetime.fromisoformat(f"{date}T{clock or '00:00:00'}{zone}")
    except ValueError:
        raise NotConstantError(f'"{text}" is no time', 'write RFC 3339 text: "2024-05-01T00:00:00Z"') from None
    value = nanoseconds(moment - _EPOCH) + int((fraction or "0").ljust(9, "0"))
    if not MIN_INT <= value <= MAX_INT:
        raise NotConstantError(f'"{text}" is beyond the times that can be held (1677 to 2262)')
    return value


def from_host(value: object) -> Constant:
    """What a Python value means as a constant."""
    if isinstance(value, bool):
        return Constant("bool", value)
    if isinstance(value, numbers.Integral):
        return Constant("int", int(value))
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise NotConstantError(f"{value} is no finite number")
        return Constant("point", value)
    if isinstance(value, numbers.Real):
        number = float(value)
        if not math.isfinite(number):
            raise NotConstantError(f"{number} is no finite number")
        return Constant("point", Decimal(repr(number)))  # the shortest text that reads back as this float
    if isinstance(value, str):
        return Constant("string", value)
    if isinstance(value, dt.timedelta):
        return Constant("duration", nanoseconds(value))
    if isinstance(value, dt.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return Constant("time", nanoseconds(aware - _EPOCH))
    raise NotConstantError(f"a {type(value).__name__} is no value of the rule language")


def said(value: Const) -> str:
    """A value as a rule file says it."""
    held, declared = value.value, value.type
    if isinstance(held, bool):
        return "true" if held else "false"
    if isinstance(held, str):
        return '"' + held.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(held, int) and declared.kind == "decimal":
        return str(Decimal(held).scaleb(-declared.scale, _EXACT))
    if isinstance(held, int) and declared.kind == "time":
        return f'"{format_time(held)}"'
    if isinstance(held, int) and declared.kind == "duration":
        return format_duration(held)
    return "null" if held is None else str(held)
