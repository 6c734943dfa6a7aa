"""Rules: rule files loaded and checked, ready for any number of engines.

Tested by: tests/app/test_rules.py
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cep.model.diagnostics import Diagnostic, Source
from cep.model.errors import RuleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cep.language.ast import File
    from cep.language.typed import Rulebook
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

    @cached_property
    def plan(self) -> Plan:
        """The operator graph."""
        from cep.plan.plan import build_plan

        return build_plan(self.rulebook)

    @cached_property
    def programs(self) -> Programs:
        """The compiled rules."""
        from cep.runtime.executor import compile_plan

        return compile_plan(self.plan)

    def __repr__(self) -> str:
        rules, streams = len(self.rulebook.rules), len(self.rulebook.streams)
        return f"<Rules: {rules} rule{'s' * (rules != 1)}, {streams} stream{'s' * (streams != 1)}>"


def load(
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, params: Mapping[str, object] | None = None
) -> Rules:
    """Load one rule file, or several as one rulebook; ``params`` gives params other values.

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
    return _check([read_source(Path(p)) for p in paths], params)


def loads(text: str, name: str = "<text>", *, params: Mapping[str, object] | None = None) -> Rules:
    """Load rules from a text; ``name`` is what messages call it. Raises as `load` does.

    >>> import cep
    >>> cep.loads("rule")
    Traceback (most recent call last):
    ...
    cep.model.errors.RuleError: <text>:1:5: error[syntax]: ...
    """
    return _check([Source(name, text)], params)


def _check(sources: list[Source], params: Mapping[str, object] | None) -> Rules:
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
        book = check(files, params)
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
