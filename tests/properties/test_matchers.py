"""Every direct matcher beside the oracle and the run table, over random rules that it takes.

The rules are made for each matcher; what the checker or the matcher refuses is passed over. A rule for the
one-pass matcher costs seconds to compile, so compiled there are few; the whole file runs once more without the
compiler.
"""

import os
from decimal import Decimal
from pathlib import Path

import engine_adapter
import pytest
from conftest import SCALE
from engine_adapter import MIXED, ONE, WHOLE, Cut, comparable
from hypothesis import given, settings
from hypothesis import strategies as st

import cep
from cep.compiler import rowtable
from cep.compiler.choice import CHAIN, COUNTING, FOLDING, GRAPH, ONE_PASS, RUN_TABLE, only
from properties.generate import at_most, generator, shrink
from properties.test_laws import expected

HERE = Path(__file__)
PLAIN = os.environ.get("NUMBA_DISABLE_JIT") == "1"
CUTS = (Cut(WHOLE), Cut(ONE), Cut(1, 2), Cut(3), Cut(7, 7), Cut(MIXED), Cut(MIXED, 7))
FIELDS = "ts: time(us), k: string, j: int?, type: string, v: int?, n: int, x: float, s: string?, ok: bool?, d: decimal"
ALONE = (
    'type = "A"',
    'type != "A"',
    'type in ("A", "B")',
    "v >= 1",
    "not (v = 2)",
    "x < 1.5",
    "ok",
    "s is null",
    "n > 1",
)
PAIRS = (("n > {0}", "n <= {0}"), ("x < {1}", "not (x < {1})"), ("v = {2}", "v != {2}"), ("n < {0}", "n > {0}"))
QUANTIFIERS = ("", "", "", "2", "1 or more", "1 or more", "2 or more", "2 to 3", "0 or more", "optional")
KEYS = ("keyed by k ", "keyed by k ", "keyed by j, k ", "keyed by x ", "")


DECIMALS = (Decimal("-0.75"), Decimal(2), Decimal("0.1"), Decimal("12345.6789"))


def examples(compiled, plain):
    return settings(max_examples=max(1, int((plain if PLAIN else compiled) * SCALE)))


def arrivals(rng, size, late=0):
    out, time = [], 1000
    for _ in range(size):
        time += rng.choice([0, 1, 1, 2, 4])
        row = {
            "ts": time - (rng.choice([0, 0, 1, late, late + 2]) if late else 0),
            "k": rng.choice("xxyz"),
            "j": rng.choice([1, 1, 2, None]),
            "type": rng.choice("AABC"),
            "v": rng.choice([0, 1, 2, 2, None]),
            "n": rng.randint(0, 3),
            "x": rng.choice([0.5, 1.5, 2.5, -0.0]),
            "s": rng.choice(["p", "q", None]),
            "ok": rng.choice([True, False, None]),
        }
        row["d"] = DECIMALS[row["n"]]
        out.append((rng.choice("SSST"), row))
    return out


def file_of(rule, late):
    allowance = f" late {late} us" if late else ""
    streams = "\n".join(f"stream {name} ordered by ts{allowance} {{ {FIELDS} }}" for name in "ST")
    return f"{streams}\nstream Any = S | T\n{rule}"


def event_of(rng, alias=""):
    """A type of event with some conditions on it alone."""
    where = rng.sample(ALONE, rng.choice([0, 1, 1, 2]))
    return f"{rng.choice(['S', 'S', 'T', 'Any'])}{alias}" + (f" where {' and '.join(where)}" if where else "")


def chain_rule(rng):
    final = rng.choice([0, 0, 1, 1, 2])
    steps = []
    for n in range(rng.choice([1, 1, 2, 3] if final else [2, 2, 3, 3, 4])):
        absent = f"no {event_of(rng)} then " * rng.choice([0, 0, 0, 1]) if n else ""
        steps.append(absent + event_of(rng, f" as s{n}"))
    fields = ", ".join(f"{f}{n} = s{n}.{f}" for n in range(len(steps)) for f in [*rng.sample("vnxs", 2), "type"])
    total = f"sum = s0.n + s{len(steps) - 1}.n"
    steps += [f"no {event_of(rng)} for {rng.choice([1, 2, 5, 9])} us" for _ in range(final)]
    bound = rng.choice(["allow unbounded", f"within {rng.randint(2, 12)} us", f"within {rng.randint(2, 12)} us"])
    skip = rng.choice(["", " after match keep all"])
    return f"rule R {rng.choice(KEYS)}when {' then '.join(steps)} {bound}{skip}\nemit R {{ {fields}, {total} }}"


