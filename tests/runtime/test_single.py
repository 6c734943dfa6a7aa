"""One event a call: rules that it does not concern are passed over, and nobody can tell."""

import pytest

import cep

PAY = "stream Pay ordered by at { at: time(s), card: string, amount: int }\n"
CHAIN = (
    "rule Test keyed by card when Pay as a where amount < 5 then Pay as b where amount > 100 within 10 min "
    "after match keep all emit Alert { card, taken = b.amount }\n"
)
SILENT = "rule Silent keyed by card when Pay as p where amount = 50 then no Pay for 1 min emit Quiet { card }\n"
BIG = "rule Big from Pay where amount > 1000 emit Large { card, amount }\n"


def engine(*rules):
    return cep.Engine(cep.loads(PAY + "".join(rules)))


def pay(at, card, amount):
    return {"at": at, "card": card, "amount": amount}


def test_an_event_that_concerns_nobody_gives_nothing_and_is_counted():
    one = engine(CHAIN, BIG)
    assert one.send("Pay", pay(1, "c", 50)) == []
    assert one.summary.events == {"Pay": 1}


def test_all_runs_that_one_event_completes_come_out_in_order_of_start():
    one = engine(CHAIN)
    for at in (1, 2):
        assert one.send("Pay", pay(at, "c", at)) == []
    [found] = one.send("Pay", pay(3, "c", 500))
    assert [events[0] for events in found.provenance.to_list()] == [("Pay", 0), ("Pay", 1)]
    assert found.to_dicts() == [{"card": "c", "taken": 500}] * 2
    assert found.seq.tolist() == [0, 1]


def test_several_rules_that_one_event_decides_stand_in_rule_order():
    one = engine(BIG, CHAIN, CHAIN.replace("Test", "Again").replace("Alert", "Second"))
    one.send("Pay", pay(1, "c", 1))
    assert [b.schema.name for b in one.send("Pay", pay(2, "c", 5000))] == ["Large", "Alert", "Second"]


def test_two_rules_of_one_type_share_its_numbers():
    one = engine(CHAIN, CHAIN.replace("Test", "Again"))
    one.send("Pay", pay(1, "c", 1))
    [found] = one.send("Pay", pay(2, "c", 500))
    assert found.seq.tolist() == [0, 1]
    assert [found.provenance.rules[r] for r in found.provenance.rule] == ["Test", "Again"]


def test_a_deadline_passes_with_an_event_that_concerns_nobody():
    one = engine(CHAIN, SILENT)
    assert one.send("Pay", pay(0, "c", 50)) == []
    assert one.send("Pay", pay(60, "d", 7)) == []  # silence until then is decided behind it
    [quiet] = one.send("Pay", pay(61, "d", 7))
    assert quiet.to_dicts() == [{"card": "c"}]


def test_events_one_by_one_and_tables_share_their_state():
    one = engine(CHAIN)
    one.send("Pay", pay(1, "c", 1))
    assert one.send_batch("Pay", [pay(2, "d", 7), pay(3, "c", 500)])[0].to_dicts() == [{"card": "c", "taken": 500}]
    one.send_batch("Pay", [pay(4, "e", 1)])
    assert one.send("Pay", pay(5, "e", 600))[0].to_dicts() == [{"card": "e", "taken": 600}]


def test_strings_that_come_one_by_one_are_freed():
    one = engine(CHAIN.replace("10 min", "1 s"))
    for n in range(6000):
        one.send("Pay", pay(10 * n, f"card {n}", 1))
    (operator,) = one._executors[0].operators
    assert len(operator._shards[0].strings._codes) < 5000
    assert one.send("Pay", pay(59_991, "card 5999", 500))[0].to_dicts() == [{"card": "card 5999", "taken": 500}]


def test_callbacks_get_what_one_event_decides():
    one, told = engine(CHAIN), []
    one.on("Alert", lambda batch: told.extend(batch.to_dicts()))
    one.send("Pay", pay(1, "c", 1))
    one.send("Pay", pay(2, "c", 500))
    assert told == [{"card": "c", "taken": 500}]


def test_one_event_gives_all_fields_of_the_type_in_its_order():
    rule = "rule {0} keyed by card when Pay as a where amount = {1} then Pay as b where amount > 9 within 9 s emit D "
    one = engine(
        rule.format("Whole", 1) + "{ card, before = a.amount }\n",
        rule.format("Less", 2) + "{ card }\n",
        rule.format("Turned", 3) + "{ before = a.amount, card }\n",
    )
    found = [b for n in range(6) for b in one.send("Pay", pay(n, f"c{n // 2}", 10 if n % 2 else 1 + n // 2))]
    assert [(list(b.columns), b.to_dicts()) for b in found] == [
        (["card", "before"], [{"card": f"c{n}", "before": before}]) for n, before in enumerate((1, None, 3))
    ]


def test_what_is_late_or_malformed_takes_the_longer_way():
    one = engine(CHAIN)
    for event in (pay(5, "c", 1), pay(4, "c", 1), pay(6, "c", "much")):
        assert one.send("Pay", event) == []
    assert (one.summary.late, one.summary.rejected) == ({"Pay": 1}, {"Pay": 1})


def test_nothing_is_sent_to_a_stream_that_has_ended():
    one = engine(CHAIN)
    one.send("Pay", pay(1, "c", 1))
    one.end("Pay")
    with pytest.raises(cep.UsageError, match="has ended"):
        one.send("Pay", pay(2, "c", 1))
