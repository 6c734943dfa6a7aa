"""The error index: no code lacks an entry, each example gives its code, and no cure does.

Codes are found in the source: hyphened words in quotes, and whatever is handed to what tells a mistake. A code that is
put together (``f"unused-{word}"``) is known by its beginning.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import cep
from cep.app.compile import prepare
from cep.app.testing import run_tests
from docs.writers.errors import PRELUDE, expanded, groups

ROOT = Path(__file__).parent.parent.parent
GROUPS = groups()
ENTRIES = [pytest.param(entry, group.severity, id=entry.code) for group in GROUPS for entry in group.entries]
CODES = [entry.code for group in GROUPS for entry in group.entries]
SPEAKING = ("language", "compiler", "runtime", "plan", "app")
TELLING = {"Diagnostic", "Fault", "error", "warn", "note", "problem", "_error"}
WORD = re.compile(r"[a-z]+(-[a-z0-9]+)*")
NO_CODES = {"utf-8", "utf-16"}


def codes_of_the_source() -> tuple[set[str], set[str]]:
    """The codes, and the beginnings of those that are put together."""
    words, beginnings = set(), set()
    for path in (path for part in SPEAKING for path in (ROOT / "cep" / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            told = []
            if isinstance(node, ast.Constant) and "-" in str(node.value):
                told = [node]
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                told = node.args[:3] if name in TELLING else []
            for word in told:
                beginning = text_of(word.values[0]) if isinstance(word, ast.JoinedStr) else ""
                if re.fullmatch(WORD.pattern + "-", beginning):
                    beginnings.add(beginning)
                elif WORD.fullmatch(text_of(word)):
                    words.add(text_of(word))
    return words - NO_CODES, beginnings


def text_of(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_every_code_has_one_entry_and_every_entry_is_a_code():
    assert len(CODES) == len(set(CODES))
    words, beginnings = codes_of_the_source()
    lacking = words - set(CODES) | {b for b in beginnings if not any(code.startswith(b) for code in CODES)}
    assert not lacking, "these codes have no entry in docs/errors/*.toml"
    unknown = {code for code in set(CODES) - words if not code.startswith(tuple(beginnings))}
    assert not unknown, "these entries are codes of nothing"


def test_what_a_run_counts_is_explained():
    page = (ROOT / "docs" / "errors" / "counted.txt").read_text("utf-8")
    counted = set(re.findall(r"^\| `([a-z ]+)` \|", page, re.MULTILINE))
    source = "".join(path.read_text("utf-8") for path in (ROOT / "cep" / "app").glob("*.py"))
    faults = re.findall(r'"([a-z ]+)"', re.search(r"^_FAULTS = \((.*?)\)", source, re.MULTILINE | re.DOTALL)[1])
    assert len(faults) >= 3
    assert set(faults) <= counted


def told(text: bytes, folder: Path, *, compiled: bool = False) -> dict[str, str]:
    """What is said of rules: code → severity."""
    path = folder / "rules.cep"
    path.write_bytes(text)
    try:
        rules = cep.load(path)
        found = [*rules.rulebook.warnings, *getattr(rules.rulebook, "notes", ())]
        if compiled:
            prepare(rules)
        found += [failure.place for outcome in run_tests(rules) for failure in outcome.failures]
    except cep.RuleError as error:
        found = list(error.diagnostics)
    return {d.code: d.severity for d in found}


@pytest.mark.parametrize(("entry", "severity"), ENTRIES)
def test_the_example_of_a_code_gives_that_code_and_no_other(entry, severity, tmp_path):
    found = told(entry.bytes, tmp_path, compiled=entry.compiled)
    assert found.get(entry.code) == severity
    others = {code for code, kind in found.items() if kind != "note" and code != entry.code}
    assert others <= set(entry.also)


@pytest.mark.parametrize("entry", [e for group in GROUPS for e in group.entries if e.right is not None], ids=str)
def test_the_cure_of_a_code_does_not_give_it_nor_another(entry, tmp_path):
    found = told(expanded(f"{PRELUDE}\n{entry.right}").encode(), tmp_path)
    assert entry.code not in found
    assert set(found.values()) <= {"note"}
