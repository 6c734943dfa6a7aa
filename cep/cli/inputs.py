"""Inputs: which file each stream is read from, checked against the rules before anything is opened.

Invariants of what `inputs_of` gives: every declared stream that a rule reads has an input; no stream that is not
declared has one. Several files of one stream are read one after the other, in the order given.
Tested by: tests/cli/test_inputs.py, tests/cli/test_run.py
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cep.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cep.io.source import Source
    from cep.language.rulebook import Rulebook

_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Input:
    """One ``--from``: a path and the streams in it; several only when a type column tells them apart."""

    path: str
    streams: tuple[str, ...]
    type_column: str | None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is read, how fields map to columns, and what the user should know."""

    files: tuple[Input, ...]
    mapping: Mapping[str, Mapping[str, str]]
    warnings: tuple[str, ...]


def inputs_of(
    options: Iterable[str], type_column: str | None, rulebook: Rulebook, mapping: Mapping[str, Mapping[str, str]]
) -> Inputs:
    """The ``--from`` options as inputs, or a UsageError that says what is wrong or missing, with the cure."""
    needed = streams_read(rulebook)
    files: list[Input] = []
    warnings: list[str] = []
    for option in options:
        stream, path = _split(option)
        if not path:
            msg = f"--from {option}: there is no path after the ="
            raise UsageError(msg)
        if stream is None:
            files.append(Input(path, _streams_by_type(path, type_column, needed), type_column))
            continue
        _require_declared(stream, f"--from {option}", rulebook)
        if stream in needed:
            files.append(Input(path, (stream,), None))
        else:
            warnings.append(f"no rule reads {stream}, so {path} is not read")
    _require_all(needed, files)
    if sum(file.path == "-" for file in files) > 1:
        msg = "standard input can be read once\n  hint: --from - --type-column NAME reads several streams from it"
        raise UsageError(msg)
    if type_column is not None and all(file.type_column is None for file in files):
        msg = "--type-column tells the streams of a --from PATH apart, and every --from names its stream"
        raise UsageError(msg)
    _require_fields(mapping, rulebook)
    return Inputs(tuple(files), mapping, tuple(warnings))


def open_inputs(inputs: Inputs, rulebook: Rulebook) -> list[tuple[tuple[str, ...], Source]]:
    """Every input opened, so that a missing file or column is found before anything runs, each with its streams."""
    from cep.io.source import open_source

    opened: list[tuple[tuple[str, ...], Source]] = []
    try:
        for file in inputs.files:
            schemas = [rulebook.streams[name] for name in file.streams]
            source = open_source(file.path, schemas, type_column=file.type_column, mapping=inputs.mapping)
            opened.append((file.streams, source))
    except BaseException:
        for _, source in opened:
            source.close()
        raise
    return opened


def refuse_overwriting(inputs: Inputs, to: str) -> None:
    """UsageError when the output is one of the inputs: opening it would empty it."""
    target = Path(to)
    if to == "-" or not target.is_file():
        return
    for file in inputs.files:
        if file.path != "-" and Path(file.path).exists() and target.samefile(file.path):
            msg = f"--to {to} is also read, as {file.path}\n  hint: name another file"
            raise UsageError(msg)


def streams_read(rulebook: Rulebook) -> tuple[str, ...]:
    """The declared streams that rules read, themselves or as ``Late.X`` or ``Rejected.X``, in declared order."""
    read = {name.removeprefix("Late.").removeprefix("Rejected.") for rule in rulebook.rules for name in rule.inputs}
    return tuple(name for name in rulebook.streams if name in read)


def _split(option: str) -> tuple[str | None, str]:
    """``Stream=PATH`` as both; a path that merely holds an equals sign as itself."""
    named = _NAMED.fullmatch(option)
    return (named[1], named[2]) if named else (None, option)


def _streams_by_type(path: str, type_column: str | None, needed: Sequence[str]) -> tuple[str, ...]:
    if type_column is not None:
        return tuple(needed)
    example = needed[0] if needed else "Stream"
    msg = (
        f"--from {path} does not say which stream it is\n  hint: --from {example}={path}, or --from {path} "
        "--type-column NAME when a column names each row's stream"
    )
    raise UsageError(msg)


def _require_declared(stream: str, where: str, rulebook: Rulebook) -> None:
    if stream in rulebook.streams:
        return
    if stream in rulebook.variants:
        msg = f"{where}: {stream} stands for {' and '.join(rulebook.variants[stream])}; name one of them"
    elif stream in rulebook.derived:
        msg = f"{where}: {stream} is what a rule emits; it is not read from a file"
    else:
        msg = f"{where}: no stream is called {stream}{_nearest(stream, rulebook.streams)}"
    raise UsageError(msg)


def _require_all(needed: Sequence[str], files: Sequence[Input]) -> None:
    given = {stream for file in files for stream in file.streams}
    missing = [stream for stream in needed if stream not in given]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        cure = " ".join(f"--from {stream}=PATH" for stream in missing)
        msg = f"{', '.join(missing)} {verb} read by a rule and given no file\n  hint: {cure}"
        raise UsageError(msg)


def _require_fields(mapping: Mapping[str, Mapping[str, str]], rulebook: Rulebook) -> None:
    for stream, fields in mapping.items():
        _require_declared(stream, f"--map {stream}.{next(iter(fields))}", rulebook)
        known = rulebook.streams[stream].by_name
        for name in fields:
            if name not in known:
                msg = f"--map {stream}.{name}: {stream} has no field {name}{_nearest(name, known)}"
                raise UsageError(msg)


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, 1, 0.5) or [n for n in names if n.lower() == name.lower()]
    if near:
        return f"\n  hint: did you mean {near[0]}?"
    return f"\n  hint: there are {', '.join(names[:12])}" if names else ""
