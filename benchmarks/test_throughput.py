"""The same measurements under pytest-benchmark: ``pytest benchmarks``; every run's count is checked.

CEP_BENCH_EVENTS says how many events (a million; 20,000 with --benchmark-disable, which runs each once).
"""

from __future__ import annotations

import os

import pytest

from benchmarks.measure import Bench
from benchmarks.queries import QUERIES
from benchmarks.stream import draw_ticks

ROUNDS = 7


@pytest.fixture(scope="module")
def ticks(request):
    usual = 20_000 if request.config.getoption("--benchmark-disable") else 1_000_000
    return draw_ticks(int(os.environ.get("CEP_BENCH_EVENTS", usual)))


@pytest.fixture(scope="module", params=QUERIES)
def bench(request, ticks):
    return Bench(QUERIES[request.param], ticks)


def test_engine(benchmark, bench):
    found = run(benchmark, bench, bench.run_engine, bench.start)
    bench.check_engine(found)


def test_engine_on_decoded_batches(benchmark, bench):
    found = run(benchmark, bench, bench.run_decoded, bench.start)
    bench.check_engine(found)


def test_limit(benchmark, bench):
    limit = run(benchmark, bench, bench.run_limit, bench.fresh_limit)
    bench.check_limit(limit)


def run(benchmark, bench, target, setup):
    """Time ``target`` on what ``setup`` makes, which is not timed."""
    benchmark.group = f"{bench.query.name} {bench.query.what}"
    benchmark.extra_info.update(events=bench.events, matches=bench.count)
    found = benchmark.pedantic(target, setup=lambda: ((setup(),), {}), rounds=ROUNDS, warmup_rounds=1)
    if benchmark.stats is not None:
        benchmark.extra_info["million_events_per_s"] = bench.events / benchmark.stats.stats.min / 1e6
    return found
