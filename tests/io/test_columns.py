"""Columns: the fast way says what reading value by value says."""

# ruff: noqa: DTZ001  (naive times are what is read)
from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.io.columns import cells_of_array, cells_of_objects
from cep.io.values import reader_of
from cep.model.batch import Column
from cep.model.errors import InputError
from cep.model.time import MAX_TIME, MIN_TIME, NANOSECONDS, parse_time
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, TIME, Type, decimal

PARIS = Type("time", zone="Europe/Paris")


def values_of(cells, kind):
    if cells.factor != 1:
        return Column.of_raw(kind, cells.values, cells.valid, cells.factor).to_list()
    return Column(kind, cells.values, cells.valid, cells.text).to_list()


def reasons(cells):
    return {row: reason for row, (reason, _) in cells.bad.items()}


def one_by_one(values, kind):
    """The plain way: values, with None for what is refused, and reasons."""
    read, out, bad = reader_of(kind), [], {}
    for row, value in enumerate(values):
        try:
            out.append(read(value))
        except ValueError as error:
            out.append(None)
            bad[row] = str(error)
    return out, bad


def raw(cells):
    values = cells.values.tolist()
    if cells.factor != 1:
        values = [value * cells.factor for value in values]
    if cells.text is not None:
        values = [cells.text.strings[c] for c in values]
    return [v if cells.valid is None or cells.valid[i] else None for i, v in enumerate(values)]


TEXT_KINDS = [INT, FLOAT, Type("float", infinite=True), BOOL, STRING, decimal(2), decimal(0), TIME, DURATION]
TEXT_KINDS += [Type("time", unit=u) for u in ("s", "ns")] + [PARIS]
ODD_TEXT = (
    *("", " 1", "1 ", "+1", "-0", "0x1f", "1.", ".5", "1e2", "nan", "NaN", "inf", "-Infinity", "true", "False", "T"),
    *("2024-03-31T02:30", "2024-10-27 02:30:00", "2024-01-01", "2024-01-01T00:00:00.5Z", "2024-02-30", "1700-01-01"),
    *("1600-01-01", "2262-01-02", "2024-01-01T00", "2024-01-01T00:00+0100", "2024-01-01t00:00z", "1 h", "10 min 3 s"),
    *("9223372036854775807", "9223372036854775808", "1.005", "1.00", "12a", "1e400", "99999999999999999.99", "é"),
)
SOME_TEXT = st.one_of(
    st.sampled_from(ODD_TEXT),
    st.integers(-(2**65), 2**65).map(str),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**18), max_value=10**18).map(str),
    st.text("0123456789.-+eE:TZ ", max_size=12),
)


@pytest.mark.parametrize("kind", TEXT_KINDS, ids=str)
@given(st.lists(st.none() | SOME_TEXT, max_size=6))
def test_a_text_column_is_read_as_its_texts_are(kind, texts):
    cells = cells_of_array(pa.array(texts, pa.string()), kind)
    assert (raw(cells), reasons(cells)) == one_by_one(texts, kind)


@pytest.mark.parametrize(
    "kind", [INT, FLOAT, decimal(2), decimal(12), Type("time", unit="s"), Type("time", unit="us")], ids=str
)
@given(
    st.lists(
        st.none()
        | st.floats()
        | st.integers(-(2**60), 2**60).map(float)
        | st.integers(-(10**6), 10**6).map(lambda n: n / 100),
        max_size=6,
    )
)
def test_a_float_column_is_read_as_its_floats_are(kind, floats):
    cells = cells_of_array(pa.array(floats, pa.float64()), kind)
    assert (raw(cells), reasons(cells)) == one_by_one(floats, kind)


@pytest.mark.parametrize(
    "kind", [INT, FLOAT, decimal(2), decimal(12), Type("time", unit="s"), Type("time", unit="ns")], ids=str
)
@pytest.mark.parametrize("arrow", [pa.int64(), pa.uint64(), pa.int8()], ids=str)
@given(data=st.data())
def test_an_int_column_is_read_as_its_ints_are(kind, arrow, data):
    low, high = {8: (-128, 127)}.get(arrow.bit_width, (0, 2**64 - 1) if arrow == pa.uint64() else (-(2**63), 2**63 - 1))
    ints = data.draw(st.lists(st.none() | st.integers(low, high), max_size=6))
    cells = cells_of_array(pa.array(ints, arrow), kind)
    assert (raw(cells), reasons(cells)) == one_by_one(ints, kind)


