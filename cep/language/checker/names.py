"""Names: a bare name is a field of the event at hand, then an alias, the key, a param; two of these are a mistake.

Tested by: tests/language/test_check_names.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cep.language.checker.operations import kind_text
from cep.language.checker.report import did_you_mean, listed
from cep.language.checker.windows import refuse_bare
from cep.language.typed import Apply, Attr, Const, Fold, Key, ParamRef, Present
from cep.model.types import BOOL, INT

if TYPE_CHECKING:
    from cep.language import ast
    from cep.language.checker.expressions import Expressions
    from cep.language.checker.scope import Given, Variable
    from cep.language.checker.shapes import Shape
    from cep.language.checker.tablejoins import JoinedTable
    from cep.language.typed import Typed
    from cep.model.diagnostics import Span


class Names:
    """Resolves the paths of one place."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.declarations = expressions.declarations
        self.reporter = expressions.reporter
        self.scope = expressions.scope

    def path(self, path: ast.Path, record: bool = False, lists: bool = False) -> Typed | None:
        """What a path means; a whole record, or a list, only where ``record`` and ``lists`` say so."""
        whole = (("record",) if record else ()) + (("list",) if lists else ())
        names = path.names
        if names is None:
            self.reporter.not_yet(path.span, "an element of a list or map (`[…]`)")
            return None
        scope, head = self.scope, names[0]
        if scope.window is not None and refuse_bare(self.reporter, scope, path):
            return None
        if head in scope.elements:
            return self._element(path, names, lists)
        if head in scope.parameters:
            return self._parameter(scope.parameters[head], path, record, lists)
        meanings = self.meanings(head)
        is_field = scope.fold is None and scope.current is not None and head in scope.current.heads
        if len(meanings) > 1:
            alias = scope.own.name if scope.own is not None and not scope.own.name.startswith("$") else "alias"
            field_hint = f"write {alias}.{head} for the field, or " if is_field and scope.place != "function" else ""
            self.reporter.error(
                path.span,
                "ambiguous-name",
                f"`{head}` is both {listed(meanings)}",
                f"{field_hint}give one of them another name",
            )
            return None
        if is_field:
            assert scope.current is not None
            return self._attribute(None, scope.current, names, path.span, whole)
        if scope.is_alias(head):
            return self._alias(names, path, whole)
        if head in scope.keys:
            key = scope.keys[head]
            if key is None or self._has_rest(names, path.span, f"the key `{head}`"):
                return None
            return Key(key[0], key[1].type)
        if head in self.declarations.params:
            param = self.declarations.params[head]
            if param is None or self._has_rest(names, path.span, f"the param `{head}`"):
                return None
            return ParamRef(head, param.type)
        self._unknown(names, path.span)
        return None

    def meanings(self, head: str) -> list[str]:
        """What a name means at this place, in words: nothing, or one thing, else it is a mistake."""
        scope = self.scope
        out: list[str] = []
        is_field = scope.fold is None and scope.current is not None and head in scope.current.heads
        if is_field:
            assert scope.current is not None
            out.append(f"a {'parameter' if scope.place == 'function' else 'field'} of {scope.current.name}")
        if head in scope.parameters:
            out.append("a parameter")
        if scope.is_alias(head):
            out.append("an alias")
        if head in scope.keys and not (is_field and self._is_key_field(head)):
            out.append("the key")
        if head in self.declarations.params:
            out.append("a param")
        return out

    def _element(self, path: ast.Path, names: tuple[str, ...], lists: bool) -> Typed | None:
        """The element of a list that is gone through."""
        element, fold = self.scope.elements[names[0]]
        if fold != self.scope.fold:
            message = f"an aggregate is over events: `{names[0]}` is an element of the list around it"
            hint = "compare the element with the aggregate, outside of it"
            self.reporter.error(path.span, "mixed-aliases", message, hint)
            return None
        if element is None or self._has_rest(names, path.span, f"the element `{names[0]}`"):
            return None
        if element.type.kind == "list" and not lists:
            where = f"ask `{names[0]} is null`, `x in ({names[0]})` or `any x in {names[0]} satisfies (…)`"
            self.reporter.not_yet(path.span, f"a list in this place (`{names[0]}: {element.type}`)", where)
            return None
        return element

    @staticmethod
    def _parameter(given: Given, path: ast.Path, record: bool, lists: bool) -> Typed | None:
        if given.path is None or given.names is None:
            return given.value  # the declaration has been checked: it has no fields
        longer = replace(given.path, parts=(*given.path.parts, *path.parts[1:]))
        return given.names.path(longer, record, lists)

    def inside(self, record: Attr, span: Span) -> list[tuple[str, Typed | None]]:
        """The attributes inside a record, each by the rest of its name, read from the same event."""
        variable = None if record.variable is None else self.scope.bound[record.variable]
        shape = self.scope.current if variable is None else variable.shape
        assert shape is not None, "a record was found in it"
        out: list[tuple[str, Typed | None]] = []
        for name, declared in shape.attributes.items():
            if name.startswith(f"{record.name}.") and (declared is None or declared.is_held):
                found = self._attribute(variable, shape, tuple(name.split(".")), span, ("record", "list"))
                out.append((name[len(record.name) + 1 :], found))
        return out

    def is_alias_only(self, name: str) -> bool:
        """Whether ``name`` alone stands for an event, and for nothing else."""
        shape = self.scope.current
        is_field = shape is not None and name in shape.heads
        taken = is_field or name in self.scope.keys or name in self.declarations.params
        return self.scope.is_alias(name) and not taken and self.scope.fold is None

    def presence(self, name: str, expr: ast.IsNull) -> Typed | None:
        """Whether the alias ``name`` has bound an event."""
        scope = self.scope
        if name in scope.silent:
            return None
        if name in scope.joined:
            row = scope.joined[name].there(self.expressions, expr.value.span)
            return row if expr.negated or row is None else Apply("not", (row,), BOOL)
        if scope.own is not None and scope.own.name == name:
            return Const(expr.negated, BOOL)  # the event at hand is there
        if name in scope.bound:
            here = self._presence_of(scope.bound[name])
            return here if expr.negated else Apply("not", (here,), BOOL)
        self.unbound(name, expr.value.span)
        return None

    @staticmethod
    def _presence_of(variable: Variable) -> Typed:
        if variable.is_loop or variable.is_group:  # bound at least once, in whatever iteration
            return Apply("gt", (Fold("count", variable.name, None, False, INT), Const(0, INT)), BOOL)
        return Present(variable.name, BOOL)

    def unbound(self, name: str, span: Span) -> None:
        """Report an alias that has no value here."""
        if name in self.scope.elsewhere:
            self.reporter.error(
                span,
                "other-alternative",
                f"`{name}` is in another part of `one of` or `all of`: here it may have bound nothing",
                "compare it in a step after the whole",
            )
        elif name in self.scope.later:
            self.reporter.error(
                span,
                "bound-later",
                f"`{name}` is bound later than this condition is asked",
                f"move the condition to the step of `{name}`",
            )
        else:
            self.reporter.error(
                span,
                "absent-alias",
                f"`{name}` names an event that must not come: outside its own condition it has no value",
            )

    def _is_key_field(self, head: str) -> bool:
        key = self.scope.keys.get(head)
        if key is None or self.scope.current is None:
            return True
        return all(key[1].attributes.get(s, head) == head for s in self.scope.current.streams)

    def _has_rest(self, names: tuple[str, ...], span: Span, what: str) -> bool:
        if len(names) > 1:
            self.reporter.error(span, "unknown-field", f"{what} has no fields, so no `{'.'.join(names[1:])}`")
        return len(names) > 1

    def _unknown(self, names: tuple[str, ...], span: Span) -> None:
        scope, head = self.scope, names[0]
        if scope.place == "function":
            here = [] if scope.current is None else list(scope.current.attributes)
            message = f"`{head}` is unknown: a function sees its parameters, and the params of the file"
            hint = did_you_mean(head, [*here, *self.declarations.params], f"declare it: a parameter `{head}: …`")
            self.reporter.error(span, "unknown-name", message, hint)
            return
        if scope.current is not None and scope.fold is None:
            if scope.current.open:
                return
            if head in scope.current.partial:
                self.reporter.error(
                    span,
                    "unknown-field",
                    f"`{head}` cannot be read here, where the event may be of several streams: "
                    f"{scope.current.partial[head]}",
                )
                return
        everything = list(scope.bound.values()) + ([scope.own] if scope.own is not None else [])
        owners = [v for v in everything if ".".join(names) in v.shape.attributes and not v.name.startswith("$")]
        if owners and (scope.current is None or scope.fold is not None):
            written = [f"{v.name}.{'.'.join(names)}" for v in owners]
            aggregate = [
                f"last({w})" if v.is_loop and scope.fold is None else w for v, w in zip(owners, written, strict=True)
            ]
            are = "is a field of" if len(owners) == 1 else "is a field of each of"
            self.reporter.error(
                span,
                "needs-alias",
                f"`{'.'.join(names)}` {are} {listed([f'`{v.name}`' for v in owners])}: say which event is meant",
                f"write {listed(aggregate, 'or')}",
            )
            return
        where = ""
        known = [*scope.aliases(), *scope.keys, *self.declarations.params]
        if scope.current is not None and scope.fold is None:
            known = [*scope.current.attributes, *known]
            where = f": {scope.current.name} has no such field, and no alias, key or param has that name"
        else:
            where = ": no alias, key or param has that name"
        if any(v.shape.open for v in everything) and scope.current is None and len(names) == 1:
            return
        hint = did_you_mean(head, known)
        if hint is None and scope.aliases() and scope.place == "emit":
            hint = f"aliases are {listed(scope.aliases())}"
        code = "unknown-field" if scope.current is not None and scope.fold is None else "unknown-name"
        self.reporter.error(span, code, f"`{head}` is unknown{where}", hint)

    def _attribute(
        self, variable: Variable | None, shape: Shape, names: tuple[str, ...], span: Span, whole: tuple[str, ...]
    ) -> Typed | None:
        flat = ".".join(names)
        if flat not in shape.attributes:
            self._no_field(shape, names, span)
            return None
        declared = shape.attributes[flat]
        if declared is None:
            return None
        if not declared.is_held:
            self.reporter.not_yet(span, f"reading this kind of value (`{flat}: {declared}`)")
            return None
        if declared.kind == "list" and "list" not in whole:
            asked = f"`{flat} is null`, `x in ({flat})` or `any x in {flat} satisfies (…)`"
            where = f"emit it, aggregate it, or ask {asked}"
            self.reporter.not_yet(span, f"a list in this place (`{flat}: {declared}`)", where)
            return None
        if declared.kind == "record" and "record" not in whole:
            leaf = next((a for a in shape.attributes if a.startswith(f"{flat}.")), None)
            hint = f"write one of its fields, e.g. {leaf}" if leaf else None
            self.reporter.error(
                span, "record-value", f"`{flat}` is a whole record ({declared.name}), which is no value", hint
            )
            return None
        if variable is None:
            return Attr(None, flat, declared)
        return Attr(variable.name, flat, declared.as_optional(declared.optional or variable.low == 0))

    def _of_table(self, joined: JoinedTable, rest: tuple[str, ...], path: ast.Path) -> Typed | None:
        if rest:
            return joined.field(self.expressions, ".".join(rest), path.span)
        example = f"{joined.alias}.{joined.table.schema.names[-1]}"
        message = f"`{joined.alias}` is a row of {joined.table.name}, not a value"
        self.reporter.error(path.span, "event-as-value", message, f"write one of its fields, e.g. {example}")
        return None

    def _no_field(self, shape: Shape, names: tuple[str, ...], span: Span) -> None:
        flat = ".".join(names)
        if shape.open:
            return
        if flat in shape.partial:
            self.reporter.error(span, "unknown-field", f"`{flat}` cannot be read: {shape.partial[flat]} ({shape.name})")
            return
        outer = ".".join(names[:-1])
        declared = shape.attributes.get(outer) if outer else None
        if declared is not None and declared.kind not in ("record", "map"):
            message = f"`{outer}` is {kind_text(declared)} and has no fields, so no `{names[-1]}`"
            self.reporter.error(span, "unknown-field", message)
            return
        if outer in shape.attributes and declared is None:
            return
        owner = declared.name if declared is not None and declared.name else shape.name
        known = [a for a in shape.attributes if a.startswith(f"{outer}.")] if outer else list(shape.attributes)
        hint = did_you_mean(flat, known)
        if hint is None and known:
            hint = f"its fields are {listed(known[:8])}{', …' if len(known) > 8 else ''}"
        self.reporter.error(span, "unknown-field", f"{owner} has no field `{names[-1]}`", hint)

    def _alias(self, names: tuple[str, ...], path: ast.Path, whole: tuple[str, ...]) -> Typed | None:
        scope, head, rest = self.scope, names[0], names[1:]
        if head in scope.silent:
            return None
        if head in scope.joined:
            return self._of_table(scope.joined[head], rest, path)
        own = scope.own is not None and scope.own.name == head
        if scope.fold is not None and head != scope.fold:
            self.reporter.error(
                path.span,
                "mixed-aliases",
                f"an aggregate is over one alias: this one is over `{scope.fold}`, and reads `{head}` too",
                "compare or combine the results of two aggregates",
            )
            return None
        variable = scope.own if own else scope.bound.get(head)
        if variable is None:
            self.unbound(head, path.span)
            return None
        if variable.is_group:
            message = f"`{head}` is a group of events, not a value"
            hint = f"write count({head}) for its iterations, or name a step inside it"
            self.reporter.error(path.span, "event-as-value", message, hint)
            return None
        if not rest:
            known = [a for a, t in variable.shape.attributes.items() if t is None or t.kind != "record"]
            example = f"{head}.{known[0]}" if known else f"{head}.field"
            hint = (
                f"write count({head}) or an aggregate of a field"
                if variable.is_loop
                else f"write one of its fields, e.g. {example}"
            )
            self.reporter.error(path.span, "event-as-value", f"`{head}` is an event, not a value", hint)
            return None
        if own or scope.fold is not None:
            return self._attribute(None, variable.shape, rest, path.span, whole)
        if variable.is_loop:
            flat = ".".join(rest)
            if flat in variable.shape.attributes or variable.shape.open:
                what = "is a step of a repeated group" if variable.is_repeated else "is a loop"
                self.reporter.error(
                    path.span,
                    "loop-alias",
                    f"`{head}` {what} and stands for several events, so `{head}.{flat}` is no one value",
                    f"write last({head}.{flat}), or another of first, min, max, avg, sum",
                )
            else:
                self._no_field(variable.shape, rest, path.span)
            return None
        return self._attribute(variable, variable.shape, rest, path.span, whole)
