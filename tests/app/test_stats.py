"""What an engine counts and holds, and that the summary says the same."""

from __future__ import annotations

import dataclasses
import json

import pytest

import cep

RULES = """\
stream Pay ordered by at late 10 s { at: time(s), card: string?, amount: int }
stream Ping ordered by at { at: time(s) }
rule Big from Pay where 1000 / amount > 10 emit Alert { card, amount } emit Copy { amount }
rule Twice keyed by card when Pay as one then Pay as two where two.amount > one.amount within 1 h emit Again { card }
"""


@pytest.fixture
def engine():
    engine = cep.Engine(cep.loads(RULES))
    for row in [
        {"at": 100, "card": "a", "amount": 5},
        {"at": 101, "card": "b", "amount": 0},
        {"at": 102, "card": None, "amount": 500},
        {"at": 5, "card": "a", "amount": 5},
        {"at": 130, "card": "c", "amount": "many"},
        {"at": 131, "card": "c", "amount": 1},
    ]:
        engine.send("Pay", row)
    return engine


def test_streams_are_counted(engine):
    streams = engine.stats().streams
    assert streams["Pay"] == cep.StreamStats(4, 1, 1, watermark=121 * 10**9, ended=False)
    assert streams["Ping"] == cep.StreamStats()
    engine.end("Ping")
    assert engine.stats().streams["Ping"].ended


def test_rules_are_counted(engine):
    rules = engine.stats().rules
    big, twice = rules["Big"], rules["Twice"]
    assert (big.matches, big.derived, big.waiting, big.faults) == (1, 2, 2, {"division by zero": 1})
    assert (twice.matches, twice.open_runs, twice.keys, twice.rows, twice.waiting) == (0, 2, 2, 2, 1)
    assert twice.null_keys == 1
    assert twice.bytes > 8 * 256
    assert engine.stats().bytes == big.bytes + twice.bytes


def test_a_summary_says_the_same(engine):
    summary = engine.summary
    assert dataclasses.replace(summary, seconds=0) == cep.Summary(
        {"Pay": 4, "Ping": 0},
        {"Pay": 1},
        {"Pay": 1},
        {"Twice": 1},
        {"Big": 2, "Twice": 0},
        {"Twice": 2},
        {"Big": {"division by zero": 1}},
    )


def test_it_is_plain_data_and_frozen(engine):
    stats = engine.stats()
    told = json.loads(json.dumps(stats.to_dict()))
    assert told["streams"]["Pay"]["watermark"] == "1970-01-01T00:02:01Z"
    assert told["streams"]["Ping"]["watermark"] is None
    assert told["rules"]["Twice"]["open_runs"] == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.seconds = 0
