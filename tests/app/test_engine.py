"""The engine: what is decided comes out at once, in order, by return value and callback; every row is counted."""

from __future__ import annotations

import datetime as dt
import gc
import tracemalloc
import weakref
from random import Random

import engine_adapter
import numpy as np
import pytest
from engine_adapter import MIXED, ONE, WHOLE, Cut

import cep

RULES = """
stream Pay ordered by at late 10 s { at: time(s), card: string?, amount: int }
stream Temp ordered by at { at: time(s), machine: string }
stream Unread ordered by at { at: time(s), n: int }
stream Either = Pay | Temp
rule Big from Pay where amount > 100 emit Alert { card, amount }
rule Two keyed by card when Alert as a then Alert as b within 1 min emit Pair { card, total = a.amount + b.amount }
rule Silent keyed by machine when Temp as seen then no Temp for 5 min emit Quiet { machine }
rule Tardy from Late.Pay emit TardyPay { card }
rule Ratio from Pay emit Share { share = 100 div amount, doubled = amount * 9000000000000000000 }
"""
SECOND = 10**9


@pytest.fixture(scope="module")
def rules():
    return cep.loads(RULES)


@pytest.fixture
def engine(rules):
    return cep.Engine(rules)


def pay(at, amount=500, card="c1"):
    return {"at": at, "card": card, "amount": amount}


def temp(at, machine="m1"):
    return {"at": at, "machine": machine}


def found(batches, name):
    """The events of one type among batches, as dicts."""
    return [event for batch in batches if batch.schema.name == name for event in batch.to_dicts()]


def stream_of_pays(size, seed=7):
    """Pays in slight disorder, some late, some without card, some that are none."""
    rng = Random(seed)
    rows = []
    for n in range(size):
        row = pay(n * 2 + rng.choice([0, 0, 3, -7, -14]), rng.choice([0, 50, 101, 400]), rng.choice(["c1", "c2", None]))
        rows.append(row if rng.random() > 0.1 else {**row, "amount": "much"})
    return rows


# ------------------------------------------------------------------------------------------------- wrong calls


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (3, "a stream is told by its name, not by an int"),
        ("Pya", "no stream Pya is declared; did you mean Pay?"),
        ("Zzz", "no stream Zzz is declared; declared are Pay, Temp, Unread"),
        ("Alert", "Alert is derived by rules; events are sent to declared streams"),
        ("Either", "Either is a variant; send to one of Pay, Temp"),
        ("Late.Pay", "no stream Late.Pay is declared; declared are Pay, Temp, Unread"),
    ],
)
def test_only_declared_streams_can_be_sent_to_and_the_error_says_the_cure(engine, stream, says):
    for call in (
        lambda: engine.send(stream, pay(0)),
        lambda: engine.send_batch(stream, []),
        lambda: engine.advance(0, stream),
        lambda: engine.end(stream),
    ):
        with pytest.raises(cep.UsageError) as caught:
            call()
        assert str(caught.value) == says


@pytest.mark.parametrize("callback", [None, "print", 3])
def test_only_what_can_be_called_can_listen(engine, callback):
    with pytest.raises(cep.UsageError, match="what is called with the events of Alert is a function, not"):
        engine.on("Alert", callback)


@pytest.mark.parametrize("name", ["Pay", "Either", "Nope", "Late.Nope", "Late.Alert"])
def test_only_derived_late_and_rejected_types_can_be_listened_to(engine, name):
    with pytest.raises(cep.UsageError) as caught:
        engine.on(name, print)
    assert str(caught.value) == f"no rule emits {name}; derived types: Alert, Pair, Quiet, TardyPay, Share"


def test_what_is_no_rules_is_refused():
    for rules in (None, "a.cep", []):
        with pytest.raises(cep.UsageError, match="give Rules"):
            cep.Engine(rules)


def test_an_engine_without_rules_has_nothing_to_listen_to():
    engine = cep.Engine(cep.loads("stream A ordered by t { t: time(s) }"))
    with pytest.raises(cep.UsageError, match="derived types: none"):
        engine.on("B", print)
    assert engine.send("A", {"t": 1}) == []
    assert engine.close("final") == []
    assert engine.summary.events == {"A": 1}


