"""Solve: whether conditions can come out as asked, all at once.

A condition comes out true, false or null; what is asked of it is a set of these (a *mask*). Asked together, the plain
parts narrow the domains of their terms first; then each choice (an ``or`` that is to be true) is tried branch by branch
over copies, and what all branches that are left agree on is known after it. A "no" is certain; a "yes" may be wrong.
Cost: linear in the conditions for each level of their nesting; more than `FUEL` steps are given up.
References: abstract interpretation with intervals and finite sets; difference bounds by Bellman and Ford.
Tested by: tests/language/test_analysis.py, tests/properties/test_analysis.py
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from cep.language.analysis.domain import Domain, compared, joined, mirrored, negated
from cep.language.analysis.terms import COMPARISONS, STRICT
from cep.language.typed import Apply, Attr, Const
from cep.model.types import BOOL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cep.language.analysis.context import Context
    from cep.language.analysis.domain import Value
    from cep.language.typed import Typed

TRUE, FALSE, NULL = 1, 2, 4
ANY = TRUE | FALSE | NULL
FUEL = 400_000

Asked = tuple["Typed", int]

_ZERO = Fraction(0)
_ROUNDS = 4  # how often bounds may follow each other for each term that moved
_CYCLE = 60  # more orderings than this are not searched for circles


class GaveUpError(Exception):
    """More steps than it is worth."""


class Facts:
    """Domains narrowed so far, over those of ``parent``."""

    __slots__ = ("context", "own", "parent", "touched")

    def __init__(self, context: Context, parent: Facts | None = None) -> None:
        self.context = context
        self.parent = parent
        self.own: dict[int, Domain] = {}
        self.touched: dict[int, None] = {}

    def domain(self, number: int) -> Domain:
        """What is known of a term; not to be narrowed."""
        facts: Facts | None = self
        while facts is not None:
            found = facts.own.get(number)
            if found is not None:
                return found
            facts = facts.parent
        return self.context.before(number)

    def narrow(self, number: int) -> Domain:
        """What is known of a term, to be narrowed here."""
        found = self.own.get(number)
        if found is None:
            found = self.own[number] = self.domain(number).copy()
        self.touched[number] = None
        return found


def flipped(mask: int) -> int:
    """What is asked of a condition when this is asked of its negation."""
    return (mask & NULL) | (FALSE if mask & TRUE else 0) | (TRUE if mask & FALSE else 0)


class Solver:
    """Answers for one place; `fuel` is shared by all that is asked of it."""

    def __init__(self, context: Context, fuel: list[int]) -> None:
        self.context = context
        self.fuel = fuel

    def spend(self, steps: int) -> None:
        """Count steps."""
        self.fuel[0] -= steps
        if self.fuel[0] < 0:
            raise GaveUpError

    def possible(self, asked: Sequence[Asked]) -> bool:
        """False when these can certainly not come out so, all at once."""
        return self.facts(asked) is not None

    def facts(self, asked: Sequence[Asked]) -> Facts | None:
        """What is known when they do; None when they cannot."""
        facts = Facts(self.context)
        return facts if self._all(asked, facts, 2) else None

    # --------------------------------------------------------------------------------------------- connectives

    def _all(self, asked: Sequence[Asked], facts: Facts, rounds: int) -> bool:
        choices: list[list[list[Asked]]] = []
        waiting = list(reversed(asked))
        while waiting:
            node, mask = waiting.pop()
            self.spend(1)
            if mask == ANY:
                continue
            node, mask = plainly(node, mask)
            if isinstance(node, Apply) and node.op in ("and", "or"):
                whole = TRUE if node.op == "and" else FALSE  # what all parts must be for the chain to be that
                part = FALSE if whole == TRUE else TRUE
                if not mask & part:  # no part may be what decides alone
                    waiting.extend((a, mask | whole) for a in reversed(node.args))
                    if mask == NULL:
                        choices.append([[(a, NULL)] for a in node.args])
                elif not mask & whole:
                    choices.append([[(a, mask)] for a in node.args])
                else:
                    choices.append([[(a, whole) for a in node.args], *([(a, part)] for a in node.args)])
            elif isinstance(node, Apply) and node.op == "in" and not all(isinstance(a, Const) for a in node.args[1:]):
                waiting.append((_chain(node), mask))
            elif not self._plain(node, mask, facts):
                return False
        if not self._settle(facts):
            return False
        for n in range(rounds):
            moved = False
            for choice in choices:
                done = self._one_of(choice, facts)
                if done is None:
                    return False
                moved = moved or done
            if not moved or len(choices) < 2 or n == rounds - 1:
                break
        return True

    def _one_of(self, choice: list[list[Asked]], facts: Facts) -> bool | None:
        """Whether more is known after a choice; None when no branch is left."""
        left: list[Facts] = []
        for branch in choice:
            here = Facts(self.context, facts)
            if self._all(branch, here, 1):
                left.append(here)
        if not left:
            return None
        if len(left) == 1:
            facts.own.update(left[0].own)
            facts.touched.update(dict.fromkeys(left[0].own))
        else:
            fewest = min(left, key=lambda f: len(f.own))
            for number in fewest.own:
                self.spend(len(left))
                if all(number in f.own for f in left):
                    both = joined([f.own[number] for f in left])
                    domain = facts.narrow(number)
                    domain.meet_domain(both)
                    domain.null = domain.null and both.null
        if not facts.touched:
            return False
        return True if self._settle(facts) else None

    # --------------------------------------------------------------------------------------------- plain conditions

    def _plain(self, node: Typed, mask: int, facts: Facts) -> bool:
        place = self.context.place
        if not isinstance(node, Apply):
            return self._asked_of(node, mask, facts, lambda d, wanted: d.meet("eq", wanted))
        args = node.args
        if node.op in COMPARISONS:
            return self._compare(node.op, args[0], args[1], mask, facts)
        if node.op in ("is_null", "is_not_null"):
            asked = mask if node.op == "is_null" else flipped(mask)
            asked &= TRUE | FALSE
            if asked == TRUE:
                return self._null(args[0], facts)
            return asked != 0 and (asked != FALSE or self._not_null(args[0], facts))
        if node.op in ("like", "matches") and isinstance(args[1], Const) and isinstance(args[1].value, str):
            op, pattern = node.op, args[1].value
            return self._asked_of(args[0], mask, facts, lambda d, wanted: d.text(op, pattern, wanted))
        if node.op == "in":
            return self._among(node, mask, facts)
        facts.narrow(self.context.terms.of(node, place))
        return self._asked_of(node, mask, facts, lambda d, wanted: d.meet("eq", wanted))

    def _asked_of(self, node: Typed, mask: int, facts: Facts, narrow: Callable[[Domain, bool], None]) -> bool:
        """Narrow the domain of a value of which a plain condition asks something."""
        settled = self._without_null((node,), mask, facts)
        if settled is None:
            return False
        mask = settled
        simple = _is_simple(node)
        if mask & NULL and not simple:
            return True
        domain = facts.narrow(self.context.terms.of(node, self.context.place))
        domain.null = domain.null and bool(mask & NULL)
        if mask == NULL:
            domain.only_null()
        elif mask & (TRUE | FALSE) in (TRUE, FALSE):
            narrow(domain, bool(mask & TRUE))
        return True

    def _without_null(self, nodes: tuple[Typed, ...], mask: int, facts: Facts) -> int | None:
        """The mask without null where it cannot be, and then the values are known not to be; None: impossible."""
        if mask & NULL and not any(self._may_be_null(node, facts) for node in nodes):
            mask &= ~NULL
        if not mask:
            return None
        if not mask & NULL and not all(self._not_null(node, facts) for node in nodes):
            return None
        return mask

    def _may_be_null(self, node: Typed, facts: Facts) -> bool:
        roots = self.context.terms.roots(node, self.context.place)
        self.spend(len(roots.terms))
        return roots.may_fail or any(facts.domain(t).null for t in roots.terms)

    def _not_null(self, node: Typed, facts: Facts) -> bool:
        roots = self.context.terms.roots(node, self.context.place)
        self.spend(len(roots.terms))
        if roots.always_null:
            return False
        for number in roots.terms:
            known = facts.domain(number)
            if known.null:
                facts.narrow(number).forbid_null()
                if known.allowed is not None and not known.allowed:
                    return False
        return True

    def _null(self, node: Typed, facts: Facts) -> bool:
        if not self._may_be_null(node, facts):
            return False
        if _is_simple(node):
            facts.narrow(self.context.terms.of(node, self.context.place)).only_null()
        return True

    def _compare(self, op: str, a: Typed, b: Typed, mask: int, facts: Facts) -> bool:
        terms, place = self.context.terms, self.context.place
        plain = isinstance(a, Attr) and a.type.kind in ("string", "float")
        if plain and mask == TRUE and isinstance(b, Const) and b.value is not None:
            return self._narrowed(op, terms.of(a, place), b.value, facts)  # what follows in short
        settled = self._without_null((a, b), mask, facts)
        if settled is None:
            return False
        mask = settled
        lone = (_is_simple(a) and isinstance(b, Const)) or (_is_simple(b) and isinstance(a, Const))
        if mask & NULL and not lone:
            return True
        if mask == NULL:
            return self._null(b if isinstance(a, Const) else a, facts)
        if mask & (TRUE | FALSE) == TRUE | FALSE:
            return True
        if not mask & TRUE:
            op = negated(op)
        if a.type.kind in ("int", "decimal", "time", "duration"):
            return self._exact(op, a, b, _ZERO, mask, facts)
        x, y = terms.of(a, place), terms.of(b, place)
        p, q = self._value_of(x), self._value_of(y)
        if p is not None and q is not None:
            return compared(op, p, q)
        if p is not None:
            a, x, op, q = b, y, mirrored(op), p
        if q is not None:
            facts.narrow(x).meet(op, q)
            return not isinstance(q, float) or self._below(op, a, q, mask, facts)
        if x == y:
            return op in ("eq", "le", "ge")
        self._are_there((x, y), facts)
        facts.narrow(terms.pair(min(x, y), max(x, y))).meet(op if x < y else mirrored(op), 0)
        return True

    def _narrowed(self, op: str, number: int, limit: Value, facts: Facts) -> bool:
        """``field op constant``, which holds."""
        self.spend(2)
        domain = facts.narrow(number)
        if domain.null:
            domain.forbid_null()
            if domain.allowed is not None and not domain.allowed:
                return False
        domain.meet(op, limit)
        return True

    @staticmethod
    def _are_there(numbers: Sequence[int], facts: Facts) -> None:
        """Terms of a comparison that is not null are not null either, though they may be made of others."""
        for number in numbers:
            if facts.domain(number).null:
                facts.narrow(number).forbid_null()

    def _value_of(self, number: int) -> Value | None:
        node = self.context.terms.known[number].node
        return node.value if isinstance(node, Const) else None

    def _exact(self, op: str, a: Typed, b: Typed | None, other: Fraction, mask: int, facts: Facts) -> bool:
        """``a op b`` (or ``a op other``) of whole numbers, which holds or the value is null."""
        terms = self.context.terms
        whole = terms.compared(a, b, self.context.place)
        if whole.number is None:
            return bool(mask & NULL) or compared(op, whole.constant, other)  # type: ignore[arg-type]
        limit = (other - whole.constant) * whole.ratio if other else whole.limit
        if whole.ratio < 0:
            op = mirrored(op)
        number = whole.number
        if not mask & NULL:
            self._are_there([t for t, _ in terms.sums[number]] if number in terms.sums else (number,), facts)
        domain = facts.narrow(number)
        match op:
            case "eq" if limit.denominator != 1:
                domain.keep(frozenset())
            case "eq":
                domain.meet("eq", int(limit))
            case "ne" if limit.denominator == 1:
                domain.exclude((int(limit),))
            case "lt":
                domain.meet("le", math.ceil(limit) - 1)
            case "le":
                domain.meet("le", math.floor(limit))
            case "gt":
                domain.meet("ge", math.floor(limit) + 1)
            case "ge":
                domain.meet("ge", math.ceil(limit))
            case _:
                pass
        return True

    def _below(self, op: str, node: Typed, limit: float, mask: int, facts: Facts) -> bool:
        """What ``node op limit`` says of the exact value that the float ``node`` was made from."""
        if not isinstance(node, Apply) or node.op not in ("to_float", "in_unit") or math.isinf(limit) or op == "ne":
            return True
        unit = node.args[1] if node.op == "in_unit" else None
        exactly = Fraction(limit) * (int(unit.value or 0) if isinstance(unit, Const) else 1)
        inner = node.args[0]
        if not exactly or (unit is None and inner.type.kind == "int" and abs(exactly) <= 2**53):
            return self._exact(op, inner, None, exactly, mask, facts)
        slack = abs(exactly) / 2**50  # more than rounding can have moved it
        if op in ("gt", "ge", "eq") and not self._exact("ge", inner, None, exactly - slack, mask, facts):
            return False
        return op in ("gt", "ge") or self._exact("le", inner, None, exactly + slack, mask, facts)

    def _among(self, node: Apply, mask: int, facts: Facts) -> bool:
        """``value in (constants)``."""
        value, items = node.args[0], node.args[1:]
        given = [i.value for i in items if isinstance(i, Const) and i.value is not None]
        with_null = len(given) < len(items)
        self.spend(len(items))
        if with_null:
            mask &= ~FALSE
            if mask & NULL:
                return True
        if value.type.kind not in ("int", "decimal", "time", "duration"):
            values = frozenset(given)
            return self._asked_of(value, mask, facts, lambda d, wanted: _choose(d, wanted, values))
        terms, place = self.context.terms, self.context.place
        settled = self._without_null((value,), mask, facts)
        if settled is None:
            return False
        mask = settled
        if (mask & NULL and not _is_simple(value)) or mask & (TRUE | FALSE) == TRUE | FALSE:
            return True
        if mask == NULL:
            return self._null(value, facts)
        numbers = [
            Fraction(i.value) / 10**i.type.scale for i in items if isinstance(i, Const) and isinstance(i.value, int)
        ]
        whole = terms.compared(value, None, place)
        if whole.number is None:
            return bool(mask & NULL) or (whole.constant in numbers) == bool(mask & TRUE)
        exactly = [(n - whole.constant) * whole.ratio for n in numbers]
        counts: frozenset[Value] = frozenset(int(n) for n in exactly if n.denominator == 1)
        _choose(facts.narrow(whole.number), bool(mask & TRUE), counts)
        return True

    # --------------------------------------------------------------------------------------------- consequences

    def _settle(self, facts: Facts) -> bool:
        """Let bounds follow each other; False when a term has nothing left."""
        terms = self.context.terms
        orders = [n for n in facts.touched if n in terms.pairs or _is_difference(terms.sums.get(n))]
        left = _ROUNDS * (len(facts.touched) + 4)
        while facts.touched and left > 0:
            number = next(iter(facts.touched))
            del facts.touched[number]
            left -= 1
            domain = facts.domain(number)
            if domain.allowed is not None and domain is facts.own.get(number):
                domain.tighten(self.spend)
            if not domain.has_value(self.spend) and not domain.null and not self._excused(number, facts):
                return False
            if number in terms.sums or number in terms.pairs:
                if not self._follow(number, facts):
                    return False
            else:
                for user in terms.users.get(number, ()):
                    if self._is_known(user, facts) and not self._follow(user, facts):
                        return False
        facts.touched.clear()
        return not orders or not self._circle(facts)

    def _is_known(self, number: int, facts: Facts) -> bool:
        here: Facts | None = facts
        while here is not None:
            if number in here.own:
                return True
            here = here.parent
        return number in self.context.known

    def _excused(self, number: int, facts: Facts) -> bool:
        """Whether a sum or an order may have no value because a term in it may be null."""
        terms = self.context.terms
        inside = [t for t, _ in terms.sums.get(number, ())] or list(terms.pairs.get(number, ()))
        return any(facts.domain(t).null for t in inside)

    def _follow(self, number: int, facts: Facts) -> bool:
        return self._follow_pair(number, facts) if number in self.context.terms.pairs else self._add_up(number, facts)

    def _add_up(self, number: int, facts: Facts) -> bool:
        factors = self.context.terms.sums[number]
        self.spend(len(factors))
        whole = facts.domain(number)
        ends = []
        least = most = 0
        for term, factor in factors:
            domain = facts.domain(term)
            low, high = domain.low, domain.high
            if not isinstance(low, int) or not isinstance(high, int):
                return True
            small, large = (factor * low, factor * high) if factor > 0 else (factor * high, factor * low)
            ends.append((term, factor, small, large))
            least += small
            most += large
        low, high = whole.low, whole.high
        assert isinstance(low, int)
        assert isinstance(high, int)
        if low > most or high < least:
            return self._excused(number, facts)
        for term, factor, small, large in ends:
            top, bottom = high - (least - small), low - (most - large)  # bounds of factor * term
            if factor < 0:
                top, bottom = bottom, top
            domain = facts.domain(term)
            above, below = math.floor(Fraction(top, factor)), math.ceil(Fraction(bottom, factor))
            if domain.high is None or above < domain.high:  # type: ignore[operator]
                facts.narrow(term).meet("le", above)
            if domain.low is None or below > domain.low:  # type: ignore[operator]
                facts.narrow(term).meet("ge", below)
        return True

    def _follow_pair(self, number: int, facts: Facts) -> bool:
        a, b = self.context.terms.pairs[number]
        order = facts.domain(number)
        assert isinstance(order.low, int)
        assert isinstance(order.high, int)
        self.spend(1)
        if order.low == order.high == 0:
            return self._equal(a, b, facts)
        if order.excludes(0):
            for one, other in ((a, b), (b, a)):
                values = facts.domain(one).allowed
                if values is not None and len(values) == 1:
                    value = next(iter(values))
                    if not facts.domain(other).excludes(value):
                        facts.narrow(other).exclude((value,))
        if order.low >= 0:
            return self._at_least(a, b, order.low > 0, facts)
        if order.high <= 0:
            return self._at_least(b, a, order.high < 0, facts)
        return True

    def _at_least(self, a: int, b: int, more: bool, facts: Facts) -> bool:
        """``a >= b``, or ``a > b`` when ``more``."""
        low, high = facts.domain(b).low, facts.domain(a).high
        if low is not None and high is not None and (high < low or (more and high == low)):  # type: ignore[operator]
            return any(facts.domain(t).null for t in (a, b))
        if low is not None and not _at_least(facts.domain(a).low, low):
            facts.narrow(a).meet("ge", low)
        if high is not None and not _at_most(facts.domain(b).high, high):
            facts.narrow(b).meet("le", high)
        return True

    def _equal(self, a: int, b: int, facts: Facts) -> bool:
        for one, other in ((a, b), (b, a)):
            known, mine = facts.domain(one), facts.domain(other)
            narrower = known.allowed is not None and (mine.allowed is None or not mine.allowed <= known.allowed)
            above = known.low is not None and not _at_least(mine.low, known.low)
            below = known.high is not None and not _at_most(mine.high, known.high)
            if narrower or above or below:
                facts.narrow(other).meet_domain(known)
        return True

    def _circle(self, facts: Facts) -> bool:
        """Whether orderings and differences of pairs of terms go round in a circle that cannot close."""
        terms = self.context.terms
        numbers: dict[int, None] = {}
        here: Facts | None = facts
        while here is not None:
            numbers.update((n, None) for n in here.own if n in terms.pairs or _is_difference(terms.sums.get(n)))
            self.spend(len(here.own))
            here = here.parent
        numbers.update((n, None) for n in self.context.known if n in terms.pairs or _is_difference(terms.sums.get(n)))
        if not 1 < len(numbers) <= _CYCLE:
            return False
        edges: list[tuple[int, int, int]] = []  # u - v <= w
        for number in numbers:
            u, v = terms.pairs[number] if number in terms.pairs else [t for t, _ in terms.sums[number]]
            domain = facts.domain(number)
            if any(facts.domain(t).null for t in (u, v)):
                continue
            assert isinstance(domain.low, int)
            assert isinstance(domain.high, int)
            both = [(u, v, domain.high), (v, u, -domain.low)]
            # the order of two floats or strings is no distance: only "not above" and "below" bind
            edges += both if number in terms.sums else [e for e in both if e[2] <= 0]
        distance = dict.fromkeys((t for u, v, _ in edges for t in (u, v)), 0)
        for _ in range(len(distance) + 1):
            self.spend(len(edges))
            moved = False
            for u, v, w in edges:
                if distance[v] + w < distance[u]:
                    distance[u] = distance[v] + w
                    moved = True
            if not moved:
                return False
        return True


def plainly(node: Typed, mask: int) -> Asked:
    """The same question without ``not`` and without ``= true`` around a condition."""
    while isinstance(node, Apply):
        if node.op == "not":
            node, mask = node.args[0], flipped(mask)
            continue
        if node.op in ("eq", "ne"):
            a, b = node.args
            if isinstance(a, Const):
                a, b = b, a
            if isinstance(a, Apply) and isinstance(b, Const) and isinstance(b.value, bool):
                node, mask = a, mask if b.value == (node.op == "eq") else flipped(mask)
                continue
        break
    return node, mask


def _choose(domain: Domain, wanted: bool, values: frozenset[Value]) -> None:
    if wanted:
        domain.keep(values)
    else:
        domain.exclude(values)


def _chain(node: Apply) -> Typed:
    """``x in (a, b)`` as ``x = a or x = b``."""
    value, items = node.args[0], node.args[1:]
    parts = [Apply("eq", (value, i), BOOL.as_optional(value.type.optional or i.type.optional)) for i in items]
    return Apply("or", tuple(parts), node.type)


def _is_simple(node: Typed) -> bool:
    """Whether it is null by itself, not because of what it is made of."""
    return not isinstance(node, Apply) or node.op not in STRICT


def _is_difference(factors: tuple[tuple[int, int], ...] | None) -> bool:
    return factors is not None and len(factors) == 2 and factors[0][1] == 1 and factors[1][1] == -1


def _at_least(value: Value | None, limit: Value) -> bool:
    return value is not None and value >= limit  # type: ignore[operator]


def _at_most(value: Value | None, limit: Value) -> bool:
    return value is not None and value <= limit  # type: ignore[operator]
