"""CSV: every bad line costs itself only, and no cut changes anything."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_reading import PAY, read, read_one, schema_of

from cep.io.connectors.csv import RECORD_BYTES_MAX, cut_of, fields, records
from cep.io.source import open_source
from cep.model.errors import InputError
from cep.model.types import FLOAT, INT, STRING, Type, decimal

HEADER = b"at,card,amount,n,x,ok\n"
GOOD = b"2024-01-01T00:00:00Z,c1,1.50,3,0.5,true\n"


def write(tmp_path, data, name="pay.csv"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def reasons(rejects):
    return [(row, column, reason) for row, column, reason, _ in rejects]


def test_a_good_file_is_read_exactly(tmp_path):
    events, rejects = read_one(write(tmp_path, HEADER + GOOD))
    assert rejects == []
    assert events == [
        {"row": 0, "at": "2024-01-01T00:00:00Z", "card": "c1", "amount": Decimal("1.50"), "n": 3, "x": 0.5, "ok": True}
    ]


def test_only_empty_text_is_null(tmp_path):
    line = b'2024-01-01,NA,2,,"",\n2024-01-01,"",2,null,NaN,\n'
    events, rejects = read_one(write(tmp_path, HEADER + line))
    assert (events[0]["card"], events[0]["n"], events[0]["x"]) == ("NA", None, None)
    assert reasons(rejects) == [(1, "n", '"null" is not an int')]


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (b"2024-01-01,c,12a,1,1,true", "amount", '"12a" is not a decimal'),
        (b"2024-01-01,c,1.505,1,1,true", "amount", '"1.505" has more than 2 digits after the point'),
        (b"2024-01-01,c,,1,1,true", "amount", "amount is missing"),
        (b"2024-01-01,c,1,1.5,1,true", "n", '"1.5" is not an int'),
        (b"2024-01-01,c,1,99999999999999999999,1,true", "n", '"99999999999999999999" does not fit in 64 bits'),
        (b"2024-01-01,c,1,1,inf,true", "x", '"inf" is infinite; float(inf) admits it'),
        (b"2024-01-01,c,1,1,1,yes", "ok", '"yes" is neither true nor false'),
        (b",c,1,1,1,true", "at", "at is missing"),
        (b"2024-13-01,c,1,1,1,true", "at", '"2024-13-01" is not a time: month must be in 1..12'),
        (b"2024-01-01,c,1", None, "expected 6 columns, got 3"),
        (b"2024-01-01,c,1,1,1,true,more", None, "expected 6 columns, got 7"),
        (b"2024-01-01,\xff\xfe,1,1,1,true", "card", "is not valid UTF-8"),
        (b'2024-01-01,"c,1,1,1,true', None, "a quote is not closed"),
    ],
)
def test_a_bad_line_is_rejected_alone(tmp_path, line, column, reason):
    events, rejects = read_one(write(tmp_path, HEADER + GOOD + GOOD + line + b"\n"))
    assert [e["row"] for e in events] == [0, 1]
    assert reasons(rejects) == [(2, column, reason)]
    if b'"' not in line:  # an open quote takes what follows up to the end of the file for its own line alone
        events, rejects = read_one(write(tmp_path, HEADER + GOOD + line + b"\n" + GOOD))
        assert [e["row"] for e in events] == [0, 2]
        assert reasons(rejects) == [(1, column, reason)]


def test_a_file_cut_in_the_middle_of_a_line_loses_that_line_only(tmp_path):
    for cut in range(1, len(GOOD)):
        events, rejects = read_one(write(tmp_path, HEADER + GOOD + GOOD[:cut]))
        assert events[0]["row"] == 0
        assert len(events) + len(rejects) == 2
    events, rejects = read_one(write(tmp_path, HEADER + GOOD + GOOD[:25]))
    assert rejects[0][2:] == ("expected 6 columns, got 3", GOOD[:25].decode())
    events, rejects = read_one(write(tmp_path, HEADER + GOOD + GOOD.rstrip()))
    assert (len(events), rejects) == (2, [])


def test_a_quote_left_open_costs_its_line_and_not_the_rest(tmp_path):
    events, rejects = read_one(write(tmp_path, HEADER + GOOD + b'2024-01-01,"c1,1,1,1,\n' + GOOD + GOOD))
    assert [e["row"] for e in events] == [0, 2, 3]
    assert rejects == [(1, None, "a quote is not closed", '2024-01-01,"c1,1,1,1,')]


def test_an_overlong_record_costs_its_first_line(tmp_path):
    filler = b"y" * 1000 + b"\n"
    data = HEADER + b'2024-01-01,"' + filler * (RECORD_BYTES_MAX // 1000) + b'",1,1,1,true\n' + GOOD
    _, rejects = read_one(write(tmp_path, data))
    assert rejects[0][:3] == (0, None, "a quote is not closed")
    assert read_one(write(tmp_path, data), block_bytes=60_000) == read_one(write(tmp_path, data))


def test_quotes_newlines_and_commas_inside_fields_are_kept(tmp_path):
    data = HEADER + b'2024-01-01,"a,""b""\r\nc\n",1,1,1,true\n' + GOOD
    events, rejects = read_one(write(tmp_path, data))
    assert events[0]["card"] == 'a,"b"\r\nc\n'
    assert (len(events), rejects) == (2, [])


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_is_one(tmp_path, end):
    data = (HEADER + GOOD + b"\n" + GOOD).replace(b"\n", end)
    for block in (7, 1 << 20):
        events, rejects = read_one(write(tmp_path, data), block_bytes=block)
        assert ([e["row"] for e in events], rejects) == ([0, 1], [])


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    assert len(read_one(write(tmp_path, b"\xef\xbb\xbf" + HEADER + GOOD))[0]) == 1


def test_columns_that_are_not_declared_are_not_looked_at(tmp_path):
    kinds = schema_of(at=Type("time"))
    events, rejects = read_one(write(tmp_path, b"odd,at\n\xff,2024-01-01\n12a,2024-01-02\n"), kinds)
    assert (len(events), rejects) == (2, [])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"at,card,at\n", "two columns are named at"),
        (b"at,\xff\n", "header line is not valid UTF-8"),
        (b'at,"card\n', "quote that is not closed"),
        (b"at,card,amout,n,x,ok\n", "needs a column amount"),
        (b"\xff\xfea\x00", "UTF-16"),
    ],
)
def test_a_file_without_a_usable_header_is_an_error(tmp_path, data, message):
    path = write(tmp_path, data)
    with pytest.raises(InputError, match=message) as caught:
        read_one(path)
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)


def test_a_header_alone_is_no_events(tmp_path):
    assert read_one(write(tmp_path, HEADER)) == ([], [])
    assert read_one(write(tmp_path, HEADER.rstrip())) == ([], [])


def test_a_wrong_column_is_mapped_as_the_hint_says(tmp_path):
    path = write(tmp_path, HEADER.replace(b"amount", b"Amount (EUR)") + GOOD)
    with pytest.raises(InputError) as caught:
        read_one(path)
    assert "--map Pay.amount=Amount (EUR)" in caught.value.hint
    assert len(read_one(path, mapping={"Pay": {"amount": "Amount (EUR)"}})[0]) == 1


def test_several_streams_come_from_one_file_by_a_type_column(tmp_path):
    a = schema_of("A", at=Type("time", unit="s"), v=INT)
    b = schema_of("B", at=Type("time", unit="s"), v=STRING)
    data = b"kind,at,v\nA,1,5\nB,2,x\nC,3,y\nA,4,x\n,5,z\nB,6\nB,7,w\n\xff,8,1\n9\n"
    out, other = read(write(tmp_path, data), [a, b], type_column="kind")
    assert [(e["row"], e["v"]) for e in out["A"][0]] == [(0, 5)]
    assert out["A"][1] == [(1, "v", '"x" is not an int', "x")]
    assert [(e["row"], e["v"]) for e in out["B"][0]] == [(0, "x"), (2, "w")]
    assert out["B"][1] == [(1, None, "expected 3 columns, got 2", "B,6")]
    assert other == {"C": 1, "(no type)": 1, "(malformed line)": 1, "9": 1}
    with pytest.raises(InputError, match="no column sort"):
        read(write(tmp_path, data), [a, b], type_column="sort")


# --------------------------------------------------------------------------------------------------------- the laws

LINES = st.lists(
    st.one_of(
        st.sampled_from([GOOD, b"2024-01-02,c,1,1,1,true\n", b'2024-01-02,"q""\nz",1,,,\r\n', b"\n", b"\r\n"]),
        st.sampled_from(
            [b"x,y\n", b'2024-01-02,a"b,1,,,\n', b'2024-01-02,"a"b"c,1,,,\n', b'"\n', b"2024-01-02,\xff,1,,,\n"]
        ),
        st.text('a,"1\n\r', max_size=8).map(str.encode),
    ),
    max_size=8,
)


@given(LINES, st.integers(1, 60))
def test_the_size_of_a_block_changes_nothing(tmp_path_factory, lines, block):
    path = tmp_path_factory.mktemp("csv") / "pay.csv"
    path.write_bytes(HEADER + b"".join(lines))
    assert read_one(path, block_bytes=block) == read_one(path)


@given(st.lists(st.lists(st.text('ab,"\n\r é', max_size=5), min_size=2, max_size=2), max_size=6), st.integers(1, 40))
def test_what_pythons_writer_writes_is_read_back(tmp_path_factory, rows, block):
    kinds = schema_of(time=None, a=STRING.as_optional(), b=STRING.as_optional())
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["a", "b"], *rows])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(text.getvalue().encode())
    events, rejects = read_one(path, kinds, block_bytes=block)
    assert rejects == []
    assert [[e["a"] or "", e["b"] or ""] for e in events] == rows


@given(st.text('a,"\n\r', max_size=30).map(str.encode), st.integers(0, 30))
def test_a_cut_falls_between_records(data, at):
    """Splitting at `cut_of` a prefix gives the records of the whole."""

    def texts(part):
        return [part[start:end] for start, end, _ in records(part, ended=True) if start < end]

    prefix = data[:at]
    cut = cut_of(prefix)
    assert cut <= len(prefix)
    assert texts(data[:cut]) + texts(data[cut:]) == texts(data)


def test_fields_are_unquoted():
    assert fields(b'a,"b,""c""",,"d"e,f"g') == [b"a", b'b,"c"', b"", b"de", b'f"g']
    assert fields(b'""') == [b""]
    assert fields(b'"x",') == [b"x", b""]


