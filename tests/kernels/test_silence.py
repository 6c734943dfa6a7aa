"""Chains that end in a silence, over tables that are too small at first: they find what the run table finds."""

from __future__ import annotations

from random import Random

import engine_adapter
import pytest

import cep
from cep.compiler.choice import CHAIN, RUN_TABLE, only
from cep.kernels.chain import WAITS_HEAD
from cep.kernels.keys import USED

STREAM = "stream S ordered by at { at: time(s), k: string, n: int, s: string? }\n"
RULES = {
    "one": "when S as a where n = 1 then no S where n = 3 for 40 s",
    "two": "when S as a where n = 1 then no S where n = 4 then S as b where n <= 2 "
    "then no S where n = 3 for 9 s then no S where n = 4 for 30 s within 50 s",
}


def loaded(matcher, rule, skip, fields="k, s = a.s"):
    with only(matcher):
        rules = cep.loads(f"{STREAM}rule R keyed by k {RULES[rule]} {skip} emit X {{ {fields} }}")
        assert rules.programs.choices["R"].name == matcher
        return rules


def rows(count, keys):
    rng = Random(count)
    return [
        {"at": i // 20, "k": f"k{rng.randrange(keys)}", "n": rng.choice([1, 1, 2, 3, 4]),
         "s": rng.choice([None, f"s{i}"])}
        for i in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("skip", ["", "after match keep all"])
@pytest.mark.parametrize("keys", [1, 40, 3000])
def test_with_many_runs_it_finds_what_the_run_table_finds(rule, skip, keys):
    events = [("S", row) for row in rows(4_000, keys)]
    events += [("S", row | {"at": row["at"] + 300, "n": 1}) for _, row in events[:900]]  # many wait at once
    cuts = {CHAIN: engine_adapter.Cut(700, shards=1 if keys == 40 else 3), RUN_TABLE: engine_adapter.Cut()}
    found = [
        engine_adapter.everything(engine_adapter.batches(loaded(matcher, rule, skip), events, "final", cut))
        for matcher, cut in cuts.items()
    ]
    assert found[0] == found[1]
    assert len(found[0]) >= 10


@pytest.mark.parametrize("rule", RULES)
def test_what_a_silence_decides_or_breaks_frees_its_key_its_group_and_its_strings(rule):
    engine = cep.Engine(loaded(CHAIN, rule, "after match keep all"))
    (shard,) = engine._executors[0].operators[0]._shards
    sizes = []
    for part in range(10):
        batch = [
            {"at": 25 * part, "k": f"k{part}.{i}", "n": n, "s": f"s{part}.{i}"} for n in (1, 2) for i in range(1500)
        ]
        batch += [row | {"at": 25 * part + 1, "n": 3} for row in batch[:1400]]
        engine.send_batch("S", batch)
        state = shard.matcher.state
        sizes.append(sum(table.size for table in state) + shard.strings.store.heap.size)
    assert sizes[-1] <= 1.25 * sizes[4]
    engine.advance("1971-01-01T00:00:00Z")
    assert engine.summary.open_runs == {}
    assert shard.matcher.held[:3] == (0, 0, 0)
    assert shard.matcher.wakes_at == 2**63
    assert shard.matcher.state.counts[USED] < 10_000


def test_groups_that_were_broken_make_room_for_others():
    engine = cep.Engine(loaded(CHAIN, "one", ""))
    (shard,) = engine._executors[0].operators[0]._shards
    for i in range(5_000):
        engine.send_batch("S", [{"at": i // 200, "k": f"k{i % 7}", "n": n, "s": None} for n in (1, 3)])
    state = shard.matcher.state
    assert len(state.waits) <= 512  # 200 at an instant, which the next breaks
    assert state.counts[WAITS_HEAD] - state.tails[-1] <= len(state.waits)


def test_what_runs_hold_outlives_collections_of_strings():
    engine = cep.Engine(loaded(CHAIN, "two", "", "k, s = a.s, t = b.s"))
    engine.send("S", {"at": 0, "k": "old", "n": 1, "s": "the first"})
    engine.send("S", {"at": 0, "k": "old", "n": 2, "s": "the second"})
    for part in range(6):
        engine.send_batch("S", [{"at": 1, "k": f"{part}.{i}", "n": 1 + i % 3, "s": f"{i}+{part}"} for i in range(3000)])
    found = engine.advance("1970-01-01T00:00:31Z")
    assert found[0].to_dicts()[0] == {"k": "old", "s": "the first", "t": "the second"}
    assert found[0].provenance.to_list()[0] == [("S", 0), ("S", 1)]


def test_one_event_a_call_wakes_at_deadlines_whatever_the_event_is():
    engine = cep.Engine(loaded(CHAIN, "one", ""))
    assert not engine.send("S", {"at": 0, "k": "x", "n": 1, "s": "a"})
    assert not engine.send("S", {"at": 40, "k": "y", "n": 0, "s": None})
    (found,) = engine.send("S", {"at": 41, "k": "y", "n": 0, "s": None})
    assert found.to_dicts() == [{"k": "x", "s": "a"}]
    assert found.ts.tolist() == [40 * 10**9]


def test_a_deadline_beyond_the_end_of_time_never_passes():
    rules = cep.loads(f"{STREAM}rule R when S as a then no S for 4000 d then no S for 3000 d emit X {{ s = a.s }}")
    engine = cep.Engine(rules)
    engine.send("S", {"at": 9_000_000_000, "k": "x", "n": 1, "s": None})
    again = cep.Engine.restore(rules, engine.snapshot())
    assert again.snapshot() == engine.snapshot()
    for one in (engine, again):
        assert not one.close("final")
        assert one.summary.open_runs == {"R": 1}
