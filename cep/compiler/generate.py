"""Generated modules: written to the cache folder, imported, compiled, kept.

A module is named by the hash of its text, so rules of one shape share it; it is written beside its place and moved
there, so that processes that start at once never read half of one. Without a cache folder it lives in memory alone.
Tested by: tests/compiler/test_generate.py
"""

from __future__ import annotations

import contextlib
import hashlib
import linecache
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from cep.kernels.jit import PLAIN, cache_folder, compile_generated, compile_matcher
from cep.kernels.onepass import ONE_PASS


@dataclass(frozen=True, slots=True)
class Generated:
    """The addresses of the two functions of a module, what keeps them alive, and whether they had to be compiled."""

    test: Any
    update: Any
    alive: tuple[Any, ...]
    is_new: bool = False


NOTHING = Generated(None if PLAIN else 0, None if PLAIN else 0, ())
"""For patterns without correlated predicates and folds: never called."""


@cache
def load_generated(text: str) -> Generated:
    """The compiled functions of a generated text ("" has none)."""
    if not text:
        return NOTHING
    name = f"cep_generated_{hashlib.blake2b(text.encode(), digest_size=10).hexdigest()}"
    functions = _import(name, text)
    test, keep_test, new_test = compile_generated(functions["test"])
    update, keep_update, new_update = compile_generated(functions["update"])
    return Generated(test, update, (keep_test, keep_update), new_test or new_update)


@cache
def load_matcher(text: str) -> tuple[Callable[..., Any], bool]:
    """The compiled function ``match`` of a generated text, and whether it had to be compiled."""
    name = f"cep_generated_{hashlib.blake2b(text.encode(), digest_size=10).hexdigest()}"
    return compile_matcher(_import(name, text)["match"], ONE_PASS)


def _import(name: str, text: str) -> dict[str, Any]:
    folder = cache_folder()
    if folder is not None and not PLAIN:
        with contextlib.suppress(OSError):
            file = _write(folder / "generated", name, text)
            module = ModuleType(name)
            sys.modules[name] = module  # what numba loads from its cache asks for the module by name
            # not by an importer, whose byte code beside the file may be damaged
            exec(compile(text, str(file), "exec"), vars(module))
            return vars(module)
    place = f"<{name}>"
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    names: dict[str, Any] = {"__name__": name}
    exec(compile(text, place, "exec"), names)  # our own text, from a checked rule
    return names


def _write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{name}.py"
    # numba ties its cache to the file's time, so a good file is left alone; a damaged one is replaced
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if file.read_text(encoding="utf-8") == text:
            return file
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=name, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    Path(temporary).replace(file)
    return file
