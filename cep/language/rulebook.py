"""The whole rulebook as the checker gives it: streams, parameters, tables and rules, resolved and typed.

Plan, compiler and runtime read it; nobody changes it. `cep.language.typed` has the parts of a rule.
Tested by: tests/language/test_check.py, tests/language/test_check_tables.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from cep.model.diagnostics import Diagnostic, Source, Span
from cep.model.schema import Schema
from cep.model.table import TableRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cep.language.ast import File
    from cep.language.typed import CheckedRule, Code, Const
    from cep.model.types import Type


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A declared table: ``path`` is that of its file, as written; ``span`` is the place of its name."""

    name: str
    keys: tuple[str, ...]
    path: str | None
    schema: Schema
    source: Source
    span: Span


@dataclass(frozen=True, slots=True)
class CheckedParam:
    """A parameter's type and its value as a constant of that type."""

    name: str
    type: Type
    value: Const


class Remarks(NamedTuple):
    """What is said of lawful rules, by file and place."""

    warnings: tuple[Diagnostic, ...] = ()
    notes: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Rulebook:
    """Rules checked together; immutable.

    ``streams``: declared streams in declared order. ``derived``: event types that rules emit, in order of the
    first rule that emits each. ``sources`` gives any readable name (declared, derived,
    ``Late.X``, ``Rejected.X``) its schema. ``functions`` is the Python code that the host allows, by declared name.
    ``tables`` are the rows of tables, where somebody has read them.
    ``remarks`` finds warnings and notes when somebody asks for them: to look for what is never true takes as long as
    to check the rules.
    """

    files: tuple[File, ...]
    streams: Mapping[str, Schema]
    variants: Mapping[str, tuple[str, ...]]
    derived: Mapping[str, Schema]
    params: Mapping[str, CheckedParam]
    rules: tuple[CheckedRule, ...]
    functions: Mapping[str, Code] = field(default_factory=dict)
    tables: Mapping[str, TableRows] = field(default_factory=dict, compare=False, repr=False)
    remarks: Callable[[], Remarks] = field(default=Remarks, compare=False, repr=False)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is lawful but seldom meant."""
        return self.remarks().warnings

    @property
    def notes(self) -> tuple[Diagnostic, ...]:
        """What is lawful, often meant, and worth a look: only ``cep check`` shows it."""
        return self.remarks().notes

    @property
    def has_externals(self) -> bool:
        """Whether a function of a Python module is declared."""
        from cep.language.ast import Function

        declarations = (d for file in self.files for d in file.declarations)
        return any(isinstance(d, Function) and d.origin is not None for d in declarations)

    @property
    def has_tables(self) -> bool:
        """Whether a table is declared."""
        from cep.language.ast import Table

        return any(isinstance(d, Table) for file in self.files for d in file.declarations)

    @property
    def sources(self) -> dict[str, Schema]:
        """Every readable stream by name."""
        from cep.model.schema import late_schema, rejected_schema

        out = dict(self.streams)
        for schema in self.streams.values():
            for side in (late_schema(schema), rejected_schema(schema.name)):
                out[side.name] = side
        return out | dict(self.derived)
