"""What many rules of one form find in one batch, made derived events at once.

Rules are *alike* when what they find has the same columns and means the same but for the rule's name: then their
matches are put side by side, sorted once, and cost one batch instead of one a rule.
Invariant: the derived events are those that each rule makes alone, in the order of `cep.runtime.results`.
Cost: O(matches log rules) and a dozen numpy operations for all rules that are alike.
Tested by: tests/runtime/test_gathering.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cep.model.batch import Int64Array
    from cep.runtime.operators.direct import DirectShard
    from cep.runtime.results import Output


class Bundle:
    """Matches of one batch, by form."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[object, list[tuple[DirectShard, Int64Array]]] = {}

    def add(self, shard: DirectShard, found: Int64Array) -> None:
        """Take matches of a shard that has a form."""
        self._found.setdefault(shard.form, []).append((shard, found))

    def __bool__(self) -> bool:
        return bool(self._found)

    def outputs(self) -> list[Output]:
        """The derived events of all; the bundle is empty then."""
        out: list[Output] = []
        for alike in self._found.values():
            shard, found = alike[0]
            if len(alike) > 1 and all(other is shard for other, _ in alike):
                out += shard.harvest_one(np.concatenate([f for _, f in alike], axis=1))
            elif len(alike) > 1:
                sizes = [f.shape[1] for _, f in alike]
                found = np.concatenate([f for _, f in alike], axis=1)
                which = np.repeat(np.arange(len(alike), dtype=np.int32), sizes)
                out += shard.harvest_many(found, [s.rule for s, _ in alike], which)
            else:
                out += shard.harvest_one(found)
        self._found.clear()
        return out
