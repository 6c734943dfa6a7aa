"""The flights rules against their truth: each rule said again over plain numpy columns, with none of cep's code.

The functions below share nothing with the engine. Each answers with a sorted list of tuples, one for each
derived event, so that a wrong event shows even where the number is right. Rows of the file are in the total order
of flights.cep (test_flights_data.py checks that), so "next" is the next row of its group.

``python tests/rules/test_flights_truth.py`` prints the counts.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

FLIGHTS = Path(__file__).parents[2] / "rules" / "flights"
KINDS = ("Scheduled", "Departed", "Arrived")
MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR
SECOND = 10**9  # in the nanoseconds of a batch
NO_DELAY = -(10**6)  # stands for a null delay; no threshold of the rules comes near it


@cache
def events():
    """The table of all events, rows in the total order."""
    return pq.read_table(FLIGHTS / "flights.parquet")


@cache
def columns(kind):
    """One stream's columns: time in seconds, delay in minutes, the rest as text."""
    table = events().filter(pc.equal(events()["kind"], kind))
    found = {name: table[name].to_pylist() for name in ("flight", "day", "origin", "dest", "carrier", "tail")}
    found["at"] = table["at"].cast("int64").to_numpy() // 1000
    found["delay"] = table["delay"].fill_null(0).to_numpy().astype(np.int64)
    found["delay"][table["delay"].is_null().to_numpy()] = NO_DELAY
    return found


def last_moment():
    """The greatest time of any event: with the end left open, a deadline up to here is decided, one after it is not."""
    return int(max(columns(kind)["at"].max() for kind in KINDS))


def flight_keys(stream):
    return list(zip(stream["flight"], stream["day"], stream["origin"], strict=True))


def groups(stream, *names):
    """Row numbers of each group, in order; rows with a null in a name are left out."""
    found = defaultdict(list)
    for row, key in enumerate(zip(*(stream[name] for name in names), strict=True)):
        if None not in key:
            found[key].append(row)
    return found


def very_late():
    gone = columns("Departed")
    rows = np.flatnonzero(gone["delay"] >= 180)
    keys = flight_keys(gone)
    return sorted((*keys[row], int(gone["delay"][row])) for row in rows)


def no_answer(kind, answer, wait):
    """The keys of ``kind`` without an event of ``answer`` later than it, and up to ``wait`` seconds later."""
    asked, given = columns(kind), columns(answer)
    # (flight, day, origin) is unique within a stream, so a key has one answer at most.
    came = dict(zip(flight_keys(given), given["at"].tolist(), strict=True))
    end = last_moment()
    found = []
    for key, at in zip(flight_keys(asked), asked["at"].tolist(), strict=True):
        answered = key in came and at < came[key] <= at + wait
        if not answered and at + wait <= end:
            found.append(key)
    return sorted(found)


@cache
def not_departed():
    return no_answer("Scheduled", "Departed", 8 * HOUR)


def not_arrived():
    return no_answer("Departed", "Arrived", 18 * HOUR)


def recovered():
    gone, came = columns("Departed"), columns("Arrived")
    arrival = dict(zip(flight_keys(came), zip(came["at"].tolist(), came["delay"].tolist(), strict=True), strict=True))
    found = []
    for key, at, delay in zip(flight_keys(gone), gone["at"].tolist(), gone["delay"].tolist(), strict=True):
        if delay >= 45 and key in arrival:
            then, left_over = arrival[key]
            if at < then <= at + DAY and NO_DELAY < left_over <= 0:
                found.append((*key, delay, left_over))
    return sorted(found)


