"""Times as Python text, for both printers of `cep.compiler.emit`, and what the text for columns calls.

Without a time zone all of it is arithmetic of whole numbers; with one it exists for columns alone.
References: the day of the month from a count of days, H. Hinnant, chrono-compatible low-level date algorithms.
Tested by: tests/compiler/test_calendar.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cep.compiler.emit import OVERFLOW, Emitter, Term
from cep.model.time import SECOND
from cep.model.zones import local_seconds, truncate_local

if TYPE_CHECKING:
    from cep.language.typed import Apply

_LEAST = -(2**63)


def time_term(emitter: Emitter, node: Apply) -> Term:
    """The term of ``hour_of day_of weekday_of truncate``."""
    terms = [emitter.term(a) for a in node.args]
    x, null = terms[0]
    if node.op == "truncate":
        return _truncated(emitter, terms)
    if len(terms) > 1:
        seconds = emitter.let(f"local_of({x}, {terms[1].value})")
    else:
        seconds = emitter.let(f"{x} // {SECOND}")
    match node.op:
        case "hour_of":
            return Term(emitter.let(f"{seconds} // 3600 % 24"), null)
        case "weekday_of":  # the first day of 1970 was a Thursday
            return Term(emitter.let(f"({seconds} // 86400 + 3) % 7 + 1"), null)
        case _:
            return Term(_day_of_month(emitter, seconds), null)


def _day_of_month(emitter: Emitter, seconds: str) -> str:
    # years that begin in March, so that a leap day is the last: all months before it have fixed lengths
    in_era = emitter.let(f"({seconds} // 86400 + 719468) % 146097")
    year = emitter.let(f"({in_era} - {in_era} // 1460 + {in_era} // 36524 - {in_era} // 146096) // 365")
    day = emitter.let(f"{in_era} - (365 * {year} + {year} // 4 - {year} // 100)")
    month = emitter.let(f"(5 * {day} + 2) // 153")
    return emitter.let(f"{day} - (153 * {month} + 2) // 5 + 1")


def _truncated(emitter: Emitter, terms: list[Term]) -> Term:
    (x, null), step = terms[0], terms[1].value
    if len(terms) > 2:
        both = emitter.let(f"truncate_of({x}, {step}, {terms[2].value})")
        outside = emitter.let(f"{both}[1]")
        emitter.fault(OVERFLOW, outside, null)
        return Term(emitter.let(f"{both}[0]"), emitter.either(outside, null))
    rest = emitter.let(f"{x} % {step}")
    return emitter.checked(f"{x} - {rest}", f"{x} < {_LEAST} + {rest}", null)


# ------------------------------------------------------------------------------------------------------- columns


def local_of(ts: Any, zone: str) -> Any:
    """Seconds on the local clock."""
    seconds = np.asarray(ts, np.int64) // SECOND
    return local_seconds(seconds.reshape(-1), zone).reshape(seconds.shape)


def truncate_of(ts: Any, step: int, zone: str) -> tuple[Any, Any]:
    """The beginnings of stretches of local time, and where there is none."""
    times = np.asarray(ts, np.int64)
    found, outside = truncate_local(times.reshape(-1), int(step), zone)
    return found.reshape(times.shape), outside.reshape(times.shape)
