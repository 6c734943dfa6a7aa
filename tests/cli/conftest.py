"""The command line in this process: `cep` runs one and gives its exit code, standard output and standard error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cep.cli import invoke

if TYPE_CHECKING:
    from collections.abc import Callable

FRAUD = """\
param test_amount: decimal = 5.00

stream Pay ordered by at { at: time, card: string, amount: decimal }

rule CardTesting "A tiny test payment, then a big one, same card"
keyed by card
when Pay as small where amount < test_amount
     then Pay as big where amount > 40 * small.amount
within 10 min
emit Alert { card, tested = small.amount, taken = big.amount }
"""
PAYS = """\
at,card,amount
2024-05-01T10:00:00Z,c1,1.00
2024-05-01T10:01:00Z,c2,30.00
2024-05-01T10:04:00Z,c1,480.00
2024-05-01T10:05:00Z,c2,2.00
"""


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def cep(capfd, tmp_path, monkeypatch) -> Callable[..., Ended]:
    """Run ``cep`` with arguments in an empty folder; whatever it does, no trace may be shown."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, trace: bool = False) -> Ended:
        capfd.readouterr()
        code = invoke([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert ("Traceback" in err) == trace, err
        return Ended(code, out, err)

    return run


@pytest.fixture
def fraud(tmp_path):
    """A rule file, and payments that it finds one alert in."""
    (tmp_path / "fraud.cep").write_text(FRAUD)
    (tmp_path / "pay.csv").write_text(PAYS)
    return tmp_path / "fraud.cep"