@cache
def knock_on():
    """Along each aircraft's departures: a pair of neighbours that are both late is taken, and both are spent."""
    gone = columns("Departed")
    at, delay = gone["at"], gone["delay"]
    found = []
    for (tail,), rows in groups(gone, "tail").items():
        cause = None
        for row in rows:
            late = delay[row] >= 30
            if cause is not None and late and at[row] - at[cause] <= 12 * HOUR:
                pair = (gone["flight"][cause], gone["flight"][row], int(delay[cause]), int(delay[row]))
                found.append((int(at[row]), tail, gone["carrier"][row], *pair))
                cause = None
            else:
                cause = row if late else None
    return sorted(found)


def still_late():
    """A departure two hours late waits for the next such one, until a punctual one comes between."""
    gone = columns("Departed")
    at, delay = gone["at"], gone["delay"]
    found = []
    for (tail,), rows in groups(gone, "tail").items():
        was = None
        for row in rows:
            if delay[row] >= 120:
                if was is not None and at[row] - at[was] <= DAY:
                    found.append((int(at[row]), tail, int(delay[was]), int(delay[row])))
                    was = None
                else:
                    was = row
            elif delay[row] < 15:
                was = None
    return sorted(found)


def snowball():
    """A rising stretch of three or more departures, from on time to two hours, is taken at its first such end."""
    gone = columns("Departed")
    at, delay = gone["at"], gone["delay"]
    found = []
    for (tail,), rows in groups(gone, "tail").items():
        rising: list[int] = []
        for row in rows:
            if rising and delay[row] <= delay[rising[-1]]:
                rising = []
            rising.append(row)
            if delay[row] < 120:
                continue
            starts = [calm for calm in rising[:-2] if delay[calm] <= 15 and at[row] - at[calm] <= DAY]
            if starts:
                steps = len(rising) - rising.index(starts[0]) - 2
                found.append((int(at[row]), tail, steps, int(delay[starts[0]]), int(delay[row])))
                rising = []
    return sorted(found)


def grounded():
    """A plan of an aircraft after which no departure of it follows for a day."""
    plan, gone = columns("Scheduled"), columns("Departed")
    departures = {key: gone["at"][rows] for key, rows in groups(gone, "tail").items()}
    end = last_moment()
    never = np.zeros(0, np.int64)
    found = []
    for key, rows in groups(plan, "tail").items():
        times = departures.get(key, never)
        starts = plan["at"][rows]
        seen = np.searchsorted(times, starts + DAY, "right") - np.searchsorted(times, starts, "right")
        for row, flown, at in zip(rows, seen.tolist(), starts.tolist(), strict=True):
            if flown == 0 and at + DAY <= end:
                found.append((at + DAY, *key, plan["flight"][row], plan["day"][row], plan["origin"][row]))
    return sorted(found)


def habitually_late():
    """Every three neighbours of one flight number and airport that are all an hour late, overlapping or not."""
    gone = columns("Departed")
    at, delay = gone["at"], gone["delay"]
    found = []
    for (flight, origin), rows in groups(gone, "flight", "origin").items():
        found += [
            (int(at[last]), flight, origin, gone["day"][first], gone["day"][last])
            for first, middle, last in zip(rows, rows[1:], rows[2:], strict=False)
            if delay[[first, middle, last]].min() >= 60 and at[last] - at[first] <= 3 * DAY
        ]
    return sorted(found)


def late_burst():
    """A run of departures an hour late is cut into fives; each five that fits into half an hour is taken."""
    gone = columns("Departed")
    at, delay = gone["at"], gone["delay"]
    found = []
    for (origin,), rows in groups(gone, "origin").items():
        run: list[int] = []
        for row in rows:
            run = [*run, row][-5:] if delay[row] >= 60 else []
            if len(run) == 5 and at[row] - at[run[0]] <= 30 * MINUTE:
                found.append((int(at[row]), origin, int(at[run[0]]), int(delay[run].max()), float(delay[run].mean())))
                run = []
    return sorted(found)


def fill_up(times, number, within):
    """Ends of the disjoint runs of ``number`` neighbours that fit into ``within``, each taken as soon as it can be."""
    ends, run = [], []
    for at in times:
        run = [*run, at][-number:]
        if len(run) == number and at - run[0] <= within:
            ends.append(at)
            run = []
    return ends


