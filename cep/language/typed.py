"""The checked form: what the rules mean, with every name resolved, every type known, every cast written out.

The checker makes a `Rulebook` from syntax trees; plan, compiler and runtime read it; nobody changes it.

Expressions. A `Typed` node has a ``type``; ``type.optional`` is the result of null analysis (False: never null).
The event at hand - the one a ``where`` is asked about, the row of a ``from`` query, the element of a fold -
is the variable None. Arithmetic is monomorphic, by these rules (the oracle follows the same):

| operands | add, sub | mul | div (``/``) | idiv (``div``), mod (``%``) | comparison |
|---|---|---|---|---|---|
| int, int | int | int | float | int, toward zero | int |
| float with int or decimal | float (the other cast by to_float) | float | float | error | float |
| decimal(s), decimal(t) or int (t = 0) | decimal(max), rescaled | decimal(s + t) | float | error | exact, any scales |
| time - time | duration | | | | int |
| time +- duration, duration + time | time | | | | |
| duration, duration | duration | error | float | int, duration | int |
| duration, int | error | duration | error | duration, error | |

``/`` gives float: both operands are cast to float first (a decimal as value / 10^scale). A scale above 12 is a
compile error. Overflow of int64, division by zero, and a NaN or infinite result of finite operands give null.
An optional operand gives an optional result; ``div idiv mod`` and every operation that may overflow are optional
by themselves (so ``int + int`` is optional; comparisons are optional only if an operand is).
A literal with a point is a decimal exactly as written when the other operand is decimal (or the declared type is),
else a float; an int literal meets float as a float. ``and or not`` and comparisons are three-valued.

Ops of `Apply`: ``neg add sub mul div idiv mod`` ``eq ne lt le gt ge`` (of one kind: int, float, bool (eq, ne), string,
time, duration; or decimals and ints of any scale) ``and or`` (two or more operands) ``not`` ``is_null is_not_null``
``in`` (value, items…: as a chain of eq) ``in_list`` (value, list: as a chain of eq over its elements) ``any`` (list,
Element, condition: as a chain of or over the elements, null of a null list; ``every`` is not any … not)
``like matches`` (value, pattern: Const or ParamRef) ``to_float`` (of int or decimal)
``rescale`` (int or decimal to a decimal of a larger scale; may overflow). ``between`` is
``and(ge, le)``; negations are ``not``.
Functions: ``abs`` (int, float, decimal, duration) ``round`` (a decimal to a smaller scale; (float, Const digits))
``floor ceil`` (float or decimal to int) ``sqrt log exp pow`` (floats to float) ``in_unit`` (duration, Const duration:
how many of it, float) ``coalesce least greatest`` (two or more of one type; optional only when all are) ``select``
(condition, value, condition, value, …, otherwise: the value of the first condition that is true). All parts of an
expression are computed, taken or not. A null `Const` beside others has their type.
Of strings: ``lower upper trim`` (string) ``length`` (string to int) ``substr`` (string, int, int or not there) ``join``
(two or more strings: ``||``, null where one is) ``concat`` (the same, nulls passed over: never optional) ``split``
(string, Const string: a list). Of times:
``hour_of day_of weekday_of`` (time, and a Const zone or none: int) ``truncate`` (time, Const duration, a Const zone or
none; may overflow). ``distance_km`` (four floats). Calls of declared functions are gone: their bodies stand there.
`Call` is an `Apply` of a function of a Python module; its op is the declared name and ``()``; of a table ``T[].field``.
Depth: ``and or in`` are flat, arithmetic nests to the left, one level a term (ten thousand terms are lawful): walk
``args[0]`` in a loop, or refuse what is too deep.
Tested by: tests/language/test_check.py, tests/language/test_check_functions.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cep.model.diagnostics import Source, Span
from cep.model.table import TableRead
from cep.model.types import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Code = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Const:
    """A constant: int, float, bool, str, None; decimals as the count of 10^-scale, times and durations in ns."""

    value: int | float | bool | str | None
    type: Type


@dataclass(frozen=True, slots=True)
class Attr:
    """Attribute ``name`` (flat, dotted) of the event at hand (``variable`` None) or of a step bound at most once.

    Optional when the attribute is, or when the step may be left out. A record attribute (kind ``record``) occurs
    only under ``is_null``/``is_not_null``.
    """

    variable: str | None
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Key:
    """Part ``index`` of the key; never null."""

    index: int
    type: Type


@dataclass(frozen=True, slots=True)
class ParamRef:
    """The value of a ``param``; never null."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Present:
    """Whether the step ``variable`` has bound an event (``buy is not null``): bool, never null."""

    variable: str
    type: Type


