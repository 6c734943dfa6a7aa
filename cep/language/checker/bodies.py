"""Bodies: functions that rule files declare (``function f(x: int) = …``), and what a call of one means.

A call means its body with the arguments in place of the parameters, each cast to the declared type. A null argument is
null there, whatever the parameter's type says. A parameter that is a record takes the path of a record. A body sees its
parameters and the params of the file, and no more; it may call other functions, in no circle.
Each body is checked once where it stands, so that its mistakes are told once, and typed anew at each call.
Cost: linear in what the calls expand to; that is bounded.
Tested by: tests/language/test_check_bodies.py
"""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.attributes import flatten
from cep.language.checker.externals import called
from cep.language.checker.operations import Checked, Loose, kind_text, rescaled, to_float
from cep.language.checker.report import Report, Reporter, listed
from cep.language.checker.scope import Given, Scope
from cep.language.checker.shapes import Shape, plain
from cep.language.checker.walk import walk
from cep.language.typed import Apply, Const, Fold, Prev, Typed
from cep.model.types import Type

if TYPE_CHECKING:
    from cep.language.checker.declarations import Declarations
    from cep.language.checker.expressions import Expressions
    from cep.model.diagnostics import Source

_DEEPEST = 20  # calls inside calls
_LARGEST = 20_000  # operations
_HIGHEST = 200  # operations inside operations, but for chains


@dataclass(frozen=True, slots=True)
class Body:
    """A declared function without mistakes."""

    source: Source
    name: str
    parameters: tuple[tuple[str, Type], ...]
    expression: ast.Expr


def declare_bodies(declarations: Declarations, report: Report) -> None:
    """Check every declared function, those that it calls first, and enter those without mistakes."""
    from cep.language.checker.functions import FUNCTIONS

    graph: dict[str, set[str]] = {}
    for name, (source, function) in declarations.functions.items():
        reporter = Reporter(report, source)
        if name in FUNCTIONS:
            message = f"`{name}` is a function of the language"
            reporter.error(function.name.span, "duplicate-name", message, "give this one another name")
        if function.body is None:
            continue  # of a Python module: see `cep.language.checker.externals`
        calls = (n.name.text for n in walk(function.body) if isinstance(n, ast.Call))
        graph[name] = {c for c in calls if c in declarations.functions}
    for name in _order(declarations, report, graph):
        source, function = declarations.functions[name]
        if function.body is not None:
            _declare(declarations, Reporter(report, source), function, function.body)


def _order(declarations: Declarations, report: Report, graph: dict[str, set[str]]) -> list[str]:
    while True:
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as problem:
            circle: list[str] = problem.args[1]
        source, function = declarations.functions[circle[0]]
        message = f"functions call each other in a circle: {' → '.join(reversed(circle))}"
        Reporter(report, source).error(function.name.span, "cycle", message)
        for name in circle:
            graph.pop(name, None)
            declarations.broken.add(name)
        for calls in graph.values():
            calls.difference_update(circle)


def _declare(declarations: Declarations, reporter: Reporter, function: ast.Function, body: ast.Expr) -> None:
    from cep.language.checker.expressions import Expressions

    name = function.name.text
    before = declarations.report.mistakes
    found = flatten(declarations, reporter, function.parameters, f"the function {name}")
    shape = {flat: None if a is None else plain(a.type) for a, _, flat in found}
    inside = Scope("function", Shape(f"the function {name}", (), shape))
    result = Expressions(declarations, reporter, inside).loosely(body)
    if result is None or declarations.report.mistakes > before:
        declarations.broken.add(name)
        return
    parameters = tuple((f.name.text, shape[f.name.text]) for f in function.parameters)
    known = tuple((n, t) for n, t in parameters if t is not None)
    assert len(known) == len(parameters), "what is wrong has been reported"
    declarations.bodies[name] = Body(reporter.source, name, known, body)


