"""Rows that are selected where the columns lie are those that column functions select."""

from __future__ import annotations

from random import Random

import engine_adapter
import numpy as np
import pyarrow as pa
import pytest

import cep
from cep.compiler.choice import CHAIN, RUN_TABLE, only

STREAM = """stream S ordered by at {
    at: time(s), k: int?, n: int, m: int?, x: float, y: float?, b: bool, c: bool?, s: string, t: string?,
    d: decimal(2), u: duration
}
"""
CONDITIONS = [
    "n = 3", "n != 3", "n < 3", "n <= 3", "n > 3", "3 >= n", "n > 5000000000", "n < 5000000000", "n != -5000000000",
    "m = 3", "m != 3", "m is null or m = 2", "n = 1 or n = 4", "n + 1 = m", "x > 2.5", "x <= 2.5", "2 < x", "x != 0",
    "x = 0.0", "y >= 2.5", "not (y < 1.5)", "b", "not b", "c", "c = false", 's = "a"', 's != "a"', 's > "b"',
    '"b" >= s', 's in ("a", "d")', 's = "nowhere"', 's like "%a%"', 't = "a"', 't != "a"', 't is null', "d > 1.50",
    "d = 2", "u > 1500 ms", 'n > 1 and x > 1 and s != "c" and b', "k > 1",
]  # fmt: skip


def rows(count):
    rng = Random(count)

    def maybe(value):
        return None if rng.random() < 0.2 else value

    return [
        {"at": i, "k": maybe(rng.randrange(4)), "n": rng.randrange(6), "m": maybe(rng.randrange(6)),
         "x": rng.choice([-0.0, 0.0, 1.0, 2.5, 4.0]), "y": maybe(rng.choice([1.5, 2.5])), "b": rng.random() < 0.5,
         "c": maybe(rng.random() < 0.5), "s": rng.choice("abcd"), "t": maybe(rng.choice("ab")),
         "d": f"{rng.randrange(400) / 100:.2f}", "u": f"{rng.randrange(3000)} ms"}
        for i in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("at", range(0, len(CONDITIONS), 4))
@pytest.mark.parametrize("cut", [engine_adapter.Cut(97), engine_adapter.Cut(1000, shards=3)], ids=str)
def test_a_chain_selects_what_the_run_table_selects(at, cut):
    steps = [f"S as v{i} where {condition}" for i, condition in enumerate(CONDITIONS[at : at + 4])]
    rule = f"rule R keyed by k when {' then '.join(steps)} within 100 s after match keep all emit X {{ k, a = v0.at }}"
    events, found = [("S", row) for row in rows(400)], []
    for matcher in (CHAIN, RUN_TABLE):
        with only(matcher):
            rules = cep.loads(STREAM + rule)
            assert rules.programs.choices["R"].name == matcher
        found.append(engine_adapter.everything(engine_adapter.batches(rules, events, "open", cut)))
    assert found[0] == found[1]


def test_more_steps_than_a_byte_has_bits():
    names = "abcdefghijkl"
    steps = [f'S as v{i} where s = "{name}" and n > 0' for i, name in enumerate(names)]
    text = (
        "stream S ordered by at { at: time(s), s: string, n: int }\n"
        f"rule R when {' then '.join(steps)} allow unbounded after match keep all emit X {{ a = v0.n, z = v11.n }}"
    )
    rng = Random(5)
    events = [("S", {"at": i, "s": rng.choice(names), "n": rng.randrange(5)}) for i in range(900)]
    found = []
    for matcher in (CHAIN, RUN_TABLE):
        with only(matcher):
            rules = cep.loads(text)
        found.append(engine_adapter.everything(engine_adapter.batches(rules, events, "open", engine_adapter.Cut(300))))
    assert found[0] == found[1]
    assert len(found[0]) > 20


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64])
def test_columns_of_any_width_are_read_as_they_lie(dtype):
    rules = cep.loads(
        "stream S ordered by at { at: time(s), k: int, n: int }\n"
        "rule R keyed by k when S as a where n > 100 then S as b where n < 3 within 50 s emit X { k, f = a.n, t = b.n }"
    )
    rng = np.random.default_rng(3)
    columns = {"at": np.arange(400), "k": rng.integers(0, 3, 400), "n": rng.integers(0, 120, 400)}
    narrow = {name: pa.array(v.astype(np.int64 if name == "at" else dtype)) for name, v in columns.items()}
    wide = [(("S", dict(zip(columns, map(int, row), strict=True)))) for row in zip(*columns.values(), strict=True)]
    engine = cep.Engine(rules)
    out = engine.send_batch("S", pa.record_batch(narrow)) + engine.close()
    want = engine_adapter.batches(rules, wide, "open", engine_adapter.Cut(50))
    assert engine_adapter.everything(out) == engine_adapter.everything(want)


def test_a_dictionary_may_hold_a_string_twice_and_change():
    rules = cep.loads(
        "stream S ordered by at { at: time(s), s: string }\n"
        'rule R when S as a where s = "x" then S as b where s = "y" within 5 s after match keep all '
        "emit X { f = a.at, t = b.at }"
    )
    engine = cep.Engine(rules)
    for part, letters in enumerate((["x", "q", "x", "y"], ["y", "x", "r", "y"])):
        codes = pa.array(np.arange(4, dtype=np.int32))
        column = pa.DictionaryArray.from_arrays(codes, pa.array(letters))
        found = engine.send_batch("S", pa.record_batch({"at": pa.array([4 * part + i for i in range(4)]), "s": column}))
        assert sum(map(len, found)) == (2, 1)[part]


@pytest.mark.parametrize("step", [1, 2])
def test_columns_may_be_read_only_and_have_gaps(step):
    rules = cep.loads(
        "stream S ordered by at { at: time(s), k: int, x: float, s: string, b: bool }\n"
        'rule R keyed by k when S as a where x > 1 and s = "a" then S as c where b and x < 2 and s != "a" '
        "allow unbounded after match keep all emit X { k, f = a.x, t = c.x }"
    )
    rng, found = np.random.default_rng(3), []
    columns = {"at": np.arange(400), "k": rng.integers(0, 3, 400), "x": rng.uniform(0, 3, 400),
               "s": rng.choice(["a", "b", "c"], 400), "b": rng.integers(0, 2, 400) == 1}  # fmt: skip
    for given in (columns, {name: np.repeat(values, step)[::step] for name, values in columns.items()}):
        for values in given.values():
            values.flags.writeable = False
        engine = cep.Engine(rules)
        found.append(engine_adapter.everything(engine.send_batch("S", given) + engine.close()))
    assert found[0] == found[1]
    assert len(found[0]) > 10
