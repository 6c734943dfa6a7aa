"""Every operation over edge values, three times: a column at a time, one event in plain Python, one event compiled.

The reference is exact: integers of any size, fractions, Python's floats.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from cep.compiler.columns import compile_columns
from cep.compiler.emit import Constants, Emitter, Term
from cep.compiler.functions import event_imports
from cep.kernels.jit import PLAIN
from cep.language.rulebook import CheckedParam
from cep.language.typed import Apply, Attr, Const, ParamRef
from cep.model.types import BOOL, DURATION, FLOAT, INT, Type, decimal

LEAST, MOST = -(2**63), 2**63 - 1
INTS = [None, 0, 1, -1, 2, -7, 10, 3_037_000_500, 10**10 + 1, -(10**12), MOST, MOST - 1, LEAST, LEAST + 1]
FLOATS = [None, 0.0, -0.0, 1.0, -1.5, 3.0, 1e308, -1e308, 5e-324, 2.0**53]
INFINITE = [*FLOATS, math.inf, -math.inf]
BOOLS = [None, False, True]
INT_OR_NULL, FLOAT_OR_NULL, BOOL_OR_NULL = INT.as_optional(), FLOAT.as_optional(), BOOL.as_optional()


def attr(name, kind):
    return Attr(None, name, kind)


# --------------------------------------------------------------------------------------------------- the reference


def fits(value):
    return value if LEAST <= value <= MOST else None


def toward_zero(a, b):
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def whole(op, a, b=None):
    """The exact answer in integers, None where there is none in 64 bits."""
    if a is None or (b is None and op != "neg"):
        return None
    match op:
        case "neg":
            return fits(-a)
        case "add":
            return fits(a + b)
        case "sub":
            return fits(a - b)
        case "mul":
            return fits(a * b)
        case "idiv":
            return None if b == 0 else fits(toward_zero(a, b))
        case "mod":
            return None if b == 0 else a - b * toward_zero(a, b)
    raise AssertionError(op)


def real(op, a, b=None):
    if a is None or (b is None and op != "neg"):
        return None
    if op == "div" and b == 0:
        return None
    found = {
        "neg": lambda: -a,
        "add": lambda: a + b,
        "sub": lambda: a - b,
        "mul": lambda: a * b,
        "div": lambda: a / b,
    }[op]()
    if math.isnan(found) or (math.isinf(found) and not math.isinf(a) and not (b is not None and math.isinf(b))):
        return None
    return found


COMPARE = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def compare(op, a, b):
    return None if a is None or b is None else COMPARE[op](a, b)


def logic(op, *values):
    """Kleene's: unknown unless one value decides."""
    decisive = op == "or"
    if any(v is decisive for v in values):
        return decisive
    return None if None in values else not decisive


# ------------------------------------------------------------------------------------------------- three ways to run


def in_columns(expressions, values, params=()):
    """The results of each expression over rows of ``values`` (name to list), a column at a time, and the faults."""
    params = dict(params)
    rows = len(next(iter(values.values())))
    faults = np.zeros(3, np.int64)
    function = compile_columns(expressions, params)
    pairs = function(lambda n: leaf_column(values[n.name], n.type), rows, faults)
    out = []
    for kind, (value, null) in zip((e.type for e in expressions), pairs, strict=True):
        nulls = np.broadcast_to(null, rows)
        if kind.kind == "bool":  # the law of booleans
            assert not (np.broadcast_to(value, rows) & nulls).any()
        if not kind.optional:
            assert not nulls.any()
        out.append([None if n else v for v, n in zip(np.broadcast_to(value, rows).tolist(), nulls, strict=True)])
    return out, faults.tolist()


def leaf_column(values, kind):
    dtype = {"float": np.float64, "bool": np.bool_}.get(kind.kind, np.int64)
    null = np.array([v is None for v in values])
    under = {"float": 123.5, "bool": False}.get(kind.kind, MOST)  # what stands under a null must not be seen
    return np.array([under if v is None else v for v in values], dtype), null if kind.optional else False


