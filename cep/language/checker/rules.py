"""Rules: one rule checked, from its keys to the fields it emits.

A rule is checked when the event types it reads have their shapes. What does not run yet is refused part by part; the
rest of the rule is checked all the same, with the aliases of refused parts silent.
Tested by: tests/language/test_check.py, tests/language/test_check_refusals.py
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker import bounds, lint
from cep.language.checker.expressions import Expressions
from cep.language.checker.output import check_output
from cep.language.checker.parts import nested
from cep.language.checker.patterns import PatternCheck
from cep.language.checker.report import Reporter, did_you_mean, listed
from cep.language.checker.scope import Scope, Variable
from cep.language.checker.tablejoins import all_true, conjuncts_of, is_table, join_table
from cep.language.checker.timeouts import check_bounds
from cep.language.checker.walk import parts_of, walk
from cep.language.checker.windowparts import OP, all_kept, boundaries_of, with_early, with_parts
from cep.language.checker.windows import check_window, window_bound
from cep.language.fingerprint import externals_of
from cep.language.typed import (
    MATCHES,
    WINDOW,
    Attr,
    Call,
    CheckedEmit,
    CheckedFilter,
    CheckedKey,
    CheckedOutput,
    CheckedPattern,
    CheckedQuery,
    CheckedRule,
    CheckedTimeout,
    Fold,
    OfMatch,
    Present,
    Typed,
)
from cep.model.types import STRING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.language.checker.declarations import Declarations
    from cep.model.diagnostics import Source, Span

_RESERVED = ("_type", "_time", "_rule", "_key", "_id", "_events")


@dataclass(frozen=True)
class Emitted:
    """A field of an ``emit``, its value (None when wrong), and its place."""

    name: str
    value: Typed | None
    span: Span


@dataclass(frozen=True)
class Emission:
    """An ``emit`` as checked; ``open`` when it belongs to a part that does not run yet."""

    type: str
    fields: tuple[Emitted, ...]
    source: Source
    span: Span
    open: bool = False
    on_timeout: bool = False


@dataclass
class Outcome:
    """What came of a rule: ``body`` is None when something in it is wrong."""

    name: str
    description: str | None
    index: int
    source: Source
    span: Span
    emissions: list[Emission] = field(default_factory=list)
    keys: tuple[CheckedKey, ...] = ()
    body: CheckedPattern | CheckedFilter | CheckedQuery | None = None
    inputs: tuple[str, ...] = ()
    state_bound: str = ""
    output: CheckedOutput | None = None

    def finished(self, emits: tuple[CheckedEmit, ...]) -> CheckedRule:
        """The checked rule, its emits completed by the derived schemas."""
        assert self.body is not None, "only a rule without mistakes is finished"
        return CheckedRule(
            self.name,
            self.description,
            self.index,
            self.keys,
            self.body,
            emits,
            self.inputs,
            self.source,
            self.span,
            self.state_bound,
            self.output,
        )


def event_types(rule: ast.Rule) -> Iterator[ast.EventType]:
    """Every event type that a rule reads, in written order."""
    if isinstance(rule.body, ast.Query):
        yield rule.body.type
        for join in rule.body.joins:
            yield join.type
        yield from (event.type for event in boundaries_of(rule.body.window))
        return
    for part in nested(rule.body.pattern):
        yield part.type if isinstance(part, ast.Event) else part


def check_rule(declarations: Declarations, source: Source, rule: ast.Rule, index: int) -> Outcome:
    """Check one rule and say what it emits."""
    return _Rule(declarations, source, rule, index).check()


class _Rule:
    """One rule while it is checked."""

    def __init__(self, declarations: Declarations, source: Source, rule: ast.Rule, index: int) -> None:
        self.declarations = declarations
        self.reporter = Reporter(declarations.report, source)
        self.rule = rule
        self.source = source
        self.outcome = Outcome(rule.name.text, rule.description, index, source, rule.span)
        self.keys: dict[str, tuple[int, CheckedKey] | None] = {}

    def check(self) -> Outcome:
        rule = self.rule
        for tag in rule.tags:
            literal = ast.StringLiteral | ast.IntLiteral | ast.PointLiteral | ast.BoolLiteral | ast.DurationLiteral
            if not isinstance(tag.value, literal):
                self.reporter.error(tag.span, "tag-value", "a tag is a constant", 'write e.g. severity = "high"')
        if isinstance(rule.body, ast.Query):
            self._query(rule.body)
        else:
            self._matching(rule.body)
        if rule.output is not None:
            if rule.output.mode == "final" and isinstance(rule.body, ast.Query) and rule.body.window is not None:
                return self.outcome  # what a window gives out is final as it is
            if rule.output.mode == "early" and isinstance(self.outcome.body, CheckedQuery):
                self.outcome.body = with_early(self.reporter, rule.output, self.outcome.body)
                return self.outcome
            self.outcome.output = check_output(self.reporter, rule.output, self.keys, self.outcome.emissions)
            values = [f.value for e in self.outcome.emissions for f in e.fields]
            if rule.output.mode != "first" and externals_of(self.outcome.body, values):
                what = f"`output {rule.output.mode}` of a rule that calls a function of a Python module"
                self.reporter.not_yet(rule.output.span, what, "let a second rule read it, and limit that one")
                self.outcome.output = None
            if self.outcome.output is None:
                self.outcome.body = None
            else:
                self.outcome.state_bound = bounds.with_output(self.outcome.state_bound, self.outcome.output)
        return self.outcome

    # --------------------------------------------------------------------------------------------------- keys

    def _inputs(self, streams: Sequence[str]) -> tuple[str, ...]:
        order = self.declarations.order()
        return tuple(sorted(dict.fromkeys(streams), key=lambda s: order.get(s, len(order))))

    def _check_keys(self, inputs: tuple[str, ...], complete: bool) -> None:
        """Find each part of the key in every input; ``complete`` says that all inputs are known."""
        out: list[CheckedKey] = []
        for item in self.rule.keys:
            names = item.path.names
            if names is None:
                self.reporter.not_yet(item.path.span, "an element of a list or map in a key")
                continue
            name = names[-1]
            if name in self.keys:
                self.reporter.error(item.span, "duplicate-name", f"`{name}` is in the key twice")
                continue
            self.keys[name] = None
            key = self._key(item, ".".join(names), name, inputs, complete)
            if key is not None:
                self.keys[name] = (len(out), key)
                out.append(key)
        self.outcome.keys = tuple(out)

    def _key(
        self, item: ast.KeyItem, path: str, name: str, inputs: tuple[str, ...], complete: bool
    ) -> CheckedKey | None:
        renamed: dict[str, str] = {}
        for member, other in item.others:
            streams = [s for s in self.declarations.members(member.text) if s in inputs]
            if not streams:
                if complete:
                    self.reporter.error(
                        member.span,
                        "key-stream",
                        f"the rule does not read {member.text}",
                        did_you_mean(member.text, inputs, f"it reads {listed(inputs)}"),
                    )
                continue
            renamed.update(dict.fromkeys(streams, other.text))
        attributes = {s: renamed.get(s, path) for s in inputs}
        shapes = {s: self.declarations.shape_of((s,)) for s in inputs}
        lacking = [s for s in inputs if attributes[s] not in shapes[s].attributes and not shapes[s].open]
        if lacking:
            known = list(shapes[lacking[0]].attributes)
            hint = f"keyed by {path} or {lacking[0]}.{'field' if not known else known[-1]}" if len(inputs) > 1 else None
            word = renamed.get(lacking[0], path)
            has = "has" if len(lacking) == 1 else "have"
            self.reporter.error(
                item.span,
                "key-missing",
                f"{listed(lacking)} {has} no field `{word}`, and every stream of a keyed rule needs its key",
                did_you_mean(word, known, hint),
            )
            return None
        types = [(s, shapes[s].attributes.get(attributes[s])) for s in inputs]
        known_types = [(s, t) for s, t in types if t is not None]
        if len(known_types) < len(types) or not known_types:
            return None
        first_stream, first = known_types[0]
        for stream, declared in known_types[1:]:
            if not first.same_kind(declared):
                self.reporter.error(
                    item.span,
                    "key-type",
                    f"the key `{name}` is {first} in {first_stream} and {declared} in {stream}",
                    "give the field one type",
                )
                return None
        if first.kind in ("record", "list", "map"):
            self.reporter.error(
                item.span,
                "key-type",
                f"`{name}` is {first}, which cannot be a key",
                f"key by one of its fields, e.g. {path}.name" if first.kind == "record" else None,
            )
            return None
        if first.kind == "float":
            self.reporter.warn(
                item.span, "float-key", f"`{name}` is a float: two keys are one only when they agree to the last bit"
            )
        return CheckedKey(name, first.as_optional(False), attributes)

    # ------------------------------------------------------------------------------------------------ queries

    def _query(self, query: ast.Query) -> None:
        reporter = self.reporter
        errors = reporter.report.mistakes
        streams = self.declarations.resolve(query.type, reporter)
        silent: set[str] = set()
        if query.unnest is not None:
            reporter.not_yet(query.unnest[0].span, "`unnest`")
            silent.add(query.unnest[1].text)
        tables = [join for join in query.joins if is_table(self.declarations, join)]
        for join in query.joins:
            if join in tables:
                continue
            reporter.not_yet(join.span, f"`{'' if join.side == 'inner' else join.side + ' '}join`")
            self.declarations.resolve(join.type, reporter)
            silent.add(join.alias.text)
        window = None if query.window is None else check_window(reporter, query.window)
        if query.having is not None and query.window is None:
            reporter.not_yet(query.having.span, "`having`", "a condition on one event is written with `where`")
        ends = [self.declarations.resolve(event.type, reporter) for event in boundaries_of(query.window)]
        inputs = self._inputs([*(streams or ()), *(s for each in ends for s in each or ())])
        self._check_keys(inputs, streams is not None and None not in ends)
        shape = self.declarations.shape_or_open(streams, query.type.text)
        alias = query.alias.text if query.alias is not None else None
        own = Variable(alias, shape) if alias is not None else None
        scope = Scope("row", shape, own, silent=frozenset(silent), keys=self.keys)
        scope, present = self._with_tables(scope, tables)
        of_rows, refused = scope, query.window is not None and window is None
        if query.unnest is not None or len(query.joins) > len(tables):
            scope = of_rows = replace(scope, current=replace(shape, open=True))
            refused = True
        if refused:
            scope = of_rows = replace(scope, windowed=True)
        elif window is not None:
            events = Variable(alias or WINDOW, shape, low=1, high=None)
            # outside an aggregate there is an event at hand only where the window is that event's own
            here = (shape, own) if window.is_per_event else (None, None)
            scope = replace(scope, current=here[0], own=here[1], window=events)
        expressions = Expressions(self.declarations, reporter, scope)
        if window is not None and query.window is not None:
            window = with_parts(expressions.within(of_rows), query.window, window, ends)
        where = None if query.where is None else expressions.within(of_rows).condition(query.where)
        if present:
            parts = present if where is None else [where, *present]
            where = all_true([each for part in parts for each in conjuncts_of(part)])
        having = None if query.having is None else expressions.condition(query.having)
        self._actions(expressions, self.rule.actions)
        if self.rule.timeout is not None:
            check_bounds(reporter, self.rule.timeout, None, None)
            self._silent_actions(self.rule.timeout.actions)
        if reporter.report.mistakes == errors and streams is not None:
            self.outcome.inputs = inputs
            if window is None:
                self.outcome.body = CheckedFilter(streams, where)
                self.outcome.state_bound = bounds.FILTER
                return
            values = [f.value for e in self.outcome.emissions for f in e.fields]
            if window.kind == "everything" and not all_kept(reporter, query.span, [having, *values]):
                return
            self.outcome.body = CheckedQuery(streams, where, window, having)
            self.outcome.state_bound = window_bound(window)
            if externals_of(self.outcome.body, [f.value for e in self.outcome.emissions for f in e.fields]):
                what = "a function of a Python module in a rule with a window"
                reporter.not_yet(query.span, what, "let a rule before this one call it and emit what it gives")
                self.outcome.body = None

    def _with_tables(self, scope: Scope, joins: Sequence[ast.Join]) -> tuple[Scope, list[Typed]]:
        """The scope with the aliases of joined tables; and, for inner joins, that the row is there."""
        present: list[Typed] = []
        for join in joins:
            expressions = Expressions(self.declarations, self.reporter, scope)
            joined = join_table(expressions, join)
            if joined is None:
                scope = replace(scope, silent=scope.silent | {join.alias.text})
                continue
            there = joined.there(expressions, join.span) if join.side == "inner" else None
            present += [] if there is None else [there]
            scope = replace(scope, joined={**scope.joined, joined.alias: joined})
        return scope, present

    # ----------------------------------------------------------------------------------------------- patterns

    def _matching(self, matching: ast.Matching) -> None:
        mistakes = self.reporter.report.mistakes
        pattern = PatternCheck(self.declarations, self.reporter, matching)
        self._check_keys(self._inputs(pattern.streams), pattern.complete)
        pattern.check(self.keys)
        scope = replace(pattern.emit_scope(self.keys), counted=_counts_matches(self.rule.actions))
        self._actions(Expressions(self.declarations, self.reporter, scope), self.rule.actions)
        timeout = None if self.rule.timeout is None else self._timeout(pattern, self.rule.timeout)
        # a stream that is missed in several places is told of once, and so may count as no new mistake here
        if self.reporter.report.mistakes > mistakes or not pattern.complete:
            return
        checked = replace(pattern.assembled(), timeout=timeout)
        refused = bounds.refusal(checked)
        if refused is not None:
            place = matching.pattern.span if refused.span is None else refused.span
            self.reporter.error(place, *refused.words)
            return
        self.outcome.body = self._counted(checked)
        if timeout is not None and self.rule.timeout is not None:
            check_bounds(self.reporter, self.rule.timeout, self.outcome.body, matching.skip)
        if pattern.at_most is not None and self.outcome.body.limit is None:
            counts = "the rule emits how many matches there are, and lists none"
            message = counts if self.outcome.body.counted else "no step is chosen freely, so matches do not multiply"
            hint = "leave the limit out"
            self.reporter.error(pattern.at_most.span, "limit-of-nothing", f"nothing is limited: {message}", hint)
        self.outcome.inputs = self._inputs(pattern.streams)
        self.outcome.state_bound = bounds.state_bound(checked, self.declarations.params)
        lint.pattern(self.reporter, checked, self.outcome.keys)

    def _timeout(self, pattern: PatternCheck, written: ast.Timeout) -> CheckedTimeout:
        """What is done when a bound passes, under the steps bound by then."""
        expressions = Expressions(self.declarations, self.reporter, pattern.emit_scope(self.keys, partial=True))
        where = None if written.where is None else expressions.condition(written.where)
        if where is not None and any(isinstance(p, Call) for p in parts_of(where)):
            hint = "let `emit` compute it, and a rule that reads the event decide"
            what = "a table, or a function of a Python module, in `on timeout where`"
            self.reporter.not_yet(written.span, what, hint)
        self._actions(expressions, written.actions, on_timeout=True)
        return CheckedTimeout(where, written.span)

    def _counted(self, checked: CheckedPattern) -> CheckedPattern:
        """The pattern, marked when `count()` makes one event of all matches that an event decides."""
        emissions = [e for e in self.outcome.emissions if not e.on_timeout]
        fields = [(f, list(parts_of(f.value))) for e in emissions for f in e.fields if f.value is not None]
        counts = [f for f, parts in fields if any(isinstance(p, Fold) and p.variable == MATCHES for p in parts)]
        if not counts:
            return checked
        last = checked.items[-1]
        if checked.final or not isinstance(last.body, int) or (last.low, last.high) != (1, 1):
            hint = "let the pattern end with a step that binds one event"
            self.reporter.not_yet(counts[0].span, "`count()` of matches that no event decides", hint)
            return checked
        if checked.prefer_earliest:
            hint = "leave out `prefer earliest`: each match is counted at the event that completes it"
            self.reporter.not_yet(counts[0].span, "`count()` of matches that wait for earlier starts", hint)
            return checked
        decider = checked.steps[last.body].variable
        for shown, parts in fields:
            for part in parts:
                if isinstance(part, Attr | Present) and part.variable not in (None, decider):
                    name = "an earlier step" if part.variable.startswith("$") else f"`{part.variable}`"
                    self.reporter.error(
                        shown.span,
                        "one-of-many",
                        f"`count()` makes one event of all matches an event decides, and {name} differs among them",
                        f"emit an aggregate over it, {_over(part)}, or leave out `count()` for an event each match",
                    )
                    return checked
        return replace(checked, counted=True)

    # ------------------------------------------------------------------------------------------------ actions

    def _actions(
        self, expressions: Expressions, actions: Sequence[ast.Emit | ast.Delete], *, on_timeout: bool = False
    ) -> None:
        for action in actions:
            if isinstance(action, ast.Delete):
                self.reporter.not_yet(action.span, "`delete`")
            elif action.word == "upsert":
                self.reporter.not_yet(action.span, "`upsert`")
            else:
                emission = self._emit(action, expressions)
                self.outcome.emissions.append(replace(emission, on_timeout=on_timeout))

    def _silent_actions(self, actions: Sequence[ast.Emit | ast.Delete]) -> None:
        for action in actions:
            if isinstance(action, ast.Emit) and action.word == "emit":
                self.outcome.emissions.append(Emission(action.type.text, (), self.source, action.span, open=True))

    def _emit(self, emit: ast.Emit, expressions: Expressions) -> Emission:
        fields: dict[str, Emitted] = {}
        for assign in emit.body:
            path = assign.value
            if isinstance(path, ast.Path):
                value = expressions.names.path(path, record=True, lists=True)
            else:
                value = expressions.value(path)
            name = assign.name
            if name is None:
                assert isinstance(path, ast.Path), "only a path has no name of its own"
                last = next((p for p in reversed(path.parts) if isinstance(p, ast.Name)), None)
                assert last is not None
                name = last
            if name.text in fields:
                self.reporter.error(
                    name.span,
                    "duplicate-field",
                    f"{emit.type.text} gets the field `{name.text}` twice",
                    f"give one of them another name: other_{name.text} = …",
                    (("the first is here", self.source, fields[name.text].span),),
                )
                continue
            if name.text in _RESERVED:
                self.reporter.error(
                    name.span,
                    "reserved-name",
                    f"`{name.text}` is written with every derived event by itself",
                    "choose another name",
                )
                continue
            fields[name.text] = Emitted(name.text, value, assign.span)
            if isinstance(value, Attr) and value.type.kind == "record":
                inside = expressions.names.inside(value, assign.span)
                fields |= {f"{name.text}.{rest}": Emitted(f"{name.text}.{rest}", v, assign.span) for rest, v in inside}
        if self.rule.output is not None and self.rule.output.mode == "early":
            fields |= {OP: Emitted(OP, OfMatch("op", STRING), self.rule.output.span)}
        return Emission(emit.type.text, tuple(fields.values()), self.source, emit.type.span)


def _counts_matches(actions: Sequence[ast.Emit | ast.Delete]) -> bool:
    """Whether `count()` stands in what a rule does at a match."""
    written = (node for a in actions if isinstance(a, ast.Emit) for x in a.body for node in walk(x.value))
    return any(isinstance(node, ast.Call) and node.name.text == "count" and not node.arguments for node in written)


def _over(part: Attr | Present) -> str:
    """What may be said of an earlier step instead: how often it has bound an event, or the last of its values."""
    if part.variable is None or part.variable.startswith("$"):
        return "by an alias"
    return f"e.g. count({part.variable})" if isinstance(part, Present) else f"e.g. last({part.variable}.{part.name})"
