"""One call over tables of any kind: the same events give the same result, and what cannot be read says where."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pyarrow as pa
import pytest

import cep

RULES = """
stream Pay ordered by at late 5 s { at: time, card: string?, amount: float }
stream Login ordered by at { at: time, card: string }
rule Big from Pay where amount > 100 emit Alert { card, amount }
rule Fresh keyed by card when Login as l then Pay as p where amount > 100 within 1 h emit Theft { card, since = l.at }
rule Odd from Pay where amount < 0 emit Refund { at }
"""
TIMES = [dt.datetime(2025, 1, 1, 10, minute, tzinfo=dt.UTC) for minute in (0, 1, 2)]
PAYS = {"at": TIMES, "card": ["a", None, "b"], "amount": [50.0, 200.5, 300.0]}
LOGIN = [{"at": "2025-01-01T09:30", "card": "b"}]


@pytest.fixture(scope="module")
def rules():
    return cep.loads(RULES)


def as_dicts(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def as_numpy(columns):
    times = np.array([t.replace(tzinfo=None) for t in columns["at"]], "M8[us]")
    return {"at": times, "card": np.array(columns["card"], object), "amount": np.array(columns["amount"])}


class Stream:
    """Something that speaks the Arrow PyCapsule interface and nothing else."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def as_pandas(columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def as_polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


