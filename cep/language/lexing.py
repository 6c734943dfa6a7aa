"""Lexing: a rule text as lexemes, with every fault of spelling found on the way.

One regular expression reads the text from left to right and never fails: what it cannot read becomes a
lexeme of kind ``bad`` that carries its fault, so the parser can go on with the next declaration. Whether a
small word is a keyword or a name is not decided here; that depends on the place (see parser.py).

Invariants: lexemes and comments are in the order of the text and do not overlap; what lies between them is
white space. Brackets are counted here, so no later stage meets text nested deeper than `MAX_DEPTH`.
Cost: O(n) for n characters.
Tested by: tests/language/test_parser.py, tests/language/test_syntax_errors.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from cep.language.ast import Comment
from cep.model.diagnostics import Diagnostic, Source, Span

MAX_DEPTH = 100
MAX_NANOSECONDS = 2**63 - 1
MAX_DIGITS = 1000  # Python refuses to read an int of more than 4,300 digits

UNITS = {
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}

# What people write for a unit, and the unit.
UNIT_GUESSES = {
    "m": "min", "mn": "min", "mins": "min", "minute": "min", "minutes": "min",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "day": "d", "days": "d", "week": "w", "weeks": "w",
    "msec": "ms", "millis": "ms", "milliseconds": "ms", "micros": "us", "usec": "us", "microseconds": "us",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a lexeme."""

    code: str
    message: str
    hint: str | None = None


class Lexeme(NamedTuple):
    """One word, number, text or mark, with its place."""

    kind: Literal["word", "type", "int", "float", "duration", "string", "mark", "bad", "end"]
    text: str
    start: int
    end: int
    line: int
    column: int
    fault: Fault | None = None

    @property
    def span(self) -> Span:
        """Its place."""
        return Span(self.start, self.end, self.line, self.column)


class Lexed(NamedTuple):
    """A text read: its lexemes, its comments, and faults inside texts and durations that do not stop a parse."""

    lexemes: list[Lexeme]
    comments: list[Comment]
    problems: list[Diagnostic]


_DURATION = r"[0-9]+(?:\.[0-9]+)?\s*(?:us|ms|min|s|h|d|w)\b"

