"""`--functions MODULE`: functions of Python modules on the command line."""

RULES = """
stream Pay ordered by at { at: time, card: string, amount: decimal }
function risk(amount: decimal) -> float from "risks_of_tests:risk"
rule R from Pay where risk(amount) > 1 emit Alert { card }
rule All from Pay emit Seen { card }
test "one" { send Pay { card = "c", amount = 5 } at 0 s expect Alert { card = "c" } }
"""
MODULE = """
import numpy as np

def risk(amount):
    if any(a > 450 for a in amount):
        raise ValueError("too much")
    return np.array([float(a) for a in amount])
"""


def test_a_run_wants_the_module_allowed_and_tells_of_what_failed(cep, tmp_path, monkeypatch):
    (tmp_path / "rules.cep").write_text(RULES)
    (tmp_path / "risks_of_tests.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [p for p in __import__("sys").path if p])
    (tmp_path / "pay.csv").write_text(
        "at,card,amount\n2024-05-01T10:00:00Z,c1,1.00\n2024-05-01T10:01:00Z,c2,30.00\n"
        "2024-05-01T10:04:00Z,c1,480.00\n2024-05-01T10:05:00Z,c2,2.00\n"
    )
    command = ["run", "rules.cep", "--from", "Pay=pay.csv"]
    refused = cep(*command)
    assert refused.code == 2
    assert "error[function-not-allowed]" in refused.err
    assert "--functions risks_of_tests" in refused.err

    ran = cep(*command, "--functions", "risks_of_tests")
    assert ran.code == 2
    assert ran.out.count('"Alert"') == 1
    assert ran.out.count('"Seen"') == 4
    assert "R failed at Pay row 2: risk (risks_of_tests:risk) raised ValueError: too much" in ran.err

    assert cep("check", "rules.cep").code == 0
    assert cep("check", "rules.cep", "--functions", "risks_of_tests").code == 0
    missing = cep("check", "rules.cep", "--functions", "no_such_module")
    assert missing.code == 0  # it allows what no rule asks for
    assert cep("test", "rules.cep", "--functions", "risks_of_tests").code == 0
    assert cep("test", "rules.cep").code == 2
    wrong = cep("run", "rules.cep", "--functions", "risks of tests")
    assert (wrong.code, "--functions takes the name of a module" in wrong.err) == (64, True)
    shown = cep("explain", "rules.cep", "--rule", "R")
    assert "risk, Python: risks_of_tests:risk" in shown.out
