"""The queries measured: for each its rule file, its hand-written limit and its true count.

Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmarks import truth
from benchmarks.limits import q1, q2, q3, q4

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

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query: ``limit(events)`` makes the kernel with room for that many results.

    ``counted``: the emitted column whose sum is the count, where an event stands for several matches.
    """

    name: str
    what: str
    limit: Callable[[int], Limit]
    count: Callable[[Ticks], int]
    counted: str | None = None

    @property
    def rules(self) -> Path:
        """The rule file."""
        return Path(__file__).parent / "workloads" / f"{self.name.lower()}.cep"


QUERIES = {
    query.name: query
    for query in (
        Query("Q1", "filter", q1.Limit, truth.count_q1),
        Query("Q2", "keyed sequence, every start", q2.Limit, truth.count_q2),
        Query("Q3e", "all combinations, enumerated", q3.Limit, truth.count_q3),
        Query("Q3c", "all combinations, counted", q3.CountLimit, truth.count_q3, "combinations"),
        Query("Q4", "keyed row pattern", q4.Limit, truth.count_q4),
    )
}