_LEXEME = re.compile(
    rf"""
      (?P<space>[\s\ufeff]+)
    | (?P<comment>(?<![^\s\ufeff])--[^\n]*)
    | (?P<duration>{_DURATION}(?:\s*{_DURATION})*)
    | (?P<float>[0-9]+\.[0-9]+(?!\w))
    | (?P<int>[0-9]+(?!\w))
    | (?P<badnumber>[0-9]+(?:\.[0-9]+)?\w+)
    | (?P<word>[a-z_][a-z0-9_]*(?!\w))
    | (?P<type>[A-Z][A-Za-z0-9_]*(?!\w))
    | (?P<badword>\w+)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
    | (?P<unclosed>"[^\n]*)
    | (?P<single>'[^'\n]*'?)
    | (?P<remark>//[^\n]*|/\*[^\n]*|\#[^\n]*)
    | (?P<badmark>==+|!==|&&|&|<>|=>|=<|!(?!=)|;|[“”„‘’`])
    | (?P<mark>->|<=|>=|!=|\|\||[-=<>+*/%|?:,.(){{}}\[\]])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_BAD_MARKS = {
    "==": ("'=' compares", "write '='"),
    "===": ("'=' compares", "write '='"),
    "!==": ("'!=' compares", "write '!='"),
    "&&": ("words join conditions", "write 'and'"),
    "&": ("words join conditions", "write 'and'"),
    "<>": ("'!=' compares", "write '!='"),
    "=>": ("'>=' compares", "write '>=' to compare; a rule says 'then' and 'emit'"),
    "=<": ("'<=' compares", "write '<='"),
    "!": ("a word negates", "write 'not'"),
    ";": ("nothing ends a clause or a declaration", "leave the ';' out"),
}

_OPEN, _CLOSE = "([{", ")]}"
_PAIR = {")": "(", "]": "[", "}": "{"}


def scan(source: Source) -> Lexed:
    """The lexemes of a text, ended by one of kind ``end``."""
    text = source.text
    lexemes: list[Lexeme] = []
    comments: list[Comment] = []
    problems: list[Diagnostic] = []
    line, line_start, depth = 1, 0, 0
    for found in _LEXEME.finditer(text):
        kind = found.lastgroup
        start, end = found.span()
        piece = found.group()
        column = start - line_start + 1
        if kind == "comment":
            piece = piece.rstrip()
            comments.append(Comment(piece[2:], Span(start, start + len(piece), line, column)))
        elif kind in ("word", "type", "float"):
            lexemes.append(Lexeme(kind, piece, start, end, line, column))  # type: ignore[arg-type]
        elif kind == "mark":
            fault = None
            if piece in _OPEN:
                depth += 1
                if depth == MAX_DEPTH + 1:
                    fault = too_deep()
            elif piece in _CLOSE:
                depth = max(0, depth - 1)
            lexemes.append(Lexeme("bad" if fault else "mark", piece, start, end, line, column, fault))
        elif kind == "int":
            fault = None
            if len(piece) > MAX_DIGITS:
                fault = Fault("bad-number", f"this number has {len(piece)} digits; at most {MAX_DIGITS} can be read")
            lexemes.append(Lexeme("bad" if fault else "int", piece, start, end, line, column, fault))
        elif kind == "duration":
            span = Span(start, end, line, column)
            lexemes.append(Lexeme("duration", piece, start, end, line, column))
            if (wrong := _duration_fault(piece)) is not None:
                problems.append(Diagnostic(wrong.code, wrong.message, source, span, wrong.hint))
        elif kind == "string":
            lexemes.append(Lexeme("string", piece, start, end, line, column))
            for at, size, wrong in unescape(piece)[1] if "\\" in piece else ():
                place = Span(start + at, start + at + size, line, column + at)
                problems.append(Diagnostic(wrong.code, wrong.message, source, place, wrong.hint))
        elif kind != "space":
            assert kind is not None
            fault = _fault(kind, piece)
            if kind == "unclosed":
                piece = piece.rstrip()
            lexemes.append(Lexeme("bad", piece, start, start + len(piece), line, column, fault))
        if kind in ("space", "duration") and "\n" in piece:
            line += piece.count("\n")
            line_start = start + piece.rindex("\n") + 1
    lexemes.append(_end(lexemes, text))
    return Lexed(lexemes, comments, problems)


def too_deep() -> Fault:
    """The fault of text nested deeper than `MAX_DEPTH`."""
    return Fault(
        "too-deep",
        f"this is nested more than {MAX_DEPTH} deep",
        "give the inner part a name with a function, or write a chain without brackets",
    )


def end_after(last: Lexeme | None) -> Lexeme:
    """The end of what ``last`` ends: a place just behind it, where something is missing."""
    if last is None:
        return Lexeme("end", "", 0, 0, 1, 1)
    lines = last.text.split("\n")  # a duration may go over a line's end
    column = last.column + len(last.text) if len(lines) == 1 else len(lines[-1]) + 1
    return Lexeme("end", "", last.end, last.end, last.line + len(lines) - 1, column)


def _end(lexemes: list[Lexeme], text: str) -> Lexeme:
    return end_after(lexemes[-1] if lexemes else None)


def _fault(kind: str, piece: str) -> Fault:
    if kind == "unclosed":
        return Fault(
            "unclosed-string",
            "this text is not closed",
            "a text ends on its line with '\"'; write \\n for a line's end",
        )
    if kind == "single":
        return Fault("bad-character", "single quotes do not make a text", 'write "…" with double quotes')
    if kind == "remark":
        return Fault("bad-character", f"{piece[:2].rstrip()!r} does not start a comment", "comments start with '-- '")
    if kind == "badnumber":
        return _number_fault(piece)
    if kind == "badword":
        return _word_fault(piece)
    if piece in _BAD_MARKS:
        why, cure = _BAD_MARKS[piece]
        return Fault("bad-character", f"{piece!r} is not used here: {why}", cure)
    if piece in "“”„‘’`":
        return Fault(
            "bad-character", f"the quote {piece} does not make a text", 'write "…" with straight double quotes'
        )
    name = piece if piece.isprintable() else f"U+{ord(piece):04X}"
    return Fault("bad-character", f"the character {name!r} is not used in rules")


def _number_fault(piece: str) -> Fault:
    digits = re.match(r"[0-9]+(?:\.[0-9]+)?", piece)
    assert digits is not None
    number, rest = digits.group(), piece[digits.end() :]
    if (unit := UNIT_GUESSES.get(rest.lower())) is not None or rest.lower() in UNITS:
        unit = unit or rest.lower()
        return Fault("bad-duration", f"{rest!r} is not a unit of time", f"did you mean '{number} {unit}'?")
    if re.fullmatch(r"[eE][0-9]*", rest):
        return Fault("bad-number", f"{piece!r} is not a number", "write all its digits; there are no exponents")
    if "_" in rest:
        return Fault("bad-number", f"{piece!r} is not a number", "write the digits without marks between them")
    return Fault(
        "bad-number",
        f"{piece!r} is neither a number nor a name",
        f"put a space behind {number!r}, or name a unit: {_unit_words()}",
    )


def _word_fault(piece: str) -> Fault:
    if not piece.isascii():
        odd = next(c for c in piece if not c.isascii())
        return Fault(
            "bad-character",
            f"the name {piece!r} has the character {odd!r}",
            "names are made of a-z, A-Z, 0-9 and _; any text may stand in quotes",
        )
    small = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", piece).lower()
    return Fault(
        "bad-name",
        f"the name {piece!r} mixes small letters and capitals",
        f"fields and aliases are small: {small!r}; streams, types and rules start with a capital",
    )


def _unit_words() -> str:
    return " ".join(UNITS)


def unescape(raw: str) -> tuple[str, list[tuple[int, int, Fault]]]:
    """The text between the quotes of ``raw``, and its bad escapes as (offset, size, fault)."""
    body = raw[1:-1]
    if "\\" not in body:
        return body, []
    out: list[str] = []
    wrong: list[tuple[int, int, Fault]] = []
    at = 0
    for found in re.finditer(r"\\(u[0-9a-fA-F]{4}|.)", body, re.DOTALL):
        out.append(body[at : found.start()])
        code = found.group(1)
        at = found.end()
        if (plain := _ESCAPES.get(code)) is not None:
            out.append(plain)
        elif len(code) == 5:
            out.append(chr(int(code[1:], 16)))
        else:
            hint = (
                "four hexadecimal digits follow \\u"
                if code == "u"
                else 'write \\" \\\\ \\n \\t \\r or \\uXXXX; a backslash alone is \\\\'
            )
            wrong.append((found.start() + 1, 2, Fault("bad-escape", f"'\\{code}' is not an escape", hint)))
    out.append(body[at:])
    value = "".join(out)
    if any("\ud800" <= c <= "\udfff" for c in value):
        # Two halves make one character, as in JSON; a half alone is none and could not be written anywhere.
        try:
            value = value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            value = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in value)
            wrong.append(
                (0, len(raw), Fault("bad-escape", "this text has half a character", "\\uD800 to \\uDFFF come in pairs"))
            )
    return value, wrong


_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r"}


def escape(value: str) -> str:
    """``value`` as a text of the language, quotes included."""
    out = []
    for c in value:
        if c in _UNESCAPES:
            out.append(_UNESCAPES[c])
        elif c < " " or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029\ufeff":
            out.append(f"\\u{ord(c):04x}")
        else:
            out.append(c)
    return '"' + "".join(out) + '"'


_UNESCAPES = {plain: "\\" + code for code, plain in _ESCAPES.items()}


def duration_parts(text: str) -> list[tuple[str, str]]:
    """The parts of a duration as (number, unit)."""
    return re.findall(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)", text)


def duration_ns(text: str) -> int | None:
    """The nanoseconds of a duration, or None where they are not whole."""
    total = 0
    for number, unit in duration_parts(text):
        whole, _, point = number.partition(".")
        point = point.rstrip("0")
        if len(whole) + len(point) > MAX_DIGITS:
            return None
        nanoseconds, rest = divmod(int(whole + point) * UNITS[unit], 10 ** len(point))
        if rest:
            return None
        total += nanoseconds
    return total


def _duration_fault(text: str) -> Fault | None:
    if any(len(number) > MAX_DIGITS for number, _ in duration_parts(text)):
        return Fault("bad-duration", f"a duration has at most {MAX_DIGITS} digits")
    value = duration_ns(text)
    if value is None:
        return Fault("bad-duration", f"{text!r} is not a whole number of nanoseconds", "write fewer decimals")
    if value > MAX_NANOSECONDS:
        return Fault(
            "bad-duration", f"{text!r} is more than 292 years", "a pattern without a bound says 'allow unbounded'"
        )
    return None
