"""Functions of values as Python text, for both printers of `cep.compiler.emit`, and what the text for columns calls.

``floor_int`` is a floor as an int64; ``sqrt_of log_of exp_of pow_of`` never raise: where there is no number they give
NaN or infinity, which becomes null.
Tested by: tests/compiler/test_functions.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cep.compiler.emit import NOT_A_NUMBER, OVERFLOW, Emitter, Term
from cep.model.strings import FUNCTIONS as OF_STRINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language.typed import Apply

EVENT_IMPORTS = {
    "floor_int(": "from math import floor as floor_int",
    "sqrt(": "from math import sqrt",
    "log_of(": "from cep.kernels.real import log_of",
    "exp_of(": "from cep.kernels.real import exp_of",
    "pow_of(": "from cep.kernels.real import pow_of",
    "distance_of(": "from cep.kernels.real import distance_of",
    "compare_bytes(": "from cep.kernels.text import compare_bytes",
    "list_count(": "from cep.kernels.text import list_count",
    "list_word(": "from cep.kernels.text import list_word",
    "list_float(": "from cep.kernels.text import list_float",
}
"""What the text for one event must import when it has these words."""

_LEAST = -(2**63)
_ALL_WHOLE = "4503599627370496.0"  # from 2^52 on every float is a whole number


def event_imports(lines: Sequence[str]) -> list[str]:
    """The imports that emitted lines need."""
    return [line for word, line in EVENT_IMPORTS.items() if any(word in text for text in lines)]


def function_term(emitter: Emitter, node: Apply) -> Term:
    """The term of a function call."""
    if node.op in ("hour_of", "day_of", "weekday_of", "truncate"):
        from cep.compiler.calendar import time_term

        return time_term(emitter, node)
    terms = [emitter.term(a) for a in node.args]
    match node.op:
        case "coalesce":
            return _coalesce(emitter, node, terms)
        case "least" | "greatest":
            return _extreme(emitter, node, terms)
        case "select":
            return _select(emitter, node, terms)
        case "distance_km":
            values = [t.value for t in terms]
            distance = emitter.let(f"distance_of({', '.join(values)})")
            return emitter.number(distance, values, emitter.either(*(t.null for t in terms)))
    if node.op in OF_STRINGS:
        return _text(emitter, node.op, terms)
    x, null = terms[0]
    kind = node.args[0].type.kind
    match node.op:
        case "abs" if kind == "float":
            return Term(emitter.let(f"abs({x})"), null)
        case "abs":
            return emitter.checked(emitter.select(f"{x} < 0", f"-{x}", x), f"{x} == {_LEAST}", null)
        case "in_unit":
            return Term(emitter.let(f"{x} / ({terms[1].value} * 1.0)"), null)
        case "round" if kind == "float":
            digits = node.args[1]
            return Term(_rounded(emitter, x, float(10 ** int(getattr(digits, "value", 0) or 0))), null)
        case "round":
            return Term(_rounded_decimal(emitter, x, 10 ** (node.args[0].type.scale - node.type.scale)), null)
        case "floor" | "ceil" if kind == "decimal":
            return Term(_whole_of_decimal(emitter, node.op, x, 10 ** node.args[0].type.scale), null)
        case "floor" | "ceil":
            return _whole(emitter, node.op, x, null)
        case _:
            return _real(emitter, node.op, terms)


def _text(emitter: Emitter, op: str, terms: list[Term]) -> Term:
    """A function of strings, for columns: in a condition on several events they are computed beforehand."""
    assert emitter.target == "column", op
    null = emitter.either(*(t.null for t in terms))
    values = [t.value for t in terms]
    if op == "concat":  # passes over nulls, and is none
        values = [v if n is None else emitter.let(f"select_texts({n}, '', {v})") for v, n in terms]
        null = None
    if op in ("join", "concat"):
        return Term(emitter.let(f"join_texts(({', '.join(values)}))"), null)
    if op == "split":
        return Term(emitter.let(f"split_text({', '.join(values)}, {emitter.size})"), null)
    if op in ("length", "substr"):
        return Term(emitter.let(f"{op}_text({', '.join(values)})"), null)
    return Term(emitter.let(f"map_texts({op!r}, {values[0]})"), null)


def _choose(emitter: Emitter, node: Apply, condition: str, yes: str, no: str) -> str:
    if node.type.kind == "string" and emitter.target == "column":
        return emitter.let(f"select_texts({condition}, {yes}, {no})")
    return emitter.let(emitter.select(condition, yes, no))


def _coalesce(emitter: Emitter, node: Apply, terms: list[Term]) -> Term:
    for place, term in enumerate(terms):
        if term.null is None:  # what follows is never taken
            terms = terms[: place + 1]
            break
    value = terms[-1].value
    nulls = [t.null for t in terms if t.null is not None]
    for term in reversed(terms[:-1]):
        assert term.null is not None
        value = _choose(emitter, node, term.null, value, term.value)
    if len(nulls) < len(terms):
        return Term(value, None)
    return Term(value, _all(emitter, nulls))


def _all(emitter: Emitter, flags: list[str]) -> str:
    found = flags[0]
    for flag in flags[1:]:
        found = emitter.let(f"{found} & {flag}")
    return found


def _before(emitter: Emitter, node: Apply, a: str, b: str) -> str:
    least = node.op == "least"
    if node.type.kind != "string":
        return f"({a} {'<' if least else '>'} {b})"
    if emitter.target == "column":
        return f"compare_texts({'lt' if least else 'gt'!r}, {a}, {b})"
    return f"(compare_text(heap, spans, {a}, {b}) {'<' if least else '>'} 0)"


def _extreme(emitter: Emitter, node: Apply, terms: list[Term]) -> Term:
    best, none = terms[0]
    for value, null in terms[1:]:
        better = _before(emitter, node, value, best)
        if none is not None:
            better = f"({none} | {better})"
        if null is not None:
            better = f"({better} & ({null} ^ True))"
        best = _choose(emitter, node, better, value, best)
        none = None if none is None or null is None else emitter.let(f"{none} & {null}")
    return Term(best, none)


def _select(emitter: Emitter, node: Apply, terms: list[Term]) -> Term:
    value, null = terms[-1]
    nullable = any(t.null is not None for t in (*terms[1:-1:2], terms[-1]))
    for i in range(len(terms) - 3, -1, -2):
        condition, taken = terms[i].value, terms[i + 1]  # a condition that is null has the value False
        value = _choose(emitter, node, condition, taken.value, value)
        if nullable:
            null = emitter.let(emitter.select(condition, taken.null or "False", null or "False"))
    return Term(value, null)


def _rounded(emitter: Emitter, x: str, factor: float) -> str:
    """Half away from zero, of the number times ``factor``; never a negative zero."""
    large = emitter.let(f"abs({x}) * {factor!r}")
    small = emitter.let(f"{large} < {_ALL_WHOLE}")
    size = emitter.let(emitter.select(small, large, "0.0"))
    whole = emitter.let(f"floor_int({size}) * 1.0")
    up = emitter.let(emitter.select(f"{size} - {whole} >= 0.5", f"{whole} + 1.0", whole))
    signed = emitter.let(f"{emitter.select(f'{x} < 0.0', f'-{up}', up)} / {factor!r} + 0.0")
    return emitter.let(emitter.select(small, signed, x))


def _rounded_decimal(emitter: Emitter, x: str, factor: int) -> str:
    floor = emitter.let(f"{x} // {factor}")
    rest = emitter.let(f"{x} - {floor} * {factor}")
    up = f"({rest} > {factor // 2}) | (({rest} == {factor // 2}) & ({x} >= 0))"
    return emitter.let(emitter.select(f"({up})", f"{floor} + 1", floor))


def _whole_of_decimal(emitter: Emitter, op: str, x: str, factor: int) -> str:
    floor = emitter.let(f"{x} // {factor}")
    if op == "floor":
        return floor
    return emitter.let(emitter.select(f"{x} - {floor} * {factor} != 0", f"{floor} + 1", floor))


def _whole(emitter: Emitter, op: str, x: str, null: str | None) -> Term:
    inside = emitter.let(f"({x} >= -9223372036854775808.0) & ({x} < 9223372036854775808.0)")
    safe = emitter.let(emitter.select(inside, x, "0.0"))
    outside = emitter.let(f"{inside} ^ True")
    emitter.fault(OVERFLOW, outside, null)
    whole = emitter.let(f"floor_int({safe})")
    if op == "ceil":  # a float that has a fraction is far from the ends of 64 bits
        whole = emitter.let(emitter.select(f"{whole} * 1.0 < {safe}", f"{whole} + 1", whole))
    return Term(whole, emitter.either(outside, null))


def _real(emitter: Emitter, op: str, terms: list[Term]) -> Term:
    null = emitter.either(*(t.null for t in terms))
    values = [t.value for t in terms]
    if op == "sqrt":
        below = emitter.let(f"{values[0]} < 0.0")
        emitter.fault(NOT_A_NUMBER, below, null)
        safe = emitter.select(below, "0.0", values[0])
        return Term(emitter.let(f"sqrt({safe})"), emitter.either(below, null))
    return emitter.number(emitter.let(f"{op}_of({', '.join(values)})"), values, null)


# ------------------------------------------------------------------------------------------------------- columns


def floor_int(x: Any) -> Any:
    """Floors as int64."""
    return np.asarray(np.floor(x)).astype(np.int64)


def log_of(x: Any) -> Any:
    """Natural logarithms."""
    from cep.kernels.real import LOG

    return _column(LOG, x, x)


def exp_of(x: Any) -> Any:
    """Exponentials."""
    from cep.kernels.real import EXP

    return _column(EXP, x, x)


def pow_of(x: Any, y: Any) -> Any:
    """Powers."""
    from cep.kernels.real import POW

    return _column(POW, x, y)


def distance_of(*degrees: Any) -> Any:
    """Distances in kilometres."""
    from cep.kernels.real import distance_columns

    shape = np.broadcast_shapes(*(np.shape(d) for d in degrees))
    lat1, lon1, lat2, lon2 = (_floats(d, shape) for d in degrees)
    out = np.empty(lat1.size, np.float64)
    distance_columns(lat1, lon1, lat2, lon2, out)
    return out.reshape(shape)


def _column(which: int, x: Any, y: Any) -> Any:
    from cep.kernels.real import real_columns

    shape = np.broadcast_shapes(np.shape(x), np.shape(y))
    bases, powers = _floats(x, shape), _floats(y, shape)
    out = np.empty(bases.size, np.float64)
    real_columns(np.int64(which), bases, powers, out)
    return out.reshape(shape)


def _floats(x: Any, shape: tuple[int, ...]) -> Any:
    # never read-only, as broadcast arrays are: kernels have one signature
    found = np.asarray(x, np.float64)
    if found.shape != shape:
        found = np.broadcast_to(found, shape)
    return np.require(found, np.float64, ["C", "W"]).reshape(-1)
