"""The queries measured: for each its rule file, its hand-written limit and its true count.

Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cep
from benchmarks import truth
from benchmarks.limits import q1, q2, q3, q4, q6, q8
from benchmarks.many import draw_shapes, rule_file

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from benchmarks.stream import Ticks

STREAM = "Tick"
TYPE = "Found"
"""What every rule of benchmarks/workloads reads, and what it emits."""


class Limit(Protocol):
    """A hand-written kernel with its state: batches in, the emitted columns out."""

    def reset(self) -> None:
        """Forget what was taken."""

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""

    def close(self) -> None:
        """Decide what is open once nothing more comes."""

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query: ``limit(events)`` makes the kernel with room for that many results.

    ``counted``: the emitted column whose sum is the count, where an event stands for several matches. ``text``: the
    rules, where they are made and are no file. ``most``: so many events are enough.
    """

    name: str
    what: str
    limit: Callable[[int], Limit]
    count: Callable[[Ticks], int]
    counted: str | None = None
    text: str | None = None
    most: int = 1_000_000

    def load(self) -> cep.Rules:
        """Its rules."""
        if self.text is not None:
            return cep.loads(self.text)
        return cep.load(Path(__file__).parent / "workloads" / f"{self.name.lower()}.cep")


def many_rules(name: str, rules: int, most: int) -> Query:
    """Q8 with so many rules."""
    shapes = draw_shapes(rules)
    return Query(
        name,
        f"{rules:,} rules of the shape of Q2",
        partial(q8.Limit, shapes=shapes),
        partial(truth.count_q8, shapes=shapes),
        text=rule_file(shapes, TYPE),
        most=most,
    )


QUERIES = {
    query.name: query
    for query in (
        Query("Q1", "filter", q1.Limit, truth.count_q1),
        Query("Q2", "keyed sequence, every start", q2.Limit, truth.count_q2),
        Query("Q3e", "all combinations, enumerated", q3.Limit, truth.count_q3),
        Query("Q3c", "all combinations, counted", q3.CountLimit, truth.count_q3, "combinations"),
        Query("Q4", "keyed row pattern", q4.Limit, truth.count_q4),
        Query("Q6", "keyed absence", q6.Limit, truth.count_q6),
        many_rules("Q8", 100, 1_000_000),
        many_rules("Q8k", 1000, 131_072),
    )
}
