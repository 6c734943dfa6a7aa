"""Timeouts: which patterns may have ``on timeout``.

Only a bound of the whole pattern causes timeouts, so one must be there. What names mean in its condition and actions is
checked as in every other action; all steps but the one that binds the first event may be unbound.
Tested by: tests/language/test_check_timeouts.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cep.language import ast
    from cep.language.checker.report import Reporter
    from cep.language.typed import CheckedPattern


def check_bounds(
    reporter: Reporter, timeout: ast.Timeout, pattern: CheckedPattern | None, skip: ast.Skip | None
) -> None:
    """Report what keeps a pattern (None: a query) from having timeouts."""
    if pattern is None:
        hint = "leave out `on timeout`, or write the rule with `when`"
        reporter.error(timeout.span, "no-timeout", "a query waits for nothing, so nothing of it can time out", hint)
    elif pattern.within is None and pattern.gap is None and pattern.events is None:
        message = "nothing of this pattern can time out: it has no bound"
        reporter.error(timeout.span, "no-timeout", message, "add `within 1 h` behind the pattern, or leave it out")
    elif pattern.counted:
        hint = "write a second rule for the timeouts"
        reporter.not_yet(timeout.span, "`on timeout` beside `count()` of all matches", hint)
    elif skip is not None and skip.prefer == "earliest":
        hint = "write a second rule for the timeouts"
        reporter.not_yet(timeout.span, "`on timeout` beside `prefer earliest`", hint)
    elif any(item.is_bounded for item in pattern.nodes):
        hint = "let a rule before this one match the group, and read the event that it emits"
        reporter.not_yet(timeout.span, "`on timeout` beside a bound inside a group", hint)
