"""Queries compiled: ``from T where … over W having … emit`` to column functions over rows that are kept.

Of an event a row keeps what aggregates ask of it, computed when it comes; of a window that ends with an event also what
is emitted of that one; and what orders the streams (`Layout`). Aggregates are leaves of ``having`` and ``emit``
(`cep.compiler.stretches`), which are run for all windows of a call at once.
Tested by: tests/runtime/test_window.py, tests/test_corpus.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cep.compiler.columns import ColumnFunction, compile_columns, compile_conditions
from cep.compiler.layout import Layout, Slot
from cep.compiler.sketches import require_library
from cep.language.fingerprint import params_of
from cep.language.typed import Apply, Attr, CheckedQuery, Const, Fold
from cep.model.time import format_duration
from cep.model.types import BOOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedRule, CheckedWindow, Typed
    from cep.model.schema import Schema
    from cep.model.types import Type


@dataclass(frozen=True, eq=False)
class WindowInput:
    """What is taken of the events of one stream: ``values`` computes the slots ``present``; ``ties`` are slots too."""

    stream: str
    keys: tuple[str, ...]
    values: ColumnFunction
    present: tuple[int, ...]
    ties: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class WindowEmit:
    """One ``emit``: its fields and the function that computes them."""

    type: str
    names: tuple[str, ...]
    types: tuple[Type, ...]
    values: ColumnFunction


@dataclass(frozen=True, eq=False)
class WindowProgram:
    """One query: ``values`` are those of the params that it reads, as Python writes them.

    ``folds`` are its aggregates, each once. ``asked`` are the slots of what the window asks of each event; ``marks``,
    of a span, those that say whether an event is of the query, opens a span, and closes one (null: it does not).
    """

    window: CheckedWindow
    conditions: tuple[ColumnFunction, ...]
    inputs: tuple[WindowInput, ...]
    layout: Layout
    having: ColumnFunction | None
    emits: tuple[WindowEmit, ...]
    values: Mapping[str, str]
    folds: tuple[Fold, ...] = ()
    asked: tuple[int, ...] = ()
    marks: tuple[int, ...] = ()

    def slot_of(self, expression: Typed) -> int:
        """The slot in which what an aggregate asks, or an attribute of the event at hand, is kept."""
        return next(slot.index for slot in self.layout.slots if slot.expression == expression)

    def keeps_alike(self, other: WindowProgram) -> bool:
        """Whether both keep the same of an event, whatever the values of params."""
        mine, theirs = ([(s.type, s.index) for s in p.layout.slots] for p in (self, other))
        return mine == theirs and self.window == other.window


def compile_window(
    rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]
) -> WindowProgram:
    """The program of a rule with a window."""
    body = rule.body
    assert isinstance(body, CheckedQuery)
    layout = Layout(len(rule.keys))
    asked = [value for emit in rule.emits for _, value in emit.fields] + ([] if body.having is None else [body.having])
    own = [expression for value in asked for expression in _kept_of(value)] + list(body.window.asked)
    for expression in own:
        layout.slot(expression, expression.type)
    several = len(rule.inputs) > 1
    inputs = []
    ties = {
        stream: tuple(layout.slot(Attr(None, name, schema.by_name[name].type), schema.by_name[name].type).index
                      for name in schema.ties)
        for stream in rule.inputs
        if (schema := sources[stream]) is not None
    }  # fmt: skip
    marks = _marks(layout, body)
    layout.freeze()
    for stream in rule.inputs:
        mine = {layout.slot(expression, expression.type).index for expression in own if stream in body.streams}
        mine |= {slot for slot, (streams, _) in marks.items() if stream in streams}
        present = tuple(sorted(mine | set(ties[stream]))) if several else tuple(range(len(layout.slots)))
        values = compile_columns([layout.slots[slot].expression for slot in present], params)
        keys = tuple(key.attributes[stream] for key in rule.keys)
        inputs.append(WindowInput(stream, keys, values, present, ties[stream]))
    emits = []
    for emit in rule.emits:
        names, shown = tuple(name for name, _ in emit.fields), [value for _, value in emit.fields]
        emits.append(WindowEmit(emit.type, names, tuple(v.type for v in shown), compile_columns(shown, params)))
    folds = tuple(dict.fromkeys(fold for value in asked for fold in _folds_of(value)))
    require_library(folds)
    return WindowProgram(
        body.window,
        () if marks else compile_conditions(body.where, params),
        tuple(inputs),
        layout,
        None if body.having is None else compile_columns([body.having], params),
        tuple(emits),
        {name: repr(params[name].value.value) for name in params_of(rule)},
        folds,
        tuple(layout.slot(expression, expression.type).index for expression in body.window.asked),
        tuple(marks),
    )


def _marks(layout: Layout, body: CheckedQuery) -> dict[int, tuple[tuple[str, ...], Typed]]:
    """Slots that say what the events of some streams are to a span; each its own, whatever else they are equal to."""
    if body.window.kind != "span":
        return {}
    asked = [(body.streams, body.where), *((b.streams, b.where) for b in body.window.boundaries)]
    out = {}
    for streams, where in asked:
        expression: Typed = Const(True, BOOL) if where is None else where
        layout.slots.append(Slot(expression, expression.type, len(layout.slots)))
        out[len(layout.slots) - 1] = (streams, expression)
    return out


def window_text(window: CheckedWindow) -> str:
    """What a window holds, and when it is decided, in words."""
    length = "" if window.length is None else format_duration(window.length)
    every = "" if window.every is None else format_duration(window.every)
    match window.kind:
        case "sliding":
            return f"for each event the events of the last {length} up to it, decided at once"
        case "latest":
            within = f", of the last {length}" if length else ""
            return f"for each event the last {window.count:,} events up to it{within}, decided at once"
        case "batches":
            return f"{window.count:,} events, then the next; decided at the last of them"
        case "calendar":
            return f"stretches of {length} on the clocks of {window.zone}, decided when their ends have passed"
        case "newest":
            return f"for each event the last {window.count:,} of each value of `per`, decided at once"
        case "best":
            which = "least" if window.ascending else "greatest"
            return (
                f"for each event that is among them the {window.count:,} of the {which} value so far, decided at once"
            )
        case "span":
            return "from an event that opens it to the next that closes it; decided with that"
        case "everything":
            return "for each event all events up to it, decided at once"
        case "panes":
            also = "" if every == length else f", one every {every}"
            return f"[s, s + {length}){also}, ends at multiples of {every} since 1970, decided when the end has passed"
        case _:
            most = f", at most {every} from first to last" if every else ""
            return f"events at most {length} apart{most}; decided when that has passed"


def window_cost(window: CheckedWindow) -> str:
    """What an event costs, in words."""
    if window.kind == "everything":
        return "O(1) an event: aggregates are carried on"
    if window.kind in ("newest", "best"):
        return "O(what is kept of its key) an event"
    if window.is_per_event:
        return "O(1) an event, and once a call O(what is kept) of each key that has events in it"
    if window.kind == "panes" and window.every != window.length:
        return "O(1) an event, and again in each window that holds it"
    return "O(1) an event, and again in its window"


def _folds_of(value: Typed) -> Iterator[Fold]:
    todo = [value]
    while todo:
        node = todo.pop()
        if isinstance(node, Fold):
            yield node
        elif isinstance(node, Apply):
            todo += reversed(node.args)


def _kept_of(value: Typed) -> list[Typed]:
    """What a row keeps for an expression of ``having`` or ``emit``: what folds ask, and attributes outside of them."""
    out: list[Typed] = []
    todo = [value]
    while todo:
        node = todo.pop()
        if isinstance(node, Fold):
            out += [] if node.argument is None else [node.argument]
        elif isinstance(node, Attr):
            out.append(node)
        elif isinstance(node, Apply):
            todo += reversed(node.args)
    return out
