"""Patterns: steps and absences with their streams, counts, places, conditions and bounds.

A part that does not run yet is refused where it stands; its aliases are silent in the rest of the rule.
Tested by: tests/language/test_check_patterns.py, tests/language/test_check_groups.py,
tests/language/test_check_refusals.py
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from cep.language import ast
from cep.language.beforehand import beyond_walks, of_several_events
from cep.language.checker.expressions import Expressions
from cep.language.checker.parts import GROUPS, Part, PartReader, all_parts, first_steps, view
from cep.language.checker.report import did_you_mean, listed
from cep.language.checker.scope import Scope, Variable
from cep.language.checker.walk import walk
from cep.language.typed import (
    Apply,
    CheckedAbsence,
    CheckedChoice,
    CheckedItem,
    CheckedKey,
    CheckedPattern,
    CheckedSeveral,
    CheckedStep,
    Const,
    ParamRef,
    Typed,
)
from cep.model.types import BOOL, DURATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language.checker.declarations import Declarations
    from cep.language.checker.report import Reporter
    from cep.language.checker.shapes import Shape

MAX_PARTS = 60  # steps, absences and ``until`` of one pattern

Keys = Mapping[str, tuple[int, CheckedKey] | None]
Skip = Literal["past last", "keep all", "next", "first", "last"]


@dataclass
class Bounds:
    """The bounds inside a group's parentheses."""

    within: Typed | None = None
    gap: Typed | None = None
    events: int | None = None


