"""Reports: every mistake of all files, gathered, sorted by file and place, each with the nearest known name.

Nothing is raised while checking: a wrong part has no type (None), and what is built on it stays silent, so that one
mistake gives one diagnostic.
Tested by: tests/language/test_check.py
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from cep.model.diagnostics import Diagnostic, Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cep.language.typed import Typed

Place = tuple[Source, Span]


class Report:
    """The diagnostics of one check."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._order = {id(source): number for number, source in enumerate(sources)}
        self._mistakes = 0
        self._found: dict[tuple[int, int, str, str], Diagnostic] = {}
        self._places: dict[int, tuple[Typed, Span]] = {}

    def error(
        self,
        source: Source,
        span: Span,
        code: str,
        message: str,
        hint: str | None = None,
        related: tuple[tuple[str, Source, Span], ...] = (),
    ) -> None:
        """Take note of a mistake."""
        self._add(Diagnostic(code, message, source, span, hint, "error", related))

    def warn(
        self,
        source: Source,
        span: Span,
        code: str,
        message: str,
        hint: str | None = None,
        related: tuple[tuple[str, Source, Span], ...] = (),
    ) -> None:
        """Take note of what is lawful but seldom meant."""
        self._add(Diagnostic(code, message, source, span, hint, "warning", related))

    def note(self, source: Source, span: Span, code: str, message: str, hint: str | None = None) -> None:
        """Take note of what is lawful, often meant, and worth a look."""
        self._add(Diagnostic(code, message, source, span, hint, "note"))

    def stands(self, expr: Typed, span: Span) -> None:
        """Remember where an expression is written (the first time it is said)."""
        self._places.setdefault(id(expr), (expr, span))

    def place_of(self, expr: Typed) -> Span | None:
        """Where an expression is written; None for what the checker made (a cast)."""
        found = self._places.get(id(expr))
        return None if found is None else found[1]

    def _add(self, found: Diagnostic) -> None:
        # the same words at the same place say nothing new (`x between a and b` is checked as two comparisons)
        key = (self._order[id(found.source)], found.span.start, found.code, found.message)
        if key not in self._found:
            self._found[key] = found
            self._mistakes += found.severity == "error"

    def _sorted(self, severity: str) -> tuple[Diagnostic, ...]:
        chosen = [(key, d) for key, d in self._found.items() if d.severity == severity]
        chosen.sort(key=lambda pair: pair[0][:2])
        return tuple(d for _, d in chosen)

    @property
    def mistakes(self) -> int:
        """How many mistakes there are so far."""
        return self._mistakes

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """All mistakes by file and place."""
        return self._sorted("error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """All warnings by file and place."""
        return self._sorted("warning")

    @property
    def notes(self) -> tuple[Diagnostic, ...]:
        """All notes by file and place."""
        return self._sorted("note")


class Reporter:
    """A report seen from inside one source."""

    def __init__(self, report: Report, source: Source) -> None:
        self.report = report
        self.source = source

    def error(
        self,
        span: Span,
        code: str,
        message: str,
        hint: str | None = None,
        related: tuple[tuple[str, Source, Span], ...] = (),
    ) -> None:
        """Take note of a mistake in this source."""
        self.report.error(self.source, span, code, message, hint, related)

    def warn(
        self,
        span: Span,
        code: str,
        message: str,
        hint: str | None = None,
        related: tuple[tuple[str, Source, Span], ...] = (),
    ) -> None:
        """Take note of a warning in this source."""
        self.report.warn(self.source, span, code, message, hint, related)

    def note(self, span: Span, code: str, message: str, hint: str | None = None) -> None:
        """Take note of something in this source that is no warning yet."""
        self.report.note(self.source, span, code, message, hint)

    def not_yet(self, span: Span, what: str, hint: str | None = None) -> None:
        """Refuse a part of the language that a later version runs."""
        self.error(span, "not-yet", f"{what} does not run yet in this version", hint)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that ``word`` most likely stands for, or None."""
    by_lower: dict[str, str] = {}
    for name in known:
        by_lower.setdefault(name.lower(), name)
    close = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """A hint with the nearest known name, or ``otherwise``."""
    name = nearest(word, known)
    return f"did you mean `{name}`?" if name else otherwise


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words as a person lists them: ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
