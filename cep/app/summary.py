"""Summary: what a run counted, so that nothing is dropped without a number.

Counts by stream: ``events`` (taken in: late and rejected ones not among them), ``late``, ``rejected``. Counts by rule:
``matches`` (derived events given out), ``null_keys`` (events of its input that have no key, so were not matched),
``open_runs`` (what was still undecided at the end, and what ``output`` has not told of yet), ``faults`` (overflow,
division by zero and the like, by name), ``truncated`` (matches that the limit of matches per event has left out),
``held_back`` (derived events that ``output`` has not let through), ``failed`` (where and why a rule has ended, when a
function of a Python module failed).
``seconds`` is wall time and the one field that differs between two runs of one input.

It is the part of `cep.app.stats.Stats` that tells how a run went, and never changes afterwards.
Tested by: tests/app/test_summary.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.app.stats import Stats


@dataclass(frozen=True, slots=True)
class Summary:
    """What was read, refused, found and left open.

    >>> summary = Summary(events={"Pay": 1200}, matches={"Big": 3}, rejected={"Pay": 1}, seconds=0.5)
    >>> print(summary)
    1,200 events, 3 matches, 0 late, 1 rejected
    >>> summary.rate
    2400.0
    """

    events: Mapping[str, int] = field(default_factory=dict)
    late: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    null_keys: Mapping[str, int] = field(default_factory=dict)
    matches: Mapping[str, int] = field(default_factory=dict)
    open_runs: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    seconds: float = 0.0
    failed: Mapping[str, str] = field(default_factory=dict)
    truncated: Mapping[str, int] = field(default_factory=dict)
    held_back: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def of(stats: Stats) -> Summary:
        """The summary of an engine's stats; late, rejected, open and faulty ones by name only where there are some."""
        streams, rules = stats.streams.items(), stats.rules.items()
        return Summary(
            {n: s.events for n, s in streams},
            {n: s.late for n, s in streams if s.late},
            {n: s.rejected for n, s in streams if s.rejected},
            {n: r.null_keys for n, r in rules if r.null_keys},
            {n: r.derived for n, r in rules},
            {n: r.open_runs + r.untold for n, r in rules if r.open_runs + r.untold},
            {n: r.faults for n, r in rules if r.faults},
            stats.seconds,
            {n: r.failed for n, r in rules if r.failed},
            {n: r.truncated for n, r in rules if r.truncated},
            {n: r.held_back for n, r in rules if r.held_back},
        )

    @property
    def total_events(self) -> int:
        """Events taken in, over all streams."""
        return sum(self.events.values())

    @property
    def total_matches(self) -> int:
        """Derived events given out, over all rules."""
        return sum(self.matches.values())

    @property
    def total_late(self) -> int:
        """Events that came below their stream's watermark."""
        return sum(self.late.values())

    @property
    def total_rejected(self) -> int:
        """Rows that were no event of their stream."""
        return sum(self.rejected.values())

    @property
    def rate(self) -> float:
        """Events a second; 0 when nothing was timed."""
        return self.total_events / self.seconds if self.seconds > 0 else 0.0

    @property
    def is_clean(self) -> bool:
        """Whether no event was late, no row rejected and no rule failed: what ``--strict`` asks for."""
        return not self.total_late and not self.total_rejected and not self.failed

    def __str__(self) -> str:
        text = f"{self.total_events:,} events, {self.total_matches:,} matches"
        if not self.is_clean:
            text += f", {self.total_late:,} late, {self.total_rejected:,} rejected"
        if self.truncated:
            text += f", {sum(self.truncated.values()):,} more matches beyond a limit"
        if self.failed:
            text += f", {len(self.failed)} rule{'s' * (len(self.failed) != 1)} failed"
        return text
