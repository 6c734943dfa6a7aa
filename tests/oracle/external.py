"""Functions of Python modules: asked of one event at a time, with columns of one row."""

from __future__ import annotations

import decimal
import math
from importlib import import_module

import numpy as np

from oracle import functions, values

TIMES = {"time": "datetime64[ns]", "duration": "timedelta64[ns]"}
KINDS = {"int": np.int64, "float": np.float64, "bool": np.bool_, **TIMES}


class Asked:
    """A declared function: 'null where an argument is whose parameter does not admit null; it is not asked there'."""

    def __init__(self, declared):
        self.declared = declared
        module, _, name = declared.origin.partition(":")
        self.code = getattr(import_module(module), name)

    def __call__(self, arguments):
        types = [p.type for p in self.declared.parameters]
        found = [functions.given_as(plain(a), t) for a, t in zip(arguments, types, strict=True)]
        if any(a is None and not t.optional for a, t in zip(found, types, strict=True)):
            return None
        result = self.code(*(column(a, t) for a, t in zip(found, types, strict=True)))
        return self.taken(None if np.ma.getmaskarray(result)[0] else result[0])

    def taken(self, value):
        kind = self.declared.returns.name
        if value is None or (kind in TIMES and np.isnat(value)):
            return None
        if kind == "float":
            return float(value) if math.isfinite(value) else None
        if kind == "decimal":
            return functions.at_scale(decimal.Decimal(value), int(self.declared.returns.argument or 4))
        if kind in TIMES:
            count = int(value.astype(TIMES[kind]).astype(np.int64))
            return values.Time(count) if kind == "time" else values.Duration(count)
        return {"int": int, "bool": bool, "string": str}[kind](value)


def plain(value):
    return values.to_float(value) if isinstance(value, values.Point) else value


def column(value, type_):
    """The column of one row that a function is given."""
    if type_.name not in KINDS:
        out = np.empty(1, object)
        out[0] = value
        return out
    if value is None:
        return np.ma.MaskedArray(np.zeros(1, KINDS[type_.name]), [True])
    if type_.name in TIMES:
        out = np.array([int(value)], np.int64).view(TIMES[type_.name])
    else:
        out = np.array([value], KINDS[type_.name])
    return np.ma.MaskedArray(out, [False]) if type_.optional else out
