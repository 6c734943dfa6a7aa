"""Patterns: steps and absences with their streams, counts, places, conditions and bounds.

A step or absence that does not run yet is refused where it stands; its aliases are silent in the rest of the rule.
Tested by: tests/language/test_check_patterns.py, tests/language/test_check_refusals.py
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cep.language import ast
from cep.language.checker.expressions import Expressions
from cep.language.checker.report import did_you_mean
from cep.language.checker.scope import Scope, Variable
from cep.language.typed import CheckedAbsence, CheckedKey, CheckedPattern, CheckedStep, Const, ParamRef, Typed
from cep.model.types import DURATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.language.checker.declarations import Declarations
    from cep.language.checker.report import Reporter
    from cep.model.diagnostics import Span

MAX_PARTS = 60  # steps and absences of one pattern

Keys = Mapping[str, tuple[int, CheckedKey] | None]


def nested(pattern: ast.Pattern) -> Iterator[ast.EventType | ast.Event]:
    """Steps' event types and the events of absences and ``until``, groups and choices opened."""
    waiting: list[ast.Step | ast.Absence] = list(reversed(pattern.steps))
    while waiting:
        step = waiting.pop()
        if isinstance(step, ast.Absence):
            yield step.event
            continue
        if step.until is not None:
            yield step.until
        match step.source:
            case ast.EventType():
                yield step.source
            case ast.Group(inner):
                waiting.extend(reversed(inner.steps))
            case ast.Choice():
                waiting.extend(reversed(step.source.steps))


def _inner_aliases(step: ast.Step) -> set[str]:
    """The aliases inside a group or a choice, and its own."""
    out: set[str] = set()
    waiting: list[ast.Step | ast.Absence] = [step]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Absence):
            continue
        if part.alias is not None:
            out.add(part.alias.text)
        if isinstance(part.source, ast.Group):
            waiting.extend(part.source.pattern.steps)
        elif isinstance(part.source, ast.Choice):
            waiting.extend(part.source.steps)
    return out


@dataclass(frozen=True)
class _Part:
    """A step or an absence with its name, streams and counts; ``refused`` when it does not run yet."""

    node: ast.Step | ast.Absence
    name: str
    streams: tuple[str, ...] | None
    low: int
    high: int | None
    refused: bool
    known: bool


