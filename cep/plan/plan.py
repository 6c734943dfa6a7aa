"""The operator graph of a rulebook: operators, levels, parts, and the total order of streams.

- An operator runs one rule. Its level is 0 when it reads only what comes from outside (declared streams, ``Late.X``,
  ``Rejected.X``), else one more than the highest level that emits what it reads. At one instant lower levels come
  first, so that a cause stands before its effect.
- A part is a set of operators that share no stream and no derived type with the others: parts wait for one another
  never.
- The order of streams at one time: a *class* for all streams with the same ``ties by`` attributes, at the place of its
  first declared member (a stream without ties is a class of its own), then the declared order; after the declared
  streams ``Late.X`` and ``Rejected.X``, then derived streams in order of the first rule that emits each.

Cost: O(rules x streams they read).
Tested by: tests/plan/test_plan.py
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cep.language.typed import CheckedFilter, CheckedPattern, CheckedQuery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.rulebook import Rulebook
    from cep.language.typed import CheckedRule


@dataclass(frozen=True, slots=True)
class StreamPlace:
    """Where a stream stands in the total order: its class, its rank, and whether attributes break ties."""

    kind: int
    rank: int
    has_ties: bool


@dataclass(frozen=True, slots=True)
class Operator:
    """One rule as a node of the graph: what it reads, what it emits, its level."""

    rule: CheckedRule
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    level: int


@dataclass(frozen=True)
class Plan:
    """The graph; immutable."""

    rulebook: Rulebook
    operators: tuple[Operator, ...]
    places: Mapping[str, StreamPlace]

    @cached_property
    def parts(self) -> tuple[tuple[Operator, ...], ...]:
        """Operators that depend on each other through streams, in order of their first rule."""
        leader: dict[str, str] = {}  # of each stream another of its part; the last of them stands for the part

        def part_of(name: str) -> str:
            while (other := leader.setdefault(name, name)) != name:
                leader[name] = leader[other]
                name = other
            return name

        for operator in self.operators:
            own = part_of(_first_stream(operator))
            for name in (*operator.inputs, *operator.outputs):
                leader[part_of(base_stream(name))] = own
        parts: dict[str, list[Operator]] = {}
        for operator in self.operators:
            parts.setdefault(part_of(_first_stream(operator)), []).append(operator)
        return tuple(tuple(members) for members in parts.values())

    def __str__(self) -> str:
        lines = []
        for operator in self.operators:
            body = operator.rule.body
            what = kind_of(operator.rule)
            if isinstance(body, CheckedPattern):
                what += f" of {_steps(body)}"
            key = f" keyed by {', '.join(k.name for k in operator.rule.keys)}" if operator.rule.keys else ""
            reads, emits = ", ".join(operator.inputs), ", ".join(operator.outputs)
            lines.append(f"{operator.rule.name}: {reads} -> {what}{key} -> {emits} (level {operator.level})")
        return "\n".join(lines)


def kind_of(rule: CheckedRule) -> str:
    """What kind of operator runs a rule, in a word."""
    match rule.body:
        case CheckedFilter():
            return "filter"
        case CheckedQuery():
            return "window"
        case CheckedPattern():
            return "pattern"


def _steps(pattern: CheckedPattern) -> str:
    return f"{len(pattern.steps)} step{'s' * (len(pattern.steps) != 1)}"


def _first_stream(operator: Operator) -> str:
    return base_stream(operator.inputs[0])


def base_stream(name: str) -> str:
    """The declared stream behind ``Late.X`` and ``Rejected.X``; any other name is itself."""
    return name.partition(".")[2] or name


def build_plan(rulebook: Rulebook) -> Plan:
    """The graph of a checked rulebook (whose derived streams have no cycle)."""
    emitters: dict[str, list[CheckedRule]] = {}
    for rule in rulebook.rules:
        for emit in rule.emits:
            emitters.setdefault(emit.type, []).append(rule)
    levels: dict[int, int] = {}
    todo = list(rulebook.rules)
    while todo:  # rules whose sources are known, until all are
        waiting = []
        for rule in todo:
            before = [r for name in rule.inputs for r in emitters.get(name, ())]
            if all(r.index in levels for r in before):
                levels[rule.index] = max((levels[r.index] + 1 for r in before), default=0)
            else:
                waiting.append(rule)
        assert len(waiting) < len(todo), "the checker refuses cycles"
        todo = waiting
    operators = tuple(
        Operator(r, r.inputs, tuple(dict.fromkeys(e.type for e in r.emits)), levels[r.index]) for r in rulebook.rules
    )
    return Plan(rulebook, operators, _places(rulebook))


def _places(rulebook: Rulebook) -> dict[str, StreamPlace]:
    places: dict[str, StreamPlace] = {}
    classes: dict[tuple[str, ...], int] = {}
    for rank, (name, schema) in enumerate(rulebook.streams.items()):
        kind = classes.setdefault(schema.ties, rank) if schema.ties else rank
        places[name] = StreamPlace(kind, rank, bool(schema.ties))
    after = len(places)
    for prefix in ("Late", "Rejected"):
        for name in rulebook.streams:
            places[f"{prefix}.{name}"] = StreamPlace(after, after, False)
            after += 1
    for name in rulebook.derived:
        places[name] = StreamPlace(after, after, False)
        after += 1
    return places
