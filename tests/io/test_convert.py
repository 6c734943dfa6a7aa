"""Tables, columns and rows to batches: nothing is lost, and the first bad attribute is named."""

# ruff: noqa: DTZ001  (naive times are what is read)
from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.io.convert import BLOCK_ROWS, Decoder, rejected_schema, table_of
from cep.model.errors import InputError
from cep.model.schema import Attribute, Schema
from cep.model.time import parse_time
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, Type, decimal


def schema_of(time="at", **kinds):
    return Schema(
        "Pay", tuple(Attribute(n.replace("__", "."), k, n.replace("__", ".")) for n, k in kinds.items()), time
    )


PAY = schema_of(
    at=Type("time", unit="ms"),
    card=STRING,
    amount=decimal(2),
    n=INT.as_optional(),
    x=FLOAT.as_optional(),
    ok=BOOL.as_optional(),
    took=DURATION.as_optional(),
)
GOOD = {"at": 1, "card": "c", "amount": 1.5, "n": 3, "x": 0.5, "ok": True, "took": "1 h"}


def decode(data, schema=PAY, mapping=None, first_row=0):
    """Rows and rejects as lists, all blocks together."""
    decoder, row, rejects, events, bad, seqs = Decoder(schema, mapping), first_row, 0, [], [], []
    for block in table_of(data):
        decoded = decoder.decode(block, row, rejects)
        assert len(decoded.batch) + (0 if decoded.rejected is None else len(decoded.rejected)) == decoded.rows
        if schema.time is not None:
            assert decoded.batch.ts.tolist() == decoded.batch[schema.time].values.tolist()
        events += decoded.batch.to_dicts()
        seqs += decoded.batch.seq.tolist()
        if decoded.rejected is not None:
            rows = decoded.rejected.to_dicts()
            assert decoded.rejected.seq.tolist() == list(range(rejects, rejects + len(rows)))
            rejects += len(rows)
            bad += [tuple(r.values()) for r in rows]
        row += decoded.rows
    assert sorted(seqs + [b[0] for b in bad]) == list(range(first_row, row))
    return events, bad


def test_rows_become_events_with_their_numbers_and_times():
    decoded = Decoder(PAY).decode([GOOD, GOOD], 10)
    assert decoded.batch.seq.tolist() == [10, 11]
    assert decoded.batch.ts.tolist() == [1_000_000, 1_000_000]
    assert decoded.rejected is None


def test_a_bad_row_is_rejected_with_row_column_reason_and_value():
    events, bad = decode([GOOD, {**GOOD, "amount": "12a"}, {**GOOD, "card": None}, GOOD], first_row=100)
    assert len(events) == 2
    assert bad == [(101, "amount", '"12a" is not a decimal', "12a"), (102, "card", "card is missing", None)]


def test_of_several_bad_columns_the_first_in_schema_order_is_named():
    _, bad = decode([{"n": "x", "amount": "y", "at": "z", "card": 5}])
    assert bad == [(0, "at", '"z" is not an RFC 3339 time', "z")]


def test_rejects_have_a_schema_of_their_own():
    schema = rejected_schema("Pay")
    assert schema.name == "Rejected.Pay"
    assert [(a.name, str(a.type)) for a in schema.attributes] == [
        ("row", "int"),
        ("column", "string?"),
        ("reason", "string"),
        ("value", "string?"),
    ]


def test_the_time_is_required_even_where_it_is_declared_optional():
    _, bad = decode([{"at": None}], schema_of(at=Type("time", optional=True)))
    assert bad == [(0, "at", "at is missing", None)]


def test_what_is_no_object_is_rejected():
    _, bad = decode([5, None, "x", [1], GOOD])
    assert [(row, reason.rpartition("not ")[2]) for row, _, reason, _ in bad] == [
        (0, "a number"),
        (1, "null"),
        (2, "text"),
        (3, "a list"),
    ]


def test_nan_is_null_and_infinity_is_rejected():
    events, bad = decode([{**GOOD, "x": float("nan")}, {**GOOD, "x": float("inf")}])
    assert events[0]["x"] is None
    assert bad == [(1, "x", "inf is infinite; float(inf) admits it", "inf")]


