"""Operations: what two values give, and what they cannot be asked.

The table stands in `cep.language.typed`. A literal with a point is `Loose` until it meets a type: a decimal exactly as
written beside a decimal, else a float. Mistakes are reported at the operation and give None.
Tested by: tests/language/test_check_types.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.constants import MAX_INT, MIN_INT, NotConstantError, scale_of, scaled
from cep.language.typed import Apply, Const, Typed
from cep.model.types import BOOL, DURATION, FLOAT, INT, MAX_SCALE, TIME, Type, decimal

if TYPE_CHECKING:
    from cep.language.checker.report import Reporter
    from cep.model.diagnostics import Span

_COMPARISONS = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "div": "idiv", "%": "mod"}


@dataclass(frozen=True, slots=True)
class Loose:
    """A literal with a point that has not met a type yet."""

    value: Decimal


Checked = Typed | Loose | None


class Operations:
    """Gives types to operations, and reports those that have none."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter

    def arithmetic(self, op: str, x: Typed | Loose, y: Typed | Loose, right: ast.Expr, span: Span) -> Typed | None:
        """``x op y``, both sides cast as the table of `cep.language.typed` says; None when they do not meet."""
        pair = self._paired(x, y, right.span)
        if pair is None:
            return None
        a, b = pair
        if a.type.is_number and b.type.is_number:
            return self._numbers(op, a, b, span)
        kinds = (a.type.kind, op, b.type.kind)
        optional = a.type.optional or b.type.optional
        out: Type | None = None
        match kinds:
            case ("time", "-", "time") | ("duration", "+" | "-" | "div" | "%", "duration"):
                out = INT if op == "div" else DURATION
            case ("time", "+" | "-", "duration") | ("duration", "+", "time"):
                out = TIME
            case ("duration", "*", "int") | ("int", "*", "duration") | ("duration", "div", "int"):
                out = DURATION
            case ("duration", "/", "duration"):
                out = FLOAT
            case _:
                self._no_arithmetic(op, a, b, optional, span)
                return None
        return Apply(_ARITHMETIC[op], (a, b), out.as_optional())

    def _no_arithmetic(self, op: str, a: Typed, b: Typed, optional: bool, span: Span) -> None:
        kinds = {a.type.kind, b.type.kind}
        hint = None
        if "null" in kinds:
            hint = "a sum with null is null"
        elif kinds == {"duration", "int"} or kinds == {"time", "int"}:
            hint = "a duration needs a unit, e.g. 10 min"
            if op == "/" and a.type.kind == "duration":
                hint = "write `div` for a duration, or divide by a duration for a number"
        elif kinds & {"duration"} and kinds & {"float", "decimal"}:
            hint = "a duration is multiplied by an int, or divided by a duration"
        elif kinds == {"string"} and op == "+":
            hint = "strings are joined with `||`"
        elif kinds == {"time"}:
            hint = "a time minus a time is a duration"
        left, right = kind_text(a.type), kind_text(b.type)
        self.reporter.error(span, "wrong-type", f"`{op}` is not defined for {left} and {right}", hint)

    def _numbers(self, op: str, a: Typed, b: Typed, span: Span) -> Typed | None:
        kinds = {a.type.kind, b.type.kind}
        name = _ARITHMETIC[op]
        if op == "/":
            self._warn_mixed(a, b, span)
            return Apply("div", (to_float(a), to_float(b)), FLOAT.as_optional())
        if op in ("div", "%") and kinds != {"int"}:
            hint = "write `/` for a division with a fraction" if op == "div" else None
            self.reporter.error(
                span, "wrong-type", f"`{op}` takes ints, not {kind_text(a.type)} and {kind_text(b.type)}", hint
            )
            return None
        if "float" in kinds:
            self._warn_mixed(a, b, span)
            return Apply(name, (to_float(a), to_float(b)), FLOAT.as_optional())
        if kinds == {"int"}:
            return Apply(name, (a, b), INT.as_optional())
        scale = a.type.scale + b.type.scale if op == "*" else max(a.type.scale, b.type.scale)
        if scale > MAX_SCALE:
            self.reporter.error(
                span,
                "decimal-scale",
                f"this product would keep {scale} digits after the point; a decimal keeps at most {MAX_SCALE}",
                "declare the decimals with fewer digits, e.g. decimal(2), or use float",
            )
            return None
        if op != "*":
            a, b = rescaled(a, scale), rescaled(b, scale)
        return Apply(name, (a, b), decimal(scale).as_optional())

    def _warn_mixed(self, a: Typed, b: Typed, span: Span) -> None:
        if {a.type.kind, b.type.kind} == {"decimal", "float"}:
            self.warn_mixed(span)

    def warn_mixed(self, span: Span) -> None:
        """Warn that a decimal becomes a float."""
        self.reporter.warn(
            span,
            "decimal-with-float",
            "a decimal meets a float here and becomes one, so the result is no longer exact",
            "declare both decimal, or both float",
        )

    def _paired(self, x: Typed | Loose, y: Typed | Loose, span: Span) -> tuple[Typed, Typed] | None:
        """Both operands with their loose literals settled: a decimal beside a decimal, else a float."""
        a = self.beside(x, y, span)
        b = self.beside(y, x, span)
        return None if a is None or b is None else (a, b)

    def beside(self, x: Typed | Loose, other: Typed | Loose, span: Span) -> Typed | None:
        """``x``, where a loose literal is settled by what it stands beside."""
        if not isinstance(x, Loose):
            return x
        if isinstance(other, Loose) or other.type.kind != "decimal":
            return settled(x)
        try:
            scale = scale_of(x.value)
            if scale > MAX_SCALE:
                raise NotConstantError(f"{x.value} has more than {MAX_SCALE} digits after the point")
            return Const(scaled(x.value, scale), decimal(scale))
        except NotConstantError as problem:
            self.reporter.error(span, "decimal-scale", problem.message, problem.hint)
            return None

    def compare(
        self, op: str, left: tuple[ast.Expr, Checked], right: tuple[ast.Expr, Checked], span: Span
    ) -> Typed | None:
        """``left op right``, each the expression and what it was found to be."""
        (left_expr, x), (right_expr, y) = left, right
        if x is None or y is None:
            return None
        for subject, other in ((left_expr, y), (right_expr, x)):
            if isinstance(other, Const) and other.type.kind == "null":
                text = path_text(subject) if isinstance(subject, ast.Path) else "x"
                word = "is not null" if op == "!=" else "is null"
                message = "a comparison with null is never true"
                self.reporter.error(span, "null-comparison", message, f"write `{text} {word}`")
                return None
        pair = self._paired(x, y, span)
        if pair is None:
            return None
        a, b = pair
        optional = BOOL.as_optional(a.type.optional or b.type.optional)
        if a.type.is_number and b.type.is_number:
            if "float" in (a.type.kind, b.type.kind):
                self._warn_mixed(a, b, span)
                a, b = to_float(a), to_float(b)
            return Apply(_COMPARISONS[op], (a, b), optional)
        if a.type.kind != b.type.kind:
            self._mismatch(op, a, b, (left_expr, right_expr), span)
            return None
        if a.type.kind == "list":
            hint = "a value may be looked for in a list: x in (…)"
            self.reporter.error(span, "wrong-type", f"`{op}` is not defined for lists", hint)
            return None
        if a.type.kind == "bool" and op not in ("=", "!="):
            self.reporter.error(span, "wrong-type", f"`{op}` is not defined for bools", "bools have no order")
            return None
        return Apply(_COMPARISONS[op], (a, b), optional)

    def _mismatch(self, op: str, a: Typed, b: Typed, exprs: tuple[ast.Expr, ast.Expr], span: Span) -> None:
        kinds = {a.type.kind, b.type.kind}
        numeric = bool(kinds & {"int", "float", "decimal"})
        hint = None
        number = next((literal_text(e) for e in exprs if isinstance(e, ast.IntLiteral | ast.PointLiteral)), None)
        if "list" in kinds:
            hint = "write x in (…) for whether x is in a list"
        elif "duration" in kinds and numeric:
            hint = f"write a unit, e.g. {number or '10'} min"
        elif "string" in kinds and numeric:
            hint = f'write the number in quotes: "{number}"' if number else "declare both sides with one type"
            text = next((e.value for e in exprs if isinstance(e, ast.StringLiteral)), None)
            if text is not None and re.fullmatch(r"-?\d+(\.\d+)?", text):
                hint = f"write the number without quotes: {text}"
        elif kinds == {"time", "string"}:
            hint = "declare a param of type time and compare with it"
        elif kinds == {"time", "duration"}:
            hint = "a time minus a time is a duration: write e.g. at - a.at"
        elif "time" in kinds and numeric:
            hint = "compare a time with a time, or the difference of two with a duration"
        elif kinds == {"bool", "string"}:
            hint = "write true or false without quotes"
        message = f"{kind_text(a.type)} cannot be compared with {kind_text(b.type)}"
        self.reporter.error(span, "wrong-type", message, hint)

    def unified(self, x: Typed | Loose, y: Typed | Loose, call: ast.Call) -> tuple[Typed, Typed] | None:
        """A value and its default in one type."""
        pair = self._paired(x, y, call.span)
        if pair is None:
            return None
        a, b = pair
        if a.type.is_number and b.type.is_number:
            kinds = {a.type.kind, b.type.kind}
            if "float" in kinds:
                self._warn_mixed(a, b, call.span)
                return to_float(a), to_float(b)
            if "decimal" in kinds:
                scale = max(a.type.scale, b.type.scale)
                return rescaled(a, scale), rescaled(b, scale)
        if a.type.kind != b.type.kind:
            self.reporter.error(
                call.span,
                "wrong-type",
                f"the default of `prev` is {kind_text(b.type)}, its value {kind_text(a.type)}",
                "give the default the type of the field",
            )
            return None
        return a, b


