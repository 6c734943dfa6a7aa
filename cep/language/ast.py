"""The syntax tree of a rule file: what was written, nothing inferred.

Every node is frozen and carries its `Span`. The whole language is here, also what later versions run.
Chains are n-ary, so that ten thousand terms neither nest nor recurse.
Tested by: tests/language/test_parser.py, tests/language/test_format.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cep.model.diagnostics import Source, Span


@dataclass(frozen=True, slots=True)
class Name:
    """A word of the author's, with its place."""

    text: str
    span: Span


# ---------------------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class IntLiteral:
    """``40``."""

    value: int
    span: Span


@dataclass(frozen=True, slots=True)
class PointLiteral:
    """``5.00``: exact as written; a decimal where it meets one, else a float."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """``"out"``, unescaped."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class DurationLiteral:
    """``1 h 30 min``: nanoseconds, and the text as written."""

    value: int
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class BoolLiteral:
    """``true`` or ``false``."""

    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class NullLiteral:
    """``null``."""

    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    """``[expr]`` inside a path."""

    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Path:
    """``amount``, ``a.price``, ``a.where_at.lat``, ``items[0].name``: a name, then names and indexes."""

    parts: tuple[Name | Index, ...]
    span: Span

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names, or None when an index is among the parts."""
        return tuple(p.text for p in self.parts if isinstance(p, Name)) if self.is_plain else None

    @property
    def is_plain(self) -> bool:
        """Whether there is no index in it."""
        return all(isinstance(p, Name) for p in self.parts)


@dataclass(frozen=True, slots=True)
class Argument:
    """``[distinct] expr [where expr]`` or ``where expr``; ``value`` is None in the last."""

    value: Expr | None
    distinct: bool
    where: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``avg(rise.celsius)``."""

    name: Name
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """``- x`` or ``not x``."""

    op: Literal["-", "not"]
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Chain:
    """``a + b - c`` or ``a * b / c``: left to right; ``len(ops) == len(operands) - 1``.

    ops: ``+ - ||`` in one chain, ``* / % div`` in one chain.
    """

    operands: tuple[Expr, ...]
    ops: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Logic:
    """``a and b and c`` or ``a or b or c``."""

    op: Literal["and", "or"]
    operands: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """``a <= b``."""

    op: Literal["=", "!=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Between:
    """``x between a and b``: both ends in."""

    value: Expr
    low: Expr
    high: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class In:
    """``x in (a, b)`` or ``x not in (a, b)``."""

    value: Expr
    items: tuple[Expr, ...]
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class TextMatch:
    """``x like "a%"`` or ``x matches "[a-z]+"``, also with ``not``."""

    op: Literal["like", "matches"]
    value: Expr
    pattern: Expr
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class IsNull:
    """``x is null`` or ``x is not null``."""

    value: Expr
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Case:
    """``case when c then v … [else v] end``."""

    branches: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Quantified:
    """``any x in items satisfies (…)`` or ``every x in …``; ``items`` is a `Path` or a `Call`."""

    op: Literal["any", "every"]
    variable: Name
    items: Expr
    condition: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Lookup:
    """``Allowed[ip].owner``."""

    table: Name
    keys: tuple[Expr, ...]
    field: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Latest:
    """``Temp.celsius``: the latest value for the key."""

    stream: Name
    field: Name
    span: Span


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """``[1, 2]``."""

    items: tuple[Expr, ...]
    span: Span


Expr = (
    IntLiteral
    | PointLiteral
    | StringLiteral
    | DurationLiteral
    | BoolLiteral
    | NullLiteral
    | Path
    | Call
    | Unary
    | Chain
    | Logic
    | Compare
    | Between
    | In
    | TextMatch
    | IsNull
    | Case
    | Quantified
    | Lookup
    | Latest
    | ListLiteral
)

# -------------------------------------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type as written: ``int``, ``time(ms)``, ``decimal(2)?``, ``Place?``, ``list<string>``.

    ``argument`` is the text in parentheses (a name, a number, or an unquoted string).
    """

    name: str
    argument: str | None
    optional: bool
    items: tuple[TypeName, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    """``amount: decimal from "Amount (EUR)"``."""

    name: Name
    type: TypeName
    column: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class EventType:
    """``Pay``, or ``Late.Pay`` (``parent`` is ``Late``)."""

    parent: Name | None
    name: Name
    span: Span

    @property
    def text(self) -> str:
        """The full name."""
        return f"{self.parent.text}.{self.name.text}" if self.parent else self.name.text


@dataclass(frozen=True, slots=True)
class Module:
    """``module shop.risk``."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Use:
    """``use "common.cep"``."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Param:
    """``param jump: decimal = 40``."""

    name: Name
    type: TypeName
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Record:
    """``record Place { … }``."""

    name: Name
    fields: tuple[Field, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Stream:
    """``stream Pay extends Base ordered by at late 30s idle 1 min ties by seq { … }``; None where not written."""

    name: Name
    extends: Name | None
    ordered: Name | None
    late: DurationLiteral | None
    idle: DurationLiteral | None
    ties: tuple[Name, ...] | None
    fields: tuple[Field, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Variant:
    """``stream Movement = Pay | Wire``."""

    name: Name
    members: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """``table Customer keyed by card from "customers.csv" { … }``."""

    name: Name
    keys: tuple[Name, ...]
    path: str | None
    fields: tuple[Field, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Timer:
    """``timer Noon every 1 d at "12:00"``."""

    name: Name
    every: DurationLiteral
    at: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Function:
    """``function f(a: int) = expr`` or ``function f(a: int) -> float from "m:f"``."""

    name: Name
    parameters: tuple[Field, ...]
    body: Expr | None
    returns: TypeName | None
    origin: str | None
    span: Span


# -------------------------------------------------------------------------------------------------- patterns


@dataclass(frozen=True, slots=True)
class Event:
    """``Fill as hit where side = "buy"``: inside ``no …``, ``until …``, ``span …``."""

    type: EventType
    alias: Name | None
    where: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Quantifier:
    """``3``, ``3 or more`` (high None), ``3 to 5``, ``optional`` (0, 1); ``fewest`` before it."""

    low: int
    high: int | None
    fewest: bool
    word: Literal["exactly", "at_least", "between", "optional"]
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """``(pattern bounds)``."""

    pattern: Pattern
    bounds: tuple[Bound, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Choice:
    """``one of (…)`` (count None), ``all of (…)``, ``2 of (…)``."""

    kind: Literal["one", "all", "count"]
    count: int | None
    steps: tuple[Step | Absence, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Step:
    """``[quantifier] source [adjacency] [as alias] [where …] [until event]``."""

    quantifier: Quantifier | None
    source: EventType | Group | Choice
    adjacency: Literal["in a row", "in any combination"] | None
    alias: Name | None
    where: Expr | None
    until: Event | None
    span: Span


@dataclass(frozen=True, slots=True)
class Absence:
    """``no Fill where … [for 5 min]``; ``duration`` is a literal or the name of a duration parameter."""

    event: Event
    duration: DurationLiteral | Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Link:
    """``then``, ``then any``, ``next``."""

    word: Literal["then", "then any", "next"]
    span: Span


@dataclass(frozen=True, slots=True)
class Pattern:
    """``step (link step)*``: ``len(links) == len(steps) - 1``."""

    steps: tuple[Step | Absence, ...]
    links: tuple[Link, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Bound:
    """``within 10 min``, ``within 20 events`` (``events``), ``gap 5 s``, ``allow unbounded``, ``at most 50
    matches per event`` (``events``).
    """

    kind: Literal["within", "within_events", "gap", "allow_unbounded", "at_most"]
    duration: DurationLiteral | Name | None
    events: int | None
    span: Span


@dataclass(frozen=True, slots=True)
class Skip:
    """``after match …``; ``prefer`` is None where not written; ``to`` is None for ``prefer`` alone."""

    to: Literal["past last", "next", "first", "last", "keep all"] | None
    variable: Name | None
    prefer: Literal["soonest", "earliest"] | None
    span: Span


# --------------------------------------------------------------------------------------------------- queries


@dataclass(frozen=True, slots=True)
class Join:
    """``left join T as r on … within 5 s``; ``interval`` is (low, high) in nanoseconds."""

    side: Literal["inner", "left", "right", "full"]
    type: EventType
    alias: Name
    on: Expr
    interval: tuple[int, int] | None
    interval_text: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Window:
    """What follows ``over``; only the fields of its kind are set."""

    kind: Literal[
        "sliding",
        "sliding_count",
        "tumbling",
        "tumbling_count",
        "session",
        "latest_per",
        "ranked",
        "span",
        "unbounded",
    ]
    span: Span
    duration: DurationLiteral | None = None
    every: DurationLiteral | None = None
    count: int | None = None
    zone: str | None = None
    per: tuple[Path, ...] = ()
    by: Expr | None = None
    order: Literal["asc", "desc"] | None = None
    opens: Event | None = None
    closes: Event | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """``from T as a unnest p as b where … join … over … having …``."""

    type: EventType
    alias: Name | None
    unnest: tuple[Path, Name] | None
    where: Expr | None
    joins: tuple[Join, ...]
    window: Window | None
    having: Expr | None
    span: Span


# ----------------------------------------------------------------------------------------------------- rules


@dataclass(frozen=True, slots=True)
class Assign:
    """``spent = sum(amount)``, or ``card`` alone (``name`` None: the last name of the path)."""

    name: Name | None
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Emit:
    """``emit Alert { … }`` or ``upsert Parcel { … }``."""

    word: Literal["emit", "upsert"]
    type: Name
    body: tuple[Assign, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Delete:
    """``delete Parcel where …``."""

    type: Name
    where: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Timeout:
    """``on timeout where … action+``."""

    where: Expr | None
    actions: tuple[Emit | Delete, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Output:
    """``output final``, ``output early``, ``output first every 1 h per card``."""

    mode: Literal["final", "early", "first", "last", "all", "snapshot"]
    every: DurationLiteral | None
    events: int | None
    per: tuple[Path, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class KeyItem:
    """``user or Wire.payer``: a path, and what other streams call it (stream, field)."""

    path: Path
    others: tuple[tuple[Name, Name], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Matching:
    """``when pattern bound* skip? consume?``."""

    pattern: Pattern
    bounds: tuple[Bound, ...]
    skip: Skip | None
    consume: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Rule:
    """``rule Name "…" tags { … } keyed by … (when … | from …) actions on timeout output``."""

    name: Name
    description: str | None
    tags: tuple[Assign, ...]
    keys: tuple[KeyItem, ...]
    body: Matching | Query
    actions: tuple[Emit | Delete, ...]
    timeout: Timeout | None
    output: Output | None
    span: Span


# ------------------------------------------------------------------------------------------------ assertions


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """``within d`` and ``for d`` (low None), ``between a and b``."""

    word: Literal["within", "for", "between"]
    low: DurationLiteral | Name | None
    high: DurationLiteral | Name
    span: Span


@dataclass(frozen=True, slots=True)
class Happens:
    """An event atom: ``Answered``, ``Opened as o``, ``(Opened as o where …)``."""

    event: Event
    span: Span


@dataclass(frozen=True, slots=True)
class Holds:
    """``holds (expr)``."""

    condition: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Temporal:
    """An operator over formulas.

    op is one of ``not and or implies iff always never eventually once historically previous next until since
    unless causes requires forbids``.
    """

    op: str
    operands: tuple[Formula, ...]
    time: TimeSpan | None
    span: Span


Formula = Happens | Holds | Temporal


@dataclass(frozen=True, slots=True)
class Scope:
    """``after P until Q:``, ``after P:``, ``until Q:``, ``between P and Q:``."""

    kind: Literal["after_until", "after", "until", "between"]
    opens: Formula | None
    closes: Formula | None
    span: Span


@dataclass(frozen=True, slots=True)
class Assertion:
    """``assert Name "…" keyed by … scope claim on violation … on satisfied …``."""

    name: Name
    description: str | None
    tags: tuple[Assign, ...]
    keys: tuple[Path, ...]
    scope: Scope | None
    claim: Formula
    violation: tuple[Emit | Delete, ...]
    satisfied: tuple[Emit | Delete, ...]
    span: Span


# ----------------------------------------------------------------------------------------------------- tests


@dataclass(frozen=True, slots=True)
class Send:
    """``send Pay { … } at 10 min``."""

    type: EventType
    body: tuple[Assign, ...]
    at: DurationLiteral
    span: Span


@dataclass(frozen=True, slots=True)
class Advance:
    """``advance to 1 h``."""

    to: DurationLiteral
    span: Span


@dataclass(frozen=True, slots=True)
class SetParam:
    """``set test_amount = 0.50``."""

    name: Name
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Close:
    """``close``."""

    span: Span


@dataclass(frozen=True, slots=True)
class Expect:
    """``expect 2 Alert { … } at 10 min`` (``body`` None where not written), ``expect no Alert`` (count 0)."""

    count: int | None
    type: EventType
    body: tuple[Assign, ...] | None
    at: DurationLiteral | None
    span: Span


@dataclass(frozen=True, slots=True)
class Test:
    """``test "…" { … }``."""

    description: str
    steps: tuple[Send | Advance | SetParam | Close | Expect, ...]
    span: Span


Declaration = Use | Param | Record | Stream | Variant | Table | Timer | Function | Rule | Assertion | Test


@dataclass(frozen=True, slots=True)
class Comment:
    """``-- text`` at its place; ``text`` without the dashes, stripped at the right end."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class File:
    """A parsed rule file."""

    source: Source
    module: Module | None
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...]
