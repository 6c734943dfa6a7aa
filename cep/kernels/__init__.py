"""Kernels: compiled loops. Arrays and scalars in; arrays written, counts and positions out.

Where their code is kept must be known before a module with kernels is imported, so it is said here, which imports
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_root: list[Callable[[], Path | None] | None] = [None]


def keep_code_in(root: Callable[[], Path | None]) -> None:
    """Say what tells the folder for compiled code (None: nowhere); it is asked when the first kernel is imported."""
    _root[0] = root


def code_root() -> Path | None:
    """The folder for compiled code; None as long as nobody has said one."""
    return None if _root[0] is None else _root[0]()