def settled(x: Checked) -> Typed | None:
    """A loose literal alone is a float."""
    return Const(float(x.value), FLOAT) if isinstance(x, Loose) else x


def to_float(x: Typed) -> Typed:
    """A number as a float."""
    if x.type.kind == "float":
        return x
    if isinstance(x, Const) and isinstance(x.value, int):
        return Const(float(Decimal(x.value).scaleb(-x.type.scale)), FLOAT)
    return Apply("to_float", (x,), FLOAT.as_optional(x.type.optional))


def rescaled(x: Typed, scale: int) -> Typed:
    """An int or a decimal with ``scale`` digits after the point, not fewer than it has."""
    if x.type.kind == "decimal" and x.type.scale == scale:
        return x
    if isinstance(x, Const) and isinstance(x.value, int):
        count = x.value * 10 ** (scale - x.type.scale)
        if MIN_INT <= count <= MAX_INT:
            return Const(count, decimal(scale))
    return Apply("rescale", (x,), decimal(scale).as_optional())


_KINDS = {"int": "an int", "null": "null"}


def kind_text(declared: Type) -> str:
    """A type in a sentence: ``an int``, ``a decimal``."""
    text = str(declared.as_optional(False))
    return _KINDS.get(text, f"a {text}")


def path_text(path: ast.Path) -> str:
    """A path as written, but for what stands in brackets."""
    return ".".join(p.text if isinstance(p, ast.Name) else "[…]" for p in path.parts)


def literal_text(expr: ast.IntLiteral | ast.PointLiteral) -> str:
    """A number as written."""
    return short(str(expr.value) if isinstance(expr, ast.IntLiteral) else expr.text)


def short(text: str) -> str:
    """A text that fits into a message."""
    return text if len(text) <= 30 else f"{text[:30]}…"
