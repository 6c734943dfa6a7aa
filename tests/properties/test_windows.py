"""Windows over random rules and streams: engine and oracle agree, and neither a cut nor a restart changes a byte."""

from decimal import Decimal

from engine_adapter import MIXED, ONE, WHOLE, Cut
from hypothesis import given

import cep
from properties.generate import generator
from properties.test_laws import SEEDS, assert_agrees, everything, examples
from properties.test_snapshot import assert_goes_on, calls_of

CUTS = (Cut(WHOLE), Cut(ONE), Cut(2), Cut(3, 7), Cut(7), Cut(MIXED))
FIELDS = "k: string?, v: int?, f: float(inf)?, d: decimal(2)?, q: time(us)?, ok: bool?, s: string, t: string?"
NUMBERS = ("v", "f", "d", "q - ts", "v * 2", "f + v", "case when ok then v else 3 end", "p - v")
ORDERED = (*NUMBERS, "ts")
SINGLE = (*ORDERED, "s", "t", "ok", "t || s")


def declarations(late, ties):
    options = (f" late {late} us" if late else "") + (f" ties by {ties}" if ties else "")
    return f"""
stream S ordered by ts{options} {{ ts: time(us), {FIELDS} }}
stream T ordered by ts{options} {{ ts: time(us), {FIELDS} }}
stream Any = S | T
param p: int = 2
"""


def window(rng):
    a, b = rng.choice([1, 2, 3, 5, 8, 13]), rng.choice([1, 2, 4, 5, 9])
    return rng.choice(
        [
            f"last {a} us",
            f"last {a} us",
            f"last {b} events",
            f"last {b} events within {a} us",
            f"every {a} us",
            f"last {a} us every {b} us",
            f"every {b} events",
            f"session gap {b} us",
            f"session gap {b} us max {a} us",
        ]
    )


def where(rng):
    return rng.choice(["", "", "", " where ok", " where v > 1", " where not ok or t is null", " where s != t"])


def aggregate(rng, alias):
    def of(values):
        value = rng.choice(values)
        return value if rng.random() < 0.7 or " " in value else f"{alias}.{value}"

    kind = rng.choice(
        ["count", "count", "sum", "sum", "avg", "min", "max", "first", "last", "measure", "measure", "list"]
    )
    match kind:
        case "count":
            return rng.choice(
                ["count()", "count(where ok)", f"count({of(SINGLE)}{where(rng)})", f"count(distinct {of(SINGLE)})"]
            )
        case "sum" | "avg":
            return f"{kind}({of(NUMBERS)}{where(rng)})"
        case "min" | "max":
            return f"{kind}({of(ORDERED)}{where(rng)})"
        case "first" | "last":
            return f"{kind}({of(SINGLE)}{where(rng)})"
        case "measure":
            return rng.choice(
                [
                    f"percentile({of(ORDERED)}{where(rng)}, {rng.choice(['0', '0.5', '0.95', '1'])})",
                    f"median({of(NUMBERS)}{where(rng)})",
                    f"stddev({of(NUMBERS)}{where(rng)})",
                    f"count(distinct {of(SINGLE)}{where(rng)})",
                ]
            )
    return rng.choice(
        [f"top({of(SINGLE)}{where(rng)}, {rng.choice([1, 2, 9])})", f"distinct({of(SINGLE)}{where(rng)})"]
    )


HAVING = (
    "count() > 1",
    "sum(v) > 3",
    "count(where ok) / count() > 0.4",
    "max(d) > avg(d) or f is null",
    "count() >= 2 and first(t) = last(s)",
    "window_end() - window_start() > 2 us",
    "p < count(distinct s)",
)


