"""Random rules whose params change between random events: the engine finds what the oracle finds."""

import re

import engine_adapter
import pytest
from engine_adapter import MIXED, ONE, WHOLE, Cut, comparable
from hypothesis import given
from hypothesis import strategies as st

import cep
from cep.language.check import check
from cep.language.fixed import holder
from cep.language.parser import parse
from cep.model.diagnostics import Source
from properties.generate import arrivals, file_of, generator, rule_texts, shrink
from properties.test_laws import examples, expected

NUMBER = re.compile(r"(<=|>=|<|>|!=|=) (\d)(?![\d.]| us)")
TEXT = re.compile(r'= "([ABC])"')
CUTS = (Cut(WHOLE), Cut(ONE), Cut(MIXED), Cut(3, 2), Cut(MIXED, 7))


def with_params(rng, rules):
    """The rules with some constants as params, and those params that may change, with values they may have."""
    declared, values = "", {}

    def lift(kind, written, choices):
        nonlocal declared
        if rng.random() < 0.3:
            return written
        name = f"p{len(values)}"
        declared += f"param {name}: {kind} = {written}\n"
        values[name] = choices
        return name

    rules = NUMBER.sub(lambda m: f"{m[1]} {lift('int', m[2], range(4))}", rules)
    rules = TEXT.sub(lambda m: f"= {lift('string', f'{chr(34)}{m[1]}{chr(34)}', ('A', 'B', 'C'))}", rules)
    book = check([parse(Source("<text>", declared + rules))])
    return declared + rules, {name: choices for name, choices in values.items() if holder(book, name) is None}


def differs(text, rows, end, changes, cut, rules):
    """The results of oracle and engine where they differ; None where they agree."""
    changes = [(min(place, len(rows)), name, value) for place, name, value in changes]
    written = [(p, n, f'"{v}"' if isinstance(v, str) else v) for p, n, v in changes]
    want = expected(text, rows, end, written)
    got = [comparable(r) for r in engine_adapter.run_rules(rules, rows, end, cut, changes)]
    return None if want == got else f"oracle {want}\nengine {got}"


@examples(6, 80)
@given(st.integers(0, 2**62))
def test_params_change_for_the_events_that_arrive_afterwards(seed):
    rng = generator("changes", seed)
    late = rng.choice([0, 0, 3])
    text, values = with_params(rng, file_of(rule_texts(rng), late))
    rows, end, cut = arrivals(rng, 30, late, rules=text), rng.choice(["open", "final"]), rng.choice(CUTS)
    changes = []
    for place in sorted(rng.randrange(len(rows)) for _ in range(rng.choice([1, 2, 4]))):
        if values:
            name = rng.choice(list(values))
            changes.append((place, name, rng.choice(values[name])))
    rules = cep.loads(text)
    if differs(text, rows, end, changes, cut, rules):
        rows = shrink(rows, lambda fewer: differs(text, fewer, end, changes, cut, rules) is not None)
        table = "\n".join(f"  {stream} {row}" for stream, row in rows)
        pytest.fail(f"{text}\nend={end}, {cut}, {changes}\n{table}\n{differs(text, rows, end, changes, cut, rules)}")
