"""The one-pass matcher: the trail by which events are found again, keys that are swept out, strings that are held."""

from __future__ import annotations

from random import Random

import engine_adapter

import cep
from cep.compiler.choice import ONE_PASS, RUN_TABLE, only
from cep.kernels.keys import USED

STREAM = "stream S ordered by at { at: time(s), k: string, n: int, s: string }\n"
RULE = """rule R keyed by k
when S as a where n = 1
next 1 or more S in a row as l where n > 1
next S as z where n = 1
allow unbounded
emit X { k, s = a.s, c = count(l), n = last(l.n), z = z.s }"""


def loaded(matcher=ONE_PASS):
    return engine_adapter.rules_on(matcher, STREAM + RULE)


def shard_of(engine):
    (shard,) = engine._executors[0].operators[0]._shards
    return shard


def test_it_finds_what_the_run_table_finds_ids_and_all():
    rng = Random(3)
    rows = [
        ("S", {"at": i, "k": f"{rng.randrange(300)}", "n": rng.choice([1, 2, 3]), "s": rng.choice(["", f"{i}"])})
        for i in range(4_000)
    ]  # fmt: skip
    rules, table = loaded(), loaded(RUN_TABLE)
    want = engine_adapter.everything(engine_adapter.batches(table, rows, "open", engine_adapter.Cut("whole")))
    assert len(want) > 100
    for cut in (engine_adapter.Cut("whole"), engine_adapter.Cut(300), engine_adapter.Cut(299, shards=3)):
        assert engine_adapter.everything(engine_adapter.batches(rules, rows, "open", cut)) == want


def test_events_are_told_long_after_the_matcher_has_moved_on():
    engine = cep.Engine(loaded())
    early = []
    for part in range(40):
        early += engine.send_batch("S", [{"at": part, "k": "x", "n": n, "s": "-"} for n in (1, 2, 3, 1)])
        engine.send_batch("S", [{"at": part, "k": f"{i}", "n": 1, "s": "-"} for i in range(700)])
    events = [batch.provenance.to_list() for batch in early]
    assert events == [[[("S", 704 * part + i) for i in range(4)]] for part in range(40)]


def test_keys_whose_runs_have_ended_are_swept_out():
    engine = cep.Engine(loaded())
    shard = shard_of(engine)
    engine.send("S", {"at": 0, "k": "old", "n": 1, "s": "the first"})
    sizes = []
    for part in range(30):
        keys = [f"{part}.{i}" for i in range(2000)]
        engine.send_batch("S", [{"at": part, "k": k, "n": n, "s": f"{k}!"} for k in keys for n in (1, 4)])
        engine.send_batch("S", [{"at": part, "k": k, "n": n, "s": f"{k}?"} for k in keys for n in (1, 0)])
        state = shard.matcher.state
        sizes.append(sum(table.size for table in state) + shard.strings.store.heap.size)
    assert sizes[-1] <= 1.25 * sizes[10]
    assert int(shard.matcher.state.counts[USED]) < 10_000
    assert engine.summary.open_runs == {"R": 1}
    assert engine.summary.matches == {"R": 30 * 2000}
    found = engine.send_batch("S", [{"at": 99, "k": "old", "n": n, "s": "z"} for n in (2, 2, 1)])
    assert [row for batch in found for row in batch.to_dicts()] == [
        {"k": "old", "s": "the first", "c": 2, "n": 2, "z": "z"}
    ]


def test_a_new_key_is_taken_when_the_first_row_of_a_batch_meets_full_tables():
    engine = cep.Engine(loaded())
    found = []
    for i in range(300):
        found += engine.send("S", {"at": i, "k": f"{i}", "n": 1, "s": f"s{i}"})
    for i in range(300):
        engine.send("S", {"at": 300 + i, "k": f"{i}", "n": 2, "s": "-"})
        found += engine.send("S", {"at": 300 + i, "k": f"{i}", "n": 1, "s": "-"})
    found += engine.close()
    assert [row["s"] for batch in found for row in batch.to_dicts()] == [f"s{i}" for i in range(300)]


def test_keys_near_each_other_and_far_apart_are_told_apart():
    stream = STREAM.replace("k: string", "k: int")
    rules = cep.loads(stream + RULE)
    spread = (1, 3, 10**12, -(2**62), 7)
    rng = Random(5)
    rows = [
        ("S", {"at": i, "k": rng.randrange(40) * spread[i // 600] + i // 600, "n": rng.choice([1, 2, 3]), "s": f"{i}"})
        for i in range(3_000)
    ]  # fmt: skip
    with only(RUN_TABLE):
        table = cep.loads(stream + RULE)
    want = engine_adapter.everything(engine_adapter.batches(table, rows, "open", engine_adapter.Cut("whole")))
    for cut in (engine_adapter.Cut(300), engine_adapter.Cut(77)):
        assert engine_adapter.everything(engine_adapter.batches(rules, rows, "open", cut)) == want
