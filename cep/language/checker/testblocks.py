"""Test blocks: the `test` declarations of a checked rulebook, with every name, field and value looked up.

Times in a test are offsets from `ORIGIN`, 2000-01-01T00:00Z: ``at 10 min`` is ten past midnight of that day. A field
of type time takes RFC 3339 text, or an offset as ``at`` does. A record's fields have dotted names, ``place.lat``; a
record of which none is given is null. All mistakes of all tests are told at once.
Cost: linear in the text.
Tested by: tests/app/test_testing.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.constants import Constant, NotConstantError, as_type, evaluate
from cep.language.checker.report import Report, Reporter, did_you_mean, listed
from cep.language.fixed import holder
from cep.language.typed import Const
from cep.model.errors import RuleError
from cep.model.time import MAX_TIME, MIN_TIME, parse_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language.rulebook import Rulebook
    from cep.model.diagnostics import Source, Span
    from cep.model.schema import Attribute, Schema
    from cep.model.types import Type

ORIGIN = parse_time("2000-01-01T00:00:00Z")


@dataclass(frozen=True, slots=True)
class ConstList:
    """A list of constants, as a test alone has it."""

    value: tuple[Given, ...]
    type: Type


Given = Const | ConstList


@dataclass(frozen=True, slots=True)
class CheckedSend:
    """An event of a declared stream: its values by attribute, the one that orders the stream among them."""

    stream: str
    values: tuple[tuple[Attribute, Given], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class CheckedAdvance:
    """``advance to 1 h``: the instant."""

    to: int
    span: Span


@dataclass(frozen=True, slots=True)
class CheckedClose:
    """``close``: every stream has ended."""

    span: Span


@dataclass(frozen=True, slots=True)
class CheckedExpect:
    """What must have come out: ``count`` None is one event, 0 is none; ``at`` is an instant."""

    type: str
    count: int | None
    values: tuple[tuple[str, Given], ...]
    at: int | None
    span: Span


@dataclass(frozen=True, slots=True)
class CheckedSet:
    """``set limit = 10`` after the first event: the param has the value for what is sent afterwards."""

    param: str
    value: ast.Expr
    span: Span


Step = CheckedSend | CheckedSet | CheckedAdvance | CheckedClose | CheckedExpect


@dataclass(frozen=True, slots=True)
class CheckedTest:
    """A test. ``params`` are set before its first event."""

    description: str
    source: Source
    span: Span
    params: tuple[tuple[str, ast.Expr], ...]
    steps: tuple[Step, ...]


def check_tests(book: Rulebook) -> tuple[CheckedTest, ...]:
    """The tests of a rulebook in the order of the text; raises `RuleError` with all their mistakes."""
    report = Report([file.source for file in book.files])
    out = [
        _Checking(book, Reporter(report, file.source)).test(d)
        for file in book.files
        for d in file.declarations
        if isinstance(d, ast.Test)
    ]
    if report.mistakes:
        raise RuleError(report.errors)
    return tuple(out)


class _Checking:
    """One test being checked."""

    def __init__(self, book: Rulebook, reporter: Reporter) -> None:
        self._book = book
        self._reporter = reporter
        self._results = {n: s for n, s in book.sources.items() if n not in book.streams}

    def test(self, test: ast.Test) -> CheckedTest:
        params: dict[str, ast.Expr] = {}
        steps: list[Step] = []
        has_begun = is_closed = False
        for step in test.steps:
            found: Step | None = None
            if is_closed and not isinstance(step, ast.Expect):
                self._error(step.span, "test-closed", "nothing can happen after `close`", "write `close` last")
                continue
            match step:
                case ast.Send():
                    found = self._send(step)
                    has_begun = True
                case ast.Advance():
                    to = self._instant(step.to)
                    found = None if to is None else CheckedAdvance(to, step.span)
                    has_begun = True
                case ast.SetParam():
                    if self._is_lawful(step, has_begun) and has_begun:
                        found = CheckedSet(step.name.text, step.value, step.span)
                    elif not has_begun:
                        params[step.name.text] = step.value
                case ast.Close():
                    found = CheckedClose(step.span)
                    is_closed = True
                case ast.Expect():
                    found = self._expect(step)
            if found is not None:
                steps.append(found)
        return CheckedTest(test.description, self._reporter.source, test.span, tuple(params.items()), tuple(steps))

    def _error(self, span: Span, code: str, message: str, hint: str | None = None) -> None:
        self._reporter.error(span, code, message, hint)

    def _instant(self, offset: ast.DurationLiteral) -> int | None:
        if ORIGIN + offset.value > MAX_TIME:
            self._error(offset.span, "test-time", "this is beyond the year 2262; time in a test begins with 2000")
            return None
        return ORIGIN + offset.value

    def _is_lawful(self, step: ast.SetParam, has_begun: bool) -> bool:
        name = step.name.text
        if name not in self._book.params:
            hint = did_you_mean(name, self._book.params)
            self._error(step.name.span, "unknown-name", f"there is no param `{name}`", hint)
            return False
        try:
            as_type(evaluate(step.value), self._book.params[name].type)
        except NotConstantError as problem:
            span = problem.span or step.value.span
            self._error(span, "param-value", f"{name}: {problem.message}", problem.hint)
            return False
        held = holder(self._book, name) if has_begun else None
        if held is not None:
            message = f"{name} cannot change after the first event: it is {held}"
            self._error(step.span, "param-fixed", message, "set it before the first `send` or `advance`")
        return held is None

    def _send(self, step: ast.Send) -> CheckedSend | None:
        name = step.type.text
        schema = self._book.streams.get(name)
        if schema is None:
            hint = did_you_mean(name, self._book.streams, f"declared are {listed(list(self._book.streams)) or 'none'}")
            message = f"no stream `{name}` is declared"
            if name in self._book.variants:
                message, hint = f"{name} is a variant", f"send one of {listed(self._book.variants[name], 'or')}"
            elif name in self._results:
                message, hint = f"{name} comes out of the rules", "events are sent to declared streams"
            self._error(step.type.span, "unknown-stream", message, hint)
            return None
        values = self._values(schema, step.body, to_send=True)
        at = self._instant(step.at)
        if schema.time is not None and schema.time not in values and at is not None:
            order = schema.by_name[schema.time]
            values[schema.time] = (order, Const(at, order.type))
        if any(a.name is None or a.name.text not in values for a in step.body):
            return None  # a mistake was told already; what else is missing may be what it meant
        for attribute in schema.attributes:
            is_whole = attribute.type.kind == "record" or not attribute.type.is_held
            if attribute.name in values or attribute.name == schema.time or is_whole:
                continue
            # a field of a record is missing where the record is there, or must be
            around = attribute.name.rpartition(".")[0]
            is_there = any(n.startswith(f"{around}.") and c.value is not None for n, (_, c) in values.items())
            if attribute.type.optional and not (attribute.with_record and is_there):
                continue
            hint = f"write {attribute.name} = …, or {attribute.name} = null to send an event that is rejected"
            self._error(step.type.span, "missing-field", f"{name}.{attribute.name} is missing", hint)
        return CheckedSend(name, tuple(values.values()), step.span)

    def _expect(self, step: ast.Expect) -> CheckedExpect | None:
        name = step.type.text
        schema = self._results.get(name)
        if schema is None:
            hint = did_you_mean(name, self._results, f"rules emit {listed(list(self._book.derived)) or 'nothing'}")
            message = f"no rule emits {name}"
            if name in self._book.streams:
                message, hint = f"{name} is a declared stream", "expect what comes out of the rules"
            self._error(step.type.span, "unknown-stream", message, hint)
            return None
        values = self._values(schema, step.body or (), to_send=False)
        at = None if step.at is None else self._instant(step.at)
        return CheckedExpect(name, step.count, tuple((n, c) for n, (_, c) in values.items()), at, step.span)

    def _values(
        self, schema: Schema, body: Sequence[ast.Assign], *, to_send: bool
    ) -> dict[str, tuple[Attribute, Given]]:
        out: dict[str, tuple[Attribute, Given]] = {}
        for assign in body:
            if assign.name is None:
                self._error(assign.span, "not-constant", "a test gives values", "write name = value")
                continue
            name = assign.name.text
            attribute = schema.by_name.get(name)
            if attribute is None:
                hint = did_you_mean(name, schema.names, f"its fields are {listed(schema.names) or 'none'}")
                self._error(assign.name.span, "unknown-field", f"{schema.name} has no field `{name}`", hint)
            elif name in out:
                self._error(assign.name.span, "duplicate-name", f"{name} is given twice")
            elif attribute.type.kind == "record" and not isinstance(assign.value, ast.NullLiteral):
                inner = [n for n in schema.names if n.startswith(f"{name}.")]
                hint = f"give its fields: {inner[0] if inner else name} = …, or {name} = null"
                self._error(assign.span, "wrong-type", f"{name} is a record", hint)
            elif not attribute.type.is_held:
                self._reporter.not_yet(assign.span, f"a {attribute.type.kind} in a test")
            else:
                value = self._value(assign.value, attribute.type, to_send=to_send)
                if value is not None:
                    out[name] = (attribute, value)
        return out

    def _value(self, written: ast.Expr, wanted: Type, *, to_send: bool) -> Given | None:
        if wanted.kind == "list" and isinstance(written, ast.ListLiteral):
            items = [self._value(item, wanted.items[0], to_send=to_send) for item in written.items]
            known = tuple(item for item in items if item is not None)
            return ConstList(known, wanted) if len(known) == len(items) else None
        try:
            found = evaluate(written)
            if found.kind == "null":
                if to_send or wanted.optional:  # a null that is sent to a required field makes a rejected event
                    return Const(None, wanted)
                raise NotConstantError("this field is never null")
            if wanted.kind == "time" and found.kind == "duration" and isinstance(found.value, int):
                found = Constant("time", ORIGIN + found.value)
            value = as_type(found, wanted)
            if wanted.kind == "time" and not (isinstance(value.value, int) and MIN_TIME <= value.value <= MAX_TIME):
                raise NotConstantError("this is outside the years 1678 to 2262")
            return value
        except NotConstantError as problem:
            self._error(problem.span or written.span, "wrong-type", problem.message, problem.hint)
            return None
