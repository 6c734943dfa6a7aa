"""What the analysis says is certain: no event and no match of the oracle's contradicts it."""

import oracle
from conftest import SCALE
from corpus.cases import in_nanoseconds
from hypothesis import given, settings
from oracle.expression import Scope, evaluate
from oracle.order import declared_streams, order

from cep.language.analysis.context import Context
from cep.language.analysis.solve import FALSE, FUEL, NULL, TRUE, Solver
from cep.language.analysis.terms import Place, Terms
from cep.language.check import check
from cep.language.parser import parse
from cep.model.diagnostics import Source
from properties.expressions import FIELDS, LIKES, Expressions, row
from properties.generate import arrivals, file_of, generator
from properties.test_laws import SEEDS

MASKS = (TRUE, FALSE, NULL, TRUE | FALSE, TRUE | NULL, FALSE | NULL)
SURE = FIELDS.replace("?", "")
PARTS = (
    *("v < {n}", "v > {n}", "v >= {n}", "v != {n}", "v between {n} and {m}", "v in ({n}, {m})", "v not in ({n}, {m})"),
    *("v > w", "w > v + {n}", "v - w = {n}", "2 * v < {n}", "w <= {m}", "v = w", "v != w", "-v > {n}", "v % 2 = {n}"),
    *("f > {n}", "f <= {m}.5", "g < f", "f = g", "v > {n}.5", "v < f", "d > {n}", "d <= {m}.5", "d * 2 = {n}", "d < v"),
    *(
        "d > e",
        "v / 2 > {n}",
        "d > {n}.001",
        "abs(v) < {n}",
        "coalesce(v, {n}) > {m}",
        "v / 0 > 1",
        "seconds(ts - ts) < 1",
    ),
    *(
        's = "a"',
        's != "ab"',
        's > "a"',
        's <= "b"',
        's in ("a", "b")',
        "s like {l}",
        "s not like {l}",
        "s = t",
        "s < t",
    ),
    *(
        "ok",
        "not ok",
        "ok = true",
        "ok != true",
        "v is null",
        "f is not null",
        "s is null",
        "(v > {n}) = ok",
        "v in (w, {n})",
    ),
    *("v + w > {m}", "v + w < {n}", "v * w > {m}", "v * w < {n}", "e + 1.5 <= {n}", "ts > ts", "true", "false"),
)


def several(rng, depth):
    """Parts that often contradict or cover each other."""
    if depth == 0:
        part = rng.choice(PARTS).format(n=rng.randint(-1, 3), m=rng.randint(-1, 3), l=rng.choice((*LIKES, '"ab"')))
        return f"({part})"
    word = rng.choice((" and ", " and ", " or "))
    text = word.join(several(rng, depth - 1) for _ in range(rng.choice((2, 2, 3, 5))))
    return f"({text})" if rng.random() < 0.8 else f"not ({text})"


def small_row(rng, time):
    """A row of few values, so that narrow conditions hold now and then."""
    out = row(rng, time, huge=False)
    values = {"v": (0, 1, 2, 3, -1), "w": (0, 1, 2), "f": (0.0, 1.0, 1.5, 2.0), "g": (0.0, 1.5), "d": (0, 1, 2)}
    few = {name: rng.choice(of) for name, of in values.items()}
    return (
        out | few | {"e": rng.choice((0, 1)), "s": rng.choice(("a", "ab", "b", "")), "t": "a", "ok": rng.random() < 0.5}
    )


def assert_no_row_contradicts(fields, condition, rows):
    stream = f"stream S ordered by ts {{ {fields} }}\n"
    file = parse(Source("rule", f"{stream}rule R from S where {condition} emit R {{ ts }}"))
    where = check([file]).rules[0].body.where
    events = order(in_nanoseconds(stream, [("S", r) for r in rows]), declared_streams(file))[0]
    written = file.declarations[-1].body.where
    seen = {evaluate(written, Scope(event)) for event in events}
    came = {TRUE: True in seen, FALSE: False in seen, NULL: None in seen}
    impossible = []
    for mask in MASKS:
        solver = Solver(Context(Terms(lambda own, attribute: None), Place("")), [FUEL])
        if not solver.possible([(where, mask)]):
            impossible.append(mask)
            assert not any(came[one] for one in (TRUE, FALSE, NULL) if mask & one), f"{mask}: {condition}"
    return impossible


@settings(max_examples=int(25 * SCALE))
@given(SEEDS)
def test_what_a_condition_never_gives_no_event_makes_it_give(seed):
    rng = generator("analysis", seed)
    rows = [small_row(rng, 100 + n) for n in range(30)] + [row(rng, 200 + n) for n in range(10)]
    for _ in range(4):
        assert_no_row_contradicts(FIELDS, several(rng, rng.choice((0, 1, 1, 2))), rows)
    assert_no_row_contradicts(FIELDS, Expressions(rng).bool(2), rows)
    sure = [{**small_row(rng, 1), **{k: v for k, v in r.items() if v is not None and v == v}} for r in rows]
    for _ in range(4):
        assert_no_row_contradicts(SURE, several(rng, rng.choice((0, 1, 1, 2))), sure)


