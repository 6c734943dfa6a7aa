"""How many runs one event can have begun: the ways to go through a pattern that are open at one time.

A run takes each of its moves once, at the first event that fits (`then any` apart), so the runs of a start are a tree,
and those that live are no more than its leaves: the ways from the first step to the end. Steps one after the other
multiply, alternatives add, a loop adds its numbers of iterations. Where an event may be chosen or passed over, each of
those that follow is a way of its own. Of a loop at the end, and of one before a last step that asks nothing of it, one
run is left: the longest. That is a bound, not a count: which ways are open depends on the events.

Tested by: tests/language/test_check_patterns.py, tests/properties/test_state_bounds.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cep.language.fingerprint import variables_of
from cep.language.typed import CheckedChoice, CheckedSeveral

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language.typed import CheckedItem, CheckedPattern

_MANY, _LONG = 1_000_000, 100


@dataclass(frozen=True, slots=True)
class Ways:
    """At most ``times`` x n^``power``; ``doubling``: as many as a loop through several ways has."""

    times: int = 1
    power: int = 0
    doubling: bool = False

    def __add__(self, other: Ways) -> Ways:
        """Either of both."""
        return Ways(self.times + other.times, max(self.power, other.power), self.doubling or other.doubling)

    def __mul__(self, other: Ways) -> Ways:
        """One after the other."""
        return Ways(self.times * other.times, self.power + other.power, self.doubling or other.doubling)

    def at(self, n: int) -> int | None:
        """The number for so many events; None where it doubles."""
        return None if self.doubling else self.times * n**self.power

    def __str__(self) -> str:
        """In words: how many runs."""
        if self.doubling:
            return "as many runs as there are ways through its loops, which each event can double,"
        if not self.power:
            return "one run" if self.times == 1 else f"{_told(self.times)} runs"
        times = "" if self.times == 1 else f"{_told(self.times)}"
        return f"{times}n{'' if self.power == 1 else f'^{self.power}'} runs"


ONE = Ways()


def _told(count: int) -> str:
    """A number, as far as anybody wants to know."""
    return f"{count:,}" if count <= _MANY else f"more than {_MANY:,}"


def ways_of(pattern: CheckedPattern) -> Ways:
    """How many runs of one start can live at once; n are the events of its key from the first on, within the bound."""
    return _Ways(pattern).of(pattern.items, at_end=True)


def longer_is_enough(pattern: CheckedPattern, i: int) -> bool:
    """Whether the run without the loop's last iteration has the same future as the one with it, and is not preferred.

    Nothing later asks what the loop holds, and nothing counts from its last event; of timed absences and a gap the
    matcher knows more.
    """
    if i == len(pattern.steps) - 1 or pattern.final or not pattern.steps[i].is_loop:
        return False
    if not pattern.is_plain or pattern.consume or pattern.skip in ("first", "last"):
        return False
    step = pattern.steps[i]
    if step.combined:  # each choice is a match of its own, or may go on where the longer one is full, or refuses
        reads = step.where is not None and step.variable in variables_of(step.where)
        if pattern.skip == "keep all" or step.high is not None or reads:
            return False
    later = [w for s in pattern.steps[i + 1 :] for w in (s.where, *(a.where for a in s.absences))]
    return not any(step.variable in variables_of(w) for w in later if w is not None)


class _Ways:
    def __init__(self, pattern: CheckedPattern) -> None:
        self.pattern = pattern
        self.is_timed = pattern.gap is not None or any(a.duration is not None for a in pattern.between)

    def of(self, items: Sequence[CheckedItem], at_end: bool) -> Ways:
        """The ways through a sequence; ``at_end``: nothing comes after it."""
        out = ONE
        for n, item in enumerate(items, 1):
            out *= self._item(item, at_end and n == len(items))
        return out

    def _item(self, item: CheckedItem, at_end: bool) -> Ways:
        chosen = Ways(1, 1) if item.link == "then any" else ONE
        if item.low == item.high == 1:
            return chosen * self._body(item, at_end)
        if self._one_is_left(item, at_end):
            begun = Ways(item.low, item.low - 1) if item.combined and item.low else ONE
            return chosen * (begun if item.low or at_end else begun + ONE)
        inside, again = self._body(item, at_end=False), Ways(1, 1) if item.combined else ONE
        if item.high is None:  # so many iterations: from low to n
            return chosen * (Ways(1 + (item.low == 0), 1) if inside == again == ONE else Ways(doubling=True))
        out = ONE if item.low == 0 else None
        lengths = range(max(1, item.low), item.high + 1)
        if inside == again == ONE:
            each = Ways(len(lengths))
            return chosen * (out + each if out else each)
        if item.high > _LONG:
            return Ways(doubling=True)
        way = inside
        for k in range(1, item.high + 1):
            if k in lengths:
                out = out + way if out else way
            way *= inside * again
        assert out is not None
        return chosen * out

    def _body(self, item: CheckedItem, at_end: bool) -> Ways:
        body = item.body
        if isinstance(body, int):
            return ONE
        if isinstance(body, CheckedChoice):
            first, *others = (self._item(a, at_end) for a in body.alternatives)
            return sum(others, first)
        if isinstance(body, CheckedSeveral):
            return Ways(math.perm(len(body.alternatives), body.count))
        return self.of(body, at_end)

    def _one_is_left(self, item: CheckedItem, at_end: bool) -> bool:
        if not isinstance(item.body, int):
            return False
        if at_end and not item.combined:
            return True  # the shorter is given up for the longer
        last = self.pattern.steps[-1]  # which completes at once, else those that have left the loop would wait too
        before_last = item.body == len(self.pattern.steps) - 2 and last.low == last.high == 1
        return before_last and not self.is_timed and longer_is_enough(self.pattern, item.body)
