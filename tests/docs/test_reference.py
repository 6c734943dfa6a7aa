"""The generated pages: they are what docs/generate.py writes now, and cover what they are made from."""

from __future__ import annotations

import re

import pytest

import cep
from docs.generate import pages
from docs.writers.grammar import CONSTRUCTS, HIDDEN, SHOWN_AS, WORDS, productions
from docs.writers.grammar import page as grammar_page
from docs.writers.python import names

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_generated_page_is_up_to_date(path):
    assert path.read_text("utf-8") == PAGES[path], "run: python -m docs.generate"


def test_no_other_page_stands_among_them():
    folder = next(iter(PAGES)).parent
    assert set(folder.iterdir()) == set(PAGES)


def test_every_production_of_the_grammar_is_shown():
    shown = set(re.findall(r"^([a-z_]+) =", grammar_page(), re.MULTILINE))
    names = {name for name in productions() if not name.isupper() and name not in HIDDEN}
    assert shown == {SHOWN_AS.get(name, name.lstrip("_")) for name in names}
    assert set(CONSTRUCTS) <= set(productions())


def test_the_words_that_a_production_names_are_explained():
    fences = "\n".join(re.findall(r"```ebnf\n(.*?)```", grammar_page(), re.DOTALL))
    named = set(re.findall(r"\b[A-Z_]{2,}\b", re.sub(r'"[^"]*"', "", fences)))
    assert named <= set(WORDS), "these terminals are neither written out nor explained"
    assert "->" not in re.sub(r'"[^"]*"', "", fences)


def test_every_public_name_is_on_the_page():
    assert set(names()) == set(cep.__all__) - {"__version__"}
