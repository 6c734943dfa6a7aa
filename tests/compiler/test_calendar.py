"""Parts of times and truncated times over edge values, every way that they are computed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cep.language.typed import Apply, Const
from cep.model.time import DAY, SECOND
from cep.model.types import DURATION, INT, STRING, TIME
from tests.compiler.test_emit import INTS, LEAST, attr, in_columns, run_every_way

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATES = [
    "1969-12-31T23:59:59",
    "1970-01-01",
    "2000-02-29",
    "1900-02-28T23:00",
    "1900-03-01",
    "2024-12-31",
    "2100-03-01",
]
TIMES = [*INTS, *(int(datetime.fromisoformat(d).replace(tzinfo=UTC).timestamp()) * SECOND for d in DATES)]


def clock(ns):
    return EPOCH + timedelta(seconds=ns // SECOND)


@pytest.mark.parametrize(
    ("op", "part"),
    [("hour_of", lambda c: c.hour), ("day_of", lambda c: c.day), ("weekday_of", lambda c: c.isoweekday())],
    ids=["hour", "day", "weekday"],
)
def test_parts_of_times_in_utc(op, part):
    expression = Apply(op, (attr("a", TIME.as_optional()),), INT.as_optional())
    (found,), faults = run_every_way([expression], {"a": TIMES})
    assert found == [None if t is None else part(clock(t)) for t in TIMES]
    assert faults == [0, 0, 0]


@pytest.mark.parametrize("step", [1, 7, 15 * 60 * SECOND, DAY, 7 * DAY, 2**63 - 1], ids=str)
def test_a_time_is_truncated_downwards_and_beyond_64_bits_null(step):
    expression = Apply("truncate", (attr("a", TIME.as_optional()), Const(step, DURATION)), TIME.as_optional())
    (found,), faults = run_every_way([expression], {"a": TIMES})
    want = [None if t is None or t // step * step < LEAST else t // step * step for t in TIMES]
    assert found == want
    assert faults == [0, want.count(None) - TIMES.count(None), 0]


def test_a_time_zone_in_columns():
    zone = Const("Asia/Kolkata", STRING)
    time, maybe = attr("a", TIME.as_optional()), INT.as_optional()
    expressions = [
        Apply("hour_of", (time, zone), maybe),
        Apply("truncate", (time, Const(DAY, DURATION), zone), TIME.as_optional()),
        Apply("hour_of", (Const(0, TIME), zone), INT),
        Apply("truncate", (Const(0, TIME), Const(DAY, DURATION), zone), TIME.as_optional()),
    ]
    shift = (5 * 60 + 30) * 60 * SECOND
    results, faults = in_columns(expressions, {"a": [0, None, 19 * 3600 * SECOND, 2**63 - 1]})
    assert results[0] == [5, None, 0, 5]
    assert results[1] == [-shift, None, DAY - shift, None]
    assert results[2] == [5] * 4
    assert results[3] == [-shift] * 4
    assert faults == [0, 1, 0]
