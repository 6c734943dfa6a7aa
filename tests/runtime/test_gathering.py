"""Batches that need not wait give the same as batches that do, to the byte: blocks made in one call, rules bundled."""

from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa
import pytest

import cep
from cep.kernels.jit import PLAIN
from cep.model.arrow import to_arrow
from cep.runtime import takers
from cep.runtime.operators import direct
from cep.runtime.operators import filter as filter_operator

pytestmark = pytest.mark.skipif(PLAIN, reason="plain Python has one way")

STREAM = """stream S ordered by at {
    at: time(ms), k: int, name: string, n: int, m: int?, x: float, flag: bool, s: string, d: duration
}
"""
CONDITIONS = [
    "n = 3", "n != 3", "n < 3", "n > 5000000000", "n < 5000000000", "x > 2.5", "x <= 2.5", "x != 0", "flag", "not flag",
    's = "a"', 's != "a"', 's in ("a", "d")', 's = "nowhere"', "d > 1 s", "m = 3",
    'n > 1 and x > 1 and s != "c" and flag', "k > 1", 's = "b" and n = 2', 'name = "v1"', "m != 2 and x > 0",
]  # fmt: skip


def tables(count, size, *, narrow=False, nulls=False, words="abcd", seed=1):
    rng = Random(seed)
    kind = pa.int32() if narrow else pa.int64()
    out = []
    for start in range(0, count, size):
        rows = range(start, min(start + size, count))
        letters = list(words)
        rng.shuffle(letters)
        codes = pa.array([rng.randrange(len(letters)) for _ in rows], pa.int32())
        m = [None if nulls and rng.random() < 0.2 else rng.randrange(6) for _ in rows]
        columns = {
            "at": pa.array([i // 3 for i in rows], pa.int64()),
            "k": pa.array([rng.randrange(4) for _ in rows], kind),
            "name": pa.DictionaryArray.from_arrays(
                pa.array([rng.randrange(3) for _ in rows], pa.int32()), pa.array(["v0", "v1", "v2"])
            ),
            "n": pa.array([rng.randrange(6) for _ in rows], kind),
            "m": pa.array(m, pa.int64()),
            "x": pa.array([rng.choice([-0.0, 0.0, 1.0, 2.5, 4.0]) for _ in rows]),
            "flag": pa.array([rng.random() < 0.5 for _ in rows]),
            "s": pa.DictionaryArray.from_arrays(codes, pa.array(letters)),
            "d": pa.array([rng.randrange(3_000_000_000) for _ in rows], pa.duration("ns")),
        }
        out.append(pa.record_batch(columns))
    return out


def everything(text, given, *, at_once, monkeypatch, is_taken=True):
    """All events, their rules, keys, identities and causes, and the state at the end."""
    rules = cep.loads(STREAM + text)
    taken = []
    with monkeypatch.context() as patch:
        take = takers.BatchTaker.take
        if at_once:
            patch.setattr(
                takers.BatchTaker,
                "take",
                lambda self, *a: (taken.append(out := take(self, *a)), out)[1],
            )
        else:
            patch.setattr(direct.DirectOperator, "batch_taker", lambda *_: None)
            patch.setattr(filter_operator.FilterOperator, "batch_taker", lambda *_: None)
        engine = cep.Engine(rules)
        found = []
        for table in given:
            found += [row for batch in engine.send_batch("S", table) for row in shown(batch)]
        state = engine.snapshot()
        found += [row for batch in engine.close() for row in shown(batch)]
    if at_once and is_taken:
        assert any(count is not None for count in taken), "some batch has taken the short way"
    return found, state, engine.summary.matches


def shown(batch):
    assert to_arrow(batch).num_rows == len(batch)
    return batch.to_dicts(meta=True, lineage=True)


def both(text, given, monkeypatch, *, is_taken=True):
    one, other = (
        everything(text, given, at_once=way, monkeypatch=monkeypatch, is_taken=is_taken) for way in (True, False)
    )
    assert one[0] == other[0]
    assert one[1:] == other[1:]
    return one[0]


@pytest.mark.parametrize("at", range(0, len(CONDITIONS), 5))
@pytest.mark.parametrize("form", [{}, {"narrow": True, "nulls": True}], ids=["wide", "narrow, nulls"])
def test_a_block_made_in_one_call_is_that_of_a_batch_that_waits(at, form, monkeypatch):
    conditions = CONDITIONS[at : at + 5]
    rules = [
        f"""rule R{i} keyed by k when S as a where {one} then S as b where n != 1 and {other} then S as c where {one}
        within 1 s after match keep all emit X{i} {{ k, a = a.x, c = c.n }}"""
        for i, (one, other) in enumerate(zip(conditions, conditions[1:] + conditions[:1], strict=True))
    ]
    both("\n".join(rules), tables(300, 60, **form), monkeypatch, is_taken=not form)


LETTERS = "abcdefghijklmnopqrstuvwxyz"
ASKED = ['= "a"', '!= "c"', '< "d"', '!= "nowhere"', '!= "z"', '<= "h"', '>= "b"', '> "a"']


@pytest.mark.parametrize("steps", [2, 3, 8])
@pytest.mark.parametrize("alone", [True, False], ids=["letters alone", "with a price"])
def test_what_is_asked_of_one_dictionary_is_asked_at_once_while_it_is_small(steps, alone, monkeypatch):
    # eight steps over eight letters fill a word, nine do not fit; the dictionary grows and shrinks between batches
    sizes = [4, 8, 9, 26, 8, 3]
    given = [tables(360, 60, words=LETTERS[:size], seed=size)[i] for i, size in enumerate(sizes)]
    rules = []
    for first in range(len(ASKED)):
        asked = [ASKED[(first + i) % len(ASKED)] for i in range(steps)]
        more = "" if alone else " and x > 0 and n != 2"
        pattern = " then ".join(f"S as a{i} where s {one}{more}" for i, one in enumerate(asked))
        rules.append(
            f"rule R{first} keyed by k when {pattern} within 1 s after match keep all emit X{first} {{ k, at = a0.at }}"
        )
    assert both("\n".join(rules), given, monkeypatch)


@pytest.mark.parametrize("key", ["k", "name", "x", "k, name"])
def test_keys_and_values_of_every_kind_are_kept(key, monkeypatch):
    rule = f"""rule R keyed by {key} when S as a where n > 2 then S as b where n < 2 within 1 s
    emit X {{ s = a.s, x = b.x, flag = a.flag, name = b.name, at = a.at, d = b.d }}"""
    assert both(rule, tables(300, 50), monkeypatch)


@pytest.mark.parametrize("key", ["k", "name", "x", "k, name"])
@pytest.mark.parametrize("form", [{}, {"narrow": True}, {"nulls": True}], ids=["wide", "narrow", "nulls"])
def test_every_event_is_taken_where_every_event_counts(key, form, monkeypatch):
    rule = f"""rule R keyed by {key}
    when S as a where s != "b" next 1 or more S in a row as b where n < prev(b.n, a.n) and d > 0 s
         next S as c where not n < last(b.n)
    allow unbounded
    emit X {{ s = a.s, x = c.x, n = last(b.n), name = c.name, m = a.m }}"""
    assert both(rule, tables(300, 50, **form), monkeypatch, is_taken="nulls" not in form)


@pytest.mark.parametrize("keyed", ["", "keyed by k, s"])
@pytest.mark.parametrize("form", [{}, {"narrow": True}, {"nulls": True}], ids=["wide", "narrow", "nulls"])
def test_filters_are_taken_where_they_lie(keyed, form, monkeypatch):
    rules = [
        f"""rule R{i} {keyed} from S where {one} emit X{i} {{ s, x, more = n, at, d, name }}
        {"emit Also { k, was = x }" if i % 3 == 0 else ""}"""
        for i, one in enumerate(CONDITIONS)
    ]
    assert both("\n".join(rules), tables(300, 60, **form), monkeypatch, is_taken=False)
    for rule in rules[:2]:
        assert both(rule, tables(300, 60, **form), monkeypatch, is_taken=False)


MANY = [(a, b, least) for a in "abc" for b in "abd" for least in (0.0, 1.0)]


def many(own_type):
    return "\n".join(
        f"""rule R{i} keyed by k when S as a where s = "{a}" and x > {least} then S as b where s = "{b}" and x > {least}
        within 100 ms after match keep all emit {f"X{i}" if own_type else "X"} {{ k, first = a.x, then = b.n }}"""
        for i, (a, b, least) in enumerate(MANY)
    )


@pytest.mark.parametrize("own_type", [True, False], ids=["a type a rule", "one type"])
@pytest.mark.parametrize("size", [1, 7, 300])
def test_many_rules_of_one_form_find_what_each_finds(own_type, size, monkeypatch):
    found = both(many(own_type), tables(300, size), monkeypatch, is_taken=size > 4)
    assert {row["_rule"] for row in found} == {f"R{i}" for i in range(len(MANY))}


def test_rules_of_several_forms_and_levels_stand_beside_each_other(monkeypatch):
    text = (
        many(own_type=False)
        + """
    rule Other keyed by k when S as a where n = 1 then S as b where n = 2 within 1 s emit Y { x = a.x + b.x }
    rule Rows keyed by k when S as a next 1 or more S in a row as f where x < prev(f.x, a.x) next S as o
    allow unbounded emit Z { top = a.x }
    rule Late keyed by k when S as a where n = 5 then no S where n = 4 for 1 ms emit W { k }
    rule Above from X where first > 2 emit V { k, first }
    rule Any when S as a where n = 3 and x > 2 then any S as b where n = 4 and x > 2 within 5 ms emit U { n = b.n }
    """
    )
    found = both(text, tables(300, 25), monkeypatch)
    assert {"Other", "Rows", "Late", "Above", "Any"} <= {row["_rule"] for row in found}


def test_one_event_a_call_and_batches_take_turns(monkeypatch):
    given = tables(200, 20)
    mixed = [piece for table in given for piece in (table.slice(0, 12), table.slice(12, 1), table.slice(13))]
    assert both(many(own_type=False), mixed, monkeypatch)


def test_late_events_are_left_out_alike(monkeypatch):
    given = tables(120, 30)
    given.insert(2, given[0])  # all of it late
    both(many(own_type=False), given, monkeypatch)


def test_a_batch_greater_than_all_before_it_finds_room(monkeypatch):
    sizes = [tables(900, size, seed=size)[0] for size in (1, 70, 900)]
    shifted = [t.set_column(0, "at", pa.array(np.arange(t.num_rows) + 1000 * i)) for i, t in enumerate(sizes)]
    both(many(own_type=False), shifted, monkeypatch)


PLAIN_STREAM = """param least: int = 2
stream S ordered by at { at: time(ms), k: int, n: int, x: float, s: string }
"""
PLAIN_RULES = {
    "a pattern": """rule R keyed by k when S as a where n > 2 and s = "a" then S as b where x > 1 within 1 s
        emit X { k, a = a.n, s = b.s }""",
    "every event": """rule R keyed by s when S as a where x > 1 next 1 or more S in a row as b where n < prev(b.n, a.n)
        next S as c where not n < last(b.n) allow unbounded emit X { s, n = c.n, x = a.x }""",
    "every event, whatever it is": """rule R keyed by k when S as a
        next 1 or more S in a row as b where x < prev(b.x, a.x) next S as c where not x < last(b.x)
        allow unbounded emit X { k, n = c.n, x = a.x, t = c.at }""",
    "a filter": 'rule R from S where n > 2 and s != "b" emit X { s, n, x }',
    "some rules": """rule R from S where n > 4 emit X { s, n }
        rule Q keyed by k when S as a where s = "a" then S as b where n = 1 within 1 s emit Y { k, s = b.s }
        rule P from S where n > least emit Z { s, x }""",
}


def plain_tables(seed, words=("abcd", "abcd", "dcba", "dcba", "abcd")):
    """Tables that are taken as they lie; some have other dictionaries, or more rows, than those before."""
    rng = Random(seed)
    out, at = [], 0
    for letters in words:
        size = rng.choice([1, 70, 600, 9000])
        codes = pa.array([rng.randrange(len(letters)) for _ in range(size)], pa.int32())
        columns = {
            "at": pa.array([(at + i) // 3 for i in range(size)], pa.int64()),
            "k": pa.array([rng.randrange(4) for _ in range(size)], pa.int64()),
            "n": pa.array([rng.randrange(6) for _ in range(size)], pa.int32()),
            "x": pa.array([rng.choice([-0.0, 1.0, 2.5]) for _ in range(size)]),
            "s": pa.DictionaryArray.from_arrays(codes, pa.array(list(letters))),
        }
        out.append(pa.record_batch(columns))
        at += size
    return out


@pytest.mark.parametrize("rule", PLAIN_RULES)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_found_while_a_table_is_looked_at_is_what_is_found_later(rule, seed, monkeypatch):
    """Whatever comes between the look and the feeding: other tables, rows, another value for a param."""
    rules = cep.loads(PLAIN_STREAM + PLAIN_RULES[rule])
    given = [t for n in range(4) for t in plain_tables(10 * seed + n)]
    given = [t.set_column(0, "at", pa.array(np.asarray(t["at"]) + 20_000 * n)) for n, t in enumerate(given)]
    first = np.cumsum([0] + [t.num_rows for t in given])
    engine, plain = cep.Engine(rules), cep.Engine(rules)
    decoder, rng = engine.decoder("S"), Random(seed)
    orders, told, want, n = [], [], [], 0
    while n < len(given):
        together = given[n : n + rng.choice([1, 1, 1, 2, 3])]
        decoded = [decoder.decode(t, int(first[n + i])) for i, t in enumerate(together)]
        if rng.random() < 0.2:
            engine.set("least", least := rng.randrange(4))
            plain.set("least", least)
        for one, table in zip(decoded, together, strict=True):
            orders.append(decoder._ahead.orders)
            told += [row for batch in engine.feed("S", one) for row in shown(batch)]
            with monkeypatch.context() as patch:
                patch.setattr(direct.DirectOperator, "batch_taker", lambda *_: None)
                patch.setattr(filter_operator.FilterOperator, "batch_taker", lambda *_: None)
                want += [row for batch in plain.send_batch("S", table.to_pylist()) for row in shown(batch)]
        n += len(together)
    assert told == want
    assert told
    assert any(orders)
    assert engine.snapshot() == plain.snapshot()
