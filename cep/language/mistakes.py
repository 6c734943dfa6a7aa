"""Syntax errors in words: where a parse stopped, what could have stood there, and the likely cure.

The parser knows terminals; the reader knows 'then', a duration, an expression. Sets of terminals that mean
one thing are said as one, the likeliest first and at most six. A hint is given only where a known slip fits.
Tested by: tests/language/test_syntax_errors.py
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, NamedTuple

from cep.language.lexing import UNIT_GUESSES, UNITS, Lexeme
from cep.model.diagnostics import Diagnostic, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language.tables import Tables

MOST_WORDS = 6


class Stop(NamedTuple):
    """Where a parse stopped: the lexemes, the one it could not use, and the terminals possible there and before it."""

    lexemes: Sequence[Lexeme]
    at: int
    accepted: frozenset[str]
    before: frozenset[str]
    tables: Tables

    @property
    def found(self) -> Lexeme:
        """The lexeme that could not be used."""
        return self.lexemes[self.at]

    @property
    def previous(self) -> Lexeme | None:
        """The one before it."""
        return self.lexemes[self.at - 1] if self.at else None


def diagnose(source: Source, stop: Stop) -> Diagnostic:
    """The diagnostic of a stopped parse."""
    found = stop.found
    if found.fault is not None:
        return Diagnostic(found.fault.code, found.fault.message, source, found.span, found.fault.hint)
    return _without_unit(source, stop) or _unclosed(source, stop) or _unexpected(source, stop)


def _without_unit(source: Source, stop: Stop) -> Diagnostic | None:
    found, previous = stop.found, stop.previous
    number = previous is not None and previous.kind in ("int", "float")
    if number and found.kind in ("word", "type"):
        assert previous is not None
        unit = found.text.lower()
        unit = unit if unit in UNITS else UNIT_GUESSES.get(unit, "")
        if unit:
            hint = f"did you mean '{previous.text} {unit}'? The units are {' '.join(UNITS)}"
            return Diagnostic("bad-duration", f"'{found.text}' is not a unit of time", source, found.span, hint)
    if found.kind in ("int", "float") and "DURATION" in stop.accepted:
        return _bare(source, found, "a duration")
    if number and "DURATION" in stop.before and "FLOAT" not in stop.before and "EVENTS" in stop.accepted:
        assert previous is not None
        if found.kind not in ("word", "type") or _nearest(stop) is None:
            return _bare(source, previous, "a duration or a number of events")
    return None


def _bare(source: Source, number: Lexeme, expected: str) -> Diagnostic:
    hint = f"a duration has a unit: '{number.text} s' or '{number.text} min'"
    if expected.endswith("events") and number.kind == "int":
        hint += f"; a number of events: '{number.text} events'"
    return Diagnostic("bad-duration", f"expected {expected}, found '{number.text}'", source, number.span, hint)


_CLOSERS = {"(": (")", "RPAR"), "[": ("]", "RSQB"), "{": ("}", "RBRACE")}


def _open_bracket(stop: Stop) -> Lexeme | None:
    stack: list[Lexeme] = []
    for lexeme in stop.lexemes[: stop.at]:
        if lexeme.kind == "mark":
            if lexeme.text in _CLOSERS:
                stack.append(lexeme)
            elif lexeme.text in (")", "]", "}") and stack:
                stack.pop()
    return stack[-1] if stack else None


def _unclosed(source: Source, stop: Stop) -> Diagnostic | None:
    bracket = _open_bracket(stop)
    if bracket is None:
        return None
    closer, terminal = _CLOSERS[bracket.text]
    if terminal not in stop.accepted:
        return None
    ended = stop.found.kind == "end" or (stop.found.text in ")]}" and stop.found.text != closer)
    if not ended and stop.found.text not in _CLAUSES:
        return None
    return Diagnostic(
        "unclosed-bracket",
        f"expected {_expected(stop)}, found {_said(stop.found)}",
        source,
        stop.found.span,
        f"close the '{bracket.text}' of line {bracket.line} with '{closer}'",
        related=((f"this '{bracket.text}' is not closed", source, bracket.span),),
    )


_CLAUSES = frozenset({"emit", "within", "keyed", "when", "on", "output", "upsert", "delete", "then"})


def _unexpected(source: Source, stop: Stop) -> Diagnostic:
    message = f"expected {_expected(stop)}, found {_said(stop.found)}"
    return Diagnostic("syntax", message, source, stop.found.span, _hint(stop))


def _said(lexeme: Lexeme) -> str:
    if lexeme.kind == "end":
        return "the end"
    if lexeme.kind == "string":
        return "a text in quotes"
    text = " ".join(lexeme.text.split())  # a duration may go over a line's end
    text = text if len(text) <= 40 else text[:39] + "…"
    return f"'{text}'"


# -------------------------------------------------------------------------------------------- what was expected


def _terminals(names: str) -> frozenset[str]:
    return frozenset(names.split())


_EXPRESSION = _terminals("INT FLOAT STRING DURATION TRUE FALSE NULL NAME CASE ANY EVERY TYPE LSQB LPAR MINUS NOT")
_OPERATORS = _terminals("CMP ADD_OP MUL_OP MINUS AND OR BETWEEN IN LIKE MATCHES IS NOT DOT LSQB LPAR")
_SUM_OPERATORS = _terminals("ADD_OP MUL_OP MINUS DOT LSQB LPAR")
_FORMULA = _terminals("ALWAYS NEVER EVENTUALLY ONCE HISTORICALLY NOT PREVIOUS NEXT HOLDS TYPE LPAR")
_STEP = _terminals("FEWEST INT OPTIONAL ONE ALL LPAR TYPE NO")
_TYPE = _terminals("NAME TYPE LIST MAP")
_DECLARATION = _terminals("MODULE USE PARAM RECORD STREAM TABLE TIMER FUNCTION RULE ASSERT TEST")

# Sets of terminals that are said as one: if all of the first are possible, the words stand for the second.
_SAID_AS_ONE: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (_DECLARATION, _DECLARATION | {"$END"}, "a declaration"),
    (frozenset({"FLOAT", "NAME", "MINUS"}), _EXPRESSION, "an expression"),
    (frozenset({"CMP", "MUL_OP"}), _OPERATORS, "an operator"),
    (frozenset({"ADD_OP", "MUL_OP"}), _SUM_OPERATORS, "an operator"),
    (frozenset({"MUL_OP"}), frozenset({"MUL_OP"}), "an operator"),
    (frozenset({"ALWAYS", "HOLDS"}), _FORMULA, "a formula"),
    (frozenset({"OPTIONAL", "ONE", "NO"}), _STEP, "a step of the pattern"),
    (frozenset({"ONE", "TYPE"}), _STEP - {"NO"}, "a stream"),
    (frozenset({"LIST", "MAP"}), _TYPE, "a type"),
    (frozenset({"DURATION", "NAME"}), frozenset({"DURATION", "NAME"}), "a duration"),
)

# The likeliest first; a word that is not here comes after them.
_LIKELY = """
    as where then next within emit on when from keyed by for until tags upsert delete output over having join implies
    and or
