"""Report: the summary of a run as lines for a person, on standard error.

Tested by: tests/cli/test_report.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.app.summary import Summary

SHOWN_REASONS = 3


def report(
    summary: Summary,
    reasons: Mapping[str, Sequence[str]],
    other: Mapping[str, int] | None = None,
    *,
    ended: str | None = None,
) -> str:
    """Totals, a line for each stream and each rule, and a warning for whatever was not taken in.

    ``reasons`` are of rejected rows by stream, ``other`` counts rows that belong to no stream; ``ended`` says how a run
    ended before its input did.
    """
    head = f"{_count(summary.total_events, 'event')}, {_count(summary.total_matches, 'match', 'es')}"
    if summary.seconds > 0:
        head += f" in {_seconds(summary.seconds)} ({summary.rate:,.0f} events/s)"
    if ended:
        head = f"{ended} after {head}"
    lines = [head, *_streams(summary), *_rules(summary), *_warnings(summary, reasons)]
    if other:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(other.items()))
        lines.append(f"warning: {_count(sum(other.values()), 'row')} of no stream that was declared: {kinds}")
    return "\n".join(lines)


def _streams(summary: Summary) -> list[str]:
    rows = [
        [
            name,
            f"{summary.events.get(name, 0):,}",
            f"{summary.late.get(name, 0):,}",
            f"{summary.rejected.get(name, 0):,}",
        ]
        for name in dict.fromkeys((*summary.events, *summary.late, *summary.rejected))
    ]
    return _table(["stream", "events", "late", "rejected"], rows)


def _rules(summary: Summary) -> list[str]:
    counted = summary.matches, summary.held_back, summary.open_runs, summary.null_keys
    names = dict.fromkeys(name for counts in counted for name in counts)
    rows = [[name, *(f"{counts.get(name, 0):,}" for counts in counted)] for name in names]
    return _table(["rule", "matches", "held back", "open at the end", "without a key"], rows)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Aligned lines, the first column to the left; a column of zeros says nothing and is left out."""
    if not rows:
        return []
    kept = [i for i in range(len(head)) if i < 2 or any(row[i] != "0" for row in rows)]
    cells = [[row[i] for i in kept] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(kept))]
    return [
        "  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]


def _warnings(summary: Summary, reasons: Mapping[str, Sequence[str]]) -> list[str]:
    out: list[str] = []
    for stream, count in summary.rejected.items():
        if count:
            out.append(f"warning: {_count(count, 'row')} of {stream} rejected; Rejected.{stream} has them")
            shown = list(reasons.get(stream, ()))[:SHOWN_REASONS]
            out += [f"  {reason}" for reason in shown]
            if count > len(shown) > 0:
                out.append(f"  and {count - len(shown):,} more")
    for stream, count in summary.late.items():
        if count:
            out.append(f"warning: {_count(count, 'event')} of {stream} came too late; Late.{stream} has them")
    for rule, count in summary.truncated.items():
        matches = f"{count:,} more {'match' if count == 1 else 'matches'} of {rule} left out"
        out.append(f"warning: {matches}; `at most n matches per event` sets how many one event may give")
    for rule, faults in summary.faults.items():
        if parts := [f"{name} {count:,}" for name, count in faults.items() if count]:
            out.append(f"warning: {rule} met values that it could not compute with, taken as null: {', '.join(parts)}")
    for rule, words in summary.failed.items():
        out.append(f"error: {rule} failed {words}; it gave nothing from there on")
    return out


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.0f} s"