@pytest.mark.parametrize("kind", [INT, FLOAT, decimal(2), decimal(6)], ids=str)
@pytest.mark.parametrize("arrow", [pa.decimal128(20, 4), pa.decimal256(40, 4), pa.decimal128(38, 0)], ids=str)
@given(data=st.data())
def test_a_decimal_column_is_read_as_its_decimals_are(kind, arrow, data):
    wide = 10**15
    values = data.draw(st.lists(st.none() | st.decimals(-wide, wide, places=arrow.scale), max_size=5))
    cells = cells_of_array(pa.array(values, arrow), kind)
    got, bad = one_by_one(values, kind)
    assert raw(cells) == got
    assert cells.bad.keys() == bad.keys()


OBJECTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    SOME_TEXT,
    st.decimals(allow_nan=True, places=3),
    st.datetimes(datetime.datetime(1500, 1, 1)),
    st.timedeltas(),
    st.just([1]),
)


@pytest.mark.parametrize("kind", TEXT_KINDS, ids=str)
@given(
    st.lists(OBJECTS, max_size=12) | st.lists(SOME_TEXT, min_size=9, max_size=12) | st.lists(st.floats(), min_size=9)
)
def test_a_list_of_objects_is_read_as_its_values_are(kind, values):
    cells = cells_of_objects(values, kind)
    assert (raw(cells), reasons(cells)) == one_by_one(values, kind)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_timestamps_of_every_unit_are_nanoseconds(unit, zone):
    limit = MAX_TIME // NANOSECONDS[unit]
    numbers = [0, 1, -1, limit, None]
    cells = cells_of_array(pa.array(numbers, pa.timestamp(unit, zone)), TIME)
    assert raw(cells) == [None if n is None else n * NANOSECONDS[unit] for n in numbers]
    assert not cells.bad


def test_timestamps_beyond_the_range_are_bad_rows():
    cells = cells_of_array(pa.array([0, 10**12, -(10**11)], pa.timestamp("s")), TIME)
    assert raw(cells) == [0, None, None]
    assert cells.bad.keys() == {1, 2}
    assert all("outside the years" in reason for reason in reasons(cells).values())
    edge = cells_of_array(pa.array([MIN_TIME - 1, MIN_TIME, MAX_TIME, MAX_TIME + 1], pa.timestamp("ns")), TIME)
    assert edge.bad.keys() == {0, 3}


def test_naive_timestamps_are_of_the_declared_zone():
    moments = ["2024-07-01T12:00:00", "2024-03-31T02:30:00", "2024-10-27T02:30:00", None]
    cells = cells_of_array(pa.array(moments, pa.string()).cast(pa.timestamp("ms")), PARIS)
    assert raw(cells) == [parse_time("2024-07-01T10:00Z"), None, parse_time("2024-10-27T00:30Z"), None]
    assert "the clocks skip it" in cells.bad[1][0]


def test_zoned_timestamps_keep_their_instant():
    cells = cells_of_array(pa.array([0], pa.timestamp("us", "Asia/Tokyo")), PARIS)
    assert raw(cells) == [0]


def test_dates_are_midnights():
    day = datetime.date(2024, 7, 1)
    assert raw(cells_of_array(pa.array([day, None]), TIME)) == [parse_time("2024-07-01"), None]
    assert raw(cells_of_array(pa.array([day]), PARIS)) == [parse_time("2024-06-30T22:00Z")]
    assert raw(cells_of_array(pa.array([day], pa.date64()), TIME)) == [parse_time("2024-07-01")]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_of_every_unit_are_nanoseconds(unit):
    cells = cells_of_array(pa.array([3, None, -1], pa.duration(unit)), DURATION)
    assert raw(cells) == [3 * NANOSECONDS[unit], None, -NANOSECONDS[unit]]


def test_a_duration_too_long_is_a_bad_row():
    cells = cells_of_array(pa.array([1, 2**62], pa.duration("s")), DURATION)
    assert raw(cells) == [1_000_000_000, None]
    assert "292 years" in cells.bad[1][0]


