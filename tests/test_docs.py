"""The examples of README.md and docs/ run.

A page is read from the top, in a folder of its own. A fence's first word is its language, the rest its name:

- ``cep`` rules are checked, and written under their name; ``cep later`` parses, and is refused when it is to run;
- ``csv NAME``, ``json NAME`` are written under their name;
- ``python`` runs, one namespace a page;
- ``console`` runs every line ``$ cep …`` and compares standard output with the lines below, where there are any;
- ``text`` and ``sh`` are for the eye.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

import cep
from cep.cli import invoke

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "rules").glob("*/README.md"))]
FENCE = re.compile(r"^```(\w+)[ ]?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    name: str
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [Block(m[1], m[2].strip(), m[3], text.count("\n", 0, m.start()) + 1) for m in FENCE.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks_of(page):
        where = f"{page.name}:{block.line}"
        match block.language:
            case "cep":
                run_rules(block, where)
            case "csv" | "json":
                (tmp_path / block.name).write_text(block.text)
            case "python":
                exec(compile("\n" * block.line + block.text, str(page), "exec"), namespace)
            case "console":
                run_console(block, where, capfd)
            case other:
                assert other in ("text", "sh"), f"{where}: a fence of an unknown kind, {other}"


def run_rules(block: Block, where: str) -> None:
    if block.name == "later":
        from cep.language.parser import parse
        from cep.model.diagnostics import Source

        parse(Source(where, block.text))
        with pytest.raises(cep.RuleError):
            cep.loads(block.text, name=where)
        return
    assert cep.loads(block.text, name=where).rulebook.rules
    if block.name:
        Path(block.name).write_text(block.text)


def run_console(block: Block, where: str, capfd) -> None:
    for command, expected in re.findall(r"^\$ cep (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        capfd.readouterr()
        code = invoke(shlex.split(command))
        out, err = capfd.readouterr()
        assert code == 0, f"{where}: {err}"
        if expected:
            assert out == expected, where


def test_links_between_pages_lead_somewhere():
    pages = [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_the_readme_is_short_and_has_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert "pip install -e . && cep demo" in text
    assert 'pip install -e ".[test]" && pytest' in text
