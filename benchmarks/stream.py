"""The stream that all workloads run over: five columns, one event a millisecond, the same for every run.

| column | type | values |
|---|---|---|
| ts | int64 | milliseconds since 1970, one event each, in order |
| key | int32 | uniform, 0 to 999 |
| type | int32 | codes of the ten letters A to J, uniform |
| price | float64 | uniform, 0 to 100, two decimals |
| volume | int32 | uniform, 0 to 999 |

Invariant: the draws and their order are fixed, so that counts can be compared with those of other engines.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

BATCH_ROWS = 65_536
KEYS = 1000
TYPES = "ABCDEFGHIJ"
FIRST_MS = 1_700_000_000_000


class Ticks(NamedTuple):
    """Columns of consecutive events."""

    ts: npt.NDArray[np.int64]
    key: npt.NDArray[np.int32]
    type: npt.NDArray[np.int32]
    price: npt.NDArray[np.float64]
    volume: npt.NDArray[np.int32]

    @property
    def events(self) -> int:
        """How many events there are (``len`` of the tuple is the number of columns)."""
        return self.ts.size


def draw_ticks(events: int, seed: int = 7, keys: int = KEYS) -> Ticks:
    """A stream of ``events`` events; another length is another stream, for one column is drawn after the other."""
    draw = np.random.default_rng(seed)
    key = draw.integers(0, keys, events)
    letter = draw.integers(0, len(TYPES), events)
    price = draw.uniform(0, 100, events).round(2)
    volume = draw.integers(0, 1000, events)
    ts = np.arange(FIRST_MS, FIRST_MS + events, dtype=np.int64)
    return Ticks(ts, key.astype(np.int32), letter.astype(np.int32), price, volume.astype(np.int32))


def cut(ticks: Ticks, rows: int = BATCH_ROWS) -> list[Ticks]:
    """The stream in batches; each a view."""
    return [Ticks(*(c[at : at + rows] for c in ticks)) for at in range(0, ticks.events, rows)]


def to_arrow(batches: Sequence[Ticks]) -> list[pa.RecordBatch]:
    """The same memory as Arrow record batches, ``type`` a dictionary of the ten letters."""
    letters = pa.array(list(TYPES))
    out = []
    for batch in batches:
        columns: dict[str, pa.Array] = {name: pa.array(values) for name, values in batch._asdict().items()}
        columns["type"] = pa.DictionaryArray.from_arrays(columns["type"], letters)
        out.append(pa.record_batch(columns))
    return out
