"""Changes: another value for a param while rules run.

A value is an operand of the compiled rules, so a change is other programs over the same state: the rules that read the
param are checked and compiled again, and everything is refused before anything is changed. What cannot change is said
in `cep.language.fixed`.
Cost: the rules checked again, those that read the param compiled again; no code is generated anew.
Tested by: tests/app/test_set.py
"""

from __future__ import annotations

from ast import literal_eval
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from cep.app.rules import Rules
from cep.app.tables import known_rows
from cep.compiler.pattern import PatternProgram
from cep.compiler.window import WindowProgram
from cep.language import ast
from cep.language.check import check
from cep.language.fixed import holder
from cep.language.typed import Const
from cep.model.errors import RuleError, UsageError
from cep.runtime.executor import Programs, compile_rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.rulebook import CheckedParam, Rulebook
    from cep.runtime.executor import Program


def changed(rules: Rules, param: str, value: object) -> tuple[Rules, Mapping[str, Program]]:
    """The rules with another value for a param, and the programs that differ; `UsageError` for what cannot be."""
    before = rules.rulebook
    known: dict[str, object] = {p.name: p.value for p in before.params.values()}
    try:
        book = check(before.files, {**known, param: value}, before.functions, known_rows(before))
    except RuleError as error:
        raise UsageError(f"param {param}: {error.diagnostics[0].message}") from None
    held = holder(before, param)
    if held is not None:
        msg = f"param {param} cannot change while rules run: it is {held}\n  hint: start another engine"
        raise UsageError(msg)
    out = Rules(book)
    programs = dict(rules.programs.by_rule)
    differing = {rule.name: compile_rule(rule, book) for rule in book.rules if rule.name in readers(before, param)}
    for name, program in differing.items():
        old = programs[name]
        if not _keeps_alike(old, program):
            msg = f"param {param} cannot have this value while rules run: {name} would keep something else of an event"
            raise UsageError(msg)
    out.programs = Programs(out.plan, programs | differing, rules.programs.choices)
    return out, differing


def _keeps_alike(old: Program, program: Program) -> bool:
    """Whether the same state serves both."""
    if isinstance(old, PatternProgram):
        return isinstance(program, PatternProgram) and old.keeps_alike(program)
    if isinstance(old, WindowProgram):
        return isinstance(program, WindowProgram) and old.keeps_alike(program)
    return True


def compiled_with(rules: Rules, rule: str, values: Mapping[str, str]) -> Program:
    """The program of one rule under values of params as Python writes them; ValueError for what is no value."""
    known = {p.name: value_of(p, values.get(p.name)) for p in rules.rulebook.params.values()}
    before = rules.rulebook
    book = check(before.files, known, before.functions, known_rows(before))
    [found] = [r for r in book.rules if r.name == rule]
    return compile_rule(found, book)


def value_of(param: CheckedParam, text: str | None) -> Const:
    """The value of a param as Python writes it (None: that which it has); ValueError or SyntaxError for another."""
    return param.value if text is None else Const(literal_eval(text), param.type)


def readers(book: Rulebook, param: str) -> set[str]:
    """The rules in which the param's name stands."""
    out = set()
    for file in book.files:
        for rule in file.declarations:
            if isinstance(rule, ast.Rule) and _names(rule, param):
                out.add(rule.name.text)
    return out


def _names(rule: ast.Rule, param: str) -> bool:
    todo: list[object] = [rule]
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            todo += node
        elif node == param:
            return True
        elif is_dataclass(node):
            todo += (getattr(node, f.name) for f in fields(node) if f.name != "span")
    return False
