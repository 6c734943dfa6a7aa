"""The collector of cycles rests while trees are built.

Trees of rules are large, are kept, and have few cycles: to look through all of them again and again while they grew
took a third of the time in which a thousand rules load. Where many were made they count as old at once; else they would
be looked through twice more, soon after, as young.
Invariants: whoever had it collect finds it collecting afterwards, also when several threads load at once. What is old
is looked through only when much has come to it that was counted, so at most ``MOST`` objects come to it uncounted: who
loads rules again and again has the collector at work as ever.
Tested by: tests/app/test_rest.py
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


MANY, MOST = 100_000, 1_000_000
_uncounted = [0]


@contextmanager
def collector_rests() -> Iterator[None]:
    """Let the collector rest meanwhile, if it is at work."""
    works = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if works:
            _make_old(gc.get_count()[0])
            gc.enable()


def _make_old(young: int) -> None:
    # objects that somebody has frozen stay so
    if young >= MANY and _uncounted[0] + young <= MOST and not gc.get_freeze_count():
        _uncounted[0] += young
        gc.freeze()
        gc.unfreeze()