FORMS = {
    "pandas": as_pandas,
    "polars": as_polars,
    "arrow table": pa.table,
    "arrow batch": pa.record_batch,
    "arrow reader": lambda c: pa.table(c).to_reader(),
    "arrow in chunks": lambda c: pa.concat_tables([pa.table(c).slice(i, 1) for i in range(3)]),
    "capsule": lambda c: Stream(pa.table(c)),
    "numpy": as_numpy,
    "lists": dict,
    "tuples": lambda c: {n: tuple(v) for n, v in c.items()},
    "dicts": as_dicts,
    "generator": lambda c: (row for row in as_dicts(c)),
    "text": lambda c: [{**row, "at": row["at"].isoformat(), "amount": str(row["amount"])} for row in as_dicts(c)],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_tables_of_every_kind_give_the_same_result(rules, form):
    result = cep.run(rules, {"Login": LOGIN, "Pay": form(PAYS)})
    assert result["Alert"].to_dicts(meta=True, lineage=True) == [
        {
            "card": card,
            "amount": amount,
            "_type": "Alert",
            "_time": f"2025-01-01T10:0{row}:00Z",
            "_rule": "Big",
            "_key": None,
            "_id": result["Alert"].to_arrow()["_id"][row - 1].as_py(),
            "_events": [("Pay", row)],
        }
        for card, amount, row in ((None, 200.5, 1), ("b", 300.0, 2))
    ]
    assert result["Theft"].to_dicts() == [{"card": "b", "since": "2025-01-01T09:30:00Z"}]
    assert result.summary.events == {"Pay": 3, "Login": 1}
    assert result.summary.is_clean


def test_every_form_gives_the_same_ids(rules):
    def ids(table):
        return [row["_id"] for row in cep.run(rules, {"Pay": table})["Alert"].to_dicts(meta=True)]

    assert ids(as_numpy(PAYS)) == ids(pa.table(PAYS)) == ids(as_dicts(PAYS))
    assert len(set(ids(PAYS))) == 2


def test_the_events_of_one_run_feed_another_without_leaving_arrow(rules):
    alerts = cep.run(rules, {"Pay": PAYS})["Alert"]
    second = cep.loads("""
    stream Alert ordered by at { at: time from "_time", card: string?, amount: float, id: string from "_id" }
    rule Again from Alert where amount > 250 emit Seen { at, card, id }
    """)
    [seen] = cep.run(second, {"Alert": alerts})["Seen"].to_dicts()
    assert seen == {"at": "2025-01-01T10:02:00Z", "card": "b", "id": alerts.to_dicts(meta=True)[1]["_id"]}
    again = pa.table(alerts)
    assert again.column("amount").to_pylist() == [200.5, 300.0]
    assert cep.run(second, {"Alert": again}).summary.matches == {"Again": 1}


def test_an_empty_batch_feeds_another_run_too(rules):
    second = cep.loads(
        'stream Theft ordered by at { at: time from "_time", card: string } rule R from Theft emit E { card }'
    )
    result = cep.run(second, {"Theft": cep.run(rules, {"Pay": PAYS})["Theft"]})
    assert (result.summary.events, len(result["E"])) == ({"Theft": 0}, 0)


# ---------------------------------------------------------------------------------------------------- reading


def test_a_stream_that_is_not_given_has_ended_before_it_began(rules):
    assert cep.run(rules, {"Pay": PAYS}).summary.matches == {"Big": 2, "Fresh": 0, "Odd": 0}
    nothing = cep.run(rules, {})
    assert nothing.summary.total_events == 0
    assert [len(nothing[name]) for name in nothing] == [0, 0, 0]


def test_the_order_in_which_tables_are_given_changes_nothing(rules):
    data = {"Pay": PAYS, "Login": LOGIN}
    results = [cep.run(rules, dict(items)) for items in itertools.permutations(data.items())]
    told = [[r[name].to_dicts(meta=True, lineage=True) for name in r] for r in results]
    assert told[0] == told[1]


def test_tables_of_several_blocks_are_read_in_step(rules):
    size, began = 150_000, int(TIMES[0].timestamp())
    at = began * 10**9 + np.arange(size) * 10**9
    pays = {
        "at": at.astype("M8[ns]"),
        "card": np.array(["a"] * size),
        "amount": np.where(np.arange(size) % 1000, 1.0, 500),
    }
    logins = {"at": at[::500].astype("M8[ns]"), "card": np.array(["a"] * len(at[::500]))}
    result = cep.run(rules, {"Login": logins, "Pay": pays})
    assert result.summary.matches == {"Big": 150, "Fresh": 149, "Odd": 0}  # at one time, a pay comes before a login
    assert result.summary.is_clean


@pytest.mark.parametrize("shards", [2, 7])
def test_the_number_of_shards_changes_nothing(rules, shards):
    one, many = (cep.run(rules, {"Pay": PAYS, "Login": LOGIN}, shards=n) for n in (1, shards))
    for name in one:
        assert one[name].to_dicts(meta=True, lineage=True) == many[name].to_dicts(meta=True, lineage=True)


def test_the_end_is_open_or_final():
    silent = cep.loads("""
    stream Temp ordered by at { at: time(s), machine: string }
    rule Silent keyed by machine when Temp as seen then no Temp for 5 min emit Quiet { machine }
    """)
    data = {"Temp": [{"at": 0, "machine": "m1"}]}
    assert len(cep.run(silent, data)["Quiet"]) == 0
    assert cep.run(silent, data).summary.open_runs == {"Silent": 1}
    assert len(cep.run(silent, data, end="final")["Quiet"]) == 1
    with pytest.raises(cep.UsageError, match="'open' or 'final'"):
        cep.run(silent, data, end="never")


# ---------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"Pya": PAYS}, "no stream Pya is declared; did you mean Pay?"),
        ({"Alert": []}, "Alert is derived by rules"),
        ({"Late.Pay": []}, "no stream Late.Pay is declared"),
        (pa.table(PAYS), "say which stream an event is of"),
        ("Pay", "give the data as a dict of stream to table, or an iterable"),
        (None, "give the data as a dict of stream to table, or an iterable"),
    ],
)
def test_data_for_no_stream_is_a_wrong_call(rules, data, says):
    with pytest.raises(cep.UsageError) as caught:
        cep.run(rules, data)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("table", "column", "says"),
    [
        (pa.table({"at": TIMES, "card": ["a"] * 3}), "amount", "Pay needs a column amount"),
        ({"at": TIMES, "card": ["a"] * 3, "Amount": [1.0] * 3}, "amount", "did you mean Amount?"),
        (pa.table({**PAYS, "amount": [[1.0]] * 3}), "amount", "read as Pay.amount: a column of type list"),
        ({**PAYS, "at": [1, 2, 3]}, "at", "declare the unit of the numbers"),
        ({**PAYS, "amount": 5}, "amount", "column amount is a number, not a column"),
        ({**PAYS, "card": ["a"]}, None, "columns of unequal length"),
        ("pays.csv", None, "text is no table"),
        (5, None, "a number is no table"),
    ],
)
def test_a_table_that_cannot_be_read_tells_stream_and_column(rules, table, column, says):
    with pytest.raises(cep.InputError) as caught:
        cep.run(rules, {"Login": LOGIN, "Pay": table})
    assert (caught.value.stream, caught.value.column) == ("Pay", column)
    assert says in str(caught.value)


