"""The collector of cycles rests while trees are built.

Trees of rules are large, are kept, and have few cycles: to look through all of them again and again while they grew
took a third of the time in which a thousand rules load.
Invariant: whoever had it collect finds it collecting afterwards, also when several threads load at once.
Tested by: tests/app/test_rest.py
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def collector_rests() -> Iterator[None]:
    """Let the collector rest meanwhile, if it is at work."""
    works = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if works:
            gc.enable()