@pytest.mark.parametrize("shards", [0, -3])
def test_there_is_at_least_one_shard(rules, shards):
    with pytest.raises(cep.UsageError, match=f"shards must be 1 or more, not {shards}"):
        cep.Engine(rules, shards=shards)


def test_an_engine_ends_open_or_final(engine):
    with pytest.raises(cep.UsageError, match="end is 'open' or 'final', not 'never'"):
        engine.close("never")
    engine.send("Temp", temp(0))  # and is still open


@pytest.mark.parametrize(
    ("time", "says"),
    [
        ("yesterday", "not an RFC 3339 time"),
        ("5", "bare number"),
        ("2500-01-01", "outside the years 1678 to 2262"),
        (2**63, "outside the years 1678 to 2262"),
        (dt.datetime(1, 1, 1, tzinfo=dt.UTC), "outside the years 1678 to 2262"),
        (1.5, "not float"),
        (True, "not bool"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_time_cannot_be_advanced_to(engine, time, says):
    with pytest.raises(cep.UsageError, match=says):
        engine.advance(time)


def test_a_closed_engine_takes_nothing_and_still_tells_its_counts(engine):
    engine.send("Pay", pay(0))
    assert found(engine.close(), "Alert")
    assert engine.close("final") == []
    for call in (
        lambda: engine.send("Pay", pay(1)),
        lambda: engine.send_batch("Pay", []),
        lambda: engine.advance(0),
        lambda: engine.end("Pay"),
    ):
        with pytest.raises(cep.UsageError, match="the engine is closed; start another"):
            call()
    assert engine.summary.events["Pay"] == 1


@pytest.mark.parametrize("stream", ["Pay", "Unread"])
def test_a_stream_that_has_ended_takes_nothing_more(engine, stream):
    engine.end(stream)
    engine.end(stream)
    with pytest.raises(cep.UsageError, match=f"{stream} has ended"):
        engine.send(stream, {**pay(1), "n": 1})
    assert engine.summary.events[stream] == 0


def test_a_table_that_is_none_is_told_with_its_stream(engine):
    with pytest.raises(cep.InputError) as caught:
        engine.send_batch("Pay", {"at": [1, 2], "card": ["a"], "amount": [1]})
    assert (caught.value.stream, caught.value.column) == ("Pay", None)
    with pytest.raises(cep.InputError, match="give a list of one dict") as caught:
        engine.send_batch("Pay", pay(1))
    assert (caught.value.stream, caught.value.column) == ("Pay", "at")


@pytest.mark.parametrize(
    "event", [{}, {"at": None}, 5, None, "text", {"at": "x", "amount": 1}, {"at": 1, "amount": []}]
)
def test_a_malformed_event_is_counted_and_never_raised(engine, event):
    assert engine.send("Pay", event) == []
    assert engine.summary.rejected == {"Pay": 1}
    assert engine.summary.events["Pay"] == 0


# --------------------------------------------------------------------------------------------------- callbacks


def test_a_callback_gets_what_the_calls_return_batch_by_batch(rules):
    returned, called = [], []
    engine = cep.Engine(rules)
    for name in rules.rulebook.derived:
        engine.on(name, called.append)
    for row in stream_of_pays(50):
        returned += engine.send("Pay", row)
    returned += engine.close("final")
    assert {b.schema.name for b in called} >= {"Alert", "Pair", "TardyPay", "Share"}
    assert [id(b) for b in called] == [id(b) for b in returned]


def test_every_callback_of_a_type_is_called_in_order_of_registration(engine):
    calls = []
    engine.on("Quiet", lambda _: calls.append("first"))
    engine.on("Quiet", lambda _: calls.append("second"))
    engine.send("Temp", temp(0))
    engine.advance(301 * SECOND)
    assert calls == ["first", "second"]


def test_late_and_rejected_events_come_by_callback_also_where_no_rule_reads_the_stream(engine):
    got = {}
    for name in ("Late.Unread", "Rejected.Unread", "Late.Pay", "Rejected.Pay"):
        engine.on(name, lambda batch, name=name: got.setdefault(name, []).extend(batch.to_dicts()))
    assert engine.send_batch("Unread", [{"at": 5, "n": 0}, {"at": 3, "n": 1}, {"at": 9, "n": "x"}]) == []
    engine.send_batch("Pay", [pay(100), pay(89), {"at": 101, "card": "c", "amount": 1.5}])
    assert got == {
        "Late.Unread": [{"at": "1970-01-01T00:00:03Z", "n": 1}],
        "Rejected.Unread": [{"row": 2, "column": "n", "reason": '"x" is not an int', "value": "x"}],
        "Late.Pay": [{"at": "1970-01-01T00:01:29Z", "card": "c1", "amount": 500}],
        "Rejected.Pay": [{"row": 2, "column": "amount", "reason": "1.5 is not a whole number", "value": "1.5"}],
    }
    summary = engine.summary
    assert (summary.late, summary.rejected) == ({"Pay": 1, "Unread": 1}, {"Pay": 1, "Unread": 1})
    assert summary.events == {"Pay": 1, "Temp": 0, "Unread": 1}


def test_a_callback_may_send_to_the_engine_that_called_it(engine):
    told = []

    def send_again(batch):
        told.extend(batch["row"].to_list())
        if len(told) < 4:
            engine.send("Pay", "no event either")

    engine.on("Rejected.Pay", send_again)
    engine.send("Pay", "no event")
    assert told == [0, 1, 2, 3]
    assert engine.summary.rejected == {"Pay": 4}


def test_what_a_callback_raises_reaches_the_caller_and_nothing_is_told_twice(engine):
    got = []

    def refuse(batch):
        got.append(batch["row"].to_list())
        raise RuntimeError("full")

    engine.on("Rejected.Pay", refuse)
    with pytest.raises(RuntimeError, match="full"):
        engine.send("Pay", None)
    with pytest.raises(RuntimeError, match="full"):
        engine.send("Pay", None)
    assert got == [[0], [1]]


# --------------------------------------------------------------------------------------------- send, send_batch


@pytest.mark.parametrize("cut", [Cut(ONE), Cut(1, 2), Cut(3), Cut(7, 7), Cut(MIXED), Cut(MIXED, 7)], ids=str)
def test_send_and_send_batch_give_the_same_events_with_the_same_ids(rules, cut):
    rows = [("Pay", row) for row in stream_of_pays(60)]
    whole = engine_adapter.everything(engine_adapter.batches(rules, rows, "final", Cut(WHOLE)))
    assert len(whole) > 60
    assert engine_adapter.everything(engine_adapter.batches(rules, rows, "final", cut)) == whole


def test_ids_are_all_different_and_the_same_in_every_run(rules):
    def ids():
        out = engine_adapter.batches(rules, [("Pay", row) for row in stream_of_pays(60)], "final", Cut(MIXED))
        return [row["_id"] for batch in out for row in batch.to_dicts(meta=True)]

    once = ids()
    assert len(set(once)) == len(once) > 60
    assert all(len(i) == 32 and int(i, 16) >= 0 for i in once)
    assert ids() == once


def test_two_engines_of_one_set_of_rules_share_nothing(rules):
    one, other = cep.Engine(rules), cep.Engine(rules)
    one.send("Temp", temp(0))
    assert found(one.advance(301 * SECOND), "Quiet") == [{"machine": "m1"}]
    assert other.advance(301 * SECOND) == []
    assert other.summary.events["Temp"] == 0


# --------------------------------------------------------------------------------------- advance, end and close


@pytest.mark.parametrize("time", [300 * SECOND + 1, np.int64(300 * SECOND + 1), "1970-01-01T00:05:00.000000001Z"])
def test_a_deadline_fires_once_time_has_passed_it_and_not_when_it_is_reached(engine, time):
    engine.send("Temp", temp(0))
    assert engine.advance("1970-01-01T00:05:00Z") == []
    [batch] = engine.advance(time)
    assert batch.to_dicts(meta=True)[0]["_time"] == "1970-01-01T00:05:00Z"
    assert engine.advance(10**12) == []


def test_a_datetime_is_utc_unless_it_has_a_zone(rules):
    for to in (dt.datetime(1970, 1, 1, 0, 6), dt.datetime(1970, 1, 1, 2, 6, tzinfo=dt.timezone(dt.timedelta(hours=2)))):  # noqa: DTZ001
        engine = cep.Engine(rules)
        engine.send("Temp", temp(0))
        assert engine.advance(dt.datetime(1970, 1, 1, 0, 5)) == []  # noqa: DTZ001
        assert found(engine.advance(to), "Quiet") == [{"machine": "m1"}]


def test_advance_moves_the_named_stream_alone(engine):
    engine.send("Temp", temp(0))
    assert engine.advance(400 * SECOND, "Pay") == []
    assert engine.advance(400 * SECOND, "Unread") == []
    assert found(engine.advance(400 * SECOND, "Temp"), "Quiet") == [{"machine": "m1"}]


def test_what_comes_below_a_promise_is_late_and_a_promise_is_never_taken_back(engine):
    engine.advance(100 * SECOND, "Pay")
    engine.advance(50 * SECOND)
    engine.send_batch("Pay", [pay(99), pay(100)])
    engine.send("Temp", temp(49))
    engine.send("Temp", temp(50))
    assert engine.summary.late == {"Pay": 1, "Temp": 1}
    assert engine.summary.events == {"Pay": 1, "Temp": 1, "Unread": 0}


def test_end_lets_what_waited_for_disorder_out(engine):
    assert engine.send("Pay", pay(0)) == []
    assert found(engine.end("Pay"), "Alert") == [{"card": "c1", "amount": 500}]


def test_close_leaves_open_what_lies_beyond_the_last_event_and_final_decides_it(rules):
    for end, quiet, still_open in (("open", [], {"Silent": 1}), ("final", [{"machine": "m1"}], {})):
        engine = cep.Engine(rules)
        engine.send("Temp", temp(0))
        assert found(engine.close(end), "Quiet") == quiet
        assert engine.summary.open_runs == still_open


@pytest.mark.parametrize("stream", ["Pay", "Unread"])
def test_time_on_any_stream_decides_on_all_of_them_at_the_end(engine, stream):
    engine.send("Temp", temp(0))
    assert found(engine.send(stream, {**pay(1000), "n": 1}), "Quiet") == []
    assert found(engine.close(), "Quiet") == [{"machine": "m1"}]


# ----------------------------------------------------------------------------------------------- parts, order


def test_rules_of_other_streams_are_not_waited_for(engine):
    assert found(engine.send("Pay", pay(0)) + engine.send("Pay", pay(11)), "Alert") == [{"card": "c1", "amount": 500}]
    engine.send("Temp", temp(0))
    assert found(engine.send("Temp", temp(301, "m2")), "Quiet") == [{"machine": "m1"}]


def test_together_all_rules_wait_for_each_other_and_results_have_one_order(rules):
    engine = cep.Engine(rules, together=True)
    for n in range(40):
        assert engine.send("Pay", pay(n * 60)) == []
    assert engine.send("Temp", temp(0)) != []
    out = engine.send("Temp", temp(1000, "m2")) + engine.close("final")
    times = [t for batch in out for t in batch.ts.tolist()]
    assert times == sorted(times)
    assert len(found(out, "Quiet")) == 2


def test_together_nobody_waits_for_a_stream_that_no_rule_reads(rules):
    engine = cep.Engine(rules, together=True)
    engine.end("Temp")
    assert engine.send("Pay", pay(0)) == []
    assert engine.send("Pay", pay(11)) != []


def test_together_and_apart_the_same_is_found(rules):
    rows = [("Pay", row) for row in stream_of_pays(40)] + [("Temp", temp(t)) for t in (0, 10, 500)]
    apart = cep.Engine(rules)
    out = []
    for stream, row in rows:
        out += apart.send(stream, row)
    out += apart.close("final")
    both = engine_adapter.batches(rules, rows, "final", Cut(ONE))
    assert sorted(engine_adapter.everything(out)) == sorted(engine_adapter.everything(both))


def test_what_one_call_returns_is_in_order_of_time_with_causes_before_effects(engine):
    out = engine.send_batch("Pay", [pay(0), pay(5), pay(6, card="c2"), pay(7, card="c2"), pay(100)])
    told = [(row["_time"][-4:], row["_type"]) for batch in out for row in batch.to_dicts(meta=True)]
    expected = []
    for second, pair in (("0", False), ("5", True), ("6", False), ("7", True)):
        expected += [(f":0{second}Z", "Alert"), (f":0{second}Z", "Share")] + [(f":0{second}Z", "Pair")] * pair
    assert told == expected


# ----------------------------------------------------------------------------------------------------- summary


def test_every_row_is_an_event_or_late_or_rejected(rules):
    rows = stream_of_pays(200)
    engine = cep.Engine(rules)
    engine.send_batch("Pay", rows[:150])
    for row in rows[150:]:
        engine.send("Pay", row)
    summary = engine.summary
    assert summary.events["Pay"] + summary.late["Pay"] + summary.rejected["Pay"] == 200
    assert summary.late["Pay"] > 0
    assert summary.rejected["Pay"] == sum(row["amount"] == "much" for row in rows)


def test_matches_are_counted_by_rule_in_rule_order_and_rules_without_any_are_told(engine):
    engine.send_batch("Pay", [pay(0), pay(1), pay(50)])
    engine.close()
    assert list(engine.summary.matches.items()) == [("Big", 3), ("Two", 1), ("Silent", 0), ("Tardy", 0), ("Ratio", 3)]


def test_null_keys_are_counted_by_the_rule_that_could_not_match_them(engine):
    engine.send_batch("Pay", [pay(0, card=None), pay(1), pay(2, card=None), pay(3, 5, None)])
    assert found(engine.close(), "Pair") == []
    assert engine.summary.null_keys == {"Two": 2}


def test_runs_still_open_are_counted_by_rule(engine):
    engine.send_batch("Pay", [pay(0, card="a"), pay(1, card="b")])
    engine.end("Pay")
    engine.send_batch("Temp", [temp(0, "m1"), temp(0, "m2"), temp(1, "m3")])
    assert engine.summary.open_runs == {"Two": 2, "Silent": 3}


def test_faults_are_counted_by_rule_and_name_and_give_null(engine):
    out = engine.send_batch("Pay", [pay(0, 0), pay(1, 2), pay(2, 0), pay(3, 1)]) + engine.close()
    assert [row["share"] for row in found(out, "Share")] == [None, 50, None, 100]
    assert [row["doubled"] for row in found(out, "Share")] == [0, None, 0, 9 * 10**18]
    assert engine.summary.faults == {"Ratio": {"division by zero": 2, "overflow": 1}}


def test_a_summary_does_not_change_afterwards(engine):
    before = engine.summary
    engine.send("Pay", "none")
    engine.send("Temp", temp(0))
    assert (before.total_events, before.total_rejected) == (0, 0)
    assert (engine.summary.total_events, engine.summary.total_rejected) == (1, 1)


def test_an_event_that_no_rule_reads_is_counted(engine):
    assert engine.send("Unread", {"at": 0, "n": 1}) == []
    assert engine.summary.events["Unread"] == 1


# ------------------------------------------------------------------------------------------------------ memory


def test_nothing_that_was_told_is_kept(engine):
    told = []
    for name in ("Alert", "Share", "TardyPay", "Late.Pay", "Rejected.Pay"):
        engine.on(name, lambda batch: told.append(weakref.ref(batch)))
    for n, row in enumerate(stream_of_pays(300)):
        engine.send("Pay", row)
        engine.send("Unread", {"at": -n, "n": 1 if n % 2 else "x"})  # late and rejected, and nobody listens
    engine.advance(10_000 * SECOND)
    gc.collect()
    assert len(told) > 300
    assert not [batch for ref in told if (batch := ref()) is not None]


def test_a_long_run_needs_no_more_memory_than_a_short_one(rules):
    engine, seen, size = cep.Engine(rules), [], 2_000
    engine.on("Alert", lambda batch: seen.append(len(batch)))

    def send_block(n):
        at = n * size + np.arange(size)
        late = at % 11 == 0
        cards = [f"c{i % 50}" for i in range(size)]
        engine.send_batch("Pay", {"at": at - 15 * late, "card": cards, "amount": np.where(at % 3 == 0, 500, 5)})
        engine.send_batch("Unread", {"at": at, "n": at})

    for n in range(5):
        send_block(n)
    gc.collect()
    tracemalloc.start()
    try:
        for n in range(5, 15):
            send_block(n)
        gc.collect()
        more = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert sum(seen) > 8_000
    assert engine.summary.late["Pay"] > 2_000
    assert more < 300_000  # a block that was kept would be some 1,000,000
