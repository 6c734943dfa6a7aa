"""Held: what an operator keeps at a moment, counted; and when a table is to be given back.

A burst leaves large tables behind. Once an eighth of one would do, what is in it moves to tables of the size that it
needs, as a restart would have it (`is_spacious`): so whoever grows again has at least as much to do as moving cost.
Tested by: tests/app/test_stats.py, tests/runtime/test_giving_back.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGE = 65_536
"""Tables of fewer rows are kept."""


def is_spacious(room: int, used: int) -> bool:
    """Whether a table of so many rows, of which so many are used, is to be given back."""
    return room > LARGE and 8 * used < room


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
