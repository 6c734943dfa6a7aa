"""The rule of the ratio: engine and limit take the same columns in the same run, in turn, and the counts must be true.

Both start from the int64, int32 and float64 columns of `benchmarks.stream` in batches of 65,536 and end with the
columns of the emit clause written; both check time order. Three ways are timed, one after the other, round by round:

- ``engine``: the columns as Arrow record batches (the same memory) through `Engine.send_batch`, then `Engine.close`;
  this is the headline, because both sides start from the same columns;
- ``decoded``: the same batches decoded beforehand, through `Engine.feed`: what is left when reading them costs nothing;
- ``limit``: the kernel of benchmarks/limits.

Not timed: loading the rule, starting the engine, making room for the limit's results. A first round warms up and is
dropped. In a round each way runs three times in a row, so that each finds code and columns as near to the processor as
the others do; garbage is collected before a round, not while the clock runs.
Invariant: no figure is returned unless each of the three found as many matches as plain Python does.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import cep
from benchmarks.queries import STREAM, TYPE
from benchmarks.stream import Ticks, cut, to_arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.queries import Limit, Query
    from cep import EventBatch
    from cep.io.convert import Decoded

Given = TypeVar("Given")
Result = TypeVar("Result")

RUNS = 3
"""How often each way runs in a round."""


class WrongCountError(Exception):
    """What was timed did not find what is there."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds for the whole stream."""

    best: float
    median: float

    @staticmethod
    def of(seconds: Sequence[float]) -> Timing:
        """The best and the median of several runs."""
        return Timing(min(seconds), statistics.median(seconds))


@dataclass(frozen=True, slots=True)
class Measured:
    """One query on one stream."""

    query: str
    events: int
    matches: int
    rounds: int
    engine: Timing
    decoded: Timing
    limit: Timing

    @property
    def ratio(self) -> float:
        """How many times the limit's time the engine needs, best against best."""
        return self.engine.best / self.limit.best

    @property
    def ratio_decoded(self) -> float:
        """The same for batches decoded beforehand."""
        return self.decoded.best / self.limit.best


class Bench:
    """One query made ready: rules loaded, input in all its forms, true count known."""

    def __init__(self, query: Query, ticks: Ticks) -> None:
        ticks = Ticks(*(column[: query.most] for column in ticks))
        self.query = query
        self.events = ticks.events
        self.count = query.count(ticks)
        self._rules = query.load()
        self._batches = cut(ticks)
        self._tables = to_arrow(self._batches)
        self._limit = query.limit(ticks.events)
        self._decoded: list[Decoded] = []
        decoder, row = self.start().decoder(STREAM), 0
        for table in self._tables:
            self._decoded.append(decoder.decode(table, row))
            row += table.num_rows

    def start(self) -> cep.Engine:
        """A fresh engine."""
        return cep.Engine(self._rules)

    def fresh_limit(self) -> Limit:
        """The limit, with nothing taken."""
        self._limit.reset()
        return self._limit

    def run_engine(self, engine: cep.Engine) -> list[EventBatch]:
        """All derived events, from columns."""
        out: list[EventBatch] = []
        for table in self._tables:
            out += engine.send_batch(STREAM, table)
        return out + engine.close()

    def run_decoded(self, engine: cep.Engine) -> list[EventBatch]:
        """All derived events, from batches decoded beforehand."""
        out: list[EventBatch] = []
        for decoded in self._decoded:
            out += engine.feed(STREAM, decoded)
        return out + engine.close()

    def run_limit(self, limit: Limit) -> Limit:
        """The limit, with everything taken."""
        for batch in self._batches:
            limit.take(batch)
        limit.close()
        return limit

    def check_engine(self, found: Iterable[EventBatch], who: str = "engine") -> None:
        """WrongCountError unless the derived events are as many as they should be."""
        batches = [batch for batch in found if batch.schema.name == TYPE]
        if self.query.counted is None:
            self._check(sum(len(batch) for batch in batches), who)
        else:
            self._check(sum(int(batch[self.query.counted].values.sum()) for batch in batches), who)

    def check_limit(self, limit: Limit) -> None:
        """WrongCountError unless the limit found as many as it should."""
        column = next(iter(limit.found.values())) if self.query.counted is None else limit.found[self.query.counted]
        self._check(column.size if self.query.counted is None else int(column.sum()), "limit")

    def _check(self, found: int, who: str) -> None:
        if found != self.count:
            msg = f"{self.query.name}: the {who} found {found} of {self.count} in {self.events} events"
            raise WrongCountError(msg)


def measure(query: Query, ticks: Ticks, rounds: int = 7) -> Measured:
    """Time one query in ``rounds`` rounds after a warm-up."""
    bench = Bench(query, ticks)
    engine: list[float] = []
    decoded: list[float] = []
    limit: list[float] = []
    for _ in range(rounds + 1):
        gc.collect()
        for _ in range(RUNS):
            seconds, found = _timed(bench.run_engine, bench.start())
            bench.check_engine(found)
            engine.append(seconds)
        for _ in range(RUNS):
            seconds, found = _timed(bench.run_decoded, bench.start())
            bench.check_engine(found, "engine on decoded batches")
            decoded.append(seconds)
        for _ in range(RUNS):
            seconds, done = _timed(bench.run_limit, bench.fresh_limit())
            bench.check_limit(done)
            limit.append(seconds)
    return Measured(
        query.name, bench.events, bench.count, rounds, *(Timing.of(taken[RUNS:]) for taken in (engine, decoded, limit))
    )


def _timed(run: Callable[[Given], Result], argument: Given) -> tuple[float, Result]:
    gc.disable()
    try:
        begun = time.perf_counter()
        result = run(argument)
        return time.perf_counter() - begun, result
    finally:
        gc.enable()
