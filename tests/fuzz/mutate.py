"""Mutations: a rule text, or any bytes, with something wrong here and there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.corpus.cases import HERE as CORPUS
from tests.language.test_format import REST

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

ROOT = Path(__file__).parents[2]
TOKEN = re.compile(r'"[^"\n]*"|--[^\n]*|\w+|[^\w\s]')
ODD = ("é", "–", "“", "\u00a0", "\u2028", "\ufeff", "\x00", "\x07", "\t", "\r", "🙂", "ß", "İ", "\x0b", "\x85", "`")
SLIPS = ("(", ")", "{", "}", "[", "]", "<", ">", "==", "&&", ";", "->", "||", "-", "--", '"', ".", ",", "?", "|", "=")


@cache
def texts() -> tuple[str, ...]:
    """The rule texts that the project has: rules, corpus, pages, and one with everything."""
    out = [path.read_text("utf-8") for path in sorted((ROOT / "rules").rglob("*.cep"))]
    for path in sorted(CORPUS.rglob("*.toml")):
        found = re.search(r'^rule = """\n?(.*?)"""', path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
        if found is not None:
            out.append(found.group(1))
    for path in sorted((ROOT / "docs").rglob("*.md")):
        out += re.findall(r"^```cep[^\n]*\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return (*out, REST)


@cache
def declarations(text: str) -> tuple[str, ...]:
    """A text cut where a declaration seems to begin."""
    return tuple(re.split(r"\n(?=(?:rule|stream|param|record|test|assert|table|function|module|use|timer)\b)", text))


def some_text(rng: Random) -> str:
    """A text of the project, or some declarations of one that is long."""
    text = rng.choice(texts())
    parts = declarations(text)
    if len(text) > 600 and rng.random() < 0.97:
        heads = [p for p in parts if p.startswith(("stream", "param", "record")) and len(p) < 400]
        text = "\n".join([*rng.sample(heads, min(len(heads), 2)), rng.choice(parts)])
    return text


def mutated(rng: Random, text: str) -> str:
    """The text with one to four mutations."""
    for _ in range(rng.choice([1, 1, 2, 2, 3, 4])):
        text = rng.choice(MUTATIONS)(rng, text)
    return text


def _tokens(change: Callable[[Random, str, list[re.Match[str]]], str]) -> Callable[[Random, str], str]:
    def apply(rng: Random, text: str) -> str:
        found = list(TOKEN.finditer(text))
        return change(rng, text, found) if found else text + rng.choice(SLIPS)

    return apply


def _put(text: str, at: re.Match[str], new: str) -> str:
    return text[: at.start()] + new + text[at.end() :]


def _drop(rng: Random, text: str, found: list[re.Match[str]]) -> str:
    first = rng.randrange(len(found))
    last = min(len(found) - 1, first + rng.choice([0, 0, 0, 1, 3]))
    return text[: found[first].start()] + text[found[last].end() :]


def _repeat(rng: Random, text: str, found: list[re.Match[str]]) -> str:
    at = rng.choice(found)
    return _put(text, at, f"{at.group()} {at.group()}")


def _swap(rng: Random, text: str, found: list[re.Match[str]]) -> str:
    one, other = sorted((rng.choice(found), rng.choice(found)), key=lambda m: m.start())
    if one.start() == other.start():
        return text
    return _put(_put(text, other, one.group()), one, other.group())


def _exchange(rng: Random, text: str, found: list[re.Match[str]]) -> str:
    at = rng.choice(found)
    like = [m.group() for m in found if m.group()[0].isupper() == at.group()[0].isupper()]
    return _put(text, at, rng.choice(like))


def _foreign(rng: Random, text: str, found: list[re.Match[str]]) -> str:
    other = TOKEN.findall(rng.choice(texts())) or ["x"]
    at = rng.choice(found)
    begin = rng.randrange(len(other))
    piece = " ".join(other[begin : begin + rng.choice([1, 1, 2, 6])])
    return _put(text, at, piece if rng.random() < 0.5 else f"{at.group()} {piece}")


def _slip(rng: Random, text: str, found: list[re.Match[str]]) -> str:
    at = rng.choice(found)
    return _put(text, at, rng.choice((f"{rng.choice(SLIPS)}{at.group()}", f"{at.group()}{rng.choice(SLIPS)}")))


def _blow_up(rng: Random, text: str, found: list[re.Match[str]]) -> str:
    at = rng.choice(found)
    word, size = at.group(), rng.choice([2, 20, 101, 101, 300])
    kinds = [
        "x" * size * 20,
        "9" * size * 10,
        "(" * size + word + ")" * size,
        "(" * size + word,
        "[" * size,
        "not " * size + word,
        "- " * size + word,
        f"{word} and " * size + word,
        f"{word}, " * size + word,
        f"{word} + " * size + word,
        f"{word}." * size + word,
        f"{word}?" * size,
        "list<" * size + "int" + ">" * size,
        "case when a then " * size + word + " end" * size,
        '"' + "s" * size * 50 + '"',
        f"{'9' * size} min",
    ]
    return _put(text, at, rng.choice(kinds))


def _characters(rng: Random, text: str) -> str:
    at = rng.randint(0, len(text))
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + rng.choice(ODD) + text[at:]
    if kind == 2:
        return text[:at]
    return text.replace("\n", rng.choice(["\r\n", "\r", " ", "\n\n", "\n-- why\n", "\t"]))


def _lines(rng: Random, text: str) -> str:
    lines = text.split("\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(4)
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines.insert(other, lines[one])
    elif kind == 2:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines[one] += rng.choice(["  -- a word", " --", "\\", " -- é 🙂"])
    return "\n".join(lines)


def _splice(rng: Random, text: str) -> str:
    other = some_text(rng)
    return text[: rng.randint(0, len(text))] + other[rng.randint(0, len(other)) :]


MUTATIONS: tuple[Callable[[Random, str], str], ...] = (
    *map(_tokens, (_drop, _drop, _repeat, _swap, _exchange, _exchange, _exchange, _foreign, _foreign, _slip, _blow_up)),
    _characters,
    _lines,
    _lines,
    _splice,
)


def damaged(rng: Random, data: bytes) -> bytes:
    """Bytes with one to five of them changed, lost, repeated or cut off."""
    for _ in range(rng.choice([1, 1, 2, 3, 5])):
        at = rng.randint(0, len(data))
        size = rng.choice([1, 1, 2, 4, 16, 64])
        kind = rng.randrange(8)
        if kind <= 1:
            data = data[:at] + rng.randbytes(size) + data[at + size :]
        elif kind == 2:
            data = data[:at] + data[at + size :]
        elif kind == 3:
            data = data[:at] + rng.choice(PIECES) + data[at:]
        elif kind == 4 and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        elif kind == 5:
            data = data[:at] + data[max(0, at - size) :]
        elif kind == 6:
            data = data.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n", b""]))
        elif rng.random() < 0.3:
            data = data[:at]
    return data


PIECES = (
    *(b"\x00", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"),
    *(b"\r\n", b"\r", b"\x1a", b"\x1b[31m", b"\xe2\x80\xa8", b"\x0c", b"\x7f", b"\xf0\x9f\x99\x82", b"--", b'"', b"\\"),
)
