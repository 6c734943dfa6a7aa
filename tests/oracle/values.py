"""Values: the arithmetic and the three-valued logic of semantics.md, on plain Python values.

int, float, bool, str and None are themselves; a decimal is `decimal.Decimal` whose exponent is its scale; times and
durations are ints with a name, in nanoseconds; `Point` is a literal with a point, which is a decimal where it meets
one and a float everywhere else.
"""

from __future__ import annotations

import decimal
import math
import re
from dataclasses import dataclass
from fractions import Fraction

WIDE = decimal.Context(prec=100)  # wide enough for every product of two int64
LOW, HIGH = -(2**63), 2**63 - 1


class Time(int):
    """Nanoseconds since the epoch."""


class Duration(int):
    """Nanoseconds."""


@dataclass(frozen=True)
class Point:
    """A literal with a point, as written."""

    text: str


Value = int | float | bool | str | decimal.Decimal | Point | None


def scale_of(value):
    return -value.as_tuple().exponent


def count_at(value, scale):
    """A decimal as its count of 10^-scale."""
    return int(value.scaleb(scale, WIDE))


def kept(value):
    """'int or decimal overflow is null' (row 35b)."""
    count = count_at(value, scale_of(value)) if isinstance(value, decimal.Decimal) else value
    if count == 0 and isinstance(value, decimal.Decimal):
        value = abs(value)  # a count knows no negative zero
    return value if LOW <= count <= HIGH else None


def sound(result, *operands):
    """'a computed NaN is null'; an infinite result of finite operands is null (row 35b)."""
    if math.isnan(result) or (math.isinf(result) and all(math.isfinite(x) for x in operands)):
        return None
    return result


def to_float(value):
    """A decimal is value / 10^scale; an int meets a float as float(int)."""
    if isinstance(value, Point):
        return float(value.text)
    if isinstance(value, decimal.Decimal):
        return float(count_at(value, scale_of(value))) / float(10 ** scale_of(value))
    return float(value)


def align(a, b):
    """Both operands as one kind: a point literal as its neighbour has it, float swallows int and decimal."""
    if isinstance(a, Point):
        a = decimal.Decimal(a.text) if isinstance(b, decimal.Decimal) else float(a.text)
    if isinstance(b, Point):
        b = decimal.Decimal(b.text) if isinstance(a, decimal.Decimal) else float(b.text)
    if isinstance(a, float) or isinstance(b, float):
        return to_float(a), to_float(b)
    if isinstance(a, decimal.Decimal) or isinstance(b, decimal.Decimal):
        return decimal.Decimal(a), decimal.Decimal(b)
    return a, b


def toward_zero(a, b):
    """'`div` and `%` truncate toward zero' (row 33)."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def arithmetic(op, a, b):
    """``a op b`` for ``+ - * / div % ||`` by the table of cep/language/typed.py; null when an operand is."""
    if a is None or b is None:
        return None
    if op == "||":
        return a + b
    if op == "/":  # '`/` is exact division (float)'; 'division by zero: null' (rows 33, 34)
        x, y = to_float(a), to_float(b)
        return None if y == 0 else sound(x / y, x, y)
    a, b = align(a, b)
    if op in ("div", "%"):
        if b == 0:
            return None
        quotient = toward_zero(int(a), int(b))
        if op == "div":
            return kept(Duration(quotient) if isinstance(a, Duration) and not isinstance(b, Duration) else quotient)
        return type(a)(int(a) - quotient * int(b))
    if isinstance(a, float):
        return sound({"+": a + b, "-": a - b, "*": a * b}[op], a, b)
    if isinstance(a, decimal.Decimal):
        if op == "*":  # '× adds scales'
            return kept(WIDE.multiply(a, b))
        scale = max(scale_of(a), scale_of(b))  # '+ and − take the larger scale'
        if not all(LOW <= count_at(x, scale) <= HIGH for x in (a, b)):
            return None
        return kept((WIDE.add if op == "+" else WIDE.subtract)(a, b))
    number = {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[op]
    return kept(kind_of(op, a, b)(number))


def kind_of(op, a, b):
    """time - time is a duration; time ± duration a time; a duration stays one."""
    if isinstance(a, Time) and isinstance(b, Time):
        return Duration
    if isinstance(a, Time) or isinstance(b, Time):
        return Time
    return Duration if isinstance(a, Duration) or isinstance(b, Duration) else int


def negate(a):
    if a is None:
        return None
    if isinstance(a, Point):
        return Point(a.text[1:] if a.text.startswith("-") else "-" + a.text)
    return kept(type(a)(-a)) if isinstance(a, int | decimal.Decimal) else -a


def compare(op, a, b):
    """'Three-valued': a comparison with null is null (row 31)."""
    if a is None or b is None:
        return None
    a, b = align(a, b)
    return {"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op]


def all_true(values):
    """Three-valued ``and``: 'false and null is false'."""
    if any(v is False for v in values):
        return False
    return None if any(v is None for v in values) else True


def any_true(values):
    """Three-valued ``or``."""
    if any(v is True for v in values):
        return True
    return None if any(v is None for v in values) else False


def negation(value):
    """Three-valued ``not``."""
    return None if value is None else not value


def matches_text(op, value, pattern):
    """'`like` with % and _, `matches` is a full-string regular expression' (row 36)."""
    if value is None or pattern is None:
        return None
    if op == "like":
        pattern = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in pattern)
    return re.fullmatch(pattern, value, re.DOTALL) is not None


def fold_together(function, values):
    """The same over what all matches of an event have bound: a sum of floats is 'the exact one, rounded once'."""
    values = [v for v in values if v is not None]
    if function not in ("sum", "avg") or not values or type(values[0]) is not float:
        return fold(function, values)
    if all(map(math.isfinite, values)):
        try:
            total = float(sum(map(Fraction, values)))
        except OverflowError:
            total = math.inf
    else:
        total = sum(values)
    total = sound(total, *values)
    return total if function == "sum" or total is None else sound(total / len(values), total)


def fold(function, values):
    """'`sum avg min max first last` null, `count` 0; nulls are passed over' (row 33b)."""
    values = [v for v in values if v is not None]
    if function == "count":
        return len(values)
    if not values:
        return None
    if function in ("first", "last"):
        return values[0 if function == "first" else -1]
    if function in ("min", "max"):
        return (min if function == "min" else max)(values)
    kind = type(values[0])
    if kind is float:  # left to right, from the first value
        total = values[0]
        for value in values[1:]:
            total += value
        total = sound(total, *values)
        return total if function == "sum" or total is None else sound(total / len(values), total)
    if kind is decimal.Decimal:
        scale = max(map(scale_of, values))
        count = sum(count_at(v, scale) for v in values)
        if function == "sum":
            return kept(decimal.Decimal(count).scaleb(-scale, WIDE))
        return float(count) / float(len(values) * 10**scale)
    total = sum(map(int, values))
    if function == "sum":
        return kept(kind(total))
    return Duration(toward_zero(total, len(values))) if kind is Duration else float(total) / float(len(values))