def test_decimals_are_exact(tmp_path):
    kinds = schema_of(time=None, d=decimal(12), e=decimal(0))
    numbers = b"d,e\n0.000000000001,9223372036854775807\n9223372.036854775807,-9223372036854775808\n0.1,1e3\n"
    events, rejects = read_one(write(tmp_path, numbers), kinds)
    assert rejects == []
    assert [e["d"] for e in events] == [Decimal("0.000000000001"), Decimal("9223372.036854775807"), Decimal("0.1")]
    assert [int(e["e"]) for e in events] == [2**63 - 1, -(2**63), 1000]


def test_the_fallback_reads_as_arrow_does(tmp_path):
    """One line with a wrong number of fields must not change what the others are."""
    lines = b'2024-01-02,"a""b",1e0,0x10, 0.5 ,TRUE\n2024-01-02,a"b,+1,,nan,False\n2024-01-02,"q"z,1.,-0,.5,\n'
    events, rejects = read_one(write(tmp_path, HEADER + lines))
    both, more = read_one(write(tmp_path, HEADER + lines + b"short\n"))
    assert both == events
    assert more[: len(rejects)] == rejects
    assert len(more) == len(rejects) + 1


_ODD = [
    *("1", "-7", "007", "+5", "0x1F", "0X2a", "1e5", "1.5", ".5", "5.", "-0", "1_0", "\u0663", "true", "2024-01-02"),
    *("nan", "inf", "-inf", "1e400", "9223372036854775807", "9223372036854775808", "1700000000000", "9214646400000"),
    *("9999999999999999", "-9999999999999999", '"7"', '""', "", " 12", "12 ", "\t3", '" 7"', " ", '" "'),
]