def test_conditions_that_contradict_themselves_are_found():
    rng = generator("contradictions")
    found = sum(TRUE in assert_no_row_contradicts(SURE, several(rng, 1), []) for _ in range(100))
    assert found > 10


# ------------------------------------------------------------------------------------------------------- patterns

ALONE = (
    "v > {n}",
    "v < {n}",
    "v = {n}",
    "v in ({n}, {m})",
    'type = "{a}"',
    'type != "{a}"',
    "f > {n}",
    "d <= {n}",
    "ok",
)
OTHERS = (
    "v > {p}.v",
    "v = {p}.v",
    "{p}.v > {n}",
    "{p}.v < {n}",
    "type = {p}.type",
    '{p}.type = "{a}"',
    "ts - {p}.ts > {n} us",
)
OTHERS += (
    "ts <= {p}.ts",
    "{p}.ts >= ts - {m} us",
    "f < {p}.f",
    "{p}.d > {n}",
    "k = {p}.k",
    "k != {p}.k",
    "{p} is null",
)
LOOPS = (
    "last({p}.v) > {n}",
    "count({p}) > {n}",
    "max({p}.v) < {n}",
    "first({p}.ts) < ts",
    "min({p}.d) > {n}",
    "ts < last({p}.ts)",
)
INSIDE = ("v > prev({r}.v)", "v > prev({r}.v, {n})", "count({r}) > {n}", "ts >= prev({r}.ts)", "last({r}.v) < {n}")


def where(rng, before, own=None):
    """A condition under the steps before it."""
    pool = list(ALONE) * 2
    other = rng.choice(before) if before else None
    if other is not None:
        pool += (LOOPS if other[1] else OTHERS) * 3
    if own is not None:
        pool += INSIDE * 3
    parts = [rng.choice(pool) for _ in range(rng.choice((1, 1, 2, 2, 3)))]
    text = rng.choice((" and ", " and ", " or ")).join(parts)
    names = {"n": rng.randint(0, 3), "m": rng.randint(0, 3), "a": rng.choice("AB")}
    return "where " + text.format(**names, p=other[0] if other else "", r=own)


def pattern(rng):
    steps, text = [], ""
    count = rng.choice((2, 3, 3))
    for n in range(count):
        quantifier = (
            rng.choice(("", "", "", "2 ", "1 or more ", "optional ", "0 to 2 ")) if 0 < n < count - 1 or not n else ""
        )
        if n == 0 and quantifier in ("optional ", "0 to 2 "):
            quantifier = ""
        loop = quantifier not in ("", "optional ")
        if n and rng.random() < 0.3:
            text += f"then no {rng.choice('ST')} {where(rng, steps)} "
        alias = f"s{n}"
        condition = where(rng, steps, alias if loop else None) if rng.random() < 0.8 else ""
        text += f"{'then ' if n else ''}{quantifier}{rng.choice(('S', 'S', 'T', 'Any'))} as {alias} {condition}\n  "
        steps.append((alias, loop))
    keyed = rng.choice(("keyed by k ", "", ""))
    return f"rule R {keyed}when {text}within {rng.randint(1, 12)} us after match keep all emit R {{}}\n"


def lineage(text, rows):
    return [r.events for r in oracle.run(text, in_nanoseconds(text, rows), "final")]


@settings(max_examples=int(60 * SCALE))
@given(SEEDS)
def test_no_match_contradicts_what_is_said_of_a_pattern(seed):
    rng = generator("patterns", seed)
    rows = arrivals(rng, 25, keys=("x", "y"))
    for _ in range(3):
        text = file_of(pattern(rng))
        warnings = check([parse(Source("rule", text))]).warnings
        said = [
            w
            for w in warnings
            if w.code in ("never-matches", "unreachable-step", "no-effect", "never-true", "always-true")
        ]
        if not said:
            continue
        matches = lineage(text, rows)
        for one in said:
            if one.code == "never-matches":
                assert matches == [], f"{one.render()}\n{text}"
                continue
            if " null" in one.message:  # what is blamed is a value, not a condition
                continue
            word = "true" if one.code == "always-true" else "false"
            changed = f"{text[: one.span.start]}({word}){text[one.span.end :]}"
            assert lineage(changed, rows) == matches, f"{one.render()}\n{text}"


def test_patterns_of_which_something_is_said_are_many():
    rng = generator("said")
    codes = set()
    for _ in range(150):
        codes |= {w.code for w in check([parse(Source("rule", file_of(pattern(rng))))]).warnings}
    assert codes >= {"never-matches", "unreachable-step", "no-effect", "never-true", "always-true"}
