"""The benchmarks measure what they say: counts are true, limits and engine find the same, a record names no machine."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import latency, load, memory, queries, scaling, truth
from benchmarks.__main__ import main
from benchmarks.batches import batches_table, measure_batches
from benchmarks.limits import chain, q2, q6, q8
from benchmarks.machine import ROOT
from benchmarks.many import Shape, draw_shapes
from benchmarks.measure import Bench, WrongCountError, measure
from benchmarks.queries import TYPE, many_rules
from benchmarks.stream import Ticks, cut, draw_ticks
from cep.kernels import jit

pytestmark = pytest.mark.skipif(jit.PLAIN, reason="speed is of compiled code")


# Q8 with few rules stands for Q8 with many
QUERIES = {n: q for n, q in queries.QUERIES.items() if not n.startswith("Q8")} | {"Q8": many_rules("Q8", 7, 20_000)}


@pytest.fixture(scope="module")
def ticks():
    return draw_ticks(20_000)


def test_the_true_counts_of_a_hundred_thousand_events_are_known():
    ticks = draw_ticks(100_000)
    counts = [truth.count_q1(ticks), truth.count_q2(ticks), truth.count_q3(ticks), truth.count_q4(ticks)]
    counts += [truth.count_q6(ticks), truth.count_q8(ticks, draw_shapes(100))]
    assert counts == [968, 476, 47_088, 17_142, 322, 44_239]


def test_the_count_of_many_rules_is_that_of_each(ticks):
    assert truth.count_q8(ticks, [Shape("ABC", 50)]) == truth.count_q2(ticks)


@pytest.mark.parametrize("name", QUERIES)
def test_engine_and_limit_write_the_same_columns(name, ticks):
    bench = Bench(QUERIES[name], ticks)
    found = bench.run_engine(bench.start())
    limit = bench.run_limit(bench.fresh_limit())
    bench.check_engine(found)
    bench.check_limit(limit)
    columns = limit.found
    columns.pop("rule", None)
    if "ts" in columns:
        columns["ts"] = columns["ts"] * 1_000_000
    if "type" in columns:
        columns["type"] = np.full(bench.count, "A")
    derived = [row for batch in found if batch.schema.name == TYPE for row in values(batch)]
    assert sorted(derived) == sorted(zip(*(c.tolist() for c in columns.values()), strict=True))


def values(batch):
    return zip(*(column.to_list() for column in batch.columns.values()), strict=True)


@pytest.mark.parametrize("name", QUERIES)
def test_a_limit_keeps_its_state_from_batch_to_batch(name, ticks):
    query = QUERIES[name]
    whole, pieces = query.limit(ticks.events), query.limit(ticks.events)
    whole.take(ticks)
    for piece in cut(ticks, 777):
        pieces.take(piece)
    whole.close()
    pieces.close()
    if name == "Q8":  # what a rule finds stands behind what those before it find, batch by batch
        order = np.argsort(pieces.found["rule"], kind="stable")
        assert all(np.array_equal(c, pieces.found[n][order]) for n, c in whole.found.items())
        return
    for one, other in zip(whole.found.values(), pieces.found.values(), strict=True):
        assert np.array_equal(one, other)


def test_the_ring_of_q2_grows_without_losing_a_run(ticks):
    crowded = ticks._replace(ts=ticks.ts[0] + np.arange(ticks.events) // 4)
    small, large = q2.Limit(ticks.events, ring=4), q2.Limit(ticks.events, ring=1 << 15)
    for piece in cut(crowded, 5000):
        small.take(piece)
        large.take(piece)
    assert small.found["key"].size == truth.count_q2(crowded)
    for one, other in zip(small.found.values(), large.found.values(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", ["Q6", "Q8"])
def test_other_rings_grow_without_losing_anything(name, ticks):
    shapes = draw_shapes(3)
    crowded = ticks._replace(ts=ticks.ts[0] + np.arange(ticks.events) // 4)
    if name == "Q6":
        small, large = (q6.Limit(ticks.events, ring) for ring in (4, 1 << 15))
        crowded, count = ticks, truth.count_q6(ticks)
    else:
        small, large = (q8.Limit(10, shapes, ring) for ring in (4, 1 << 15))
        count = truth.count_q8(crowded, shapes)
    for limit in (small, large):
        for piece in cut(crowded, 5000):
            limit.take(piece)
        limit.close()
    assert small.found["key"].size == count
    for one, other in zip(small.found.values(), large.found.values(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", QUERIES)
def test_a_limit_checks_time_order(name, ticks):
    first, second = cut(Ticks(*(c[:200] for c in ticks)), 100)
    within = first._replace(ts=first.ts[::-1].copy())
    limit = QUERIES[name].limit(200)
    with pytest.raises(ValueError, match="time goes back"):
        limit.take(within)
    limit.reset()
    limit.take(second)
    with pytest.raises(ValueError, match="time goes back"):
        limit.take(first)


def test_a_wrong_count_gives_no_figure(ticks, monkeypatch):
    monkeypatch.setattr(Bench, "run_decoded", lambda self, engine: [])
    with pytest.raises(WrongCountError, match="Q1: the engine on decoded batches found 0 of"):
        measure(QUERIES["Q1"], ticks, rounds=1)


def test_the_command_prints_a_table_and_writes_a_record(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.__main__.QUERIES", QUERIES)
    path = tmp_path / "figures.json"
    assert main(["--events", "3000", "--rounds", "1", "--no-start", "--json", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["query", *QUERIES]
    text = path.read_text()
    told = json.loads(text)
    assert [q["query"] for q in told["queries"]] == [*QUERIES]
    assert told["machine"].keys() == {"processor", "cores", "system", "load"}
    assert str(ROOT) not in text


def test_every_match_of_single_events_and_of_small_batches_is_counted(monkeypatch):
    monkeypatch.setattr(latency, "SIZES", (1, 50))
    monkeypatch.setattr(latency, "BATCHES", 20)
    monkeypatch.setattr(latency, "FURTHER", 3)
    told = latency.measure_latency(5000, 1)
    assert (told.events, told.matches) == (5000, truth.count_q8(draw_ticks(5000), draw_shapes(latency.RULES)))
    assert "all found" in latency.latency_table(told)


def test_a_chain_by_hand_finds_what_that_of_q2_finds(ticks):
    one, other = q2.Limit(ticks.events), chain.Limit(ticks.events, 3, 1000, q2.BOUND_MS, ring=16)
    for batch in cut(ticks, 777):
        one.take(batch)
        other.take(batch)
    for mine, theirs in zip(one.found.values(), other.found.values(), strict=True):
        assert np.array_equal(mine, theirs)


def test_growth_is_told_beside_the_first_size():
    # counts are checked in there
    grown = scaling.measure_scaling(20_000, 1, keys=(10, 2_000), lengths=(3, 4), windows=(100, 1000))
    sizes = [("keys", 10), ("keys", 2_000), ("steps", 3), ("steps", 4)]
    sizes += [(f"events in {name}", window) for name in ("Q3e", "Q3c") for window in (100, 1000)]
    assert [(g.what, g.size) for g in grown] == sizes
    assert all(g.beyond == 1 for g in grown[::2])
    assert all(g.matches > 0 for g in grown if "Q3e" not in g.what)
    assert grown[1].growth_engine == grown[1].engine / grown[0].engine
    lines = scaling.scaling_table(grown).splitlines()
    assert [line.split()[0] for line in lines] == ["what", "10", "2,000", "3", "4", *["100", "1,000"] * 2]


def test_small_batches_are_counted(ticks):
    told = measure_batches(Ticks(*(column[:5000] for column in ticks)), 1, ("Q2",), 500)
    assert [(s.query, s.rows) for s in told] == [("Q2", 500)]
    assert batches_table(told).startswith("Q2: batches of 500: engine ")


def test_the_rules_to_load_have_fifty_shapes():
    assert load.shaped_rules(100).count("\nrule ") == 100
    assert len(set(load.shapes())) == load.SHAPES
    from cep.app.compile import MODULES

    found = load.matchers_of(load.shaped_rules(load.SHAPES))
    assert found.total() == load.SHAPES
    assert found.keys() == MODULES.keys() - {"folding matcher", "window"}


@pytest.mark.parametrize("name", memory.RULES)
def test_keys_that_come_once_leave_no_room_behind(name):
    sizes = [list(memory.sizes(name, kind, 3000, 12)) for kind in memory.KINDS]
    for of_kind in sizes:
        assert all(size.keys == 3000 for size in of_kind[:1])
        # tables of keys that lie near each other grow for some rounds before they are made anew
        assert max(size.tables for size in of_kind[6:]) <= 1.2 * max(size.tables for size in of_kind[:6])


def test_sums_do_not_drift():
    from benchmarks.drift import BLOCK, drift

    found = drift(2 * BLOCK)
    assert found["windows that differ from fsum"] == 0
    assert found["sum of everything is that of fsum"]
    assert found["drift of adding and taking away in floats"] > 0
