"""Rule files: which files a command line names.

A folder stands for every ``.cep`` file below it, in the order of their paths; a file stands for itself, whatever its
ending; a file named twice counts once.
Tested by: tests/cli/test_rulefiles.py
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from cep.model.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def rule_files(names: Iterable[Path]) -> list[Path]:
    """The rule files that ``names`` (files and folders) stand for."""
    found: dict[Path, Path] = {}
    for name in names:
        if name.is_dir():
            below = sorted(path for path in name.rglob("*.cep") if path.is_file())
            if not below:
                msg = f"{name}: no .cep file in this folder"
                raise UsageError(msg)
            found.update((path.resolve(), path) for path in below)
        elif name.exists():
            found[name.resolve()] = name
        else:
            raise InputError("there is no such file", path=str(name), hint=_neighbour(name))
    return list(found.values())


def _neighbour(name: Path) -> str | None:
    """A hint: the file beside it whose name is nearest."""
    try:
        there = [path.name for path in name.parent.iterdir()]
    except OSError:
        return f"there is no folder {name.parent}"
    near = difflib.get_close_matches(name.name, there, 1)
    return f"did you mean {name.with_name(near[0])}?" if near else None
