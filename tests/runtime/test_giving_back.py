"""What has expired gives its room back when time has passed, without a later event, and nothing else changes."""

from __future__ import annotations

import random

import numpy as np
import pytest

import cep
from cep.compiler.choice import CHAIN, COUNTING, GRAPH, RUN_TABLE
from cep.model.batch import Text
from cep.runtime import held
from cep.runtime.strings import Strings

STREAMS = "".join(f"stream {name} ordered by ts {{ ts: time(ms), k: string, j: int, v: int }}\n" for name in "AB")
RULES = {
    CHAIN: "when A as a then B as b then A as c within 1 s emit X { k, a = a.v, c = c.v }",
    GRAPH: "when A as a then any B as b then any A as c within 1 s after match keep all emit X { k, a = a.v, c = c.v }",
    COUNTING: "when A as a then any B as b then any A as c within 1 s after match keep all emit X { k, n = count() }",
    RUN_TABLE: "when 1 or more A as a then B as b where b.v < 1 + sum(a.v) within 1 s emit X { k, n = count(a) }",
    "a final absence": "when A as a where v < 100 then no B for 1 s emit X { k, a = a.v }",
}


def loaded(name):
    rules = cep.loads(f"{STREAMS}rule R keyed by j, k {RULES[name]}\n")
    if name in (CHAIN, GRAPH, COUNTING, RUN_TABLE):
        assert rules.programs.choices["R"].name == name
    return rules


def rows(ts, keys):
    return [{"ts": ts, "k": f"customer {key}", "j": key, "v": key % 7} for key in keys]


@pytest.mark.parametrize("name", RULES)
def test_time_alone_gives_the_room_of_a_burst_back(name, monkeypatch):
    monkeypatch.setattr(held, "LARGE", 300)
    engine = cep.Engine(loaded(name))
    first = engine.stats().bytes
    engine.send_batch("A", rows(0, range(1500)))
    engine.advance(1_000_000)
    full, open_runs = engine.stats().bytes, engine.stats().rules["R"].open_runs
    engine.advance(5_000_000_000)
    empty = engine.stats().bytes
    engine.send_batch("A", rows(6000, range(20)))  # and it works as before
    engine.send_batch("B", rows(6001, range(20)))
    engine.send_batch("A", rows(6002, range(20)))
    engine.advance(6_003_000_000)
    assert open_runs >= 1500
    assert full > 4 * first
    assert empty < 2 * first
    assert engine.stats().rules["R"].open_runs <= 60


@pytest.mark.parametrize("name", RULES)
def test_to_give_back_at_every_turn_changes_no_result(name, monkeypatch):
    rules, found = loaded(name), []
    for large in (0, 2**40):
        monkeypatch.setattr(held, "LARGE", large)
        rng, engine, time = random.Random(5), cep.Engine(rules), 0
        told = []
        for _ in range(60):
            time += rng.choice([1, 100, 300, 700, 2500])
            keys = [rng.randrange(12) for _ in range(rng.choice([1, 5, 30, 40]))]
            for stream in rng.choice(["A", "B", "AB", "BA"]):
                told += [row for batch in engine.send_batch(stream, rows(time, keys)) for row in batch.to_dicts()]
                told += [row for batch in engine.advance(time * 1_000_000) for row in batch.to_dicts()]
        told += [row for batch in engine.close(end="final") for row in batch.to_dicts()]
        found.append(told)
    assert found[0] == found[1]
    assert len(found[0]) > 20


def test_strings_that_nothing_holds_go_with_the_room_they_took(monkeypatch):
    monkeypatch.setattr(held, "LARGE", 100)
    strings = Strings(("constant",))
    texts = [f"string {n}" for n in range(2000)]
    codes = strings.intern(Text.of(texts), np.arange(2000))
    size = sum(table.nbytes for table in strings.store)
    strings.collect([codes[:3]])
    assert sum(table.nbytes for table in strings.store) * 20 < size
    assert [strings.string_of(code) for code in (0, *codes[:3].tolist())] == ["constant", *texts[:3]]
    again = strings.intern(Text.of(texts), np.arange(2000))
    assert again[:3].tolist() == codes[:3].tolist()
    assert [strings.string_of(code) for code in again[::400].tolist()] == texts[::400]
