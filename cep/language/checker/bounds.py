"""State bounds: how much a rule keeps for one key, in words, or why nothing bounds it.

A run ends by ``within``, of time or of events; by ``gap`` when its events are bounded in number; by the absence at the
end, when one event starts it and nothing else is waited for; or after a fixed number of events, when every step must
be the very next. Else the rule must say ``allow unbounded``.
How many runs one event can have begun is said by `cep.language.checker.ways`.
Tested by: tests/language/test_check.py, tests/language/test_check_patterns.py, tests/properties/test_state_bounds.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cep.language.checker.ways import Ways, ways_of
from cep.language.typed import CheckedChoice, CheckedItem, CheckedPattern, CheckedSeveral, Const, ParamRef, Typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedOutput
    from cep.model.diagnostics import Span

FILTER = "nothing is kept: each event is decided when it comes"
_UNITS = (("d", 86_400 * 10**9), ("h", 3_600 * 10**9), ("min", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3))


@dataclass(frozen=True)
class Refusal:
    """Why a pattern cannot be run: code, message and hint, at an item or (None) at the whole."""

    words: tuple[str, str, str]
    span: Span | None


def refusal(pattern: CheckedPattern) -> Refusal | None:
    """What keeps the pattern from ever being decided, or its state from being bounded."""
    bounded = pattern.within is not None or pattern.events is not None
    if not bounded and pattern.gap is None and not pattern.final:
        words = _undecided(pattern.items[-1])
        if words is not None:
            return words
    if not bounded and not pattern.unbounded and not _gap_bounds(pattern) and _events_of_a_run(pattern) is None:
        words_ = (
            "unbounded-state",
            "nothing bounds what this rule keeps: a run may wait for ever for its next event",
            "add `within 1 h`, or `allow unbounded` when few runs are ever begun",
        )
        return Refusal(words_, None)
    return None


def _undecided(item: CheckedItem) -> Refusal | None:
    """Why the end of a pattern without a bound is never decided, at the item at fault; None: it is."""
    if item.fewest:
        return None
    if item.low == 0 and item.link != "next":
        words = (
            "undecided-loop",
            "nothing can ever decide that this step at the end is left out: its event could always still come",
            "add `within 1 h`, or join it by `next`",
        )
        return Refusal(words, item.span)
    body = item.body
    if item.high != item.low and item.until is None:
        low = max(1, item.low)
        if not isinstance(body, int):
            words = (
                "undecided-loop",
                "nothing can ever decide this group at the end: an iteration could always still be finished",
                "add `within 1 h`, or `until X` after the group",
            )
            return Refusal(words, item.span)
        if item.high != 1 and not item.in_a_row:
            words = (
                "undecided-loop",
                "nothing can ever decide this loop at the end: one more event could always follow",
                f"add `within 1 h`, or write `{low}` to match at event {low} of the loop",
            )
            return Refusal(words, item.span)
    if isinstance(body, CheckedChoice):
        return next((found for a in body.alternatives if (found := _undecided(a)) is not None), None)
    return None if isinstance(body, int | CheckedSeveral) else _undecided(body[-1])


def _gap_bounds(pattern: CheckedPattern) -> bool:
    """Whether the bound between neighbours bounds a run, because the number of its events is bounded."""
    return pattern.gap is not None and _most_events(pattern.items) is not None


def _most_events(items: Sequence[CheckedItem]) -> int | None:
    total = 0
    for item in items:
        if item.high is None and not item.fewest:
            return None
        inner: int | None
        if isinstance(item.body, int):
            inner = 1
        elif isinstance(item.body, CheckedChoice):
            each = [_most_events((a,)) for a in item.body.alternatives]
            inner = None if None in each else max(e for e in each if e is not None)
        elif isinstance(item.body, CheckedSeveral):
            inner = item.body.count
        else:
            inner = _most_events(item.body)
        if inner is None or item.high is None:
            return None
        total += item.high * inner
    return total


def _events_of_a_run(pattern: CheckedPattern) -> int | None:
    """After how many events a run that binds or breaks at each one has ended; None when it may wait."""
    if not pattern.is_plain:
        return None
    total = 0
    for number, step in enumerate(pattern.steps):
        if step.high is None or (number and (step.link != "next" or step.absences)):
            return None
        if step.high > 1 and not step.in_a_row:
            return None
        total += step.high
    return total


def lifetime(pattern: CheckedPattern, params: Mapping[str, CheckedParam | None]) -> int | None:
    """How many nanoseconds after its start a run has ended, the absence at the end included; None without `within`."""
    return None if pattern.within is None else _sum(pattern, _silence(pattern, params), params)


def _silence(pattern: CheckedPattern, params: Mapping[str, CheckedParam | None]) -> int:
    return max((_nanoseconds(a.duration, params) for a in pattern.final if a.duration is not None), default=0)


def state_bound(pattern: CheckedPattern, params: Mapping[str, CheckedParam | None]) -> str:
    """What one key can hold, in a sentence."""
    loops = [s.variable for s in pattern.steps if s.is_loop or s.many]
    kept = ""
    if loops:
        names = ["the loop" if name.startswith("$") else f"`{name}`" for name in dict.fromkeys(loops)]
        kept = f"; a run keeps all events of {' and '.join(dict.fromkeys(names))}"
    back = max((_nanoseconds(a.duration, params) for a in pattern.before_start if a.duration is not None), default=0)
    if back:
        kept += f"; what the absence at the start forbids is kept for {duration_text(back)}"
    ways = ways_of(pattern)
    each = str(ways)
    counted = ", n counting its key's events from that one on" if ways.power and not ways.doubling else ""
    silence = _silence(pattern, params)
    after = f", and {duration_text(silence)} more for the absence at the end" if silence else ""
    if pattern.within is not None:
        within = duration_text(_nanoseconds(pattern.within, params))
        time = duration_text(_sum(pattern, silence, params)) if silence else within
        runs = f"at most {each} for each event that starts one in {time}{counted}"
        return f"runs end {within} after they start{after}; {runs}{kept}"
    if pattern.events is not None:
        many, of_each = f"{pattern.events:,}", ways.at(pattern.events)
        runs = f"{many} starts with {each if of_each is None else Ways(of_each)} each"
        runs = f"{many} runs" if of_each == 1 else runs
        return f"runs end with event {many} of the key after they start{after}; at most {runs}{kept}"
    most = _most_events(pattern.items)
    if pattern.gap is not None and most is not None:
        gap = _nanoseconds(pattern.gap, params)
        ends = duration_text(gap * max(1, most - 1))
        runs = f"at most {each} for each event that starts one in that time{counted}"
        return f"runs end {ends} after they start{after}; {runs}{kept}"
    events = _events_of_a_run(pattern)
    if events is None:
        return f"unbounded, as the rule allows{kept}"
    if silence:
        many = "the last" if events > 1 else "their"
        return (
            f"runs end {duration_text(silence)} after {many} event; "
            f"at most {each} for each event that starts one in {duration_text(silence)}{counted}{kept}"
        )
    if events == 1:
        return kept.removeprefix("; ") or FILTER
    return f"runs end after {events} events of the key; at most {events * ways.times} runs{kept}"


def with_output(bound: str, output: CheckedOutput) -> str:
    """The bound of a rule, with what its `output` keeps beside it."""
    each = f" for each {' and '.join(output.per)}" if output.per else ""
    kept = {
        "first": f"when its period ends{each}, for {duration_text(output.every)}",
        "last": f"an event{each}, for {duration_text(output.every)}",
        "all": f"all events of {duration_text(output.every)}{each}",
        "snapshot": f"the newest event{each}, for ever",
    }[output.mode]
    return f"{'' if bound in ('', FILTER) else f'{bound}; '}`output` keeps {kept}"


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
