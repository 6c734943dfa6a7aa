"""Values: one value from outside to the integer, float, bool or text that a column holds, or the reason why not.

This is the meaning of reading; `cep.io.columns` says the same of whole columns, faster. A reader takes any object
and returns None for null; it raises ValueError, in words for a person, for what the type cannot hold. Nothing is
rounded, but an int or a decimal that meets a float attribute. Text is read as a value of the type: a file of text
columns and a table of numbers give the same events. A float NaN is null. A bool is no number.
Tested by: tests/io/test_values.py, tests/io/test_convert.py
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from cep.model.late import Late
from cep.model.time import (
    MAX_TIME,
    MIN_TIME,
    NANOSECONDS,
    SECOND,
    bare_number,
    local_seconds,
    parse_duration,
    parse_time,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from cep.model.types import Type
else:
    pa = Late("pyarrow")

Value = int | float | bool | str | None
MIN_INT, MAX_INT = -(2**63), 2**63 - 1

_JSON = msgspec.json.Decoder(float_hook=decimal.Decimal)
_WIDE = decimal.Context(prec=80, traps=[decimal.InvalidOperation, decimal.Inexact])
_INT_TEXT = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_POINT_TEXT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def shown(value: object) -> str:
    """The value as a reason shows it: text in quotes, long values cut."""
    text = f'"{value}"' if isinstance(value, str) else _text(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def plain(value: object) -> str | None:
    """The value as ``Rejected`` events carry it: as text, cut after 1,000 characters."""
    if value is None:
        return None
    text = value if isinstance(value, str) else _text(value)
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= 1000 else f"{text[:999]}…"


def _text(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # an int of more digits than Python prints
        return "a number of thousands of digits"


def reader_of(wanted: Type) -> Callable[[object], Value | list[object]]:
    """The function that reads one value of the type ``wanted``; of a list, its elements are not read yet."""
    match wanted.kind:
        case "int":
            return read_int
        case "float":
            return read_infinite if wanted.infinite else read_float
        case "bool":
            return read_bool
        case "string":
            return read_string
        case "duration":
            return read_duration
        case "decimal":
            scale = wanted.scale
            return lambda value: read_decimal(value, scale)
        case "list":
            return read_list
        case "time":
            unit, zone = wanted.unit, wanted.zone
            return lambda value: read_time(value, unit, zone)
    msg = f"a column of type {wanted} is not read from input"
    raise AssertionError(msg)


def native(value: object) -> object:
    """The value with numpy's scalars as Python's, times and durations of numpy as Arrow's scalars give them."""
    if isinstance(value, np.generic):
        if isinstance(value, np.datetime64 | np.timedelta64):
            return None if np.isnat(value) else value
        inner: object = value.item()
        return inner
    if isinstance(value, decimal.Decimal) and value.is_nan():
        return None
    if value is not None and type(value).__name__ in ("NaTType", "NAType"):
        return None
    return value


