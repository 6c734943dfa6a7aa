"""The function table: what may be called in an expression, with types, null rule, unit, example and its result.

One row a form of call; the language reference is made from it (docs/writers/functions.py). The examples are computed
over `EVENTS`: in the condition of a loop over them all for ``loop``, over that loop as ``v`` for ``aggregate`` and
``match``, over a window of them all for ``window``, else for the last of them. A result is written as a rule file would
write it.
Tested by: tests/docs/test_functions.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Group = Literal[
    "aggregate", "loop", "number", "duration", "choice", "list", "string", "time", "place", "match", "window"
]

SAMPLE = """\
stream Sample ordered by at {
  at: time, id: string, n: int?, x: float, amount: decimal(2), word: string, wait: duration, ok: bool,
  tags: list<string>
}
"""
EVENTS: tuple[dict[str, str], ...] = (
    {
        "at": "0 s",
        "id": '"p1"',
        "n": "3",
        "x": "1.5",
        "amount": "10.00",
        "word": '"Ann"',
        "wait": "90 s",
        "ok": "true",
        "tags": '["a", "b"]',
    },
    {
        "at": "1 min",
        "id": '"p2"',
        "n": "7",
        "x": "2.5",
        "amount": "0.25",
        "word": '"Bob"',
        "wait": "2 min",
        "ok": "false",
        "tags": "[]",
    },
    {
        "at": "3 min",
        "id": '"p3"',
        "n": "null",
        "x": "4.0",
        "amount": "99.75",
        "word": '"Ann"',
        "wait": "30 s",
        "ok": "true",
        "tags": '["a"]',
    },
)
"""The events of the examples, as a `send` in a test would write them."""


@dataclass(frozen=True, slots=True)
class Function:
    """A form of call: ``takes`` and ``gives`` are types, ``null`` says when the result is null."""

    group: Group
    call: str
    takes: str
    gives: str
    null: str
    example: str
    result: str
    unit: str = ""
    since: str = "0.1"

    @property
    def name(self) -> str:
        """The word that is called."""
        found = re.match(r"[a-z_]+", self.call)
        assert found is not None
        return found.group()


# fmt: off
FUNCTIONS: tuple[Function, ...] = (
    Function("aggregate", "count(v)", "a step or loop", "int", "never; 0 of nothing",
             "count(v)", "3"),
    Function("aggregate", "count(v.e)", "any", "int", "never; counts what is not null",
             "count(v.n)", "2"),
    Function("aggregate", "count(distinct v.e)", "any but a list", "int", "never; how many values there are, nulls not",
             "count(distinct v.word)", "2"),
    Function("aggregate", "count(v where c)", "a step or loop, a condition", "int", "never; counts where c is true",
             "count(v where v.ok)", "2"),
    Function("aggregate", "sum(v.e where c)", "as `sum`; `where` stands in the other aggregates alike", "the same",
             "events for which c is not true are passed over, too",
             "sum(v.amount where v.ok)", "109.75"),
    Function("aggregate", "sum(v.e)", "int, float, decimal, duration", "the same",
             "nulls are passed over; null of nothing, and when it overflows",
             "sum(v.amount)", "110.00"),
    Function("aggregate", "avg(v.e)", "int, float, decimal, duration", "float; a duration of durations",
             "nulls are passed over; null of nothing",
             "avg(v.n)", "5.0"),
    Function("aggregate", "min(v.e)", "int, float, decimal, time, duration", "the same",
             "nulls are passed over; null of nothing",
             "min(v.wait)", "30 s"),
    Function("aggregate", "max(v.e)", "int, float, decimal, time, duration", "the same",
             "nulls are passed over; null of nothing",
             "max(v.x)", "4.0"),
    Function("aggregate", "percentile(v.e, p)", "int, float, decimal, time, duration; a number from 0 to 1",
             "the same: the least value that at least p of them do not exceed",
             "nulls are passed over; null of nothing",
             "percentile(v.x, 0.5)", "2.5"),
    Function("aggregate", "median(v.e)", "int, float, decimal, duration",
             "float, a duration of durations: the middle value, or the mean of the two in the middle",
             "nulls are passed over; null of nothing",
             "median(v.n)", "5.0"),
    Function("aggregate", "stddev(v.e)", "int, float, decimal, duration",
             "float, a duration of durations: the deviation of a sample, over n − 1",
             "nulls are passed over; null of fewer than two",
             "stddev(v.wait)", "45 s 825 ms 756 us 949 ns"),
    Function("aggregate", "top(v.e, n)", "any but a list; how many",
             "list of the n most frequent values, the most frequent first, of equals the one seen first",
             "never; nulls are passed over",
             "top(v.word, 1)", '["Ann"]'),
    Function("aggregate", "first(v.e)", "any", "the same", "the first that is not null; null of nothing",
             "first(v.word)", '"Ann"'),
    Function("aggregate", "last(v.e)", "any", "the same", "the last that is not null; null of nothing",
             "last(v.n)", "7"),
    Function("aggregate", "ids(v)", "a step or loop with a field `id`", "list", "never; of nothing the empty list",
             "ids(v)", '["p1", "p2", "p3"]'),
    Function("aggregate", "list(v.e)", "any", "list", "never; nulls are kept as elements",
             "list(v.n)", "[3, 7, null]"),
    Function("aggregate", "distinct(v.e)", "any but a list", "list, each value once", "never; nulls are passed over",
             "distinct(v.word)", '["Ann", "Bob"]'),
    Function("aggregate", "flatten(v.f)", "a list", "list of the elements of all", "never; null lists are passed over",
             "flatten(v.tags)", '["a", "b", "a"]'),
    Function("aggregate", "events(v)", "a step or loop", "list of strings, stream and number", "never",
             "events(v)", '["Sample#0", "Sample#1", "Sample#2"]'),
    Function("window", "count()", "in `having`, `emit` of windows", "int: how many events the window holds",
             "never",
             "count()", "3"),
    Function("window", "count(where c)", "a condition on an event", "int", "never; counts where c is true",
             "count(where ok)", "2"),
    Function("window", "sum(e where c)", "as over a loop, of a bare field; the others alike", "the same",
             "nulls, and events for which c is not true, are passed over; null of nothing",
             "sum(amount where ok)", "109.75"),
    Function("window", "sum(distinct e)", "as `sum`, `avg`, `median` and `stddev` take it", "the same",
             "nulls are passed over; null of nothing",
             "sum(distinct amount)", "110.00"),
    Function("window", "list(e)", "a field of one value; `flatten(e)` of lists, `ids()` and `events()` of all events",
             "list of all values, nulls too", "never",
             "list(word)", '["Ann", "Bob", "Ann"]'),
    Function("window", "rate(d where c)", "a duration as written (a second when left out)",
             "float: how many events there are for each d, from the beginning of the window to its end",
             "where no time lies between (counted)",
             "rate(1 min)", "1.0"),
    Function("window", "approx_distinct(e)", "a field of one value; wants the extra `sketches`",
             "int: about how many different values", "never",
             "approx_distinct(word)", "2"),
    Function("window", "approx_percentile(e, p)", "a number, p from 0 to 1 as written; wants the extra `sketches`",
             "float: about the value that the share p does not exceed", "of nothing",
             "approx_percentile(amount, 1)", "99.75"),
    Function("window", "window_start()", "in `having`, `emit` of windows", "time at which the window begins",
             "never",
             "window_start()", '"2000-01-01T00:00:00Z"'),
    Function("window", "window_end()", "in `having`, `emit` of windows", "time at which the window ends",
             "never",
             "window_end()", '"2000-01-01T00:03:00Z"'),
    Function("match", "match_start()", "in `emit` of a pattern", "time of the first bound event", "never",
             "match_start()", '"2000-01-01T00:00:00Z"'),
    Function("match", "match_end()", "in `emit` of a pattern", "time of the last bound event", "never",
             "match_end()", '"2000-01-01T00:03:00Z"'),
    Function("match", "truncated()", "in `emit` of a pattern",
             "how many matches of its event the limit has left out", "never",
             "truncated()", "0"),
    Function("match", "names()", "in `emit` of a pattern",
             "list of the aliases that have bound events, in the order of the first", "never",
             "names()", '["v"]'),
    Function("match", "stage()", "in `emit` of a pattern, at a match or `on timeout`",
             "name of the step bound last: its alias, or else its event type", "never",
             "stage()", '"v"'),
    Function("loop", "prev(v.e, default)", "any, in v's own condition", "the same",
             "the value before is null; before the second iteration it is the default",
             "x > prev(v.x, 0.0)", "true"),

    Function("number", "abs(x)", "int, float, decimal, duration", "the same",
             "of null; of the least int (overflow)",
             "abs(-2.5)", "2.5"),
    Function("number", "round(x)", "float, decimal, int", "the same kind; decimal(0) of a decimal", "of null",
             "round(-2.5)", "-3.0"),
    Function("number", "round(x, n)", "float, decimal, int; n from 0 to 12", "float; decimal(n), exact; int",
             "of null; of a decimal that then does not fit (overflow)",
             "round(amount * 0.21, 2)", "20.95"),
    Function("number", "floor(x)", "float, decimal, int", "int", "of null; beyond 64 bits (overflow)",
             "floor(-1.5)", "-2"),
    Function("number", "ceil(x)", "float, decimal, int", "int", "of null; beyond 64 bits (overflow)",
             "ceil(1.2)", "2"),
    Function("number", "sqrt(x)", "a number", "float", "of null; below 0 (no number)",
             "sqrt(x)", "2.0"),
    Function("number", "log(x)", "a number", "float, the natural logarithm", "of null; of 0 and below (no number)",
             "log(1)", "0.0"),
    Function("number", "exp(x)", "a number", "float", "of null; where it would be infinite (no number)",
             "exp(0)", "1.0"),
    Function("number", "pow(x, y)", "numbers", "float", "of null; no real number, or infinite (no number)",
             "pow(x, 0.5)", "2.0"),

    Function("duration", "hours(d)", "duration", "float", "of null",
             "hours(90 min)", "1.5", unit="hours"),
    Function("duration", "minutes(d)", "duration", "float", "of null",
             "minutes(wait)", "0.5", unit="minutes"),
    Function("duration", "seconds(d)", "duration", "float", "of null",
             "seconds(250 ms)", "0.25", unit="seconds"),

    Function("choice", "coalesce(x, y, …)", "any, of one type", "that type",
             "when all are: it takes the first that is not",
             "coalesce(n, 0)", "0"),
    Function("choice", "least(x, y, …)", "numbers, times, durations, strings", "that type",
             "when all are: nulls are passed over",
             "least(n, 5, 9)", "5"),
    Function("choice", "greatest(x, y, …)", "numbers, times, durations, strings", "that type",
             "when all are: nulls are passed over",
             "greatest(wait, 45 s)", "45 s"),
    Function("choice", "case when c then x … else y end", "conditions, and any of one type", "that type",
             "what is taken is null, or no condition is true and there is no `else`; a null condition is not true",
             'case when x > 3 then "high" when x > 1 then "middle" else "low" end', '"high"'),

    Function("list", "any x in list satisfies (c)", "a list, and a condition on its element x", "bool",
             "of a null list; where c is null for an element and true for none; of the empty list it is false",
             'any t in tags satisfies (t > "a")', "false"),
    Function("list", "every x in list satisfies (c)", "a list, and a condition on its element x", "bool",
             "of a null list; where c is null for an element and false for none; of the empty list it is true",
             'every t in tags satisfies (t in ("a", "b"))', "true"),

    Function("string", "lower(s)", "string", "string, by Unicode's case mappings", "of null",
             "lower(word)", '"ann"'),
    Function("string", "upper(s)", "string", "string, by Unicode's case mappings", "of null",
             'upper("straße")', '"STRASSE"'),
    Function("string", "trim(s)", "string", "string, without white space at both ends", "of null",
             'trim("  a b ")', '"a b"'),
    Function("string", "length(s)", "string", "int, how many code points", "of null",
             'length("né")', "2"),
    Function("string", "substr(s, start)", "string, int", "string, from place `start` on, counted from 1", "of null",
             "substr(word, -2)", '"nn"'),
    Function("string", "substr(s, start, n)", "string, int, int", "string, at most n code points of it", "of null",
             "substr(word, 1, 2)", '"An"'),
    Function("string", "concat(s, t, …)", "strings", "string", "never; nulls are passed over",
             'concat(word, "-", word)', '"Ann-Ann"'),
    Function("string", "split(s, separator)", "string, a constant string that is not empty",
             "list of the strings before, between and after the places of the separator", "of null",
             'split("a,b,,c", ",")', '["a", "b", "", "c"]'),

    Function("time", "hour_of(t)", "time", "int, 0 to 23, in UTC", "of null",
             "hour_of(at)", "0"),
    Function("time", "hour_of(t, zone)", "time, a constant IANA name", "int, 0 to 23, there", "of null",
             'hour_of(at, "Asia/Tokyo")', "9"),
    Function("time", "day_of(t)", "time", "int, the day of the month, in UTC", "of null",
             "day_of(at - 1 h)", "31"),
    Function("time", "day_of(t, zone)", "time, a constant IANA name", "int, the day of the month, there", "of null",
             'day_of(at, "America/New_York")', "31"),
    Function("time", "weekday_of(t)", "time", "int, from 1, Monday, to 7, Sunday, in UTC", "of null",
             "weekday_of(at)", "6"),
    Function("time", "weekday_of(t, zone)", "time, a constant IANA name", "int, from 1 to 7, there", "of null",
             'weekday_of(at, "America/New_York")', "5"),
    Function("time", "truncate(t, d)", "time, a constant duration", "time, a multiple of d since 1970",
             "of null; beyond 64 bits (overflow)",
             "truncate(at, 2 min)", '"2000-01-01T00:02:00Z"'),
    Function("time", "truncate(t, d, zone)", "time, a constant duration, a constant IANA name",
             "time, the first instant of a stretch of local time",
             "of null; beyond the years 1678 to 2262 (overflow)",
             'truncate(at, 1 d, "Europe/Paris")', '"1999-12-31T23:00:00Z"'),

    Function("place", "distance_km(lat1, lon1, lat2, lon2)", "numbers, degrees; or two records with `lat` and `lon`",
             "float, along a great circle", "of null; of infinity (no number)",
             "round(distance_km(0, 0, 0, 90))", "10008.0", unit="kilometres"),
)
# fmt: on
"""All rows; one for each form of call that runs."""
