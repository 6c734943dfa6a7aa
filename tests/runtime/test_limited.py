"""`output` in a running engine: times, ids, what is kept and for how long, and going on from a snapshot."""

from __future__ import annotations

import pytest

import cep

STREAM = "stream S ordered by at { at: time(s), k: string, n: int, price: decimal?, tags: list<string> }\n"
SECOND = 10**9


def limited(output, rule="rule R keyed by k from S emit R { k, n, price, tags }"):
    return cep.Engine(cep.loads(f"{STREAM}{rule}\noutput {output}"))


def row(at, k="a", n=0):
    return {"at": at, "k": k, "n": n, "price": None if n % 2 else n, "tags": ["x"] * (n % 3)}


def times(batches):
    return [(t // SECOND, n) for b in batches for t, n in zip(b.ts.tolist(), b["n"].to_list(), strict=True)]


def test_a_period_ends_with_the_watermark_alone():
    engine = limited("last every 10 s per k")
    assert times(engine.send("S", row(0, n=1))) == []
    assert times(engine.send("S", row(5, n=2))) == []
    assert times(engine.advance(10 * SECOND)) == []  # more may come at that very time
    assert times(engine.advance(10 * SECOND + 1)) == [(10, 2)]


def test_first_answers_at_once():
    engine = limited("first every 10 s per k")
    found = [times(engine.send("S", row(at, n=at))) for at in (0, 4, 10, 12)]
    assert found == [[(0, 0)], [], [(10, 10)], []]


def test_what_goes_out_later_is_the_same_event_at_another_time():
    rows = [row(0, n=1), row(5, n=2)]
    free = cep.run(cep.loads(STREAM + "rule R keyed by k from S emit R { k, n, price, tags }"), {"S": rows})["R"]
    engine = limited("all every 10 s")
    engine.send_batch("S", rows)
    (batch,) = engine.advance(11 * SECOND)
    late, want = (b.to_dicts(meta=True, lineage=True) for b in (batch, free))
    assert batch.ts.tolist() == [10 * SECOND] * 2
    assert [e | {"_time": None} for e in late] == [e | {"_time": None} for e in want]


def test_each_snapshot_has_ids_of_its_own():
    engine = limited("snapshot every 10 s per k")
    batches = engine.send_batch("S", [row(0, "a", 1), row(1, "b", 2), row(20, "b", 3)])
    found = [e for b in [*batches, *engine.advance(40 * SECOND)] for e in b.to_dicts(meta=True)]
    assert [(e["k"], e["n"]) for e in found] == [("a", 1), ("b", 2), ("a", 1), ("b", 3)]
    assert len({e["_id"] for e in found}) == 4


@pytest.mark.parametrize("mode", ["first", "last", "all"])
def test_a_value_is_forgotten_with_its_period(mode):
    engine = limited(f"{mode} every 10 s per k")
    for part in range(20):
        engine.send_batch("S", [row(100 * part, f"k{part}-{i}", i) for i in range(100)])
        engine.advance((100 * part + 50) * SECOND)
        (operator,) = engine._executors[0].operators
        (limit,) = operator._limits
        assert not limit.periods.open
        assert len(limit.kept) <= 200
        assert engine.stats().rules["R"].untold == 0


def test_what_is_held_back_and_what_is_still_untold_is_counted():
    engine = limited("last every 10 s per k")
    engine.send_batch("S", [row(0, n=1), row(1, n=2), row(2, n=3), row(3, "b")])
    stats = engine.stats().rules["R"]
    assert (stats.derived, stats.held_back, stats.untold, stats.waiting) == (0, 2, 2, 2)
    engine.close()
    assert engine.summary.open_runs == {"R": 2}
    assert engine.summary.matches == {"R": 0}
    assert engine.summary.held_back == {"R": 2}


@pytest.mark.parametrize("mode", ["first", "last", "all", "snapshot"])
def test_what_waits_is_what_is_still_to_be_told_however_events_came(mode):
    rows = [row(at, n=at) for at in (0, 1, 2, 11, 12)]
    whole, alone = limited(f"{mode} every 10 s"), limited(f"{mode} every 10 s")
    whole.send_batch("S", rows)
    for each in rows:
        alone.send("S", each)
    told = [engine.stats().rules["R"] for engine in (whole, alone)]
    assert [(s.waiting, s.untold) for s in told] == [({"first": 0, "all": 2}.get(mode, 1),) * 2] * 2


@pytest.mark.parametrize("mode", ["first", "last", "all", "snapshot"])
def test_an_engine_that_is_restored_goes_on_to_the_byte(mode):
    rows = [row(3 * i, "ab"[i % 2], i) for i in range(20)]
    alone, restarted = limited(f"{mode} every 10 s per k, price"), limited(f"{mode} every 10 s per k, price")
    for each in rows:
        restarted = cep.Engine.restore(restarted._rules, restarted.snapshot())
        found = [repr(b.to_dicts(meta=True, lineage=True)) for b in alone.send("S", each)]
        assert found == [repr(b.to_dicts(meta=True, lineage=True)) for b in restarted.send("S", each)]
        assert alone.snapshot() == restarted.snapshot()
    found = [repr(b.to_dicts(meta=True, lineage=True)) for b in alone.close(end="final")]
    assert found == [repr(b.to_dicts(meta=True, lineage=True)) for b in restarted.close(end="final")]
    assert alone.stats().rules["R"].held_back == restarted.stats().rules["R"].held_back


def test_another_period_makes_another_rule():
    saved = limited("last every 10 s").snapshot()
    with pytest.raises(cep.SnapshotError):
        cep.Engine.restore(limited("last every 11 s")._rules, saved)
