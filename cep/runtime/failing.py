"""Where a rule fails: the first event, in the total order, for which a function of a Python module fails.

What is decided before that event is given out; from it on the rule takes nothing and gives nothing, whatever its key.
So it does not matter how the input was cut, in which order events came within ``late``, or what other rules do.
A failing event waits for the frontier as every event does. An event that an operator keeps as an `Output` waits as one,
with what was said of it as its only column.
Tested by: tests/runtime/test_failing.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.model.schema import Attribute, Schema
from cep.model.types import STRING
from cep.runtime.results import Output, concatenate_orders, sort_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cep.compiler.external import Failures
    from cep.model.batch import EventBatch, Int64Array
    from cep.runtime.results import Order

WORDS = Schema("failure", (Attribute("words", STRING, "words"),), derived=True)
"""The schema of failing events that wait."""


def told(stream: str, number: int, said: str) -> str:
    """What is said of a rule that failed."""
    return f"at {stream} row {number}: {said}"


def failing_rows(failures: Failures, stream: str, batch: EventBatch) -> tuple[Int64Array, list[str]]:
    """The rows of a batch for which functions failed, and what is said of each."""
    rows = np.array(sorted(failures.rows), np.int64)
    numbers = batch.seq[rows].tolist()
    words = [told(stream, n, failures.rows[r]) for n, r in zip(numbers, rows.tolist(), strict=True)]
    return rows, words


def earliest(places: Sequence[tuple[Order, str]]) -> tuple[Order, str]:
    """Of places with one row each the first."""
    if len(places) == 1:
        return places[0]
    rows = sort_order(concatenate_orders([order for order, _ in places]))
    return places[0 if rows is None else int(rows[0])]


def before(outputs: Iterable[Output], place: Order) -> list[Output]:
    """What stands before a place, which is no result's."""
    out = []
    for output in outputs:
        rows = sort_order(concatenate_orders([place, output.order]))
        if rows is None:
            continue  # the place comes first
        kept = np.sort(rows[: int(np.flatnonzero(rows == 0)[0])]) - 1
        if kept.size:
            out.append(Output(output.batch.take(kept), output.order.take(kept)))
    return out
