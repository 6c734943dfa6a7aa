"""All matches of an event are told of as the run table tells of them, however long the bound, and nothing grows."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random

import engine_adapter
import numpy as np
import pytest

import cep
from cep.compiler.choice import FOLDING, RUN_TABLE, only

STREAM = "stream S ordered by at { at: time(s), k: string, n: int, v: int?, x: float, s: string }\n"
RULE = """rule R keyed by k
when S as a where n <= 2 then any S as b where n >= 2 then any S as c where n = 1 then any S as d where n = 3
within {0} s after match keep all
emit X {{
  k, n = count(), at = d.at, va = sum(a.v), vb = avg(b.v), xa = sum(a.x), xb = avg(b.x), xd = sum(d.x), lo = min(c.x),
  hi = max(a.v), f = first(b.s), l = last(c.s), many = count(b.v)
}}"""


def loaded(matcher, within, rule=RULE):
    with only(matcher):
        rules = cep.loads(STREAM + rule.format(within))
        assert rules.programs.choices["R"].name == matcher
        return rules


def rows(rng, count, keys):
    for i in range(count):
        x = rng.choice([0.1, -0.1, -0.0, 3.0, rng.uniform(-1, 1) * 2.0 ** rng.randint(-1000, 1000)])
        given = {"n": rng.choice([1, 1, 2, 3, 4]), "v": rng.choice([None, -5, 3]), "x": x, "s": rng.choice("pqr")}
        yield "S", {"at": i // 9, "k": f"k{rng.randrange(keys)}", **given}


@pytest.mark.parametrize(("keys", "within"), [(1, 1), (30, 20)])
@pytest.mark.parametrize("cut", [engine_adapter.Cut(300), engine_adapter.Cut(77, shards=3)], ids=str)
def test_it_tells_what_the_run_table_lists(keys, within, cut):
    events = list(rows(Random(keys), 500, keys))
    found = [
        engine_adapter.everything(engine_adapter.batches(loaded(matcher, within), events, "open", cut))
        for matcher in (FOLDING, RUN_TABLE)
    ]
    assert found[0] == found[1]
    assert len(found[0]) >= 10


def test_a_snapshot_holds_all_that_is_told_later():
    rules, events = loaded(FOLDING, 20), list(rows(Random(5), 400, 4))
    whole, halves = cep.Engine(rules), cep.Engine(rules)
    want = [b.to_dicts() for name, row in events for b in whole.send(name, row)]
    got = [b.to_dicts() for name, row in events[:230] for b in halves.send(name, row)]
    kept = halves.snapshot()
    again = cep.Engine.restore(rules, kept)
    assert again.snapshot() == kept
    got += [b.to_dicts() for name, row in events[230:] for b in again.send(name, row)]
    assert got == want


def test_what_is_held_is_what_is_open():
    engine = cep.Engine(loaded(FOLDING, 3))
    sizes = []
    for part in range(40):  # one key always has open runs
        at = part * 100 + np.arange(100)
        zeros = np.zeros(100, np.int64)
        n = 1 + (at % 3)
        engine.send_batch("S", {"at": at, "k": ["k"] * 100, "n": n, "v": zeros, "x": zeros * 0.5, "s": ["p"] * 100})
        (shard,) = engine._executors[0].operators[0]._shards
        sizes.append(shard.matcher.held)
    assert sizes[-1] == sizes[6]  # a whole number of rounds of three before
    assert 0 < sizes[-1][2] < 20


def test_more_matches_than_64_bits_hold_are_null_and_what_follows_is_not():
    rule = " then any ".join(f"S as s{i}" for i in range(20))
    shown = "n = count(), total = sum(s3.n), least = min(s5.n), x = sum(s0.x)"
    text = f"{STREAM}rule R when {rule} within 95 s after match keep all emit X {{ {shown} }}"
    engine = cep.Engine(cep.loads(text))
    at = np.concatenate([np.arange(100), 200 + np.arange(25)])
    n, x = np.full(125, -3), np.full(125, 0.1)
    found = engine.send_batch("S", {"at": at, "k": ["k"] * 125, "n": n, "v": n, "x": x, "s": ["p"] * 125})
    told = [row for batch in found for row in batch.to_dicts()]
    exact = [math.comb(min(i, 95), 19) for i in range(19, 100)] + [math.comb(i, 19) for i in range(19, 25)]
    fits = [count if count < 2**63 else None for count in exact]
    assert [row["n"] for row in told] == fits
    assert None in fits
    whole = [None if c is None or -3 * c < -(2**63) else -3 * c for c in fits]
    assert [row["total"] for row in told] == whole
    assert {row["least"] for row in told} == {-3}
    assert [row["x"] for row in told] == [None if c is None else float(c * Fraction(0.1)) for c in fits]


def test_a_sum_that_leaves_64_bits_is_counted():
    shown = "n = count(), total = sum(a.n)"
    rule = f"rule R when S as a then any S as b within 9 s after match keep all emit X {{{{ {shown} }}}}"
    engine = cep.Engine(loaded(FOLDING, 9, rule))
    given = [{"at": i, "k": "k", "n": 2**63 - 1, "v": 1, "x": 1e308, "s": ""} for i in range(3)]
    told = [row["total"] for batch in engine.send_batch("S", given) for row in batch.to_dicts()]
    assert told == [2**63 - 1, None]
    assert engine.summary.faults == {"R": {"overflow": 1}}
