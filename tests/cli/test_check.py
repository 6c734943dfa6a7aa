"""``cep check`` says every mistake with its place, or every rule with its bound."""

from __future__ import annotations

from tests.cli.conftest import FRAUD


def test_right_rules_are_listed_with_their_bounds(cep, fraud):
    ended = cep("check", fraud)
    assert ended.code == 0
    assert ended.out.startswith("CardTesting: ")
    assert ended.out.splitlines()[-1].startswith("1 rule, no mistakes, ")


def test_all_mistakes_come_at_once_with_line_caret_and_hint(cep, fraud):
    wrong = FRAUD.replace("amount < test_amount", "amonut < test_amount").replace(
        "taken = big.amount", "taken = big.amout"
    )
    fraud.write_text(wrong)
    ended = cep("check", fraud)
    assert ended.code == 2
    assert ended.out == ""
    assert "fraud.cep:7:" in ended.err
    assert "^" in ended.err
    assert "amount" in ended.err.split("hint:")[1]
    assert ended.err.endswith("2 mistakes\n")


def test_mistakes_of_two_files_are_told_together(cep, fraud, tmp_path):
    (tmp_path / "other.cep").write_text("rule Other from Pai where x emit Y {}\n")
    fraud.write_text(fraud.read_text().replace("amount <", "amonut <"))
    ended = cep("check", tmp_path)
    assert "fraud.cep:" in ended.err
    assert "other.cep:1:" in ended.err


def test_a_param_is_checked_with_its_given_value(cep, fraud):
    assert cep("check", fraud, "--set", "test_amount=7").code == 0
    assert cep("check", fraud, "--set", "nonesuch=7").code in (2, 64)
