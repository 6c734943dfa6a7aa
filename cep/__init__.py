"""cep: complex event processing. Rules in readable files, compiled to finite-state matchers, run over event streams.

>>> import cep
>>> rules = cep.loads('''
... stream Pay ordered by at { at: time, card: string, amount: int }
... rule CardTesting keyed by card
... when Pay as small where amount < 5 then Pay as big where amount > 40 * small.amount
... within 10 min
... emit Alert { card, taken = big.amount }
... ''')
>>> table = {"at": ["2025-01-01T10:00", "2025-01-01T10:09"], "card": ["c1", "c1"], "amount": [1, 500]}
>>> cep.run(rules, {"Pay": table})["Alert"].to_dicts()
[{'card': 'c1', 'taken': 500}]

Everything is imported when it is first used, so that ``import cep`` costs nothing.
Tested by: tests/test_api.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cep.app.engine import Engine
    from cep.app.rules import Rules, load, loads
    from cep.app.run import Result, run
    from cep.app.stats import RuleStats, Stats, StreamStats
    from cep.app.summary import Summary
    from cep.model.batch import EventBatch
    from cep.model.errors import CepError, InputError, OutputError, RuleError, SnapshotError, UsageError

__version__ = "0.1.0"

__all__ = [
    "CepError",
    "Engine",
    "EventBatch",
    "InputError",
    "OutputError",
    "Result",
    "RuleError",
    "RuleStats",
    "Rules",
    "SnapshotError",
    "Stats",
    "StreamStats",
    "Summary",
    "UsageError",
    "__version__",
    "load",
    "loads",
    "run",
]

_HOMES = {
    "CepError": "cep.model.errors",
    "Engine": "cep.app.engine",
    "EventBatch": "cep.model.batch",
    "InputError": "cep.model.errors",
    "OutputError": "cep.model.errors",
    "Result": "cep.app.run",
    "RuleError": "cep.model.errors",
    "RuleStats": "cep.app.stats",
    "Rules": "cep.app.rules",
    "Stats": "cep.app.stats",
    "StreamStats": "cep.app.stats",
    "SnapshotError": "cep.model.errors",
    "Summary": "cep.app.summary",
    "UsageError": "cep.model.errors",
    "load": "cep.app.rules",
    "loads": "cep.app.rules",
    "run": "cep.app.run",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        msg = f"module 'cep' has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
