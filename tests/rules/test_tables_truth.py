"""The rules that read tables, on generated streams, against plain Python that knows no engine."""

import csv
from decimal import Decimal
from pathlib import Path
from random import Random

import cep

RULES = Path(__file__).parents[2] / "rules"
HOUR, MINUTE, DAY = 3_600, 60, 86_400


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def found(rules, rows, name):
    engine = cep.Engine(rules, together=True)
    batches = [b for stream, row in rows for b in engine.send(stream, row)] + list(engine.close("final"))
    return [(row["_time"], row) for b in batches if b.schema.name == name for row in b.to_dicts(meta=True)]


def at(seconds):
    """A time so many seconds after the beginning of March 2024."""
    days, rest = divmod(seconds, DAY)
    return f"2024-03-{1 + days:02}T{rest // HOUR:02}:{rest // MINUTE % 60:02}:{rest % 60:02}Z"


def test_daily_limits_are_those_of_the_customers_and_a_thousand_for_others():
    limits = {row["card"]: Decimal(row["limit_day"]) for row in rows_of(RULES / "fraud" / "customers.csv")}
    assert limits
    rng, now, pays = Random("daily limit"), 0, []
    for seq in range(1500):
        now += rng.choice([30, 60, 600, 1200])
        card = rng.choice([*limits, "other1", "other2"])
        most = int(limits.get(card, 1000))
        cents = rng.randrange(1, most * 12)
        pays.append((now, card, seq, Decimal(cents) / 100, rng.choice(["FR", "DE", "IT"])))
    wanted, told = [], {}
    for n, (time, card, *_) in enumerate(pays):
        window = [p for p in pays[: n + 1] if p[1] == card and p[0] > time - DAY]
        spent = sum(p[3] for p in window)
        if spent > limits.get(card, 1000) and time >= told.get(card, 0):
            told[card] = time + 6 * HOUR
            wanted.append((at(time), card, spent, len(window), len({p[4] for p in window})))
    rows = [
        ("Pay", {"at": at(time), "card": card, "seq": seq, "amount": amount, "country": country})
        for time, card, seq, amount, country in pays
    ]
    said = found(cep.load(RULES / "fraud" / "daily_limit.cep"), rows, "Alert")
    assert len(wanted) > 20
    assert {card for _, card, *_ in wanted} == {*limits, "other1", "other2"}
    assert [(t, r["card"], r["spent"], r["payments"], r["countries"]) for t, r in said] == wanted


def test_an_attack_counts_unless_its_address_is_known():
    known = [row["ip"] for row in rows_of(RULES / "security" / "allowed.csv")]
    assert known
    rng, rows, wanted = Random("brute force"), [], []
    for n in range(300):  # an hour each, of a user of their own
        start, user = n * HOUR, f"u{n}"
        ip = rng.choice([*known, "10.0.0.1", "10.0.0.2"])
        tries = rng.choice([3, 4, 5, 6, 9])
        failure = {"user": user, "ip": ip, "host": "h0", "ok": False}
        rows += [(start + 10 * i, "Login", failure) for i in range(tries)]
        entered, raised = start + 200, start + rng.choice([300, 900, 901])
        rows.append((entered, "Login", {"user": user, "ip": ip, "host": "h1", "ok": True}))
        rows.append((raised, "Privilege", {"user": user, "host": "h1", "role": "admin"}))
        counted = sum(raised - (start + 10 * i) <= 15 * MINUTE for i in range(tries))
        if ip not in known and counted >= 5:
            wanted.append((at(raised), user, counted))
    events = [(stream, {"at": at(time), **row}) for time, stream, row in rows]
    said = found(cep.load(RULES / "security" / "brute_force.cep"), events, "Incident")
    assert len(wanted) > 40
    assert [(t, r["user"], r["tries"]) for t, r in said] == wanted
