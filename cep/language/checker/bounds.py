"""State bounds: how much a rule keeps for one key, in words, or why nothing bounds it.

A run ends by ``within``; or by the absence at the end, when one event starts it and nothing else is waited for; or
after a fixed number of events, when every step must be the very next. Else the rule must say ``allow unbounded``.
Tested by: tests/language/test_check.py, tests/language/test_check_patterns.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cep.language.typed import CheckedPattern, CheckedStep, Const, ParamRef, Typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.typed import CheckedParam

FILTER = "nothing is kept: each event is decided when it comes"
_UNITS = (("d", 86_400 * 10**9), ("h", 3_600 * 10**9), ("min", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3))


@dataclass(frozen=True)
class Refusal:
    """Why a pattern cannot be run: code, message and hint, at a step or (None) at the whole."""

    words: tuple[str, str, str]
    step: CheckedStep | None


def refusal(pattern: CheckedPattern) -> Refusal | None:
    """What keeps the pattern from ever being decided, or its state from being bounded."""
    last = pattern.steps[-1]
    timeless = pattern.within is None and not pattern.final
    if timeless and last.low == 0 and last.link == "then":
        words = (
            "undecided-loop",
            "nothing can ever decide that this step at the end is left out: its event could always still come",
            "add `within 1 h`, or join it by `next`",
        )
        return Refusal(words, last)
    if timeless and last.high != last.low and last.low > 0 and not last.in_a_row:
        low = max(1, last.low)
        words = (
            "undecided-loop",
            "nothing can ever decide this loop at the end: one more event could always follow",
            f"add `within 1 h`, or write `{low}` to match at event {low} of the loop",
        )
        return Refusal(words, last)
    if pattern.within is None and not pattern.unbounded and _events_of_a_run(pattern) is None:
        words = (
            "unbounded-state",
            "nothing bounds what this rule keeps: a run may wait for ever for its next event",
            "add `within 1 h`, or `allow unbounded` when few runs are ever begun",
        )
        return Refusal(words, None)
    return None


def _events_of_a_run(pattern: CheckedPattern) -> int | None:
    """After how many events a run that binds or breaks at each one has ended; None when it may wait."""
    total = 0
    for number, step in enumerate(pattern.steps):
        if step.high is None or (number and step.link != "next") or step.absences:
            return None
        if step.high > 1 and not step.in_a_row:
            return None
        total += step.high
    return total


def state_bound(pattern: CheckedPattern, params: Mapping[str, CheckedParam | None]) -> str:
    """What one key can hold, in a sentence."""
    loops = [s.variable for s in pattern.steps if s.is_loop]
    kept = ""
    if loops:
        names = ["the loop" if name.startswith("$") else f"`{name}`" for name in dict.fromkeys(loops)]
        kept = f"; a run keeps all events of {' and '.join(dict.fromkeys(names))}"
    silence = max((_nanoseconds(a.duration, params) for a in pattern.final if a.duration is not None), default=0)
    after = f", and {duration_text(silence)} more for the absence at the end" if silence else ""
    if pattern.within is not None:
        within = duration_text(_nanoseconds(pattern.within, params))
        runs = f"at most one run for each event that starts one in {within}"
        if silence:
            runs = f"at most one run for each event that starts one in {duration_text(_sum(pattern, silence, params))}"
        return f"runs end {within} after they start{after}; {runs}{kept}"
    events = _events_of_a_run(pattern)
    if events is None:
        return f"unbounded, as the rule allows{kept}"
    if silence:
        many = "the last" if events > 1 else "their"
        return (
            f"runs end {duration_text(silence)} after {many} event; "
            f"at most one run for each event that starts one in {duration_text(silence)}{kept}"
        )
    if events == 1:
        return FILTER
    return f"runs end after {events} events of the key; at most {events} runs{kept}"


def _sum(pattern: CheckedPattern, silence: int, params: Mapping[str, CheckedParam | None]) -> int:
    assert pattern.within is not None
    return _nanoseconds(pattern.within, params) + silence


def _nanoseconds(duration: Typed, params: Mapping[str, CheckedParam | None]) -> int:
    if isinstance(duration, ParamRef):
        param = params[duration.name]
        assert param is not None, "a wrong param is an error"
        duration = param.value
    assert isinstance(duration, Const)
    assert isinstance(duration.value, int)
    return duration.value


def duration_text(nanoseconds: int) -> str:
    """A duration as it is written: ``1 h 30 min``; below a microsecond, in ns."""
    parts = []
    for word, size in _UNITS:
        count, nanoseconds = divmod(nanoseconds, size)
        if count:
            parts.append(f"{count} {word}")
    if nanoseconds or not parts:
        parts.append(f"{nanoseconds} ns")
    return " ".join(parts)
