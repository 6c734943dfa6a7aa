"""``cep fmt``: rule files in their one layout, in place, or to standard output for ``-``.

A file is replaced as a whole or not at all (written beside it and renamed, its mode kept); one that does not parse is
left as it is and the others are still formatted. Formatting twice changes nothing the second time.
Tested by: tests/cli/test_fmt.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cep.model.diagnostics import Diagnostic, Source


def fmt(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES...", help="Rule files, folders of .cep files, or - for standard input."),
    ],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file would change.")] = False,
) -> None:
    """Lay rule files out in the one way there is."""
    from cep.cli.ends import INPUT, say
    from cep.cli.rulefiles import rule_files
    from cep.language.parser import read_source
    from cep.model.errors import RuleError

    mistakes: list[Diagnostic] = []
    changed = 0
    if Path("-") in files:
        changed += _standard_input(check)
    names = [name for name in files if name != Path("-")]
    for path in rule_files(names):
        try:
            source = read_source(path)
            text = formatted(source)
        except RuleError as error:
            mistakes.extend(error.diagnostics)
            continue
        if text == source.text:
            continue
        changed += 1
        if check:
            say(f"{path} would change")
        else:
            _replace(path, text)
            say(f"{path} changed")
    if mistakes:
        raise RuleError(mistakes)
    if check and changed:
        raise typer.Exit(INPUT)


def formatted(source: Source) -> str:
    """The text of ``source`` in its one layout; RuleError when it does not parse."""
    from cep.language.format import format_file
    from cep.language.parser import parse
    from cep.model.folders import cache_root

    folder = cache_root()
    return format_file(parse(source, None if folder is None else str(folder)))


def _standard_input(check: bool) -> int:
    import sys

    from cep.cli.ends import say
    from cep.model.diagnostics import Source

    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        from cep.model.errors import InputError

        msg = f"not UTF-8 at byte {error.start}"
        raise InputError(msg, path="<standard input>") from error
    laid_out = formatted(Source("<standard input>", text))
    if check:
        if laid_out != text:
            say("<standard input> would change")
    else:
        sys.stdout.write(laid_out)
    return int(laid_out != text)


def _replace(path: Path, text: str) -> None:
    import contextlib
    import os
    import shutil
    import tempfile

    from cep.model.errors import OutputError

    target = path.resolve()  # a link stays a link
    beside: str | None = None
    try:
        handle, beside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
        shutil.copymode(target, beside)
        Path(beside).replace(target)
    except OSError as error:
        if beside is not None:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
        msg = f"{path}: {error.strerror}"
        raise OutputError(msg) from error
