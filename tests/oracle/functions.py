"""Functions of values, by the table of docs/language.md, on the values of `oracle.values`."""

from __future__ import annotations

import decimal
import math
from fractions import Fraction

from oracle import values

NAMES = ("abs", "round", "floor", "ceil", "sqrt", "log", "exp", "pow", "hours", "minutes", "seconds")
CHOICES = ("coalesce", "least", "greatest")
UNITS = {"hours": 3_600 * 10**9, "minutes": 60 * 10**9, "seconds": 10**9}


def of_values(name, arguments):
    """A function that is null when an argument is."""
    arguments = [values.to_float(a) if isinstance(a, values.Point) else a for a in arguments]
    if any(a is None for a in arguments):
        return None
    x = arguments[0]
    if name in UNITS:
        return int(x) / float(UNITS[name])
    if name == "abs":
        return abs(x) if isinstance(x, float) else values.kept(type(x)(abs(x)))
    if name in ("floor", "ceil"):
        if isinstance(x, float) and math.isinf(x):
            return None
        return values.kept((math.floor if name == "floor" else math.ceil)(x))
    if name == "round":
        return rounded(x, arguments[1] if len(arguments) > 1 else 0)
    return real(name, [values.to_float(a) for a in arguments])


def half_away(x):
    """The nearest whole number, of two the one away from zero."""
    whole = math.floor(abs(x) + Fraction(1, 2))
    return whole if x >= 0 else -whole


def rounded(x, digits):
    if isinstance(x, int):
        return x
    if isinstance(x, decimal.Decimal):  # exact, to a decimal of so many digits
        if digits >= values.scale_of(x):
            return at_scale(x, digits)
        return values.kept(decimal.Decimal(half_away(Fraction(x) * 10**digits)).scaleb(-digits, values.WIDE))
    product = x * 10.0**digits  # 'as its product with 10^digits'
    if abs(product) >= 2.0**52:  # whole already
        return x
    return half_away(Fraction(product)) / 10.0**digits


def real(name, numbers):
    """'A result that is no number is null.'"""
    if name == "sqrt" and numbers[0] < 0:
        return None
    try:
        return values.sound(getattr(math, name)(*numbers), *numbers)
    except (ValueError, OverflowError):
        return None


def met(found):
    """Values in one kind, 'as in arithmetic': float before decimal before int, decimals at the largest scale."""
    known = [x for x in found if x is not None]
    if any(isinstance(x, decimal.Decimal) for x in known) and not any(isinstance(x, float) for x in known):
        found = [decimal.Decimal(x.text) if isinstance(x, values.Point) else x for x in found]
        scale = max(values.scale_of(x) for x in found if isinstance(x, decimal.Decimal))
        return [x if x is None else at_scale(decimal.Decimal(x), scale) for x in found]
    if any(isinstance(x, float | values.Point) for x in known):
        return [x if x is None else values.to_float(x) for x in found]
    return found


def at_scale(x, scale):
    """A decimal with more digits after the point; null when it no longer fits."""
    count = values.count_at(x, scale)
    return values.kept(decimal.Decimal(count).scaleb(-scale, values.WIDE))


def choice(name, found):
    """'coalesce: the first that is not null'; least and greatest 'pass over nulls'."""
    known = [x for x in met(found) if x is not None]
    if not known:
        return None
    if name == "coalesce":
        return known[0]
    return (min if name == "least" else max)(known)


def case(conditions, found):
    """The value of the first condition that is true, else the last."""
    found = met(found)
    return next((x for c, x in zip(conditions, found, strict=False) if c is True), found[-1])
