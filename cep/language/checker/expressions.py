"""Expressions: every name resolved, every operation given its type, every cast written out.

The typing law stands in `cep.language.typed`. A part that is wrong has no type (None) and has been reported; what is
built on it stays silent.
Cost: linear in the text; chains are walked, not recursed into, so only nesting (100 at most) uses the stack.
Tested by: tests/language/test_check.py, tests/language/test_check_types.py
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.calls import Calls
from cep.language.checker.constants import MAX_INT, MIN_INT
from cep.language.checker.lists import LISTS, list_aggregate, may_look, with_floats
from cep.language.checker.names import Names
from cep.language.checker.operations import Checked, Loose, Operations, kind_text, path_text, settled, short, to_float
from cep.language.checker.quantified import among, quantified
from cep.language.checker.report import Reporter
from cep.language.checker.tables import lookup
from cep.language.typed import Apply, Attr, Const, ParamRef, Typed
from cep.model.types import BOOL, DURATION, INT, NULL, STRING

if TYPE_CHECKING:
    from cep.language.checker.declarations import Declarations
    from cep.language.checker.scope import Scope
    from cep.model.diagnostics import Span


class Expressions:
    """Gives types to the expressions of one place."""

    def __init__(self, declarations: Declarations, reporter: Reporter, scope: Scope) -> None:
        self.declarations = declarations
        self.reporter = reporter
        self.scope = scope
        self.operations = Operations(reporter)
        self.names = Names(self)
        self.calls = Calls(self)

    def within(self, scope: Scope) -> Expressions:
        """The same, in another scope."""
        return Expressions(self.declarations, self.reporter, scope)

    def value(self, expr: ast.Expr) -> Typed | None:
        """The typed form of ``expr``, or None when it is wrong."""
        return settled(self.loosely(expr))

    def whole(self, expr: ast.Expr) -> Typed | None:
        """The same, where a field that is a list may stand."""
        return self.names.path(expr, lists=True) if isinstance(expr, ast.Path) else self.value(expr)

    def condition(self, expr: ast.Expr, what: str = "a condition") -> Typed | None:
        """The typed form of ``expr``, which must be true or false."""
        found = self.value(expr)
        if found is None or found.type.kind == "bool":
            return found
        kind = "null" if found.type.kind == "null" else str(found.type)
        hint = "compare it with something"
        if isinstance(expr, ast.Path):
            hint += f": {path_text(expr)} {'is not null' if found.type.optional else '= …'}"
        self.reporter.error(expr.span, "not-a-condition", f"{what} must be true or false; this is {kind}", hint)
        return None

    def loosely(self, expr: ast.Expr) -> Checked:
        """The typed form of ``expr``, where a literal with a point may still become what it meets."""
        found = self._loosely(expr)
        if found is not None and not isinstance(found, Loose):
            self.reporter.report.stands(found, expr.span)
        return found

    def _loosely(self, expr: ast.Expr) -> Checked:
        match expr:
            case ast.IntLiteral(value, span):
                return self._int(value, span)
            case ast.PointLiteral(text):
                return Loose(Decimal(text))
            case ast.StringLiteral(value):
                return Const(value, STRING)
            case ast.DurationLiteral(value):
                return Const(value, DURATION)  # the parser has seen to 64 bits
            case ast.BoolLiteral(value):
                return Const(value, BOOL)
            case ast.NullLiteral():
                return Const(None, NULL)
            case ast.Path():
                return self.names.path(expr)
            case ast.Call():
                return self.calls.call(expr)
            case ast.Case():
                return self.calls.functions.case(expr)
            case ast.Unary("not", operand):
                found = self.condition(operand, "what `not` takes")
                return None if found is None else Apply("not", (found,), BOOL.as_optional(found.type.optional))
            case ast.Unary():
                return self._negative(expr)
            case ast.Chain():
                return self._chain(expr)
            case ast.Logic(op, operands):
                parts = [self.condition(o, f"what `{op}` joins") for o in operands]
                known = tuple(p for p in parts if p is not None)
                if len(known) < len(parts):
                    return None
                return Apply(op, known, BOOL.as_optional(any(p.type.optional for p in known)))
            case ast.Compare(op, left, right, span):
                return self.operations.compare(op, (left, self.loosely(left)), (right, self.loosely(right)), span)
            case ast.Between():
                return self._between(expr)
            case ast.In():
                return self._in(expr)
            case ast.TextMatch():
                return self._text_match(expr)
            case ast.IsNull():
                return self._is_null(expr)
            case ast.Quantified():
                return quantified(self, expr)
            case ast.Lookup():
                return lookup(self, expr)
            case _:
                self._refuse(expr)
                return None

    def _refuse(self, expr: ast.Expr) -> None:
        match expr:
            case ast.Latest(stream, name):
                what = f"the latest value of a stream (`{stream.text}.{name.text}`)"
                self.reporter.not_yet(expr.span, what, "bind the event with an alias and read the alias")
            case ast.ListLiteral():
                self.reporter.not_yet(expr.span, "a list")
            case _:
                raise AssertionError(expr)

    def _int(self, value: int, span: Span) -> Const | None:
        if not MIN_INT <= value <= MAX_INT:
            text = short(str(value)) if abs(value) < 10**100 else "this number"  # str() of a huge int may refuse
            hint = f"the greatest int is {MAX_INT}"
            self.reporter.error(span, "number-too-big", f"{text} is beyond 64 bits", hint)
            return None
        return Const(value, INT)

    def _negative(self, expr: ast.Unary) -> Checked:
        operand = expr.operand
        if isinstance(operand, ast.IntLiteral):  # so that the least int can be written
            return self._int(-operand.value, expr.span)
        found = self.loosely(operand)
        if found is None:
            return None
        if isinstance(found, Loose):
            return Loose(-found.value)
        if isinstance(found, Const) and found.type.kind == "duration" and isinstance(found.value, int):
            return Const(-found.value, found.type)
        if not found.type.is_number and found.type.kind != "duration":
            self.reporter.error(
                expr.span, "wrong-type", f"`-` takes a number or a duration, not {kind_text(found.type)}"
            )
            return None
        wide = found.type.as_optional(found.type.optional or found.type.kind != "float")
        return Apply("neg", (found,), wide)

    def _chain(self, expr: ast.Chain) -> Checked:
        operands = list(zip(("", *expr.ops), expr.operands, strict=True))
        first = operands[0][1]
        left = self.loosely(first)
        texts: list[tuple[ast.Expr, Typed | None]] = []  # a run of `||` is one operation, however long
        for n, (op, operand) in enumerate(operands[1:], start=1):
            right = self.loosely(operand)  # checked also beside a wrong one, so that all mistakes are told
            if op == "||":
                texts = texts or [(first if n == 1 else expr, settled(left))]
                texts.append((operand, settled(right)))
                if n + 1 == len(operands) or operands[n + 1][0] != "||":
                    left, texts = self.calls.functions.scalars.joined(texts, expr.span), []
            elif left is None or right is None:
                left = None
            else:
                left = self.operations.arithmetic(op, left, right, operand, expr.span)
        return left

    def _between(self, expr: ast.Between) -> Typed | None:
        value, low, high = self.loosely(expr.value), self.loosely(expr.low), self.loosely(expr.high)
        least = self.operations.compare(">=", (expr.value, value), (expr.low, low), expr.span)
        most = self.operations.compare("<=", (expr.value, value), (expr.high, high), expr.span)
        if least is None or most is None:
            return None
        return Apply("and", (least, most), BOOL.as_optional(least.type.optional or most.type.optional))

    def _in(self, expr: ast.In) -> Typed | None:
        value = self.loosely(expr.value)
        items = [self.item(item) for item in expr.items]
        pairs: list[tuple[Typed, Typed]] = []
        wrong = value is None
        for item_expr, item in zip(expr.items, items, strict=True):
            if value is None or item is None:
                wrong = True
                continue
            pair = self._equated((expr.value, value), (item_expr, item))
            if pair is not None:
                pairs.append(pair)
            else:
                wrong = True
        if wrong or not pairs:
            return None
        # each pair is (value, item), cast to each other; one value for all when any of them needed a float
        firsts, others = [p[0] for p in pairs], [p[1] for p in pairs]
        subject = firsts[0]
        if any(f.type.kind == "float" for f in firsts) and subject.type.is_number:
            subject = to_float(subject)
            others = [with_floats(o) if o.type.kind == "list" else to_float(o) for o in others]
        places = zip(others, expr.items, strict=True)
        looked = [may_look(self.reporter, self.scope, o, e.span) for o, e in places]  # each mistake is told
        if not all(looked):
            return None
        out = among(self.scope, subject, others)
        return Apply("not", (out,), out.type) if expr.negated else out

    def item(self, expr: ast.Expr) -> Checked:
        """What stands in `in (…)`: a value, or a list that counts by its elements."""
        if isinstance(expr, ast.Call) and expr.name.text in LISTS:
            return list_aggregate(self.calls, expr)
        return self.whole(expr) if isinstance(expr, ast.Path) else self.loosely(expr)

    def _equated(
        self, left: tuple[ast.Expr, Typed | Loose], right: tuple[ast.Expr, Typed | Loose]
    ) -> tuple[Typed, Typed] | None:
        """A value and an item of `in (…)`, cast to each other; of a list the elements are compared."""
        expr, item = right
        if isinstance(item, Loose) or item.type.kind != "list":
            compared = self.operations.compare("=", left, right, expr.span)
            return (compared.args[0], compared.args[1]) if isinstance(compared, Apply) else None
        element = Attr(None, "", item.type.items[0])
        compared = self.operations.compare("=", left, (expr, element), expr.span)
        return (compared.args[0], item) if isinstance(compared, Apply) else None

    def _text_match(self, expr: ast.TextMatch) -> Typed | None:
        value, pattern = self.value(expr.value), self.value(expr.pattern)
        if value is not None and value.type.kind != "string":
            self.reporter.error(
                expr.value.span, "wrong-type", f"`{expr.op}` takes a string, not {kind_text(value.type)}"
            )
            value = None
        written = pattern
        if isinstance(pattern, ParamRef):  # the value is known when rules are checked
            param = self.declarations.params[pattern.name]
            assert param is not None
            pattern = param.value
        if pattern is not None and (not isinstance(pattern, Const) or not isinstance(pattern.value, str)):
            self.reporter.error(
                expr.pattern.span,
                "wrong-type",
                f"what `{expr.op}` looks for must be a string constant",
                'write it in quotes: "a%"' if expr.op == "like" else 'write it in quotes: "[a-z]+"',
            )
            pattern = None
        if pattern is not None and expr.op == "matches" and not self._regular(str(pattern.value), expr.pattern.span):
            pattern = None
        if value is None or pattern is None:
            return None
        looked_for = written if isinstance(written, ParamRef) else pattern
        out: Typed = Apply(expr.op, (value, looked_for), BOOL.as_optional(value.type.optional))
        return Apply("not", (out,), out.type) if expr.negated else out

    def _regular(self, text: str, span: Span) -> bool:
        """Whether ``text`` is a regular expression proper: nothing in it that needs more than linear time."""
        hint = None
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as problem:
            message = f"this is no regular expression: {problem}"
        else:
            found = re.search(r"\(\?(=|!|<=|<!|P=|>|\()|\\[1-9]|[*+?}]\+", re.sub(r"\\[^1-9]|\[[^\]]*\]", "", text))
            if found is None:
                return True
            message = f"`{found.group()}` in a regular expression needs more than linear time"
            hint = "look-around, back references, atomic groups and possessive repeats are left out on purpose"
        self.reporter.error(span, "bad-pattern", message, hint)
        return False

    def _is_null(self, expr: ast.IsNull) -> Typed | None:
        op = "is_not_null" if expr.negated else "is_null"
        if isinstance(expr.value, ast.Path):
            names = expr.value.names
            if names is not None and len(names) == 1 and self.names.is_alias_only(names[0]):
                return self.names.presence(names[0], expr)
            found: Checked = self.names.path(expr.value, record=True, lists=True)
        else:
            found = self.loosely(expr.value)
        value = settled(found)
        if value is None:
            return None
        if value.type.kind == "null":
            self.reporter.error(expr.span, "null-comparison", "null is always null")
            return None
        return Apply(op, (value,), BOOL)
