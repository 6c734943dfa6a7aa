"""Tables over random rules, rows and streams: engine and oracle agree, and no cut or restart changes a byte."""

import json
import tempfile
from decimal import Decimal
from pathlib import Path

from engine_adapter import MIXED, ONE, WHOLE, Cut
from hypothesis import given

import cep
from properties.generate import generator
from properties.test_laws import SEEDS, assert_agrees, everything, examples
from properties.test_snapshot import assert_goes_on, calls_of
from properties.test_windows import arrivals

CUTS = (Cut(WHOLE), Cut(ONE), Cut(2), Cut(3, 7), Cut(7), Cut(MIXED))
FIELDS = "k: string?, v: int?, f: float(inf)?, d: decimal(2)?, q: time(us)?, ok: bool?, s: string, t: string?"
VALUES = "n: int?, w: string?, x: float?, y: decimal(2)?, b: bool?"
KEYS = {
    "A": ({"key": "string"}, ["k", "s", "t", '"a"', "coalesce(t, k)", "A[k].w", "upper(s)"]),
    "B": ({"key": "int"}, ["v", "p", "v + 1", "A[k].n", "case when ok then v end"]),
    "C": ({"one": "string", "two": "int"}, ["k, v", "s, p", "t, v", "A[s].w, v"]),
    "D": ({"key": "decimal(2)"}, ["d", "v", "0.25"]),
    "E": ({"key": "bool", "two": "string"}, ["ok, s", "v > 1, k"]),
}
PARTS = {
    "string": ["", "a", "b", "x", "y", "é", "A"],
    "int": [1, 2, 3, -4, 9 * 10**18],
    "decimal(2)": [Decimal("0.25"), Decimal("3.10"), Decimal(1), Decimal(2)],
    "bool": [True, False],
}
FOLDER = Path(tempfile.mkdtemp(prefix="cep-tables-"))


def rows_of(rng, parts):
    """Rows with keys of their own, as JSON Lines."""
    found = {}
    for _ in range(rng.choice([0, 1, 3, 8])):
        key = {name: rng.choice(PARTS[kind]) for name, kind in parts.items()}
        row = {
            "n": rng.choice([1, 2, 3, None, 9 * 10**18]),
            "w": rng.choice(["a", "x", "", "zz", None]),
            "x": rng.choice([0.5, -1.5, 1e300, None]),
            "y": rng.choice(["0.25", "-7.10", None]),
            "b": rng.choice([True, False, None]),
        }
        found[tuple(key.values())] = {name: str(v) if isinstance(v, Decimal) else v for name, v in key.items()} | row
    return "".join(json.dumps(row) + "\n" for row in found.values())


def declarations(rng, seed, late):
    out = ""
    for name, (parts, _) in KEYS.items():
        content = rows_of(rng, parts)
        path = FOLDER / f"{seed}-{name}.jsonl"
        path.write_text(content, encoding="utf-8")
        fields = ", ".join(f"{part}: {kind}" for part, kind in parts.items())
        out += f'table {name} keyed by {", ".join(parts)} from "{path}" {{ {fields}, {VALUES} }}\n'
    allowance = f" late {late} us" if late else ""
    for stream in "ST":
        out += (
            f"stream {stream} ordered by ts{allowance}{rng.choice(['', ' ties by v'])} {{ ts: time(us), {FIELDS} }}\n"
        )
    return f"{out}stream Any = S | T\nparam p: int = 2\n"


def read(rng, own=""):
    """A look-up whose key is read from the event at hand, or from that of an alias."""
    name = rng.choice(list(KEYS))
    key = rng.choice(KEYS[name][1])
    if own:
        name, key = rng.choice([("A", f"{own}.k"), ("B", f"{own}.v"), ("C", f"{own}.s, {own}.v"), ("D", f"{own}.d")])
    return f"{name}[{key}].{rng.choice('nwxyb')}"


def condition(rng, own=""):
    found = read(rng, own)
    tests = {
        "n": ["> 1", "is null", "in (1, 3)", "= 2"],
        "w": ['= "a"', "is not null", 'like "%z"', 'in ("a", "")'],
        "x": ["< 1.0", "is null"],
        "y": ["= 0.25", "is not null"],
        "b": ["", "is null"],
    }
    return f"{found} {rng.choice(tests[found[-1]])}".strip()


