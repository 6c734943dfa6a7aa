"""Held: what an operator keeps at a moment, counted.

Tested by: tests/app/test_stats.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Held:
    """Partial matches (``runs``), ``keys`` that have some, ``rows`` kept, events ``waiting``; ``bytes`` of all tables.

    Rows that nothing needs any more count until they are swept; bytes are what the tables take, full or not.
    """

    runs: int = 0
    keys: int = 0
    rows: int = 0
    waiting: int = 0
    bytes: int = 0


def total(parts: Iterable[Held]) -> Held:
    """What several hold together."""
    known = list(parts)
    return Held(
        sum(h.runs for h in known),
        sum(h.keys for h in known),
        sum(h.rows for h in known),
        sum(h.waiting for h in known),
        sum(h.bytes for h in known),
    )
