"""The cookbook: whole recipes, each with a test that something comes out. They run in tests/test_docs.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cep
from cep.language import ast

FOLDER = Path(__file__).parent.parent.parent / "docs" / "cookbook"
DOMAINS = sorted(path for path in FOLDER.glob("*.md") if path.name != "index.md")
RECIPES = [
    pytest.param(text, id=f"{path.stem}: {title}")
    for path in DOMAINS
    for title, text in re.findall(
        r"^## (.*?)\n.*?^```cep\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
]


def test_every_domain_is_in_the_table():
    linked = re.findall(r"\]\((\w+\.md)\)", (FOLDER / "index.md").read_text("utf-8"))
    assert sorted(linked) == [path.name for path in DOMAINS]
    assert len(RECIPES) >= 25
    assert len(RECIPES) == sum(path.read_text("utf-8").count("\n## ") for path in DOMAINS), "a heading without a recipe"


@pytest.mark.parametrize("text", RECIPES)
def test_a_recipe_is_whole_and_expects_something(text):
    book = cep.loads(text).rulebook
    assert not book.warnings
    assert all(rule.description for rule in book.rules)
    tests = [d for file in book.files for d in file.declarations if isinstance(d, ast.Test)]
    expected = {step.type.text for t in tests for step in t.steps if isinstance(step, ast.Expect) and step.count != 0}
    assert set(book.derived) <= expected
