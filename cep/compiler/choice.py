"""The chain of matchers: for each pattern the cheapest one that is exact for it.

A direct matcher says itself why it cannot take a rule. What none of them takes runs on the run table, which takes
everything. Constructs that are new to the checked form are refused by the direct ones until they are taught them.
References: regex-automata and RE2 for the chain; docs/semantics.md for what each must mean.
Tested by: tests/compiler/test_choice.py
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cep.compiler.chain import ChainTables, compile_chain
from cep.compiler.counting import CountingTables, compile_counting
from cep.compiler.direct import NotDirectError
from cep.compiler.folding import FoldingTables, compile_folding
from cep.compiler.graph import GraphTables, compile_graph
from cep.compiler.onepass import OnePassTables, compile_one_pass
from cep.language.fingerprint import externals_of, reads_tables
from cep.language.typed import CheckedPattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedRule
    from cep.model.schema import Schema

RUN_TABLE, CHAIN, ONE_PASS, GRAPH = "run table", "chain", "one pass", "match graph"
COUNTING, FOLDING = "counting matcher", "folding matcher"
DirectTables = ChainTables | OnePassTables | GraphTables | CountingTables | FoldingTables

_DIRECT = (
    (COUNTING, compile_counting),
    (FOLDING, compile_folding),
    (ONE_PASS, compile_one_pass),
    (CHAIN, compile_chain),
    (GRAPH, compile_graph),
)

_only: ContextVar[str | None] = ContextVar("only", default=None)


@dataclass(frozen=True, eq=False)
class Choice:
    """The matcher of a pattern: its name, why it and not a cheaper one, its tables (None: those of the run table)."""

    name: str
    why: str
    tables: DirectTables | None = None


@contextmanager
def only(name: str) -> Iterator[None]:
    """Within it rules are compiled for this matcher, or for the run table where it cannot take them."""
    token = _only.set(name)
    try:
        yield
    finally:
        _only.reset(token)


def choose_matcher(
    rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam], *, may_call: bool = True
) -> Choice:
    """The matcher of a rule whose body is a pattern; ``may_call``: it may call Python modules, or read tables."""
    if may_call and externals_of(rule):
        return Choice(RUN_TABLE, "only it ends where a function of a Python module fails")
    if may_call and reads_tables(rule):
        return Choice(RUN_TABLE, "only it reads tables")
    if isinstance(rule.body, CheckedPattern) and rule.body.timeout is not None:
        return Choice(RUN_TABLE, "only it tells which starts time out, and how far they came")
    wanted = _only.get()
    refusals = []
    for name, compile_tables in _DIRECT:
        if wanted not in (None, name):
            continue
        try:
            tables = compile_tables(rule, sources, params)
        except NotDirectError as reason:
            if str(reason):  # what goes without saying has no words
                refusals.append(f"no {name}: {reason}")
        else:
            return Choice(name, tables.why, tables)
    return Choice(RUN_TABLE, "; ".join(["exact for every pattern", *refusals]))