def ripple():
    """Three of a carrier's `knock_on` within two hours."""
    times = defaultdict(list)
    for at, _, carrier, *_ in knock_on():
        times[carrier].append(at)
    return sorted((end, carrier) for carrier, given in times.items() for end in fill_up(given, 3, 2 * HOUR))


def shutdown():
    """Twenty of an airport's `not_departed` within an hour."""
    plan = columns("Scheduled")
    planned = dict(zip(flight_keys(plan), plan["at"].tolist(), strict=True))
    times = defaultdict(list)
    for key in not_departed():
        times[key[2]].append(planned[key] + 8 * HOUR)
    return sorted((end, origin) for origin, given in times.items() for end in fill_up(sorted(given), 20, HOUR))


# The rule, its truth, and which attributes of its derived event the truth speaks of ("_time" is in seconds).
TRUTHS = {
    "VeryLate": (very_late, ("flight", "day", "origin", "delay")),
    "NotDeparted": (not_departed, ("flight", "day", "origin")),
    "NotArrived": (not_arrived, ("flight", "day", "origin")),
    "Recovered": (recovered, ("flight", "day", "origin", "lost", "came_in")),
    "KnockOn": (knock_on, ("_time", "tail", "carrier", "flight", "next_flight", "delay", "next_delay")),
    "StillLate": (still_late, ("_time", "tail", "delay", "next_delay")),
    "Snowball": (snowball, ("_time", "tail", "steps", "from_delay", "to_delay")),
    "Grounded": (grounded, ("_time", "tail", "flight", "day", "origin")),
    "HabituallyLate": (habitually_late, ("_time", "flight", "origin", "first_day", "last_day")),
    "LateBurst": (late_burst, ("_time", "origin", "began", "worst", "mean_delay")),
    "Ripple": (ripple, ("_time", "carrier")),
    "Shutdown": (shutdown, ("_time", "origin")),
}

# What the functions above counted once, so that they cannot drift along with a rule.
COUNTS = {
    "VeryLate": 3945,
    "NotDeparted": 8499,  # 8,255 that never left, and 244 that left more than six hours late
    "NotArrived": 459,  # 458 that never came in, and one that took longer than eighteen hours
    "Recovered": 47,
    "KnockOn": 4336,
    "StillLate": 564,
    "Snowball": 715,
    "Grounded": 2452,
    "HabituallyLate": 980,
    "LateBurst": 613,
    "Ripple": 546,
    "Shutdown": 26,
}


@pytest.fixture(scope="module")
def result():
    """What the engine finds in the year, all rules at once."""
    import cep

    streams = {kind: events().filter(pc.equal(events()["kind"], kind)) for kind in KINDS}
    return cep.run(cep.load(FLIGHTS / "flights.cep"), streams)


@pytest.mark.parametrize("rule", TRUTHS)
def test_the_truth_finds_as_many_as_were_counted(rule):
    assert len(TRUTHS[rule][0]()) == COUNTS[rule]


@pytest.mark.parametrize("rule", TRUTHS)
def test_a_rule_finds_exactly_what_plain_numpy_finds(result, rule):
    truth, names = TRUTHS[rule]
    batch = result[rule]
    given = [
        (batch.ts // SECOND).tolist()
        if name == "_time"
        else [value // SECOND for value in batch[name].to_list()]
        if name == "began"
        else batch[name].to_list()
        for name in names
    ]
    assert sorted(zip(*given, strict=True)) == truth()


@pytest.mark.parametrize("rule", TRUTHS)
def test_derived_events_come_in_event_time_order(result, rule):
    assert (np.diff(result[rule].ts) >= 0).all()


if __name__ == "__main__":
    for name, (truth, _) in TRUTHS.items():
        given = truth()
        print(f"{name:15} {len(given):6}  {given[:2]}")