def test_nan_in_a_required_field_or_in_the_time_is_rejected():
    kinds = schema_of(at=Type("time", unit="ms"), x=FLOAT)
    table = {"at": np.array([1.0, float("nan"), 3.0]), "x": np.array([float("nan"), 1.0, float("inf")])}
    _, bad = decode(table, kinds)
    assert [(row, column) for row, column, _, _ in bad] == [(0, "x"), (1, "at"), (2, "x")]
    assert bad[0][2] == "x is missing"


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_data_frames_of_every_kind_give_the_same_events(package):
    library = pytest.importorskip(package)
    columns = {"at": [1, 2, 3], "card": ["a", "b", None], "amount": [1.25, 2.0, 3.0], "n": [1, None, 3]}
    frame = library.table(columns) if package == "pyarrow" else library.DataFrame(columns)
    events, bad = decode(frame)
    assert [(e["card"], e["amount"], e["n"], e["ok"]) for e in events] == [
        ("a", Decimal("1.25"), 1, None),
        ("b", Decimal("2.00"), None, None),
    ]
    assert bad == [(2, "card", "card is missing", None)]


def test_a_pandas_column_of_mixed_objects_rejects_its_bad_rows_only():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"at": [1, 2, 3], "card": ["a", "b", "c"], "amount": [1, "x", "2.5"]})
    events, bad = decode(frame)
    assert [e["amount"] for e in events] == [Decimal("1.00"), Decimal("2.50")]
    assert bad == [(1, "amount", '"x" is not a decimal', "x")]


def test_pandas_times_keep_their_nanoseconds():
    pandas = pytest.importorskip("pandas")
    kinds = schema_of(at=Type("time"))
    frame = pandas.DataFrame({"at": pandas.to_datetime(["2024-01-01T00:00:00.123456789", None])})
    events, bad = decode(frame, kinds)
    assert events == [{"at": "2024-01-01T00:00:00.123456789Z"}]
    assert len(bad) == 1


def test_a_single_record_batch_and_the_array_interface_are_tables():
    batch = pa.record_batch({"at": [1], "card": ["a"], "amount": [1]})

    class OnlyArray:
        def __arrow_c_array__(self, requested=None):
            return batch.__arrow_c_array__(requested)

    assert decode(batch) == decode(OnlyArray())
    assert len(decode(batch)[0]) == 1


def test_a_batch_that_came_out_goes_in_again():
    kinds = schema_of(at=Type("time"), card=STRING, amount=decimal(2), took=DURATION)
    rows = [{"at": "2024-01-01T00:00:00.5Z", "card": "a", "amount": "1.50", "took": "1 h"}]
    (block,) = table_of(rows)
    batch = Decoder(kinds).decode(block).batch
    assert decode(batch, kinds)[0] == batch.to_dicts()


def test_numpy_columns_are_read():
    kinds = schema_of(at=Type("time"), a=INT, b=FLOAT, c=BOOL, s=STRING, d=DURATION, u=INT)
    events, bad = decode(
        {
            "at": np.array(["2024-01-01T01", "2024-01-02T00"], "M8[h]"),
            "a": np.array([1, 2], ">i4"),
            "b": np.array([1, 2], np.float32)[::-1],
            "c": np.array([True, False]),
            "s": np.array(["x", "yy"]),
            "d": np.array([1, 2], "m8[D]"),
            "u": np.array([1, 2**63], np.uint64),
        },
        kinds,
    )
    assert events == [{"at": "2024-01-01T01:00:00Z", "a": 1, "b": 2.0, "c": True, "s": "x", "d": "1 d", "u": 1}]
    assert bad == [(1, "u", "9223372036854775808 does not fit in 64 bits", "9223372036854775808")]


def test_a_list_of_mixed_values_in_a_dict_of_columns_is_read_value_by_value():
    events, bad = decode({"at": [1, 2], "card": ["a", 5], "amount": [Decimal("1.5"), "2"]})
    assert len(events) == 1
    assert bad == [(1, "card", "5 is not a string", "5")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"at": [1], "card": ["a", "b"]}, "at has 1, card has 2"),
        ({"at": 5}, "at is a number, not a column"),
        ({"at": np.zeros((2, 2))}, "2 dimensions"),
        ("text", "text is no table"),
        (5, "a number is no table"),
        (pa.array([1, 2]), "not a table"),
    ],
)
def test_what_is_no_table_is_an_error(data, message):
    with pytest.raises(InputError, match=message):
        list(table_of(data))


