"""The LALR tables of the grammar: made once, kept in a file.

Making the tables takes half a second, reading them a tenth. The file's name holds a hash of the grammar and
the versions of lark and Python, its first bytes a hash of the rest: a stale or damaged file is as good as
none, and one that cannot be written is no error. It is written beside its place and then moved, so that
several processes may do so at once.

Of lark's lexers there is the basic one, because one there must be: lexemes are cut by `cep.language.lexing`, and a
contextual lexer, one for each of the parser's states, took half of the time of reading.
Tested by: tests/language/test_parser.py
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cep.language.syntax import Machine

if TYPE_CHECKING:
    from lark import Lark

STARTS = ("start", "lone_expression")
_DIGEST = 32
_LEXER: Literal["basic"] = "basic"


@dataclass(frozen=True)
class Tables:
    """lark's parser, and its terminals by what they look like: words, and marks (several may share one)."""

    parser: Lark
    words: dict[str, str]
    marks: dict[str, tuple[str, ...]]

    @cached_property
    def machine(self) -> Machine:
        """The loop that parses by them."""
        return Machine(self)


_loaded: Tables | None = None


def tables(cache_dir: str | None) -> Tables:
    """The tables, from memory, from the cache folder, or made anew."""
    global _loaded
    if _loaded is None:
        _loaded = load(cache_dir)
    return _loaded


def load(cache_dir: str | None) -> Tables:
    """The tables, from the cache folder or made anew (and then put there)."""
    grammar = grammar_text()
    path = None if cache_dir is None else Path(cache_dir) / _file_name(grammar)
    parser = None if path is None else _read(path)
    if parser is None:
        parser = _make(grammar)
        if path is not None:
            _write(parser, path)
    return _with_words(parser)


def grammar_text() -> str:
    """The grammar."""
    return resources.files("cep.language").joinpath("grammar.lark").read_text(encoding="utf-8")


def _file_name(grammar: str) -> str:
    import lark

    version = f"{lark.__version__}|{sys.version}|{STARTS}|{_LEXER}"
    return f"grammar-{hashlib.sha256(f'{version}|{grammar}'.encode()).hexdigest()[:32]}.tables"


def _make(grammar: str, lexer: Literal["basic", "contextual"] = _LEXER) -> Lark:
    from lark import Lark

    return Lark(grammar, parser="lalr", lexer=lexer, start=list(STARTS), propagate_positions=True)


def _read(path: Path) -> Lark | None:
    from lark import Lark

    try:
        data = path.read_bytes()
        if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
            return None
        return Lark.load(io.BytesIO(data[_DIGEST:]))
    except Exception:  # whatever is wrong with a cache, the grammar itself is at hand
        return None


def _write(parser: Lark, path: Path) -> None:
    buffer = io.BytesIO()
    parser.save(buffer)
    data = buffer.getvalue()
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        Path(name).replace(path)
    except OSError:
        if name is not None:
            with contextlib.suppress(OSError):
                Path(name).unlink()


def _with_words(parser: Lark) -> Tables:
    words: dict[str, str] = {"div": "MUL_OP"}
    marks: dict[str, tuple[str, ...]] = {}
    for terminal in parser.terminals:
        if terminal.pattern.type == "str":
            text = terminal.pattern.value
            if text.isalpha():
                words[text] = terminal.name
            else:
                marks[text] = (terminal.name,)
    for name, texts in _OPERATORS.items():
        for text in texts:
            marks[text] = (*marks.get(text, ()), name)
    return Tables(parser, words, marks)


# The terminals of several marks. A mark with a terminal of its own, too, is that one where the place has it.
_OPERATORS = {
    "CMP": ("<=", ">=", "!=", "=", "<", ">"),
    "ADD_OP": ("+", "||"),
    "MUL_OP": ("*", "/", "%"),
}
