"""The examples of README.md and docs/ run.

A page is read from the top, in a folder of its own. A fence's first word is its language, the rest its name:

- ``cep`` rules are checked, their tests run, and they are written under their name; ``cep later`` parses, and is
  refused when it is to run; ``cep syntax`` parses; ``cep declarations`` is checked, and has no rule;
- ``cep mistaken NAME`` has mistakes, and ``cep failing NAME`` a test that fails; both are written under their name;
- ``cep wrong`` and ``cep right`` of the error index run in tests/docs/test_errors.py;
- ``csv NAME``, ``json NAME`` are written under their name;
- ``python`` runs, one namespace a page;
- ``console`` runs every line ``$ cep …`` and compares standard output with the lines below, where there are any;
  ``console exit N`` expects that exit code, and compares standard error too, times left out;
- ``text demo`` are lines of what ``cep demo`` prints (tests/cli/test_demo.py);
- ``text``, ``sh``, ``ebnf`` and ``py`` are for the eye; ``pycon`` comes from docstrings (tests/test_doctests.py).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

import cep
from cep.app.testing import run_tests
from cep.cli import invoke
from cep.language.parser import parse
from cep.model.diagnostics import Source

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "rules").glob("*/README.md"))]
EYE = ("text", "sh", "ebnf", "py", "pycon")
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
    (tmp_path / "rules").symlink_to(ROOT / "rules")
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
                assert other in EYE, f"{where}: a fence of an unknown kind, {other}"


def run_rules(block: Block, where: str) -> None:
    match block.name:
        case "later":
            parse(Source(where, block.text))
            with pytest.raises(cep.RuleError):
                cep.loads(block.text, name=where)
        case "syntax":
            assert parse(Source(where, block.text)).declarations or "module" in block.text
        case "declarations":
            assert not cep.loads(block.text, name=where).rulebook.rules
        case "wrong" | "right":
            pass
        case name:
            kind, _, written = name.rpartition(" ")
            if kind == "mistaken":
                with pytest.raises(cep.RuleError):
                    cep.loads(block.text, name=where)
            else:
                rules = cep.loads(block.text, name=where)
                assert rules.rulebook.rules
                failures = [f.render() for outcome in run_tests(rules) for f in outcome.failures]
                assert bool(failures) == (kind == "failing"), "\n".join([where, *failures])
            if written:
                Path(written).write_text(block.text)


def run_console(block: Block, where: str, capfd) -> None:
    wanted = int(block.name.removeprefix("exit ")) if block.name else 0
    for command, expected in re.findall(r"^\$ cep (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        capfd.readouterr()
        code = invoke(shlex.split(command))
        out, err = capfd.readouterr()
        assert code == wanted, f"{where}: {err}"
        shown = without_times(out + err) if block.name else out
        if expected:
            assert shown == (without_times(expected) if block.name else expected), where


def without_times(text: str) -> str:
    """What a run says, but for how long it took and what it compiled."""
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith("compiling kernels")]
    return re.sub(r" in [0-9.]+ s \([0-9,]+ events/s\)", " in … s", "".join(kept))


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