def test_a_missing_column_is_an_error_that_names_the_nearest_and_the_cure():
    with pytest.raises(InputError) as caught:
        decode({"at": [1], "Card": ["a"], "amount": [1]})
    assert caught.value.column == "card"
    assert caught.value.stream == "Pay"
    assert "did you mean Card?" in caught.value.hint
    assert "--map Pay.card=Card" in caught.value.hint


def test_a_missing_column_of_an_optional_field_is_null():
    events, _ = decode({"at": [1], "card": ["a"], "amount": [1]})
    assert events[0]["n"] is None


def test_a_column_of_a_wrong_type_is_an_error_with_the_column():
    with pytest.raises(InputError, match=r"column card, read as Pay\.card: a column of type int64 is no string"):
        decode({"at": [1], "card": [1], "amount": [1]})
    with pytest.raises(InputError) as caught:
        decode({"at": [1]}, schema_of(at=Type("time")))
    assert "time(ms)" in caught.value.hint


def test_an_empty_table_is_checked_too():
    with pytest.raises(InputError, match="needs a column card"):
        decode(pa.table({"at": pa.array([], pa.int64())}))
    assert decode(pa.table({"at": pa.array([], pa.int64()), "card": pa.nulls(0), "amount": pa.nulls(0)})) == ([], [])


def test_a_mapping_and_the_schemas_own_word_name_the_column():
    kinds = Schema("S", (Attribute("at", Type("time", unit="s"), "Time (s)"), Attribute("n", INT, "n")), "at")
    assert decode({"Time (s)": [1], "N": [2]}, kinds, {"n": "N"})[0] == [{"at": "1970-01-01T00:00:01Z", "n": 2}]
    assert decode([{"Time (s)": 1, "N": 2}], kinds, {"n": "N"})[0] == [{"at": "1970-01-01T00:00:01Z", "n": 2}]


def test_a_mapping_of_a_field_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match="no field amout") as caught:
        Decoder(PAY, {"amout": "x"})
    assert "amount" in caught.value.hint


def test_a_zone_that_is_not_known_is_an_error():
    with pytest.raises(InputError, match="no time zone Mars/Olympus"):
        Decoder(schema_of(at=Type("time", zone="Mars/Olympus")))


def test_two_columns_of_one_name_are_an_error():
    with pytest.raises(InputError, match="two columns are named at"):
        decode(pa.table([pa.array([1]), pa.array([1])], names=["at", "at"]))


# ---------------------------------------------------------------------------------------------------------- records

PLACE = (
    Attribute("at", Type("time", unit="ms"), "at"),
    Attribute("w", Type("record", optional=True, name="Place"), "w"),
    Attribute("w.lat", FLOAT.as_optional(), "w.lat", with_record=True),
    Attribute("w.name", STRING.as_optional(), "w.name"),
)
BUS = Schema("Bus", PLACE, "at")
REQUIRED = Schema(
    "Bus",
    (
        PLACE[0],
        Attribute("w", Type("record", name="Place"), "w"),
        Attribute("w.lat", FLOAT, "w.lat"),
        Attribute("w.name", STRING.as_optional(), "w.name"),
    ),
    "at",
)
PLACES = [
    {"at": 1, "w": {"lat": 1.5, "name": "x"}},
    {"at": 2, "w": None},
    {"at": 3, "w": {"lat": None, "name": "x"}},
    {"at": 4, "w": {"lat": None, "name": None}},
    {"at": 5},
]


def as_rows(rows):
    return rows


def as_structs(rows):
    kind = pa.struct([("lat", pa.float64()), ("name", pa.string())])
    return pa.table({"at": [r["at"] for r in rows], "w": pa.array([r.get("w") for r in rows], kind)})


def as_dotted(rows):
    parts = [r.get("w") or {} for r in rows]
    columns = {"at": [r["at"] for r in rows]}
    columns |= {
        f"w.{f}": pa.array([p.get(f) for p in parts], k) for f, k in (("lat", pa.float64()), ("name", pa.string()))
    }
    return pa.table(columns)


@pytest.mark.parametrize("form", [as_rows, as_structs, as_dotted])
def test_a_record_is_null_when_all_of_it_is(form):
    decoder = Decoder(BUS)
    (block,) = table_of(form(PLACES))
    decoded = decoder.decode(block)
    assert decoded.batch["w"].to_list() == [True, None, None, None]
    assert decoded.batch["w.lat"].to_list() == [1.5, None, None, None]
    assert [tuple(r.values()) for r in decoded.rejected.to_dicts()] == [(2, "w.lat", "w.lat is missing", None)]


