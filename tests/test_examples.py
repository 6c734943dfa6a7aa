"""The programs of docs/examples run, and are right to the strictest checks of types: so the public names are typed."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path

import pytest

import cep

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
SAID = {
    "a_table": 'c1 480.0000\nrejected: "much" is not a decimal\n',
    "asynchronous": "0 5 s\n1 5 s\n2 5 s\n",
    "events_as_they_come": ("1970-01-01T00:00:00Z Heat m1\n1970-01-01T00:06:00Z Quiet m1\n2 events; 0 open\n"),
    "functions_in_python": "0.8 x7\nRisky failed at Pay row 2: risk (models:risk) raised ValueError: no card\n",
    "several_rulebooks": (
        "{'Alert': 1, 'Strange': 1}\nother.cep:1:8 two rulebooks mean different things by the stream Pay\n"
    ),
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_what_it_should(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert SAID[path.stem] in capsys.readouterr().out


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
@pytest.mark.beside(["-m", "mypy", "--strict", "--no-error-summary", *map(str, EXAMPLES)], {"MYPYPATH": str(ROOT)})
def test_the_examples_are_strictly_typed(beside):
    assert (beside.returncode, beside.stdout) == (0, ""), beside.stdout + beside.stderr


def test_the_package_says_that_it_is_typed():
    assert (Path(cep.__file__).parent / "py.typed").exists()
