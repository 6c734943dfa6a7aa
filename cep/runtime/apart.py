"""What keeps the events of windows that are no stretches of their key's events.

Tested by: tests/properties/test_windows_chosen.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.runtime.chosen import ChosenRows
from cep.runtime.running import RunningRows
from cep.runtime.spans import SpanRows

if TYPE_CHECKING:
    from cep.compiler.window import WindowProgram
    from cep.model.batch import Int64Array
    from cep.runtime.windowrows import WindowRows

Apart = ChosenRows | RunningRows | SpanRows


def apart_of(program: WindowProgram, rows: WindowRows, words: slice, faults: Int64Array) -> Apart | None:
    """What keeps the events of a window of such a kind; None for other kinds."""
    match program.window.kind:
        case "newest" | "best":
            return ChosenRows(program, rows, words)
        case "span":
            return SpanRows(program, rows, words)
        case "everything":
            return RunningRows(program, rows, words, faults)
        case _:
            return None