@dataclass(frozen=True, slots=True)
class Element:
    """The element of a list that the ``any`` around it is at; names differ where one stands inside another."""

    name: str
    type: Type


MATCHES = "$matches"
"""What stands in place of a variable in `count()`: all matches that one event decides."""


WINDOW = "$window"
"""What stands in place of a variable in the aggregates of a query: the events of the window."""


DEFAULT_LIMIT = 1000
"""How many matches one event may give where a rule with choices says nothing of it."""


@dataclass(frozen=True, slots=True)
class OfMatch:
    """``match_start()``, ``match_end()``: the times of the first and last bound event; ``names()``: the aliases that
    have bound events, each once, in the order of the first; ``stage()``: which of ``names``, those of the steps, was
    bound last; ``truncated()``: how many matches of its event the limit has left out. In the ``emit`` of a pattern
    alone; never null. ``window_start()``, ``window_end()``: where the window begins and ends, in `CheckedQuery` alone;
    ``op``: of ``output early``, whether it is told or taken back.
    """

    function: Literal["match_start", "match_end", "names", "stage", "truncated", "window_start", "window_end", "op"]
    type: Type
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """An aggregate over the events bound to ``variable`` so far; ``count`` of `MATCHES`, optional as it may overflow.

    ``argument`` is an expression over one of them (the variable None in it); it is None for ``count(v)``, which counts
    events. Nulls are passed over; of nothing: count 0, the others null. ``running``: inside the step's own condition,
    where the event at hand is included as the last. Types: count int; sum as the argument (int, float, decimal,
    duration); avg float (duration for durations: toward zero); min, max int float decimal time duration;
    first, last any: the first/last that is not null. ``list distinct flatten events`` give lists, in bound order, never
    null: ``list`` of all values, nulls too; ``distinct`` of each value once, in order of the first, without nulls;
    ``flatten`` of the elements of lists, passing over lists that are null; ``events`` (no argument) of identities,
    ``"Pay#12"``. In conditions they stand in ``in`` alone. In ``emit`` alone: ``percentile`` (of the argument's type;
    ``given``: the share as numerator and denominator), ``median stddev`` (as avg), ``top`` (a list; ``given``: how
    many), ``count_distinct`` (int). Over `WINDOW` the argument is asked of each event when it comes; there alone
    ``distinct``: it is over each value once, in order of the first.
    """

    function: Literal[
        "count", "sum", "avg", "min", "max", "first", "last", "list", "distinct", "flatten", "events",
        "percentile", "median", "stddev", "top", "count_distinct", "approx_percentile", "approx_distinct",
    ]  # fmt: skip
    variable: str
    argument: Typed | None
    running: bool
    type: Type
    given: tuple[int, ...] = ()
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Prev:
    """``prev(v.f, default)`` in v's own condition: ``argument`` of the event bound to v last, before the one at hand.

    ``default`` (null when None) when v has bound none yet.
    """

    variable: str
    argument: Typed
    default: Typed | None
    type: Type


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation; see the module's table."""

    op: str
    args: tuple[Typed, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class External:
    """A declared function of a Python module; ``reference`` is ``module:name``, ``code`` is None unless it may run.

    Its identity is what is declared, not the code.
    """

    name: str
    reference: str
    parameters: tuple[Type, ...]
    gives: Type
    source: Source = field(compare=False, repr=False)
    span: Span = field(compare=False, repr=False)
    code: Code | None = field(compare=False, repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Call(Apply):
    """A call of a function of a Python module, or a read of a table by its key, for columns alone.

    Null where an argument is whose parameter does not admit null: the function is not asked there.
    """

    function: External | TableRead


Typed = Const | Attr | Key | ParamRef | Present | Element | OfMatch | Fold | Prev | Apply


@dataclass(frozen=True, slots=True)
class CheckedKey:
    """One part of ``keyed by``: its name in ``emit``, its type, and which attribute it is in each input stream."""

    name: str
    type: Type
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CheckedAbsence:
    """``no X``: streams (variants unfolded), condition; ``duration`` (Const or ParamRef): for how long."""

    streams: tuple[str, ...]
    where: Typed | None
    duration: Typed | None
    span: Span


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """A step. ``variable`` is its alias, or ``$n``; ``high`` None is unbounded; optional is (0, 1).

    ``link`` joins it to what was bound before (the first of a sequence has ``then``); ``absences`` stand between what
    is written before it and itself. ``maybe``: it may have bound nothing when the pattern is complete, because of its
    own count or of a group or choice around it. ``many``: its variable stands for several events. ``combined``: its
    iterations are taken ``in any combination``.
    """

    variable: str
    streams: tuple[str, ...]
    where: Typed | None
    low: int
    high: int | None
    in_a_row: bool
    link: Literal["then", "next", "then any"]
    absences: tuple[CheckedAbsence, ...]
    span: Span
    maybe: bool = False
    many: bool = False
    combined: bool = False

    @property
    def is_loop(self) -> bool:
        """Whether the step by itself takes several events."""
        return self.high != 1


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """A node of a pattern's tree: a step, a group or a choice, with its count and what joins it to what is before.

    ``body``: the number of a step in `CheckedPattern.steps`; for a group, its items; for ``one of``, its alternatives;
    for ``all of`` and ``n of``, their members.
    ``fewest``: the shorter loop is preferred. ``until`` closes the loop. ``variable``: the alias of a group or choice.
    ``within``, ``gap`` and ``events``: the bounds of each iteration of a group.
    """

    body: int | tuple[CheckedItem, ...] | CheckedChoice | CheckedSeveral
    low: int
    high: int | None
    in_a_row: bool
    fewest: bool
    link: Literal["then", "next", "then any"]
    absences: tuple[CheckedAbsence, ...]
    until: CheckedAbsence | None
    variable: str | None
    span: Span
    within: Typed | None = None
    gap: Typed | None = None
    events: int | None = None
    combined: bool = False

    @property
    def is_bounded(self) -> bool:
        """Whether a bound stands inside its parentheses."""
        return self.within is not None or self.gap is not None or self.events is not None

    @property
    def is_counted(self) -> bool:
        """Whether its iterations are told apart: it repeats, has an alias, or a bound of its own."""
        named = self.high != 1 or self.variable is not None or self.is_bounded
        return not isinstance(self.body, int) and named

    @property
    def may_be_empty(self) -> bool:
        """Whether it may bind no event."""
        if self.low == 0 or isinstance(self.body, int | CheckedSeveral):
            return self.low == 0
        if isinstance(self.body, CheckedChoice):
            return any(a.may_be_empty for a in self.body.alternatives)
        return all(i.may_be_empty for i in self.body)


@dataclass(frozen=True, slots=True)
class CheckedChoice:
    """``one of``: each alternative an item, in written order."""

    alternatives: tuple[CheckedItem, ...]


@dataclass(frozen=True, slots=True)
class CheckedSeveral:
    """``all of``, ``n of``: ``count`` of its alternatives, each a step that binds one event, in any order."""

    alternatives: tuple[CheckedItem, ...]
    count: int


@dataclass(frozen=True, slots=True)
class CheckedTimeout:
    """``on timeout where …``: ``where`` is asked of the steps bound so far. What it emits is in `CheckedRule.emits`."""

    where: Typed | None
    span: Span


@dataclass(frozen=True, slots=True)
class CheckedPattern:
    """A pattern: ``steps`` are its steps as written, groups and choices opened; ``items`` the tree that they stand in.

    ``final`` are the absences at its end; ``within`` and ``gap`` a Const or ParamRef of type duration, ``events`` the
    bound in events; ``skip_variable`` that of ``skip to first v`` and ``skip to last v``; ``consume`` the variables
    whose events a match uses up; ``counted``: the rule emits once for all matches that an event decides; ``timeout``:
    starts whose bound passes are told of; ``prefer_earliest``: candidates are in order of start and preference,
    whichever completes first; ``at_most``: how many matches an event may give, if that is written.
    """

    steps: tuple[CheckedStep, ...]
    final: tuple[CheckedAbsence, ...]
    within: Typed | None
    skip: Literal["past last", "keep all", "next", "first", "last"]
    unbounded: bool  # ``allow unbounded``
    items: tuple[CheckedItem, ...] = ()
    skip_variable: str | None = None
    gap: Typed | None = None
    events: int | None = None
    consume: tuple[str, ...] = ()
    counted: bool = False
    timeout: CheckedTimeout | None = None
    prefer_earliest: bool = False
    at_most: int | None = None

    @property
    def limit(self) -> int | None:
        """How many matches one event may give, None where nothing multiplies them."""
        if not self.has_choices or self.counted:
            return None
        return DEFAULT_LIMIT if self.at_most is None else self.at_most

    @property
    def sure(self) -> str | None:
        """The variable of the step that binds the first event of every match; None when there are several."""
        item = self.items[0]
        while item.low > 0 and not isinstance(item.body, int):
            if isinstance(item.body, CheckedChoice | CheckedSeveral):
                return None
            item = item.body[0]
        return self.steps[item.body].variable if item.low > 0 and isinstance(item.body, int) else None

    @property
    def is_plain(self) -> bool:
        """Whether it is a sequence of steps, without groups, choices, ``until`` and ``fewest``."""
        return all(isinstance(i.body, int) and not i.fewest and i.until is None for i in self.items)

    @property
    def has_choices(self) -> bool:
        """Whether some event may be passed over although it fits: ``then any``, ``in any combination``."""
        return any(i.link == "then any" or i.combined for i in self.nodes)

    @property
    def nodes(self) -> Iterator[CheckedItem]:
        """All items, those in groups and choices after what they stand in, in written order."""
        waiting = list(reversed(self.items))
        while waiting:
            item = waiting.pop()
            yield item
            if isinstance(item.body, CheckedChoice | CheckedSeveral):
                waiting.extend(reversed(item.body.alternatives))
            elif not isinstance(item.body, int):
                waiting.extend(reversed(item.body))

    @property
    def before_start(self) -> tuple[CheckedAbsence, ...]:
        """The absences with a duration that stand before the first event, or may when steps are left out."""
        return tuple(a for a in _absences_at_start(self.items) if a.duration is not None)

    @property
    def between(self) -> tuple[CheckedAbsence, ...]:
        """The absences between steps, in written order."""
        return tuple(a for item in self.nodes for a in item.absences)

    @property
    def untils(self) -> tuple[CheckedAbsence, ...]:
        """What ends loops, in the order of the loops."""
        return tuple(item.until for item in self.nodes if item.until is not None)


def _absences_at_start(items: tuple[CheckedItem, ...]) -> Iterator[CheckedAbsence]:
    for item in items:
        yield from item.absences
        if isinstance(item.body, CheckedChoice | CheckedSeveral):
            for alternative in item.body.alternatives:
                yield from _absences_at_start((alternative,))
        elif not isinstance(item.body, int):
            yield from _absences_at_start(item.body)
        if not item.may_be_empty:
            return


@dataclass(frozen=True, slots=True)
class CheckedFilter:
    """``from T where …``: ``streams`` with variants unfolded."""

    streams: tuple[str, ...]
    where: Typed | None


@dataclass(frozen=True, slots=True)
class CheckedBoundary:
    """What opens or closes a span: an event of ``streams`` (variants unfolded) for which ``where`` is true."""

    streams: tuple[str, ...]
    where: Typed | None


@dataclass(frozen=True, slots=True)
class CheckedWindow:
    """What follows ``over``; durations in ns.

    | kind | written | |
    |---|---|---|
    | sliding | ``last d`` | ``length`` d |
    | panes | ``every d``, ``last d every e`` | ``length`` d, ``every`` d or e |
    | latest | ``last n events``, ``… within d`` | ``count`` n, ``length`` d |
    | batches | ``every n events`` | ``count`` n |
    | session | ``session gap d``, ``… max e`` | ``length`` d, ``every`` e |
    | calendar | ``every d in "zone"`` | ``length`` d, ``zone`` |
    | newest | ``latest n per k`` | ``count`` n, ``asked`` what is asked of each event |
    | best | ``top n by e`` | ``count`` n, ``asked`` e, ``ascending`` |
    | span | ``span A until B`` | ``boundaries`` A and B |
    | everything | ``everything`` | |
    """

    kind: Literal[
        "sliding", "panes", "latest", "batches", "session", "calendar", "newest", "best", "span", "everything"
    ]
    length: int | None = None
    every: int | None = None
    count: int | None = None
    zone: str | None = None
    asked: tuple[Typed, ...] = ()
    ascending: bool = False
    boundaries: tuple[CheckedBoundary, ...] = ()
    early: bool = False  # ``output early``

    @property
    def is_per_event(self) -> bool:
        """Whether each event has a window of its own, which ends with it."""
        return self.kind in ("sliding", "latest", "newest", "best", "everything")

    @property
    def has_deadline(self) -> bool:
        """Whether time ends it, and not an event."""
        return self.kind in ("panes", "session", "calendar")

    @property
    def is_chosen(self) -> bool:
        """Whether its events do not stand next to each other among those of the key, or are not kept."""
        return self.kind in ("newest", "best", "span", "everything")


@dataclass(frozen=True, slots=True)
class CheckedQuery:
    """``from T where … over W having …``: ``streams`` with variants unfolded.

    ``having`` and what is emitted read aggregates over `WINDOW`, the key, and, where the window `is_per_event`,
    the event that it ends with (the variable None).
    """

    streams: tuple[str, ...]
    where: Typed | None
    window: CheckedWindow
    having: Typed | None


@dataclass(frozen=True, slots=True)
class CheckedEmit:
    """``emit T { … }``: expressions over the match (or over the event at hand, in a filter).

    ``on_timeout``: over the steps bound when a bound passes.
    """

    type: str
    fields: tuple[tuple[str, Typed], ...]
    span: Span
    on_timeout: bool = False


@dataclass(frozen=True, slots=True)
class CheckedOutput:
    """``output first every d per …``: what goes out of all that one ``emit`` gives in a period of ``every`` ns.

    ``per``: fields of the derived events, or parts of the rule's key, each value of which has periods of its own.
    """

    mode: Literal["first", "last", "all", "snapshot"]
    every: int
    per: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """One rule. ``inputs`` are all streams of its E (steps and absences, variants unfolded), in declared order."""

    name: str
    description: str | None
    index: int
    keys: tuple[CheckedKey, ...]
    body: CheckedPattern | CheckedFilter | CheckedQuery
    emits: tuple[CheckedEmit, ...]
    inputs: tuple[str, ...]
    source: Source
    span: Span
    state_bound: str = ""  # in words: what one key can hold, for ``cep check``
    output: CheckedOutput | None = None
