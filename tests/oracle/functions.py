"""Functions of values, by the table of docs/language.md, on the values of `oracle.values`."""

from __future__ import annotations

import decimal
import math
from fractions import Fraction

from oracle import calendar, values

NUMBERS = ("abs", "round", "floor", "ceil", "sqrt", "log", "exp", "pow", "hours", "minutes", "seconds")
STRINGS = ("lower", "upper", "trim", "length", "substr", "split")
TIMES = ("hour_of", "day_of", "weekday_of", "truncate")
NAMES = (*NUMBERS, *STRINGS, *TIMES, "distance_km")
CHOICES = ("coalesce", "least", "greatest")
UNITS = {"hours": 3_600 * 10**9, "minutes": 60 * 10**9, "seconds": 10**9}


def of_values(name, arguments):
    """A function that is null when an argument is."""
    arguments = [values.to_float(a) if isinstance(a, values.Point) else a for a in arguments]
    if any(a is None for a in arguments):
        return None
    x = arguments[0]
    if name in STRINGS:
        return of_string(name, *arguments)
    if name in TIMES:
        return calendar.truncated(*arguments) if name == "truncate" else calendar.part(name, *arguments)
    if name == "distance_km":
        places = [x["lat"], x["lon"], arguments[1]["lat"], arguments[1]["lon"]] if len(arguments) == 2 else arguments
        return None if None in places else distance(*(values.to_float(p) for p in places))
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


def of_string(name, text, *numbers):
    if name == "substr":
        return substring(text, *numbers)
    if name == "split":
        return parts(text, *numbers)
    return {"lower": str.lower, "upper": str.upper, "trim": str.strip, "length": len}[name](text)


def substring(text, start, count=None):
    """The characters whose places, 'counted from 1', are among ``count`` from ``start`` on."""
    if start < 0:  # 'counted from the end, at most to the first character'
        start = max(len(text) + 1 + start, 1)
    last = len(text) if count is None else start + count - 1
    return "".join(c for place, c in enumerate(text, start=1) if start <= place <= last)


def parts(text, separator):
    """What stands before, between and after the places of ``separator``, 'taken from the left'."""
    out, rest = [], text
    while separator in rest:
        place = rest.index(separator)
        out.append(rest[:place])
        rest = rest[place + len(separator) :]
    return [*out, rest]


def distance(lat1, lon1, lat2, lon2):
    """'the haversine formula on a sphere of radius 6371.0088 km'."""
    if not all(map(math.isfinite, (lat1, lon1, lat2, lon2))):
        return None
    degree = math.pi / 180.0
    north, east = math.sin((lat2 - lat1) * degree / 2.0), math.sin((lon2 - lon1) * degree / 2.0)
    part = north * north + math.cos(lat1 * degree) * math.cos(lat2 * degree) * (east * east)
    return 2.0 * 6371.0088 * math.asin(math.sqrt(min(1.0, max(0.0, part))))


def concat(found):
    """'passes over nulls; "" when all are'."""
    return "".join(x for x in found if x is not None)


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


def given_as(value, type_):
    """An argument as its parameter's type has it."""
    if value is not None and type_.name == "float":
        return values.to_float(value)
    if value is not None and type_.name == "decimal":
        text = value.text if isinstance(value, values.Point) else value
        return at_scale(decimal.Decimal(text), int(type_.argument or 4))
    return value


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
