"""Every case of the corpus × the oracle × the engine, however the input is cut, compiled and plain."""

import engine_adapter
import oracle
import pytest
from corpus.cases import all_cases
from engine_adapter import MIXED, ONE, WHOLE, Cut

import cep

CASES = all_cases()
RUNNING = [c for c in CASES if not c.not_yet]
CUTS = (Cut(WHOLE), Cut(ONE), Cut(2, shards=2), Cut(3, shards=7), Cut(MIXED, shards=7))


def by_name(cases):
    return pytest.mark.parametrize("case", cases, ids=[c.name for c in cases])


def test_there_are_enough_cases():
    assert len(CASES) >= 80


@by_name(CASES)
def test_the_oracle_agrees_with_what_was_worked_out_by_hand(case):
    case.check(oracle.run(case.rule, case.arrivals, case.end, case.params, case.changes))
    fates = oracle.fates(case.rule, case.arrivals)
    assert [n for n, fate in enumerate(fates) if fate == "late"] == case.late
    assert [n for n, fate in enumerate(fates) if fate == "rejected"] == case.rejected


@by_name(RUNNING)
def test_the_engine_agrees_however_the_input_is_cut(case):
    rules = cep.loads(case.rule, params=case.params, functions=True)
    for cut in CUTS:
        try:
            case.check(engine_adapter.run_rules(rules, case.rows, case.end, cut, case.changes))
        except AssertionError as wrong:
            raise AssertionError(f"{cut}: {wrong}") from None


@by_name([c for c in CASES if c.not_yet])
def test_what_does_not_run_yet_is_refused(case):
    with pytest.raises(cep.RuleError, match="does not run yet"):
        cep.loads(case.rule)


def agrees(cases, **environment):
    """The engine's test above over some cases, in a process of its own."""
    name = test_the_engine_agrees_however_the_input_is_cut.__name__
    nodes = [f"{__file__}::{name}[{c.name}]" for c in cases]
    if len(cases) == len(RUNNING):
        nodes = [f"{__file__}::{name}"]
    return pytest.mark.beside(["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *nodes], environment)


@agrees(RUNNING, NUMBA_DISABLE_JIT="1")
def test_the_whole_corpus_runs_without_the_compiler(beside):
    assert beside.returncode == 0, beside.stdout[-4000:]


@agrees(RUNNING[::12], NUMBA_BOUNDSCHECK="1")
def test_a_part_of_the_corpus_runs_with_every_index_checked(beside):
    assert beside.returncode == 0, beside.stdout[-4000:]
