"""Strings: what the functions of one string give, counted in code points.

``lower`` and ``upper`` follow Unicode's case mappings, which may change the length (``ß`` is ``SS``). ``trim`` takes
white space from both ends. ``substring`` counts from 1, from the end where ``start`` is negative (at most to the first
character); 0 is the place before the first. What lies outside the string is not there. ``split`` gives what
stands before, between and after the places of a separator, taken from the left: one part more than there are places.
Cost: O(length).
Tested by: tests/model/test_strings.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OF_ONE: Mapping[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "trim": str.strip}
"""Functions from a string to a string."""

FUNCTIONS = frozenset({*OF_ONE, "length", "substr", "concat", "join", "split"})
"""All functions of strings; ``join`` is the operator ``||``, and ``split`` alone gives a list."""


def of_constants(name: str, values: Sequence[object]) -> str | int:
    """One of `FUNCTIONS` but ``split``, of strings, and of numbers for `substring`; no null among them."""
    text = values[0]
    if name in ("concat", "join"):
        return "".join(map(str, values))
    assert isinstance(text, str)
    if name in OF_ONE:
        return OF_ONE[name](text)
    if name == "length":
        return len(text)
    start, *count = (n for n in values[1:] if isinstance(n, int))
    return substring(text, start, *count)


def substring(text: str, start: int, count: int | None = None) -> str:
    """The ``count`` characters from place ``start`` on, all that follow when it is None."""
    begin = start - 1 if start > 0 else max(len(text) + start, 0) if start < 0 else -1
    end = len(text) if count is None else begin + max(count, 0)
    return text[max(begin, 0) : max(end, 0)]
