"""Compiling before the first event: kernels come from the cache folder, or are compiled once.

Tested by: tests/kernels/test_jit.py
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from cep.app.functions import require_codes
from cep.io.whole import PLAIN_LOOKS, Looks
from cep.kernels import jit

if TYPE_CHECKING:
    from collections.abc import Callable

    from cep.app.rules import Rules


FILTER, WINDOW = "filter", "window"
MODULES = {
    "run table": "asking deadlines earliest match moves timeouts",
    "match graph": "graph",
    "counting matcher": "counting",
    "folding matcher": "folding limbs",
    "one pass": "onepass",
    "chain": "chain",
    WINDOW: "window sliding limbs",
    FILTER: "",
}
"""By matcher: the modules whose kernels other rules do not need; what is called all the same is compiled then."""


@cache
def compiled_looks() -> Looks:
    """How decoders look at long columns; where nothing is compiled, numpy is quicker."""
    from cep.kernels.exported import look_at_exported
    from cep.kernels.look import are_finite, ascend

    return PLAIN_LOOKS if jit.PLAIN else Looks(ascend, are_finite, look_at_exported)


def prepare(rules: Rules, on_compile: Callable[[int, int], None] | None = None) -> None:
    """Compile or load kernels and generated code that ``rules`` need; `RuleError` for functions that may not run.

    ``on_compile(done, total)`` is told how far it is, when anything has to be compiled.
    """
    from cep.compiler.onepass import OnePassTables
    from cep.compiler.pattern import PatternProgram
    from cep.language.typed import CheckedQuery

    require_codes(rules.rulebook)
    compiled_looks()
    choices = rules.programs.choices
    by_rule = rules.programs.by_rule
    programs = [by_rule[name] for name in by_rule if name not in choices or choices[name].tables is None]
    texts = dict.fromkeys(p.text for p in programs if isinstance(p, PatternProgram))
    matchers = dict.fromkeys(c.tables.text for c in choices.values() if isinstance(c.tables, OnePassTables))
    further = [partial(_is_new, text) for text in texts] + [partial(_is_new_matcher, text) for text in matchers]
    windows = {rule.name for rule in rules.rulebook.rules if isinstance(rule.body, CheckedQuery)}
    used = {choices[n].name if n in choices else WINDOW if n in windows else FILTER for n in by_rule}
    jit.prepare(on_compile, further, without=_modules_of(set(MODULES) - used) - _modules_of(used))


def _modules_of(matchers: set[str]) -> set[str]:
    return {f"cep.kernels.{module}" for matcher in matchers for module in MODULES[matcher].split()}


def _is_new(text: str) -> bool:
    from cep.compiler.generate import load_generated

    return load_generated(text).is_new


def _is_new_matcher(text: str) -> bool:
    from cep.compiler.generate import load_matcher

    return load_matcher(text)[1]