@given(
    st.lists(st.lists(st.sampled_from(_ODD), min_size=4, max_size=4)),
    st.lists(st.lists(st.sampled_from(["5", "-3", '"8"']), min_size=4, max_size=4), max_size=3),
)
def test_numbers_asked_of_arrow_are_those_of_their_text(tmp_path_factory, odd, plain):
    kinds = schema_of(
        time=None,
        n=INT.as_optional(),
        x=FLOAT.as_optional(),
        at=Type("time", unit="ms").as_optional(),
        word=STRING.as_optional(),
    )
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    for rows in (odd, odd[:1], [*plain, *odd[:1]]):
        path.write_text("\n".join(["n,x,at,word", *map(",".join, rows)]) + "\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cep.io.connectors.csv._numbers", lambda *_: None)
            as_text = repr(read_one(path, kinds))
        assert repr(read_one(path, kinds)) == as_text


def test_a_column_that_two_attributes_read_differently_stays_text(tmp_path):
    both = [schema_of("A", time=None, kind=STRING, v=INT), schema_of("B", time=None, kind=STRING, v=STRING)]
    out, _ = read(write(tmp_path, b"kind,v\nA,007\nB,007\n"), both, type_column="kind")
    assert (out["A"][0][0]["v"], out["B"][0][0]["v"]) == (7, "007")


def test_blocks_that_are_no_numbers_are_read_as_text_and_later_ones_as_numbers_again(tmp_path):
    rows = [b"%d\n" % n for n in range(200)]
    rows[3:5] = [b"x\n", b"7.0\n"]
    source = open_source(str(write(tmp_path, b"n\n" + b"".join(rows))), [schema_of(time=None, n=INT)], block_bytes=8)
    blocks = [block.streams["Pay"] for block in source]
    assert [n for block in blocks for n in block.batch["n"].values.tolist()] == [0, 1, 2, *range(5, 200)]
    bad = [block.rejected for block in blocks if block.rejected is not None]
    assert [reason for each in bad for reason in each["reason"].to_list()] == [
        '"x" is not an int',
        '"7.0" is not an int',
    ]
    assert source._connector._as_text == source._connector._refused == 0


def test_pay_has_no_required_card():
    assert PAY.by_name["card"].type.optional
