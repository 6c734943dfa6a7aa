"""``python -m benchmarks``: measure, print the table, and keep it if asked.

    python -m benchmarks [--events N] [--query Q1] [--rounds N] [--no-start] [--json PATH] [--record]
    python -m benchmarks --what latency|scaling|batches|load [--events N] [--rounds N] [--json PATH]
    python -m benchmarks --what memory [--keys N] [--rounds N] [--json PATH]

``--record`` writes benchmarks/record/<date>-<query or all>.json.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.machine import describe_machine
from benchmarks.measure import measure
from benchmarks.queries import QUERIES
from benchmarks.report import record, start_table, table
from benchmarks.start import measure_start
from benchmarks.stream import draw_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDS = Path(__file__).parent / "record"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser("python -m benchmarks", description="Engine beside hand-written kernels.")
    parser.add_argument("--events", type=int, default=1_000_000, help="events in the stream (default: 1,000,000)")
    parser.add_argument(
        "--what",
        choices=("throughput", "latency", "scaling", "batches", "load", "memory"),
        default="throughput",
        help="what to measure",
    )
    parser.add_argument("--query", choices=QUERIES, help="this query alone")
    parser.add_argument("--rounds", type=int, default=7, help="rounds after the warm-up, 5 or more (default: 7)")
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys of a round of memory (default: 1,000,000)")
    parser.add_argument("--no-start", action="store_true", help="leave out the times to start")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there")
    parser.add_argument("--record", action="store_true", help="write them to benchmarks/record")
    options = parser.parse_args(arguments)
    if options.events < 1 or options.rounds < 1:
        parser.error("events and rounds are 1 or more")

    if options.what == "latency":
        from benchmarks.latency import as_record, latency_table, measure_latency

        latency = measure_latency(min(options.events, 100_000), options.rounds)
        print(latency_table(latency))
        if options.json:
            options.json.write_text(json.dumps(as_record(latency), indent=2) + "\n")
        return 0
    if options.what == "scaling":
        from benchmarks.scaling import as_record as scaling_record
        from benchmarks.scaling import measure_scaling, scaling_table

        grown = measure_scaling(options.events, options.rounds)
        print(f"{options.events:,} events, best of {options.rounds}; counts are true\n\n{scaling_table(grown)}")
        if options.json:
            options.json.write_text(json.dumps(scaling_record(grown), indent=2) + "\n")
        return 0
    if options.what == "batches":
        from benchmarks.batches import batches_table, measure_batches

        small = measure_batches(draw_ticks(options.events), options.rounds)
        print(batches_table(small))
        if options.json:
            options.json.write_text(json.dumps([asdict(s) for s in small], indent=2) + "\n")
        return 0
    if options.what == "load":
        from benchmarks.load import load_table, measure_load

        loading = measure_load(options.rounds)
        print(load_table(loading))
        if options.json:
            options.json.write_text(json.dumps([asdict(s) for s in loading], indent=2) + "\n")
        return 0
    if options.what == "memory":
        from benchmarks.memory import measure_memory, memory_table

        sizes = measure_memory(options.keys, options.rounds)
        print(memory_table(sizes))
        if options.json:
            options.json.write_text(json.dumps(sizes, indent=2) + "\n")
        return 0
    load = describe_machine()["load"]
    ticks = draw_ticks(options.events)
    chosen = [QUERIES[options.query]] if options.query else list(QUERIES.values())
    results = [measure(query, ticks, options.rounds) for query in chosen]
    start = {} if options.no_start or options.query else measure_start(options.rounds)
    told = record(results, start, load)
    print(f"{options.events:,} events, best (median) of {options.rounds}, load {load} before; counts are true\n")
    print(table(results))
    if start:
        print("\n" + start_table(start))
    text = json.dumps(told, indent=2) + "\n"
    if options.json:
        options.json.write_text(text)
    if options.record:
        (RECORDS / f"{told['date']}-{(options.query or 'all').lower()}.json").write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
