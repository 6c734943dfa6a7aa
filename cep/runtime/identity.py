"""Identities of derived events: 128 bits from the rule and the events that made it, the same in every run.

Tested by: tests/runtime/test_identity.py
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.runs import hash_lineage
from cep.model.batch import Provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.batch import AnyArray, Column, Int64Array, UInt64Array


@cache
def name_hash(name: str) -> int:
    """A 63-bit hash of a name that is the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") >> 1


def provenance(
    rule: str,
    seeds: UInt64Array,
    keys: tuple[Column, ...],
    lineage: tuple[Int64Array, Sequence[str], AnyArray, Int64Array],
) -> Provenance:
    """The provenance of one rule's events; ``lineage`` is (offsets, stream names, stream of each, number of each)."""
    offsets, streams, stream, number = lineage
    n = offsets.size - 1
    hashes = np.array([name_hash(s) for s in streams] or [0], np.int64)[stream]
    ids = np.zeros((n, 2), np.uint64)
    hash_lineage(offsets, hashes, np.ascontiguousarray(number), seeds, ids)
    zeros = np.zeros(n, np.int32)
    places = np.arange(n) if keys else np.zeros(n, np.int64)
    return Provenance((rule,), zeros, (keys,), places, ids, offsets, tuple(streams), stream.astype(np.int32), number)


def emit_seed(rule: str, emit: int) -> int:
    """What an identity begins with, so that two emits of one match differ."""
    return name_hash(f"{rule}\0{emit}")
