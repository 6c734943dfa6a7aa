"""Testing: the `test` blocks of rules, run on simulated time, each in an engine of its own.

Expectations are compared with everything that comes out of the test, wherever they stand in it: a result may be decided
only by a later event. At the end of a test every stream ends, as at the end of an input that is left open. Expects of
one type stand in the order of the results: each claims the first that fits after those claimed before. ``expect 2 T``
counts all that fit, and claims them; ``expect no T`` counts those that no expect above it has claimed.

A `set` before the first event holds from the beginning, one that comes later for what is sent afterwards.
Cost: an engine a test.
Tested by: tests/app/test_testing.py
"""

from __future__ import annotations

import decimal
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cep.app.engine import Engine
from cep.app.rules import Rules
from cep.language.checker.testblocks import (
    ORIGIN,
    CheckedAdvance,
    CheckedClose,
    CheckedExpect,
    CheckedSend,
    CheckedSet,
    CheckedTest,
    ConstList,
    check_tests,
)
from cep.model.diagnostics import Diagnostic
from cep.model.time import format_duration, format_time

if TYPE_CHECKING:
    from cep.app.coverage import Coverage
    from cep.language.checker.testblocks import Given
    from cep.model.batch import Column, EventBatch
    from cep.model.types import Type

__all__ = ["Failure", "Outcome", "run_test", "run_tests"]

Value = int | float | bool | str | decimal.Decimal | list[Any] | None

_WIDE = decimal.Context(prec=40)
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met: what and where, and the results of its type beside it, field by field.

    ``table`` has a row for each field, the first its head; a value that differs is marked with ``≠``.
    """

    place: Diagnostic
    table: tuple[tuple[str, ...], ...]

    def render(self) -> str:
        """The failure as text."""
        if not self.table:
            return self.place.render()
        widths = [max(len(row[i]) for row in self.table) for i in range(len(self.table[0]))]
        rows = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in self.table]
        return "\n".join([self.place.render(), *(f"    {row}" for row in rows)])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended. ``notes`` tell of events that were not taken in."""

    test: CheckedTest
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> Literal["passed", "failed"]:
        """In a word."""
        return "failed" if self.failures else "passed"


@dataclass(slots=True)
class _Came:
    """A result: its instant and values; whether an expect has claimed it."""

    at: int
    values: dict[str, Value]
    types: dict[str, str]
    claimed: bool = field(default=False)


def run_tests(rules: Rules) -> list[Outcome]:
    """Run every test of ``rules``, params as the files have them; raises `RuleError` for mistakes in the tests.

    >>> import cep
    >>> rules = cep.loads('''
    ... stream Pay ordered by at { at: time, card: string, amount: int }
    ... rule Big from Pay where amount > 100 emit Alert { card, amount }
    ... test "a payment over the limit" {
    ...   send Pay { card = "c1", amount = 100 } at 0 s
    ...   send Pay { card = "c1", amount = 101 } at 1 min
    ...   expect Alert { card = "c1", amount = 101 } at 1 min
    ...   expect no Alert
    ... }
    ... ''')
    >>> [outcome.status for outcome in run_tests(rules)]
    ['passed']
    """
    return [run_test(rules, test) for test in check_tests(rules.rulebook)]


def run_test(rules: Rules, test: CheckedTest, coverage: Coverage | None = None) -> Outcome:
    """Run one test in an engine of its own; ``coverage`` takes note of what it exercises."""
    if test.params:
        from cep.app.tables import known_rows
        from cep.language.check import check

        book = rules.rulebook
        rules = Rules(check(book.files, dict(test.params), book.functions, known_rows(book)))
    with nullcontext() if coverage is None else coverage.watching():
        return _run(Engine(rules, together=True), test, coverage)


def _run(engine: Engine, test: CheckedTest, coverage: Coverage | None) -> Outcome:
    rules = engine.rules
    if coverage is not None:
        coverage.know(rules)
    came: dict[str, list[_Came]] = {}
    for name in rules.rulebook.sources:
        if name not in rules.rulebook.streams:
            came[name] = []
            engine.on(name, lambda batch, to=came[name]: to.extend(_events(batch)))  # type: ignore[misc]
    for step in test.steps:
        match step:
            case CheckedSend():
                engine.send(step.stream, {a.column: _sent(value) for a, value in step.values})
            case CheckedSet():
                engine.set(step.param, step.value)
                if coverage is not None:
                    coverage.know(engine.rules)
            case CheckedAdvance():
                engine.advance(step.to)
            case CheckedClose():
                engine.close()
    engine.close()
    if coverage is not None:
        coverage.count_matches(engine.stats().rules)
    reached: dict[str, int] = {}
    failures = []
    for step in test.steps:
        if isinstance(step, CheckedExpect):
            failed = _judge(test, step, came[step.type], reached)
            if failed is not None:
                failures.append(failed)
    for rule, words in engine.summary.failed.items():
        failures.append(Failure(Diagnostic("expectation", f"{rule} failed {words}", test.source, test.span), ()))
    notes = [
        f"{count} of the events of {stream} {what}"
        for what, counts in (("came too late", engine.summary.late), ("were rejected", engine.summary.rejected))
        for stream, count in counts.items()
        if count
    ]
    return Outcome(test, tuple(failures), tuple(notes) if failures else ())


