"""Snapshots of an engine: which rules they are good for, what is said when not, and what goes on when rules change."""

from __future__ import annotations

import pytest

import cep

STREAMS = """
param least: int = 100
param unread: int = 1
stream Pay ordered by at late 5 s { at: time(s), card: string, amount: int }
stream Temp ordered by at { at: time(s), machine: string }
"""
BIG = "rule Big from Pay where amount > least emit Big { card, amount }\n"
TWO = (
    "rule Two keyed by card when Pay as a then Pay as b within 1 min emit Pair { card, total = a.amount + b.amount }\n"
)
MANY = "rule Many keyed by card when 3 Big as bigs within 1 h emit Many { card, n = sum(bigs.amount) }\n"
QUIET = "rule Quiet keyed by machine when Temp as t then no Temp for 5 min emit Quiet { machine }\n"
RULES = STREAMS + BIG + TWO + MANY + QUIET


def pay(at, card="c1", amount=500):
    return {"at": at, "card": card, "amount": amount}


@pytest.fixture(scope="module")
def rules():
    return cep.loads(RULES)


@pytest.fixture(scope="module")
def saved(rules):
    """The snapshot of an engine with something in every place."""
    engine = cep.Engine(rules)
    for row in (pay(10), pay(20), pay(3), pay(26), pay(27, "c2"), {"at": 1}):
        engine.send("Pay", row)
    engine.send("Temp", {"at": 12, "machine": "m1"})
    engine.send("Temp", {"at": 11, "machine": "m1"})
    return engine.snapshot()


def go_on(engine):
    """What comes out of it next."""
    out = engine.send_batch("Pay", [pay(28), pay(50), pay(51, "c2")]) + engine.advance("1970-01-01T00:10:00Z")
    return [row for batch in out for row in batch.to_dicts(meta=True, lineage=True)]


def refusal(rules, data, **options):
    with pytest.raises(cep.SnapshotError) as refused:
        cep.Engine.restore(rules, data, **options)
    return refused.value


def test_the_counts_go_on(rules, saved):
    summary = cep.Engine.restore(rules, saved).summary
    assert summary.events == {"Pay": 4, "Temp": 1}
    assert summary.late == {"Pay": 1, "Temp": 1}
    assert summary.rejected == {"Pay": 1}
    assert summary.matches == {"Big": 2, "Two": 1, "Many": 0, "Quiet": 0}
    assert summary.open_runs == {"Many": 2, "Quiet": 1}
    assert summary.seconds < 60


def test_faults_inside_a_pattern_and_null_keys_go_on():
    rules = cep.loads("""
    stream S ordered by at { at: time(s), k: string?, n: int }
    rule R keyed by k when S as a then S as b where b.n * a.n > 0 within 1 h emit R { k, q = a.n div (b.n - 5) }
    """)
    engine = cep.Engine(rules, shards=2)
    for n, k in ((9 * 10**18, "x"), (3, "x"), (5, "x"), (5, "y"), (5, "y"), (1, None)):
        engine.send("S", {"at": 0, "k": k, "n": n})
    summary = engine.summary
    assert summary.faults == {"R": {"division by zero": 2, "overflow": 2}}
    again = cep.Engine.restore(rules, engine.snapshot()).summary
    assert (again.faults, again.null_keys) == (summary.faults, summary.null_keys) == (summary.faults, {"R": 1})


@pytest.mark.parametrize(
    "text",
    [
        STREAMS + QUIET + MANY + TWO + BIG,
        RULES.replace("within 1 min", "-- a word\nwithin 60 s").replace("rule Big", 'rule Big "big ones"'),
    ],
    ids=["another order", "another layout"],
)
def test_rules_that_mean_the_same_take_it_over(saved, rules, text):
    left = sorted(map(repr, go_on(cep.Engine.restore(rules, saved))))
    assert len(left) == 9
    assert sorted(map(repr, go_on(cep.Engine.restore(cep.loads(text), saved)))) == left


def test_a_closed_engine_stays_closed(rules, saved):
    engine = cep.Engine.restore(rules, saved)
    engine.close("final")
    again = cep.Engine.restore(rules, engine.snapshot())
    assert again.close() == []
    with pytest.raises(cep.UsageError, match="closed"):
        again.send("Pay", pay(100))


def test_a_stream_that_has_ended_stays_ended(rules, saved):
    engine = cep.Engine.restore(rules, saved)
    engine.end("Pay")
    with pytest.raises(cep.UsageError, match="Pay has ended"):
        cep.Engine.restore(rules, engine.snapshot()).send("Pay", pay(100))


def test_callbacks_are_not_kept_and_none_may_take_a_snapshot(rules, saved):
    engine = cep.Engine.restore(rules, saved)
    engine.on("Late.Pay", lambda _: engine.snapshot())
    with pytest.raises(cep.UsageError, match="between two calls"):
        engine.send("Pay", pay(0))
    cep.Engine.restore(rules, engine.snapshot()).send("Pay", pay(0))


