"""What one call costs: one event a call through ten rules, and small batches.

| figure | what |
|---|---|
| send | one event a call through ten rules shaped like Q8's: each call's time on its own; every match is counted |
| batch | time of `Engine.send_batch` over batch size, Q2: what a line through the medians has at no rows |
| further rule | the same with N more rules, whose events never come: by how much a rule raises it |

Counts are those of plain Python before any figure is told. Times are of the calls alone.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING

import numpy as np

import cep
from benchmarks import truth
from benchmarks.many import DECLARATION, Shape, draw_shapes, rule_text
from benchmarks.measure import WrongCountError
from benchmarks.queries import QUERIES, STREAM
from benchmarks.stream import TYPES, cut, draw_ticks, to_arrow

if TYPE_CHECKING:
    from benchmarks.stream import Ticks

RULES = 10
SIZES = (1, 10, 100, 250, 500, 1000)
BATCHES = 200  # of each size
FURTHER = 50
FIELDS = ("ts", "key", "type", "price", "volume")


@dataclass(frozen=True, slots=True)
class Latency:
    """Microseconds, but ``per_second``; ``p50`` and so on of the calls of one round, the one with the best mean."""

    events: int
    matches: int
    per_second: float
    p50: float
    p99: float
    batch: float
    further_rule: float
    medians: dict[int, float]


def measure_latency(events: int, rounds: int) -> Latency:
    """All figures; WrongCountError when a match is missing or one too many."""
    ticks = draw_ticks(events)
    rules = draw_shapes(RULES)
    loaded = cep.loads(DECLARATION + "".join(rule_text(f"R{n}", shape, f"R{n}") for n, shape in enumerate(rules)))
    count = truth.count_q8(ticks, rules)
    best = np.zeros(0)
    for _ in range(rounds):
        times, found = send_all(cep.Engine(loaded), ticks)
        if found != count:
            raise WrongCountError("send", "engine", found, count)
        if not best.size or times.mean() < best.mean():
            best = times
    one = DECLARATION + rule_text("R0", Shape("ABC", 50.0), "R0")
    further = "".join(rule_text(f"N{n}", Shape("XYZ", 40 + n / 10), f"N{n}") for n in range(FURTHER))
    alone, medians = batch_cost(one, rounds)
    with_others, _ = batch_cost(one + further, rounds)
    p50, p99 = np.percentile(best, [50, 99])
    return Latency(
        events,
        count,
        float(1e6 / best.mean()),
        float(p50),
        float(p99),
        alone,
        (with_others - alone) / FURTHER,
        medians,
    )


def send_all(engine: cep.Engine, ticks: Ticks) -> tuple[np.ndarray, int]:
    """How long each call took, in microseconds, and how many matches there were."""
    letters = [TYPES[code] for code in ticks.type.tolist()]
    columns = (ticks.ts.tolist(), ticks.key.tolist(), letters, ticks.price.tolist(), ticks.volume.tolist())
    rows = [dict(zip(FIELDS, row, strict=True)) for row in zip(*columns, strict=True)]
    times, found, send = [], 0, engine.send
    for row in rows:
        begun = perf_counter_ns()
        out = send(STREAM, row)
        times.append(perf_counter_ns() - begun)
        found += out.events
    return np.array(times) / 1000, found


def batch_cost(text: str, rounds: int) -> tuple[float, dict[int, float]]:
    """What a batch of no rows would take, in microseconds, and the medians by size, each the best of the rounds."""
    loaded = cep.loads(text)
    medians = {}
    for size in SIZES:
        ticks = draw_ticks(size * BATCHES)
        batches, times = to_arrow(cut(ticks, size)), []
        for _ in range(rounds):
            engine, calls, found = cep.Engine(loaded), [], 0
            for batch in batches:
                begun = perf_counter_ns()
                out = engine.send_batch(STREAM, batch)
                calls.append(perf_counter_ns() - begun)
                found += out.events
            if found != QUERIES["Q2"].count(ticks):
                raise WrongCountError("batch", "engine", found, QUERIES["Q2"].count(ticks))
            times.append(float(np.median(calls)) / 1000)
        medians[size] = min(times)
    _, at_none = np.polyfit(list(medians), list(medians.values()), 1)
    return float(at_none), medians


def latency_table(told: Latency) -> str:
    """The figures in words."""
    sizes = ", ".join(f"{size}: {time:.0f}" for size, time in told.medians.items())
    return "\n".join(
        [
            f"one event a call, {RULES} rules: {told.events:,} events, {told.matches:,} matches, all found",
            f"  {told.per_second:,.0f} events/s, p50 {told.p50:.1f} us, p99 {told.p99:.1f} us",
            f"a batch, one rule: {told.batch:.1f} us; each further rule: {told.further_rule:.2f} us",
            f"median us by rows of a batch, one rule: {sizes}",
        ]
    )


def as_record(told: Latency) -> dict[str, object]:
    """The figures for the record."""
    return asdict(told)
