"""Domains: a set of values that one term may have, never too small; and whether it may be null.

Bounds are closed; an open end is a closed one whose value is excepted, which for ints moves the bound. Times, durations
and decimals are ints here (a decimal as its count). Strings compare by code point, as Python's do.
A copy shares what was excepted before it, so that the branches of an ``or`` cost what they add.
Tested by: tests/language/test_analysis.py, tests/properties/test_analysis.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Value = int | float | str | bool
MIN_INT, MAX_INT = -(2**63), 2**63 - 1
_LONG = 10_000  # a text and a pattern longer than this are not compared

_FLIPPED = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
_MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}


def negated(op: str) -> str:
    """The comparison that holds where ``op`` does not, of values that are not null."""
    return _FLIPPED[op]


def mirrored(op: str) -> str:
    """The comparison with its sides changed."""
    return _MIRRORED[op]


def compared(op: str, a: Value, b: Value) -> bool:
    """Whether ``a op b`` holds of two values of one kind."""
    if op in ("eq", "ne"):
        return (a == b) == (op == "eq")
    sign = (a > b) - (a < b)  # type: ignore[operator]
    return {"lt": sign < 0, "le": sign <= 0, "gt": sign > 0, "ge": sign >= 0}[op]


def like(pattern: str, text: str) -> bool:
    """Whether ``text`` is as a ``like`` pattern says; no more steps than the product of their lengths."""
    p = t = mark = 0
    star = -1
    while t < len(text):
        if p < len(pattern) and pattern[p] == "%":
            star, mark = p, t
            p += 1
        elif p < len(pattern) and pattern[p] in ("_", text[t]):
            p += 1
            t += 1
        elif star >= 0:
            mark += 1
            p, t = star + 1, mark
        else:
            return False
    return not pattern[p:].strip("%")


class Domain:
    """A set of values and null; every method but `copy` narrows it. ``whole``: its values are ints."""

    __slots__ = ("_excepted", "_own", "allowed", "high", "low", "null", "prefix", "suffix", "texts", "whole")

    def __init__(
        self,
        low: Value | None = None,
        high: Value | None = None,
        null: bool = True,
        whole: bool = False,
        allowed: frozenset[Value] | None = None,
    ) -> None:
        self.low = low
        self.high = high
        self.null = null
        self.whole = whole
        self.allowed = allowed
        self.texts: dict[tuple[str, str], bool] = {}
        self.prefix = ""
        self.suffix = ""
        self._excepted: tuple[set[Value], ...] = ()
        self._own: set[Value] | None = None

    def copy(self) -> Domain:
        """The same set, to be narrowed on its own."""
        out = Domain(self.low, self.high, self.null, self.whole, self.allowed)
        out.texts = self.texts.copy() if self.texts else {}
        out.prefix, out.suffix = self.prefix, self.suffix
        out._excepted = self._excepted if self._own is None else (*self._excepted, self._own)
        return out

    # ------------------------------------------------------------------------------------------------ narrowing

    def meet(self, op: str, value: Value) -> None:
        """Keep the values ``v`` for which ``v op value``."""
        if op == "eq":
            self.keep(frozenset((value,)))
        elif op == "ne":
            self.exclude((value,))
        elif op in ("lt", "le"):
            limit = value
            if op == "lt":
                if self.whole:
                    assert isinstance(value, int)
                    limit = value - 1
                else:
                    self.exclude((value,))
            if self.high is None or limit < self.high:  # type: ignore[operator]
                self.high = limit
        else:
            limit = value
            if op == "gt":
                if self.whole:
                    assert isinstance(value, int)
                    limit = value + 1
                else:
                    self.exclude((value,))
            if self.low is None or limit > self.low:  # type: ignore[operator]
                self.low = limit

    def keep(self, values: frozenset[Value]) -> None:
        """Keep no values but these."""
        self.allowed = values if self.allowed is None else self.allowed & values

    def exclude(self, values: Iterable[Value]) -> None:
        """Take these values out."""
        if self._own is None:
            self._own = set()
        self._own.update(values)

    def text(self, op: str, pattern: str, wanted: bool) -> None:
        """Keep the strings that are, or are not, ``like`` (or match) a pattern."""
        if self.texts.setdefault((op, pattern), wanted) != wanted:
            self.allowed = frozenset()
        if op != "like" or not wanted:
            return
        if "%" not in pattern and "_" not in pattern:
            self.keep(frozenset((pattern,)))
            return
        first = min(n for n in (pattern.find("%"), pattern.find("_")) if n >= 0)
        last = max(pattern.rfind("%"), pattern.rfind("_"))
        prefix, suffix = pattern[:first], pattern[last + 1 :]
        shorter, longer = sorted((prefix, self.prefix), key=len)
        if not longer.startswith(shorter):
            self.allowed = frozenset()
        self.prefix = longer
        shorter, longer = sorted((suffix, self.suffix), key=len)
        if not longer.endswith(shorter):
            self.allowed = frozenset()
        self.suffix = longer

    def forbid_null(self) -> None:
        """Take null out."""
        self.null = False

    def only_null(self) -> None:
        """Keep null alone."""
        self.allowed = frozenset()

    def meet_domain(self, other: Domain) -> None:
        """Keep the values (not the null) of another domain of the same kind."""
        if other.low is not None:
            self.meet("ge", other.low)
        if other.high is not None:
            self.meet("le", other.high)
        if other.allowed is not None:
            self.keep(other.allowed)

    # ------------------------------------------------------------------------------------------------- questions

    def excludes(self, value: Value) -> bool:
        """Whether ``value`` was taken out."""
        return (self._own is not None and value in self._own) or any(value in layer for layer in self._excepted)

    def admits(self, value: Value) -> bool:
        """Whether ``value`` may be in the set."""
        if self.low is not None and value < self.low:  # type: ignore[operator]
            return False
        if self.high is not None and value > self.high:  # type: ignore[operator]
            return False
        if (self.allowed is not None and value not in self.allowed) or self.excludes(value):
            return False
        if isinstance(value, str):
            if not (value.startswith(self.prefix) and value.endswith(self.suffix)):
                return False
            for (op, pattern), wanted in self.texts.items():
                small = len(value) * len(pattern) < _LONG
                if op == "like" and small and like(pattern, value) != wanted:
                    return False
        return True

    def has_value(self, spend: Callable[[int], None]) -> bool:
        """Whether anything but null may be left; ``spend`` is told how many values were looked at."""
        if self.allowed is not None:
            for value in self.allowed:
                spend(1)
                if self.admits(value):
                    return True
            return False
        if self.low is None or self.high is None:
            return True
        if self.whole:
            low, high = int(self.low), int(self.high)
            while low <= high and self.excludes(low):
                spend(1)
                low += 1
            while low <= high and self.excludes(high):
                spend(1)
                high -= 1
            self.low, self.high = low, high
            return low <= high
        if self.low > self.high:  # type: ignore[operator]
            return False
        return self.low != self.high or self.admits(self.low)

    def tighten(self, spend: Callable[[int], None]) -> None:
        """Let the bounds follow a finite set."""
        if self.allowed is None:
            return
        spend(len(self.allowed))
        kept = [v for v in self.allowed if self.admits(v)]
        self.allowed = frozenset(kept)
        if kept and not isinstance(kept[0], bool):
            self.low, self.high = min(kept), max(kept)


def joined(domains: list[Domain]) -> Domain:
    """A domain that includes all of some domains of one term."""
    first = domains[0]
    lows = [d.low for d in domains]
    highs = [d.high for d in domains]
    low = None if any(x is None for x in lows) else min(lows)  # type: ignore[type-var]
    high = None if any(x is None for x in highs) else max(highs)  # type: ignore[type-var]
    allowed: frozenset[Value] | None = None
    if all(d.allowed is not None for d in domains):
        allowed = frozenset().union(*(d.allowed for d in domains if d.allowed is not None))
    return Domain(low, high, any(d.null for d in domains), first.whole, allowed)