def event_text(expressions, params=()):
    """A function that computes the expressions for one row: values and nulls in by attribute, out by expression."""
    names: list[str] = []

    def leaf(emitter, node):
        if node.name not in names:
            names.append(node.name)
        place = names.index(node.name)
        value = {"float": f"reals[row, {place}]", "bool": f"(wholes[row, {place}] != 0)"}.get(
            node.type.kind, f"wholes[row, {place}]"
        )
        value = emitter.let(value)
        return Term(value, emitter.let(f"nulls[row, {place}] != 0") if node.type.optional else None)

    constants = Constants()
    emitter = Emitter("event", leaf, dict(params), constants)
    lines = []
    for place, expression in enumerate(expressions):
        value, null = emitter.term(expression)
        into = "real_out" if expression.type.kind == "float" else "whole_out"
        lines.append(f"{into}[row, {place}] = {value}")
        lines.append(f"null_out[row, {place}] = {null or False}")
    head = "def run(row, wholes, reals, nulls, ints, floats, faults, whole_out, real_out, null_out):\n"
    head = "".join(f"{line}\n" for line in ["from math import inf", *event_imports(emitter.lines)]) + head
    text = head + "".join(f"    {line}\n" for line in [*emitter.lines, *lines, "return 0"])
    ints = np.array(constants.ints or [0], np.int64)
    return text, names, ints, np.array(constants.floats or [0.0], np.float64)


def for_events(expressions, values, compiled, params=()):
    text, names, ints, floats = event_text(expressions, params)
    space: dict[str, object] = {}
    exec(text, space)
    run = space["run"]
    if compiled:
        import numba

        run = numba.njit(error_model="numpy")(run)
    kinds = {n.name: n.type for e in expressions for n in leaves(e)}
    rows = len(next(iter(values.values())))
    columns = [leaf_column(values[name], kinds[name]) for name in names]
    wholes = np.zeros((rows, max(1, len(names))), np.int64)
    reals = wholes.astype(np.float64)
    nulls = np.zeros_like(wholes)
    for i, (value, null) in enumerate(columns):
        (reals if value.dtype == np.float64 else wholes)[:, i] = value
        nulls[:, i] = null
    outs = [np.zeros((rows, len(expressions)), t) for t in (np.int64, np.float64, np.int64)]
    faults = np.zeros(3, np.int64)
    with np.errstate(all="ignore"):
        for row in range(rows):
            run(row, wholes, reals, nulls, ints, floats, faults, *outs)
    result = []
    for i, e in enumerate(expressions):
        found = (outs[1] if e.type.kind == "float" else outs[0])[:, i].tolist()
        if e.type.kind == "bool":
            found = [bool(v) for v in found]
            assert not any(v and n for v, n in zip(found, outs[2][:, i], strict=True))
        result.append([None if n else v for v, n in zip(found, outs[2][:, i], strict=True)])
    return result, faults.tolist()


def leaves(node):
    if isinstance(node, Attr):
        return [node]
    return [n for a in getattr(node, "args", ()) for n in leaves(a)]


WAYS = ["column", "event"] if PLAIN else ["column", "event", "compiled"]


def run_every_way(expressions, values, params=()):
    """The results, which must be the same every way, faults among them."""
    found = {
        way: in_columns(expressions, values, params)
        if way == "column"
        else for_events(expressions, values, way == "compiled", params)
        for way in WAYS
    }
    for way in WAYS[1:]:
        for expression, got, want in zip(expressions, found[way][0], found["column"][0], strict=True):
            assert list(map(repr, got)) == list(map(repr, want)), (way, expression)
        assert found[way][1] == found["column"][1], way
    return found["column"]


def pairs(left, right):
    both = list(itertools.product(left, right))
    return {"a": [a for a, _ in both], "b": [b for _, b in both]}, both


