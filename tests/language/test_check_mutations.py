"""No text that parses makes the checker fail: words of good rules are exchanged at random, seeded."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from cep.language.check import check
from cep.language.parser import parse
from cep.model.diagnostics import Source
from cep.model.errors import RuleError
from tests.language.checking import MARK, PRELUDE
from tests.language.test_check_names import CASES as NAMES
from tests.language.test_check_patterns import CASES as PATTERNS
from tests.language.test_check_refusals import CASES as REFUSALS
from tests.language.test_check_refusals import EXTRA
from tests.language.test_check_types import OTHERS, WRONG

RULES = Path(__file__).parents[2] / "rules"
TEXTS = [path.read_text("utf-8") for path in sorted(RULES.rglob("*.cep"))]
TEXTS += [f"{PRELUDE}{EXTRA}rule R {case[0]}".replace(MARK, "") for case in REFUSALS]
TEXTS += [f"{PRELUDE}{case[0]}".replace(MARK, "") for case in NAMES]
TEXTS += [f"{PRELUDE}rule R {case[0]} emit X {{ }}".replace(MARK, "") for case in PATTERNS]
TEXTS += [f"{PRELUDE}rule R from Pay where {case[0]} emit X {{ }}".replace(MARK, "") for case in WRONG + OTHERS]
WORD = re.compile(r"[A-Z]\w*|[a-z_]\w*|\d+(?:\.\d+)?|\"[^\"]*\"")


def kind(word: str) -> str:
    """Words of one kind can mostly stand for each other."""
    return "type" if word[0].isupper() else "number" if word[0].isdigit() else "text" if word[0] == '"' else "name"


def mutated(text: str, rng: random.Random) -> str:
    """``text`` with one to three of its words exchanged for others of their kind, or left out."""
    words = list(WORD.finditer(text))
    for _ in range(rng.randint(1, 3)):
        place = rng.choice(words)
        others = [w.group() for w in words if kind(w.group()) == kind(place.group())]
        other = rng.choice(others) if rng.random() < 0.9 else rng.choice(["", "null", "a.b", "5 min", "0"])
        text = text[: place.start()] + other + text[place.end() :]
        words = list(WORD.finditer(text))
    return text


def outcome(text: str) -> str | None:
    """What was said of a text: None when it does not parse, nothing when it is good."""
    try:
        file = parse(Source("mutated.cep", text))
    except RuleError:
        return None
    try:
        check([file])
    except RuleError as problem:
        return str(problem) or "an error without words"
    return ""


@pytest.mark.parametrize("seed", range(4))
def test_a_file_that_parses_is_checked_or_refused_and_nothing_else(seed):
    rng = random.Random(seed)
    outcomes = [outcome(mutated(rng.choice(TEXTS), rng)) for _ in range(60)]
    assert sum(said is not None for said in outcomes) > 10
    assert "an error without words" not in outcomes
