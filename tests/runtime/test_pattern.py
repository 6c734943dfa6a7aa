"""The pattern operator: what it keeps is bounded, shards and disorder change nothing, ties are broken by attributes."""

from __future__ import annotations

import itertools
from random import Random

import engine_adapter
import pytest
from engine_adapter import Cut

import cep
from cep.kernels.runs import LIVE_RUNS, LIVE_SLOTS, NODES_USED, PAST_HEAD, PAST_TAIL, ROWS_USED
from cep.kernels.text import LIVE

STREAM = "stream S ordered by at { at: time(s), card: string, note: string?, n: int }\n"
RULE = """rule R keyed by card when S as a where n = 1 then S as b where n = 2 and note != a.note within 10 s
emit X { card, note = a.note }
"""


def shards_of(engine):
    return [s for e in engine._executors for o in e.operators for s in getattr(o, "_shards", ())]


@pytest.mark.parametrize("shards", [1, 3])
def test_fifty_rounds_of_fresh_keys_and_strings_leave_nothing_behind(shards):
    engine = cep.Engine(cep.loads(STREAM + RULE), shards=shards)
    sizes, found = [], 0
    for part in range(50):
        rows = [{"at": 100 * part, "card": f"c{part}-{i}", "note": f"n{part}-{i}", "n": 1} for i in range(500)]
        rows += [
            {"at": 100 * part + 5, "card": f"c{part}-{i}", "note": f"m{part}-{i}", "n": 2} for i in range(0, 500, 2)
        ]
        found += sum(map(len, engine.send_batch("S", rows)))
        held = [shard._state for shard in shards_of(engine)]
        tables = sum(t.size for state in held for t in state)
        strings = sum(s.strings.store.heap.size + s.strings.store.spans.size for s in shards_of(engine))
        sizes.append((tables, strings))
        assert sum(int(s.counts[LIVE_RUNS]) for s in held) == 250 == engine.summary.open_runs["R"]
        assert sum(int(s.counts[LIVE_SLOTS]) for s in held) <= 500
    assert found == 50 * 250
    assert all(last <= 1.25 * middle for last, middle in zip(sizes[-1], sizes[25], strict=True))
    assert sum(int(s.strings.store.counts[LIVE]) for s in shards_of(engine)) < 3 * 4096 * shards
    engine.advance("1970-02-01T00:00:00Z")
    assert engine.summary.open_runs == {}
    for state in (shard._state for shard in shards_of(engine)):
        assert state.counts[LIVE_RUNS] == state.counts[LIVE_SLOTS] == 0
        assert state.counts[ROWS_USED] < 10_000
        assert state.counts[NODES_USED] < 10_000


def test_what_an_absence_at_the_start_keeps_goes_with_the_watermark():
    rule = """rule R keyed by card when no S where n = 1 and note = b.note for 10 s then S as b where n = 2
    emit X { card, note = b.note }
    """
    engine = cep.Engine(cep.loads(STREAM + rule), shards=3)
    sizes, found = [], 0
    for part in range(30):
        at, cards = 100 * part, [f"c{part}-{i}" for i in range(300)]
        rows = [{"at": at, "card": c, "note": f"n{part}-{n % 2}", "n": 1} for n, c in enumerate(cards)]
        rows += [{"at": at + 1, "card": c, "note": f"n{part}-{n % 3 % 2}", "n": 2} for n, c in enumerate(cards)]
        rows += [{"at": at + 11, "card": c, "note": f"n{part}-0", "n": 2} for c in cards[:7]]
        found += sum(map(len, engine.send_batch("S", rows)))
        sizes.append(sum(t.size for shard in shards_of(engine) for t in shard._state))
    # of six neighbours three have another note than before; at 11 s nothing of n = 1 is in sight
    assert found == 30 * (150 + 7)
    assert sizes[-1] <= 1.25 * sizes[15]
    engine.advance("1970-02-01T00:00:00Z")
    for state in (shard._state for shard in shards_of(engine)):
        assert state.counts[LIVE_SLOTS] == 0 == state.counts[PAST_TAIL] - state.counts[PAST_HEAD]


def test_what_a_long_run_has_bound_outlives_collections_and_compactions():
    rule = """rule R keyed by card
    when S as a where n = 1 then 1 or more S as l where n = 3 then S as b where n = 2 within 1 d
    emit X { card, first = a.note, last = last(l.note), c = count(l) }
    """
    engine = cep.Engine(cep.loads(STREAM + rule))
    engine.send("S", {"at": 0, "card": "old", "note": "the first", "n": 1})
    for part in range(30):
        rows = [{"at": part, "card": f"c{part}-{i}", "note": f"n{part}-{i}", "n": 1 + i % 2} for i in range(600)]
        rows.append({"at": part, "card": "old", "note": f"loop {part}", "n": 3})
        engine.send_batch("S", rows)
    (found,) = engine.send("S", {"at": 99, "card": "old", "note": None, "n": 2})
    assert found.to_dicts() == [{"card": "old", "first": "the first", "last": "loop 29", "c": 30}]


