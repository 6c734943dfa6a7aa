"""Functions of values over edge values, every way: a column at a time, one event in plain Python, one event compiled.

The reference is exact: fractions and decimals for what is exact, the C library for the rest.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest

from cep.language.typed import Apply, Const
from cep.model.types import BOOL, DURATION, FLOAT, INT, Type, decimal
from tests.compiler.test_emit import (
    BOOL_OR_NULL,
    BOOLS,
    FLOAT_OR_NULL,
    FLOATS,
    INFINITE,
    INT_OR_NULL,
    INTS,
    LEAST,
    MOST,
    attr,
    pairs,
    run_every_way,
)

HALVES = [0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 1.005, -2.675, 4503599627370495.5, -4503599627370497.0]
EDGES = [2.0**63, -(2.0**63), 2.0**63 - 1024, -(2.0**63) - 2048, 0.125, -1e-300]
REALS = [*FLOATS, *HALVES, *EDGES]


def of_one(op, numbers, kind, result, *more):
    expression = Apply(op, (attr("a", kind.as_optional()), *more), result.as_optional())
    (found,), faults = run_every_way([expression], {"a": numbers})
    return found, faults


@pytest.mark.parametrize("kind", [INT, DURATION, decimal(2)], ids=str)
def test_the_size_of_the_least_int_is_null_and_counted(kind):
    found, faults = of_one("abs", INTS, kind, kind)
    assert found == [None if x is None or x == LEAST else abs(x) for x in INTS]
    assert faults == [0, 1, 0]


def test_the_size_of_a_float():
    found, faults = of_one("abs", REALS, FLOAT, FLOAT)
    assert list(map(repr, found)) == [repr(None if x is None else abs(x)) for x in REALS]
    assert faults == [0, 0, 0]


def half_away(value):
    """The whole number nearest to a fraction; of two the one away from zero."""
    whole = math.floor(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


@pytest.mark.parametrize("digits", [0, 1, 2, 12])
def test_floats_are_rounded_half_away_from_zero_as_their_product(digits):
    def want(x):
        large = abs(x) * float(10**digits)
        if large >= 2.0**52:
            return x
        return half_away(Fraction(math.copysign(large, x))) / float(10**digits) + 0.0

    found, _ = of_one("round", REALS, FLOAT, FLOAT, Const(digits, INT))
    assert list(map(repr, found)) == [repr(None if x is None else want(x)) for x in REALS]


@pytest.mark.parametrize(("scale", "digits"), [(1, 0), (2, 0), (2, 1), (4, 2), (12, 0), (12, 11)])
def test_decimals_are_rounded_exactly(scale, digits):
    m = 10 ** (scale - digits)
    numbers = [*INTS, *(s * (k * m + m // 2 + d) for s in (1, -1) for k in (0, 1, 2) for d in (-1, 0, 1))]
    found, faults = of_one("round", numbers, decimal(scale), decimal(digits))
    assert found == [None if x is None else half_away(Fraction(x, m)) for x in numbers]
    assert faults == [0, 0, 0]


@pytest.mark.parametrize("op", ["floor", "ceil"])
def test_floor_and_ceil_are_ints_or_null(op):
    exact = getattr(math, op)
    found, faults = of_one(op, [*REALS, math.inf], Type("float", infinite=True), INT)
    want = [None if x is None or not LEAST <= exact(x) <= MOST else exact(x) for x in REALS]
    assert found == [*want, None]
    assert faults == [0, want.count(None) + 1 - REALS.count(None), 0]
    for scale in (0, 1, 12):
        found, faults = of_one(op, INTS, decimal(scale), INT)
        assert found == [None if x is None else exact(Fraction(x, 10**scale)) for x in INTS]
        assert faults == [0, 0, 0]


def real(function, *numbers):
    if None in numbers:
        return None
    try:
        found = function(*numbers)
    except (ValueError, OverflowError):
        return None
    return None if math.isinf(found) and not any(map(math.isinf, numbers)) else found


@pytest.mark.parametrize("op", ["sqrt", "log", "exp"])
def test_what_is_no_number_is_null_and_counted(op):
    numbers = [*INFINITE, 700.0, 709.782712893384, 709.79, -745.2, 0.1, 1e-10]
    found, faults = of_one(op, numbers, Type("float", infinite=True), FLOAT)
    want = [real(getattr(math, op), x) for x in numbers]
    assert list(map(repr, found)) == list(map(repr, want))
    assert faults == [0, 0, want.count(None) - numbers.count(None)]


def test_powers():
    numbers = [None, 0.0, 1.0, -1.0, 2.0, -8.0, 0.5, 1 / 3, -0.5, 3.0, 1e200, 1024.0]
    values, both = pairs(numbers, numbers)
    expression = Apply("pow", (attr("a", FLOAT_OR_NULL), attr("b", FLOAT_OR_NULL)), FLOAT_OR_NULL)
    (found,), faults = run_every_way([expression], values)
    want = [real(math.pow, x, y) for x, y in both]
    assert list(map(repr, found)) == list(map(repr, want))
    assert faults == [0, 0, want.count(None) - sum(None in p for p in both)]


def test_durations_in_units():
    found, _ = of_one("in_unit", INTS, DURATION, FLOAT, Const(3_600 * 10**9, DURATION))
    assert found == [None if x is None else x / 3.6e12 for x in INTS]


@pytest.mark.parametrize("kinds", list(itertools.product([False, True], repeat=3)), ids=str)
@pytest.mark.parametrize("kind", [INT, FLOAT, BOOL], ids=str)
def test_choices_pass_over_nulls(kind, kinds):
    domain = {"int": [None, 0, 3, -7], "float": [None, 0.5, -1.5, 3.0], "bool": BOOLS}[kind.kind]
    domains = [domain if optional else [v for v in domain if v is not None] for optional in kinds]
    rows = list(itertools.product(*domains))
    values = dict(zip("abc", map(list, zip(*rows, strict=True)), strict=True))
    args = tuple(attr(n, kind.as_optional(o)) for n, o in zip("abc", kinds, strict=True))
    out = kind.as_optional(all(kinds))
    ops = ["coalesce"] if kind is BOOL else ["coalesce", "least", "greatest"]
    results, faults = run_every_way([Apply(op, args, out) for op in ops], values)
    assert faults == [0, 0, 0]
    known = [[v for v in row if v is not None] for row in rows]
    assert results[0] == [next(iter(k), None) for k in known]
    if kind is not BOOL:
        assert results[1] == [min(k, default=None) for k in known]
        assert results[2] == [max(k, default=None) for k in known]


@pytest.mark.parametrize("kind", [INT, FLOAT, BOOL], ids=str)
@pytest.mark.parametrize("otherwise", [False, True])
def test_a_case_takes_the_first_that_is_true(kind, otherwise):
    domain = {"int": [None, 0, 3], "float": [None, 0.5, -1.5], "bool": BOOLS}[kind.kind]
    rows = list(itertools.product(BOOLS, domain, BOOLS, domain))
    values = dict(zip("abcd", map(list, zip(*rows, strict=True)), strict=True))
    maybe = kind.as_optional()
    last = Const(domain[1], kind) if otherwise else Const(None, maybe)
    args = (attr("a", BOOL_OR_NULL), attr("b", maybe), attr("c", BOOL_OR_NULL), attr("d", maybe), last)
    (found,), _ = run_every_way([Apply("select", args, maybe)], values)
    assert found == [b if a else d if c else last.value for a, b, c, d in rows]


def test_constants_alone():
    expressions = [
        Apply("floor", (Const(-2.5, FLOAT),), INT_OR_NULL),
        Apply("pow", (Const(2.0, FLOAT), Const(10.0, FLOAT)), FLOAT_OR_NULL),
        Apply("sqrt", (Const(-1.0, FLOAT),), FLOAT_OR_NULL),
        Apply("coalesce", (Const(None, INT_OR_NULL), Const(7, INT)), INT),
        Apply("least", (Const(3, INT), attr("a", INT)), INT),
    ]
    results, faults = run_every_way(expressions, {"a": [1, 5]})
    assert results == [[-3, -3], [1024.0, 1024.0], [None, None], [7, 7], [1, 3]]
    assert faults == [0, 0, 2]


def test_distances_are_those_of_the_c_library():
    places = [
        (0.0, 0.0),
        (48.8566, 2.3522),
        (40.7128, -74.006),
        (-90.0, 7.0),
        (91.5, 725.0),
        (math.inf, 0.0),
        (None, 1.0),
    ]
    rows = [(*p, *q) for p in places for q in places]
    kind = Type("float", optional=True, infinite=True)
    args = tuple(attr(name, kind) for name in "abcd")
    values = dict(zip("abcd", map(list, zip(*rows, strict=True)), strict=True))
    (found,), faults = run_every_way([Apply("distance_km", args, FLOAT_OR_NULL)], values)

    def want(lat1, lon1, lat2, lon2):
        if None in (lat1, lat2) or math.inf in (lat1, lat2):
            return None
        degree = math.pi / 180
        north, east = math.sin((lat2 - lat1) * degree / 2), math.sin((lon2 - lon1) * degree / 2)
        part = north * north + math.cos(lat1 * degree) * math.cos(lat2 * degree) * (east * east)
        return 2 * 6371.0088 * math.asin(math.sqrt(min(1, max(0, part))))

    assert found == [want(*row) for row in rows]
    assert faults == [0, 0, 11]  # an infinite place, beside all but the null ones
    paris_new_york = found[1 * len(places) + 2]
    assert 5830 < paris_new_york < 5845  # as published
