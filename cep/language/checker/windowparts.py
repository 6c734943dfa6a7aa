"""What a window asks of events: ``latest … per k``, ``top … by e``, ``span A until B``; and what ``everything`` keeps.

Tested by: tests/language/test_check_windows.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cep.language.checker.approximate import APPROXIMATE
from cep.language.checker.operations import kind_text
from cep.language.checker.report import listed
from cep.language.checker.scope import Scope, Variable
from cep.language.fingerprint import folds_of
from cep.language.typed import CheckedBoundary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language import ast
    from cep.language.checker.expressions import Expressions
    from cep.language.checker.report import Reporter
    from cep.language.typed import CheckedQuery, CheckedWindow, Typed
    from cep.model.diagnostics import Span

OP = "_op"
"""The field that says whether an event of ``output early`` is told (+) or taken back (-)."""

_RANKED = ("int", "float", "decimal", "time", "duration")
_SINGLE = (*_RANKED, "bool", "string")
_CARRIED = ("count", "sum", "avg", "min", "max", "first", "last", "stddev", *APPROXIMATE)
_WORDS = {"count_distinct": "count(distinct …)"}


def boundaries_of(window: ast.Window | None) -> tuple[ast.Event, ...]:
    """The events that open and close a span, as written; none for other windows."""
    if window is None or window.opens is None or window.closes is None:
        return ()
    return window.opens, window.closes


def with_parts(
    rows: Expressions, written: ast.Window, window: CheckedWindow, ends: Sequence[tuple[str, ...] | None]
) -> CheckedWindow:
    """The window with what it asks of events; ``rows`` reads one event of the query, ``ends`` are boundaries' streams.

    What is wrong is reported.
    """
    asked: list[Typed] = []
    for path in written.per:
        asked += _asked(rows, path, "`per` tells events apart by a value", _SINGLE)
    if written.by is not None:
        asked += _asked(rows, written.by, "`by` puts events in order by a value", _RANKED)
    boundaries = tuple(
        CheckedBoundary(streams or (), _where(rows, event, streams))
        for event, streams in zip(boundaries_of(written), ends, strict=True)
    )
    return replace(window, asked=tuple(asked), boundaries=boundaries)


def _asked(rows: Expressions, written: ast.Expr, what: str, allowed: tuple[str, ...]) -> list[Typed]:
    found = rows.value(written)
    if found is None:
        return []
    if found.type.kind not in allowed:
        message = f"{what}; this is {kind_text(found.type)}"
        rows.reporter.error(written.span, "wrong-type", message, f"it takes {listed(list(allowed), 'or')}")
        return []
    return [found]


def _where(rows: Expressions, event: ast.Event, streams: tuple[str, ...] | None) -> Typed | None:
    """The condition of a boundary, which reads its own event alone."""
    if event.where is None:
        return None
    shape = rows.declarations.shape_or_open(streams, event.type.name.text)
    own = None if event.alias is None else Variable(event.alias.text, shape)
    return rows.within(Scope("row", shape, own, keys=rows.scope.keys)).condition(event.where)


def with_early(reporter: Reporter, output: ast.Output, body: CheckedQuery) -> CheckedQuery | None:
    """A query whose windows are told of as they fill; None where they cannot, which is reported."""
    if not body.window.has_deadline:
        hint = (
            "leave it out" if body.window.is_per_event else "leave it out, or let time end the window: over every 1 h"
        )
        what = "`output early` of windows that no time ends"
        reporter.not_yet(output.span, what, hint)
        return None
    return replace(body, window=replace(body.window, early=True))


def all_kept(reporter: Reporter, span: Span, values: Sequence[Typed | None]) -> bool:
    """Whether all aggregates of ``over everything`` can be carried on from event to event; what cannot is reported."""
    found = [f for f in folds_of(list(values)) if f.function not in _CARRIED or f.distinct]
    large = {f"{f.function}(distinct …)" if f.distinct else _WORDS.get(f.function, f.function) for f in found}
    if large:
        message = (
            f"over everything {listed([f'`{name}`' for name in sorted(large)])} would keep all values, without a bound"
        )
        hint = f"let the window end, e.g. over last 30 d; over everything there are {listed(list(_CARRIED))}"
        reporter.error(span, "unbounded-state", message, hint)
    return not large
