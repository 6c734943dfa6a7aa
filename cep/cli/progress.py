"""Progress: how far a run is, on a terminal; silent in a pipe, but for the notice that kernels compile.

Only a terminal pays for rich. Drawing is at most ten times a second, whatever the number of batches.
Tested by: tests/cli/test_progress.py
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from cep.cli.ends import say

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_EVERY_S = 0.1


class Progress:
    """Events, rate and matches while a run lasts; a context manager."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._begun = 0.0
        self._drawn = 0.0
        self._announced = False

    def __enter__(self) -> Progress:
        if sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[counts]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("reading", total=None, counts="")
            self._bar.start()
        self._begun = time.monotonic()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def compiling(self, done: int, total: int) -> None:
        """Tell that kernels are being compiled, and how many are done."""
        text = f"compiling kernels, once: {done} of {total}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text, completed=done, total=total)
            self._bar.refresh()
        elif not self._announced:  # once in a pipe: that it begins, and why nothing else happens
            self._announced = True
            say(text)
        self._begun = time.monotonic()

    def show(self, events: int, matches: int, part: float | None = None) -> None:
        """Show the counts so far, and which part of the input is read, where that is known."""
        now = time.monotonic()
        if self._bar is None or self._task is None or now - self._drawn < _EVERY_S:
            return
        self._drawn = now
        rate = events / max(now - self._begun, 1e-9)
        counts = f"{events:,} events  {rate:,.0f}/s  {matches:,} matches"
        if part is None:
            self._bar.update(self._task, description="reading", counts=counts, total=None)
        else:
            self._bar.update(self._task, description="reading", counts=counts, total=1.0, completed=part)
