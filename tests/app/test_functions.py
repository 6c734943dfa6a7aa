"""Functions of Python modules run only where the host allows them."""

import numpy as np
import pytest

import cep

TEXT = """
stream S ordered by at { at: time(s), n: int }
function twice(n: int) -> int from "doubling_of_tests:twice"
rule R from S where twice(n) > 2 emit R { n }
test "two" { send S { n = 2 } at 1 s expect R { n = 2 } }
"""
ROWS = [{"at": 1, "n": 1}, {"at": 2, "n": 2}]


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "doubling_of_tests.py").write_text("def twice(n):\n    return n * 2\n\nnothing = 5\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def numbers(rules):
    return [row["n"] for row in cep.run(rules, {"S": ROWS})["R"].to_dicts()]


def test_a_rule_file_alone_is_checked_and_does_not_run():
    rules = cep.loads(TEXT)
    with pytest.raises(cep.RuleError) as problem:
        cep.Engine(rules)
    [told] = problem.value.diagnostics
    assert (told.code, told.span.line) == ("function-not-allowed", 3)
    assert "--functions doubling_of_tests" in told.hint
    # what no rule calls may stand there
    assert cep.Engine(cep.loads(TEXT.replace("where twice(n) > 2", "")))


@pytest.mark.parametrize("allowed", [{"doubling_of_tests"}, ["doubling_of_tests"], True])
def test_a_module_that_is_allowed_is_imported(module, allowed):
    assert numbers(cep.loads(TEXT, functions=allowed)) == [2]


def test_another_module_is_not(module):
    with pytest.raises(cep.RuleError, match="not allowed"):
        numbers(cep.loads(TEXT, functions={"os"}))


def test_the_host_may_give_the_code_itself():
    assert numbers(cep.loads(TEXT, functions={"twice": lambda n: n + 2})) == [1, 2]


@pytest.mark.parametrize(
    ("text", "allowed", "words"),
    [
        (TEXT, {"twise": abs}, "did you mean `twice`"),
        (TEXT, {"twice": 5}, "an int, which cannot be called"),
        (TEXT, "doubling_of_tests", "a set of module names"),
        (TEXT.replace(":twice", ":twise"), True, "has no function twise: did you mean `twice`"),
        (TEXT.replace(":twice", ":nothing"), True, "nothing is an int, which cannot be called"),
        (TEXT.replace("doubling_of_tests", "no_such_module"), True, "<text>:3:10: the module no_such_module cannot"),
    ],
)
def test_what_cannot_be_allowed_is_said(module, text, allowed, words):
    with pytest.raises(cep.UsageError, match=words):
        cep.loads(text, functions=allowed)


def test_the_code_stays_when_params_change_and_rulebooks_are_joined():
    one = cep.loads(TEXT.replace("> 2", "> limit") + "param limit: int = 2", functions={"twice": lambda n: n * 2})
    other = cep.loads("stream S ordered by at { at: time(s), n: int } rule All from S emit All { n }")
    engine = cep.Engine([one, other])
    engine.set("limit", 0)
    assert [b.schema.name for b in engine.send("S", ROWS[0])] == ["R", "All"]
    with pytest.raises(cep.UsageError, match="different code"):
        cep.Rules.of([one, cep.loads(TEXT.replace("rule R", "rule Q"), functions={"twice": np.abs})])


def test_the_tests_of_a_file_run_with_what_is_allowed():
    from cep.app.testing import run_tests

    assert [o.status for o in run_tests(cep.loads(TEXT, functions={"twice": lambda n: n * 2}))] == ["passed"]
    [failed] = run_tests(cep.loads(TEXT, functions={"twice": lambda n: n / 0 * [1]}))
    assert "R failed at S row 0: twice (doubling_of_tests:twice) " in failed.failures[-1].render()