def _sent(value: Given) -> object:
    """The value as a source would bring it."""
    if isinstance(value, ConstList):
        return [_sent(item) for item in value.value]
    held = value.value
    if held is None or not isinstance(held, int):
        return held
    match value.type.kind:
        case "decimal":
            return _decimal(held, value.type.scale)
        case "time":
            return format_time(held)
        case "duration":
            return format_duration(held)
    return held


def _decimal(count: int, scale: int) -> decimal.Decimal:
    return decimal.Decimal(count).scaleb(-scale, _WIDE)


def _events(batch: EventBatch) -> list[_Came]:
    types = {n: _kind(c.type) for n, c in batch.columns.items()}
    lists = [_values(batch.columns[name]) for name in types]
    return [
        _Came(at, {name: values[i] for name, values in zip(types, lists, strict=True)}, dict(types))
        for i, at in enumerate(batch.ts.tolist())
    ]


def _values(column: Column) -> list[Value]:
    values: list[Value] = column.to_list()
    return values if column.type.kind != "record" else [True if v else None for v in values]


def _judge(test: CheckedTest, expect: CheckedExpect, came: list[_Came], reached: dict[str, int]) -> Failure | None:
    """Why ``expect`` is not met, or None, and what it claims is claimed; ``reached``: where the next one looks on."""
    begin = reached.get(expect.type, 0)
    fitting = [i for i, result in enumerate(came) if not _differing(expect, result)]
    what, how = expect.type, " as written" if expect.values or expect.at is not None else ""
    if expect.count is None:
        fit = next((i for i in fitting if i >= begin and not came[i].claimed), None)
        if fit is not None:
            came[fit].claimed = True
            reached[expect.type] = fit + 1
            return None
        free = [r for r in came if not r.claimed]
        hint = None
        if any(not came[i].claimed for i in fitting):
            hint = "one came earlier; expects of a type stand in the order of its results"
        elif fitting:
            hint = "each that came is claimed by an expect above"
        return _failure(test, expect, f"no {what}{how} came out", free, hint)
    if expect.count == 0:
        free = [came[i] for i in fitting if not came[i].claimed]
        return _failure(test, expect, f"{len(free)} {what}{how} came out, not none", free) if free else None
    for i in fitting:
        came[i].claimed = True
        reached[expect.type] = i + 1
    if len(fitting) == expect.count:
        return None
    message = f"{len(fitting) or 'no'} {what}{how} came out, not {expect.count}"
    return _failure(test, expect, message, came)


def _differing(expect: CheckedExpect, result: _Came) -> set[str]:
    """The fields in which ``result`` is not what was expected."""
    out = {name for name, value in expect.values if result.values.get(name) != _held(value)}
    return out | {"_time"} if expect.at not in (None, result.at) else out


def _held(value: Given) -> Value:
    """The value as columns give it."""
    if isinstance(value, ConstList):
        return [_held(item) for item in value.value]
    if value.type.kind == "decimal" and isinstance(value.value, int):
        return _decimal(value.value, value.type.scale)
    return value.value


def _kind(of: Type) -> str:
    """The kind of a value, of a list that of what stands in it: how a value is written."""
    return _kind(of.items[0]) if of.items else of.kind


# -------------------------------------------------------------------------------------------------- the difference


def _failure(
    test: CheckedTest, expect: CheckedExpect, message: str, results: list[_Came], hint: str | None = None
) -> Failure:
    """The failure with the nearest results beside what was expected, in the order in which they came."""
    if not results and expect.values:
        hint = hint or f"no {expect.type} came out at all"
    place = Diagnostic("expectation", message, test.source, expect.span, hint)
    if not results:
        return Failure(place, ())
    nearest = sorted(range(len(results)), key=lambda i: len(_differing(expect, results[i])))[:_SHOWN]
    shown = [results[i] for i in sorted(nearest)]
    wanted = {name: _text(_held(value), _kind(value.type)) for name, value in expect.values}
    if expect.at is not None:
        wanted["_time"] = _text(expect.at, "time")
    names = list(dict.fromkeys([*wanted, "_time", *(n for r in shown for n in r.values)]))
    differing = [_differing(expect, r) for r in shown]
    head = [expect.type, "expected", *(["came"] * len(shown))]
    if len(results) > len(shown):
        head[-1] = f"came (and {len(results) - len(shown)} more)"
    rows = [tuple(head)]
    for name in names:
        cells = []
        for result, wrong in zip(shown, differing, strict=True):
            value = result.at if name == "_time" else result.values.get(name)
            text = _text(value, "time" if name == "_time" else result.types.get(name, "null"))
            cells.append(f"≠ {text}" if name in wrong else text)
        rows.append((name, wanted.get(name, ""), *cells))
    return Failure(place, tuple(rows))


def _text(value: Value, kind: str) -> str:
    """A value as a test writes it; an instant as its offset where it has one."""
    if value is None:
        return "null"
    if kind == "record":
        return "a record"
    if isinstance(value, list):
        return f"[{', '.join(_text(item, kind) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, int) and kind == "time":
        return format_duration(value - ORIGIN) if value >= ORIGIN else f'"{format_time(value)}"'
    if isinstance(value, int) and kind == "duration":
        return format_duration(value)
    return str(value)
