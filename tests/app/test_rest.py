"""The collector of cycles rests while rules are loaded, and works afterwards if it did before."""

import gc

import pytest

import cep
from cep.app import rest
from cep.app.rest import collector_rests
from cep.model.errors import RuleError

RULE = "stream S ordered by at { at: time(s), n: int }\nrule R from S where n > 1 emit X { n }\n"


@pytest.fixture
def collecting():
    before = gc.isenabled()
    gc.enable()
    yield
    if not before:
        gc.disable()


@pytest.mark.usefixtures("collecting")
def test_it_rests_and_works_again():
    with collector_rests():
        assert not gc.isenabled()
        with collector_rests():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.usefixtures("collecting")
def test_whoever_has_switched_it_off_finds_it_off():
    gc.disable()
    cep.Engine(cep.loads(RULE))
    assert not gc.isenabled()
    gc.enable()


@pytest.mark.usefixtures("collecting")
def test_a_rule_that_is_refused_lets_it_work_again():
    with pytest.raises(RuleError):
        cep.loads(RULE + "rule Q from T emit Y {}")
    assert gc.isenabled()
    cep.Engine(cep.loads(RULE))
    assert gc.isenabled()


def ages(count):
    """How many of so many objects made meanwhile are among the oldest afterwards."""
    with collector_rests():
        made = [[n] for n in range(count)]
        gc.get_count()
    old = {id(o) for o in gc.get_objects(generation=2)}
    return sum(id(o) in old for o in made)


@pytest.fixture
def uncounted(monkeypatch):
    """A process that has loaded nothing."""
    monkeypatch.setattr(rest, "_uncounted", [0])
    gc.collect()


@pytest.mark.usefixtures("collecting", "uncounted")
def test_many_objects_are_old_at_once_and_few_are_young():
    assert ages(rest.MANY + 10) == rest.MANY + 10
    assert ages(1000) < 1000


@pytest.mark.usefixtures("collecting", "uncounted")
def test_who_loads_again_and_again_has_the_collector_at_work():
    most = rest.MOST // rest.MANY
    old = [ages(rest.MANY + 10) > rest.MANY for _ in range(most + 2)]
    assert old[0]
    assert not old[-1]


@pytest.mark.usefixtures("collecting", "uncounted")
def test_what_somebody_has_frozen_stays_frozen():
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        assert before
        ages(rest.MANY + 10)
        assert gc.get_freeze_count() >= before - 10  # some may have been freed since
    finally:
        gc.unfreeze()
