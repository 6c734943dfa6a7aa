"""What an executor keeps ready for one stream: the screens of all rules that read it, and their ways.

Tested by: tests/runtime/test_single.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.compiler.screen import BatchScreen, Part, compile_batch_screen, compile_screen
from cep.runtime.gathering import Lay
from cep.runtime.operators.direct import DirectOperator
from cep.runtime.operators.filter import FilterOperator
from cep.runtime.takers import RowTaker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.model.batch import EventBatch
    from cep.model.later import Ahead
    from cep.model.schema import Schema
    from cep.model.types import Type
    from cep.runtime.clock import StreamClock
    from cep.runtime.executor import RunningOperator


class SingleEvents:
    """The ways of single events: ``readers`` are the operators, what the screen says of them, what takes a row at once.

    ``is_prompt``: an event is decided when it arrives. ``last`` is the number of the last one, -1 when all know of it.
    """

    __slots__ = ("clock", "is_prompt", "last", "readers", "schema", "screen", "stream", "time")

    def __init__(
        self,
        stream: str,
        schema: Schema,
        clock: StreamClock,
        readers: Sequence[RunningOperator],
        places: Mapping[str, tuple[int, Type]],
        alone: bool,
    ) -> None:
        assert schema.time is not None
        self.stream, self.schema, self.clock = stream, schema, clock
        self.time, _ = places[schema.time]
        self.is_prompt = alone and clock.is_prompt
        self.last = -1
        optional = frozenset(name for name, (_, kind) in places.items() if kind.optional) - {schema.time}
        where = {name: place for name, (place, _) in places.items()}
        self.screen, parts = compile_screen([running.asks(stream) for running in readers], where, optional)
        self.readers: list[tuple[RunningOperator, Part, int, RowTaker | None]] = []
        for running, part in zip(readers, parts, strict=True):
            taker = None
            if self.is_prompt and not part.is_vague and isinstance(running, DirectOperator):
                taker = running.row_taker(stream, places, schema.time)
            self.readers.append((running, part, part.wanted, taker))


FEW = 2
"""So many readers of a stream are asked one by one what they want of a batch."""


class ScreenedReaders:
    """The operators that read a stream, with what `screen` says of a batch when it may hold something for them.

    ``last`` is the number of the last event that not all have been shown, -1 when all know of it. Where batches need
    not wait, they may be shown to what a reader has for them, once ``lay`` has seen them.
    """

    __slots__ = ("last", "lay", "readers", "screen", "stream")

    def __init__(
        self, schema: Schema, stream: str, readers: Sequence[RunningOperator], *, is_prompt: bool, ahead: Ahead
    ) -> None:
        self.screen: BatchScreen | None = None
        wanted = [1] * len(readers)
        if len(readers) > FEW:
            places = {a.name: place for place, a in enumerate(schema.attributes)}
            optional = frozenset(a.name for a in schema.attributes if a.type.optional)
            self.screen, parts = compile_batch_screen([running.asks(stream) for running in readers], places, optional)
            wanted = [part.wanted for part in parts]
        lay = Lay(ahead)
        takers = [
            running.batch_taker(stream, lay)
            if is_prompt and isinstance(running, DirectOperator | FilterOperator)
            else None
            for running in readers
        ]
        self.lay = lay if any(takers) else None
        self.readers = list(zip(readers, wanted, takers, strict=True))
        self.stream, self.last = stream, -1

    def lies(self, batch: EventBatch) -> bool:
        """Whether a batch may be shown to takers."""
        return self.lay is not None and self.lay.show(batch)
