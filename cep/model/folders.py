"""The folder for what can be made again: compiled kernels, generated modules, parser tables.

``CEP_CACHE`` when it is set, else the user's cache folder, else a private one under the temporary folder, else none,
which is never an error.
Tested by: tests/model/test_folders.py
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path


def cache_root() -> Path | None:
    """The first folder that can be written and is ours alone to write; made if need be. None when there is none."""
    for folder in _candidates():
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_ours(folder):
                with tempfile.TemporaryFile(dir=folder):
                    return folder
    return None


def _candidates() -> list[Path]:
    told = os.environ.get("CEP_CACHE")
    if told:
        return [Path(told)]
    out = []
    user = os.environ.get("XDG_CACHE_HOME")
    if user:
        out.append(Path(user) / "cep")
    elif sys.platform == "win32":
        out.append(Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "cep")
    else:
        with contextlib.suppress(RuntimeError, KeyError):
            out.append(Path.home() / ".cache" / "cep")
    identity = os.getuid() if hasattr(os, "getuid") else "user"
    with contextlib.suppress(OSError):
        out.append(Path(tempfile.gettempdir()) / f"cep-{identity}")
    return out


def _is_ours(folder: Path) -> bool:
    # compiled code is executed: a folder that somebody else could write to is not used
    if not hasattr(os, "getuid"):
        return True
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWOTH | stat.S_IWGRP)
