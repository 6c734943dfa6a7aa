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

    from cep.app.rules import Rules


def prepare(rules: Rules, on_compile: Callable[[int, int], None] | None = None) -> None:
    """Compile or load every kernel and the generated code of ``rules``.

    ``on_compile(done, total)`` is told how far it is, when anything has to be compiled.
    """
    from cep.compiler.generate import load_generated
    from cep.compiler.pattern import PatternProgram

    programs = rules.programs.by_rule.values()
    texts = dict.fromkeys(p.text for p in programs if isinstance(p, PatternProgram))
    jit.prepare(on_compile, [lambda text=text: load_generated(text).is_new for text in texts])  # type: ignore[misc]