# ------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("within 1 min", "within 2 min", "rule Two is changed: `within 1 min` is now `within 2 min`"),
        (QUIET, "", "rule Quiet is gone"),
        (QUIET, QUIET + QUIET.replace("rule Quiet", "rule Calm"), "rule Calm is new"),
        ("rule Two", "rule Deux", "rule Two is gone"),
        ("machine: string }", "machine: string, degrees: float? }", "stream Temp is declared otherwise"),
        (
            "machine: string }",
            "machine: string, degrees: float? }",
            "Quiet is changed: what it reads is declared other",
        ),
        ("late 5 s", "late 6 s", "stream Pay is declared otherwise"),
        ("stream Temp", "stream New ordered by at { at: time }\nstream Temp", "stream New is new"),
        ("least: int = 100", "least: int = 99", "param least was int 100, and is int 99"),
        ("unread: int = 1", "unread: decimal(2) = 2.5", "param unread was int 1, and is decimal(2) 2.50"),
        ("param unread: int = 1", "", "param unread was int 1, and is not there"),
    ],
)
def test_other_rules_are_refused_with_what_differs(saved, was, now, told):
    assert was in RULES
    error = refusal(cep.loads(RULES.replace(was, now, 1)), saved)
    assert error.problem == "rules"
    assert any(told in line for line in error.differences)
    assert 'changed="start empty"' in error.hint
    assert "made by cep 0." in str(error)
    assert all(line in str(error) for line in error.differences)


def test_other_values_of_params_are_refused(saved):
    error = refusal(cep.loads(RULES, params={"least": 5}), saved)
    assert error.differences == ("param least was int 100, and is int 5",)


def test_other_options_are_refused_and_those_of_the_snapshot_are_taken(rules, saved):
    assert cep.Engine.restore(rules, saved, shards=1, together=False).snapshot() == saved
    error = refusal(rules, saved, shards=3, together=True)
    assert error.problem == "options"
    assert error.differences == ("shards was 1, and is to be 3", "together was False, and is to be True")
    seven = cep.Engine(rules, shards=7, together=True).snapshot()
    assert cep.Engine.restore(rules, seven).snapshot() == seven


@pytest.mark.parametrize(
    "version", ["cep.runtime.tables.STATE_VERSION", "cep.runtime.operators.filter.OUTPUTS_VERSION"]
)
def test_tables_of_another_version_are_refused(rules, saved, monkeypatch, version):
    monkeypatch.setattr(version, 1000)
    assert "is kept in other tables" in str(refusal(rules, saved))
    cep.Engine.restore(rules, saved, changed="start empty")


def test_what_is_no_bytes_is_a_mistake_of_the_call(rules, saved):
    with pytest.raises(cep.UsageError, match="a snapshot is bytes, not str"):
        cep.Engine.restore(rules, "saved.bin")
    with pytest.raises(cep.UsageError, match="changed is"):
        cep.Engine.restore(rules, saved, changed="keep")
    assert cep.Engine.restore(rules, memoryview(bytearray(saved))).snapshot() == saved


# --------------------------------------------------------------------------------------------------- rules change


def test_a_changed_rule_starts_empty_and_the_others_go_on(rules, saved):
    text = RULES.replace("when 3 Big", "when 2 Big").replace(QUIET, "")
    engine = cep.Engine.restore(cep.loads(text), saved, changed="start empty")
    assert "Many" not in engine.summary.open_runs
    assert engine.summary.matches == {"Big": 2, "Two": 1, "Many": 0}
    went_on = [r for r in go_on(cep.Engine.restore(rules, saved)) if r["_type"] in ("Big", "Pair")]
    found = go_on(engine)
    assert [r for r in found if r["_type"] in ("Big", "Pair")] == went_on
    many = [r["_events"] for r in found if r["_type"] == "Many"]
    assert many == [[("Big", 2), ("Big", 4)], [("Big", 3), ("Big", 6)]]  # numbers go on, what came before is forgotten


def test_a_param_that_differs_empties_the_rules_that_read_it(saved):
    engine = cep.Engine.restore(cep.loads(RULES, params={"least": 5}), saved, changed="start empty")
    assert engine.summary.matches == {"Big": 0, "Two": 1, "Many": 0, "Quiet": 0}
    assert engine.summary.open_runs == {"Many": 2, "Quiet": 1}


def test_a_changed_stream_starts_empty_with_the_rules_that_read_it(saved):
    text = RULES.replace("late 5 s", "late 6 s")
    engine = cep.Engine.restore(cep.loads(text), saved, changed="start empty")
    assert engine.summary.events == {"Pay": 0, "Temp": 1}
    assert engine.summary.open_runs == {"Many": 2, "Quiet": 1}
    found = engine.send_batch("Pay", [pay(100), pay(110)])
    assert [batch.provenance.number.tolist() for batch in found if batch.schema.name == "Pair"] == []
    assert engine.summary.late.get("Pay") is None


def test_what_is_decided_stays_decided_when_a_new_stream_joins(saved):
    """A stream that starts empty may not bring events from before what rules that went on have given out."""
    more = "stream New ordered by at { at: time(s), card: string, amount: int }\n"
    text = RULES.replace("rule Big from Pay", f"{more}stream Either = Pay | New\nrule Big from Either")
    engine = cep.Engine.restore(cep.loads(text), saved, changed="start empty")
    assert engine.summary.open_runs == {"Many": 2, "Quiet": 1}
    engine.send_batch("New", [pay(20), pay(21), pay(22)])
    assert engine.summary.late == {"Pay": 1, "Temp": 1, "New": 2}
    out = engine.send_batch("New", [pay(40)]) + engine.send_batch("Pay", [pay(45)]) + engine.close("final")
    [many] = [row for batch in out if batch.schema.name == "Many" for row in batch.to_dicts(lineage=True)]
    assert [number for _, number in many["_events"]] == [0, 1, 2]
