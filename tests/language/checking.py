"""How the tests of the checker are written: a rule with a mark before each mistake, below shared declarations."""

from __future__ import annotations

from cep.language.check import check
from cep.language.parser import parse
from cep.language.rulebook import Rulebook
from cep.model.diagnostics import Diagnostic, Source
from cep.model.errors import RuleError

PRELUDE = """\
param limit: decimal = 100
param pause: duration = 10 min
param never: duration = 0 s
record Place { lat: float, lon: float, city: string? }
stream Pay ordered by at ties by seq {
  at: time, seq: int, card: string, amount: decimal, rate: float, ok: bool, note: string?, tries: int?,
  where_at: Place?, tags: list<string>
}
stream Wire extends Pay { iban: string }
stream Move = Pay | Wire
stream Temp ordered by at { at: time, machine: string, celsius: float, part: int? }
"""
MARK = "«"


def rulebook(text: str, prelude: str = PRELUDE, **params: object) -> Rulebook:
    """The rulebook of ``text`` under the shared declarations."""
    return check([parse(Source("rules.cep", prelude + text))], params)


def mistakes(text: str, prelude: str = PRELUDE) -> tuple[Diagnostic, ...]:
    """What is wrong with ``text``."""
    try:
        rulebook(text, prelude)
    except RuleError as problem:
        return problem.diagnostics
    return ()


def marked(text: str, prelude: str = PRELUDE) -> tuple[str, list[int]]:
    """The text without its marks, and the offsets in the whole file that they stood at."""
    parts = text.split(MARK)
    offsets, at = [], len(prelude)
    for part in parts[:-1]:
        at += len(part)
        offsets.append(at)
    return "".join(parts), offsets


def assert_mistakes(text: str, code: str, message: str, hint: str | None = None, prelude: str = PRELUDE) -> None:
    """One mistake of ``code`` at each mark, and no other."""
    plain, offsets = marked(text, prelude)
    found = mistakes(plain, prelude)
    shown = "\n".join(d.render() for d in found) or "no mistake was found"
    assert [(d.code, d.span.start) for d in found] == [(code, offset) for offset in offsets], shown
    assert message in found[0].message, shown
    if hint is not None:
        assert found[0].hint is not None, shown
        assert hint in found[0].hint, shown
