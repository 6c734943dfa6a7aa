"""What every direct matcher is told: a matcher that keeps values, not rows, and knows what each of its columns means.

A direct matcher is shown blocks and gives ``found`` (both: `cep.kernels.blocks`), of which each *field* - the leaf of
an expression of ``emit`` - is a column.

Invariant: nothing here is state; `PatternProgram` stands beside it and says the same for the run table.
Tested by: tests/compiler/test_choice.py
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from cep.compiler.columns import ColumnFunction, compile_columns
from cep.kernels.blocks import BLOCK_KEYS
from cep.language.typed import Apply, Const, Element, ParamRef, Prev, Typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedAbsence, CheckedItem, CheckedPattern, CheckedRule, CheckedStep
    from cep.model.schema import Schema
    from cep.model.types import Type

KINDS = frozenset({"int", "float", "bool", "string", "time", "duration", "decimal"})
"""What a word of 64 bits holds."""

MOST_VALUES = 62


class NotDirectError(Exception):
    """Why a rule is not for a direct matcher, in words; it is never shown to a user as an error."""


@dataclass(frozen=True, eq=False)
class DirectInput:
    """How events of one stream become rows of a block.

    ``predicates``: (bit, conditions that must all hold). ``present``: which of the program's values the stream has.
    """

    stream: str
    predicates: tuple[tuple[int, tuple[ColumnFunction, ...]], ...]
    keys: tuple[str, ...]
    present: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field stands: a column of ``found``, and the bit of FOUND_NULLS that says it is null (None: never)."""

    column: int
    null: int | None


@dataclass(frozen=True, eq=False)
class DirectEmit:
    """One ``emit``: its fields as one function of the columns of ``found``."""

    type: str
    names: tuple[str, ...]
    values: ColumnFunction


@dataclass(frozen=True, eq=False)
class Shape:
    """What the runtime must know, whichever direct matcher it is.

    ``values``: (attribute, type) of the columns of a block behind the key. ``keys`` and ``decider``: the columns of
    ``found`` with the key and with the identity of the event that decided. ``has_nulls``: some value may be null.
    ``many_at_once``: an event may decide several matches, told apart by START_NO.
    """

    inputs: tuple[DirectInput, ...]
    selects_all: bool
    values: tuple[tuple[str, Type], ...]
    places: Mapping[Typed, Place]
    keys: tuple[int, ...]
    decider: int
    emits: tuple[DirectEmit, ...]
    found_width: int
    has_nulls: bool
    many_at_once: bool
    texts: tuple[str, ...] = ()

    @property
    def block_width(self) -> int:
        """Columns of a block."""
        return BLOCK_KEYS + len(self.keys) + len(self.values)

    @property
    def text_values(self) -> tuple[int, ...]:
        """The values that are strings."""
        return tuple(i for i, (_, kind) in enumerate(self.values) if kind.kind == "string")

    @property
    def described(self) -> object:
        """What a state that is kept depends on."""
        fields = [(p.column, p.null) for p in self.places.values()]
        inputs = [(i.stream, i.keys, i.present) for i in self.inputs]
        return inputs, self.values, fields, self.keys, self.decider, self.found_width, self.many_at_once


class Values:
    """The values of a block, in order of first use."""

    def __init__(self) -> None:
        self.known: list[tuple[str, Type]] = []

    def place(self, name: str, kind: Type) -> int:
        """Which value an attribute is."""
        if kind.kind not in KINDS:
            raise NotDirectError(f"{name} is no single value")
        for i, (known, of) in enumerate(self.known):
            if known == name and of.same_kind(kind):
                return i
        if len(self.known) == MOST_VALUES:
            raise NotDirectError(f"more than {MOST_VALUES} values are kept")
        self.known.append((name, kind.as_optional(False)))
        return len(self.known) - 1


_PATTERN = frozenset({"steps", "skip", "unbounded", "items"})
_STEP = frozenset({"variable", "streams", "where", "low", "high", "in_a_row", "link", "span", "maybe", "many"})
_ITEM = frozenset({"body", "low", "high", "in_a_row", "link", "variable", "span"})