@pytest.mark.parametrize("arrow", [pa.string(), pa.large_string(), pa.string_view(), pa.binary()], ids=str)
def test_strings_of_every_layout_are_read(arrow):
    array = pa.array(["b", None, "a", "b", ""], pa.string()).cast(arrow)
    assert values_of(cells_of_array(array, STRING), STRING) == ["b", None, "a", "b", ""]
    assert values_of(cells_of_array(array.slice(2, 2), STRING), STRING) == ["a", "b"]


@pytest.mark.parametrize("index", [pa.int8(), pa.uint32(), pa.int64()], ids=str)
def test_dictionaries_are_read_by_their_codes(index):
    array = pa.array(["b", None, "a", "b"]).dictionary_encode().cast(pa.dictionary(index, pa.string()))
    assert values_of(cells_of_array(array, STRING), STRING) == ["b", None, "a", "b"]
    assert values_of(cells_of_array(array.slice(1), STRING), STRING) == [None, "a", "b"]


def test_a_dictionary_may_hold_a_null_and_numbers():
    holed = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["x", None]))
    assert values_of(cells_of_array(holed, STRING), STRING) == ["x", None, None]
    numbers = pa.array([5, None, 5]).dictionary_encode()
    assert raw(cells_of_array(numbers, INT)) == [5, None, 5]
    chunks = pa.chunked_array([pa.array(["x"]).dictionary_encode(), pa.array(["y", "x"]).dictionary_encode()])
    assert values_of(cells_of_array(chunks, STRING), STRING) == ["x", "y", "x"]


def test_a_slice_does_not_carry_the_whole_dictionary_along():
    many = pa.array([str(i) for i in range(5000)]).dictionary_encode()
    cells = cells_of_array(many.slice(10, 3), STRING)
    assert values_of(cells, STRING) == ["10", "11", "12"]
    assert len(cells.text) == 3


def test_bytes_that_are_no_text_are_bad_rows():
    array = pa.array([b"ok", b"\xff", None, b"\xff"], pa.binary())
    cells = cells_of_array(array, STRING)
    assert values_of(cells, STRING) == ["ok", None, None, None]
    assert reasons(cells) == {1: "is not valid UTF-8", 3: "is not valid UTF-8"}


def test_a_column_of_nulls_is_null_in_every_type():
    for kind in TEXT_KINDS:
        assert raw(cells_of_array(pa.nulls(2), kind)) == [None, None]
        assert raw(cells_of_array(pa.array([], pa.string()), kind)) == []


@pytest.mark.parametrize(
    ("array", "kind", "hint"),
    [
        (pa.array([1]), TIME, "time(ms)"),
        (pa.array([1.5]), TIME, "time(ms)"),
        (pa.array([1]), DURATION, "10 min"),
        (pa.array([1]), STRING, "declare"),
        (pa.array([1]), BOOL, ""),
        (pa.array([True]), INT, ""),
        (pa.array([True]), FLOAT, ""),
        (pa.array([True]), decimal(2), ""),
        (pa.array([0], pa.timestamp("s")), INT, "declare it as time"),
        (pa.array([0], pa.time32("s")), TIME, ""),
        (pa.array([[1]]), INT, ""),
    ],
)
def test_a_column_of_another_kind_is_an_error_with_a_hint(array, kind, hint):
    with pytest.raises(InputError) as caught:
        cells_of_array(array, kind)
    assert hint in (caught.value.hint or "")


def test_numbers_are_not_copied_and_have_one_layout():
    source = np.arange(1000)
    for array, kind in ((pa.array(source), INT), (pa.array(source * 0.5), FLOAT), (pa.array(["a"] * 9), STRING)):
        values = cells_of_array(array.slice(1, 5), kind).values
        assert values.flags.c_contiguous
        assert values.flags.writeable, "a read-only array is another type to a compiled kernel"
    assert np.shares_memory(cells_of_array(pa.array(source), INT).values, source)


def test_a_decimal_is_read_from_arrow_exactly():
    values = [Decimal("92233720368547.7580"), Decimal("-0.0001"), None]
    assert raw(cells_of_array(pa.array(values, pa.decimal128(38, 10)), decimal(4))) == [922337203685477580, -1, None]
