"""Expressions: a syntax tree evaluated in a scope, by names as the language has them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cep.language import ast
from oracle import functions, measures, values
from oracle.external import Asked
from oracle.order import Event
from oracle.tables import joined

AGGREGATES = ("count", "sum", "avg", "min", "max", "first", "last")
LISTS = ("ids", "list", "distinct", "flatten", "events")


@dataclass(frozen=True)
class Window:
    """The events of a window, what they are called, and where it begins and ends."""

    events: list[Event]
    alias: str | None
    start: int
    end: int
    running: bool = False  # whether it is `everything`


@dataclass(frozen=True)
class Scope:
    """What names mean: the event at hand and its alias, the events bound so far by alias, key parts, params.

    ``here`` is ``bound`` without what earlier and later iterations of the groups around have bound; ``counts`` are the
    iterations of groups by alias.
    """

    current: Event | None = None
    own: str | None = None
    bound: dict[str, list[Event]] = field(default_factory=dict)
    keys: dict[str, values.Value] = field(default_factory=dict)
    params: dict[str, values.Value] = field(default_factory=dict)  # declared functions too: "kmh()"
    here: dict[str, list[Event]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    match: tuple[tuple[str | None, Event], ...] = ()  # all bound events with their aliases, in the order bound
    stage: str = ""  # 'the name of the last bound step'
    together: bool = False  # whether what is bound is what all matches have bound that an event decides
    given: dict[str, values.Value] = field(default_factory=dict)  # arguments of the function around; elements of lists

    joins: dict[str, ast.Join] = field(default_factory=dict)  # of a query with tables, by alias
    window: Window | None = None  # of a query: what aggregates are over

    def events(self, alias):
        """The events of an alias; 'aggregates include' the current event in its own condition (row 27)."""
        return self.bound.get(alias, []) + ([self.current] if alias == self.own else [])

    def is_alias(self, name):
        return name == self.own or name in self.bound


def holds(condition, scope):
    """'A condition holds only when true' (row 31)."""
    return condition is None or evaluate(condition, scope) is True


def evaluate(node, scope):
    """The value of an expression."""
    match node:
        case ast.IntLiteral() | ast.StringLiteral() | ast.BoolLiteral():
            return node.value
        case ast.PointLiteral():
            return values.Point(node.text)
        case ast.DurationLiteral():
            return values.Duration(node.value)
        case ast.NullLiteral():
            return None
        case ast.Path():
            return look_up(node.names, scope)
        case ast.Unary(op="-"):
            return values.negate(evaluate(node.operand, scope))
        case ast.Unary():
            return values.negation(evaluate(node.operand, scope))
        case ast.Chain():
            total = evaluate(node.operands[0], scope)
            for op, operand in zip(node.ops, node.operands[1:], strict=True):
                total = values.arithmetic(op, total, evaluate(operand, scope))
            return total
        case ast.Logic():
            parts = [evaluate(x, scope) for x in node.operands]
            return values.all_true(parts) if node.op == "and" else values.any_true(parts)
        case ast.Compare():
            return values.compare(node.op, evaluate(node.left, scope), evaluate(node.right, scope))
        case ast.Between():
            value, low, high = (evaluate(x, scope) for x in (node.value, node.low, node.high))
            return values.all_true([values.compare(">=", value, low), values.compare("<=", value, high)])
        case ast.In():
            value = evaluate(node.value, scope)
            # 'a list inside `in (…)` counts by its elements'
            items = [e for x in node.items for e in elements(evaluate(x, scope))]
            found = values.any_true([values.compare("=", value, item) for item in items])
            return values.negation(found) if node.negated else found
        case ast.TextMatch():
            found = values.matches_text(node.op, evaluate(node.value, scope), evaluate(node.pattern, scope))
            return values.negation(found) if node.negated else found
        case ast.IsNull():
            return (evaluate(node.value, scope) is None) != node.negated
        case ast.Case():
            conditions = [evaluate(c, scope) for c, _ in node.branches]
            found = [evaluate(v, scope) for _, v in node.branches]
            otherwise = None if node.otherwise is None else evaluate(node.otherwise, scope)
            return functions.case(conditions, [*found, otherwise])
        case ast.Quantified():
            items = evaluate(node.items, scope)
            if items is None:  # 'of a null list it is null'
                return None
            found = [
                evaluate(node.condition, replace(scope, given={**scope.given, node.variable.text: x})) for x in items
            ]
            return values.any_true(found) if node.op == "any" else values.all_true(found)
        case ast.Lookup():
            row = scope.params[f"{node.table.text}[]"].at([evaluate(k, scope) for k in node.keys])
            return None if row is None else row[node.field.text]
        case ast.Call():
            return call(node, scope)
    raise NotImplementedError(type(node).__name__)


def look_up(names, scope):
    """'A bare name is a field of the current event, then an alias, the key, a param.'"""
    dotted = ".".join(names)
    if names[0] in scope.given:
        value = scope.given[names[0]]
        return value[".".join(names[1:])] if names[1:] else value
    if names[0] in scope.joins:
        row = joined(names[0], scope, holds)
        return row if row is None or not names[1:] else row[names[1]]
    if scope.current is not None and dotted in scope.current.values:
        return scope.current.values[dotted]
    if scope.is_alias(names[0]):
        # 'Alias inside its own condition is the current event'; an unbound optional step's 'fields are null'; 'a bare
        # alias of an earlier step of the same iteration … means the event of this iteration'
        events = [scope.current] if names[0] == scope.own else scope.here[names[0]]
        if not events:
            return None
        return events[-1].values[".".join(names[1:])] if names[1:] else True
    if dotted in scope.keys:
        return scope.keys[dotted]
    return scope.params[dotted]


def call(node, scope):
    name, arguments = node.name.text, [a.value for a in node.arguments]
    if name == "count" and not arguments and scope.window is None:
        return scope.counts[""]  # 'how many matches the event decides'
    if (
        name == "count"
        and scope.window is None
        and isinstance(arguments[0], ast.Path)
        and arguments[0].names[0] in scope.counts
    ):
        return scope.counts[arguments[0].names[0]]  # '`count(g)` of a group's alias is its number of iterations'
    if name == "truncated":
        return scope.counts.get("truncated", 0)  # 'how many matches of its event the limit has left out'
    if name in ("match_start", "match_end"):
        return values.Time(scope.match[0 if name == "match_start" else -1][1].time)
    if name == "stage":
        return scope.stage
    if name == "names":
        return measures.distinct([alias for alias, _ in scope.match if alias and not alias.startswith("$")])
    if name in functions.CHOICES:
        return functions.choice(name, [evaluate(a, scope) for a in arguments])
    if name == "concat":
        return functions.concat([evaluate(a, scope) for a in arguments])
    if name in functions.NAMES:
        return functions.of_values(name, [argument(a, scope) for a in arguments])
    if f"{name}()" in scope.params:  # 'its body with the arguments in place of the parameters'
        declared = scope.params[f"{name}()"]
        if isinstance(declared, Asked):
            return declared([evaluate(a, scope) for a in arguments])
        given = {
            p.name.text: functions.given_as(argument(a, scope), p.type)
            for p, a in zip(declared.parameters, arguments, strict=True)
        }
        return evaluate(declared.body, Scope(params=scope.params, given=given))
    if scope.window is not None:
        return over_window(name, node.arguments, scope)
    alias = next((n for a in arguments for n in first_names(a) if scope.is_alias(n)), None)
    if name == "prev":  # 'the event before this one in the loop, or the default' (row 27)
        before = scope.bound[alias]
        if before:
            return evaluate(arguments[0], replace(scope, current=before[-1], own=alias, params=before[-1].params))
        return evaluate(arguments[1], scope) if len(arguments) > 1 else None
    events = chosen(node.arguments[0].where, scope.events(alias), alias, scope)
    if name in AGGREGATES or name in measures.MEASURES:
        if isinstance(arguments[0], ast.Path) and arguments[0].names == (alias,):
            return len(events)
        found = [evaluate(arguments[0], replace(scope, current=e, own=alias, params=e.params)) for e in events]
        if name in measures.MEASURES:
            return measures.measure(name, found, *(evaluate(a, scope) for a in arguments[1:]))
        if node.arguments[0].distinct:
            found = measures.distinct(found)
        return values.fold_together(name, found) if scope.together else values.fold(name, found)
    if name in LISTS:
        return listed(name, arguments[0], events, alias, scope)
    raise NotImplementedError(name)


def over_window(name, arguments, scope):
    """An aggregate over the events of a window, each of which is the event at hand inside it.

    'A sum of floats is the exact one, rounded once.'
    """
    window = scope.window
    if name in ("window_start", "window_end"):
        return values.Time(window.start if name == "window_start" else window.end)

    def at(event):
        return replace(scope, current=event, own=window.alias, params=event.params, window=None)

    events = window.events
    if name in ("ids", "events"):
        return listed(name, None, events, None, scope)
    if name == "rate":
        return rate(arguments, events, at, window.end - window.start)
    if not arguments:
        return len(events)
    first = arguments[0]
    events = [e for e in events if holds(first.where, at(e))]
    if first.value is None:
        return len(events)
    found = [evaluate(first.value, at(e)) for e in events]
    if name == "list":
        return found
    if name == "flatten":
        return [x for each in found if each is not None for x in each]
    if name == "distinct" or first.distinct:
        found = measures.distinct([v for v in found if v is not None])
        if name in ("distinct", "count"):
            return found if name == "distinct" else len(found)
    if name in ("approx_distinct", "approx_percentile"):
        return measures.sketched(name, found, *(evaluate(a.value, scope) for a in arguments[1:]))
    if name == "stddev" and window.running:
        return measures.running_deviation(found)
    if name in measures.MEASURES:
        return measures.measure(name, found, *(evaluate(a.value, scope) for a in arguments[1:]))
    return values.fold_together(name, found)


def rate(arguments, events, at, length):
    """'How many events a second, or a duration that is given, from window_start() to window_end(); null of no time.'"""
    unit = 10**9
    for argument in arguments:
        events = [e for e in events if holds(argument.where, at(e))]
        unit = argument.value.value if argument.value is not None else unit
    return values.arithmetic("/", float(len(events)), float(length) / float(unit))


def chosen(where, events, alias, scope):
    """The events for which the ``where`` of an aggregate is true."""
    return [e for e in events if holds(where, replace(scope, current=e, own=alias, params=e.params))]


def argument(node, scope):
    """A value; a record as the dict of its fields."""
    if isinstance(node, ast.Path):
        return record(node.names, scope) or evaluate(node, scope)
    return evaluate(node, scope)


def record(names, scope):
    """The fields below a dotted name."""
    if names[0] in scope.given:
        return None
    known = {} if scope.current is None else scope.current.values
    found = below(".".join(names), known)
    if not found and scope.is_alias(names[0]) and names[1:]:
        events = [scope.current] if names[0] == scope.own else scope.here[names[0]]
        found = below(".".join(names[1:]), events[-1].values) if events else None
    return found


def below(prefix, known):
    return {n[len(prefix) + 1 :]: v for n, v in known.items() if n.startswith(f"{prefix}.")}


def listed(name, argument, events, alias, scope):
    """'Lists in the order bound, never null': `list` keeps nulls, `distinct` and `flatten` pass them over."""
    if name == "events":
        return [f"{e.stream}#{e.number}" for e in events]
    if name == "ids":
        return [e.values["id"] for e in events]
    found = [evaluate(argument, replace(scope, current=e, own=alias, params=e.params)) for e in events]
    if name == "list":
        return found
    if name == "flatten":
        return [x for each in found if each is not None for x in each]
    out = []
    for value in found:
        if value is not None and value not in out:
            out.append(value)
    return out


def elements(value):
    """What an item of `in (…)` counts as."""
    return value if isinstance(value, list) else [value]


def first_names(node):
    """The first name of every path in an expression."""
    if isinstance(node, ast.Path):
        return [node.names[0]]
    if isinstance(node, tuple):
        return [n for x in node for n in first_names(x)]
    if hasattr(node, "__slots__") and hasattr(node, "span"):
        return [n for f in node.__dataclass_fields__ if f != "span" for n in first_names(getattr(node, f))]
    return []
