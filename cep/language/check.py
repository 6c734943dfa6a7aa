"""The checker: syntax trees in, a `Rulebook` out, or every mistake of all files at once.

Names are declared first, then rules are checked in the order in which they feed each other; a cycle of derived streams
is refused. The schema of a derived event type is the union of what all its rules emit.
Cost: linear in the text (n log n for the order of rules).
Tested by: tests/language/test_check.py, tests/language/test_check_refusals.py, tests/language/test_check_derived.py
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from threading import Lock
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.declarations import Declarations, check_variants, declare
from cep.language.checker.report import Report, Reporter
from cep.language.checker.rules import Emission, Outcome, check_rule, event_types
from cep.language.checker.shapes import Shape, plain
from cep.language.rulebook import Remarks, Rulebook
from cep.language.typed import CheckedEmit, Const
from cep.model.errors import RuleError
from cep.model.schema import Attribute, Schema
from cep.model.types import Type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.checker.tables import Reading
    from cep.language.typed import Code
    from cep.model.diagnostics import Source, Span

_Node = tuple[str, str | int]  # ("type", name) or ("rule", index)


def check(
    files: Sequence[ast.File],
    params: Mapping[str, object] | None = None,
    functions: Mapping[str, Code] | None = None,
    reading: Reading | None = None,
) -> Rulebook:
    """The rulebook of ``files``; raises `RuleError` with all their mistakes.

    ``params`` overrides parameter values: Python values, expressions, or texts as ``--set`` has them; a name that is
    not declared, or a value of another type, raises `UsageError`. ``functions`` is the code of functions of Python
    modules, by declared name; those that are not among them are checked all the same. ``reading`` gives tables the rows
    of their files; without it they are checked only.
    """
    report = Report([file.source for file in files])
    declarations = declare(files, report, params or {}, functions or {}, reading)
    rules = _rules(files, report)
    _emitted_types(files, declarations)
    check_variants(declarations)
    outcomes = _check_in_order(declarations, rules)
    _refuse_assertions(files, report)
    derived = {name: declared.schema for name, declared in _Derived.all_of(declarations, outcomes).items()}
    errors = report.errors
    if errors:
        raise RuleError(errors)
    rulebook = Rulebook(
        tuple(files),
        {name: declared.schema for name, declared in declarations.streams.items()},
        {name: declarations.members(name) for name in declarations.variants},
        derived,
        {name: param for name, param in declarations.params.items() if param is not None},
        tuple(outcome.finished(_emits(outcome, derived)) for outcome in outcomes),
        functions=functions or {},
        tables=declarations.rows,
    )
    return replace(rulebook, remarks=_Remarking(report, rulebook))


class _Remarking:
    """Looks for what is to be said of lawful rules, once."""

    def __init__(self, report: Report, rulebook: Rulebook) -> None:
        self._report, self._rulebook = report, rulebook
        self._lock = Lock()
        self._found: Remarks | None = None

    def __call__(self) -> Remarks:
        from cep.language.analysis.findings import findings
        from cep.language.analysis.unused import unused

        with self._lock:
            if self._found is None:
                findings(self._report, self._rulebook)
                unused(self._report, self._rulebook.files)
                self._found = Remarks(self._report.warnings, self._report.notes)
        return self._found


def _rules(files: Sequence[ast.File], report: Report) -> list[tuple[Source, ast.Rule]]:
    """All rules in the order of the text; two of one name are a mistake."""
    out: list[tuple[Source, ast.Rule]] = []
    taken: dict[str, tuple[Source, Span]] = {}
    for file in files:
        for rule in file.declarations:
            if isinstance(rule, ast.Rule | ast.Assertion):
                name = rule.name.text
                if name in taken:
                    source, span = taken[name]
                    Reporter(report, file.source).error(
                        rule.name.span,
                        "duplicate-name",
                        f"two rules are called {name}",
                        "give one of them another name",
                        (("the first is here", source, span),),
                    )
                else:
                    taken[name] = (file.source, rule.name.span)
            if isinstance(rule, ast.Rule):
                out.append((file.source, rule))
    return out


def _emitted_types(files: Sequence[ast.File], declarations: Declarations) -> None:
    """Enter the event types that rules emit, in the order of the first rule that emits each."""
    for file in files:
        reporter = Reporter(declarations.report, file.source)
        for d in file.declarations:
            actions: list[ast.Emit | ast.Delete] = []
            if isinstance(d, ast.Rule):
                actions = [*d.actions, *(d.timeout.actions if d.timeout is not None else ())]
            elif isinstance(d, ast.Assertion):
                actions = [*d.violation, *d.satisfied]
            for action in actions:
                if not isinstance(action, ast.Emit) or action.word != "emit":
                    continue
                name = action.type.text
                if name in declarations.streams or name in declarations.variants:
                    if name in declarations.streams:
                        there = declarations.streams[name]
                        place = ("declared here", there.source, there.place)
                    else:
                        source, variant = declarations.variants[name]
                        place = ("declared here", source, variant.name.span)
                    reporter.error(
                        action.type.span,
                        "duplicate-name",
                        f"{name} is a declared stream, so no rule can emit it",
                        "give the derived event another name",
                        (place,),
                    )
                else:
                    declarations.emitted.setdefault(name, (file.source, action.type.span))


def _refuse_assertions(files: Sequence[ast.File], report: Report) -> None:
    for file in files:
        for d in file.declarations:
            if isinstance(d, ast.Assertion):
                Reporter(report, file.source).not_yet(d.name.span, f"the assertion {d.name.text}")


# ----------------------------------------------------------------------------------------------- order of rules


def _check_in_order(declarations: Declarations, rules: Sequence[tuple[Source, ast.Rule]]) -> list[Outcome]:
    """Check every rule after those that feed it; the outcomes in the order of the text."""
    emitters: dict[str, list[int]] = {name: [] for name in declarations.emitted}
    readers: dict[tuple[str, int], ast.EventType] = {}
    graph: dict[_Node, set[_Node]] = {}
    for index, (_, rule) in enumerate(rules):
        node: _Node = ("rule", index)
        graph[node] = set()
        for event in event_types(rule):
            for stream in declarations.streams_of(event):
                if stream in declarations.emitted:
                    graph[node].add(("type", stream))
                    readers.setdefault((stream, index), event)
        for action in [*rule.actions, *(rule.timeout.actions if rule.timeout is not None else ())]:
            if isinstance(action, ast.Emit) and action.word == "emit" and action.type.text in emitters:
                emitters[action.type.text].append(index)
    for name, indices in emitters.items():
        graph[("type", name)] = {("rule", index) for index in indices}
    outcomes: dict[int, Outcome] = {}
    for kind, number in _order(declarations, rules, graph, readers):
        if kind == "rule":
            assert isinstance(number, int)
            source, rule = rules[number]
            outcomes[number] = check_rule(declarations, source, rule, number)
        else:
            assert isinstance(number, str)
            emissions = [e for i in sorted(set(emitters[number])) if i in outcomes for e in outcomes[i].emissions]
            declarations.derived[number] = _Derived.of(declarations, number, emissions, emitters[number]).shape
    return [outcomes[index] for index in range(len(rules))]


def _order(
    declarations: Declarations,
    rules: Sequence[tuple[Source, ast.Rule]],
    graph: dict[_Node, set[_Node]],
    readers: Mapping[tuple[str, int], ast.EventType],
) -> list[_Node]:
    """An order in which everything follows what it needs; each cycle is reported and cut."""
    while True:
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as problem:
            circle: list[_Node] = problem.args[1][:-1]
        # the circle runs with the flow: a type, the rule that reads it, the type that this rule emits, ...
        first = min(
            range(len(circle)),
            key=lambda i: (circle[i][0] != "rule", circle[i][1]) if circle[i][0] == "rule" else (True, 0),
        )
        circle = circle[first:] + circle[:first]
        index = circle[0][1]
        assert isinstance(index, int)
        types = [str(name) for kind, name in circle if kind == "type"]
        types = [types[-1], *types]
        source, rule = rules[index]
        related = tuple(
            (f"{rules[i][1].name.text} is here", rules[i][0], rules[i][1].name.span)
            for kind, i in circle[1:]
            if kind == "rule" and isinstance(i, int)
        )
        read = readers[(types[0], index)]
        message = f"derived streams feed each other in a circle: {' → '.join(types)}"
        if len(types) == 2:
            message = f"the rule {rule.name.text} reads what it emits: {' → '.join(types)}"
        Reporter(declarations.report, source).error(
            read.span, "cycle", message, "let one of these rules read another stream, or emit another type", related
        )
        graph[("rule", index)].discard(("type", types[0]))


# ---------------------------------------------------------------------------------------------- derived schemas


@dataclass(frozen=True)
class _Derived:
    """A derived event type: its schema, and its shape with what is wrong in it."""

    schema: Schema
    shape: Shape

    @staticmethod
    def all_of(declarations: Declarations, outcomes: Sequence[Outcome]) -> dict[str, _Derived]:
        """Every derived event type, in the order of the first rule that emits each; its mistakes are reported."""
        by_type: dict[str, list[Emission]] = {name: [] for name in declarations.emitted}
        for outcome in outcomes:
            for emission in outcome.emissions:
                if emission.type in by_type:
                    by_type[emission.type].append(emission)
        return {name: _Derived.of(declarations, name, emissions, None) for name, emissions in by_type.items()}

    @staticmethod
    def of(
        declarations: Declarations, name: str, emissions: Sequence[Emission], emitters: Sequence[int] | None
    ) -> _Derived:
        """The union of what is emitted; a field that some emit leaves out is optional."""
        own = [e for e in emissions if e.type == name]
        is_open = any(e.open for e in own) or not own
        types: dict[str, Type | None] = {}
        places: dict[str, tuple[Source, Span]] = {}
        nulls: dict[str, tuple[Source, Span]] = {}
        for emission in own:
            reporter = Reporter(declarations.report, emission.source)
            for item in emission.fields:
                if item.value is None:
                    types[item.name] = None
                    continue
                found = plain(item.value.type)
                if found.kind == "null":
                    nulls.setdefault(item.name, (emission.source, item.span))
                    continue
                if item.name not in places:
                    places[item.name] = (emission.source, item.span)
                    if item.name not in types:
                        types[item.name] = found
                    continue
                known = types[item.name]
                if known is None:
                    continue
                if not known.same_kind(found):
                    before, after = known.as_optional(False), found.as_optional(False)
                    reporter.error(
                        item.span,
                        "two-types",
                        f"{name}.{item.name} is {after} here and {before} in another rule",
                        "emit one type under one name",
                        ((f"{before} here", *places[item.name]),),
                    )
                    continue
                types[item.name] = known.joined(found)
        for field_name, (source, span) in nulls.items():
            if field_name not in types:
                Reporter(declarations.report, source).error(
                    span,
                    "null-without-type",
                    f"{name}.{field_name} is null in every rule, so it has no type",
                    "leave the field out, or emit a value in another rule",
                )
                types[field_name] = None
        ordered = dict.fromkeys(item.name for emission in own for item in emission.fields)
        counts = Counter(item.name for emission in own for item in emission.fields)
        attributes: dict[str, Type | None] = {}
        for field_name in ordered:
            declared = types[field_name]
            missing = field_name in nulls or counts[field_name] < len(own)
            attributes[field_name] = None if declared is None else declared.as_optional(declared.optional or missing)
        schema = Schema(
            name,
            tuple(Attribute(n, t, n) for n, t in attributes.items() if t is not None),
            derived=True,
        )
        return _Derived(schema, Shape(name, (name,), attributes, is_open))


def _emits(outcome: Outcome, derived: Mapping[str, Schema]) -> tuple[CheckedEmit, ...]:
    """The emits of a rule, each bare null with the type that the schema gives it."""
    out = []
    for emission in outcome.emissions:
        schema = derived[emission.type].by_name
        fields = []
        for item in emission.fields:
            value = item.value
            assert value is not None, "a rule without mistakes has a value for every field"
            if isinstance(value, Const) and value.type.kind == "null":
                value = replace(value, type=schema[item.name].type)
            fields.append((item.name, value))
        out.append(CheckedEmit(emission.type, tuple(fields), emission.span, emission.on_timeout))
    return tuple(out)
