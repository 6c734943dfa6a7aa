"""Small batches: engine and limit take the same ones, a thousand rows each, in turn.

Times are of the processor (`time.thread_time`), the best of the rounds, for the calls that take batches and none else;
so another program at work costs a measurement less of its worth. Counts are those of plain Python.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measure import Bench
from benchmarks.queries import QUERIES, STREAM
from benchmarks.stream import cut, to_arrow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.stream import Ticks

ROWS = 1000
ASKED = ("Q2", "Q4", "Q6")


@dataclass(frozen=True, slots=True)
class Small:
    """Microseconds of the processor for a batch."""

    query: str
    rows: int
    engine: float
    limit: float

    @property
    def ratio(self) -> float:
        """How many times the limit's time the engine needs."""
        return self.engine / self.limit


def measure_batches(ticks: Ticks, rounds: int, queries: Iterable[str] = ASKED, rows: int = ROWS) -> list[Small]:
    """Each query; WrongCountError when a match is missing or one too many."""
    out = []
    for name in queries:
        bench = Bench(QUERIES[name], ticks)
        pieces = cut(ticks, rows)
        tables = to_arrow(pieces)
        engines, limits = [], []
        for _ in range(rounds + 1):
            gc.collect()
            engine, limit, found = bench.start(), bench.fresh_limit(), []
            begun = time.thread_time()
            for table in tables:
                found += engine.send_batch(STREAM, table)
            found += engine.close()
            middle = time.thread_time()
            for piece in pieces:
                limit.take(piece)
            limit.close()
            limits.append(time.thread_time() - middle)
            engines.append(middle - begun)
            bench.check_engine(found)
            bench.check_limit(limit)
        each = 1e6 / len(pieces)
        out.append(Small(name, rows, min(engines[1:]) * each, min(limits[1:]) * each))
    return out


def batches_table(told: Iterable[Small]) -> str:
    """A line a query."""
    return "\n".join(
        f"{s.query}: batches of {s.rows:,}: engine {s.engine:.0f} us, limit {s.limit:.1f} us, ratio {s.ratio:.1f}"
        for s in told
    )
