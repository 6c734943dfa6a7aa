"""Declarations: the names of a rulebook and what each stands for.

Streams, variants and derived event types share one namespace of readable names; rules, tables, records, params and
functions have their own. A declaration that is wrong still takes its name, so that its readers stay silent.
Cost: linear in the text.
Tested by: tests/language/test_check.py, tests/language/test_check_declarations.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.attributes import Found, flatten
from cep.language.checker.bodies import Body, declare_bodies
from cep.language.checker.externals import declare_externals
from cep.language.checker.params import declare_params
from cep.language.checker.report import Report, Reporter, did_you_mean
from cep.language.checker.shapes import Shape, common, plain
from cep.language.checker.tables import declare_tables
from cep.language.rulebook import CheckedParam
from cep.model.schema import Schema, rejected_schema
from cep.model.table import TableRows
from cep.model.types import Type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.language.checker.tables import Reading
    from cep.language.rulebook import CheckedTable
    from cep.language.typed import Code, External
    from cep.model.diagnostics import Source, Span


@dataclass(frozen=True)
class Declared:
    """A stream with its schema; ``shape`` also has what is wrong with it. ``place`` is that of its name."""

    schema: Schema
    shape: Shape
    source: Source
    place: Span


@dataclass
class Declarations:
    """Every name of a rulebook. ``emitted`` fills with the event types of rules, and ``derived`` with their shapes.

    ``bodies`` and ``externals`` are those of the ``functions`` in which nothing is wrong, ``broken`` the names of the
    others. ``checked_tables`` are those without mistakes, and ``rows`` what has been read of them.
    """

    report: Report
    streams: dict[str, Declared] = field(default_factory=dict)
    variants: dict[str, tuple[Source, ast.Variant]] = field(default_factory=dict)
    records: dict[str, tuple[Source, ast.Record]] = field(default_factory=dict)
    tables: dict[str, tuple[Source, ast.Table]] = field(default_factory=dict)
    checked_tables: dict[str, CheckedTable] = field(default_factory=dict)
    rows: dict[str, TableRows] = field(default_factory=dict)
    timers: dict[str, tuple[Source, ast.Timer]] = field(default_factory=dict)
    functions: dict[str, tuple[Source, ast.Function]] = field(default_factory=dict)
    bodies: dict[str, Body] = field(default_factory=dict)
    externals: dict[str, External] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    params: dict[str, CheckedParam | None] = field(default_factory=dict)
    emitted: dict[str, tuple[Source, Span]] = field(default_factory=dict)
    derived: dict[str, Shape] = field(default_factory=dict)
    flat: dict[str, list[Found]] = field(default_factory=dict)  # what stands in each record, records in it unfolded
    _order: dict[str, int] = field(default_factory=dict)
    _members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _shapes: dict[tuple[str, ...], Shape] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------ readable names

    def readable(self) -> list[str]:
        """The names that a rule may read, as hints offer them."""
        return [*self.streams, *self.variants, *self.emitted]

    def order(self) -> dict[str, int]:
        """The place of each stream in the total order, declared before derived; asked when all names are known."""
        if not self._order:
            names = list(self.streams)
            names += [f"{side}.{name}" for name in self.streams for side in ("Late", "Rejected")]
            names += list(self.emitted)
            self._order = {name: number for number, name in enumerate(names)}
        return self._order

    def members(self, name: str) -> tuple[str, ...]:
        """The streams that ``name`` stands for: itself, or a variant's members unfolded (none in a cycle)."""
        if name not in self.variants:
            return (name,)
        if name not in self._members:
            self._members[name] = ()  # a variant that contains itself ends here
            _, variant = self.variants[name]
            out = [m for member in variant.members for m in self.members(member.text)]
            self._members[name] = tuple(dict.fromkeys(out))
        return self._members[name]

    def streams_of(self, event: ast.EventType) -> tuple[str, ...]:
        """The streams that an event type names, without complaint: for the order in which rules are checked."""
        if event.parent is not None:
            return (event.text,)
        return tuple(m for m in self.members(event.name.text) if self.is_stream(m))

    def is_stream(self, name: str) -> bool:
        """Whether ``name`` is a declared stream or a derived event type."""
        return name in self.streams or name in self.emitted

    def resolve(self, event: ast.EventType, reporter: Reporter) -> tuple[str, ...] | None:
        """The streams that an event type names; None, and a mistake reported, when it names none."""
        name = event.name.text
        if event.parent is not None:
            return self._side(event, reporter)
        if name in self.variants:
            return tuple(m for m in self.members(name) if self.is_stream(m)) or None
        if self.is_stream(name):
            return (name,)
        if name in self.tables:
            reporter.not_yet(event.span, f"reading the table {name} as a stream")
        elif name in self.timers:
            reporter.not_yet(event.span, f"the timer {name}")
        elif name in self.records:
            reporter.error(event.span, "unknown-stream", f"{name} is a record, not a stream")
        else:
            reporter.error(
                event.span,
                "unknown-stream",
                f"no stream {name} is declared, and no rule emits it",
                did_you_mean(name, self.readable(), f"declare it: stream {name} ordered by at {{ at: time, … }}"),
            )
        return None

    def _side(self, event: ast.EventType, reporter: Reporter) -> tuple[str, ...] | None:
        assert event.parent is not None
        parent, name = event.parent.text, event.name.text
        if parent not in ("Late", "Rejected"):
            reporter.error(
                event.span,
                "unknown-stream",
                f"{event.text} is no stream",
                f"besides declared streams there are Late.{name} and Rejected.{name}",
            )
        elif name in self.streams:
            return (event.text,)
        elif name in self.variants or name in self.emitted:
            what = "a variant" if name in self.variants else "a derived event type"
            reporter.error(
                event.span, "unknown-stream", f"{name} is {what}: only declared streams have {parent}.{name}"
            )
        else:
            hint = did_you_mean(name, self.streams)
            reporter.error(event.span, "unknown-stream", f"no stream {name} is declared", hint)
        return None

    def shape_of(self, streams: tuple[str, ...], name: str | None = None) -> Shape:
        """What an event of any of ``streams`` looks like."""
        if streams not in self._shapes:
            shape = common(name or " or ".join(streams), [self._one(s) for s in streams])
            if any(s in self.emitted and s not in self.derived for s in streams):
                return shape  # not known yet
            self._shapes[streams] = shape
        return self._shapes[streams]

    def shape_or_open(self, streams: tuple[str, ...] | None, name: str) -> Shape:
        """The same; a shape of which anything may be true when the streams are not known."""
        return Shape(name, (), {}, open=True) if streams is None else self.shape_of(streams, name)

    def _one(self, stream: str) -> Shape:
        parent, _, name = stream.rpartition(".")
        if parent:
            schema = self.streams[name].schema
            if parent == "Late":
                return Shape(stream, (stream,), self.streams[name].shape.attributes, self.streams[name].shape.open)
            return shape_from(rejected_schema(schema.name))
        if stream in self.streams:
            return self.streams[stream].shape
        return self.derived.get(stream) or Shape(stream, (stream,), {}, open=True)


