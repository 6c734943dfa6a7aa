"""``output first every d per …``: which part of what a rule emits goes out.

``per`` names what every ``emit`` of the rule says of its events: a field, or a part of the key.
Tested by: tests/language/test_check_output.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.language.checker.report import did_you_mean, listed
from cep.language.typed import CheckedOutput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.language import ast
    from cep.language.checker.report import Reporter
    from cep.language.checker.rules import Emission
    from cep.language.typed import CheckedKey


def check_output(
    reporter: Reporter,
    output: ast.Output,
    keys: Mapping[str, tuple[int, CheckedKey] | None],
    emissions: Sequence[Emission],
) -> CheckedOutput | None:
    """The checked clause; None when something in it is wrong, which is reported."""
    mode = output.mode
    if mode == "final" or mode == "early":
        hint = "leave it out: what goes out is final; windows of time have `output early`"
        reporter.not_yet(output.span, f"`output {mode}`", hint)
        return None
    if output.every is None:
        reporter.not_yet(output.span, f"`output {mode} every {output.events} events`", "write a time: every 1 h")
        return None
    if output.every.value <= 0:
        reporter.error(output.every.span, "bad-duration", "a period lasts some time", "write e.g. every 1 h")
        return None
    mistakes = reporter.report.mistakes
    per = [_field(reporter, path, keys, emissions) for path in output.per]
    for number, name in enumerate(per):
        if name is not None and name in per[:number]:
            reporter.error(output.per[number].span, "duplicate-name", f"`{name}` is there twice", "leave one out")
    if reporter.report.mistakes > mistakes:
        return None
    return CheckedOutput(mode, output.every.value, tuple(n for n in per if n is not None), output.span)


def _field(
    reporter: Reporter,
    path: ast.Path,
    keys: Mapping[str, tuple[int, CheckedKey] | None],
    emissions: Sequence[Emission],
) -> str | None:
    """The name of what periods are told apart by."""
    if path.names is None:
        reporter.not_yet(path.span, "an element of a list or map in `per`")
        return None
    name = ".".join(path.names)
    known = [{f.name: f.value for f in e.fields} for e in emissions]
    lacking = [e.type for e, fields in zip(emissions, known, strict=True) if name not in fields and not e.open]
    if name not in keys and lacking:
        common = [n for n in dict.fromkeys(n for fields in known for n in fields) if all(n in f for f in known)]
        has = "has" if len(set(lacking)) == 1 else "have"
        reporter.error(
            path.span,
            "per-missing",
            f"{listed(list(dict.fromkeys(lacking)))} {has} no field `{name}`, and `per` needs it in every event",
            did_you_mean(name, [*keys, *common], f"emit it: {{ {name} = … }}, or leave out `per`"),
        )
        return None
    for fields in known:
        value = fields.get(name)
        if value is not None and value.type.kind in ("record", "list", "map"):
            reporter.error(
                path.span, "per-missing", f"`{name}` is {value.type}, which cannot tell periods apart",
                f"name one of its fields, e.g. {name}.id" if value.type.kind == "record" else "emit one element of it",
            )  # fmt: skip
            return None
    return name
