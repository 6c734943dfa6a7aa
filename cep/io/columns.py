"""Columns: Arrow arrays and lists of objects to the arrays of a `Column`, a column at a time.

The fast way does a whole column in numpy and Arrow, without a copy where the types allow it; only rows that it cannot
take go one by one through `cep.io.values`, which defines what reading means. So both agree, row for row.
Cost: 1 to 60 ns a value the fast way, about 1 µs the slow way.
Tested by: tests/io/test_columns.py, tests/io/test_convert.py
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.io.cells import DTYPES, Bad, Cells, is_valid, mend, nulls, object_of, refusal, valid_of, whole_numbers, window
from cep.io.values import plain, reader_of
from cep.model.batch import Text
from cep.model.errors import InputError
from cep.model.late import Late
from cep.model.time import MAX_TIME, MIN_TIME, NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    import pyarrow.compute as pc

    from cep.model.batch import AnyArray, BoolArray
    from cep.model.types import Type
else:
    pa = Late("pyarrow")
    pc = Late("pyarrow.compute")

_EXACT = 2.0**53
_MORE_THAN_64 = 2.0**63


def cells_of_objects(values: Sequence[object], wanted: Type) -> Cells:
    """Python objects, each read by `cep.io.values`; columns of one plain type are taken whole."""
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return nulls(wanted, len(values))
    if wanted.kind == "list":
        from cep.io.lists import lists_of_objects

        return lists_of_objects(values, wanted)
    if len(kinds) == 1 and len(values) > 8:  # below that, building an Arrow array costs more than it saves
        whole = _objects_whole(values, wanted, kinds.pop())
        if whole is not None and not whole.bad:  # else the reasons are told from the objects themselves
            return whole
    return _one_by_one(values, wanted)


_WHOLE = frozenset(
    {
        ("int", int),
        ("float", float),
        ("bool", bool),
        ("decimal", int),
        ("decimal", float),
        ("time", int),
        ("time", float),
    }
)
"""Kinds and the objects of which Arrow makes a whole column of the kind."""


def _objects_whole(values: Sequence[object], wanted: Type, only: type) -> Cells | None:
    if only is str:
        target = pa.string()
    elif only is decimal.Decimal and wanted.kind == "decimal":
        target = pa.decimal128(38, wanted.scale)
    elif (wanted.kind, only) in _WHOLE:
        target = pa.int64() if only is int else pa.float64() if only is float else pa.bool_()
    else:
        return None
    try:
        return cells_of_array(pa.array(values, target), wanted)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError, InputError):
        return None  # some value is too large, or no text, or a bare number: one by one tells which


def _one_by_one(values: Sequence[object], wanted: Type) -> Cells:
    """The slow and exact way."""
    read, size = reader_of(wanted), len(values)
    out: list[Any] = [None] * size
    bad: Bad = {}
    for row, value in enumerate(values):
        try:
            out[row] = read(value)
        except ValueError as error:
            bad[row] = (str(error), plain(value))
    some_null = None in out
    valid = np.array([v is not None for v in out], np.bool_) if some_null else None
    if wanted.kind == "string":
        codes: dict[str, int] = {}
        numbers = [0 if v is None else codes.setdefault(v, len(codes)) for v in out]
        return Cells(np.array(numbers, np.int32), valid, Text.of(codes or [""]), bad)
    if some_null:
        out = [0 if v is None else v for v in out]
    return Cells(np.array(out, DTYPES[wanted.kind]), valid, None, bad)


@cache
def _numbers() -> frozenset[pa.DataType]:
    return frozenset({pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64()})


def cells_of_array(array: pa.Array | pa.ChunkedArray, wanted: Type) -> Cells:
    """An Arrow column as the type ``wanted``; InputError when no value of its type could ever be one."""
    if array.type not in _numbers() or isinstance(array, pa.ChunkedArray):
        array = _plain_array(array, wanted)
    kind = array.type
    if kind in _numbers():
        in_order = _times_in_order(array, wanted) if wanted.kind == "time" else None
        if in_order is not None:
            return in_order
        if wanted.kind in _PLAIN:
            return _PLAIN[wanted.kind](array, wanted)
    if pa.types.is_null(kind):
        return nulls(wanted, len(array))
    if wanted.kind == "list":
        from cep.io.lists import lists_of_array

        return lists_of_array(array, wanted)
    if wanted.kind == "string":
        return _strings(array, wanted)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _reasons_from_text(_TEXT[wanted.kind](array, wanted), array, wanted)
    if wanted.kind == "time":
        in_order = _times_in_order(array, wanted)
        if in_order is not None:
            return in_order
    return _PLAIN[wanted.kind](array, wanted)


def _plain_array(array: pa.Array | pa.ChunkedArray, wanted: Type) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        if array.num_chunks == 1:
            array = array.chunk(0)
        else:
            if pa.types.is_dictionary(array.type):
                array = array.unify_dictionaries()
            array = array.combine_chunks()
            if isinstance(array, pa.ChunkedArray):  # more than 2 GB of text in one column
                array = pa.concat_arrays([c.cast(pa.large_string()) for c in array.chunks])
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    kind = array.type
    if pa.types.is_dictionary(kind) and wanted.kind != "string":
        array = array.dictionary_decode()
    elif getattr(pa.types, "is_run_end_encoded", lambda _: False)(kind):
        array = pc.run_end_decode(array)
    kind = array.type
    if kind == pa.string_view():
        array = array.cast(pa.large_string())
    return array


# ---------------------------------------------------------------------------------------------------------- text


def _strings(array: pa.Array, wanted: Type) -> Cells:
    kind = array.type
    if pa.types.is_dictionary(kind):
        values = array.dictionary
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            if values.type == pa.string_view():
                return _strings(array.dictionary_decode().cast(pa.large_string()), wanted)
            raise refusal(array, wanted, "declare the type that the column has")
        if values.null_count:
            return _strings(array.dictionary_decode(), wanted)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        array = array.dictionary_encode()
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        wide = pa.large_string() if pa.types.is_large_binary(kind) else pa.string()
        array = array.view(wide).dictionary_encode()
    else:
        raise refusal(array, wanted, "declare the type that the column has")
    size, valid = len(array), valid_of(array)
    indices, dictionary = array.indices, array.dictionary
    if indices.type != pa.int32():
        indices = indices.cast(pa.int32())
    codes = window(indices.buffers()[1], np.int32, indices.offset, size)
    if valid is not None:
        codes = np.where(valid, codes, np.int32(0))
    if len(dictionary) > 2 * size + 1024:  # a slice of a table: its dictionary would be searched for every batch
        used, codes = np.unique(codes, return_inverse=True)
        codes = codes.astype(np.int32)
        dictionary = dictionary.take(pa.array(used))
    cells = Cells(codes, valid, text_of_array(dictionary))
    try:
        dictionary.validate(full=True)
    except pa.ArrowInvalid:
        return _without_broken_text(cells, dictionary)
    return cells


def text_of_array(strings: pa.Array) -> Text:
    """The dictionary of an Arrow array of strings, without a copy of them; not looked at whether they are UTF-8."""
    if len(strings) == 0:
        return Text.of([""])
    _, offsets, data = strings.buffers()
    wide = np.int64 if pa.types.is_large_string(strings.type) else np.int32
    at = window(offsets, wide, strings.offset, len(strings) + 1).astype(np.int64)
    start, end = int(at[0]), int(at[-1])
    return Text(at - start, window(data, np.uint8, start, end - start))


def _without_broken_text(cells: Cells, dictionary: pa.Array) -> Cells:
    raw = dictionary.view(pa.large_binary() if pa.types.is_large_string(dictionary.type) else pa.binary()).to_pylist()
    broken, strings = {}, []
    for code, data in enumerate(raw):
        try:
            strings.append(data.decode())
        except UnicodeDecodeError:
            broken[code] = plain(data.decode("utf-8", "replace"))
            strings.append("")
    wrong = np.isin(cells.values, list(broken))
    if cells.valid is not None:
        wrong &= cells.valid
    codes = cells.values.tolist()
    bad: Bad = {row: ("is not valid UTF-8", broken[codes[row]]) for row in np.flatnonzero(wrong).tolist()}
    valid = ~wrong if cells.valid is None else cells.valid & ~wrong
    return Cells(cells.values, valid, Text.of(strings), bad)


Reading = Callable[["pa.Array", "Type"], "Cells"]


def _text_column(pattern: Callable[[Type], str], arrow: Callable[[Type], pa.DataType]) -> Reading:
    """Text to numbers: all at once, or all that surely fit at once and the others one by one."""

    def read(array: pa.Array, wanted: Type) -> Cells:
        target = arrow(wanted)
        # Arrow rounds 2.5e-26 to 0.00 where it refuses 0.001: an exponent is read by value
        if wanted.kind != "decimal" or not _has_exponent(array):
            try:
                return _PLAIN[wanted.kind](array.cast(target), wanted)
            except pa.ArrowInvalid:
                pass
        valid = valid_of(array)
        try:
            sure = pc.match_substring_regex(array, pattern(wanted))
            cells = _PLAIN[wanted.kind](pc.if_else(sure, array, pa.scalar(None, array.type)).cast(target), wanted)
            rest = pc.invert(sure).fill_null(False).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            cells, rest = nulls(wanted, len(array)), np.ones(len(array), np.bool_)
        if valid is not None:
            rest = rest & valid
        return mend(cells, np.flatnonzero(rest), array, wanted)

    return read


def _has_exponent(array: pa.Array) -> bool:
    octets = text_of_array(array).data if len(array) else np.zeros(0, np.uint8)
    return bool(((octets | 32) == 101).any())


def _reasons_from_text(cells: Cells, array: pa.Array, wanted: Type) -> Cells:
    """The cells with each reason told by the text, not by the number that was first made of it."""
    if not cells.bad:
        return cells
    rows = np.array(sorted(cells.bad), np.int64)
    return mend(Cells(cells.values, cells.valid), rows, array, wanted)


def _text_bools(array: pa.Array, wanted: Type) -> Cells:
    encoded = array.dictionary_encode()
    words = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
    dictionary = [object_of(s) for s in encoded.dictionary]
    if len(dictionary) > 1000 or not all(word in words for word in dictionary):
        return _value_by_value(array, wanted)
    table = np.array([words[str(word)] for word in dictionary] or [False], np.bool_)
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return Cells(table[codes], valid_of(array))


def _value_by_value(array: pa.Array, wanted: Type) -> Cells:
    return mend(nulls(wanted, len(array)), np.flatnonzero(is_valid(array)), array, wanted)


_ZONED = r"^\d{4}-\d\d-\d\d[T ][0-9:.]{2,18}(Z|[+-]\d\d(:?\d\d)?)$"
_LOCAL = r"^\d{4}-\d\d-\d\d([T ][0-9:.]{2,18})?$"
_NUMBER = r"^[+-]?\d{1,18}$"


def _text_times(array: pa.Array, wanted: Type) -> Cells:
    size = len(array)
    utc, naive = pa.timestamp("ns", "UTC"), pa.timestamp("ns")
    for target in (utc, naive) if wanted.unit is None else (pa.int64(), utc, naive):
        try:
            return _times(array.cast(target), wanted)
        except pa.ArrowInvalid:
            pass
    cells, rest = nulls(wanted, size), is_valid(array)
    forms = [(_ZONED, utc), (_LOCAL, naive)]
    if wanted.unit is not None:
        forms.append((_NUMBER, pa.int64()))
    for form, target in forms:
        sure = pc.match_substring_regex(array, form)
        some = sure.fill_null(False).to_numpy(zero_copy_only=False) & rest
        if not some.any():
            continue
        try:
            part = _times(pc.if_else(sure, array, pa.scalar(None, array.type)).cast(target), wanted)
        except pa.ArrowInvalid:
            continue
        assert cells.valid is not None
        good = some if part.valid is None else some & part.valid
        cells.values[good] = part.values[good]
        cells.valid[good] = True
        rest = rest & ~good  # what was bad is read again below, for a reason that shows the text
    return mend(cells, np.flatnonzero(rest), array, wanted)


# ------------------------------------------------------------------------------------------------------- numbers


def _ints(array: pa.Array, wanted: Type) -> Cells:
    kind, valid = array.type, valid_of(array)
    if kind == pa.int64():
        return Cells(whole_numbers(array), valid)
    if pa.types.is_integer(kind):
        if kind != pa.uint64():  # as narrow as it is: a `Column` widens it when somebody reads it
            return Cells(_as_narrow(array), valid)
        values = window(array.buffers()[1], np.uint64, array.offset, len(array))
        wrong = values > np.uint64(2**63 - 1)
        cells = Cells(values.astype(np.int64), valid)
    elif pa.types.is_floating(kind):
        floats = _float_values(array)
        with np.errstate(invalid="ignore"):
            wrong = ~((floats == np.floor(floats)) & (np.abs(floats) < _MORE_THAN_64))
            cells = Cells(np.where(wrong, 0, floats).astype(np.int64), valid)
    elif pa.types.is_decimal(kind):
        try:
            return Cells(whole_numbers(array.cast(pa.int64())), valid)
        except pa.ArrowInvalid:
            cells, wrong = nulls(wanted, len(array)), np.ones(len(array), np.bool_)
    else:
        raise refusal(array, wanted, "declare it as time or duration" if pa.types.is_temporal(kind) else None)
    return mend(cells, np.flatnonzero(wrong if valid is None else wrong & valid), array, wanted)


def _as_narrow(array: pa.Array) -> AnyArray:
    return window(array.buffers()[1], array.type.to_pandas_dtype(), array.offset, len(array))


def _float_values(array: pa.Array) -> AnyArray:
    if array.type != pa.float64():
        array = array.cast(pa.float64(), safe=False)
    return window(array.buffers()[1], np.float64, array.offset, len(array))


def _plain_floats(array: pa.Array, wanted: Type) -> Cells:
    kind = array.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        raise refusal(array, wanted)
    if pa.types.is_decimal(kind):
        # Arrow's decimals become floats by a product, which is off by one in the last place at times
        return _value_by_value(array, wanted)
    return _floats(_float_values(array), valid_of(array), wanted)


def _floats(values: AnyArray, valid: BoolArray | None, wanted: Type) -> Cells:
    finite = np.isfinite(values)
    if bool(finite.all()):
        return Cells(values, valid)
    nan = np.isnan(values)
    bad: Bad = {}
    if not wanted.infinite:
        odd = ~finite & ~nan
        for row in np.flatnonzero(odd if valid is None else odd & valid).tolist():
            value = float(values[row])
            bad[row] = (f"{value} is infinite; float(inf) admits it", plain(value))
        nan = ~finite
    here = ~nan if valid is None else valid & ~nan
    return Cells(np.where(nan, 0.0, values), None if bool(here.all()) else here, None, bad)


def _bools(array: pa.Array, wanted: Type) -> Cells:
    if not pa.types.is_boolean(array.type):
        raise refusal(array, wanted)
    valid = valid_of(array)
    values = (array if valid is None else array.fill_null(False)).to_numpy(zero_copy_only=False)
    return Cells(np.array(values, np.bool_), valid)


def _decimals(array: pa.Array, wanted: Type) -> Cells:
    kind, valid, scale = array.type, valid_of(array), wanted.scale
    size = len(array)
    if pa.types.is_integer(kind):
        cells = _ints(array, wanted) if kind != pa.uint64() else nulls(wanted, size)
        limit = (2**63 - 1) // 10**scale
        counts = cells.values.astype(np.int64, copy=False)
        wrong = (counts > limit) | (counts < -limit) if kind != pa.uint64() else np.ones(size, np.bool_)
        cells = Cells(np.where(wrong, 0, counts) * 10**scale, valid)
    elif pa.types.is_floating(kind):
        floats = _float_values(array)
        with np.errstate(invalid="ignore", over="ignore"):
            counts = np.rint(floats * 10.0**scale)
            wrong = ~((np.abs(counts) < _EXACT) & (counts / 10.0**scale == floats))
        cells = Cells(np.where(wrong, 0, counts).astype(np.int64), valid)
    elif pa.types.is_decimal(kind):
        try:
            wide = array.cast(pa.decimal128(38, scale))
        except pa.ArrowInvalid:
            wrong, cells = np.ones(size, np.bool_), nulls(wanted, size)
        else:
            pairs = window(wide.buffers()[1], np.int64, 2 * wide.offset, 2 * size).reshape(size, 2)
            low = np.ascontiguousarray(pairs[:, 0])
            wrong = pairs[:, 1] != low >> 63
            cells = Cells(low, valid)
    else:
        raise refusal(array, wanted)
    return mend(cells, np.flatnonzero(wrong if valid is None else wrong & valid), array, wanted)


def _decimal_pattern(wanted: Type) -> str:
    return rf"^[+-]?\d{{1,{18 - wanted.scale}}}(\.\d{{0,{wanted.scale}}})?$"


# --------------------------------------------------------------------------------------------------------- times


def scaled_times(array: pa.Array, wanted: Type) -> tuple[AnyArray, int] | None:
    """Times that need only be multiplied, and by what; None when some are null, or the ends are beyond the range.

    If they ascend, the ends tell the range of all.
    """
    kind = array.type
    if kind == pa.int64() and wanted.unit is not None:
        unit = wanted.unit
    elif pa.types.is_timestamp(kind) and (kind.tz is not None or wanted.zone in (None, "UTC")):
        unit = kind.unit
    else:
        return None
    values, factor = whole_numbers(array), NANOSECONDS[unit]
    if array.null_count or not values.size:
        return None
    if int(values[0]) < -(-MIN_TIME // factor) or int(values[-1]) > MAX_TIME // factor:
        return None
    return values, factor


def _times_in_order(array: pa.Array, wanted: Type) -> Cells | None:
    found = scaled_times(array, wanted)
    if found is None or not (found[0][1:] >= found[0][:-1]).all():
        return None
    return Cells(found[0], factor=found[1])


def _times(array: pa.Array, wanted: Type) -> Cells:
    kind = array.type
    if pa.types.is_timestamp(kind):
        if kind.tz is None and wanted.zone not in (None, "UTC"):
            return _local_times(array, wanted)
        return _scaled(whole_numbers(array), NANOSECONDS[kind.unit], valid_of(array), array)
    if pa.types.is_date32(kind):
        days = array.cast(pa.timestamp("s"))
        if wanted.zone not in (None, "UTC"):
            return _local_times(days, wanted)
        return _scaled(whole_numbers(days), NANOSECONDS["s"], valid_of(array), array)
    if pa.types.is_date64(kind):
        return _times(array.cast(pa.timestamp("ms")), wanted)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        if wanted.unit is None:
            msg = "a bare number is no time"
            raise InputError(msg, hint="declare the unit of the numbers: time(s), time(ms), time(us) or time(ns)")
        return _numbers_as_times(array, wanted)
    raise refusal(array, wanted)


def _scaled(values: AnyArray, nanoseconds: int, valid: BoolArray | None, array: pa.Array) -> Cells:
    """Counts of ``nanoseconds`` as nanoseconds; those beyond the range are bad."""
    low, high = -(-MIN_TIME // nanoseconds), MAX_TIME // nanoseconds
    if values.size == 0:
        return Cells(values, valid)
    if valid is not None:
        values = np.where(valid, values, 0)
    if low <= int(values.min()) and int(values.max()) <= high:
        return Cells(values if nanoseconds == 1 else values * nanoseconds, valid)
    wrong = (values < low) | (values > high)
    cells = Cells(np.where(wrong, 0, values) * nanoseconds, ~wrong if valid is None else valid & ~wrong)
    for row in np.flatnonzero(wrong).tolist():
        text = str(array[row].cast(pa.string())).strip("<>")  # Arrow writes <value out of range: …>
        cells.bad[row] = (f"{text} is outside the years 1678 to 2262", text)
    return cells


def _numbers_as_times(array: pa.Array, wanted: Type) -> Cells:
    assert wanted.unit is not None
    kind, valid, nanoseconds = array.type, valid_of(array), NANOSECONDS[wanted.unit]
    if pa.types.is_integer(kind) and kind != pa.uint64():
        numbers = whole_numbers(array) if kind == pa.int64() else _as_narrow(array).astype(np.int64)
        low, high = -(-MIN_TIME // nanoseconds), MAX_TIME // nanoseconds
        if valid is None and numbers.size and low <= int(numbers.min()) and int(numbers.max()) <= high:
            return Cells(numbers if nanoseconds == 1 else numbers * nanoseconds, None)
        wrong = (numbers < low) | (numbers > high)
        values = np.where(wrong, 0, numbers) * nanoseconds
    elif pa.types.is_floating(kind):
        floats = _float_values(array)
        # as decimals are: the shortest decimal that is this float is what was meant, down to 1/1000 of the unit
        step = min(1000, nanoseconds)
        with np.errstate(invalid="ignore", over="ignore"):
            counts = np.rint(floats * step)
            wrong = ~((np.abs(counts) < _EXACT) & (counts / step == floats))
            limit = MAX_TIME // (nanoseconds // step) - 1
            wrong |= np.abs(counts) > limit
        values = np.where(wrong, 0, counts).astype(np.int64) * (nanoseconds // step)
    else:
        wrong, values = np.ones(len(array), np.bool_), np.zeros(len(array), np.int64)
    rows = np.flatnonzero(wrong if valid is None else wrong & valid)
    return mend(Cells(values, valid), rows, array, wanted)


def _local_times(array: pa.Array, wanted: Type) -> Cells:
    """Naive times of a zone: the earlier of two, none that the clocks skip."""
    try:
        zoned = pc.assume_timezone(array, wanted.zone, ambiguous="earliest", nonexistent="earliest")
        back = pc.local_timestamp(zoned)
    except pa.ArrowInvalid:  # no time-zone database that Arrow can find, or times out of its range
        return _value_by_value(_as_text(array), wanted)
    cells = _scaled(whole_numbers(zoned), NANOSECONDS[array.type.unit], valid_of(array), array)
    skipped = whole_numbers(back) != whole_numbers(array)
    skipped[list(cells.bad)] = False
    rows = np.flatnonzero(skipped if cells.valid is None else skipped & cells.valid)
    return mend(cells, rows, _as_text(array), wanted)


def _as_text(array: pa.Array) -> pa.Array:
    """The times as text, which keeps nanoseconds that Python's datetime has not."""
    return array.cast(pa.string())