def shape_from(schema: Schema) -> Shape:
    """The shape of a schema in which nothing is wrong."""
    return Shape(schema.name, (schema.name,), {a.name: plain(a.type) for a in schema.attributes})


# ------------------------------------------------------------------------------------------------- the way in


def declare(
    files: Sequence[ast.File],
    report: Report,
    overrides: Mapping[str, object],
    codes: Mapping[str, Code] | None = None,
    reading: Reading | None = None,
) -> Declarations:
    """All names of the files, with the mistakes among declarations reported; ``overrides`` are parameter values."""
    out = Declarations(report)
    readable: dict[str, tuple[Source, Span]] = {}
    names: dict[str, dict[str, tuple[Source, Span]]] = {
        word: {} for word in ("record", "param", "table", "function", "timer")
    }
    streams: dict[str, tuple[Source, ast.Stream]] = {}
    params: list[tuple[Source, ast.Param]] = []
    for file in files:
        reporter = Reporter(report, file.source)
        for d in file.declarations:
            match d:
                case ast.Use():
                    reporter.not_yet(d.span, "`use`", "give all rule files on the command line, or to load()")
                case ast.Record():
                    if _take(reporter, names["record"], d.name, "record"):
                        out.records[d.name.text] = (file.source, d)
                case ast.Param():
                    if _take(reporter, names["param"], d.name, "param"):
                        params.append((file.source, d))
                case ast.Stream():
                    if _take(reporter, readable, d.name, "stream"):
                        streams[d.name.text] = (file.source, d)
                case ast.Variant():
                    if _take(reporter, readable, d.name, "stream"):
                        out.variants[d.name.text] = (file.source, d)
                case ast.Table():
                    if _take(reporter, names["table"], d.name, "table"):
                        out.tables[d.name.text] = (file.source, d)
                case ast.Timer():
                    if _take(reporter, names["timer"], d.name, "timer"):
                        out.timers[d.name.text] = (file.source, d)
                        _later(reporter, d.name, "timer", "timers")
                case ast.Function():
                    if _take(reporter, names["function"], d.name, "function"):
                        out.functions[d.name.text] = (file.source, d)
                case _:
                    pass  # rules and assertions are checked when all names are known; tests run later
    _declare_records(out)
    _declare_streams(out, streams)
    _check_ties(out, streams)
    declare_tables(out, report, reading)
    declare_params(out, params, overrides)
    declare_externals(out, report, codes or {})
    declare_bodies(out, report)
    return out


