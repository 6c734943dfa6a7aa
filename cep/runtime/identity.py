"""Identities of derived events: 128 bits from the rule and the events that made it, the same in every run.

Tested by: tests/runtime/test_identity.py
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.runs import hash_lineage
from cep.model.batch import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable

    from cep.model.batch import AnyArray, Column, Int32Array, Int64Array, UInt64Array


@cache
def name_hash(name: str) -> int:
    """A 63-bit hash of a name that is the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") >> 1


Lineage = tuple["Int64Array", Sequence[str], "AnyArray", "Int64Array"]
"""Offsets, stream names, stream of each contributing event, number of each."""


def provenance(
    rules: Sequence[str],
    which: Int32Array | None,
    seeds: UInt64Array,
    keys: tuple[Column, ...],
    lineage: Lineage,
) -> Provenance:
    """The provenance of the events of some rules, the ``which``-th of these each, or of the only one."""
    offsets, streams, stream, number = lineage
    n = offsets.size - 1
    hashes = np.array([name_hash(s) for s in streams] or [0], np.int64)[stream]
    ids = np.zeros((n, 2), np.uint64)
    hash_lineage(offsets, hashes, np.ascontiguousarray(number), seeds, ids)
    rule = np.zeros(n, np.int32) if which is None else which
    places = np.arange(n) if keys else np.zeros(n, np.int64)
    of_rules, kinds = (keys,) * len(rules), stream.astype(np.int32)
    return Provenance(tuple(rules), rule, of_rules, places, ids, offsets, tuple(streams), kinds, number)


def provenance_later(
    rules: Sequence[str],
    which: Int32Array | None,
    emit: int,
    list_keys: Callable[[], tuple[Column, ...]],
    streams: tuple[str, ...],
    size: int,
    list_lineage: Callable[[], Lineage],
) -> Provenance:
    """The provenance of ``size`` events of an ``emit`` of some rules, as `provenance` has them, made when it is asked
    for; ``list_keys`` and ``list_lineage`` read what nobody writes into.
    """

    def make() -> Provenance:
        seeds = np.array([emit_seed(rule, emit) for rule in rules], np.uint64)
        each = np.repeat(seeds, size) if which is None else seeds[which]
        return provenance(rules, which, each, list_keys(), list_lineage())

    return Provenance.later(tuple(rules), streams, size, make)


def emit_seed(rule: str, emit: int) -> int:
    """What an identity begins with, so that two emits of one match differ."""
    return name_hash(f"{rule}\0{emit}")
