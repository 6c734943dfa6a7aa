"""Syntax: lexemes to a tree by lark's LALR tables, in a loop of our own.

lark's own loop makes a token object a lexeme and a tree object a reduction, and asks each for its place: it took nine
tenths of the time of parsing. Here a lexeme is its number in the text, and a tree tells from which lexeme to which it
goes; so a tree is the *form* of a declaration, and declarations of one form have one tree (`Forms`): of a thousand
rules that differ in names and constants the first alone is parsed.

What a reduction makes of its children is written down once for each grammar rule, as lark's tree builder does it:
``?rule`` with one child is that child, children of ``_rule`` take its place, words of no use are left out, and what is
left out of ``[…]`` is None.

Invariants: a form decides which terminal each lexeme is (see `_is_name`), and so the tree. A declaration ends before
another one in the same way as at the end of a text, so declarations may be parsed one by one.
Cost: O(n); nothing here recurses, whatever the text.
Tested by: tests/language/test_parser.py, tests/language/test_syntax_errors.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lark.grammar import Rule

    from cep.language.lexing import Lexeme
    from cep.language.tables import Tables


class Tree(NamedTuple):
    """A node: children are trees, numbers of lexemes, or None; it goes from the lexeme ``first`` to the ``last``.

    ``outer_first`` and ``outer_last`` hold what encloses it too, such as parentheses. All are -1 where it is empty.
    """

    kind: str
    children: list[Any]
    first: int
    last: int
    outer_first: int
    outer_last: int


class _Reduction(NamedTuple):
    """What is made of the ``size`` values on top: their places in it, whether to open each, and the Nones before it."""

    size: int
    origin: str
    kind: str
    kept: tuple[tuple[int, bool, int], ...]
    nones: int
    may_vanish: bool


class Machine:
    """The tables as the loop wants them: by state and terminal a state to go to, or a reduction."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        made: dict[Rule, _Reduction] = {}
        self.starts: dict[str, int] = {}
        self.ends: dict[str, int] = {}
        self.states: Mapping[int, dict[str, int | _Reduction]] = {}
        for start in ("start", "lone_expression"):
            found: Any = tables.parser.parse_interactive(start=start).parser_state.parse_conf
            self.starts[start], self.ends[start] = found.start_state, found.end_state
        raw: Mapping[int, dict[str, tuple[Any, Any]]] = found.states

        def entry(argument: Any) -> int | _Reduction:
            if isinstance(argument, int):
                return argument
            if argument not in made:
                made[argument] = _reduction(argument)
            return made[argument]

        self.states = {
            number: {terminal: entry(argument) for terminal, (_, argument) in actions.items()}
            for number, actions in raw.items()
        }

    def parse(self, lexemes: Sequence[Lexeme], start: str) -> Tree | int:
        """The tree of the lexemes, or the number of the one that cannot stand where it does."""
        states, end = self.states, self.ends[start]
        trail = [self.starts[start]]
        values: list[Any] = []
        actions = states[trail[-1]]
        for at in range(len(lexemes)):
            terminal = terminal_of(self.tables, actions, lexemes, at)
            while True:
                action = actions.get(terminal)
                if action.__class__ is int:
                    assert isinstance(action, int)
                    trail.append(action)
                    values.append(at)
                    actions = states[action]
                    break
                if action is None:
                    return at
                assert isinstance(action, _Reduction)
                size = action.size
                if size:
                    value = _reduced(action, values[-size:])
                    del trail[-size:]
                    del values[-size:]
                else:
                    value = _reduced(action, [])
                state = states[trail[-1]][action.origin]
                assert isinstance(state, int)
                trail.append(state)
                values.append(value)
                if state == end and terminal == "$END":
                    assert isinstance(value, Tree)
                    return value
                actions = states[state]
        raise AssertionError("the lexemes have no end")


def _reduction(rule: Rule) -> _Reduction:
    options: Any = rule.options
    expansion: Any = rule.expansion
    # which of the parts that may be left out are: for each place how many stand before it
    marks: Sequence[bool] = options.empty_indices or [False] * len(expansion)
    gaps = [0]
    for mark in marks:
        if mark:
            gaps[-1] += 1
        else:
            gaps.append(0)
    kept, nones = [], 0
    for place, symbol in enumerate(expansion):
        nones += gaps[place]
        if options.keep_all_tokens or not (symbol.is_term and symbol.filter_out):
            kept.append((place, not symbol.is_term and symbol.name.startswith("_"), nones))
            nones = 0
    nones += gaps[len(expansion)]
    origin = rule.origin.name
    return _Reduction(
        len(expansion), origin, rule.alias or origin, tuple(kept), nones, bool(options.expand1 and not rule.alias)
    )