def test_lists_that_a_run_has_bound_outlive_collections_and_the_others_are_freed():
    text = """
    stream S ordered by at { at: time(s), card: string, n: int, tags: list<string>? }
    rule R keyed by card
    when S as a where n = 1 then 1 or more S as l where n = 3 then S as b where n = 2 within 1 d
    emit X { card, a.tags, all = flatten(l.tags), last = last(l.tags) }
    """
    engine = cep.Engine(cep.loads(text))
    engine.send("S", {"at": 0, "card": "old", "n": 1, "tags": ["the", "first"]})
    for part in range(30):
        rows = [{"at": part, "card": f"c{i}", "n": 1 + i % 2, "tags": [f"{part}", f"{i}"]} for i in range(600)]
        rows.append({"at": part, "card": "old", "n": 3, "tags": [f"loop {part}"] if part % 2 else None})
        engine.send_batch("S", rows)
    (found,) = engine.send("S", {"at": 99, "card": "old", "n": 2, "tags": []})
    loops = [f"loop {part}" for part in range(1, 30, 2)]
    assert found.to_dicts() == [{"card": "old", "tags": ["the", "first"], "all": loops, "last": ["loop 29"]}]
    engine.advance("1970-02-01T00:00:00Z")
    engine.send_batch("S", [{"at": 10**7 + n, "card": "new", "n": 2, "tags": [f"{n}"]} for n in range(9000)])
    assert all(int(s.strings.store.counts[LIVE]) < 3 * 4096 for s in shards_of(engine))


def test_an_attribute_that_a_stream_lacks_is_null_whatever_was_collected():
    text = """
    stream A ordered by at { at: time(s), k: int, s: string }
    stream B ordered by at { at: time(s), k: int }
    rule R keyed by k when optional A as a then B as b within 10 s emit X { s = a.s }
    """
    engine = cep.Engine(cep.loads(text))
    for part in range(4):
        engine.send_batch("A", [{"at": 100 * part, "k": i, "s": f"{part}.{i}"} for i in range(5000)])
        engine.advance((100 * part + 50) * 10**9)
    found = engine.send_batch("B", [{"at": 1000, "k": 1}]) + engine.close()
    assert [d for b in found for d in b.to_dicts()] == [{"s": None}]


KEYS = {
    "string": ["", "a", "é", "😀", "a" * 100, None],
    "int": [0, -1, 2**63 - 1, -(2**63), None],
    "float": [0.0, -0.0, 1.5, -1e300, None],
    "bool": [True, False, None],
    "decimal(2)": ["0.00", "-1.25", "9.00", None],
    "time": ["1970-01-01T00:00:00Z", "2013-01-01T00:00:00.000000001Z", None],
    "duration": ["1 s", "-2 h", None],
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_every_kind_are_told_apart_in_every_shard(kind):
    text = f"stream S ordered by at {{ at: time(s), k: {kind}?, g: {kind}?, n: int }}\n"
    text += "rule R keyed by k, g when S as a then S as b where n > a.n within 1 h emit X { k, g, n = a.n, m = b.n }"
    rng = Random(kind)
    rows = [("S", {"at": i // 3, "k": rng.choice(KEYS[kind]), "g": rng.choice(KEYS[kind]), "n": i}) for i in range(120)]

    def same(value):
        return value + 0.0 if isinstance(value, float) else value

    waiting, want = {}, []
    for _, row in rows:
        key = same(row["k"]), same(row["g"])
        if None in key:
            continue
        if key in waiting:
            want.append((waiting.pop(key), row["n"]))
        else:
            waiting[key] = row["n"]
    rules = cep.loads(text)
    for cut in (Cut(1), Cut(50), Cut(7, shards=2), Cut(120, shards=7)):
        found = engine_adapter.run_rules(rules, rows, "open", cut)
        assert [(r.fields["n"], r.fields["m"]) for r in found] == want
    engine = cep.Engine(rules)
    engine.send_batch("S", [row for _, row in rows])
    assert engine.summary.null_keys == {"R": sum(None in (r["k"], r["g"]) for _, r in rows)}


TIES = {
    "int": [3, -1, 2**62, None],
    "float": [0.5, -1e9, 3.0, None],
    "string": ["b", "", "é", "aa", None],
    "decimal(2)": ["3.00", "0.50", "1.50", "9.00", None],
    "bool": [True, False, None],
    "time": ["2020-01-01", "1999-01-01", None],
}


@pytest.mark.parametrize("kind", TIES)
def test_ties_are_broken_by_attributes_nulls_first(kind):
    """One stream cannot be null, the other can; both are of one class. A pattern and a filter see one order."""
    text = f"""
    stream A ordered by at late 9 s ties by d {{ at: time(s), d: {kind}, n: int }}
    stream B ordered by at late 9 s ties by d {{ at: time(s), d: {kind}?, n: int }}
    stream C = A | B
    rule P when C as x then C as y within 1 min after match keep all emit X {{ a = x.n, b = y.n }}
    rule F from C emit Y {{ n }}
    """
    values = TIES[kind]
    rows = [("A", {"at": 0, "d": v, "n": i}) for i, v in enumerate(values[:-1])]
    rows += [("B", {"at": 0, "d": v, "n": 10 + i}) for i, v in enumerate(values)]
    known = [v for v in values if v is not None]
    by_value = sorted(known, key=float if kind.startswith("decimal") else None)
    order = [10 + len(known)] + [n for v in by_value for n in (values.index(v), 10 + values.index(v))]
    for cut in (Cut("whole"), Cut(1), Cut(3, shards=2)):
        found = engine_adapter.run(text, rows, cut=cut)
        assert [r.fields["n"] for r in found if r.type == "Y"] == order
        assert [(r.fields["a"], r.fields["b"]) for r in found if r.type == "X"] == list(itertools.pairwise(order))
