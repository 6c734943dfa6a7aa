"""A fault, where it goes, and which tests are asked whether they notice."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_OPTIONS = ("-x", "-q", "--tb=no", "-rfE", "-m", "not beside", "-p", "no:cacheprovider", "-W", "ignore")
_SLOW = "not ten_thousand and not does_not_grow and not plain_python"  # minutes in plain Python
_ENGINE = (
    "tests/test_corpus.py::test_the_engine_agrees_however_the_input_is_cut",
    "tests/kernels",
    "tests/compiler",
    "tests/runtime",
    "tests/properties/test_laws.py::test_small_rules_agree_over_all_small_streams_at_once",
    "tests/properties/test_matchers.py",
    "tests/properties/test_laws.py::test_the_engine_finds_what_the_oracle_finds",
    "tests/properties/test_windows_chosen.py::test_the_engine_finds_what_the_oracle_finds",
)
_LANGUAGE = ("tests/language", "tests/properties/test_analysis.py", "tests/app/test_rules.py")
ASKED = {"cep/language": _LANGUAGE, "cep/compiler": _ENGINE, "cep/kernels": _ENGINE, "cep/runtime": _ENGINE}
"""The tests asked, quick ones first, by the folder of the fault. Kernels run plain: nothing has to be compiled."""


@dataclass(frozen=True)
class Fault:
    """``old`` stands once in ``file``; with ``new`` in its place it ``breaks`` something."""

    name: str
    file: str
    old: str
    new: str
    breaks: str

    @property
    def asked(self) -> tuple[str, ...]:
        """The tests that should notice."""
        return ASKED["/".join(self.file.split("/")[:2])]


def all_faults() -> list[Fault]:
    """The faults of faults.toml."""
    data = tomllib.loads((Path(__file__).parent / "faults.toml").read_text("utf-8"))
    return [Fault(**entry) for entry in data["fault"]]


class Tree:
    """A copy of the project in which faults are planted, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stamp = 2_000_000_000  # grows with every write: Python takes what it compiled for fresh by time and size

    def write(self, file: str, text: str) -> None:
        """Put a text in a file's place."""
        path = self.folder / file
        path.write_text(text, "utf-8")
        self._stamp += 10
        os.utime(path, (self._stamp, self._stamp))

    def caught_by(self, fault: Fault) -> str | None:
        """The first test that fails with the fault planted; None when all pass."""
        sound = (self.folder / fault.file).read_text("utf-8")
        assert sound.count(fault.old) == 1, f"{fault.name}: its old text is not in {fault.file} once"
        self.write(fault.file, sound.replace(fault.old, fault.new))
        try:
            return self.first_failure(fault.asked)
        finally:
            self.write(fault.file, sound)

    def first_failure(self, asked: tuple[str, ...]) -> str | None:
        """The first of some tests that fails, or what stopped them from being run."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *_OPTIONS, "-k", _SLOW, *asked],
            cwd=self.folder,
            env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return None
        found = re.search(r"^(?:FAILED|ERROR) ([^\s\[]+(?:\[.*?\](?= - |$))?)", done.stdout, re.MULTILINE)
        assert done.returncode == 1 or found, done.stdout[-2000:] + done.stderr[-2000:]
        return found.group(1) if found else "a test"