# ---------------------------------------------------------------------------------------------------------- the tests


def test_integer_arithmetic_is_exact_or_null():
    ops = ("neg", "add", "sub", "mul", "idiv", "mod")
    a, b = attr("a", INT_OR_NULL), attr("b", INT_OR_NULL)
    expressions = [Apply(op, (a,) if op == "neg" else (a, b), INT_OR_NULL) for op in ops]
    values, both = pairs(INTS, INTS)
    results, faults = run_every_way(expressions, values)
    for op, found in zip(ops, results, strict=True):
        want = [whole(op, x) if op == "neg" else whole(op, x, y) for x, y in both]
        assert list(zip(both, found, strict=True)) == list(zip(both, want, strict=True)), op
    known = [(x, y) for x, y in both if x is not None and y is not None]
    zeros = sum(y == 0 for _, y in known)
    assert faults[0] == 2 * zeros
    overflows = sum(whole(op, x, y) is None for op in ("add", "sub", "mul") for x, y in known)
    overflows += sum(x == LEAST for x, _ in both) + sum((x, y) == (LEAST, -1) for x, y in known)
    assert faults[1:] == [overflows, 0]


def test_division_goes_toward_zero_and_the_rest_has_the_sign_of_the_dividend():
    numbers = list(range(-9, 10))
    a, b = attr("a", INT), attr("b", INT)
    values, both = pairs(numbers, [n for n in numbers if n])
    (quotients, rests), _ = run_every_way([Apply(op, (a, b), INT_OR_NULL) for op in ("idiv", "mod")], values)
    assert quotients == [math.trunc(Fraction(x, y)) for x, y in both]
    assert rests == [int(math.fmod(x, y)) for x, y in both]


@pytest.mark.parametrize("infinite", [False, True])
def test_float_arithmetic_is_null_where_it_is_no_number(infinite):
    kind = Type("float", optional=True, infinite=infinite)
    ops = ("neg", "add", "sub", "mul", "div")
    a, b = attr("a", kind), attr("b", kind)
    expressions = [Apply(op, (a,) if op == "neg" else (a, b), kind) for op in ops]
    values, both = pairs(INFINITE if infinite else FLOATS, INFINITE if infinite else FLOATS)
    results, faults = run_every_way(expressions, values)
    for op, found in zip(ops, results, strict=True):
        want = [real(op, x) if op == "neg" else real(op, x, y) for x, y in both]
        assert list(map(repr, found)) == list(map(repr, want)), op
    assert faults[0] == sum(x is not None and y == 0 for x, y in both)
    assert faults[1] == 0
    assert faults[2] > 0


def test_a_duration_by_a_duration_is_a_number():
    kind = DURATION.as_optional()
    values, both = pairs(INTS, INTS)
    (found,), _ = run_every_way([Apply("div", (attr("a", kind), attr("b", kind)), FLOAT_OR_NULL)], values)
    want = [None if x is None or y is None or y == 0 else float(x) / float(y) for x, y in both]
    assert found == want


