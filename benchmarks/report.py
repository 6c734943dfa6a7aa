"""Figures as a table for the eye and as JSON for the record.

Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.machine import commit, describe_machine, describe_versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.measure import Measured, Timing


def table(results: Sequence[Measured]) -> str:
    """One line a query: matches, and million events a second, best and (median)."""
    rows = [("query", "events", "matches", "engine M/s", "decoded M/s", "limit M/s", "ratio", "ratio decoded")]
    rows += [
        (
            r.query,
            f"{r.events:,}",
            f"{r.matches:,}",
            _rate(r.events, r.engine),
            _rate(r.events, r.decoded),
            _rate(r.events, r.limit),
            f"{r.ratio:.1f}",
            f"{r.ratio_decoded:.1f}",
        )
        for r in results
    ]
    return aligned(rows)


def start_table(start: Mapping[str, Timing]) -> str:
    """One line a program, in milliseconds."""
    rows = [("start", "best ms", "median ms")]
    rows += [(name, f"{1000 * t.best:.0f}", f"{1000 * t.median:.0f}") for name, t in start.items()]
    return aligned(rows)


def record(results: Sequence[Measured], start: Mapping[str, Timing], load_before: object) -> dict[str, object]:
    """Everything measured, with what it was measured on; seconds for the whole stream."""
    machine = describe_machine()
    machine["load"] = {"before": load_before, "after": machine["load"]}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine,
        "versions": describe_versions(),
        "queries": [
            {**asdict(r), "ratio": round(r.ratio, 2), "ratio_decoded": round(r.ratio_decoded, 2)} for r in results
        ],
        "start": {name: asdict(t) for name, t in start.items()},
    }


def _rate(events: int, timing: Timing) -> str:
    best, median = events / timing.best / 1e6, events / timing.median / 1e6
    digits = 2 if best < 10 else 1 if best < 100 else 0
    return f"{best:.{digits}f} ({median:.{digits}f})"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns stand below each other, all but the first to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join([first.lstrip().ljust(widths[0]), *others]))
    return "\n".join(lines)