def rule(rng, name):
    shape = window(rng)
    per_event = shape.startswith("last") and "every" not in shape
    alias = rng.choice(["a", "x1"])
    key = rng.choice(["", "keyed by k ", "keyed by k ", "keyed by k, s ", "keyed by f "])
    source = rng.choice(["S", "S", "T", "Any"])
    fields = [f"a{n} = {aggregate(rng, alias)}" for n in range(rng.choice([1, 2, 4]))]
    fields += ["b = window_start()", "e = window_end()"] if rng.random() < 0.4 else []
    fields += rng.choice([["k"], []]) if key.startswith("keyed by k") else []
    if per_event and rng.random() < 0.7:
        fields += [f"own = {rng.choice(['v', 'f', 't', f'{alias}.s', 'ts', 'v + 1', 'd'])}"]
    if rng.random() < 0.3:
        mixed = rng.choice(["sum(v) - p", "coalesce(first(t), last(s))", "avg(f) > 1 or count() = p"])
        fields += [f"mix = {mixed}"]
    having = ""
    if rng.random() < 0.5:
        chosen = rng.choice(HAVING)
        having = f"having {chosen.replace(' or f is null', ' or f is null' if per_event else '')} "
    output = rng.choice(
        ["", "", "", "", "output final ", f"output first every {rng.choice([2, 5])} us ", "output last every 4 us "]
    )
    return (
        f"rule {name} {key}from {source} as {alias}{rng.choice(['', '', where(rng)])} over {shape} {having}"
        f"emit {name} {{ {', '.join(fields)} }} {output}\n"
    )


CHAINS = (
    "rule Over from R0 over every 4 us emit Over { n = count() }\n",
    """rule Over from R0 over last 3 us emit Over { n = count() }
rule Upon when Over as a then Over as b where n > a.n within 5 us emit Upon { n = b.n }
""",
    """rule Few when S as a then R0 as r within 6 us emit Few { v = a.v }
rule Of from Few over last 2 events emit Of { s = sum(v) }
""",
    """rule Pass from S where ok emit Pass { k, v }
rule Sums keyed by k from Pass over session gap 3 us emit Sums { k, n = sum(v) }
""",
    "rule Tardy from Late.S over last 2 events emit Tardy { n = sum(v), k = first(k) }\n",
    "",
)


def example(seed):
    rng = generator("windows", seed)
    late = rng.choice([0, 0, 3])
    text = declarations(late, rng.choice(["", "", "v", "s, v"]))
    text += "".join(rule(rng, f"R{n}") for n in range(rng.choice([1, 2, 3]))) + rng.choice(CHAINS)
    return text, arrivals(rng, rng.choice([5, 20, 50]), late), rng


FLOATS = (0.1, 0.2, 0.3, 1e16, -1e16, 1e300, -1e300, 1.7e308, 5e-324, -0.0, 0.0, 2.5)


def arrivals(rng, size, late):
    """Events of both streams, in order but for what may come late; infinite floats only now and then."""
    out, time = [], rng.choice([-20, 0, 100])
    floats = (*FLOATS, float("inf"), float("-inf")) if rng.random() < 0.15 else FLOATS
    for _ in range(size):
        time += rng.choice([0, 0, 1, 1, 1, 2, 3, 9])
        row = {
            "ts": time - (rng.choice([0, 0, 1, 3, 5]) if late else 0),
            "k": rng.choice(["x", "x", "y", None]),
            "v": rng.choice([1, 2, 3, None, -4, 9 * 10**18]) if rng.random() < 0.2 else rng.choice([1, 2, 3, None]),
            "f": rng.choice([*floats, None]),
            "d": rng.choice([Decimal("0.25"), Decimal("-1.00"), Decimal("3.10"), None]),
            "q": rng.choice([90, 101, 7, None]),
            "ok": rng.choice([True, False, None]),
            "s": rng.choice(["", "a", "é", "b"]),
            "t": rng.choice(["a", "b", None]),
        }
        out.append((rng.choice("SST"), row))
    return out


@examples(40, 250)
@given(SEEDS)
def test_the_engine_finds_what_the_oracle_finds(seed):
    text, rows, rng = example(seed)
    assert_agrees(text, rows, rng.choice(["open", "final"]), CUTS[seed % len(CUTS)])


@examples(8, 40)
@given(SEEDS)
def test_neither_cuts_nor_shards_change_a_byte(seed):
    text, rows, _ = example(seed)
    rules = cep.loads(text)
    want = everything(rules, rows, "final", CUTS[0])
    for cut in CUTS[1:]:
        assert everything(rules, rows, "final", cut) == want, f"{cut}\n{text}"


@examples(12, 60)
@given(SEEDS)
def test_an_engine_that_is_restored_anywhere_goes_on_to_the_byte(seed):
    text, rows, rng = example(seed)
    assert_goes_on(text, calls_of(rng, rows, {"p": (1, 2, 3)}), rng, [1, 2])