def test_casts_to_float_and_to_more_digits():
    a, d, e = attr("a", INT_OR_NULL), attr("d", decimal(2).as_optional()), attr("e", decimal(12).as_optional())
    expressions = [
        *(Apply("to_float", (x,), FLOAT_OR_NULL) for x in (a, d, e)),
        Apply("rescale", (a,), decimal(12).as_optional()),
        Apply("rescale", (d,), decimal(3).as_optional()),
    ]
    edge = [MOST // 10, MOST // 10 + 1, -(MOST // 10), -(MOST // 10) - 1, MOST // 10**12, -(MOST // 10**12) - 1]
    numbers = INTS + edge
    results, faults = run_every_way(expressions, {"a": numbers, "d": numbers, "e": numbers})
    for found, scale in zip(results[:3], (1, 100, 10**12), strict=True):
        assert found == [None if x is None else float(x) / float(scale) for x in numbers]
    for found, factor in zip(results[3:], (10**12, 10), strict=True):
        assert found == [None if x is None else fits(x * factor) for x in numbers]
    known = [x for x in numbers if x is not None]
    assert faults == [0, sum(fits(x * f) is None for x in known for f in (10**12, 10)), 0]


@pytest.mark.parametrize("kind", [INT_OR_NULL, FLOAT_OR_NULL, BOOL_OR_NULL], ids=str)
def test_comparisons_are_unknown_beside_a_null(kind):
    domain = {"int": INTS, "float": INFINITE, "bool": BOOLS}[kind.kind]
    ops = ["eq", "ne"] if kind.kind == "bool" else list(COMPARE)
    a, b = attr("a", kind), attr("b", kind)
    values, both = pairs(domain, domain)
    results, faults = run_every_way([Apply(op, (a, b), BOOL_OR_NULL) for op in ops], values)
    assert faults == [0, 0, 0]
    for op, found in zip(ops, results, strict=True):
        assert found == [compare(op, x, y) for x, y in both], op


@pytest.mark.parametrize(("left", "right"), [(0, 1), (1, 0), (2, 1), (0, 12), (12, 0), (3, 10)])
def test_decimals_of_different_scales_compare_exactly(left, right):
    """All small ones, and those at the ends of 64 bits, where to rescale would overflow."""
    m = 10 ** abs(left - right)
    ends = [None, MOST, LEAST, MOST - 1, MOST // m, MOST // m + 1, -(MOST // m), -(MOST // m) - 1, LEAST // m]
    near = [s * (k * m + d) for s in (1, -1) for k in (0, 1, 2) for d in (-1, 0, 1)]
    domain = sorted({*range(-12, 13), *near}) + ends
    a, b = attr("a", decimal(left).as_optional()), attr("b", decimal(right).as_optional())
    values, both = pairs(domain, domain)
    results, faults = run_every_way([Apply(op, (a, b), BOOL_OR_NULL) for op in COMPARE], values)
    assert faults == [0, 0, 0]
    for op, found in zip(COMPARE, results, strict=True):
        want = [compare(op, x if x is None else x * 10**right, y if y is None else y * 10**left) for x, y in both]
        assert list(zip(both, found, strict=True)) == list(zip(both, want, strict=True)), op


@pytest.mark.parametrize("kinds", list(itertools.product([BOOL, BOOL_OR_NULL], repeat=3)), ids=str)
def test_and_or_not_have_the_truth_tables_of_kleene(kinds):
    domains = [BOOLS if k.optional else [False, True] for k in kinds]
    rows = list(itertools.product(*domains))
    values = dict(zip("abc", map(list, zip(*rows, strict=True)), strict=True))
    args = tuple(attr(n, k) for n, k in zip("abc", kinds, strict=True))
    kind = BOOL.as_optional(any(k.optional for k in kinds))
    negated = tuple(Apply("not", (a,), a.type) for a in args)
    expressions = [
        Apply("and", args, kind), Apply("or", args, kind), *negated,
        Apply("and", negated, kind), Apply("not", (Apply("or", args, kind),), kind),
        *(Apply(op, (a,), BOOL) for op in ("is_null", "is_not_null") for a in args),
        Apply("is_null", (Apply("and", args, kind),), BOOL),
    ]  # fmt: skip
    results, _ = run_every_way(expressions, values)
    assert results[0] == [logic("and", *r) for r in rows]
    assert results[1] == [logic("or", *r) for r in rows]
    for i in range(3):
        assert results[2 + i] == [None if r[i] is None else not r[i] for r in rows]
        assert results[7 + i] == [r[i] is None for r in rows]
        assert results[10 + i] == [r[i] is not None for r in rows]
    assert results[5] == results[6], "De Morgan"
    assert results[13] == [logic("and", *r) is None for r in rows]


def test_in_is_a_chain_of_equals():
    a, b = attr("a", INT_OR_NULL), attr("b", INT_OR_NULL)
    expressions = [
        Apply("in", (a, Const(1, INT)), BOOL_OR_NULL),
        Apply("in", (a, Const(1, INT), b, Const(-7, INT)), BOOL_OR_NULL),
        Apply("not", (Apply("in", (a, b), BOOL_OR_NULL),), BOOL_OR_NULL),
        Apply("in", (a, Const(250, decimal(2)), Const(100, decimal(2))), BOOL_OR_NULL),
    ]
    values, both = pairs(INTS, INTS)
    results, _ = run_every_way(expressions, values)
    assert results[0] == [compare("eq", x, 1) for x, _ in both]
    assert results[1] == [logic("or", *(compare("eq", x, i) for i in (1, y, -7))) for x, y in both]
    assert results[2] == [compare("ne", x, y) for x, y in both]
    assert results[3] == [compare("eq", x, 1) for x, _ in both]


def test_constants_and_params_are_operands_of_a_shared_text():
    def expressions(n, x):
        a, f = attr("a", INT), attr("f", FLOAT)
        low = Apply("gt", (a, ParamRef("p", INT)), BOOL)
        return [
            Apply("and", (low, Apply("lt", (f, Const(x, FLOAT)), BOOL), Apply("ne", (a, Const(n, INT)), BOOL)), BOOL)
        ]

    values = {"a": [1, 2, 3, 4], "f": [0.5, 1.5, 2.5, 3.5]}
    texts = set()
    for p, n, x in ((1, 3, 3.0), (2, 9, 9.0)):
        params = {"p": CheckedParam("p", INT, Const(p, INT))}
        texts.add(event_text(expressions(n, x), params)[0])
        (found,), _ = run_every_way(expressions(n, x), values, params)
        assert found == [a > p and f < x and a != n for a, f in zip(values["a"], values["f"], strict=True)]
    assert len(texts) == 1


def test_a_fault_of_constants_alone_counts_for_every_row():
    """Else the count would hang on how events are cut into batches."""
    broken = Apply("idiv", (Const(1, INT), Const(0, INT)), INT_OR_NULL)
    (found,), faults = run_every_way([Apply("gt", (attr("a", INT), broken), BOOL_OR_NULL)], {"a": [1, 2, 3]})
    assert found == [None] * 3
    assert faults == [3, 0, 0]


def test_what_stands_under_a_null_is_no_fault():
    a = attr("a", INT_OR_NULL)
    double = Apply("add", (a, a), INT_OR_NULL)
    (found,), faults = run_every_way([double], {"a": [None, 4]})
    assert found == [None, 8]
    assert faults == [0, 0, 0]


@pytest.mark.parametrize("op", ["and", "or", "in", "add"])
def test_ten_thousand_terms_are_computed_without_recursion(op):
    n = 10_000
    a = attr("a", INT_OR_NULL)
    if op == "add":
        node = a
        for _ in range(n):
            node = Apply("add", (node, Const(1, INT)), INT_OR_NULL)
        node, want = Apply("eq", (node, Const(n + 5, INT)), BOOL_OR_NULL), [None, True, False]
    elif op == "in":
        node, want = Apply("in", (a, *(Const(i + 5, INT) for i in range(n))), BOOL_OR_NULL), [None, True, False]
    else:
        compare_with = ("ne", 6) if op == "and" else ("eq", 5)
        terms = tuple(Apply(compare_with[0], (a, Const(i + compare_with[1], INT)), BOOL_OR_NULL) for i in range(n))
        node, want = Apply(op, terms, BOOL_OR_NULL), [None, True, op == "and"]
    (found,), _ = in_columns([node], {"a": [None, 5, 4]})
    assert found == want
    text, *_ = event_text([node])
    compile(text, "<long>", "exec")