def _durations(array: pa.Array, wanted: Type) -> Cells:
    kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        msg = "a bare number is no duration"
        raise InputError(msg, hint='give a column of durations, or text with units such as "10 min"')
    if not pa.types.is_duration(kind):
        raise refusal(array, wanted)
    nanoseconds, valid = NANOSECONDS[kind.unit], valid_of(array)
    values = whole_numbers(array)
    limit = (2**63 - 1) // nanoseconds
    wrong = (values > limit) | (values < -limit)
    if valid is not None:
        wrong &= valid
    cells = Cells(np.where(wrong, 0, values) * nanoseconds, valid)
    if wrong.any():
        good = ~wrong if valid is None else valid & ~wrong
        bad: Bad = {}
        for row in np.flatnonzero(wrong).tolist():
            text = f"{values[row]} {kind.unit}"
            bad[row] = (f"{text} is longer than 292 years", text)
        cells = Cells(cells.values, good, None, bad)
    return cells


_PLAIN: dict[str, Reading] = {
    "int": _ints,
    "float": _plain_floats,
    "bool": _bools,
    "time": _times,
    "duration": _durations,
    "decimal": _decimals,
}

_TEXT: dict[str, Reading] = {
    "int": _text_column(lambda _: r"^-?\d{1,18}$", lambda _: pa.int64()),
    "float": _text_column(lambda _: r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$", lambda _: pa.float64()),
    "bool": _text_bools,
    "time": _text_times,
    "duration": _value_by_value,
    "decimal": _text_column(_decimal_pattern, lambda t: pa.decimal128(38, t.scale)),
}
