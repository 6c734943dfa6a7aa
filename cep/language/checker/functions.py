"""Functions of values: each call becomes one `Apply`, or an operation that is there already, with casts written out.

The types, null rules and units are the table of docs/language.md; the ops are those of `cep.language.typed`.
Tested by: tests/language/test_check_functions.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.operations import Loose, kind_text, rescaled, settled, to_float
from cep.language.checker.report import listed
from cep.language.checker.scalars import SIGNATURES, Scalars
from cep.language.typed import Apply, Const, Typed
from cep.model.types import DURATION, FLOAT, INT, MAX_SCALE, NULL, decimal

if TYPE_CHECKING:
    from cep.language.checker.expressions import Expressions
    from cep.model.diagnostics import Span

_REAL = {"sqrt": 1, "log": 1, "exp": 1, "pow": 2}
_UNITS = {"hours": 3_600 * 10**9, "minutes": 60 * 10**9, "seconds": 10**9}
_CHOICES = ("least", "greatest", "coalesce")
_SHAPES = {
    "abs": "abs(x)", "round": "round(x) or round(x, 2)", "floor": "floor(x)", "ceil": "ceil(x)",
    "sqrt": "sqrt(x)", "log": "log(x)", "exp": "exp(x)", "pow": "pow(x, y)",
    "least": "least(x, y)", "greatest": "greatest(x, y)", "coalesce": "coalesce(x, 0)",
    "hours": "hours(d)", "minutes": "minutes(d)", "seconds": "seconds(d)",
}  # fmt: skip

FUNCTIONS = (*_SHAPES, *SIGNATURES)
"""The functions of values that run."""


class Functions:
    """Gives types to the function calls of one place."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.reporter = expressions.reporter
        self.scalars = Scalars(self)

    def call(self, call: ast.Call) -> Typed | None:
        """The typed form of a call of one of `FUNCTIONS`."""
        name = call.name.text
        if name in SIGNATURES:
            return self.scalars.call(call)
        values = [a.value for a in call.arguments]
        written = [v for v in values if v is not None]
        plain = len(written) == len(values) and not any(a.distinct or a.where is not None for a in call.arguments)
        low, high = self._counts(name)
        if not plain or not low <= len(written) <= high:
            many = "one argument" if high == 1 else "two arguments" if low == high else "one or two arguments"
            many = "two arguments or more" if high > 2 else many
            self.reporter.error(call.span, "wrong-arguments", f"`{name}` takes {many}", f"write {_SHAPES[name]}")
            return None
        if name == "round":
            return self._round(written)
        found = [self.expressions.loosely(v) for v in written]
        known = [f for f in found if f is not None]
        if len(known) < len(found):
            return None
        if name in _CHOICES:
            return self._choice(name, known, call.span)
        args = [a for a in map(settled, known) if a is not None]
        if name in _REAL:
            return self._real(name, args, written)
        return self._of_one(name, args[0], written[0])

    @staticmethod
    def _counts(name: str) -> tuple[int, int]:
        if name in _CHOICES:
            return 2, 10_000
        return (1, 2) if name == "round" else (_REAL.get(name, 1), _REAL.get(name, 1))

    def is_of(self, name: str, value: Typed, kinds: tuple[str, ...], span: Span, hint: str | None = None) -> bool:
        """Whether an argument is of one of ``kinds``; reported when it is not."""
        if value.type.kind in kinds:
            return True
        if value.type.kind == "time" and "duration" in kinds:
            hint = "a time minus a time is a duration"
        elif value.type.kind == "duration" and name in _REAL:
            hint = "seconds(…) makes a number of a duration"
        message = f"`{name}` takes {listed([_article(k) for k in kinds], 'or')}, not {kind_text(value.type)}"
        self.reporter.error(span, "wrong-type", message, hint)
        return False

    def _of_one(self, name: str, x: Typed, expr: ast.Expr) -> Typed | None:
        kind = x.type.kind
        if name in _UNITS:
            if not self.is_of(name, x, ("duration",), expr.span):
                return None
            return Apply("in_unit", (x, Const(_UNITS[name], DURATION)), FLOAT.as_optional(x.type.optional))
        if name == "abs":
            if not self.is_of(name, x, ("int", "float", "decimal", "duration"), expr.span):
                return None
            return Apply("abs", (x,), x.type.as_optional(x.type.optional or kind != "float"))
        if not self.is_of(name, x, ("int", "float", "decimal"), expr.span):
            return None
        if kind == "int":
            return x
        return Apply(name, (x,), INT.as_optional(x.type.optional or kind == "float"))

    def _real(self, name: str, args: list[Typed], written: list[ast.Expr]) -> Typed | None:
        fine = [self.is_of(name, a, ("int", "float", "decimal"), w.span) for a, w in zip(args, written, strict=True)]
        return Apply(name, tuple(map(to_float, args)), FLOAT.as_optional()) if all(fine) else None

    def _round(self, written: list[ast.Expr]) -> Typed | None:
        x = self.expressions.value(written[0])
        digits = 0
        if len(written) == 2:
            given = written[1]
            if not isinstance(given, ast.IntLiteral) or not 0 <= given.value <= MAX_SCALE:
                message = f"`round` keeps 0 to {MAX_SCALE} digits after the point, written as a number"
                self.reporter.error(given.span, "wrong-arguments", message, "write e.g. round(x, 2)")
                return None
            digits = given.value
        if x is None or not self.is_of("round", x, ("int", "float", "decimal"), written[0].span):
            return None
        if x.type.kind == "int":
            return x
        if x.type.kind == "decimal":
            if digits >= x.type.scale:
                return rescaled(x, digits)
            return Apply("round", (x,), decimal(digits).as_optional(x.type.optional))
        return Apply("round", (x, Const(digits, INT)), x.type)

    # --------------------------------------------------------------------------------------------------- choices

    def _choice(self, name: str, found: list[Typed | Loose], span: Span) -> Typed | None:
        args = self.united(f"the arguments of `{name}`", found, span)
        if args is None:
            return None
        kind = args[0].type.kind
        if name != "coalesce" and kind == "bool":
            self.reporter.error(span, "wrong-type", f"`{name}` is not defined for bools", "bools have no order")
            return None
        optional = all(a.type.optional for a in args)
        return Apply(name, tuple(args), replace(args[0].type, optional=optional))

    def united(self, what: str, found: list[Typed | Loose], span: Span) -> list[Typed] | None:
        """Values of which one is taken, in one type; they meet as in arithmetic, and null takes the others' type."""
        types = [x.type for x in found if not isinstance(x, Loose) and x.type.kind != "null"]
        kinds = {t.kind for t in types} or ({"float"} if any(isinstance(x, Loose) for x in found) else set())
        if not kinds:
            self.reporter.error(span, "null-comparison", f"{what} are all null")
            return None
        of_decimal = next((Const(0, t) for t in types if t.kind == "decimal" and "float" not in kinds), None)
        args: list[Typed] = []
        for x in found:
            arg = self.expressions.operations.beside(x, of_decimal or Const(0.0, FLOAT), span)
            if arg is None:
                return None
            args.append(arg)
        args = self._met(args, span)
        present = [a.type for a in args if a.type.kind != "null"]
        first = present[0]
        other = next((t for t in present if t.kind != first.kind), None)
        if other is not None:
            message = f"{what} are of different types: {kind_text(first)} and {kind_text(other)}"
            self.reporter.error(span, "wrong-type", message, "give them one type")
            return None
        if first.kind in ("record", "list", "map"):
            self.reporter.error(span, "wrong-type", f"{what} cannot be a {first.kind}")
            return None
        meant = replace(first, infinite=any(t.infinite for t in present), optional=True)
        return [Const(None, meant) if a.type.kind == "null" else a for a in args]

    def _met(self, args: list[Typed], span: Span) -> list[Typed]:
        numbers = [a for a in args if a.type.is_number]
        kinds = {a.type.kind for a in numbers}
        if "float" in kinds:
            if "decimal" in kinds:
                self.expressions.operations.warn_mixed(span)
            return [to_float(a) if a.type.is_number else a for a in args]
        if "decimal" in kinds:
            scale = max(a.type.scale for a in numbers)
            return [rescaled(a, scale) if a.type.is_number else a for a in args]
        return args

    def case(self, case: ast.Case) -> Typed | None:
        """``case when … then … else … end``: the value of the first condition that is true."""
        asked = [self.expressions.condition(c, "what follows `when`") for c, _ in case.branches]
        values = [self.expressions.loosely(v) for _, v in case.branches]
        values.append(Const(None, NULL) if case.otherwise is None else self.expressions.loosely(case.otherwise))
        conditions = [c for c in asked if c is not None]
        known = [v for v in values if v is not None]
        if len(conditions) < len(asked) or len(known) < len(values):
            return None
        args = self.united("the values of `case`", known, case.span)
        if args is None:
            return None
        parts = [part for pair in zip(conditions, args[:-1], strict=True) for part in pair]
        optional = any(a.type.optional for a in args)
        return Apply("select", (*parts, args[-1]), replace(args[0].type, optional=optional))


def _article(kind: str) -> str:
    return f"{'an' if kind == 'int' else 'a'} {kind}"
