"""Context: what is known of a term before a condition is asked.

By type: whether it may be null, its range. By the pattern: the key is one value for all events; how many events a loop
holds; events come in the order of their times, and not further apart than ``within``; what earlier steps have asked of
events that are bound. A param may get another value at any time, so nothing is known of it but that it has one.
Tested by: tests/language/test_analysis.py, tests/properties/test_analysis.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cep.language.analysis.domain import MAX_INT, MIN_INT, Domain
from cep.language.analysis.terms import EXACT, Place, Terms
from cep.language.typed import Apply, Attr, Const, Fold, Present, Prev

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.analysis.terms import Term
    from cep.language.typed import Typed

_OF_NOTHING = ("count", "count_distinct", "list", "distinct", "flatten", "events", "top")  # not null then
_PICKS = ("first", "last", "min", "max")


@dataclass
class Context:
    """What is known where a condition stands; ``own`` in ``place`` names the event at hand.

    ``counts``: how many events each plain step of the top level binds. ``order``: the place of such a step among them.
    ``times``: (variable, attribute) that hold the time of an event. ``within`` is None where it is not a constant.
    ``bound_apart``: the event at hand need not be within ``within`` of the others (it is that of an absence).
    """

    terms: Terms
    place: Place
    counts: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    order: Mapping[str, int] = field(default_factory=dict)
    times: frozenset[tuple[str, str]] = frozenset()
    within: int | None = None
    bound_apart: bool = False
    ordered: bool = True
    unbound: frozenset[str] = frozenset()
    known: Mapping[int, Domain] = field(default_factory=dict)
    _before: dict[int, Domain] = field(default_factory=dict, init=False)

    def before(self, number: int) -> Domain:
        """What is known of a term; to be copied, not narrowed."""
        found = self._before.get(number)
        if found is None:
            found = self.known.get(number)
            if found is None:
                found = self._of(number)
            self._before[number] = found
        return found

    def _of(self, number: int) -> Domain:
        if number in self.terms.pairs:
            return Domain(-1, 1, False, True)
        if number in self.terms.sums:
            return self._sum(self.terms.sums[number])
        term = self.terms.known[number]
        node = term.node
        assert node is not None, "only sums and pairs have none"
        if isinstance(node, Const):
            return _constant(node)
        if isinstance(node, Attr) and term.own in self.unbound:
            return Domain(allowed=frozenset())
        if isinstance(node, Fold) and node.variable in self.unbound and node.function not in _OF_NOTHING:
            return Domain(allowed=frozenset())
        out = _by_type(node)
        match node:
            case Fold("count", variable, argument, running):
                low, high = self.counts.get(variable, (0, None))
                out.meet("ge", 0 if argument is not None or variable in self.unbound else 1 if running else low)
                if running and argument is None and self.place.first:
                    out.meet("le", 1)
                elif variable in self.unbound:
                    out.meet("le", 0)
                elif high is not None:
                    out.meet("le", high)
            case Fold(function, variable, argument, False) if function in _PICKS and argument is not None:
                known = self.known.get(self.terms.of(argument, Place(variable)))
                if known is not None:
                    out.meet_domain(known)
            case Present(variable) if variable in self.unbound:
                out.meet("eq", False)
            case Present(variable) if self.counts.get(variable, (0, None))[0] > 0:
                out.meet("eq", True)
            case Apply("mod", (_, Const(int() as divisor))) if divisor:
                out.meet("lt", abs(divisor))
                out.meet("gt", -abs(divisor))
            case Apply("abs" | "sqrt" | "exp"):
                out.meet("ge", 0)
            case _:
                pass
        return out

    def _sum(self, factors: tuple[tuple[int, int], ...]) -> Domain:
        low = high = 0
        for term, factor in factors:
            one = self.before(term)
            least, most = _ends(one)
            low += factor * (least if factor > 0 else most)
            high += factor * (most if factor > 0 else least)
        out = Domain(low, high, False, True)
        if len(factors) == 2 and factors[0][1] == 1 and factors[1][1] == -1:
            self._apart(self.terms.known[factors[0][0]], self.terms.known[factors[1][0]], out)
        return out

    def _apart(self, a: Term, b: Term, out: Domain) -> None:
        """What the order of events says of ``a - b``, when both are times of events."""
        x, y = self._time_of(a), self._time_of(b)
        if x is None or y is None:
            return
        if self.ordered:
            if self._is_at_hand(a) or self.order.get(x, -1) > self.order.get(y, math.inf):
                out.meet("ge", 0)
            if self._is_at_hand(b) or self.order.get(y, -1) > self.order.get(x, math.inf):
                out.meet("le", 0)
        apart = self.bound_apart and self.place.own in (x, y)
        if self.within is not None and not apart:
            out.meet("le", self.within)
            out.meet("ge", -self.within)

    def _is_at_hand(self, term: Term) -> bool:
        return isinstance(term.node, Attr) and term.own == self.place.own

    def _time_of(self, term: Term) -> str | None:
        """The variable whose event's time a term is."""
        match term.node:
            case Attr(_, name) if (term.own, name) in self.times:
                return term.own
            case Fold(function, variable, Attr(None, name)) if function in _PICKS and (variable, name) in self.times:
                return variable
            case Prev(variable, Attr(None, name), None) if (variable, name) in self.times:
                return variable
            case _:
                return None


def _ends(domain: Domain) -> tuple[int, int]:
    low = domain.low if isinstance(domain.low, int) else MIN_INT
    high = domain.high if isinstance(domain.high, int) else MAX_INT
    return low, high


def _constant(node: Const) -> Domain:
    if node.value is None:
        return Domain(allowed=frozenset())
    whole = node.type.kind in EXACT
    out = Domain(None, None, False, whole, frozenset((node.value,)))
    if not isinstance(node.value, bool):
        out.low = out.high = node.value
    return out


def _by_type(node: Typed) -> Domain:
    declared = node.type
    if declared.kind in EXACT:
        return Domain(MIN_INT, MAX_INT, declared.optional, True)
    if declared.kind == "float":
        return Domain(-math.inf, math.inf, declared.optional)
    if declared.kind == "bool":
        return Domain(None, None, declared.optional, False, frozenset((True, False)))
    return Domain("" if declared.kind == "string" else None, None, declared.optional)
