"""A second process that compiles the same kernels from the other end of the list, where there is a second core.

numba holds a lock while it compiles, so threads would wait for each other. Both processes look into the cache folder
before they compile a kernel, and find there what the other has made; they meet somewhere in the middle.

Invariants: what the second process does is only ever found sooner; that it cannot start, fails, or is stopped changes
nothing but the time. It ends with its list, or when the first process needs it no more.
Cost: to start it takes half a second of the second core, so a few kernels are compiled alone.
Tested by: tests/kernels/test_beside.py
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FEW = 8
"""So many kernels are compiled before a second process would have started."""


@contextlib.contextmanager
def compiling_beside(names: Sequence[str], root: Path | None) -> Iterator[None]:
    """Let a second process compile the kernels called ``module.function``, the last one first, into ``root``."""
    process = _start(names, root) if root is not None and len(names) > FEW and _may_start() else None
    try:
        yield
    finally:
        if process is not None:
            process.kill()  # numba puts files in their place whole, so nothing is left by halves
            process.wait()


def _may_start() -> bool:
    # in a frozen program, or one that embeds Python, the executable is that program and would start once more
    name = Path(sys.executable or "").name.lower()
    return _cores() > 1 and name.startswith("python") and not getattr(sys, "frozen", False)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(names: Sequence[str], root: Path) -> subprocess.Popen[bytes] | None:
    found = [str(Path(__file__).resolve().parents[2]), *(p for p in sys.path if p)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(found)}
    # -P: what lies in the working folder is not imported
    command = [sys.executable, "-P", "-m", "cep.kernels.beside", str(root), json.dumps(list(names))]
    silent = subprocess.DEVNULL
    with contextlib.suppress(OSError):
        return subprocess.Popen(command, env=environment, stdin=silent, stdout=silent, stderr=silent)
    return None


def main(arguments: Sequence[str]) -> None:
    """Compile what is not in the cache folder, ``arguments[0]``, of the kernels that ``arguments[1]`` names in JSON."""
    from importlib import import_module

    from cep.kernels import keep_code_in

    root, names = Path(arguments[0]), json.loads(arguments[1])
    keep_code_in(lambda: root)
    for module in dict.fromkeys(name.rpartition(".")[0] for name in names):
        import_module(module)
    from cep.kernels.jit import compile_missing

    compile_missing(list(reversed(names)))


if __name__ == "__main__":
    main(sys.argv[1:])