def _reduced(how: _Reduction, values: list[Any]) -> Any:
    children: list[Any] = []
    for place, opened, nones in how.kept:
        if nones:
            children += [None] * nones
        value = values[place]
        if opened:
            if children:
                children += value.children
            else:
                children = value.children  # nobody else has them: a long list is not copied at each of its items
        else:
            children.append(value)
    if how.nones:
        children += [None] * how.nones
    first = last = -1
    for value in values:
        if value.__class__ is int:
            first = value
            break
        if value is not None and value.outer_first >= 0:
            first = value.outer_first
            break
    for value in reversed(values):
        if value.__class__ is int:
            last = value
            break
        if value is not None and value.outer_last >= 0:
            last = value.outer_last
            break
    if how.may_vanish and len(children) == 1:
        [only] = children
        if only is None or only.__class__ is int:
            return only
        inside = only.first >= 0
        return Tree(
            only.kind, only.children, only.first if inside else first, only.last if inside else last, first, last
        )
    return Tree(how.kind, children, first, last, first, last)


class Forms:
    """The trees of declarations by their form: their lexemes without what tells names and constants apart."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        tables = machine.tables
        self._telling = {text: text for text in (*tables.words, *tables.marks, *_TELLING)}
        self._trees: dict[tuple[str, ...], Tree] = {}

    def parse(self, lexemes: Sequence[Lexeme], start: str) -> Tree | int:
        """What `Machine.parse` gives."""
        telling = self._telling
        form = tuple([telling.get(lexeme[1], lexeme[0]) for lexeme in lexemes])
        if "[" in form:
            form += tuple(str(n) for n, lexeme in enumerate(lexemes) if n and _is_close(lexemes[n - 1], lexeme))
        tree = self._trees.get(form)
        if tree is None:
            found = self.machine.parse(lexemes, start)
            if isinstance(found, int):
                return found
            tree = self._trees[form] = found
        return tree


def _is_close(before: Lexeme, bracket: Lexeme) -> bool:
    return bracket.text == "[" and bracket.start == before.end


def terminal_of(made: Tables, actions: Mapping[str, Any], lexemes: Sequence[Lexeme], at: int) -> str:
    """The terminal of a lexeme where the parser can go on with ``actions``; of no use there, any of its own."""
    lexeme = lexemes[at]
    kind = lexeme.kind
    if kind == "word":
        keyword = made.words.get(lexeme.text)
        if keyword is None or keyword not in actions:
            return "NAME" if "NAME" in actions or keyword is None else keyword
        return "NAME" if "NAME" in actions and _is_name(lexemes, at) else keyword
    if kind == "mark":
        names = made.marks[lexeme.text]
        return next((name for name in names if name in actions), names[-1])
    return _TERMINALS[kind]


_TERMINALS = {
    "type": "TYPE",
    "int": "INT",
    "float": "FLOAT",
    "duration": "DURATION",
    "string": "STRING",
    "bad": "BAD",
    "end": "$END",
}
_AFTER_NAME = frozenset(("=", "!=", "<", "<=", ">", ">=", "+", "*", "/", "%", "||", ",", ")", "]", "}", "."))
_WORDS_AFTER_NAME = frozenset({"and", "or", "is", "in", "like", "matches", "between", "div"})
_TELLING = (*_AFTER_NAME, *_WORDS_AFTER_NAME, *("any", "every", "case", "when", "not", "distinct", "where", "["))


def _is_name(lexemes: Sequence[Lexeme], at: int) -> bool:
    """Whether a word that could be a keyword or a name here is a name, by what follows it."""
    word, after = lexemes[at].text, lexemes[at + 1]
    if word in ("any", "every"):
        return not (after.kind == "word" and lexemes[at + 2].text == "in")
    if word == "case":
        return after.text != "when"
    if word in ("not", "distinct", "where"):
        if after.text == "[":
            return after.start == lexemes[at].end  # `not[0]` is an index, `not [1]` a list
        if after.text == "where":
            return word == "distinct"
        return after.kind == "end" or after.text in _AFTER_NAME or after.text in _WORDS_AFTER_NAME
    return False