def _take(reporter: Reporter, taken: dict[str, tuple[Source, Span]], name: ast.Name, word: str) -> bool:
    if name.text in taken:
        source, span = taken[name.text]
        reporter.error(
            name.span,
            "duplicate-name",
            f"the {word} {name.text} is declared twice",
            "give one of them another name",
            (("declared here first", source, span),),
        )
        return False
    taken[name.text] = (reporter.source, name.span)
    return True


def _later(reporter: Reporter, name: ast.Name, word: str, many: str) -> None:
    reporter.warn(name.span, "not-yet", f"the {word} {name.text} has no effect: {many} do not run yet in this version")


def _declare_records(declarations: Declarations) -> None:
    for name, (source, record) in declarations.records.items():
        if name not in declarations.flat:
            reporter = Reporter(declarations.report, source)
            declarations.flat[name] = flatten(declarations, reporter, record.fields, name, (name,))


# ----------------------------------------------------------------------------------------------------- streams


def _declare_streams(declarations: Declarations, streams: dict[str, tuple[Source, ast.Stream]]) -> None:
    everything = [*streams, *declarations.variants]
    waiting: dict[str, list[str]] = {}
    ready: list[str] = []
    for name, (_, stream) in streams.items():
        if stream.extends is not None and stream.extends.text in streams:
            waiting.setdefault(stream.extends.text, []).append(name)
        else:
            ready.append(name)
    done: dict[str, Declared] = {}
    while ready:  # parents before children, without recursion
        name = ready.pop()
        source, stream = streams[name]
        reporter = Reporter(declarations.report, source)
        parent = None
        if stream.extends is not None:
            parent = done.get(stream.extends.text)
            if parent is None:
                what = (
                    "a variant, and has no fields of its own" if stream.extends.text in declarations.variants else None
                )
                reporter.error(
                    stream.extends.span,
                    "unknown-stream",
                    f"{stream.extends.text} is {what}" if what else f"no stream {stream.extends.text} is declared",
                    None if what else did_you_mean(stream.extends.text, [s for s in everything if s != name]),
                )
        done[name] = _stream(declarations, reporter, stream, parent)
        ready.extend(waiting.get(name, ()))
    for name, (source, stream) in streams.items():
        if name not in done:
            assert stream.extends is not None
            Reporter(declarations.report, source).error(
                stream.extends.span, "cycle", f"{name} extends itself: {_circle(name, streams)}"
            )
            done[name] = Declared(Schema(name, ()), Shape(name, (name,), {}, open=True), source, stream.name.span)
    declarations.streams = {name: done[name] for name in streams}


def _circle(name: str, streams: dict[str, tuple[Source, ast.Stream]]) -> str:
    path = [name]
    while True:
        parent = streams[path[-1]][1].extends
        assert parent is not None
        if parent.text in path:
            return " → ".join([*path, parent.text])
        path.append(parent.text)


def _stream(declarations: Declarations, reporter: Reporter, stream: ast.Stream, parent: Declared | None) -> Declared:
    name = stream.name.text
    inherited = {} if parent is None else {a.name: a for a in parent.schema.attributes}
    attributes = dict(inherited)
    shape: dict[str, Type | None] = {} if parent is None else dict(parent.shape.attributes)
    for attribute, f, flat in flatten(declarations, reporter, stream.fields, name):
        if parent is not None and flat in parent.shape.attributes:
            reporter.error(
                f.name.span,
                "duplicate-field",
                f"{name} has the field `{flat}` already from {parent.schema.name}",
                None,
                ((f"{parent.schema.name} is here", parent.source, parent.place),),
            )
            continue
        if attribute is not None:
            attributes[flat] = attribute
        shape[flat] = None if attribute is None else plain(attribute.type)
    # a wrong or unknown parent leaves fields unknown, not missing
    is_open = (stream.extends is not None and parent is None) or (parent is not None and parent.shape.open)
    time = _time_attribute(reporter, stream, parent, shape, is_open)
    ties = () if parent is None or stream.ties is not None else parent.schema.ties
    if stream.ties is not None:
        ties = _tie_attributes(reporter, stream, shape, is_open)
    if stream.idle is not None:
        reporter.warn(
            stream.idle.span,
            "idle-no-effect",
            "`idle` has no effect on recorded input, and none yet on live input",
            "call advance() for a silent live stream",
        )
    late = stream.late.value if stream.late is not None else (parent.schema.late if parent else 0)
    idle = stream.idle.value if stream.idle is not None else (parent.schema.idle if parent else None)
    schema = Schema(name, tuple(attributes.values()), time, late, idle, ties)
    return Declared(schema, Shape(name, (name,), shape, is_open), reporter.source, stream.name.span)


