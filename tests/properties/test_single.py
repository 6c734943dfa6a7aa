"""One event a call: whatever is sent one by one, in tables, or after a snapshot, gives the same bytes."""

from random import Random

import engine_adapter
from hypothesis import given

import cep
from properties.test_laws import SEEDS, examples

HEAD = """
param limit: int = 3
stream S ordered by ts{late} {{
  ts: time(us), k: string, type: string, v: int?, f: float?, d: decimal?, n: int, xs: list<int>?
}}
stream T ordered by ts {{ ts: time(us), k: string, n: int }}
"""
ATOMS = (
    'type = "A"',
    'type = "B" and v > 1',
    'type != "C"',
    "v >= 2 and f < 2.5",
    'type in ("A", "C") and n < 4',
    "v + n > 4",
    "f / (n - 2) > 0.5",
    "d >= 1.5 or v is null",
    'k = "x" and type like "A%"',
    "not (f > 1.0)",
    "2 in (xs)",
    'type = "A" and type = "B"',
)
LOCAL = ("n < limit", *ATOMS)


def chain(rng, name):
    steps = [f"S as s{n} where {rng.choice(ATOMS)}" for n in range(rng.choice([2, 3]))]
    if rng.random() < 0.3:
        steps.insert(1, f"no S where {rng.choice(ATOMS)}")
    if rng.random() < 0.5:
        steps += [
            f"no S where {rng.choice(ATOMS)} for {rng.choice([1, 3, 8])} us" for _ in range(rng.choice([1, 1, 2]))
        ]
    skip = rng.choice(["", " after match keep all"])
    within = rng.choice(["", " within 6 us"])
    fields = rng.choice(["k, a = s0.v, b = s1.type", "k, a = s0.f, b = s0.d", "k, a = s0.n + s1.n"])
    keyed = "keyed by k " if fields.startswith("k") else ""
    return f"rule {name} {keyed}when {' then '.join(steps)}{within}{skip} allow unbounded emit {name} {{ {fields} }}"


def rule(rng, name):
    kind = rng.randrange(6)
    if kind < 2:
        return chain(rng, name)
    if kind == 2:
        return f"rule {name} from S where {rng.choice(LOCAL)} emit {name} {{ k, v, twice = n * 2 }}"
    if kind == 3:
        return (
            f"rule {name} keyed by k when S as a next 1 or more S in a row as u where n > prev(u.n, a.n) "
            f"next S as e where not n > last(u.n) allow unbounded emit {name} {{ k, a = a.n, b = e.n }}"
        )
    first, second, d = rng.choice(LOCAL), rng.choice(LOCAL), rng.choice([1, 3])
    if kind == 4:
        rest = f"where {first} then no S where {second} for {d} us emit {name} {{ k, v = a.v }}"
    else:
        rest = f"where {first} then S as b where n > a.n within 5 us emit {name} {{ k, v = b.v }}"
    return f"rule {name} keyed by k when S as a {rest}"


def text_of(rng):
    rules = [rule(rng, f"R{n}") for n in range(rng.choice([1, 2, 3, 5]))]
    if rng.random() < 0.3:
        rules.append("rule Up from R0 emit Up { k }")
    if rng.random() < 0.2:
        rules.append("rule Both keyed by k when S as a then T as b within 9 us emit Both { k, n = b.n }")
    if rng.random() < 0.2:
        rules.append("rule Tardy from Late.S emit Tardy { k }")
    return HEAD.format(late=rng.choice(["", "", "", " late 2 us"])) + "\n".join(rules)


def events_of(rng, count):
    out, time = [], 0
    for _ in range(count):
        time += rng.choice([0, 1, 1, 2, -1 if rng.random() < 0.2 else 1])
        if rng.random() < 0.1:
            out.append(("T", {"ts": time, "k": rng.choice("xyz"), "n": rng.randrange(6)}))
            continue
        row = {
            "ts": time,
            "k": rng.choice(["x", "y", "zé"]),
            "type": rng.choice(["A", "B", "C", "AB"]),
            "v": rng.choice([None, 0, 1, 2, 3, 2.0]),
            "f": rng.choice([None, 0.5, 1.0, 2.5, -0.0, float("nan"), 3]),
            "d": rng.choice([None, "1.5", 2, 0.25]),
            "n": rng.choice([0, 1, 2, 3, 4, "5", 2**62]),
            "xs": rng.choice([None, [], [2], [1, 2]]),
        }
        if rng.random() < 0.05:
            row["n"] = rng.choice([None, "many", 1.5])
        out.append(("S", row))
    return out


def gives(rules, events, plan, shards):
    """What comes out, told as text, and the snapshot at the end; ``plan`` says how events are handed over."""
    engine, out, at, rng = cep.Engine(rules, shards=shards, together=True), [], 0, Random(plan)
    half = len(events) // 2
    while at < len(events):
        stream, row = events[at]
        size = 1
        if plan and rng.random() < 0.3:
            most = rng.choice([2, 3, 9])
            while size < most and at + size not in (half, len(events)) and events[at + size][0] == stream:
                size += 1
            out += engine.send_batch(stream, [row for _, row in events[at : at + size]])
        else:
            out += engine.send(stream, row)
        at += size
        if at == half:
            out += engine.advance(int(max(r["ts"] for _, r in events[:at])) * 1000)
        if plan and rng.random() < 0.05:
            assert engine.stats().rules
            engine = cep.Engine.restore(rules, engine.snapshot())
    snapshot = engine.snapshot()
    told = {
        name: (r.derived, r.null_keys, r.faults) for name, r in engine.stats().rules.items() if hasattr(r, "faults")
    }
    return engine_adapter.everything(out + engine.close("final")), snapshot, told


@examples(5, 60)
@given(SEEDS)
def test_events_one_by_one_say_what_tables_and_restarts_say(seed):
    rng = Random(seed)
    text = text_of(rng)
    rules, events = cep.loads(text), events_of(rng, rng.choice([8, 30]))
    shards = rng.choice([1, 1, 3])
    alone = gives(rules, events, 0, shards)
    for plan in (1, 2):
        assert gives(rules, events, plan, shards) == alone, text
    assert gives(rules, events, 0, 1)[0] == alone[0], text