def graph_rule(rng):
    steps = []
    count = rng.choice([2, 3, 3, 4])
    for n in range(count):
        where = rng.sample(ALONE, rng.choice([0, 1, 1, 2]))
        link = rng.choice(["then any ", "then any ", "then "]) if n else ""
        steps.append(
            f"{link}{rng.choice(['S', 'S', 'T', 'Any'])} as s{n}" + (f" where {' and '.join(where)}" if where else "")
        )
    bound = rng.choice(["allow unbounded", *(f"within {rng.randint(2, 12)} us" for _ in range(3))])
    skip = rng.choice(["", " after match keep all", " after match keep all", " after match skip to next"])
    fields = ", ".join(f"{f}{n} = s{n}.{f}" for n in range(count) for f in [*rng.sample("vnxs", 2), "type"])
    text = f"{' '.join(steps)} {bound}"
    return (
        f"rule R {rng.choice(KEYS)}when {text}{at_most(text)}{skip}\n"
        f"emit R {{ {fields}, sum = s0.n + s1.n, cut = truncated() }}"
    )


def any_later(rng):
    """How many steps, and a pattern of them that each bind any later event by that event alone."""
    steps = []
    count = rng.choice([2, 3, 3, 4, 5])
    for n in range(count):
        where = rng.sample(ALONE, rng.choice([0, 1, 1, 2]))
        steps.append(
            f"{rng.choice(['S', 'S', 'T', 'Any'])} as s{n}" + (f" where {' and '.join(where)}" if where else "")
        )
    bound = rng.choice(["allow unbounded", *(f"within {rng.randint(2, 12)} us" for _ in range(5))])
    return count, f"{' then any '.join(steps)} {bound}"


def counting_rule(rng):
    count, when = any_later(rng)
    fields = ", ".join(f"{f} = s{count - 1}.{f}" for f in rng.sample("vnxs", 2))
    return (
        f"rule R {rng.choice(KEYS)}when {when} after match keep all\n"
        f"emit R {{ n = count(), many = 1000 * count(), {fields.replace('n =', 'm =')} }}"
    )


AGGREGATES = (
    *("sum({0}.v)", "avg({0}.v)", "count({0}.v)", "min({0}.v)", "max({0}.v)", "first({0}.v)", "last({0}.v)"),
    *("sum({0}.n)", "avg({0}.n)", "count({0})", "first({0}.s)", "last({0}.s)", "first({0}.ok)", "max({0}.ts)"),
    *("sum({0}.x)", "avg({0}.x)", "min({0}.x)", "max({0}.x)", "sum({0}.d)", "avg({0}.d)", "last({0}.x)"),
)


def folding_rule(rng):
    count, when = any_later(rng)
    shown = [rng.choice(AGGREGATES).format(f"s{rng.randrange(count)}") for _ in range(rng.choice([1, 2, 4, 6]))]
    shown += rng.choice([[], [], ["match_start()"], ["match_end()", "match_start()"]])
    fields = ", ".join([f"f{i} = {text}" for i, text in enumerate(shown)] + [f"last_v = s{count - 1}.v"])
    return f"rule R {rng.choice(KEYS)}when {when} after match keep all\nemit R {{ n = count(), {fields} }}"