@pytest.mark.parametrize("form", [as_rows, as_structs, as_dotted])
def test_a_required_record_that_is_null_rejects_the_row(form):
    events, bad = decode(form(PLACES), REQUIRED)
    assert len(events) == 1
    assert [(row, column) for row, column, _, _ in bad] == [(1, "w"), (2, "w.lat"), (3, "w"), (4, "w")]


def test_a_record_that_is_no_object_is_rejected():
    _, bad = decode([{"at": 1, "w": 5}], BUS)
    assert bad == [(0, "w", "5 is not a record", "5")]


def test_a_mapped_record_moves_its_fields():
    events, _ = decode([{"at": 1, "pos": {"lat": 2.0, "name": None}}], BUS, {"w": "pos"})
    assert events == [{"at": "1970-01-01T00:00:00.001Z", "w": {"lat": 2.0, "name": None}}]


def test_an_optional_record_may_be_missing_and_a_required_one_may_not():
    assert decode(pa.table({"at": [1]}), BUS)[0] == [{"at": "1970-01-01T00:00:00.001Z", "w": None}]
    with pytest.raises(InputError, match=r"needs a column w"):
        decode(pa.table({"at": [1]}), REQUIRED)


def test_maps_are_left_out():
    kinds = schema_of(at=Type("time", unit="ms"), items=Type("map", items=(STRING, STRING)))
    assert decode([{"at": 1, "items": {"x": "y"}}], kinds)[0] == [{"at": "1970-01-01T00:00:00.001Z"}]


# --------------------------------------------------------------------------------------------------------- the laws

ROWS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "at": st.none() | st.integers(0, 10**6) | st.just("x"),
                "card": st.none() | st.text(max_size=3) | st.just(7),
                "amount": st.none() | st.integers(-5, 5) | st.floats() | st.sampled_from(["1.10", "1.105", "-"]),
            },
            optional={
                "n": st.none() | st.integers(-(2**64), 2**64),
                "x": st.floats(),
                "ok": st.booleans() | st.just(1),
                "took": st.timedeltas(max_value=datetime.timedelta(days=9), min_value=datetime.timedelta(0))
                | st.just(3),
            },
        ),
        st.integers(),
    ),
    max_size=12,
)


@given(ROWS, st.integers(0, 12))
def test_no_row_is_lost_and_a_cut_changes_nothing(rows, cut):
    decoder = Decoder(PAY)
    whole = decode(rows)
    first = decoder.decode_rows(rows[:cut], 0, 0)
    rejects = 0 if first.rejected is None else len(first.rejected)
    second = decoder.decode_rows(rows[cut:], min(cut, len(rows)), rejects)
    parts = [part.rejected.to_dicts() for part in (first, second) if part.rejected is not None]
    assert first.batch.to_dicts() + second.batch.to_dicts() == whole[0]
    assert [tuple(r.values()) for part in parts for r in part] == whole[1]


@given(ROWS)
def test_one_row_at_a_time_gives_the_same_as_all_at_once(rows):
    decoder = Decoder(PAY)
    singles = [decoder.decode_rows([row], i) for i, row in enumerate(rows)]
    whole = decoder.decode_rows(rows)
    assert [e for one in singles for e in one.batch.to_dicts()] == whole.batch.to_dicts()
    assert [s for one in singles for s in one.batch.seq.tolist()] == whole.batch.seq.tolist()
    rejected = [r for one in singles if one.rejected is not None for r in one.rejected.to_dicts()]
    assert rejected == ([] if whole.rejected is None else whole.rejected.to_dicts())


def test_a_long_table_and_an_endless_iterator_come_in_blocks():
    sizes = [block.num_rows for block in table_of({"at": np.arange(BLOCK_ROWS + 5)})]
    assert sizes == [BLOCK_ROWS, 5]

    def endless():
        while True:
            yield GOOD

    assert len(next(table_of(endless()))) == BLOCK_ROWS


def test_times_in_rows_are_of_every_kind():
    kinds = schema_of(at=Type("time"))
    moments = [
        "2024-01-01T00:00Z",
        datetime.datetime(2024, 1, 1),
        np.datetime64("2024-01-01"),
        datetime.date(2024, 1, 1),
    ]
    events, _ = decode([{"at": m} for m in moments], kinds)
    assert {parse_time(e["at"]) for e in events} == {parse_time("2024-01-01")}