def _time_attribute(
    reporter: Reporter,
    stream: ast.Stream,
    parent: Declared | None,
    shape: Mapping[str, Type | None],
    is_open: bool,
) -> str | None:
    name = stream.name.text
    if stream.ordered is None:
        if parent is not None or is_open:
            return None if parent is None else parent.schema.time
        times = [n for n, t in shape.items() if t is not None and t.kind == "time"]
        example = times[0] if times else "at"
        fields = "" if times else f" {{ {example}: time, … }}"
        reporter.error(
            stream.name.span,
            "missing-order",
            f"the stream {name} does not say which field orders it",
            f"stream {name} ordered by {example}{fields}",
        )
        return None
    word = stream.ordered.text
    if word not in shape:
        if not is_open:
            times = [n for n, t in shape.items() if t is not None and t.kind == "time"]
            hint = did_you_mean(word, shape, f"add it: {word}: time" if not times else f"ordered by {times[0]}")
            reporter.error(stream.ordered.span, "unknown-field", f"{name} has no field `{word}`", hint)
        return None
    declared = shape[word]
    if declared is None:
        return None
    if declared.kind != "time":
        reporter.error(
            stream.ordered.span,
            "wrong-type",
            f"`{word}` orders the stream, so it must be a time; it is {declared}",
            f"{word}: time(ms)" if declared.kind in ("int", "float") else f"{word}: time",
        )
    elif declared.optional:
        reporter.error(
            stream.ordered.span,
            "wrong-type",
            f"`{word}` orders the stream, so it cannot be optional",
            f"{word}: {str(declared).removesuffix('?')}; an event without a time is rejected and counted",
        )
    return word


def _tie_attributes(
    reporter: Reporter, stream: ast.Stream, shape: Mapping[str, Type | None], is_open: bool
) -> tuple[str, ...]:
    out: list[str] = []
    for tie in stream.ties or ():
        if tie.text not in shape:
            if not is_open:
                reporter.error(
                    tie.span,
                    "unknown-field",
                    f"{stream.name.text} has no field `{tie.text}`",
                    did_you_mean(tie.text, shape),
                )
            continue
        declared = shape[tie.text]
        if declared is not None and declared.kind in ("record", "list", "map"):
            reporter.error(
                tie.span, "wrong-type", f"`{tie.text}` is {declared}, which has no order: it cannot break ties"
            )
        elif tie.text in out:
            reporter.error(tie.span, "duplicate-field", f"`{tie.text}` breaks ties twice")
        else:
            out.append(tie.text)
    return tuple(out)


def _check_ties(declarations: Declarations, streams: dict[str, tuple[Source, ast.Stream]]) -> None:
    """Streams with the same tie fields are put in one order, so those fields need one type."""
    first: dict[tuple[str, ...], str] = {}
    for name, declared in declarations.streams.items():
        ties = declared.schema.ties
        if not ties:
            continue
        other = first.setdefault(ties, name)
        for tie in ties:
            a, b = declarations.streams[other].shape.attributes.get(tie), declared.shape.attributes.get(tie)
            if a is not None and b is not None and not a.same_kind(b):
                source, stream = streams[name]
                place = next((t.span for t in stream.ties or () if t.text == tie), stream.name.span)
                Reporter(declarations.report, source).error(
                    place,
                    "wrong-type",
                    f"`{tie}` breaks ties in {other} and in {name}, as {a} and as {b}: they cannot be compared",
                    "give both the same type, or break ties by other fields",
                    ((f"{other} is here", declarations.streams[other].source, declarations.streams[other].place),),
                )


def check_variants(declarations: Declarations) -> None:
    """Report what is wrong with variants; asked when the event types of all rules are known."""
    for name, (source, variant) in declarations.variants.items():
        reporter = Reporter(declarations.report, source)
        for member in variant.members:
            if member.text in declarations.variants:
                if _reaches(declarations, member.text, name):
                    reporter.error(member.span, "cycle", f"the variant {name} contains itself")
            elif not declarations.is_stream(member.text):
                known = [n for n in declarations.readable() if n != name]
                reporter.error(
                    member.span,
                    "unknown-stream",
                    f"no stream {member.text} is declared, and no rule emits it",
                    did_you_mean(member.text, known),
                )


def _reaches(declarations: Declarations, start: str, goal: str) -> bool:
    waiting, seen = [start], set[str]()
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name in seen or name not in declarations.variants:
            continue
        seen.add(name)
        waiting.extend(m.text for m in declarations.variants[name][1].members)
    return False
