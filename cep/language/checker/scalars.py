"""Functions of strings, times and places: their arguments and types, and ``||``.

What is computed from constants alone becomes a constant here, but a list. A step of `truncate`, a time zone and what
`split` splits at are constants, also by a param, whose value is put in.
Tested by: tests/language/test_check_scalars.py
"""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, NamedTuple

from cep.language import ast
from cep.language.checker.operations import kind_text, to_float
from cep.language.checker.report import nearest
from cep.language.typed import Apply, Const, ParamRef, Typed
from cep.model.strings import FUNCTIONS, of_constants
from cep.model.types import FLOAT, INT, STRING, TIME, Type, list_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language.checker.functions import Functions
    from cep.model.diagnostics import Span


class Signature(NamedTuple):
    """Kinds of the arguments (``step zone separator`` are constants), how many must be there, the type, an example."""

    takes: tuple[str, ...]
    needs: int
    gives: Type
    shape: str


SIGNATURES = {
    "lower": Signature(("string",), 1, STRING, "lower(x)"),
    "upper": Signature(("string",), 1, STRING, "upper(x)"),
    "trim": Signature(("string",), 1, STRING, "trim(x)"),
    "length": Signature(("string",), 1, INT, "length(x)"),
    "substr": Signature(("string", "int", "int"), 2, STRING, "substr(x, 1, 3)"),
    "concat": Signature(("string",) * 10_000, 2, STRING, "concat(x, y)"),
    "split": Signature(("string", "separator"), 2, list_of(STRING), 'split(x, ",")'),
    "hour_of": Signature(("time", "zone"), 1, INT, 'hour_of(t) or hour_of(t, "Europe/Paris")'),
    "day_of": Signature(("time", "zone"), 1, INT, 'day_of(t) or day_of(t, "Europe/Paris")'),
    "weekday_of": Signature(("time", "zone"), 1, INT, 'weekday_of(t) or weekday_of(t, "Europe/Paris")'),
    "truncate": Signature(("time", "step", "zone"), 2, TIME, "truncate(t, 1 d)"),
    "distance_km": Signature(
        ("float",) * 4, 2, FLOAT, "distance_km(a, b) with records, or distance_km(lat1, lon1, lat2, lon2)"
    ),
}
"""The functions of strings, times and places."""

FOREIGN = {
    **dict.fromkeys(("tolower", "to_lower", "lcase", "lowercase", "casefold"), "lower"),
    **dict.fromkeys(("toupper", "to_upper", "ucase", "uppercase"), "upper"),
    **dict.fromkeys(("strip", "btrim", "ltrim", "rtrim"), "trim"),
    **dict.fromkeys(("len", "strlen", "char_length", "character_length"), "length"),
    **dict.fromkeys(("substring", "mid", "slice"), "substr"),
    **dict.fromkeys(("concat_ws", "textjoin"), "concat"),
    **dict.fromkeys(("string_split", "split_part", "regexp_split"), "split"),
    **dict.fromkeys(("hour", "gethour"), "hour_of"),
    **dict.fromkeys(("day", "dayofmonth", "day_of_month"), "day_of"),
    **dict.fromkeys(("weekday", "dow", "isodow", "dayofweek", "day_of_week"), "weekday_of"),
    **dict.fromkeys(("date_trunc", "datetrunc", "time_bucket", "trunc"), "truncate"),
    **dict.fromkeys(("haversine", "distance", "geo_distance", "st_distance"), "distance_km"),
}
"""What other languages call them."""

_COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}
_HINTS = {
    ("truncate", "time", "float"): "floor(x) and ceil(x) make a whole number",
    ("truncate", "time", "decimal"): "floor(x) and ceil(x) make a whole number",
    ("truncate", "time", "duration"): "a duration without its rest is d - d % 1 min",
    ("length", "string", "duration"): "seconds(d) says how long a duration is",
}


