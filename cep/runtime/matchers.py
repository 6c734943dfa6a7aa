"""The direct matchers: what a shard asks of one, and the one that takes the tables of a rule.

Invariant: what a matcher gives is good until the next is asked for; it is started with nothing, or restored.
Tested by: tests/compiler/test_choice.py, tests/runtime/test_direct.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cep.compiler.counting import CountingTables
from cep.compiler.folding import FoldingTables
from cep.compiler.graph import GraphTables
from cep.compiler.onepass import OnePassTables
from cep.runtime.chain import ChainMatcher
from cep.runtime.counting import CountingMatcher
from cep.runtime.folding import FoldingMatcher
from cep.runtime.graph import GraphMatcher
from cep.runtime.onepass import OnePassMatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cep.compiler.choice import DirectTables
    from cep.model.batch import AnyArray, Int64Array
    from cep.runtime.chain import TextPart
    from cep.runtime.identity import Lineage
    from cep.runtime.snapshot import Stored


class Matcher(Protocol):
    """What a shard asks of its matcher.

    ``gives_away``: it writes no more into what it has found.
    """

    gives_away: bool

    @property
    def wakes_at(self) -> int:
        """Where the watermark must have come for something to expire that is freed then."""

    @property
    def is_spacious(self) -> bool:
        """Whether tables are to be given back (`cep.runtime.held`)."""

    @property
    def open_runs(self) -> int:
        """Partial matches not decided yet."""

    def match(self, block: Int64Array, watermark: int) -> Iterator[Int64Array]:
        """Show a block, then the watermark; what was found, some at a time, is good until the next is asked for."""

    def lineage(self, found: Int64Array) -> Callable[[], Lineage]:
        """What lists the events of each match, whenever it is asked; ``found`` is the caller's own."""

    def text_codes(self, key_parts: list[int]) -> list[AnyArray]:
        """The codes of strings that are held."""

    @property
    def held(self) -> tuple[int, int, int, int]:
        """Runs, keys that have some, rows kept, bytes."""

    def tables(self) -> dict[str, Int64Array]:
        """What is remembered, in one form however it came about."""

    def text_parts(self, tables: Mapping[str, Int64Array], key_parts: list[int]) -> list[TextPart]:
        """Where codes of strings stand in such tables."""

    def read(self, stored: Stored) -> dict[str, Int64Array]:
        """Such tables, checked."""

    def restore(self, tables: Mapping[str, Int64Array]) -> None:
        """Take over such tables, whose strings have codes of this shard."""


def start_matcher(tables: DirectTables, streams: tuple[str, ...]) -> Matcher:
    """A matcher that has seen nothing."""
    if isinstance(tables, OnePassTables):
        return OnePassMatcher(tables, streams)
    if isinstance(tables, GraphTables):
        return GraphMatcher(tables, streams)
    if isinstance(tables, CountingTables):
        return CountingMatcher(tables, streams)
    if isinstance(tables, FoldingTables):
        return FoldingMatcher(tables, streams)
    return ChainMatcher(tables, streams)
