"""Findings: what is certain of the rules of a rulebook, told as warnings.

Codes by what comes of a fault: ``never-matches`` (a condition that must hold never does), ``unreachable-step`` (an
optional step, or one in a group or choice, never binds), ``no-effect`` (an absence forbids nothing), ``never-true``,
``always-true`` and ``always-null`` (a part of a condition or a value). One fault gives one warning.

What a step asks is known of its events afterwards, along the plain top level of a pattern; of steps in groups and
choices nothing is known later, and nothing before. Known is only what stays: fields of bound events, the key,
aggregates of closed loops; not what compares with a param, which may change between two events.
Cost: linear in the rules; see `cep.language.analysis.solve` for one condition.
Tested by: tests/language/test_analysis.py, tests/properties/test_analysis.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cep.language.analysis.blame import Condition, Found
from cep.language.analysis.context import Context
from cep.language.analysis.solve import FUEL, TRUE, GaveUpError
from cep.language.analysis.terms import Place, Terms
from cep.language.checker.report import Reporter
from cep.language.checker.walk import parts_of
from cep.language.typed import Attr, CheckedFilter, CheckedPattern, CheckedQuery, Const, Fold, Prev

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cep.language.analysis.domain import Domain
    from cep.language.checker.report import Report
    from cep.language.rulebook import Rulebook
    from cep.language.typed import CheckedAbsence, CheckedRule, CheckedStep, Typed
    from cep.model.diagnostics import Span

_CODES = {"never": "never-true", "always": "always-true", "null": "always-null"}


def findings(report: Report, rulebook: Rulebook) -> None:
    """Warn of what is never true, always true or always null in the rules, and of rules that never match."""
    for rule in rulebook.rules:
        _Rule(report, rulebook, rule).look()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What comes of a condition that is never true: a code, and words after the reason."""

    code: str
    words: str
    related: tuple[tuple[str, Span], ...] = ()