class Scalars:
    """Gives types to the calls of `SIGNATURES` of one place."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.expressions = functions.expressions
        self.reporter = functions.reporter

    def call(self, call: ast.Call) -> Typed | None:
        """The typed form of a call."""
        name = call.name.text
        signature = SIGNATURES[name]
        written = [a.value for a in call.arguments if a.value is not None and not a.distinct and a.where is None]
        counts = range(signature.needs, len(signature.takes) + 1)
        if name == "distance_km":
            counts = range(2, 5, 2)
        if len(written) != len(call.arguments) or len(written) not in counts:
            message = f"`{name}` takes {_many(counts)}"
            self.reporter.error(call.span, "wrong-arguments", message, f"write {signature.shape}")
            return None
        if name == "distance_km" and len(written) == 2:
            pairs = [self._coordinates(w) for w in written]
            known = [p for pair in pairs if pair is not None for p in pair]
            return self._made(name, known, FLOAT) if len(known) == 4 else None
        found = [self._argument(name, kind, w) for kind, w in zip(signature.takes, written, strict=False)]
        args = [a for a in found if a is not None]
        return self._made(name, args, signature.gives) if len(args) == len(found) else None

    def joined(self, parts: Sequence[tuple[ast.Expr, Typed | None]], span: Span) -> Typed | None:
        """Strings joined by ``||``."""
        known = []
        for expr, part in parts:
            if part is not None and part.type.kind != "string":
                hint = 'write "" for no text' if part.type.kind == "null" else "emit it as a field of its own"
                if isinstance(expr, ast.IntLiteral):
                    hint = f'write the number in quotes: "{expr.value}"'
                self.reporter.error(expr.span, "wrong-type", f"`||` joins strings, not {kind_text(part.type)}", hint)
            elif part is not None:
                known.append(part)
        return self._made("join", known, STRING) if len(known) == len(parts) else None

    def _argument(self, name: str, kind: str, written: ast.Expr) -> Typed | None:
        found = self.expressions.value(written)
        if found is None:
            return None
        if kind in ("step", "zone", "separator"):
            return self._constant(name, kind, found, written.span)
        kinds = ("int", "float", "decimal") if kind == "float" else (kind,)
        if not self.functions.is_of(name, found, kinds, written.span, _HINTS.get((name, kind, found.type.kind))):
            return None
        return to_float(found) if kind == "float" else found

    def _constant(self, name: str, kind: str, found: Typed, span: Span) -> Const | None:
        if isinstance(found, ParamRef):  # the value is known when rules are checked
            param = self.expressions.declarations.params[found.name]
            assert param is not None
            found = param.value
        if kind == "step":
            if isinstance(found, Const) and found.type.kind == "duration" and isinstance(found.value, int):
                if found.value > 0:
                    return found
                self.reporter.error(span, "wrong-arguments", f"`{name}` needs a step longer than nothing")
                return None
            message = f"the step of `{name}` is a constant duration"
            self.reporter.error(span, "wrong-arguments", message, "write e.g. truncate(t, 1 d)")
            return None
        if kind == "separator":
            return self._separator(name, found, span)
        if not isinstance(found, Const) or not isinstance(found.value, str):
            hint = 'write its name in quotes: "Europe/Paris"'
            self.reporter.error(span, "wrong-arguments", f"the time zone of `{name}` is a constant string", hint)
            return None
        try:
            zoneinfo.ZoneInfo(found.value)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            instead = nearest(found.value, zoneinfo.available_timezones())
            hint = f"did you mean `{instead}`?" if instead else 'write e.g. "Europe/Paris"'
            self.reporter.error(span, "unknown-zone", f'"{found.value}" is no time zone', hint)
            return None
        return found

    def _separator(self, name: str, found: Typed, span: Span) -> Const | None:
        if not isinstance(found, Const) or not isinstance(found.value, str):
            message = f"what `{name}` splits at is a constant string"
            self.reporter.error(span, "wrong-arguments", message, f'write it in quotes: {name}(x, ",")')
            return None
        if not found.value:
            message = f"`{name}` cannot split at the empty string"
            hint = f'write what stands between the parts: {name}(x, ",")'
            self.reporter.error(span, "wrong-arguments", message, hint)
            return None
        return found

    def _coordinates(self, written: ast.Expr) -> tuple[Typed, Typed] | None:
        """The latitude and longitude of a record."""
        hint = "write distance_km(lat1, lon1, lat2, lon2) for numbers"
        if isinstance(written, ast.Path):
            place = self.expressions.names.path(written, record=True)
            if place is None:
                return None
            if place.type.kind == "record":
                return self._fields(written, place.type)
            kind = kind_text(place.type)
        else:
            value = self.expressions.value(written)
            if value is None:
                return None
            kind = kind_text(value.type)
        message = f"`distance_km` of two takes records with the fields lat and lon, not {kind}"
        self.reporter.error(written.span, "wrong-type", message, hint)
        return None

    def _fields(self, path: ast.Path, record: Type) -> tuple[Typed, Typed] | None:
        assert record.name is not None
        declared = {f.name.text for f in self.expressions.declarations.records[record.name][1].fields}
        out = []
        for name in ("lat", "lon"):
            if name not in declared:
                message = f"`distance_km` needs records with the fields lat and lon: {record.name} has no `{name}`"
                hint = "write distance_km(lat1, lon1, lat2, lon2) with the fields that it has"
                self.reporter.error(path.span, "unknown-field", message, hint)
                return None
            found = self.expressions.names.path(ast.Path((*path.parts, ast.Name(name, path.span)), path.span))
            if found is None or not self.functions.is_of("distance_km", found, ("int", "float", "decimal"), path.span):
                return None
            out.append(to_float(found))
        return out[0], out[1]

    def _made(self, name: str, args: Sequence[Typed], gives: Type) -> Typed:
        values = [a.value for a in args if isinstance(a, Const) and a.value is not None]
        if len(values) == len(args) and name in FUNCTIONS and gives.kind != "list":
            return Const(of_constants(name, values), gives)
        optional = name in ("truncate", "distance_km") or any(a.type.optional for a in args)
        return Apply(name, tuple(args), gives.as_optional(optional and name != "concat"))


def _many(counts: range) -> str:
    if len(counts) > 4:
        return "two arguments or more"
    if counts.step == 2:
        return "two records or four numbers"
    words = " or ".join(_COUNTS[c] for c in counts)
    return f"{words} argument{'' if counts[-1] == 1 else 's'}"