class PatternCheck:
    """A pattern while it is checked: first its streams, then, when the keys are known, the rest."""

    def __init__(self, declarations: Declarations, reporter: Reporter, matching: ast.Matching) -> None:
        self.declarations = declarations
        self.reporter = reporter
        self.matching = matching
        self.parts = self._parts(matching.pattern)
        self.streams = tuple(dict.fromkeys(s for p in self.parts for s in p.streams or ()))
        self.complete = all(p.known for p in self.parts)  # whether every stream is known
        self.variables = self._variables(self.parts)
        steps = [(p.node, p.refused) for p in self.parts if isinstance(p.node, ast.Step)]
        self.silent = frozenset(name for node, refused in steps if refused for name in _inner_aliases(node))
        absences = [p.node for p in self.parts if isinstance(p.node, ast.Absence)]
        self.absent = frozenset(a.event.alias.text for a in absences if a.event.alias is not None)
        self.within: Typed | None = None
        self.unbounded = False
        self.skip: Literal["past last", "keep all"] = "past last"
        self.conditions: list[Typed | None] = []

    def check(self, keys: Keys) -> None:
        """Check positions, bounds, skip and conditions."""
        self._positions(self.matching.pattern, self.parts)
        self.within, self.unbounded = self._bounds(self.matching.bounds)
        self.skip = self._skip(self.matching)
        self.conditions = self._conditions(keys)

    def emit_scope(self, keys: Keys) -> Scope:
        """What names mean in the actions."""
        absent = self.absent - set(self.variables)
        return Scope("emit", None, None, self.variables, {}, absent, self.silent, keys)

    def _parts(self, pattern: ast.Pattern) -> list[_Part]:
        """The steps and absences with their streams, each alias with its one owner; refuses what does not run."""
        reporter = self.reporter
        if len(pattern.steps) > MAX_PARTS:
            reporter.error(
                pattern.steps[MAX_PARTS].span,
                "pattern-too-long",
                f"a pattern has at most {MAX_PARTS} steps and absences; this one has {len(pattern.steps)}",
                "emit an event for a part of it, and read that event in a second rule",
            )
        for link in pattern.links:
            if link.word == "then any":
                reporter.not_yet(link.span, "`then any`", "write `then`, which takes the first event that fits")
        owners: dict[str, Span] = {}
        out: list[_Part] = []
        for number, node in enumerate(pattern.steps, 1):
            alias = node.event.alias if isinstance(node, ast.Absence) else node.alias
            name = f"${number}"
            if alias is not None:
                if alias.text in owners:
                    reporter.error(
                        alias.span,
                        "duplicate-alias",
                        f"two events of this rule are called `{alias.text}`",
                        "give one of them another name",
                        (("the first is here", self.reporter.source, owners[alias.text]),),
                    )
                else:
                    name = alias.text
                    owners[name] = alias.span
            if isinstance(node, ast.Absence):
                streams = self.declarations.resolve(node.event.type, reporter)
                out.append(_Part(node, name, streams, 1, 1, False, streams is not None))
            else:
                out.append(self._step_part(node, name))
        return out

    def _step_part(self, node: ast.Step, name: str) -> _Part:
        reporter = self.reporter
        low, high, refused = self._counts(node.quantifier)
        if node.adjacency == "in any combination":
            reporter.not_yet(node.span, "`in any combination`")
        elif node.adjacency is not None and high == 1:
            reporter.warn(
                node.span,
                "in-a-row-without-loop",
                "`in a row` says how a loop goes on; this step takes one event",
                "write e.g. `3 or more` before the name, or leave it out",
            )
        if node.until is not None:
            reporter.not_yet(node.until.span, "`until` in a pattern")
            self.declarations.resolve(node.until.type, reporter)
        match node.source:
            case ast.EventType():
                streams = self.declarations.resolve(node.source, reporter)
                known = streams is not None
            case ast.Group():
                reporter.not_yet(node.source.span, "a group (`( … )`)")
                streams, known = self._inner(node.source.pattern.steps)
                refused = True
            case ast.Choice():
                words = {"one": "one of", "all": "all of", "count": f"{node.source.count} of"}
                hint = None
                if node.source.kind == "one":
                    hint = "write one rule for each alternative, or a variant: stream Either = A | B"
                reporter.not_yet(node.source.span, f"`{words[node.source.kind]}`", hint)
                streams, known = self._inner(node.source.steps)
                refused = True
        return _Part(node, name, streams, low, high, refused, known)

    def _inner(self, steps: Sequence[ast.Step | ast.Absence]) -> tuple[tuple[str, ...], bool]:
        """The streams inside a part that does not run yet, with unknown names reported."""
        out: list[str] = []
        known = True
        whole = ast.Pattern(tuple(steps), (), steps[0].span)
        for part in nested(whole):
            streams = self.declarations.resolve(part.type if isinstance(part, ast.Event) else part, self.reporter)
            known = known and streams is not None
            out.extend(streams or ())
        return tuple(dict.fromkeys(out)), known

    def _counts(self, quantifier: ast.Quantifier | None) -> tuple[int, int | None, bool]:
        reporter = self.reporter
        if quantifier is None:
            return 1, 1, False
        low, high, span = quantifier.low, quantifier.high, quantifier.span
        if high is not None and (high == 0 or high < low):
            hint = f"write {high} to {low}" if 0 < high < low else "write `no X` for absence, or `optional X`"
            reporter.error(
                span,
                "impossible-count",
                f"no event could ever fill {low} to {high}" if low != high else "a step of 0 events is no step",
                hint,
            )
            return 1, 1, False
        if max(low, high or 0) > 2**31 - 1:
            reporter.error(span, "impossible-count", "a loop of more than 2,147,483,647 events cannot be held")
            return 1, 1, False
        if quantifier.fewest:
            reporter.not_yet(span, "`fewest`", f"write `{low}` to take exactly {low}" if low else None)
        return low, high, False

    def _variables(self, parts: Sequence[_Part]) -> dict[str, Variable]:
        out: dict[str, Variable] = {}
        for part in parts:
            if isinstance(part.node, ast.Step) and not part.refused:
                assert isinstance(part.node.source, ast.EventType)
                shape = self.declarations.shape_or_open(part.streams, part.node.source.text)
                out[part.name] = Variable(part.name, shape, part.low, part.high)
        return out

    def _positions(self, pattern: ast.Pattern, parts: Sequence[_Part]) -> None:
        """Mistakes in where absences and links stand, and in what may be left out."""
        reporter = self.reporter
        steps = [p for p in parts if isinstance(p.node, ast.Step)]
        if not steps:
            reporter.error(
                pattern.span,
                "empty-match",
                "this pattern binds no event: an absence needs a step",
                "write `A then no B for 5 min`",
            )
            return
        if all(p.low == 0 and not p.refused for p in steps):
            reporter.error(
                pattern.span,
                "empty-match",
                "every step of this pattern may be left out, so no event at all would match it",
                "let one step be there at least once: leave out its `optional` or `0 or more`",
            )
        for number, part in enumerate(parts):
            node = part.node
            if isinstance(node, ast.Step):
                continue
            self._links_around(pattern, number, node)
            before = [p for p in parts[:number] if isinstance(p.node, ast.Step)]
            after = [p for p in parts[number + 1 :] if isinstance(p.node, ast.Step)]
            if not before:
                if node.duration is None:
                    reporter.error(
                        node.span,
                        "absence-position",
                        "an absence at the start needs to say for how long",
                        "write `no X for 5 min` before the first step",
                    )
                else:
                    reporter.not_yet(node.span, "an absence before the first step")
                    self._duration(node.duration, "for")
            elif not after:
                if node.duration is None:
                    reporter.error(
                        node.span,
                        "absence-position",
                        "an absence at the end needs to say for how long",
                        f"write `no {node.event.type.text} … for 5 min`",
                    )
            elif node.duration is not None:
                reporter.not_yet(
                    node.span,
                    "`no X for …` between steps",
                    "leave out `for …`: the absence then holds up to the next step",
                )
                self._duration(node.duration, "for")
            elif all(p.low == 0 and not p.refused for p in after):
                reporter.error(
                    node.span,
                    "absence-position",
                    "all steps after this absence may be left out, and an absence at the end needs to say for how long",
                    "add `for 5 min`, or let a step after it be there at least once",
                )

    def _links_around(self, pattern: ast.Pattern, number: int, node: ast.Absence) -> None:
        around = []
        if number > 0:
            around.append(pattern.links[number - 1])
        if number < len(pattern.links):
            around.append(pattern.links[number])
        for link in around:
            if link.word == "next":
                side = "before" if link.span.start < node.span.start else "after"
                self.reporter.error(
                    link.span,
                    "absence-link",
                    f"`next` cannot stand {side} an absence: the very next event leaves no room for one",
                    "write `then`",
                )

    def _conditions(
        self,
        keys: Keys,
    ) -> list[Typed | None]:
        """The conditions of all parts, each in its own scope."""
        out: list[Typed | None] = []
        bound: dict[str, Variable] = {}
        later = dict(self.variables)
        for part in self.parts:
            node = part.node
            place: Literal["step", "absence"]
            if isinstance(node, ast.Absence):
                shape = self.declarations.shape_or_open(part.streams, node.event.type.text)
                own, where, place = Variable(part.name, shape), node.event.where, "absence"
            else:
                if part.refused:
                    out.append(None)
                    continue
                own, where, place = self.variables[part.name], node.where, "step"
                later.pop(part.name, None)
            scope = Scope(place, own.shape, own, dict(bound), dict(later), self.absent - {own.name}, self.silent, keys)
            expressions = Expressions(self.declarations, self.reporter, scope)
            out.append(None if where is None else expressions.condition(where))
            if place == "step":
                bound[part.name] = own
        return out

    def _bounds(self, written: Sequence[ast.Bound]) -> tuple[Typed | None, bool]:
        within: Typed | None = None
        unbounded = False
        for bound in written:  # the parser lets each stand once
            match bound.kind:
                case "within":
                    assert bound.duration is not None
                    within = self._duration(bound.duration, "within")
                case "within_events":
                    self.reporter.not_yet(bound.span, "`within … events`", "write a time: within 10 min")
                case "gap":
                    self.reporter.not_yet(bound.span, "`gap`", "write `within`, for the whole pattern")
                case "allow_unbounded":
                    unbounded = True
        return within, unbounded

    def _duration(self, written: ast.DurationLiteral | ast.Name, word: str) -> Typed | None:
        """A duration after ``within`` or ``for``: a literal, or a param of that type; greater than zero."""
        params = self.declarations.params
        if isinstance(written, ast.DurationLiteral):
            value, out = written.value, Const(written.value, DURATION)
        elif written.text not in params:
            self.reporter.error(
                written.span,
                "unknown-name",
                f"no param `{written.text}` is declared",
                did_you_mean(written.text, params, f"write a duration: {word} 10 min"),
            )
            return None
        else:
            param = params[written.text]
            if param is None:
                return None
            if param.type.kind != "duration":
                self.reporter.error(
                    written.span,
                    "wrong-type",
                    f"`{word}` takes a duration; the param `{param.name}` is {param.type}",
                    f"param {param.name}: duration = 10 min",
                )
                return None
            assert isinstance(param.value.value, int)
            value = param.value.value
            reference: Typed = ParamRef(param.name, DURATION)
            if value > 0:
                return reference
        if value <= 0:
            self.reporter.error(
                written.span,
                "bound-not-positive",
                f"`{word}` needs a time greater than zero",
                "two events of one instant: within 1 us" if word == "within" else None,
            )
            return None
        return out

    def _skip(self, matching: ast.Matching) -> Literal["past last", "keep all"]:
        skip = matching.skip
        if matching.consume:
            self.reporter.not_yet(matching.consume[0].span, "`consume`")
        if skip is None:
            return "past last"
        if skip.prefer == "earliest":
            self.reporter.not_yet(skip.span, "`prefer earliest`", "leave it out: the first to complete is the match")
        if skip.to in (None, "past last"):
            return "past last"
        if skip.to == "keep all":
            return "keep all"
        what = {"next": "skip to next", "first": "skip to first", "last": "skip to last"}[skip.to]
        if skip.variable is not None:
            what += f" {skip.variable.text}"
        self.reporter.not_yet(
            skip.span, f"`after match {what}`", "leave it out (skip past last), or write `after match keep all`"
        )
        return "past last"

    def assembled(self) -> CheckedPattern:
        """The checked pattern; asked only when nothing in it is wrong."""
        links = self.matching.pattern.links
        steps: list[CheckedStep] = []
        waiting: list[CheckedAbsence] = []
        for number, (part, where) in enumerate(zip(self.parts, self.conditions, strict=True)):
            node = part.node
            assert part.streams is not None, "a rule with an unknown stream is not assembled"
            if isinstance(node, ast.Absence):
                duration = None if node.duration is None else self._duration(node.duration, "for")
                waiting.append(CheckedAbsence(part.streams, where, duration, node.span))
                continue
            link: Literal["then", "next"] = "next" if number and links[number - 1].word == "next" else "then"
            steps.append(
                CheckedStep(
                    part.name,
                    part.streams,
                    where,
                    part.low,
                    part.high,
                    node.adjacency == "in a row" and part.high != 1,
                    link,
                    tuple(waiting),
                    node.span,
                )
            )
            waiting = []
        return CheckedPattern(tuple(steps), tuple(waiting), self.within, self.skip, self.unbounded)
