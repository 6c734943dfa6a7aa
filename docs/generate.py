"""The reference pages, made from what the program knows: run ``python -m docs.generate`` after a change of it.

| page | made from |
|---|---|
| reference/grammar.md | cep/language/grammar.lark |
| reference/functions.md | the table of cep/language/functions.py |
| reference/errors.md | docs/errors/*.toml |
| reference/python.md | the docstrings of the names in ``cep.__all__`` |

Tested by: tests/docs/test_reference.py, tests/docs/test_errors.py, tests/docs/test_functions.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docs.writers import errors, functions, grammar, python

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Made by `python -m docs.generate`; change what it is made from, which docs/generate.py names. -->\n\n"
WRITERS: dict[str, Callable[[], str]] = {
    "errors.md": errors.page,
    "functions.md": functions.page,
    "grammar.md": grammar.page,
    "python.md": python.page,
}


def pages() -> dict[Path, str]:
    """Every generated page and its text."""
    return {FOLDER / name: NOTE + write() for name, write in WRITERS.items()}


def main() -> None:
    """Write the pages that changed."""
    FOLDER.mkdir(exist_ok=True)
    for path, text in pages().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