class Bodies:
    """Puts bodies in place of the calls of one place."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.declarations = expressions.declarations
        self.reporter = expressions.reporter

    def call(self, call: ast.Call) -> Checked:
        """The typed body of a declared function with the call's arguments in it."""
        name = call.name.text
        body, external = self.declarations.bodies.get(name), self.declarations.externals.get(name)
        written = [a.value for a in call.arguments if a.value is not None and not a.distinct and a.where is None]
        if external is not None:
            fields = self.declarations.functions[name][1].parameters
            parameters = tuple((f.name.text, t) for f, t in zip(fields, external.parameters, strict=True))
        elif body is not None:
            parameters = body.parameters
        else:  # wrong, and reported where it stands
            return None
        count = len(parameters)
        if len(written) != len(call.arguments) or len(written) != count:
            takes = "no argument" if not count else "one argument" if count == 1 else f"{count} arguments"
            shape = f"{name}({', '.join(n for n, _ in parameters)})"
            self.reporter.error(call.span, "wrong-arguments", f"`{name}` takes {takes}", f"write {shape}")
            return None
        given: dict[str, Given] = {}
        for expr, (parameter, declared) in zip(written, parameters, strict=True):
            argument = self._argument(name, parameter, declared, expr)
            if argument is not None:
                given[parameter] = argument
        if len(given) < count:
            return None
        if external is not None:
            return called(external, [given[parameter].value for parameter, _ in parameters])
        assert body is not None
        return self._expanded(body, given, call)

    def _expanded(self, body: Body, given: dict[str, Given], call: ast.Call) -> Checked:
        depth = self.expressions.scope.depth + 1
        found: Checked = None
        too_long = depth > _DEEPEST
        if not too_long:
            inside = Scope("function", None, parameters=given, depth=depth)
            reporter = Reporter(self.reporter.report, body.source)
            found = type(self.expressions)(self.declarations, reporter, inside).loosely(body.expression)
            too_long = found is not None and not isinstance(found, Loose) and not _is_small(found)
        if too_long:
            message = f"the function `{body.name}` expands to more than can be compiled"
            hint = "let a rule before this one compute a part of it, as a field of a derived event"
            self.reporter.error(call.span, "too-long", message, hint)
            return None
        return found

    def _argument(self, name: str, parameter: str, declared: Type, expr: ast.Expr) -> Given | None:
        if declared.kind == "record":
            return self._record(name, parameter, declared, expr)
        # a list stands in no body, only in the hands of a function of a module
        of_list = declared.kind == "list" and name in self.declarations.externals
        loose = self.expressions.whole(expr) if of_list else self.expressions.loosely(expr)
        if loose is None:
            return None
        found = self.expressions.operations.beside(loose, Const(0, declared), expr.span)
        if found is None:
            return None
        cast = cast_to(found, declared)
        if cast is not None:
            return Given(cast)
        wanted, is_ = kind_text(declared), kind_text(found.type)
        hint = None
        if found.type.kind == declared.kind == "decimal":
            hint = f"round({parameter}, {declared.scale}) keeps fewer digits"
        elif declared.kind == "int" and found.type.is_number:
            hint = "floor(x) and ceil(x) make an int"
        elif declared.kind == "duration" and found.type.kind == "int":
            hint = "write a unit, e.g. 10 min"
        elif found.type.kind == "decimal" or (declared.kind == "decimal" and found.type.kind == "float"):
            hint = f"declare the parameter `{parameter}: float`"
        message = f"`{parameter}` of `{name}` is {wanted}, not {is_}"
        self.reporter.error(expr.span, "wrong-type", message, hint)
        return None

    def _record(self, name: str, parameter: str, declared: Type, expr: ast.Expr) -> Given | None:
        found: Typed | None = None
        if isinstance(expr, ast.Path):
            found = self.expressions.names.path(expr, record=True)
            if found is None:
                return None
            if found.type.kind == "record" and found.type.name == declared.name:
                return Given(found, expr, self.expressions.names)
        else:
            found = self.expressions.value(expr)
        if found is not None:
            message = f"`{parameter}` of `{name}` is the record {declared.name}, not {kind_text(found.type)}"
            shape = self.expressions.scope.current
            known = [] if shape is None else [n for n, t in shape.attributes.items() if t and t.name == declared.name]
            self.reporter.error(expr.span, "wrong-type", message, f"write {listed(known, 'or')}" if known else None)
        return None


def cast_to(found: Typed, declared: Type) -> Typed | None:
    """A value as one of the declared type; None when it is none."""
    kind = found.type.kind
    if kind == "null":
        return Const(None, declared.as_optional())
    if declared.kind == "float" and kind in ("int", "float"):
        return to_float(found)
    if declared.kind == "decimal" and kind in ("int", "decimal") and found.type.scale <= declared.scale:
        return rescaled(found, declared.scale)
    same = kind == declared.kind and kind != "decimal" and found.type.items == declared.items
    return found if same else None


def _is_small(node: Typed) -> bool:
    waiting, seen = [(node, 0)], 0
    while waiting:
        current, height = waiting.pop()
        seen += 1
        if seen > _LARGEST or height > _HIGHEST:
            return False
        match current:
            case Apply(_, args):
                waiting.append((args[0], height))  # chains lean to the left, and are walked
                waiting.extend((a, height + 1) for a in args[1:])
            case Fold(_, _, argument) if argument is not None:
                waiting.append((argument, height + 1))
            case Prev(_, argument, default):
                waiting.append((argument, height + 1))
                if default is not None:
                    waiting.append((default, height + 1))
            case _:
                pass
    return True
