"""Lint: patterns that are lawful and seldom mean what they seem to.

Each warning reads one checked pattern and changes nothing.
Tested by: tests/language/test_check_patterns.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.language.checker.walk import parts_of
from cep.language.typed import Apply, Attr, CheckedItem, CheckedPattern, Typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.language.checker.report import Reporter
    from cep.language.typed import CheckedAbsence, CheckedKey


def pattern(
    reporter: Reporter,
    checked: CheckedPattern,
    keys: Sequence[CheckedKey],
) -> None:
    """Warn of what is seldom meant in a pattern."""
    _next_before_loop(reporter, checked)
    _loop_at_end(reporter, checked)
    _any_combination(reporter, checked)
    for step in checked.steps:
        for absence in step.absences:
            _missing_data(reporter, absence)
    for absence in checked.final:
        _missing_data(reporter, absence)
    _tie_as_key(reporter, checked, keys)


def _next_before_loop(reporter: Reporter, checked: CheckedPattern) -> None:
    for number, step in enumerate(checked.steps):
        if number and step.link == "next" and step.is_loop and not step.in_a_row:
            reporter.warn(
                step.span,
                "next-before-loop",
                "`next` ties only the first event of this loop; the others may have events between them",
                "write `in a row` after the name for a loop without gaps, or `then` before it",
            )


def _loop_at_end(reporter: Reporter, checked: CheckedPattern) -> None:
    last = checked.items[-1]
    if last.until is not None or last.fewest or last.combined or not isinstance(last.body, int):
        return
    waits = last.high != 1 and last.high != last.low and not last.in_a_row
    if waits and not checked.final and checked.within is not None:
        low = max(1, last.low)
        reporter.warn(
            last.span,
            "loop-at-end",
            f"this loop takes all it can, so the match comes out only when {_full(last)}`within` has passed",
            f"write `{low}` to match at event {low} of the loop",
        )


def _any_combination(reporter: Reporter, checked: CheckedPattern) -> None:
    for item in checked.nodes:
        if item.combined and item.high is None and checked.skip == "keep all":
            reporter.warn(
                item.span,
                "combinations-grow",
                "every set of the events that fit this loop is a match: 20 events give a million",
                "write the most that a match may hold: `2 to 3` for `2 or more`",
            )


def _full(loop: CheckedItem) -> str:
    return "" if loop.high is None else "it is full or "


def _missing_data(reporter: Reporter, absence: CheckedAbsence) -> None:
    if absence.where is None or not absence.where.type.optional:
        return
    parts = list(parts_of(absence.where))
    asked = {
        part.args[0].name
        for part in parts
        if isinstance(part, Apply) and part.op in ("is_null", "is_not_null") and isinstance(part.args[0], Attr)
    }
    for part in parts:
        if isinstance(part, Attr) and part.variable is None and part.type.optional and part.name not in asked:
            reporter.warn(
                absence.span,
                "absence-reads-optional",
                f"`{part.name}` may be missing: an event without it does not count as present, and the alert is raised",
                f"say what a missing value means: … or {part.name} is null",
            )
            return


def _conjuncts(where: Typed | None) -> Iterator[Typed]:
    waiting = [] if where is None else [where]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Apply) and node.op == "and":
            waiting.extend(node.args)
        else:
            yield node


def _tie_as_key(reporter: Reporter, checked: CheckedPattern, keys: Sequence[CheckedKey]) -> None:
    """Every later step is tied to an earlier one by an equality: that field is the key."""
    if checked.skip == "keep all" or len(checked.steps) < 2:
        return
    ties: list[tuple[str, str]] = []
    for step in checked.steps[1:]:
        found = [tie for part in _conjuncts(step.where) if (tie := _tie(part)) is not None]
        if not found:
            return
        ties.append(found[0])
    own, other = ties[0]
    if any(own in k.attributes.values() or other in k.attributes.values() for k in keys):
        return
    streams = checked.steps[1].streams
    words = own if own == other else f"{other} or {streams[0]}.{own}"
    more = "".join(f"{k.name}, " for k in keys)
    reporter.warn(
        checked.steps[1].span,
        "tie-as-key",
        f"an equality of `{own}` ties the steps: after a match of one value, the runs of all others are forgotten",
        f"write `keyed by {more}{words}`, or `after match keep all`",
    )


def _tie(part: Typed) -> tuple[str, str] | None:
    """(own attribute, the other's) of an equality between the event at hand and an earlier one."""
    if not isinstance(part, Apply) or part.op != "eq":
        return None
    a, b = part.args
    if isinstance(a, Attr) and isinstance(b, Attr):
        if a.variable is not None:
            a, b = b, a
        if a.variable is None and b.variable is not None and a.type.kind in ("string", "int"):
            return a.name, b.name
    return None