def read_list(value: object) -> list[object] | None:
    """The elements of a sequence, or of a JSON array in text."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.tolist() if value.dtype.kind not in "mM" else list(value)
    value = native(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        try:
            found = _JSON.decode(value)
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
            found = None
        if isinstance(found, list):
            return found
        msg = f"{shown(value)} is no JSON array"
        raise ValueError(msg)
    msg = f"{shown(value)} is not a list"
    raise ValueError(msg)


def read_int(value: object) -> int | None:
    """A whole number of 64 bits."""
    value = native(value)
    if value is None:
        return None
    if isinstance(value, str):
        number = _int_of_text(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float | decimal.Decimal):
        if value != value:  # NaN
            return None
        if not math.isfinite(value) or value != (number := _whole(value)):
            msg = f"{shown(value)} is not a whole number"
            raise ValueError(msg)
    else:
        msg = f"{shown(value)} is not an int"
        raise ValueError(msg)  # noqa: TRY004
    if not MIN_INT <= number <= MAX_INT:
        msg = f"{shown(value)} does not fit in 64 bits"
        raise ValueError(msg)
    return number


def read_float(value: object) -> float | None:
    """A finite float."""
    number = read_infinite(value)
    if number is not None and math.isinf(number):
        msg = f"{shown(value)} is infinite; float(inf) admits it"
        raise ValueError(msg)
    return number


def read_infinite(value: object) -> float | None:
    """A float, infinity included; NaN is null."""
    value = native(value)
    if value is None:
        return None
    if isinstance(value, str):
        number = _float_of_text(value)
    elif isinstance(value, float | int | decimal.Decimal) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            msg = f"{shown(value)} does not fit in a float"
            raise ValueError(msg) from None
    else:
        msg = f"{shown(value)} is not a number"
        raise ValueError(msg)  # noqa: TRY004
    return None if math.isnan(number) else number


def read_bool(value: object) -> bool | None:
    """True or false; as text ``true``, ``false``, also ``True`` and ``TRUE``."""
    value = native(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    found = _BOOLS.get(value.strip()) if isinstance(value, str) else None
    if found is None:
        msg = f"{shown(value)} is neither true nor false"
        raise ValueError(msg)
    return found


def read_string(value: object) -> str | None:
    """A string that UTF-8 can hold."""
    value = native(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str):
        msg = f"{shown(value)} is not a string"
        raise ValueError(msg)  # noqa: TRY004
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            msg = "is not valid UTF-8"
            raise ValueError(msg) from None
    return value


def read_decimal(value: object, scale: int) -> int | None:
    """A count of 10^-scale, exactly."""
    value = native(value)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        count: int = value * 10**scale
    elif isinstance(value, str | float | decimal.Decimal):
        number = _decimal_of(value)
        if number.is_nan():
            return None
        # the exponent is looked at first: 1e999999 must not become a million digits
        if not number.is_finite() or (number and number.adjusted() > 25):
            msg = f"{shown(value)} does not fit in decimal({scale})"
            raise ValueError(msg)
        exact = _whole_part(number, decimal.Decimal(10**scale))
        if exact is None:
            msg = f"{shown(value)} has more than {scale} digits after the point"
            raise ValueError(msg)
        count = exact
    else:
        msg = f"{shown(value)} is not a decimal"
        raise ValueError(msg)  # noqa: TRY004
    if not MIN_INT <= count <= MAX_INT:
        msg = f"{shown(value)} does not fit in decimal({scale})"
        raise ValueError(msg)
    return count


def read_time(value: object, unit: str | None, zone: str | None) -> int | None:
    """Nanoseconds since 1970 UTC. A naive time is in ``zone``, else in UTC; a number needs ``unit``."""
    value = native(value)
    if value is None:
        return None
    if isinstance(value, str):
        if unit is not None and _POINT_TEXT.fullmatch(value.strip()):
            return _checked_time(_scaled_time(decimal.Decimal(value.strip()), unit, value), value)
        return parse_time(value, zone)
    if isinstance(value, datetime.datetime):
        return _checked_time(_time_of_datetime(value, zone), value)
    if isinstance(value, datetime.date):
        midnight = datetime.datetime(value.year, value.month, value.day)  # noqa: DTZ001
        return _checked_time(local_seconds(midnight, zone) * SECOND, value)
    if isinstance(value, np.datetime64):
        return _checked_time(_time_of_numpy(value, zone), value)
    if isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool):
        number = decimal.Decimal(repr(value)) if isinstance(value, float) else decimal.Decimal(value)
        if number.is_nan():
            return None
        if unit is None:
            raise ValueError(bare_number(shown(value)))
        return _checked_time(_scaled_time(number, unit, value), value)
    msg = f"{shown(value)} is not a time"
    raise ValueError(msg)


def read_duration(value: object) -> int | None:
    """Nanoseconds of a timedelta, or of text such as ``1 h 30 min``."""
    value = native(value)
    if value is None:
        return None
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, datetime.timedelta):
        whole = value // datetime.timedelta(microseconds=1) * 1000 + int(getattr(value, "nanoseconds", 0))
    elif isinstance(value, np.timedelta64):
        whole = (
            int(value.astype("m8[us]").astype(np.int64)) * 1000 if np.datetime_data(value)[0] != "ns" else int(value)
        )
    elif isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool):
        if value != value:
            return None
        msg = f'{shown(value)} is a bare number; a duration needs a unit, such as "10 min"'
        raise ValueError(msg)
    else:
        msg = f"{shown(value)} is not a duration"
        raise ValueError(msg)  # noqa: TRY004
    if not MIN_INT <= whole <= MAX_INT:
        msg = f"{shown(value)} is longer than 292 years"
        raise ValueError(msg)
    return whole


def _whole(value: float | decimal.Decimal) -> int:
    # a Decimal such as 1e999999 would become a million digits; whatever is too large for 64 bits is refused alike
    if isinstance(value, decimal.Decimal) and value.adjusted() > 40:
        return 2**63 if value > 0 else -(2**63) - 1
    return int(value)


def _int_of_text(text: str) -> int:
    bare = text.strip()
    if _INT_TEXT.fullmatch(bare):
        return int(bare)
    found = _arrow_reading(bare, pa.int64())
    if not isinstance(found, int):
        msg = f"{shown(text)} is not an int"
        raise ValueError(msg)  # noqa: TRY004
    return found


def _float_of_text(text: str) -> float:
    bare = text.strip()
    if _POINT_TEXT.fullmatch(bare):
        return float(bare)
    found = _arrow_reading(bare, pa.float64())
    if not isinstance(found, float):
        msg = f"{shown(text)} is not a number"
        raise ValueError(msg)  # noqa: TRY004
    return found


def _arrow_reading(text: str, wanted: pa.DataType) -> object:
    """What Arrow makes of a text, so that a value means the same whether its block is read as a whole or not."""
    try:
        return pa.array([text], pa.string()).cast(wanted)[0].as_py()
    except (pa.ArrowException, UnicodeEncodeError):
        return None


def _decimal_of(value: str | float | decimal.Decimal) -> decimal.Decimal:
    if isinstance(value, decimal.Decimal):
        return value
    if isinstance(value, float):
        return decimal.Decimal(repr(value))
    if value.strip().lower() == "nan":
        return decimal.Decimal("NaN")
    if not _POINT_TEXT.fullmatch(value.strip()):
        msg = f"{shown(value)} is not a decimal"
        raise ValueError(msg)
    return decimal.Decimal(value.strip())


def _scaled_time(number: decimal.Decimal, unit: str, value: object) -> int:
    if not number.is_finite() or (number and number.adjusted() > 25):
        msg = f"{shown(value)} is outside the years 1678 to 2262"
        raise ValueError(msg)
    ns = _whole_part(number, decimal.Decimal(NANOSECONDS[unit]))
    if ns is None:
        msg = f"{shown(value)} is finer than a nanosecond"
        raise ValueError(msg)
    return ns


def _whole_part(number: decimal.Decimal, times: decimal.Decimal) -> int | None:
    """``number * times`` when that is a whole number, else None."""
    try:
        scaled = _WIDE.multiply(number, times)
    except decimal.Inexact:
        return None
    whole = int(scaled) if scaled.adjusted() >= 0 else 0
    return whole if scaled == whole else None


def _checked_time(ns: int, value: object) -> int:
    if not MIN_TIME <= ns <= MAX_TIME:
        msg = f"{shown(value)} is outside the years 1678 to 2262"
        raise ValueError(msg)
    return ns


def _time_of_datetime(value: datetime.datetime, zone: str | None) -> int:
    finer = int(getattr(value, "nanosecond", 0))  # pandas
    if value.tzinfo is None:
        return local_seconds(value.replace(microsecond=0), zone) * SECOND + value.microsecond * 1000 + finer
    return (value - _EPOCH) // datetime.timedelta(microseconds=1) * 1000 + finer


def _time_of_numpy(value: np.datetime64, zone: str | None) -> int:
    seconds = value.astype("M8[s]")
    if not -(10**11) < int(seconds.astype(np.int64)) < 10**11:
        return MAX_TIME + 1
    local = seconds.item()
    rest = 0
    if np.datetime_data(value)[0] in ("ms", "us", "ns"):
        rest = int((value.astype("M8[ns]") - seconds.astype("M8[ns]")).astype(np.int64))
    return local_seconds(local, zone) * SECOND + rest
