"""Settings: what ``NAME=VALUE`` options of a command line say.

Tested by: tests/cli/test_settings.py
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from cep.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_PARAM = re.compile(r"[a-z_][a-z0-9_]*")


def params_of(settings: Iterable[str]) -> dict[str, str]:
    """``param=value`` options as a mapping; values stay text in the rule language, read by the checker."""
    out: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.strip()
        if not equals or not _PARAM.fullmatch(name) or not value.strip():
            msg = (
                f"--set takes param=value, not {setting!r}\n  hint: --set test_amount=5.00, --set first_answer='30 min'"
            )
            raise UsageError(msg)
        if name in out:
            msg = f"--set gives {name} twice"
            raise UsageError(msg)
        out[name] = value.strip()
    return out


def functions_of(modules: Iterable[str] | None) -> set[str] | None:
    """``--functions MODULE`` options: the modules whose functions may run; they may stand in the current folder."""
    names = set(modules or ())
    for name in names:
        if not _MODULE.fullmatch(name):
            msg = f"--functions takes the name of a module, not {name!r}\n  hint: --functions models"
            raise UsageError(msg)
    if names and "" not in sys.path:
        sys.path.insert(0, "")
    return names or None


def columns_of(settings: Iterable[str]) -> dict[str, dict[str, str]]:
    """``Stream.field=column`` options by stream, then by field; a field may be dotted, a column may be anything."""
    out: dict[str, dict[str, str]] = {}
    for setting in settings:
        place, equals, column = setting.partition("=")
        stream, dot, name = place.strip().partition(".")
        if not (equals and dot and stream and name and column):
            msg = f"--map takes Stream.field=column, not {setting!r}\n  hint: --map 'Pay.amount=Amount (EUR)'"
            raise UsageError(msg)
        if name in out.setdefault(stream, {}):
            msg = f"--map gives {place} twice"
            raise UsageError(msg)
        out[stream][name] = column
    return out
