"""Calls: aggregates over an alias, ``prev``, functions of values, and those that do not run yet.

An aggregate is over one alias; inside it that alias is the event at hand (the variable None).
Tested by: tests/language/test_check.py, tests/language/test_check_names.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.approximate import APPROXIMATE
from cep.language.checker.bodies import Bodies
from cep.language.checker.functions import FUNCTIONS, Functions
from cep.language.checker.lists import LISTS, list_aggregate
from cep.language.checker.measures import MEASURES, distinct_count, measure, restricted
from cep.language.checker.operations import Checked, kind_text, path_text, settled
from cep.language.checker.report import listed, nearest
from cep.language.checker.scalars import FOREIGN
from cep.language.checker.walk import walk
from cep.language.checker.windows import window_aggregate, window_call
from cep.language.typed import MATCHES, Const, Fold, OfMatch, Prev, Typed
from cep.model.types import DURATION, FLOAT, INT, STRING, TIME, list_of

if TYPE_CHECKING:
    from cep.language.checker.expressions import Expressions
    from cep.language.checker.scope import Variable
    from cep.model.diagnostics import Span
    from cep.model.types import Type

_FOLDS = ("count", "sum", "avg", "min", "max", "first", "last")
_OF_WINDOWS_ALONE = frozenset({"rate", *APPROXIMATE})
_OF_MATCH: dict[str, OfMatch] = {
    "match_start": OfMatch("match_start", TIME),
    "match_end": OfMatch("match_end", TIME),
    "names": OfMatch("names", list_of(STRING)),
    "stage": OfMatch("stage", STRING),
    "truncated": OfMatch("truncated", INT),
}
_OF_MATCH_LATER = frozenset({"deadline", "elapsed", "violated_at"})
_OF_WINDOW = frozenset({"window_start", "window_end"})


class Calls:
    """Gives types to the calls of one place."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.declarations = expressions.declarations
        self.reporter = expressions.reporter
        self.scope = expressions.scope
        self.functions = Functions(expressions)
        self.bodies = Bodies(expressions)

    def call(self, call: ast.Call) -> Checked:
        """The typed form of a call."""
        name = call.name.text
        if self.scope.place == "function" and (name in _FOLDS or name == "prev"):
            self.reporter.error(
                call.span,
                "needs-alias",
                f"`{name}` has no events inside a function",
                f"give its result as an argument where the function is called, e.g. f({name}(v.field))",
            )
            return None
        if name == "prev":
            return self._prev(call)
        if name in _FOLDS:
            return self._fold(call)
        if name in LISTS:
            if self.scope.place in ("step", "absence") and self.scope.fold is None:
                what = f"`{name}` in a condition, outside of `in (…)`,"
                self.reporter.not_yet(call.span, what, f"write x in ({name}(…)), or emit the list")
                return None
            return list_aggregate(self, call)
        if name in MEASURES:
            return measure(self, call, name)
        if name in _OF_WINDOWS_ALONE:
            if self.scope.window is not None or self.scope.inside:
                return window_aggregate(self, call)
            if not self.scope.windowed:
                self.reporter.not_yet(call.span, f"`{name}` of a match", "it is of the events of a window (`over …`)")
            return None
        if name in _OF_MATCH:
            return self._of_match(call)
        if name in _OF_WINDOW:
            return window_call(self, call)
        if name in _OF_MATCH_LATER:
            self.reporter.not_yet(call.span, f"`{name}()`")
            return None
        if name in FUNCTIONS:
            return self.functions.call(call)
        if name in self.declarations.functions:
            return self.bodies.call(call)
        known = [
            *_FOLDS,
            *LISTS,
            *MEASURES,
            "prev",
            *FUNCTIONS,
            *_OF_WINDOWS_ALONE,
            *_OF_MATCH,
            *_OF_MATCH_LATER,
            *_OF_WINDOW,
            *self.declarations.functions,
        ]
        foreign = {"mean": "avg", "average": "avg", "total": "sum", "previous": "prev", "lag": "prev", **FOREIGN}
        if name == "len" and any(a.value is not None and self._is_bare_alias(a.value) for a in call.arguments):
            foreign["len"] = "count"
        foreign |= {"ifnull": "coalesce", "nvl": "coalesce", "ln": "log", "power": "pow", "ceiling": "ceil"}
        instead = foreign.get(name) or nearest(name, known)
        self.reporter.error(
            call.name.span,
            "unknown-function",
            f"there is no function `{name}`",
            f"did you mean `{instead}`?" if instead else None,
        )
        return None

    def _is_bare_alias(self, expr: ast.Expr) -> bool:
        return isinstance(expr, ast.Path) and len(expr.parts) == 1 and self.scope.is_alias((expr.names or ("",))[0])

    def _aliases_in(self, expr: ast.Expr) -> list[tuple[str, Span]]:
        found = []
        for node in walk(expr):
            if isinstance(node, ast.Path) and node.is_plain:
                names = node.names
                assert names is not None
                if self.scope.is_alias(names[0]):
                    found.append((names[0], node.span))
        return found

    def _of_match(self, call: ast.Call) -> Typed | None:
        name, place = call.name.text, self.scope.place
        if self.scope.windowed:
            return None  # the window has been refused, and what is said of it
        if call.arguments:
            self.reporter.error(call.span, "wrong-arguments", f"`{name}` takes no argument", f"write {name}()")
        elif place in ("step", "absence"):
            times = name in ("match_start", "match_end")
            hint = "write the time of a bound event, e.g. v.at" if times else "write e.g. v is not null"
            self.reporter.not_yet(call.span, f"`{name}()` in a condition", hint)
        elif place != "emit" or self.scope.fold is not None:
            message = f"`{name}()` is of a whole match, and stands in the `emit` of a pattern"
            self.reporter.error(call.span, "needs-alias", message, "write a field of the event")
        else:
            found = _OF_MATCH[name]
            return replace(found, names=self.scope.stages) if name == "stage" else found
        return None

    def _fold(self, call: ast.Call) -> Typed | None:
        name, scope = call.name.text, self.scope
        if scope.windowed:
            return None  # the window has been refused, and its aggregates with it
        if scope.window is not None or scope.inside:
            return window_aggregate(self, call)
        if scope.fold is not None:
            self.reporter.error(call.span, "nested-aggregate", f"`{name}` stands inside another aggregate")
            return None
        distinct = any(a.distinct for a in call.arguments)
        if distinct and name != "count":
            hint = "the same without it" if name in ("min", "max") else None
            self.reporter.not_yet(call.span, f"`distinct` inside `{name}(…)`", hint)
            return None
        if scope.place == "row":
            self.reporter.not_yet(call.span, f"`{name}` over the events of a query, which needs a window (`over …`),")
            return None
        if name == "count" and not call.arguments and scope.place == "emit":
            return Fold("count", MATCHES, None, False, INT.as_optional())
        if len(call.arguments) != 1 or call.arguments[0].value is None:
            example = next((v.name for v in scope.bound.values() if v.is_loop), "v")
            hint = f"write {name}({example})" if name == "count" else f"write {name}({example}.field)"
            self.reporter.error(call.span, "wrong-arguments", f"`{name}` takes one argument", hint)
            return None
        if distinct:
            return distinct_count(self, call)
        argument, where = call.arguments[0].value, call.arguments[0].where
        variable = self.variable_of(name, argument, call)
        if variable is None:
            return None
        running = scope.own is not None and variable.name == scope.own.name
        if running and scope.place == "absence":
            self.reporter.error(call.span, "absent-alias", f"`{variable.name}` binds no event to aggregate")
            return None
        if isinstance(argument, ast.Path) and argument.names == (variable.name,):
            if name == "count" and where is not None and not variable.is_group:
                counted = restricted(self, where, variable, None, argument.span)
                return None if counted is None else Fold("count", variable.name, counted[1], running, self._count)
            if name == "count" and where is None:
                return Fold("count", variable.name, None, running, self._count)
            if variable.is_group:
                hint = "name a step inside the group"
                self.reporter.error(
                    argument.span, "event-as-value", f"`{variable.name}` is a group: it has no fields", hint
                )
                return None
            known = [a for a, t in variable.shape.attributes.items() if t is None or t.is_number]
            hint = f"write {name}({variable.name}.{known[0] if known else 'field'})"
            self.reporter.error(argument.span, "event-as-value", f"`{name}` needs a field of `{variable.name}`", hint)
            return None
        inner = replace(scope, current=variable.shape, fold=variable.name)
        found = self.expressions.within(inner).whole(argument)
        if variable.is_group:
            return None  # told by the argument
        if found is None:
            return None
        chosen = restricted(self, where, variable, found, argument.span)
        return None if chosen is None else self.folded(name, variable, chosen[1], running, argument.span)

    def variable_of(self, name: str, argument: ast.Expr, call: ast.Call) -> Variable | None:
        """The alias that an aggregate is over."""
        scope = self.scope
        used = self._aliases_in(argument)
        if any(alias in scope.silent for alias, _ in used):
            return None
        if not used:
            owners = [*scope.bound.values(), *([scope.own] if scope.own is not None else [])]
            loops = [v.name for v in owners if v.is_loop and not v.name.startswith("$")]
            text = path_text(argument) if isinstance(argument, ast.Path) else "field"
            example = f"{loops[0]}.{text}" if loops else f"v.{text}"
            self.reporter.error(
                call.span,
                "needs-alias",
                f"`{name}` does not say whose events it is over",
                f"write {name}({example})" + ("" if loops else ", with v the alias of a step"),
            )
            return None
        alias, span = used[0]
        if scope.own is not None and alias == scope.own.name:
            return scope.own
        if alias in scope.bound:
            return scope.bound[alias]
        self.expressions.names.unbound(alias, span)
        return None

    @property
    def _count(self) -> Type:
        """What a count is: of one match never null, of all that an event decides where they are too many."""
        return INT.as_optional(self.scope.counted)

    def folded(self, name: str, variable: Variable, argument: Typed, running: bool, span: Span) -> Typed | None:
        """The fold of one of the plain aggregates over values, if it is defined for their type."""
        declared = argument.type
        allowed: tuple[str, ...]
        match name:
            case "count" | "first" | "last":
                allowed = ("int", "float", "bool", "string", "time", "duration", "decimal")
                if name == "count" or self.scope.place == "emit":
                    allowed = (*allowed, "list")
            case "sum" | "avg":
                allowed = ("int", "float", "decimal", "duration")
            case _:
                allowed = ("int", "float", "decimal", "time", "duration")
        if declared.kind not in allowed:
            self.reporter.error(
                span,
                "wrong-type",
                f"`{name}` is not defined for {kind_text(declared)}",
                f"it takes {listed(list(allowed), 'or')}",
            )
            return None
        # an aggregate over at least one event, none of them null, is not null; sums may overflow
        sure = (variable.low > 0 or running) and not declared.optional
        match name:
            case "count":
                return Fold("count", variable.name, argument, running, self._count)
            case "sum":
                return Fold("sum", variable.name, argument, running, declared.as_optional())
            case "avg":
                out = DURATION if declared.kind == "duration" else FLOAT
                return Fold("avg", variable.name, argument, running, out.as_optional())
            case "min" | "max" | "first" | "last":
                return Fold(name, variable.name, argument, running, declared.as_optional(not sure))
            case _:
                raise AssertionError(name)

    def _prev(self, call: ast.Call) -> Typed | None:
        scope = self.scope
        if scope.windowed:
            return None
        if scope.fold is not None:
            self.reporter.error(call.span, "nested-aggregate", "`prev` stands inside an aggregate")
            return None
        if scope.place == "row":
            self.reporter.not_yet(call.span, "`prev` over the events of a query")
            return None
        if len(call.arguments) not in (1, 2) or any(
            a.value is None or a.distinct or a.where is not None for a in call.arguments
        ):
            self.reporter.error(
                call.span, "wrong-arguments", "`prev` takes a field and a default", "write prev(v.field, default)"
            )
            return None
        argument = call.arguments[0].value
        assert argument is not None
        own = scope.own if scope.own is not None and scope.place == "step" else None
        used = self._aliases_in(argument)
        if any(alias in scope.silent for alias, _ in used):
            return None
        if own is None or not own.is_loop or not used or used[0][0] != own.name:
            subject = path_text(argument) if isinstance(argument, ast.Path) else "v.field"
            known_loop = bool(used) and used[0][0] in scope.bound
            hint = (
                f"write last({subject})"
                if known_loop
                else "write prev(v.field, default) in the condition of the loop v"
            )
            message = "`prev` is the event before this one in a loop, so it stands only in that loop's own condition"
            self.reporter.error(call.span, "prev-outside-loop", message, hint)
            return None
        inner = replace(scope, current=own.shape, fold=own.name)
        found = self.expressions.within(inner).loosely(argument)
        default: Checked = None
        if len(call.arguments) == 2:
            second = call.arguments[1].value
            assert second is not None
            default = self.expressions.loosely(second)
            if default is None:
                return None
            if isinstance(default, Const) and default.type.kind == "null":
                default = None
        if found is None:
            return None
        if default is None:
            only = settled(found)
            assert only is not None
            return Prev(own.name, only, None, only.type.as_optional())
        pair = self.expressions.operations.unified(found, default, call)
        if pair is None:
            return None
        value, otherwise = pair
        return Prev(own.name, value, otherwise, value.type.as_optional(value.type.optional or otherwise.type.optional))
