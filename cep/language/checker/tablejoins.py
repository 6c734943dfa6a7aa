"""Joins with a table: ``left join Customer as c on c.card = m.card`` makes ``c.tier`` mean ``Customer[m.card].tier``.

The whole key is named by equality; what else is asked makes the row absent where it is not true. Without ``left`` an
event whose row is absent is passed over.
Tested by: tests/language/test_check_tables.py, tests/test_corpus.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.report import listed
from cep.language.checker.tables import key_part, presence, read
from cep.language.checker.walk import walk
from cep.language.typed import Apply, Attr, Const, Fold, Key
from cep.model.types import BOOL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language.checker.declarations import Declarations
    from cep.language.checker.expressions import Expressions
    from cep.language.checker.scope import Scope
    from cep.language.rulebook import CheckedTable
    from cep.language.typed import Typed
    from cep.model.diagnostics import Span


@dataclass(frozen=True)
class JoinedTable:
    """What an alias of a table stands for: the row of ``keys`` for which ``condition`` is true."""

    alias: str
    table: CheckedTable
    keys: tuple[Typed, ...]
    condition: Typed | None = None

    def field(self, expressions: Expressions, name: str, span: Span) -> Typed | None:
        """A field of the row, null where it is absent."""
        keys = _here(expressions, self, span)
        found = None if keys is None else read(expressions, self.table, name, span, keys)
        if found is None or self.condition is None:
            return found
        condition = _moved(expressions.scope, self.condition)
        if condition is None:
            _refuse(expressions, self, span)
            return None
        return Apply("select", (condition, found, Const(None, found.type)), found.type)

    def there(self, expressions: Expressions, span: Span) -> Typed | None:
        """Whether the row is there: never null."""
        keys = _here(expressions, self, span)
        if keys is None:
            return None
        found: Typed = presence(expressions.declarations, self.table, BOOL, keys)
        if self.condition is None:
            return found
        condition = _moved(expressions.scope, self.condition)
        if condition is None:
            _refuse(expressions, self, span)
            return None
        return Apply("select", (condition, found, Const(False, BOOL)), BOOL)


def is_table(declarations: Declarations, join: ast.Join) -> bool:
    """Whether a join is with a table; a stream of the same name comes first."""
    name = join.type.name.text
    return join.type.parent is None and name in declarations.tables and not declarations.is_stream(name)


def join_table(expressions: Expressions, join: ast.Join) -> JoinedTable | None:
    """What the alias of a join with a table stands for; None, and reported, where it cannot."""
    reporter, alias = expressions.reporter, join.alias.text
    name = join.type.name.text
    table = expressions.declarations.checked_tables.get(name)
    if table is None:
        return None
    if join.side in ("right", "full"):
        hint = "write left join, or join for events whose row is there"
        reporter.error(join.span, "table-join", f"a table has no events, so no `{join.side} join` with {name}", hint)
        return None
    if join.interval is not None:
        message = f"{name} is a table, which is read at the event's time: `within` has no meaning here"
        reporter.error(join.span, "table-join", message, "leave out `within …`")
        return None
    taken = expressions.names.meanings(alias)
    if taken:
        message = f"`{alias}` is {listed(taken)} already"
        reporter.error(join.alias.span, "ambiguous-name", message, "give the table another alias")
        return None
    conjuncts = list(join.on.operands) if isinstance(join.on, ast.Logic) and join.on.op == "and" else [join.on]
    keys: dict[str, ast.Expr] = {}
    others: list[ast.Expr] = []
    for each in conjuncts:
        part = _equated(each, alias, table.keys)
        if part is None or part[0] in keys:
            others.append(each)
        else:
            keys[part[0]] = part[1]
    missing = [key for key in table.keys if key not in keys]
    if missing:
        shape = " and ".join(f"{alias}.{key} = …" for key in missing)
        message = f"a join with {name} says which row it means by its whole key: {listed(missing)} is not given"
        reporter.error(join.on.span, "table-join", message, f"write on {shape}")
        return None
    found = [key_part(expressions, table, place, keys[key]) for place, key in enumerate(table.keys)]
    known = tuple(part for part in found if part is not None)
    if len(known) < len(found):
        return None
    joined = JoinedTable(alias, table, known)
    if not others:
        return joined
    scope = expressions.scope
    inside = expressions.within(replace(scope, joined={**scope.joined, alias: joined}))
    asked = [inside.condition(each) for each in others]
    conditions = tuple(each for each in asked if each is not None)
    if len(conditions) < len(asked):
        return None
    return replace(joined, condition=all_true(conditions))


def all_true(conditions: Sequence[Typed]) -> Typed:
    """Conditions of which all are to be true."""
    if len(conditions) == 1:
        return conditions[0]
    return Apply("and", tuple(conditions), BOOL.as_optional(any(c.type.optional for c in conditions)))


def conjuncts_of(condition: Typed) -> tuple[Typed, ...]:
    """What a condition joins by ``and``."""
    return condition.args if isinstance(condition, Apply) and condition.op == "and" else (condition,)


def _equated(condition: ast.Expr, alias: str, keys: tuple[str, ...]) -> tuple[str, ast.Expr] | None:
    """The part of the key that a condition equates, and with what."""
    if not isinstance(condition, ast.Compare) or condition.op != "=":
        return None
    for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
        names = one.names if isinstance(one, ast.Path) else None
        if names is None or len(names) != 2 or names[0] != alias:
            continue
        if names[1] in keys and not _reads(other, alias):
            return names[1], other
    return None


def _reads(expr: ast.Expr, alias: str) -> bool:
    return any(isinstance(node, ast.Path) and (node.names or ("",))[0] == alias for node in walk(expr))


def _here(expressions: Expressions, joined: JoinedTable, span: Span) -> tuple[Typed, ...] | None:
    """The keys as they are at this place."""
    moved = [_moved(expressions.scope, key) for key in joined.keys]
    known = tuple(key for key in moved if key is not None)
    if len(known) == len(moved):
        return known
    _refuse(expressions, joined, span)
    return None


def _refuse(expressions: Expressions, joined: JoinedTable, span: Span) -> None:
    message = f"the row `{joined.alias}` differs among the events of the window, so it is no one value"
    hint = f"write an aggregate of its field, e.g. first({joined.alias}.field), or key the rule by the table's key"
    expressions.reporter.error(span, "loop-alias", message, hint)


def _moved(scope: Scope, node: Typed) -> Typed | None:
    """An expression over the event at hand, where there may be none: the key is one for all events of a window."""
    if scope.window is None or scope.current is not None:
        return node
    match node:
        case Attr(_, name):
            for key in scope.keys.values():
                if key is not None and set(key[1].attributes.values()) == {name}:
                    return Key(key[0], key[1].type)
            return None
        case Fold():
            return None
        case Apply(args=args):
            moved = tuple(_moved(scope, each) for each in args)
            known = tuple(each for each in moved if each is not None)
            return replace(node, args=known) if len(known) == len(moved) else None
        case _:
            return node
