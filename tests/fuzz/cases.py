"""A case by its kind, seed and number: what is made, what is demanded of it, and how a failing one is cut down."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.fuzz.derive import any_file, expression_file, pattern_file, rule_file
from tests.fuzz.inputs import a_case, examine_input
from tests.fuzz.laws import NAME, Broken, Hang, examine, examine_bytes, time_limit
from tests.fuzz.mutate import PIECES, damaged, mutated, some_text
from tests.properties.generate import file_of, rule_texts

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("rules", "bytes", "inputs")
SECONDS = 20.0  # of work on one case; slow cases of today need half a second
THOROUGH = {"rules": 100, "bytes": 100, "inputs": 20}  # one case in so many goes through the command line too


@dataclass(frozen=True)
class Case:
    """What is examined; ``label`` is the stream and the ending of an input file."""

    kind: str
    seed: int
    number: int
    data: bytes
    label: tuple[str, str] = ("", "")

    @property
    def is_thorough(self) -> bool:
        """Whether the command line is asked too."""
        return self.number % THOROUGH[self.kind] == 0


@dataclass(frozen=True)
class Finding:
    """A case that breaks a law: ``what`` is the same for cases that break it in the same way."""

    what: str
    detail: str


def make(kind: str, seed: int, number: int) -> Case:
    """The case of a kind, seed and number: the same in every process of one state of the project."""
    rng = Random(f"{kind} {seed} {number}")
    if kind == "inputs":
        stream, ending, data = a_case(rng)
        return Case(kind, seed, number, data, (stream, ending))
    data = _some_bytes(rng) if kind == "bytes" else _rules(rng).encode("utf-8", "replace")
    return Case(kind, seed, number, data)


def _rules(rng: Random) -> str:
    choice = rng.random()
    if choice < 0.12:
        return any_file(rng)
    if choice < 0.24:
        return rule_file(rng)
    if choice < 0.36:
        return expression_file(rng)
    if choice < 0.48:
        return pattern_file(rng)
    if choice < 0.60:
        text = file_of(rule_texts(rng))
        return mutated(rng, text) if rng.random() < 0.5 else text
    return mutated(rng, some_text(rng))


def _some_bytes(rng: Random) -> bytes:
    choice = rng.random()
    if choice < 0.25:
        return rng.randbytes(rng.choice([0, 1, 2, 5, 20, 100, 400]))
    if choice < 0.45:  # random, but of what rule files are made of
        letters = b'abnorth {}()[]<>=.,:|"\\\n\t-+*/%019_ASTZ?' + rng.choice(PIECES)
        return bytes(rng.choice(letters) for _ in range(rng.choice([5, 20, 100, 300])))
    text = some_text(rng)
    begin = rng.randrange(len(text) or 1)
    data = text[begin : begin + rng.choice([50, 200, 600])].encode("utf-8") if choice < 0.8 else text.encode("utf-8")
    return damaged(rng, data)


def run(case: Case, folder: Path) -> str | Finding:
    """Examine a case: how far it got, or which law it breaks."""
    try:
        with time_limit(SECONDS):
            if case.kind == "inputs":
                return examine_input(*case.label, case.data, folder, case.is_thorough)
            if case.kind == "bytes" or case.is_thorough:
                return examine_bytes(case.data, folder, case.is_thorough)
            return examine(case.data.decode("utf-8"))
    except Broken as error:
        return Finding(error.law, str(error))
    except Hang:
        return Finding("no case takes long", f"more than {SECONDS} s of work")
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if "/cep/" in f.filename] or frames
        where = f"{Path(ours[-1].filename).name}, {ours[-1].name}"
        return Finding(f"{type(error).__name__} in {where}", traceback.format_exc(limit=-8))


def smallest(case: Case, finding: Finding, folder: Path, tries: int = 1500) -> Case:
    """A case cut down as far as it breaks the law in the same way."""
    left = tries

    def fails(data: bytes) -> bool:
        nonlocal left
        left -= 1
        found = run(_with(case, data), folder)
        return isinstance(found, Finding) and found.what == finding.what

    return _with(case, cut_down(case.data, fails, lambda: left > 0))


def _with(case: Case, data: bytes) -> Case:
    return Case(case.kind, case.seed, case.number, data, case.label)


def cut_down(data: bytes, fails: Callable[[bytes], bool], go_on: Callable[[], bool]) -> bytes:
    """Data that still fails, from which chunks were left out, halves first, characters at last."""
    pieces = [c.encode() for c in text] if (text := _text(data)) is not None else [bytes([b]) for b in data]
    size = max(1, len(pieces) // 2)
    while go_on():
        at, shorter = 0, False
        while at < len(pieces) and go_on():
            fewer = pieces[:at] + pieces[at + size :]
            if fails(b"".join(fewer)):
                pieces, shorter = fewer, True
            else:
                at += size
        if size == 1 and not shorter:
            break
        size = max(1, size // 2)
    return b"".join(pieces)


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


__all__ = ["KINDS", "NAME", "Case", "Finding", "make", "run", "smallest"]