def row_rule(rng):
    count = rng.choice([1, 2, 2, 3, 3, 4])
    quantifiers = [rng.choice(QUANTIFIERS) for _ in range(count)]
    text, fields = "", []
    pair = [p.format("{p}", "{p}", "{p}") for p in rng.choice(PAIRS)]
    for n, quantifier in enumerate(quantifiers):
        loop = quantifier not in ("", "optional")
        where = [rng.choice(ALONE)] if rng.random() < 0.4 else []
        before = f"last(s{n - 1}.{{f}})" if n and quantifiers[n - 1] not in ("", "optional") else f"s{n - 1}.{{f}}"
        if rng.random() < 0.7:
            compared = rng.choice(pair)
            field = compared.replace("not (", "")[0]
            other = before.format(f=field) if n else None
            if loop:
                other = f"prev(s{n}.{field}, {other})" if other else f"prev(s{n}.{field})"
            if other:
                where.append(compared.format(p=other))
        condition = f" where {' and '.join(where)}" if where else ""
        step = f"{rng.choice(['S', 'S', 'Any'])}{' in a row' if loop else ''} as s{n}{condition}"
        text += f"{'next ' if n else ''}{quantifier} {step}\n  "
        if loop:
            fields += [f"c{n} = count(s{n})", f"a{n} = first(s{n}.n)", f"z{n} = last(s{n}.x)"]
        else:
            fields += [f"v{n} = s{n}.v", f"t{n} = s{n}.type"]
    prefer = rng.choice(["", "", " prefer earliest"])
    return f"rule R {rng.choice(KEYS)}when {text} allow unbounded{prefer}\nemit R {{ {', '.join(fields)} }}"


def loaded(text, matcher):
    """The rules with this matcher; None where the checker or the matcher refuses them."""
    with only(matcher):
        try:
            rules = cep.loads(text)
            return rules if rules.programs.choices["R"].name == matcher else None
        except cep.RuleError:
            return None


def difference(text, rules, rows, end, cut):
    want = expected(text, rows, end)
    got = [comparable(r) for r in engine_adapter.run_rules(rules, rows, end, cut)]
    n = next((i for i, (a, b) in enumerate(zip(want, got, strict=False)) if a != b), min(len(want), len(got)))
    return None if want == got else f"result {n}\n oracle {want[n : n + 1]}\n engine {got[n : n + 1]}"


def assert_exact(make, matcher, seed):
    rng = generator(matcher, seed)
    late = rng.choice([0, 0, 3])
    rules = None
    while rules is None:
        text = file_of(make(rng), late)
        rules = loaded(text, matcher)
    rows, end, cut = arrivals(rng, rng.choice([6, 25, 60]), late), rng.choice(["open", "final"]), CUTS[seed % len(CUTS)]
    if difference(text, rules, rows, end, cut):
        rows = shrink(rows, lambda fewer: difference(text, rules, fewer, end, cut) is not None)
        table = "\n".join(f"  {stream} {row}" for stream, row in rows)
        pytest.fail(f"{text}\nend={end}, {cut}\n{table}\n{difference(text, rules, rows, end, cut)}")
    if seed % 4 == 0:
        table = loaded(text, RUN_TABLE)
        everything = [engine_adapter.everything(engine_adapter.batches(r, rows, end, cut)) for r in (rules, table)]
        assert everything[0] == everything[1], text


@examples(60, 400)
@given(st.integers(0, 2**62))
def test_the_chain_finds_what_the_oracle_and_the_run_table_find(seed):
    assert_exact(chain_rule, CHAIN, seed)


@examples(40, 400)
@given(st.integers(0, 2**62))
def test_the_match_graph_finds_what_the_oracle_and_the_run_table_find(seed):
    assert_exact(graph_rule, GRAPH, seed)


@examples(40, 400)
@given(st.integers(0, 2**62))
def test_counting_finds_what_the_oracle_and_the_run_table_find(seed):
    assert_exact(counting_rule, COUNTING, seed)


@examples(40, 400)
@given(st.integers(0, 2**62))
def test_folding_finds_what_the_oracle_and_the_run_table_find(seed):
    assert_exact(folding_rule, FOLDING, seed)


@examples(3, 700)
@given(st.integers(0, 2**62))
def test_one_pass_finds_what_the_oracle_and_the_run_table_find(seed):
    with pytest.MonkeyPatch.context() as patch:
        if seed % 3 == 0:  # as if the table were too large
            patch.setattr(rowtable, "MOST_CELLS", 0)
        assert_exact(row_rule, ONE_PASS, seed)


@pytest.mark.skipif(PLAIN, reason="this is the process without the compiler")
@pytest.mark.beside(
    ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-W", "ignore", str(HERE)],
    {"NUMBA_DISABLE_JIT": "1",
     "PYTHONPATH": os.pathsep.join([str(Path(cep.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])},
)  # fmt: skip
def test_the_matchers_are_exact_without_the_compiler(beside):
    assert beside.returncode == 0, beside.stdout[-6000:] + beside.stderr[-4000:]
