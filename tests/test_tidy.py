"""House rules that no linter knows: names, docstrings that point at their tests, sizes, kernel arguments."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for path in (ROOT / "cep").rglob("*.py") if "__pycache__" not in path.parts)
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]
BANNED = {"utils", "util", "helpers", "helper", "common", "base", "manager", "factory", "impl", "misc"}
MOST_LINES = 620
LISTS = {"cep/language/ast.py"}  # one small class after the other, nothing to follow
MOST_KERNEL_ARGUMENTS = 8


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def test_no_module_has_a_name_that_says_nothing():
    vague = [name for path, name in zip(MODULES, NAMES, strict=True) if set(path.stem.lower().split("_")) & BANNED]
    assert not vague


def test_every_module_begins_with_its_definition():
    bare = [name for path, name in zip(MODULES, NAMES, strict=True) if not ast.get_docstring(tree_of(path))]
    assert not bare


def test_every_tested_by_names_files_that_exist():
    missing = []
    for path, name in zip(MODULES, NAMES, strict=True):
        docstring = ast.get_docstring(tree_of(path)) or ""
        _, _, tail = docstring.partition("Tested by:")
        named = re.findall(r"(?:tests|benchmarks)/[\w./-]*\w", tail)
        missing += [f"{name}: {each}" for each in named if not (ROOT / each).exists()]
    assert not missing


def test_every_module_of_weight_says_what_tests_it():
    silent = [
        name
        for path, name in zip(MODULES, NAMES, strict=True)
        if path.name != "__init__.py" and "Tested by:" not in (ast.get_docstring(tree_of(path)) or "")
    ]
    assert not silent


@pytest.mark.parametrize("path", [ROOT / name for name in NAMES if name not in LISTS], ids=str)
def test_a_module_is_short_enough_to_read(path):
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES


def is_kernel(function: ast.FunctionDef) -> bool:
    marks = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
    return any(isinstance(mark, ast.Name) and mark.id == "kernel" for mark in marks)


def kernels() -> list[tuple[str, ast.FunctionDef]]:
    return [
        (f"{path.name}: {node.name}", node)
        for path in (ROOT / "cep" / "kernels").glob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef) and is_kernel(node)
    ]


def test_a_kernel_has_few_arguments():
    wide = {name: n for name, f in kernels() if (n := len(f.args.posonlyargs + f.args.args)) > MOST_KERNEL_ARGUMENTS}
    assert not wide


def test_a_kernel_never_raises():
    raising = [name for name, f in kernels() if any(isinstance(node, ast.Raise) for node in ast.walk(f))]
    assert not raising


def test_kernels_import_nothing_of_the_project():
    strangers = []
    for path in (ROOT / "cep" / "kernels").glob("*.py"):
        for node in ast.walk(tree_of(path)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            strangers += [
                f"{path.name}: {n}" for n in names if n.startswith("cep.") and not n.startswith("cep.kernels")
            ]
    assert not strangers


def test_the_command_line_imports_nothing_heavy_at_the_top():
    heavy = {"numpy", "numba", "pyarrow", "lark", "rich", "msgspec"}
    found = []
    for path in [*(ROOT / "cep" / "cli").glob("*.py"), ROOT / "cep" / "__init__.py"]:
        for node in tree_of(path).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [f"{path.name}: {name}" for name in names if name.split(".")[0] in heavy]
    assert not found
