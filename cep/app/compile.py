"""Compiling before the first event: kernels come from the cache folder, or are compiled once.

Tested by: tests/kernels/test_jit.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.kernels import jit
from cep.model.folders import cache_root

# the folder must be known before a module with kernels is imported
jit.keep_code_in(cache_root())

if TYPE_CHECKING:
    from collections.abc import Callable


def prepare(on_compile: Callable[[int, int], None] | None = None) -> None:
    """Compile or load every kernel; ``on_compile(done, total)`` is told when that means compiling."""
    jit.prepare(on_compile)
