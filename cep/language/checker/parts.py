"""The parts of a pattern: steps, absences, groups and choices, each in its place, and what one sees of another.

A pattern is a tree. A part knows the groups and choices around it, so that a name means what it should where it stands:
the event of this iteration inside a repeated group, several events outside of it, perhaps none after a choice.

Tested by: tests/language/test_check_groups.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cep.language import ast
from cep.language.checker.scope import Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cep.language.checker.declarations import Declarations
    from cep.language.checker.report import Reporter
    from cep.language.checker.shapes import Shape
    from cep.model.diagnostics import Span

Kind = Literal["step", "absence", "group", "choice", "several"]
GROUPS: tuple[Kind, ...] = ("group", "choice", "several")
"""What an alias of counts iterations."""
_MOST = 2**31 - 1


@dataclass(eq=False)
class Part:
    """A step, an absence, a group or a choice; ``inside`` are the groups and choices around it, outermost first.

    ``refused``: it does not run yet, and its names are silent. ``parts`` are those of a group, the alternatives, or the
    members of ``all of`` and ``n of`` (several), of which it takes ``count``.
    """

    node: ast.Step | ast.Absence
    kind: Kind
    name: str
    inside: tuple[Part, ...]
    streams: tuple[str, ...] | None = ()
    low: int = 1
    high: int | None = 1
    fewest: bool = False
    refused: bool = False
    parts: tuple[Part, ...] = ()
    links: tuple[ast.Link, ...] = ()
    until: tuple[str, ...] | None = field(default=None)
    count: int = 0

    @property
    def path(self) -> tuple[Part, ...]:
        """What is around it, and itself."""
        return (*self.inside, self)

    @property
    def repeats(self) -> bool:
        """Whether it may take place more than once."""
        return self.high != 1

    @property
    def may_pass_over(self) -> bool:
        """Whether it may take some of its parts and not others."""
        return self.kind == "choice" or (self.kind == "several" and self.count < len(self.parts))

    @property
    def may_be_empty(self) -> bool:
        """Whether it may bind no event at all."""
        match self.kind:
            case "group":
                return self.low == 0 or all(p.may_be_empty for p in self.parts)
            case "choice":
                return self.low == 0 or any(p.may_be_empty for p in self.parts)
            case "absence":
                return True
            case "step":
                return self.low == 0 and not self.refused
            case "several":
                return self.low == 0


def view(part: Part, place: tuple[Part, ...], is_before: bool, shape: Shape) -> Variable | None:
    """What the name of ``part`` means at a ``place`` (a path; () for the actions); None: nothing, as it comes later.

    ``is_before``: the part is written before that place.
    """
    path = part.path
    common = 0
    while common < min(len(path), len(place)) and path[common] is place[common]:
        common += 1
    left = path[common:]
    shared = place[:common]
    apart = common > 0 and path[common - 1].kind in ("choice", "several") and len(place) > common
    if not is_before or apart:
        # in another alternative, or later: an earlier iteration of a loop around both may have bound it
        if any(p.repeats for p in shared):
            return Variable(part.name, shape, 0, None, part.kind in GROUPS, not part.repeats)
        return None
    chosen = any(path[k - 1].may_pass_over for k in range(max(common, 1), len(path)))
    low = 0 if chosen or any(p.low == 0 for p in left) else 1
    many = any(p.repeats for p in left)
    is_group, is_repeated = part.kind in GROUPS, many and not part.repeats
    return Variable(part.name, shape, low, None if many else 1, is_group, is_repeated)


def all_parts(parts: tuple[Part, ...]) -> Iterator[Part]:
    """Every part below, groups and choices before what is in them, in written order."""
    for part in parts:
        yield part
        yield from all_parts(part.parts)


def first_steps(parts: tuple[Part, ...]) -> Iterator[Part]:
    """The steps of a sequence that may bind its first event."""
    for part in parts:
        if part.kind == "step":
            yield part
        elif part.kind == "group":
            yield from first_steps(part.parts)
        elif part.kind in ("choice", "several"):
            for alternative in part.parts:
                yield from first_steps((alternative,))
        if not part.may_be_empty:
            return


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


class PartReader:
    """Reads the parts of a pattern, each alias with its one owner; refuses what does not run yet."""

    def __init__(self, declarations: Declarations, reporter: Reporter) -> None:
        self.declarations, self.reporter = declarations, reporter
        self.owners: dict[str, Span] = {}
        self.count = 0
        self.told_empty = False  # a group or choice that may bind nothing has been reported

    def read(self, pattern: ast.Pattern, inside: tuple[Part, ...] = ()) -> tuple[Part, ...]:
        """The parts of a sequence."""
        return tuple(self._part(node, inside) for node in pattern.steps)

    def _part(self, node: ast.Step | ast.Absence, inside: tuple[Part, ...]) -> Part:
        self.count += 1
        name = self._name(node.event.alias if isinstance(node, ast.Absence) else node.alias)
        if isinstance(node, ast.Absence):
            return Part(node, "absence", name, inside, self.declarations.resolve(node.event.type, self.reporter))
        part = Part(node, "step", name, inside)
        self._counts(part, node.quantifier)
        self._manner(part, node)
        match node.source:
            case ast.EventType():
                part.streams = self.declarations.resolve(node.source, self.reporter)
            case ast.Group():
                self._group(part, node, node.source)
            case ast.Choice():
                self._choice(part, node, node.source)
        if node.until is not None:
            part.until = self.declarations.resolve(node.until.type, self.reporter)
        return part

    def _name(self, alias: ast.Name | None) -> str:
        if alias is None:
            return f"${self.count}"
        if alias.text not in self.owners:
            self.owners[alias.text] = alias.span
            return alias.text
        self.reporter.error(
            alias.span,
            "duplicate-alias",
            f"two events of this rule are called `{alias.text}`",
            "give one of them another name",
            (("the first is here", self.reporter.source, self.owners[alias.text]),),
        )
        return f"${self.count}"

    def _manner(self, part: Part, node: ast.Step) -> None:
        if node.adjacency is not None and not part.repeats:
            self.reporter.warn(
                node.span,
                "in-a-row-without-loop",
                f"`{node.adjacency}` says how a loop goes on; this step takes one event",
                "write e.g. `3 or more` before the name, or leave it out",
            )
        if node.until is not None and not part.repeats:
            self.reporter.error(
                node.until.span,
                "until-without-loop",
                "`until` ends a loop, and this step takes place once",
                "write e.g. `1 or more` before the name; or `then no X` for an event that must not come",
            )

    def _group(self, part: Part, node: ast.Step, group: ast.Group) -> None:
        part.kind = "group"
        part.links = group.pattern.links
        part.parts = self.read(group.pattern, part.path)
        if part.repeats and all(p.may_be_empty for p in part.parts):
            self._empty(group.span)

    def _choice(self, part: Part, node: ast.Step, choice: ast.Choice) -> None:
        if choice.kind != "one":
            self._several(part, node, choice)
            return
        part.kind = "choice"
        parts = []
        for step in choice.steps:
            if isinstance(step, ast.Absence):
                self.told_empty = True
                self.reporter.error(
                    step.span,
                    "absence-position",
                    "an alternative is something that comes: an absence is none",
                    "write it before or after `one of`, or inside a group: one of (A, (B then no C then D))",
                )
            parts.append(self._part(step, part.path))
        part.parts = tuple(parts)
        if part.repeats and any(p.may_be_empty for p in parts):
            self._empty(choice.span)

    def _several(self, part: Part, node: ast.Step, choice: ast.Choice) -> None:
        part.kind = "several"
        word = "all of" if choice.kind == "all" else f"{choice.count} of"
        there = len(choice.steps)
        part.count = there if choice.count is None else choice.count
        if not 1 <= part.count <= there:
            self.reporter.error(
                choice.span,
                "impossible-count",
                f"`{word}` cannot be taken from {there}" if part.count else "a step of 0 events is no step",
                f"write a number from 1 to {there}, or `all of`",
            )
            part.count = there
        for step in choice.steps:
            if isinstance(step, ast.Absence) or step.quantifier or not isinstance(step.source, ast.EventType):
                self.reporter.error(
                    step.span,
                    "member-not-single",
                    f"`{word}` is of single events, in any order",
                    "let a rule before this one match what is longer, and read the event that it emits",
                )
        part.parts = tuple(self._part(step, part.path) for step in choice.steps)

    def _empty(self, span: Span) -> None:
        self.told_empty = True
        self.reporter.error(
            span,
            "empty-group",
            "everything inside may be left out, so this could repeat for ever without an event",
            "let one step of it be there at least once",
        )

    def _counts(self, part: Part, quantifier: ast.Quantifier | None) -> None:
        if quantifier is None:
            return
        low, high, span = quantifier.low, quantifier.high, quantifier.span
        if high is not None and (high == 0 or high < low):
            hint = f"write {high} to {low}" if 0 < high < low else "write `no X` for absence, or `optional X`"
            self.reporter.error(
                span,
                "impossible-count",
                f"no event could ever fill {low} to {high}" if low != high else "a step of 0 events is no step",
                hint,
            )
        elif max(low, high or 0) > _MOST:
            self.reporter.error(span, "impossible-count", "a loop of more than 2,147,483,647 events cannot be held")
        else:
            part.low, part.high, part.fewest = low, high, quantifier.fewest
            if quantifier.fewest and low == high:
                self.reporter.warn(
                    span,
                    "fewest-of-one-count",
                    f"`fewest` chooses among counts, and {low} is the only one",
                    "leave it out",
                )
