"""A hundred thousand random rules of up to six steps, in parts: engine and oracle agree.

Conditions compare events with bound ones, streams have ties, nulls and disorder. Four rules in five are of every kind
and run over three streams each; the others are made for the direct matchers in turn, over one stream, and one in four
of them runs on the run table too. Run as properties/parts.py says; a part is the same examples on every machine.
"""

from collections import Counter
from functools import partial

import pytest
from hypothesis.errors import UnsatisfiedAssumption

import cep
from properties import test_matchers as matchers
from properties.generate import LONG, arrivals, file_of, generator, rule_text
from properties.parts import chosen, run_part
from properties.test_laws import CUTS, assert_agrees

PARTS, EACH, STREAMS = 100, 400, 3  # parts, rules of a part, streams of a rule of every kind
TOO_MUCH = "too much for the oracle"
DIRECT = (
    (matchers.chain_rule, matchers.CHAIN),
    (matchers.graph_rule, matchers.GRAPH),
    (matchers.counting_rule, matchers.COUNTING),
    (matchers.row_rule, matchers.ONE_PASS),
)


def of_every_kind(seed):
    """One rule over some streams; an example that is too much for the oracle is none."""
    rng = generator("long", seed)
    late = rng.choice([0, 3])
    text = file_of(rule_text(rng, sizes=LONG), late)
    rules, found = cep.loads(text), Counter(rules=1)
    for n in range(STREAMS):
        rows = arrivals(rng, rng.choice([4, 8, 14, 20, 30]), late, keys=("x", "x", "y", None), rules=text)
        try:
            assert_agrees(text, rows, rng.choice(["open", "final"]), CUTS[(seed + n) % len(CUTS)], rules)
        except UnsatisfiedAssumption:  # the oracle gave it up
            found[TOO_MUCH] += 1
        else:
            found.update(["examples", f"of every kind, {rules.programs.choices['R'].name}"])
    return found


def of_one_matcher(make, matcher, seed):
    """One rule that this matcher takes, over one stream."""
    try:
        matchers.assert_exact(make, matcher, seed)
    except UnsatisfiedAssumption:
        return Counter(rules=1, **{TOO_MUCH: 1})
    return Counter(["rules", "examples", f"made for the {matcher}"])


def examples(part):
    """The examples of a part, in their order."""
    for n in range(part * EACH, (part + 1) * EACH):
        if n % 5:
            yield partial(of_every_kind, n)
        else:
            yield partial(of_one_matcher, *DIRECT[n // 5 % len(DIRECT)], n)


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", chosen(PARTS))
def test_random_rules_agree(part):
    run_part("random", part, examples(part))
