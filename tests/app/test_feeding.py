"""Iterators of events, plain and asynchronous, through an engine."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pyarrow as pa
import pytest

import cep

RULES = """\
stream Pay ordered by at { at: time(s), card: string, amount: int }
stream Ping ordered by at { at: time(s), card: string }
rule Big from Pay where amount > 100 emit Alert { card, amount }
rule Seen from Ping emit Seen { card }
rule Both keyed by card when Ping as ping then Pay as pay within 1 h emit Pair { card }
rule Quiet keyed by card when Ping as one then no Ping for 5 min emit Silent { card }
"""
ONE = """\
stream Pay ordered by at { at: time(s), card: string, amount: int }
rule Big from Pay where amount > 100 emit Alert { card, amount }
"""


def pay(at, amount=500, card="c1"):
    return {"at": at, "card": card, "amount": amount}


def ping(at, card="c1"):
    return {"at": at, "card": card}


def told(batches):
    return [(b.schema.name, *row.values()) for b in batches for row in b.to_dicts()]


class Source:
    """An asynchronous source that says what became of it."""

    def __init__(self, items, *, endless=False, fails=False):
        self.items, self.endless, self.fails = list(items), endless, fails
        self.asked = 0
        self.closed = False

    async def __aiter__(self):
        try:
            for item in self.items:
                self.asked += 1
                await asyncio.sleep(0)
                yield item
            if self.fails:
                raise OSError("the line is dead")
            if self.endless:
                await asyncio.Event().wait()
        finally:
            self.closed = True


async def gathered(engine, source, **options):
    return [batch async for batch in engine.astream(source, **options)]


# ------------------------------------------------------------------------------------------------------------ plain


def test_each_item_is_taken_before_the_next_is_asked_for():
    order = []

    def pays():
        for n in range(3):
            order.append(n)
            yield pay(n)

    engine = cep.Engine(cep.loads(ONE))
    for batch in engine.stream(pays()):
        order += [batch["amount"].to_list()]
    assert order == [0, [500], 1, [500], 2, [500]]
    assert engine.summary.events == {"Pay": 3}


@pytest.mark.parametrize(
    "item",
    [
        pay(1),
        ("Pay", pay(1)),
        [pay(1)],
        ("Pay", [pay(1)]),
        pa.table({"at": [1], "card": ["c1"], "amount": [500]}),
        ("Pay", pa.table({"at": [1], "card": ["c1"], "amount": [500]})),
    ],
    ids=str,
)
def test_an_item_may_name_its_stream_and_be_a_table(item):
    assert told(cep.Engine(cep.loads(ONE)).stream([item])) == [("Alert", "c1", 500)]
    assert told(asyncio.run(gathered(cep.Engine(cep.loads(ONE)), [item]))) == [("Alert", "c1", 500)]
    assert len(cep.run(cep.loads(ONE), [item])["Alert"]) == 1


def test_what_one_engine_derives_is_an_item_of_another():
    first = cep.run(cep.loads(ONE), {"Pay": [pay(1), pay(2, 50), pay(3, 300)]})["Alert"]
    rules = cep.loads(
        'stream Alert ordered by at { at: time from "_time", amount: int }\n'
        "rule R from Alert where amount > 400 emit Out { amount }"
    )
    assert told(cep.Engine(rules).stream([first])) == [("Out", 500)]
    assert told(cep.Engine(rules).stream(first)) == [("Out", 500)]


def test_the_end_closes_as_it_is_told_to():
    rules = cep.loads(RULES)
    items = [("Ping", ping(0)), ("Pay", pay(1, 5))]
    assert told(cep.Engine(rules).stream(items)) == [("Seen", "c1"), ("Pair", "c1")]
    assert told(cep.Engine(rules).stream(items, end="final"))[-1] == ("Silent", "c1")
    engine = cep.Engine(rules)
    list(engine.stream(items))
    with pytest.raises(cep.UsageError, match="closed"):
        engine.send("Ping", ping(1))


def test_leaving_the_loop_closes_the_source_and_not_the_engine():
    closed = []

    def pays():
        try:
            yield from (pay(n) for n in range(100))
        finally:
            closed.append(True)

    engine = cep.Engine(cep.loads(ONE))
    results = engine.stream(pays())
    next(results)
    results.close()
    assert closed
    assert told(engine.send("Pay", pay(1, 600))) == [("Alert", "c1", 600)]


def test_a_run_takes_pairs_and_says_the_same_as_tables():
    pairs = [(s, e) for n in range(50) for s, e in (("Ping", ping(2 * n, f"c{n % 3}")), ("Pay", pay(2 * n + 1)))]
    tables = {name: [e for s, e in pairs if s == name] for name in ("Pay", "Ping")}
    rules = cep.loads(RULES)
    one, other = cep.run(rules, iter(pairs), end="final"), cep.run(rules, tables, end="final")
    for name in one:
        assert one[name].to_dicts(meta=True, lineage=True) == other[name].to_dicts(meta=True, lineage=True)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([pay(1)], r"say which stream an event is of: \(stream, event\); declared are Pay, Ping"),
        ([("Pya", pay(1))], "did you mean Pay"),
        ([("Pay", pay(1), 3)], r"an item is \(stream, event\)"),
        ("Pay", "not a str"),
        ({"Pay": []}, "not a dict"),
        (5, "not an int"),
        (Source([]), r"async for … in engine\.astream"),
    ],
    ids=str,
)
def test_what_is_no_source_is_refused(items, message):
    with pytest.raises(cep.UsageError, match=message):
        list(cep.Engine(cep.loads(RULES)).stream(items))


# ----------------------------------------------------------------------------------------------------- asynchronous


def test_several_sources_are_read_at_once():
    pays, pings = Source([pay(n, 200) for n in range(5)]), Source([ping(n) for n in range(5)])
    found = told(asyncio.run(gathered(cep.Engine(cep.loads(RULES)), {"Pay": pays, "Ping": pings})))
    assert found.count(("Alert", "c1", 200)) == found.count(("Seen", "c1")) == 5
    assert pays.closed
    assert pings.closed


def test_a_source_that_ends_holds_nobody_back():
    async def main():
        engine = cep.Engine(cep.loads(RULES))
        sources = {"Pay": Source([]), "Ping": Source([ping(1)], endless=True)}
        async with aclosing(engine.astream(sources)) as results:
            return [(await anext(results)).schema.name for _ in range(1)]

    assert asyncio.run(main()) == ["Seen"]


def test_a_plain_iterable_may_stand_beside_asynchronous_ones():
    found = asyncio.run(gathered(cep.Engine(cep.loads(RULES)), {"Pay": [pay(3)], "Ping": Source([ping(1)])}))
    assert {b.schema.name for b in found} == {"Alert", "Seen", "Pair"}


def test_the_reader_sets_the_pace():
    async def main():
        source = Source([pay(n) for n in range(100)])
        async with aclosing(cep.Engine(cep.loads(ONE)).astream({"Pay": source})) as results:
            await anext(results)
            for _ in range(20):
                await asyncio.sleep(0)
            return source.asked

    assert asyncio.run(main()) == 1


def test_cancelling_closes_the_sources_and_not_the_engine():
    async def main():
        engine = cep.Engine(cep.loads(RULES))
        sources = {"Pay": Source([pay(1)], endless=True), "Ping": Source([ping(1)], endless=True)}
        reading = asyncio.create_task(gathered(engine, sources))
        while engine.summary.total_events < 2:
            await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert all(source.closed for source in sources.values())
        assert len(asyncio.all_tasks()) == 1
        return told(engine.close())

    assert asyncio.run(main()) == [("Seen", "c1")]


def test_an_error_of_a_source_comes_out_and_closes_the_others():
    async def main():
        other = Source([], endless=True)
        with pytest.raises(OSError, match="the line is dead"):
            await gathered(cep.Engine(cep.loads(RULES)), {"Pay": Source([pay(1)], fails=True), "Ping": other})
        return other.closed

    assert asyncio.run(main())


def test_a_name_that_is_no_stream_is_told_before_anything_is_read():
    source = Source([pay(1)])
    with pytest.raises(cep.UsageError, match="did you mean Pay"):
        asyncio.run(gathered(cep.Engine(cep.loads(RULES)), {"Pya": source}))
    assert source.asked == 0