class PatternCheck:
    """A pattern while it is checked: first its streams, then, when the keys are known, the rest."""

    def __init__(self, declarations: Declarations, reporter: Reporter, matching: ast.Matching) -> None:
        self.declarations = declarations
        self.reporter = reporter
        self.matching = matching
        reader = PartReader(declarations, reporter)
        self.parts = reader.read(matching.pattern)
        self.told_empty = reader.told_empty
        self.all = tuple(all_parts(self.parts))
        self.shapes = {p.name: self._shape(p) for p in self.all}
        self._not_too_many()
        read = [s for p in self.all for s in (p.streams, p.until if p.until is not None else ())]
        read += [
            None for p in self.all if isinstance(p.node, ast.Step) and p.node.until is not None and p.until is None
        ]
        self.streams = tuple(dict.fromkeys(s for streams in read for s in streams or ()))
        self.complete = None not in read  # whether every stream is known
        self.silent = frozenset(
            p.name for p in self.all if any(around.refused for around in p.path) and not p.name.startswith("$")
        )
        events = [p.node.event for p in self.all if isinstance(p.node, ast.Absence)]
        events += [p.node.until for p in self.all if isinstance(p.node, ast.Step) and p.node.until is not None]
        self.absent = frozenset(e.alias.text for e in events if e.alias is not None)
        self.within: Typed | None = None
        self.gap: Typed | None = None
        self.events: int | None = None
        self.unbounded = False
        self.at_most: ast.Bound | None = None
        self.skip: Skip = "past last"
        self.skip_variable: str | None = None
        self.prefer_earliest = False
        self.consume: tuple[str, ...] = ()
        self.bounds: dict[Part, Bounds] = {}
        self.conditions: dict[Part, Typed | None] = {}
        self.untils: dict[Part, Typed | None] = {}

    def check(self, keys: Keys) -> None:
        """Check positions, bounds, skip and conditions."""
        self._positions()
        self._bounds(self.matching.bounds, self)
        for part in self.all:
            if isinstance(part.node, ast.Step) and isinstance(part.node.source, ast.Group):
                self._bounds(part.node.source.bounds, self.bounds.setdefault(part, Bounds()))
        self._skip(self.matching)
        self._consume(self.matching.consume)
        self._conditions(keys)

    def emit_scope(self, keys: Keys, *, partial: bool = False) -> Scope:
        """What names mean in the actions; in a ``partial`` match all but its first event may be unbound."""
        bound, _ = self._views((), len(self.all))
        if partial:
            heads = [p.name for p in first_steps(self.parts)]
            bound = {n: v if heads == [n] else replace(v, low=0) for n, v in bound.items()}
        nodes = [(p.name, p.node) for p in self.all if p.kind == "step" and not isinstance(p.node, ast.Absence)]
        stages = tuple(_type_name(node) if name.startswith("$") else name for name, node in nodes)
        return Scope("emit", None, None, bound, {}, self.absent - set(bound), self.silent, keys=keys, stages=stages)

    def _shape(self, part: Part) -> Shape:
        return self.declarations.shape_or_open(part.streams, _type_name(part.node))

    def _not_too_many(self) -> None:
        counted = [p for p in self.all if p.kind in ("step", "absence")]
        total = len(counted) + sum(isinstance(p.node, ast.Step) and p.node.until is not None for p in self.all)
        if total > MAX_PARTS:
            self.reporter.error(
                counted[min(MAX_PARTS, len(counted) - 1)].node.span,
                "pattern-too-long",
                f"a pattern has at most {MAX_PARTS} steps and absences; this one has {total}",
                "emit an event for a part of it, and read that event in a second rule",
            )

    # ---------------------------------------------------------------------------------------------------- names

    def _views(self, place: tuple[Part, ...], number: int) -> tuple[dict[str, Variable], dict[str, Variable]]:
        """The names that mean something at a place, and those bound later; ``number`` parts are written before it."""
        bound: dict[str, Variable] = {}
        later: dict[str, Variable] = {}
        for at, part in enumerate(self.all):
            if part.kind == "absence" or part.name in self.silent or part.refused:
                continue
            if part.kind in GROUPS and part.name.startswith("$"):
                continue
            if place and part is place[-1] and part.kind == "step":
                continue
            shape = self.shapes[part.name]
            seen = view(part, place, at < number, shape)
            if seen is None:
                later[part.name] = Variable(part.name, shape, is_group=part.kind in GROUPS)
            else:
                bound[part.name] = seen
        return bound, later

    def _first_events(self, number: int) -> dict[str, Variable]:
        """What an absence at the start may read: the steps that may bind the first event, as after it."""
        if any(p.kind != "absence" for p in self.all[:number]):
            return {}
        heads = [p for p in first_steps(self.parts) if not p.refused]
        seen = {p.name: view(p, (), True, self.shapes[p.name]) for p in heads}
        sole = len(heads) == 1
        return {name: v for name, v in seen.items() if v is not None and (sole or v.low == 0) and name[0] != "$"}

    def _conditions(self, keys: Keys) -> None:
        """The conditions of all parts, each in its own scope."""
        for number, part in enumerate(self.all):
            node = part.node
            if any(around.refused for around in part.path):
                continue
            if isinstance(node, ast.Absence):
                own = Variable(part.name, self.shapes[part.name])
                self.conditions[part] = self._condition("absence", part.inside, number, own, node.event.where, keys)
            elif part.kind == "step":
                loops = any(p.repeats for p in part.path)
                own = Variable(part.name, self.shapes[part.name], part.low, None if loops else part.high)
                wheres = [p.node.where for p in reversed(part.path) if isinstance(p.node, ast.Step)]
                asked = [self._condition("step", part.path, number, own, where, keys) for where in wheres]
                self.conditions[part] = _all_of([a for a in asked if a is not None])
            if isinstance(node, ast.Step) and node.until is not None:
                last = max(n for n, p in enumerate(self.all) if part in p.path)
                alias = node.until.alias
                name = alias.text if alias is not None else f"$until {number}"
                own = Variable(name, self.declarations.shape_or_open(part.until, node.until.type.text))
                # asked after any number of iterations, and in the midst of one
                self.untils[part] = self._condition("absence", part.inside, last + 1, own, node.until.where, keys)

    def _condition(
        self,
        place: Literal["step", "absence"],
        path: tuple[Part, ...],
        number: int,
        own: Variable,
        where: ast.Expr | None,
        keys: Keys,
    ) -> Typed | None:
        if where is None:
            return None
        bound, later = self._views(path, number)
        if place == "absence" and not path:
            for name, first in self._first_events(number).items():
                del later[name]
                bound[name] = first
        others = frozenset(p.name for p in self.all[:number] if p.name in later)
        scope = Scope(place, own.shape, own, bound, later, self.absent - {own.name}, self.silent, others, keys)
        found = Expressions(self.declarations, self.reporter, scope).condition(where)
        if found is not None:
            self._refuse_of_several(found, where)
        return found

    def _refuse_of_several(self, condition: Typed, where: ast.Expr) -> None:
        """What columns alone compute is computed for one event at a time."""
        for node in of_several_events(condition):
            word = "||" if node.op == "join" else node.op.removesuffix("()")
            spans = [
                n.span
                for n in walk(where)
                if (isinstance(n, ast.Call) and n.name.text == word)
                or (isinstance(n, ast.Chain) and word in n.ops)
                or (isinstance(n, ast.TextMatch) and word == n.op)
            ]
            self.reporter.not_yet(
                spans[0] if spans else where.span,
                f"`{word}` of values of several events in a condition",
                "ask it of one event at a time; in `emit` it may be of several",
            )

        for node in beyond_walks(condition):
            word = "||" if node.op == "join" else node.op
            what = "a list of lists" if node.op == "any" else f"`{word}` of an element"
            self.reporter.not_yet(
                where.span,
                f"{what} in a condition that compares it with other events",
                "ask it of the event's own list alone, or let a rule before this one compute it",
            )

    # ------------------------------------------------------------------------------------------------- positions

    def _positions(self) -> None:
        """Mistakes in where absences and links stand, and in what may be left out."""
        reporter = self.reporter
        pattern = self.matching.pattern
        steps = [p for p in self.parts if p.kind != "absence"]
        if not steps:
            reporter.error(
                pattern.span,
                "empty-match",
                "this pattern binds no event: an absence needs a step",
                "write `A then no B for 5 min`",
            )
            return
        for number, part in enumerate(self.parts):
            if isinstance(part.node, ast.Absence):
                self._links_around(pattern.links, number, part.node)
                self._absence(part.node, number)
        told = [self._inside_group(part) for part in self.all if part.kind == "group"]
        if all(p.may_be_empty for p in steps) and not any(told) and not self.told_empty:
            reporter.error(
                pattern.span,
                "empty-match",
                "every step of this pattern may be left out, so no event at all would match it",
                "let one step be there at least once: leave out its `optional` or `0 or more`",
            )
        self._last(steps[-1])

    def _absence(self, node: ast.Absence, number: int) -> None:
        before = [p for p in self.parts[:number] if p.kind != "absence"]
        after = [p for p in self.parts[number + 1 :] if p.kind != "absence"]
        if node.duration is not None:
            self._duration(node.duration, "for")
        elif not before:
            self.reporter.error(
                node.span,
                "absence-position",
                "an absence at the start needs to say for how long",
                "write `no X for 5 min` before the first step",
            )
        elif not after:
            self.reporter.error(
                node.span,
                "absence-position",
                "an absence at the end needs to say for how long",
                f"write `no {node.event.type.text} … for 5 min`",
            )
        if before and after and all(p.may_be_empty for p in after):
            self.reporter.error(
                node.span,
                "absence-position",
                "all steps after this absence may be left out, so nothing says until when it holds",
                "let a step after it be there at least once, or write it at the end, with `for 5 min`",
            )

    def _inside_group(self, group: Part) -> bool:
        """Whether an absence in a group has been reported."""
        told = False
        for number, part in enumerate(group.parts):
            if not isinstance(part.node, ast.Absence):
                continue
            self._links_around(group.links, number, part.node)
            before = [p for p in group.parts[:number] if p.kind != "absence"]
            after = [p for p in group.parts[number + 1 :] if p.kind != "absence"]
            if not before or all(p.may_be_empty for p in after):
                self.reporter.error(
                    part.node.span,
                    "absence-position",
                    "an absence in a group stands between two steps of it, the later one there in every iteration",
                    "write it outside of the group, or add a step",
                )
                told = True
            elif part.node.duration is not None:
                self._duration(part.node.duration, "for")
        return told

    def _links_around(self, links: Sequence[ast.Link], number: int, node: ast.Absence) -> None:
        around = []
        if number > 0:
            around.append(links[number - 1])
        if number < len(links):
            around.append(links[number])
        for link in around:
            side = "before" if link.span.start < node.span.start else "after"
            if link.word == "then any" and side == "before":
                self.reporter.error(
                    link.span,
                    "absence-link",
                    "`then any` cannot stand before an absence: an absence is no event to choose",
                    "write `then no X then any Y`",
                )
            if link.word == "next":
                self.reporter.error(
                    link.span,
                    "absence-link",
                    f"`next` cannot stand {side} an absence: the very next event leaves no room for one",
                    "write `then`",
                )

    def _last(self, part: Part) -> None:
        """A loop at the end that prefers the fewest takes what it must; one that may take none takes none."""
        if part.fewest and part.low == 0:
            self.reporter.error(
                part.node.span,
                "never-bound",
                "at the end `fewest` takes as little as it may, and this loop may take nothing",
                "leave the step out, or write `fewest 1 or more`",
            )

    # ---------------------------------------------------------------------------------------------------- bounds

    def _bounds(self, written: Sequence[ast.Bound], of: PatternCheck | Bounds) -> None:
        for bound in written:  # the parser lets each stand once
            match bound.kind:
                case "within":
                    assert bound.duration is not None
                    of.within = self._duration(bound.duration, "within")
                case "within_events":
                    assert bound.events is not None
                    if 1 <= bound.events < 2**31:
                        of.events = bound.events
                    else:
                        self.reporter.error(
                            bound.span,
                            "bound-not-positive",
                            "`within` needs a number of events from 1 to 2,147,483,647",
                        )
                case "gap":
                    assert bound.duration is not None
                    of.gap = self._duration(bound.duration, "gap")
                case "at_most":
                    self._limit(bound, of is self)
                case "allow_unbounded":
                    if of is self:
                        self.unbounded = True
                    else:
                        self.reporter.error(
                            bound.span,
                            "bound-in-group",
                            "`allow unbounded` is for a whole rule, and stands behind its pattern",
                            "write it after the last parenthesis",
                        )

    def _limit(self, bound: ast.Bound, of_rule: bool) -> None:
        if not of_rule:
            message = "`at most … matches per event` is for a whole rule, and stands behind its pattern"
            self.reporter.error(bound.span, "bound-in-group", message, "write it after the last parenthesis")
        elif bound.events is None or not 1 <= bound.events < 2**31:
            message = "`at most` needs a number of matches from 1 to 2,147,483,647"
            self.reporter.error(bound.span, "bound-not-positive", message)
        else:
            self.at_most = bound

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

    def _skip(self, matching: ast.Matching) -> None:
        skip = matching.skip
        if skip is None:
            return
        self.prefer_earliest = skip.prefer == "earliest"
        self.skip = skip.to or "past last"
        if skip.variable is not None:
            owner = self._bound_step(skip.variable, f"skip to {skip.to}")
            self.skip_variable = owner.name if owner is not None else None

    def _bound_step(self, name: ast.Name, word: str) -> Part | None:
        """The step or group that a name after a word stands for."""
        if name.text in self.silent:
            return None
        found = next((p for p in self.all if p.name == name.text and p.kind in ("step", *GROUPS)), None)
        if found is None:
            known = [p.name for p in self.all if p.kind in ("step", *GROUPS) and not p.name.startswith("$")]
            self.reporter.error(
                name.span,
                "unknown-name",
                f"`{word}` needs the alias of a step, and no step is called `{name.text}`",
                did_you_mean(name.text, known, f"there are {listed(known)}" if known else "name the step: … as v"),
            )
        elif found.kind in GROUPS and word != "consume":
            self.reporter.error(
                name.span,
                "event-as-value",
                f"`{name.text}` is a group: `{word}` needs one of its steps",
                "name the step inside the group",
            )
            return None
        return found

    def _consume(self, names: Sequence[ast.Name]) -> None:
        found = [self._bound_step(name, "consume") for name in names]
        steps = [p for part in found if part is not None for p in self.all if part in p.path and p.kind == "step"]
        self.consume = tuple(dict.fromkeys(p.name for p in steps))
        if names and self.skip == "past last":
            self.reporter.warn(
                names[0].span,
                "consume-without-overlap",
                "the next match begins after the last event of this one in any case, so nothing could be used twice",
                "write `after match skip to next` or `after match keep all` before it, or leave it out",
            )

    # ------------------------------------------------------------------------------------------------- assembling

    def assembled(self) -> CheckedPattern:
        """The checked pattern; asked only when nothing in it is wrong."""
        steps: list[CheckedStep] = []
        items, final = self._items(self.parts, self.matching.pattern.links, steps)
        return CheckedPattern(
            tuple(steps),
            final,
            self.within,
            self.skip,
            self.unbounded,
            items,
            self.skip_variable,
            self.gap,
            self.events,
            self.consume,
            prefer_earliest=self.prefer_earliest,
            at_most=None if self.at_most is None else self.at_most.events,
        )

    def _items(
        self, parts: Sequence[Part], links: Sequence[ast.Link], steps: list[CheckedStep]
    ) -> tuple[tuple[CheckedItem, ...], tuple[CheckedAbsence, ...]]:
        """The items of a sequence, and the absences at its end; its steps go to ``steps`` in written order."""
        items: list[CheckedItem] = []
        waiting: list[CheckedAbsence] = []
        for number, part in enumerate(parts):
            node = part.node
            if isinstance(node, ast.Absence):
                assert part.streams is not None, "a rule with an unknown stream is not assembled"
                duration = None if node.duration is None else self._duration(node.duration, "for")
                waiting.append(CheckedAbsence(part.streams, self.conditions[part], duration, node.span))
                continue
            link = links[number - 1].word if number else "then"
            items.append(self._item(part, node, link, tuple(waiting), steps))
            waiting = []
        return tuple(items), tuple(waiting)

    def _item(
        self,
        part: Part,
        node: ast.Step,
        link: Literal["then", "next", "then any"],
        absences: tuple[CheckedAbsence, ...],
        steps: list[CheckedStep],
    ) -> CheckedItem:
        in_a_row = node.adjacency == "in a row" and part.repeats
        combined = node.adjacency == "in any combination" and part.repeats
        body: int | tuple[CheckedItem, ...] | CheckedChoice | CheckedSeveral
        if part.kind == "group":
            body, _ = self._items(part.parts, part.links, steps)
        elif part.kind in ("choice", "several"):
            alternatives = []
            for each in part.parts:
                assert isinstance(each.node, ast.Step), "an absence is no alternative"
                alternatives.append(self._item(each, each.node, "then", (), steps))
            several = part.kind == "several"
            body = CheckedSeveral(tuple(alternatives), part.count) if several else CheckedChoice(tuple(alternatives))
        else:
            assert part.streams is not None, "a rule with an unknown stream is not assembled"
            outside = view(part, (), True, self.shapes[part.name])
            assert outside is not None
            body = len(steps)
            steps.append(
                CheckedStep(
                    part.name,
                    part.streams,
                    self.conditions[part],
                    part.low,
                    part.high,
                    in_a_row,
                    link,
                    absences,
                    node.span,
                    outside.low == 0,
                    outside.is_loop,
                    combined,
                )
            )
        until = None
        if node.until is not None:
            assert part.until is not None
            until = CheckedAbsence(part.until, self.untils[part], None, node.until.span)
        alias = part.name if part.kind in GROUPS and not part.name.startswith("$") else None
        fewest = part.fewest and part.low != part.high
        own = self.bounds.get(part, Bounds())
        return CheckedItem(
            body,
            part.low,
            part.high,
            in_a_row,
            fewest,
            link,
            absences,
            until,
            alias,
            node.span,
            own.within,
            own.gap,
            own.events,
            combined,
        )


def _all_of(conditions: Sequence[Typed]) -> Typed | None:
    """The conditions as one chain of ``and``."""
    parts = [p for c in conditions for p in (c.args if isinstance(c, Apply) and c.op == "and" else (c,))]
    if len(parts) < 2 or len(conditions) == 1:
        return conditions[0] if conditions else None
    return Apply("and", tuple(parts), BOOL.as_optional(any(p.type.optional for p in parts)))


def _type_name(node: ast.Step | ast.Absence) -> str:
    if isinstance(node, ast.Absence):
        return node.event.type.text
    return node.source.text if isinstance(node.source, ast.EventType) else "the group"
