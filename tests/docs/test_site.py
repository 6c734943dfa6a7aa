"""The site: every page is in its contents, and the hooks turn files into pages. Building it is a step of .ci/run."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SETTINGS = (ROOT / "mkdocs.yml").read_text("utf-8")


def test_every_page_is_in_the_contents_and_each_entry_is_a_page():
    listed = re.findall(r"^ +- ([\w/]+\.md)$", SETTINGS.split("\nnav:", 1)[1], re.MULTILINE)
    docs = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert len(listed) == len(set(listed))
    assert {name for name in listed if (ROOT / "docs" / name).exists()} == docs
    assert all((ROOT / name).exists() for name in set(listed) - docs)


class Files:
    """The pages of the project, as the site has them."""

    def get_file_from_path(self, name: str) -> object:
        return (ROOT / "docs" / name).is_file() or name == "ARCHITECTURE.md" or None


@pytest.fixture(scope="module")
def hooks():
    pytest.importorskip("mkdocs", reason="the site's own packages are in the docs extra")
    from docs import hooks

    return hooks


def test_the_name_of_a_fence_is_its_title(hooks):
    assert hooks._titled("```cep fraud.cep\nx\n```") == '```cep title="fraud.cep"\nx\n```'
    assert hooks._titled("```cep mistaken fraud.cep\nx\n```") == '```cep title="fraud.cep"\nx\n```'
    assert hooks._titled("```cep syntax\nx\n```") == "```cep\nx\n```"
    assert hooks._titled("```cep\nx\n```") == "```cep\nx\n```"


def test_links_lead_to_pages_and_to_nothing_else(hooks):
    text = "[a](../ARCHITECTURE.md) [b](language.md#tests) [c](../rules/flights/flights.cep) [d](cookbook/index.md)"
    assert hooks._linked(text, ROOT / "docs", "index.md", Files()) == (
        "[a](ARCHITECTURE.md) [b](language.md#tests) c (`rules/flights/flights.cep`) [d](cookbook/index.md)"
    )
    assert hooks._linked("[x](../cli.md)", ROOT / "docs/cookbook", "cookbook/a.md", Files()) == "[x](../cli.md)"
    assert hooks._linked("[x](docs/cli.md)", ROOT, "ARCHITECTURE.md", Files()) == "[x](cli.md)"


def test_bars_in_the_code_of_tables_are_bare(hooks):
    assert hooks._linked("| `a \\| b` | x \\| y |", ROOT / "docs", "index.md", Files()) == "| `a | b` | x \\| y |"


def test_a_page_that_needs_the_world_is_warned_of(hooks, caplog):
    class Page:
        class file:  # noqa: N801
            src_uri = "a.md"

    with caplog.at_level(logging.WARNING):
        hooks.on_post_page('<script src="x.js"></script><a href="https://example.org">', page=Page, config=None)
        assert not caplog.records
        hooks.on_post_page('<script src="https://example.org/x.js"></script>', page=Page, config=None)
    assert [record.message for record in caplog.records] == ["a.md needs https://example.org/x.js"]


def test_rules_have_colours(hooks):
    shown = [
        (str(kind), text) for kind, text in hooks.RulesLexer().get_tokens("rule R -- x\nfrom Pay where at.by > 5 min")
    ]
    assert ("Token.Keyword", "rule") in shown
    assert ("Token.Name.Class", "Pay") in shown
    assert ("Token.Name", "by") in shown
    assert ("Token.Literal.Date", "5 min") in shown
    assert ("Token.Comment.Single", "-- x") in shown