class _Rule:
    """One rule while it is looked at; ``known`` grows with its steps."""

    def __init__(self, report: Report, rulebook: Rulebook, rule: CheckedRule) -> None:
        self.report = report
        self.reporter = Reporter(report, rule.source)
        self.rulebook = rulebook
        self.rule = rule
        self.fuel = [FUEL]
        self.streams: dict[str, tuple[str, ...]] = {}
        self.sure: set[str] = set()  # variables that are bound wherever they can be read
        self.terms = Terms(self._key_of)
        self.context = Context(self.terms, Place(""))
        self.known: dict[int, Domain] = {}
        self.unbound: frozenset[str] = frozenset()

    def look(self) -> None:
        body = self.rule.body
        if isinstance(body, CheckedFilter | CheckedQuery):
            self._query(body)
        else:
            self._pattern(body)
        for emit in self.rule.emits:
            if emit.on_timeout:  # what is known of a match is not known there
                continue
            for _, value in emit.fields:
                self._value(value, replace(self.context, known=self.known, unbound=self.unbound), emit.span)

    # ------------------------------------------------------------------------------------------------------- scopes

    def _key_of(self, own: str, attribute: Attr) -> int | None:
        """The key part that an attribute is wherever the event is there."""
        variable = own if attribute.variable is None else attribute.variable
        streams = self.streams.get(variable)
        if streams is None or (attribute.variable is not None and variable not in self.sure):
            return None
        for index, key in enumerate(self.rule.keys):
            if all(key.attributes.get(s) == attribute.name for s in streams):
                return index
        return None

    def _times(self) -> frozenset[tuple[str, str]]:
        """The attributes that hold the time of a variable's event."""
        out = set()
        for variable, streams in self.streams.items():
            names = {self.rulebook.streams[s].time if s in self.rulebook.streams else None for s in streams}
            if len(names) == 1 and (name := names.pop()) is not None:
                out.add((variable, name))
        return frozenset(out)

    def _condition(self, context: Context) -> Condition:
        return Condition(context, self.rule.source, self.report.place_of, self.fuel)

    # ------------------------------------------------------------------------------------------------------- bodies

    def _query(self, body: CheckedFilter | CheckedQuery) -> None:
        self.streams[""] = body.streams
        if body.where is not None:
            dies = _Outcome("never-matches", f"so the rule {self.rule.name} never matches")
            condition = self._condition(self.context)
            if not self._where(body.where, condition, self.rule.span, dies):
                self._learn(body.where, condition, "", True)

    def _pattern(self, pattern: CheckedPattern) -> None:
        plain = _plain_steps(pattern)
        for step in pattern.steps:
            self.streams[step.variable] = step.streams
        self.sure = {s.variable for s in plain if s.low > 0}
        absences = [a for s in pattern.steps for a in s.absences] + list(pattern.final)
        for number, absence in enumerate(absences):
            self.streams[f"no {number}"] = absence.streams
        within = pattern.within
        self.context = replace(
            self.context,
            counts={s.variable: (s.low, s.high) for s in plain},
            order={s.variable: n for n, s in enumerate(plain)},
            times=self._times(),
            within=within.value if isinstance(within, Const) and isinstance(within.value, int) else None,
        )
        number = 0
        for step in pattern.steps:
            top = step in plain
            known = self.known if top else {}
            for absence in step.absences:
                self._absence(
                    absence, f"no {number}", known, first=any(absence is a for a in pattern.items[0].absences)
                )
                number += 1
            self._step(pattern, step, top, known)
        for absence in pattern.final:
            self._absence(absence, f"no {number}", self.known)
            number += 1

    def _step(self, pattern: CheckedPattern, step: CheckedStep, top: bool, known: dict[int, Domain]) -> None:
        if step.where is None:
            return
        name = "this step" if step.variable.startswith("$") else f"`{step.variable}`"
        if top and step.low > 0:
            later = pattern.steps[pattern.steps.index(step) + 1 :]
            related = (("this step, and all after it, is never reached", later[0].span),) if later else ()
            dies = _Outcome(
                "never-matches", f"so {name} never binds and the rule {self.rule.name} never matches", related
            )
        else:
            dies = _Outcome("unreachable-step", f"so {name} never binds")
        context = replace(self.context, place=Place(step.variable), known=known, unbound=self.unbound)
        condition = self._condition(context)
        dead = self._where(step.where, condition, step.span, dies)
        if not dead and step.is_loop and any(isinstance(p, Prev | Fold) for p in parts_of(step.where)):
            first = replace(context, place=Place(step.variable, first=True))
            never = dies.words.replace(f"{name} never binds", "the loop never begins")
            dead = self._first(step.where, first, step.span, replace(dies, words=never))
        if dead:
            self.unbound |= {step.variable}
            if (
                top and step.low > 0
            ):  # what comes after is never reached: nothing more is said of it than it says itself
                self.known, self.unbound = {}, frozenset()
        elif top:
            self._learn(step.where, condition, step.variable, step.low > 0)

    def _absence(self, absence: CheckedAbsence, own: str, known: dict[int, Domain], *, first: bool = False) -> None:
        if absence.where is not None:
            known_here = self.context
            if first:  # its event came before the step that it may read, which has bound one
                known_here = replace(known_here, counts={}, ordered=False)
            context = replace(known_here, place=Place(own), known=known, unbound=self.unbound, bound_apart=True)
            condition = self._condition(context)
            self._where(
                absence.where, condition, absence.span, _Outcome("no-effect", "so this absence forbids nothing")
            )

    # ----------------------------------------------------------------------------------------------------- conditions

    def _where(self, where: Typed, condition: Condition, span: Span, dies: _Outcome) -> bool:
        """Tell what is wrong with a condition; whether it is never true."""
        span = self.report.place_of(where) or span
        dead = False
        try:
            told: set[int] = set()
            for found in condition.found(where, span):
                dead = dead or (found.whole and found.kind != "always")
                told.add(found.span.start)
                self._tell(found, dies)
            rest = [
                f for f in (*condition.nulls(where, span), *condition.cases(where, span)) if f.span.start not in told
            ]
            for found in rest if not dead else ():
                self._tell(replace(found, whole=False), dies)
        except GaveUpError:
            pass
        return dead

    def _first(self, where: Typed, context: Context, span: Span, dies: _Outcome) -> bool:
        """The same for the first event of a loop, of which only is told that it never comes."""
        condition = self._condition(context)
        try:
            if condition.full.possible([(where, TRUE)]):
                return False
            self._tell(replace(condition.never(where, self.report.place_of(where) or span), whole=True), dies)
        except GaveUpError:
            return False
        return True

    def _value(self, value: Typed, context: Context, span: Span) -> None:
        """Tell what is wrong with an emitted value."""
        condition = self._condition(context)
        span = self.report.place_of(value) or span
        if isinstance(value, Const) and value.value is None:
            self.reporter.note(
                span, "always-null", "this field is always null here", "leave it out: it is null then too"
            )
            return
        try:
            for found in (*condition.nulls(value, span), *condition.cases(value, span)):
                self._tell(replace(found, whole=False), None)
        except GaveUpError:
            pass

    def _learn(self, where: Typed, condition: Condition, own: str, sure: bool) -> None:
        """Keep what is known once ``own`` has bound an event: all of it, or (not ``sure``) what is about that event."""
        try:
            facts = condition.facts(where)
        except GaveUpError:
            return
        assert facts is not None, "only what may be true is learnt"
        for number, domain in facts.own.items():
            term = self.terms.known[number]
            mine = own in term.variables
            if term.stable and (sure or mine):
                domain.null = domain.null or (mine and not sure)
                self.known[number] = domain

    def _tell(self, found: Found, dies: _Outcome | None) -> None:
        code, message = _CODES[found.kind], found.message
        related: list[tuple[str, Span]] = [] if found.other is None else [("the other is here", found.other)]
        if found.whole and found.kind != "always" and dies is not None:
            code, message = dies.code, f"{message}, {dies.words}"
            related += dies.related
        source = self.rule.source
        self.reporter.warn(found.span, code, message, found.hint, tuple((w, source, s) for w, s in related))


def _plain_steps(pattern: CheckedPattern) -> list[CheckedStep]:
    """The steps of the top level that stand for themselves, in no group or choice."""
    items: Iterable[object] | None = getattr(pattern, "items", None)  # a tree of steps, where patterns have one
    if items is None:
        return list(pattern.steps)
    numbers = {i.body for i in items if getattr(i, "until", None) is None and isinstance(getattr(i, "body", None), int)}  # type: ignore[attr-defined]
    return [s for n, s in enumerate(pattern.steps) if n in numbers]
