"""A function in Python: columns in, one column out; and what is said when it fails."""

from typing import Any

import numpy as np
import numpy.typing as npt

import cep

RULES = """
stream Pay ordered by at { at: time(s), card: string, amount: float }
function risk(card: string, amount: float) -> float from "models:risk"

rule Risky from Pay where risk(card, amount) > 0.5
emit Alert { card, risk = risk(card, amount) }
"""


def risk(card: npt.NDArray[np.object_], amount: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A risk between 0 and 1."""
    if any(not name for name in card):
        raise ValueError("no card")
    known: npt.NDArray[Any] = np.array([name.startswith("x") for name in card])
    return np.where(known, np.minimum(amount / 1000, 1.0), 0.0)


pays = [
    {"at": 1, "card": "x7", "amount": 800.0},
    {"at": 2, "card": "a1", "amount": 900.0},
    {"at": 3, "card": "", "amount": 100.0},
    {"at": 4, "card": "x7", "amount": 900.0},
]
result = cep.run(cep.loads(RULES, functions={"risk": risk}), {"Pay": pays})

for alert in result["Alert"].to_dicts():
    print(alert["risk"], alert["card"])
for rule, why in result.summary.failed.items():
    print(rule, "failed", why)
