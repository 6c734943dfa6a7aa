"""Errors: one class for each way that something outside this program can be wrong.

Mistakes of our own are ``assert``; late and malformed events are data and are never raised.
Tested by: tests/model/test_diagnostics.py, tests/test_api.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.diagnostics import Diagnostic


def kind_of(value: object) -> str:
    """The kind of a Python value with its article, as messages say it: "an int"."""
    name = type(value).__name__
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"


class CepError(Exception):
    """The root of every error that cep raises on purpose. ``exit_code`` is what the command line ends with."""

    exit_code = 1


class RuleError(CepError):
    """A rule file that cannot run. ``diagnostics`` holds every mistake found, each with its place as data."""

    exit_code = 2

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__("\n".join(d.render() for d in self.diagnostics))


class InputError(CepError):
    """Input that cannot be read at all: a missing file, a missing column, a column of another type.

    ``path``, ``stream``, ``column`` and ``row`` (from 0) say where, as far as it is known.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        stream: str | None = None,
        column: str | None = None,
        row: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.path = path
        self.stream = stream
        self.column = column
        self.row = row
        self.hint = hint
        place = f"{path}: " if path else ""
        super().__init__(f"{place}{message}" + (f"\n  hint: {hint}" if hint else ""))


class OutputError(CepError):
    """Output that cannot be written: a full disk, a folder that is not there."""


class SnapshotError(CepError):
    """A snapshot that cannot be restored; nothing of it was taken.

    ``problem`` is ``foreign`` (no snapshot at all), ``damaged``, ``version`` (of another form), ``rules`` (of other
    rules, params or streams: ``differences`` has one line each) or ``options`` (of an engine started otherwise).
    """

    def __init__(self, problem: str, message: str, *, differences: Sequence[str] = (), hint: str | None = None) -> None:
        self.problem = problem
        self.message = message
        self.differences = tuple(differences)
        self.hint = hint
        lines = [message, *(f"  - {line}" for line in self.differences), *([f"  hint: {hint}"] if hint else [])]
        super().__init__("\n".join(lines))


class UsageError(CepError):
    """A call or a command line that asks for something impossible; the message says what and the cure."""

    exit_code = 64