"""
_RANK = {word: rank for rank, word in enumerate(_LIKELY.split())}
_SELDOM = frozenset({"DOT", "LSQB", "LPAR", "QMARK"})
_PAIRS = {"keyed": "keyed by", "ordered": "ordered by", "ties": "ties by", "allow": "allow unbounded"}


def _expected(stop: Stop) -> str:
    words = [word for _, word in sorted(_words(stop))][:MOST_WORDS]
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _words(stop: Stop) -> list[tuple[tuple[int, int, str], str]]:
    left = set(stop.accepted)
    words: list[tuple[tuple[int, int, str], str]] = []
    for signs, all_of, said in _SAID_AS_ONE:
        if signs <= left:
            left -= all_of
            rank = {"a declaration": 9, "an operator": 2}.get(said, 0)
            words.append(((rank, 0, said), said))
    texts = {name: text for text, name in stop.tables.words.items()}
    marks = {names[0]: text for text, names in stop.tables.marks.items() if names[0] not in ("CMP", "ADD_OP", "MUL_OP")}
    previous = stop.previous.text if stop.previous else ""
    for name in left:
        if name in _PLAIN:
            said = _PLAIN[name]
            if name == "NAME" and previous == "as":
                said = "an alias"
            elif name == "TYPE" and previous in ("rule", "assert", "record", "stream", "table", "timer"):
                said = "a name with a capital"
            words.append(((8 if name == "$END" else 0, 1, said), said))
        elif name in marks:
            rank = 0 if marks[name] in ")]}" else 1
            words.append(((4 if name in _SELDOM else 1, rank, marks[name]), f"'{marks[name]}'"))
        elif name in texts:
            text = texts[name]
            if text == "on" and len(stop.accepted) > 1:
                text = "on violation" if stop.lexemes[0].text == "assert" else "on timeout"
            needed = {"WHEN", "FROM"} <= stop.accepted and text in ("when", "from")
            words.append(((0 if needed else 3, _RANK.get(text, 99), text), f"'{_PAIRS.get(text, text)}'"))
        else:
            words.append(((3, 99, name), "an operator"))
    return words


_PLAIN = {
    "NAME": "a name",
    "TYPE": "a stream",
    "INT": "a number",
    "FLOAT": "a number",
    "STRING": "a text in quotes",
    "DURATION": "a duration",
    "$END": "the end",
}


# --------------------------------------------------------------------------------------------------- the hints

_OTHER_WORDS = {
    "group": "'keyed by' groups",
    "partition": "'keyed by' parts a stream",
    "select": "a query starts with 'from' and ends with 'emit'",
    "return": "'emit' gives the result",
    "followed": "'then' comes between two steps",
    "followedby": "'then' comes between two steps",
    "followed_by": "'then' comes between two steps",
    "filter": "'where' filters",
    "if": "'where' filters",
    "during": "'within' bounds a pattern",
    "elif": "write 'when … then …' again",
}

_BETWEEN_STEPS = {
    "or": "one of several steps is 'one of (A, B)'",
    "and": "'then' comes between two steps; both in any order are 'all of (A, B)'",
}

_OTHER_DECLARATIONS = {  # said at the beginning of a line only: in `skip past last event` no stream is meant
    "let": "'param' declares a value",
    "const": "'param' declares a value",
    "define": "'function' declares a function",
    "import": "'use' takes in another file",
    "include": "'use' takes in another file",
    "event": "'stream' declares a stream of events",
    "type": "'record' declares a record",
    "struct": "'record' declares a record",
}


def _hint(stop: Stop) -> str | None:
    found = stop.found
    if stop.previous is not None and stop.previous.text == "fewest":
        return "'fewest' stands before a count: 'fewest 1 or more X'"
    if found.kind in ("word", "type"):
        return _hint_for_word(stop)
    if found.text == "->":
        return "write 'then' between two steps; '->' stands only before the type of a function"
    if found.text == ")" and stop.accepted >= {"COMMA", "UNTIL"} and "RPAR" not in stop.accepted:
        return "'one of' is a choice of two or more; of one thing write it alone"
    if found.text in (")", "]", "}"):
        bracket = _open_bracket(stop)
        if bracket is None:
            return f"there is no bracket open that this '{found.text}' could close"
        if _CLOSERS[bracket.text][0] != found.text:
            return f"the '{bracket.text}' of line {bracket.line} is closed by '{_CLOSERS[bracket.text][0]}'"
        return None
    if found.text in ("=", "!=", "<", "<=", ">", ">=") and "AND" in stop.accepted:
        return _hint_for_comparison(stop)
    if "LBRACE" in stop.accepted:
        return "write braces: { … }"
    if found.text == "," and _compared(stop) is not None:
        return f"write 'x {_compared(stop)} (…)' for one of several values"
    if found.text == "," and "THEN" in stop.accepted:
        return "write 'then' or 'next' between two steps, 'and' between two conditions"
    if found.text == ">=" and "MORETHAN" in stop.accepted:
        return "put a space between '>' and '='"
    if found.text == "[" and stop.accepted == {"LPAR"}:
        return "write 'in (…)' with parentheses"
    if found.text == "." and stop.at + 1 < len(stop.lexemes) and stop.lexemes[stop.at + 1].kind == "int":
        return f"write '0.{stop.lexemes[stop.at + 1].text}'"
    if found.kind == "string" and "NAME" in stop.accepted and "FLOAT" not in stop.accepted:
        return "names stand without quotes"
    return None


def _compared(stop: Stop) -> str | None:
    """What asks whether a value is one of several, where `=` or `!=` stands before a bracket with a comma in it."""
    bracket = _open_bracket(stop)
    at = next((n for n, lexeme in enumerate(stop.lexemes) if lexeme is bracket), 0)
    if bracket is None or bracket.text != "(" or not at:
        return None
    return {"=": "in", "!=": "not in"}.get(stop.lexemes[at - 1].text)


def _hint_for_comparison(stop: Stop) -> str | None:
    for lexeme in reversed(stop.lexemes[: stop.at]):
        if lexeme.text == "||":
            return "'||' joins two texts; between conditions write 'or'"
        if lexeme.kind == "word" and lexeme.text in ("and", "or", "where", "having"):
            break
        if lexeme.kind == "mark" and lexeme.text in ("=", "!=", "<", "<=", ">", ">="):
            return "compare two values at a time: 'a < b and b < c', or 'b between a and c'"
    return None


def _hint_for_word(stop: Stop) -> str | None:
    found, accepted = stop.found, stop.accepted
    if (nearest := _nearest(stop)) is not None:
        if nearest == found.text.lower() and found.text != nearest:
            return f"keywords are small: '{nearest}'"
        return f"did you mean '{_PAIRS.get(nearest, nearest)}'?"
    if found.text.lower() in _OTHER_WORDS:
        return _OTHER_WORDS[found.text.lower()]
    begins = stop.previous is None or stop.previous.line < found.line
    if begins and found.text.lower() in _OTHER_DECLARATIONS and accepted >= _DECLARATION:
        return _OTHER_DECLARATIONS[found.text.lower()]
    if stop.previous is not None and stop.previous.text == "case":
        return "write 'case when … then … else … end'"
    if accepted == {"LPAR"} and stop.previous is not None and stop.previous.text == "in":
        return f"write 'in ({found.text})' with parentheses"
    if found.text in _BETWEEN_STEPS and "THEN" in accepted:
        return _BETWEEN_STEPS[found.text]
    if found.text == "in" and stop.at > 1 and stop.lexemes[stop.at - 2].text == "as":
        return "'in a row' and 'in any combination' stand before 'as'"
    if found.text in ("emit", "upsert", "delete") and stop.lexemes[0].text == "assert":
        return "an assertion acts under 'on violation' or 'on satisfied'"
    if found.kind == "word" and "TYPE" in accepted and found.text not in stop.tables.words:
        capital = "".join(part.capitalize() for part in found.text.split("_"))
        return f"streams, types and rules start with a capital: '{capital}'"
    if found.kind == "type" and "NAME" in accepted:
        return f"fields, aliases and parameters are small: '{_small(found.text)}'"
    if found.text in ("until", "since", "unless") and {"IMPLIES", "AND"} & accepted:
        return f"'{found.text}' does not chain: put parentheses around one of the two"
    if found.text in ("within", "gap", "allow", "after", "prefer", "consume") and "OVER" in accepted:
        return f"'{found.text}' belongs to a pattern ('when'); a query has a window: 'over last …'"
    if "LBRACE" in accepted:
        return "write braces: { … }"
    if "COMMA" in accepted and found.text not in stop.tables.words:
        return f"put a ',' before '{found.text}'"
    if "AS" in accepted and found.kind == "word" and found.text not in stop.tables.words:
        return f"a name of your own comes after 'as': 'as {found.text}'"
    return None


def _nearest(stop: Stop) -> str | None:
    """The keyword, possible here, that the found word may be meant for."""
    found = stop.found.text
    if found in stop.tables.words:
        return None
    possible = sorted(text for text, name in stop.tables.words.items() if name in stop.accepted)
    close = difflib.get_close_matches(found.lower(), possible, 1, 0.72)
    return close[0] if close else None


def _small(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
