"""Diagnostics: what is wrong with a rule file, where, and how to mend it.

A diagnostic is data: a code, a span, a one-line message, and a hint. Rendering it (the line with a caret
under it) is one function here, so that the command line, Python errors and tests say the same.
Tested by: tests/model/test_diagnostics.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source text: offsets in characters, ``start <= end``; line and column count from 1."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A rule text and the name it is shown under (a path, or ``<text>``)."""

    name: str
    text: str

    def line(self, number: int) -> str:
        """The text of line ``number`` (from 1), without its line end."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake, warning or note of a rule file.

    ``code`` is stable and kebab-case (``unknown-field``); ``message`` is one line without a final stop;
    ``hint`` says the cure in one line; ``related`` shows a second place (the other of two rules of one name).
    """

    code: str
    message: str
    source: Source
    span: Span
    hint: str | None = None
    severity: Severity = "error"
    related: tuple[tuple[str, Source, Span], ...] = ()

    def __post_init__(self) -> None:
        # they may quote a text of the rules, and stay one line whatever stands in it
        object.__setattr__(self, "message", _one_line(self.message))
        if self.hint is not None:
            object.__setattr__(self, "hint", _one_line(self.hint))

    @property
    def place(self) -> str:
        """``file:line:column``."""
        return f"{self.source.name}:{self.span.line}:{self.span.column}"

    def render(self) -> str:
        """The diagnostic as text: place and message, the line with a caret, related places, the hint."""
        out = [f"{self.place}: {self.severity}[{self.code}]: {self.message}", *_excerpt(self.source, self.span)]
        for note, source, span in self.related:
            out.append(f"  {source.name}:{span.line}:{span.column}: {note}")
            out.extend(_excerpt(source, span))
        if self.hint:
            out.append(f"  hint: {self.hint}")
        return "\n".join(out)


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


_WIDTH = 160  # a line of 100,000 characters is shown around the caret, not whole


def _excerpt(source: Source, span: Span) -> list[str]:
    text = source.line(span.line).replace("\t", " ")
    column = span.column - 1
    width = max(1, min(span.end - span.start, len(text) - column))
    left = 0
    if len(text) > _WIDTH:
        left = max(0, column - _WIDTH // 2)
        text = text[left : left + _WIDTH]
        width = max(1, min(width, _WIDTH - (column - left)))
    number = str(span.line)
    return [f"  {number} | {text}", f"  {' ' * len(number)} | {' ' * (column - left)}{'^' * width}"]