def test_a_missing_optional_column_is_null(rules):
    result = cep.run(rules, {"Pay": pa.table({"at": TIMES, "amount": [50.0, 200.5, 300.0]})})
    assert result["Alert"]["card"].to_list() == [None, None]


def test_what_a_generator_raises_reaches_the_caller(rules):
    def rows():
        yield from as_dicts(PAYS)
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="the line is dead"):
        cep.run(rules, {"Pay": rows()})


# ------------------------------------------------------------------------------------------------------ result


def test_a_result_lists_its_derived_types_and_knows_late_and_rejected_ones(rules):
    result = cep.run(rules, {"Pay": PAYS})
    assert (list(result), len(result)) == (["Alert", "Theft", "Refund"], 3)
    assert "Late.Pay" in result
    assert "Pay" not in result
    assert repr(result) == "<Result: 2 Alert, 0 Theft, 0 Refund>"
    assert result["Alert"] is result["Alert"]


@pytest.mark.parametrize("name", ["Pay", "Alarm", "Late.Alert"])
def test_another_name_is_a_key_error_that_names_the_derived_types(rules, name):
    with pytest.raises(KeyError) as caught:
        cep.run(rules, {})[name]
    assert caught.value.args == (f"no rule emits {name}; derived types: Alert, Theft, Refund",)


def test_a_type_of_which_nothing_came_is_an_empty_batch_with_its_columns(rules):
    empty = cep.run(rules, {"Pay": PAYS})["Refund"]
    assert (len(empty), list(empty.columns), empty.to_dicts(meta=True)) == (0, ["at"], [])
    assert pa.table(empty).schema.field("at").type == pa.timestamp("ns", "UTC")


def test_late_and_rejected_events_are_there_to_read(rules):
    rows = as_dicts(PAYS)
    rows.insert(2, {**rows[0], "at": "2025-01-01T10:00:54"})  # six seconds before the one before it
    rows.append({**rows[0], "amount": float("nan")})
    rows.append("no event")
    result = cep.run(rules, {"Pay": rows, "Login": [{"at": None, "card": "x"}]})
    assert result["Late.Pay"].to_dicts(meta=True)[0]["_time"] == "2025-01-01T10:00:55Z"
    assert result["Late.Pay"]["amount"].to_list() == [50.0]
    told = [(r["row"], r["column"]) for r in result["Rejected.Pay"].to_dicts()]
    assert told[-1] == (5, None)
    assert result["Rejected.Login"].to_dicts() == [{"row": 0, "column": "at", "reason": "at is missing", "value": None}]
    summary = result.summary
    assert summary.events["Pay"] + summary.late["Pay"] + summary.rejected["Pay"] == len(rows)
    assert len(result["Late.Pay"]) == summary.late["Pay"]
    assert len(result["Rejected.Pay"]) == summary.rejected["Pay"]


def test_late_and_rejected_events_of_a_stream_that_no_rule_reads_are_there_too():
    rules = cep.loads("stream A ordered by t { t: time(s) }")
    result = cep.run(rules, {"A": [{"t": 5}, {"t": 3}, {"t": "x"}]})
    assert result["Late.A"].to_dicts() == [{"t": "1970-01-01T00:00:03Z"}]
    assert result["Rejected.A"]["row"].to_list() == [2]
    assert (result.summary.events, result.summary.late, result.summary.rejected) == ({"A": 1}, {"A": 1}, {"A": 1})


def test_a_result_goes_to_data_frames(rules):
    alerts = cep.run(rules, {"Pay": PAYS})["Alert"]
    polars, pandas = pytest.importorskip("polars"), pytest.importorskip("pandas")
    assert polars.DataFrame(alerts)["amount"].to_list() == [200.5, 300.0]
    assert pandas.DataFrame.from_arrow(alerts)["amount"].tolist() == [200.5, 300.0]