_WRITTEN = {
    "absences": "an absence",
    "final": "an absence at the end",
    "skip_variable": "`skip to first` or `skip to last`",
    "combined": "`in any combination`",
    "prefer_earliest": "`prefer earliest`",
    "counted": "a `count()` of matches",
    "events": "`within … events`",
    "at_most": "`at most … matches per event`",
    "timeout": "`on timeout`",
}
"""What the checked form says, as rules have it; the others are words of rules themselves."""


def check_plain(pattern: CheckedPattern, *further: str, inside: frozenset[str] = frozenset()) -> None:
    """NotDirectError unless a pattern is a sequence of steps, each joined to the one before, and says nothing else.

    ``further`` is what the matcher knows besides of a pattern, ``inside`` of an item and a step; what the checked form
    may say one day is refused until then.
    """
    _refuse_unknown(pattern, _PATTERN | set(further))
    for number, item in enumerate(pattern.items):
        _refuse_unknown(item, _ITEM | inside)
        if item.body != number:
            raise NotDirectError("it has a group or a choice")
    for step in pattern.steps:
        _refuse_unknown(step, _STEP | inside)


def _refuse_unknown(node: CheckedPattern | CheckedItem | CheckedStep, known: frozenset[str]) -> None:
    for field in fields(node):
        if field.name not in known and getattr(node, field.name):
            raise NotDirectError(f"it has {_WRITTEN.get(field.name, f'`{field.name}`')}")


def leaves(node: Typed) -> Iterator[Typed]:
    """The attributes, parts of the key, aggregates and neighbours that an expression reads."""
    stack: list[Typed] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, Apply):
            stack.extend(current.args)
        elif not isinstance(current, Const | ParamRef | Element):
            yield current


def is_optional(rule: CheckedRule, sources: Mapping[str, Schema], name: str) -> bool:
    """Whether an attribute may be null in some stream of a rule."""
    return any((a := sources[s].by_name.get(name)) is not None and a.type.optional for s in rule.inputs)


def build_inputs(
    rule: CheckedRule,
    steps: Sequence[CheckedStep | CheckedAbsence],
    alone: Sequence[tuple[ColumnFunction, ...]],
    values: Sequence[tuple[str, Type]],
    sources: Mapping[str, Schema],
) -> tuple[DirectInput, ...]:
    """The inputs of a rule whose step i (or absence) is decided, as far as it is about the event alone, by
    ``alone[i]``.
    """
    out = []
    for stream in rule.inputs:
        schema = sources[stream]
        if schema.ties:
            raise NotDirectError(f"{stream} has `ties by`")
        present = tuple(
            i for i, (n, kind) in enumerate(values) if (a := schema.by_name.get(n)) and a.type.same_kind(kind)
        )
        predicates = tuple((i, alone[i]) for i, step in enumerate(steps) if stream in step.streams)
        out.append(DirectInput(stream, predicates, tuple(k.attributes[stream] for k in rule.keys), present))
    return tuple(out)


def build_emits(rule: CheckedRule, params: Mapping[str, CheckedParam]) -> tuple[DirectEmit, ...]:
    """The emits of a rule as functions of its fields."""
    return tuple(
        DirectEmit(e.type, tuple(n for n, _ in e.fields), compile_columns([x for _, x in e.fields], params))
        for e in rule.emits
    )


def check_params(rule: CheckedRule, pattern: CheckedPattern) -> None:
    """NotDirectError when a condition or an ``emit`` reads a param: events before and after a change would differ."""
    asked: list[CheckedStep | CheckedAbsence] = [*pattern.steps, *pattern.between, *pattern.final]
    todo: list[Typed] = [one.where for one in asked if one.where is not None]
    todo += [shown for e in rule.emits for _, shown in e.fields]
    while todo:
        node = todo.pop()
        if isinstance(node, ParamRef):
            raise NotDirectError("it reads a param, which may change")
        if isinstance(node, Apply):
            todo += node.args
        elif isinstance(node, Prev) and node.default is not None:
            todo.append(node.default)


def check_keys(rule: CheckedRule) -> None:
    """NotDirectError for a key that is more than one word a part."""
    for key in rule.keys:
        if key.type.kind not in KINDS:
            raise NotDirectError(f"the key {key.name} is no single value")
