"""The collector of cycles rests while rules are loaded, and works afterwards if it did before."""

import gc

import pytest

import cep
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