def join(rng, alias):
    name, on = rng.choice(
        [("A", "j.key = E.k"), ("A", "E.s = j.key"), ("B", "j.key = E.v"), ("C", "j.one = E.k and E.v = j.two")]
    )
    more = rng.choice(["", "", " and j.n > 1", " and j.b", " and (j.w = E.s or E.ok)"])
    return f"{rng.choice(['', 'left '])}join {name} as j on {(on + more).replace('E.', f'{alias}.')} "


def filter_rule(rng, name):
    where = rng.choice(["", f" where {condition(rng)}", f" where v > 1 or {condition(rng)}"])
    joined = join(rng, "e") if rng.random() < 0.6 else ""
    fields = [f"a{n} = {read(rng)}" for n in range(rng.choice([0, 1, 3]))]
    fields += ["j = j.n", "js = j.w", "is = j is null"] if joined else ["v"]
    return f"rule {name} from {rng.choice(['S', 'Any'])} as e{where} {joined}emit {name} {{ {', '.join(fields)} }}\n"


def window_rule(rng, name):
    shape = rng.choice(["last 4 us", "last 3 events", "every 5 us", "session gap 2 us", "every 2 events"])
    joined = join(rng, "e") if rng.random() < 0.7 else ""
    fields = [f"a = sum({rng.choice(['A[k].n', 'B[v].x', 'C[k, v].y'])})", f"c = count(where {condition(rng)})"]
    fields += ["j = max(j.n)", "js = first(j.w)"] if joined else []
    having = ""
    if shape.startswith("last"):
        fields += [f"own = {read(rng)}"] + (["jo = j.w"] if joined else [])
        having = rng.choice(["", f"having {condition(rng)} "])
    key = rng.choice(["", "keyed by k "])
    return f"rule {name} {key}from S as e {joined}over {shape} {having}emit {name} {{ {', '.join(fields)} }}\n"


def pattern_rule(rng, name):
    first = rng.choice([f" where {condition(rng)}", "", " where v > 1"])
    second = rng.choice([f" where {condition(rng, 'a')}", f" where {condition(rng)}", " where B[a.v].n >= v"])
    loop = rng.choice(["S as a", "2 to 3 Any as a", "S as a"])
    if loop != "S as a":
        second = rng.choice([f" where {condition(rng)}", ""])
        fields = [f"s = sum({rng.choice(['A[a.k].n', 'B[a.v].x'])})", "l = A[last(a.k)].w", "f = B[first(a.v)].n"]
    else:
        fields = [f"l = {read(rng, 'a')}", "m = C[a.s, b.v].w"]
    absent = rng.choice(["", "", f"then no T where {condition(rng)} "])
    bound = f"within {rng.choice([3, 6, 9])} us {rng.choice(['', 'after match keep all '])}"
    key = rng.choice(["", "keyed by k "])
    fields += [f"x = {read(rng, 'b')}"]
    emit = f"emit {name} {{ {', '.join(fields)} }}"
    return f"rule {name} {key}when {loop}{first} {absent}then S as b{second} {bound}{emit}\n"


CHAINS = ("", "", 'rule Z from R0 as e left join A as row on row.key = "a" emit Z { n = row.n, m = B[p].w }\n')


def example(seed):
    rng = generator("tables", seed)
    late = rng.choice([0, 0, 3])
    text = declarations(rng, seed, late)
    for n in range(rng.choice([1, 2, 3])):
        text += rng.choice([filter_rule, window_rule, pattern_rule])(rng, f"R{n}")
    return text + rng.choice(CHAINS), arrivals(rng, rng.choice([5, 20, 40]), late), rng


@examples(16, 200)
@given(SEEDS)
def test_the_engine_finds_what_the_oracle_finds(seed):
    text, rows, rng = example(seed)
    assert_agrees(text, rows, rng.choice(["open", "final"]), CUTS[seed % len(CUTS)])


@examples(6, 40)
@given(SEEDS)
def test_neither_cuts_nor_shards_change_a_byte(seed):
    text, rows, _ = example(seed)
    rules = cep.loads(text)
    want = everything(rules, rows, "final", CUTS[0])
    for cut in CUTS[1:]:
        assert everything(rules, rows, "final", cut) == want, f"{cut}\n{text}"


@examples(6, 40)
@given(SEEDS)
def test_an_engine_that_is_restored_anywhere_goes_on_to_the_byte(seed):
    text, rows, rng = example(seed)
    assert_goes_on(text, calls_of(rng, rows, {"p": (1, 2, 3)}), rng, [1, 2])
