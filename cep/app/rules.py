"""Rules: rule files loaded and checked, ready for any number of engines.

Tested by: tests/app/test_rules.py
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cep.app.rest import collector_rests
from cep.model.diagnostics import Diagnostic, Source
from cep.model.errors import RuleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.app.functions import Allowed
    from cep.app.graphs import Graph
    from cep.language.ast import File
    from cep.language.rulebook import Rulebook
    from cep.plan.plan import Plan
    from cep.runtime.executor import Programs

__all__ = ["Rules", "load", "loads"]


class Rules:
    """A checked rulebook. ``rulebook`` has its streams, params, rules and warnings; ``plan`` its operator graph.

    >>> import cep
    >>> rules = cep.loads('''
    ... stream Pay ordered by at { at: time(s), card: string, amount: int }
    ... rule Big from Pay where amount > 100 emit Alert { card, amount }
    ... ''')
    >>> rules
    <Rules: 1 rule, 1 stream>
    """

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook

    @staticmethod
    def of(books: Rules | Iterable[Rules]) -> Rules:
        """One of several that were loaded apart: declarations that say the same are one.

        Raises `RuleError`, with both places, where two of one name differ.

        >>> import cep
        >>> pays = "stream Pay ordered by at { at: time(s), card: string, amount: int }"
        >>> big = cep.loads(pays + " rule Big from Pay where amount > 100 emit Alert { card }")
        >>> odd = cep.loads(pays + " rule Odd from Pay where amount < 0 emit Alert { card }")
        >>> cep.Rules.of([big, odd])
        <Rules: 2 rules, 1 stream>
        """
        if isinstance(books, Rules):
            return books
        known = list(books) if isinstance(books, Iterable) else []
        if not known or not all(isinstance(book, Rules) for book in known):
            msg = "give Rules, of cep.load or cep.loads, or several of them"
            raise UsageError(msg)
        if len(known) == 1:
            return known[0]
        from cep.app.joined import joined

        return Rules(joined([book.rulebook for book in known]))

    @cached_property
    def plan(self) -> Plan:
        """The operator graph."""
        from cep.plan.plan import build_plan

        return build_plan(self.rulebook)

    @cached_property
    def programs(self) -> Programs:
        """The compiled rules."""
        from cep.runtime.executor import compile_plan

        with collector_rests():
            return compile_plan(self.plan)

    def graph(self, rule: str | None = None) -> Graph:
        """How the rules hang together, or the automaton of one rule: shown by a notebook; `cep.app.graphs` draws it.

        >>> import cep
        >>> rules = cep.loads('''
        ... stream Pay ordered by at { at: time(s), card: string, amount: int }
        ... rule Twice keyed by card when Pay as one then Pay as two within 1 h emit Again { card }
        ... ''')
        >>> [node.name for node in rules.graph("Twice").nodes]
        ['(start)', 'one', 'two', '(match)']
        """
        from cep.app.explain import automaton_graph, explain, operator_graph

        if rule is None:
            return operator_graph(self)
        for explained in explain(self):
            if explained.rule.name == rule:
                return automaton_graph(explained)
        msg = f"there is no rule {rule}; rules are {', '.join(r.name for r in self.rulebook.rules) or 'none'}"
        raise UsageError(msg)

    def _repr_html_(self) -> str:
        from html import escape

        from cep.language.checker.constants import said
        from cep.model.html import table

        book = self.rulebook
        parts = [f"<p>{escape(repr(self)[1:-1])}</p>"]
        if book.params:
            rows = [(p.name, p.type, said(p.value)) for p in book.params.values()]
            parts.append(table(("param", "type", "value"), rows))
        rules = [
            (r.name, r.description or "", ", ".join(r.inputs), ", ".join(e.type for e in r.emits), r.state_bound)
            for r in book.rules
        ]
        if rules:
            parts += [table(("rule", "says", "reads", "emits", "state"), rules), self.graph()._repr_html_()]
        return "".join(parts)

    def __repr__(self) -> str:
        rules, streams = len(self.rulebook.rules), len(self.rulebook.streams)
        return f"<Rules: {rules} rule{'s' * (rules != 1)}, {streams} stream{'s' * (streams != 1)}>"


def load(
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    params: Mapping[str, object] | None = None,
    functions: Allowed | None = None,
) -> Rules:
    """Load one rule file, or several as one rulebook; ``params`` gives params other values.

    ``functions`` allows functions of Python modules: a dict of functions by declared name, a set of modules that may be
    imported, or True for all of them. Without it such functions are checked, and refused when an engine is made.

    Raises `RuleError` with every mistake and its place, `InputError` for a file that cannot be read, and `UsageError`
    for a param that is not there or a value of another type.

    >>> import cep, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "big.cep"
    ...     _ = path.write_text('''
    ... param limit: int = 100
    ... stream Pay ordered by at { at: time(s), card: string, amount: int }
    ... rule Big from Pay where amount > limit emit Alert { card, amount }
    ... ''')
    ...     rules = cep.load(path, params={"limit": 200})
    >>> cep.run(rules, {"Pay": [{"at": 1, "card": "a", "amount": 150}]}).summary.matches
    {'Big': 0}
    """
    from cep.language.parser import read_source

    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    if not paths:
        msg = "no rule file was given"
        raise UsageError(msg)
    sources = [read_source(Path(p)) for p in paths]
    with collector_rests():
        return _check(sources, params, functions)


def loads(
    text: str,
    name: str = "<text>",
    *,
    params: Mapping[str, object] | None = None,
    functions: Allowed | None = None,
) -> Rules:
    """Load rules from a text; ``name`` is what messages call it. Takes and raises what `load` does.

    >>> import cep
    >>> cep.loads("rule")
    Traceback (most recent call last):
    ...
    cep.model.errors.RuleError: <text>:1:5: error[syntax]: ...
    """
    with collector_rests():
        return _check([Source(name, text)], params, functions)


def _check(sources: list[Source], params: Mapping[str, object] | None, functions: Allowed | None) -> Rules:
    from cep.app.functions import allowed_codes
    from cep.app.tables import read_table
    from cep.language.check import check
    from cep.language.parser import parse_partly

    files: list[File] = []
    problems: list[Diagnostic] = []
    lost: set[str] = set()
    folder = _tables_folder()
    for source in sources:
        file, syntax, names = parse_partly(source, folder)
        files.append(file)
        problems += syntax
        lost |= names
    try:
        book = check(files, params, allowed_codes(files, functions), read_table)
    except RuleError as error:
        # what cannot be read may have declared the very name that something else misses
        known = [d for d in error.diagnostics if not (problems and _mentions(d, lost))]
        order = {id(source): n for n, source in enumerate(sources)}
        raise RuleError(
            sorted([*problems, *known], key=lambda d: (order.get(id(d.source), 0), d.span.start, d.span.end))
        ) from None
    except UsageError:
        if not problems:
            raise
    if problems:
        raise RuleError(problems)
    return Rules(book)


def _mentions(diagnostic: Diagnostic, names: set[str]) -> bool:
    span = diagnostic.span
    text = f"{diagnostic.message} {diagnostic.source.text[span.start : span.end]}"
    return not names.isdisjoint(re.findall(r"\w+", text))


def _tables_folder() -> str | None:
    from cep.model.folders import cache_root

    folder = cache_root()
    return None if folder is None else str(folder)
