"""Terms: expressions by their structure, so that what is written twice has one number.

A *term* is what is not taken apart: a field of one event, an aggregate, a product of two fields. Arithmetic of ints,
decimals, times and durations is a *sum* of terms with whole factors in lowest terms: ``at - a.at > 1 h`` and
``at > a.at + 1 h`` speak of the same sum. That is exact: where a sum overflows the comparison is null, and neither true
nor false. Floats round, so they are never taken apart.

A field of the event at hand is named after the step that it would be bound to, so that what a step asks is known of its
alias later. Nothing recurses into arithmetic, which nests one level a term.
Tested by: tests/language/test_analysis.py, tests/properties/test_analysis.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from cep.language.typed import Apply, Attr, Const, Fold, Key, ParamRef, Present, Prev, Typed

if TYPE_CHECKING:
    from collections.abc import Callable

STRICT = frozenset(
    {
        *("neg", "add", "sub", "mul", "div", "idiv", "mod", "eq", "ne", "lt", "le", "gt", "ge", "like", "matches"),
        *("to_float", "rescale", "abs", "round", "floor", "ceil", "sqrt", "log", "exp", "pow", "in_unit", "not"),
    }
)
"""Operations that are null when an operand is."""
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
EXACT = frozenset({"int", "decimal", "time", "duration"})
KNOWN = STRICT | {"and", "or", "in", "is_null", "is_not_null", "coalesce", "least", "greatest", "select"}


@dataclass(frozen=True, slots=True)
class Place:
    """What the event at hand is called: the step, or a name of its own for an absence or a query.

    ``first``: the condition is asked of the first event of a loop, so that ``prev`` is its default.
    """

    own: str
    first: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """``node`` as seen from ``own``; ``stable``: its value never changes once the events in it are bound.

    ``variables`` are the names of the events that it reads.
    """

    node: Typed | None
    own: str
    stable: bool
    variables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sum:
    """``constant`` plus each term (its count) times its factor."""

    factors: tuple[tuple[int, Fraction], ...]
    constant: Fraction


@dataclass(frozen=True, slots=True)
class Compared:
    """A sum to compare with a constant, in lowest terms (``number`` None: it has none); see `Terms.lowest`."""

    number: int | None
    ratio: Fraction
    constant: Fraction
    limit: Fraction  # what the number is compared with when the sum is compared with zero


@dataclass(frozen=True, slots=True)
class Roots:
    """What a value is null of: the terms below its strict operations, and what those may do by themselves."""

    terms: tuple[int, ...]
    may_fail: bool
    always_null: bool


class Terms:
    """The terms of one rule. ``key_of`` names the key part that an attribute is (variable, name), or None."""

    def __init__(self, key_of: Callable[[str, Attr], int | None]) -> None:
        self.key_of = key_of
        self.known: list[Term] = []
        self.sums: dict[int, tuple[tuple[int, int], ...]] = {}
        self.pairs: dict[int, tuple[int, int]] = {}
        self.users: dict[int, list[int]] = {}  # the sums and pairs that a term is in
        self._numbers: dict[object, int] = {}
        # by identity, with the node so that it stays; nodes are looked at again and again
        self._of: dict[tuple[int, Place], tuple[Typed, int]] = {}
        self._roots: dict[tuple[int, Place], tuple[Typed, Roots]] = {}
        self._compared: dict[tuple[int, int, Place], tuple[Typed, Typed | None, Compared]] = {}

    def _number(self, key: object, term: Term) -> int:
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.known)
            self.known.append(term)
        return found

    def of(self, node: Typed, place: Place) -> int:
        """The number of the term that ``node`` is at ``place``."""
        known = self._of.get((id(node), place))
        if known is None:
            known = self._of[id(node), place] = (node, self._find(node, place))
        return known[1]

    def _find(self, node: Typed, place: Place) -> int:
        done: list[int] = []
        waiting: list[tuple[Typed, bool]] = [(node, False)]
        while waiting:
            part, ready = waiting.pop()
            if isinstance(part, Apply) and not ready:
                waiting.append((part, True))
                waiting.extend((a, False) for a in reversed(part.args))
            elif isinstance(part, Apply):
                count = len(part.args)
                args = tuple(done[len(done) - count :])
                del done[len(done) - count :]
                done.append(self._apply(part, args, place))
            elif place.first and isinstance(part, Prev):
                waiting.append((part.default if part.default is not None else Const(None, part.type), False))
            elif place.first and isinstance(part, Fold) and part.running and part.function in ("first", "last"):
                assert part.argument is not None
                waiting.append((part.argument, False))
            else:
                done.append(self._leaf(part, place))
        return done[0]

    def _apply(self, part: Apply, args: tuple[int, ...], place: Place) -> int:
        terms = [self.known[a] for a in args]
        stable = part.op in KNOWN and all(t.stable for t in terms)
        variables = frozenset().union(*(t.variables for t in terms)) if len(terms) < 3 else _all(terms)
        key = (part.op, part.type.kind, part.type.scale, args)
        return self._number(key, Term(part, place.own, stable, variables))

    def _leaf(self, part: Typed, place: Place) -> int:
        own = place.own
        match part:
            case Const(value, declared):
                key: object = ("const", declared.kind, declared.scale, type(value), value)
                return self._number(key, Term(part, own, True, frozenset()))
            case Attr(variable, name):
                index = self.key_of(own, part)
                if index is not None:
                    return self._number(
                        ("key", index), Term(Key(index, part.type.as_optional(False)), own, True, _NONE)
                    )
                owner = own if variable is None else variable
                return self._number(("attr", owner, name), Term(part, owner, True, frozenset((owner,))))
            case Key(index):
                return self._number(("key", index), Term(part, own, True, _NONE))
            case ParamRef(name):
                return self._number(("param", name), Term(part, own, False, _NONE))
            case Present(variable):
                return self._number(("present", variable), Term(part, own, True, frozenset((variable,))))
            case Fold(function, variable, argument, running):
                inner = -1 if argument is None else self.of(argument, Place(variable))
                key = ("fold", function, variable, inner, running, part.given)
                return self._number(key, Term(part, own, not running, frozenset((variable,))))
            case Prev(variable, argument, default):
                inner = self.of(argument, Place(variable))
                other = -1 if default is None else self.of(default, place)
                return self._number(("prev", variable, inner, other), Term(part, own, False, frozenset((variable,))))
            case _:  # a node of a later day is a value of its own
                return self._number(("other", id(part)), Term(part, own, False, frozenset((own,))))

    def sum_of(self, factors: tuple[tuple[int, int], ...]) -> int:
        """The number of a sum in lowest terms; a single term is itself."""
        if len(factors) == 1:
            return factors[0][0]
        terms = [self.known[t] for t, _ in factors]
        whole = Term(None, "", all(t.stable for t in terms), _all(terms))
        number = self._number(("sum", factors), whole)
        if number not in self.sums:
            self.sums[number] = factors
            for term, _ in factors:
                self.users.setdefault(term, []).append(number)
        return number

    def pair(self, a: int, b: int) -> int:
        """The number of the order of two terms (-1, 0, 1), ``a`` before ``b`` by number."""
        terms = [self.known[a], self.known[b]]
        number = self._number(("pair", a, b), Term(None, "", all(t.stable for t in terms), _all(terms)))
        if number not in self.pairs:
            self.pairs[number] = (a, b)
            for term in (a, b):
                self.users.setdefault(term, []).append(number)
        return number

    def taken_apart(self, node: Typed, place: Place) -> Sum:
        """An exact value as a sum."""
        factors: dict[int, Fraction] = {}
        constant = Fraction(0)
        waiting: list[tuple[Typed, Fraction]] = [(node, Fraction(1))]
        while waiting:
            part, times = waiting.pop()
            match part:
                case Const(int() as value, declared):
                    constant += times * value / 10**declared.scale
                case Apply("add", (a, b)):
                    waiting += [(a, times), (b, times)]
                case Apply("sub", (a, b)):
                    waiting += [(a, times), (b, -times)]
                case Apply("neg", (a,)):
                    waiting.append((a, -times))
                case Apply("rescale", (a,)):
                    waiting.append((a, times))
                case Apply("mul", (Const(int() as value, declared), a)) | Apply(
                    "mul", (a, Const(int() as value, declared))
                ):
                    waiting.append((a, times * value / 10**declared.scale))
                case _:
                    number = self.of(part, place)
                    found = self.known[number].node
                    if isinstance(found, Const) and isinstance(found.value, int):  # the default of a `prev`
                        constant += times * found.value / 10**found.type.scale
                    else:
                        factor = factors.get(number, Fraction(0)) + times / 10**part.type.scale
                        factors[number] = factor
        return Sum(tuple(sorted((t, f) for t, f in factors.items() if f)), constant)

    def compared(self, a: Typed, b: Typed | None, place: Place) -> Compared:
        """``a - b`` (or ``a``) as a sum in lowest terms."""
        key = (id(a), id(b), place)
        known = self._compared.get(key)
        if known is None:
            left = self.taken_apart(a, place)
            if b is not None:
                right = self.taken_apart(b, place)
                factors = dict(left.factors)
                for term, factor in right.factors:
                    factors[term] = factors.get(term, Fraction(0)) - factor
                left = Sum(tuple(sorted((t, f) for t, f in factors.items() if f)), left.constant - right.constant)
            number, ratio = self.lowest(left) if left.factors else (None, Fraction(1))
            known = self._compared[key] = (a, b, Compared(number, ratio, left.constant, -left.constant * ratio))
        return known[2]

    def roots(self, node: Typed, place: Place) -> Roots:
        """What ``node`` is null of."""
        known = self._roots.get((id(node), place))
        if known is None:
            known = self._roots[id(node), place] = (node, self._find_roots(node, place))
        return known[1]

    def _find_roots(self, node: Typed, place: Place) -> Roots:
        terms: dict[int, None] = {}
        may_fail = always = False
        waiting = [node]
        while waiting:
            part = waiting.pop()
            if isinstance(part, Apply) and part.op in STRICT:
                may_fail = may_fail or _may_fail(part)
                always = always or divides_by_zero(part)
                waiting.extend(part.args)
            else:
                terms[self.of(part, place)] = None
        return Roots(tuple(terms), may_fail, always)

    def lowest(self, whole: Sum) -> tuple[int, Fraction]:
        """A sum that is not constant in lowest terms: its number n, and the ratio r of n to it without its constant.

        So ``sum op c`` is ``n op (c - constant) * r``, with the sides of ``op`` changed when r is negative.
        """
        scale = math.lcm(*(f.denominator for _, f in whole.factors))
        factors = [(t, int(f * scale)) for t, f in whole.factors]
        divisor = math.gcd(*(f for _, f in factors))
        if factors[0][1] < 0:
            divisor = -divisor
        return self.sum_of(tuple((t, f // divisor) for t, f in factors)), Fraction(scale, divisor)


_NONE: frozenset[str] = frozenset()


def _all(terms: list[Term]) -> frozenset[str]:
    out: set[str] = set()
    for term in terms:
        out |= term.variables
    return frozenset(out)


def divides_by_zero(node: Typed) -> bool:
    """Whether an operation divides by the constant zero."""
    if not isinstance(node, Apply) or node.op not in ("div", "idiv", "mod"):
        return False
    divisor = node.args[1]
    return isinstance(divisor, Const) and divisor.value == 0


def _may_fail(node: Apply) -> bool:
    """Whether an operation may be null though its operands are not (overflow, division by zero)."""
    if node.type.optional and not any(a.type.optional for a in node.args):
        return True
    return node.op not in COMPARISONS and node.op not in ("like", "matches", "not", "to_float", "in_unit")
