"""What the checker proves of a rule's state: no random rule ever has more runs than `cep check` says.

One key, events one at a time; after each the runs that live are counted. The rules that a direct matcher takes are
watched on it and on the run table. Of rules whose runs may double with each event nothing is claimed.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cep
from cep.compiler.choice import RUN_TABLE, only
from cep.language.checker.bounds import lifetime
from cep.language.checker.ways import ways_of
from properties import test_matchers as matchers
from properties.generate import arrivals, file_of, generator, rule_text
from properties.test_laws import US, examples

MAKERS = (matchers.chain_rule, matchers.graph_rule, matchers.row_rule)


def most(pattern, times):
    """The most runs of a key whose events have these times."""
    ways, within = ways_of(pattern), lifetime(pattern, {})
    if within is not None:
        times = [time for time in times if time * US >= times[-1] * US - within]
    if pattern.events is not None and not pattern.final:
        times = times[-pattern.events :]
    each = [ways.at(n) for n in range(1, len(times) + 1)]
    return None if None in each else sum(each)


def watched(rules, rows):
    """After each event: the runs that live, and the most that may."""
    book, engine, times = rules.rulebook.rules[0], cep.Engine(rules), []
    for stream, row in rows:
        engine.send(stream, row)
        engine.advance(row["ts"] * US)
        times += [row["ts"]] if stream in book.inputs else []
        if times:
            yield engine.stats().rules["R"].open_runs, most(book.body, times)


def assert_bounded(text, rules, rows):
    for n, (live, bound) in enumerate(watched(rules, rows), 1):
        if bound is not None and live > bound:
            shown = "\n".join(f"  {stream} {row}" for stream, row in rows[:n])
            pytest.fail(f"{text}\n{rules.rulebook.rules[0].state_bound}\n{live} runs, {bound} are said\n{shown}")


def one_key(rows, **key):
    """In order, and of one key."""
    return sorted(((stream, row | key) for stream, row in rows), key=lambda item: item[1]["ts"])


@examples(10, 150)
@given(st.integers(0, 2**62))
def test_no_rule_has_more_runs_than_its_bound_says(seed):
    rng = generator("bounds", seed)
    text = file_of(rule_text(rng).replace("keyed by k, type", "keyed by k"))
    rules = cep.loads(text)
    assert_bounded(text, rules, one_key(arrivals(rng, 25, rules=text), k="x"))


@examples(3, 30)
@given(st.integers(0, 2**62))
def test_no_matcher_has_more_runs_than_the_bound_says(seed):
    rng = generator("bounds of matchers", seed)
    text = matchers.file_of(MAKERS[seed % 3](rng), 0)
    try:
        chosen = cep.loads(text)
        with only(RUN_TABLE):
            ways = [chosen, cep.loads(text)] if chosen.programs.choices["R"].name != RUN_TABLE else [chosen]
    except cep.RuleError:
        return
    rows = one_key(matchers.arrivals(rng, 25), k="x", j=1, x=0.5)
    for rules in ways:
        assert_bounded(text, rules, rows)
