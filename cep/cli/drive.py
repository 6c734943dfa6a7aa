"""Drive: sources through an engine, block by block, until they end or somebody stops it.

Sources are read in step: the next block comes from the lane that has got least far in event time, so that what waits
in the engine for the others is about a block of each. A stream that ends is reported to the engine at once, and holds
nobody back any more.

A lane is the files that share a stream, read one after the other, as if they were one file; each stream is in one lane.
Invariant: rows of a stream are numbered through all its files.
Cost: O(log lanes) a block, besides the engine's.
Tested by: tests/cli/test_drive.py
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cep.cli.ends import Stop
    from cep.cli.progress import Progress
    from cep.io.convert import Decoded
    from cep.io.source import Block
    from cep.model.decided import Decided

SHOWN_REASONS = 3
_NOWHERE = -(2**63)

End = Literal["open", "final"]
"""What the end of the input means: leave open what is undecided, or let time run out."""


class Fed(Protocol):
    """What is driven: an engine."""

    def feed(self, stream: str, decoded: Decoded) -> Decided:
        """Take a block's events in; give what they decide."""

    def end(self, stream: str) -> Decided:
        """Take note that a stream has ended; give what that decides."""

    def close(self, end: End) -> Decided:
        """Take note that everything has ended; give what that decides."""


class Opened(Protocol):
    """What is read: an open file."""

    def __iter__(self) -> Iterator[Block]:
        """The blocks, in the file's order."""

    @property
    def progress(self) -> float | None:
        """How much is read, 0 to 1; None when nobody knows."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(slots=True)
class Tally:
    """What a drive has seen so far, for the progress line and for what the engine does not count.

    ``reasons`` are the first of each stream's rejected rows; ``other`` counts rows of a file with a type column by
    that column, where it names no stream that the rules read.
    """

    events: int = 0
    matches: int = 0
    reasons: dict[str, list[str]] = field(default_factory=dict)
    other: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Lane:
    """Files that share a stream, in the order given, and how far in event time they are read."""

    streams: tuple[str, ...]
    files: list[Opened]

    def __iter__(self) -> Iterator[Block]:
        rows: Counter[str] = Counter()
        rejects: Counter[str] = Counter()
        for number, file in enumerate(self.files):
            done, refused = Counter(rows), Counter(rejects)
            for block in file:
                for stream, decoded in block.streams.items():
                    rows[stream] += decoded.rows
                    rejects[stream] += len(decoded.rejected) if decoded.rejected is not None else 0
                if number:
                    shifted = {s: _renumber(d, done[s], refused[s]) for s, d in block.streams.items()}
                    block = replace(block, streams=shifted)
                yield block


def lanes_of(sources: Sequence[tuple[tuple[str, ...], Opened]]) -> list[Lane]:
    """The open files (each with its streams) as lanes."""
    lanes: list[Lane] = []
    for streams, file in sources:
        shared = [lane for lane in lanes if set(lane.streams) & set(streams)]
        lanes = [lane for lane in lanes if lane not in shared]
        names = dict.fromkeys(name for some in (*(lane.streams for lane in shared), streams) for name in some)
        lanes.append(Lane(tuple(names), [*(each for lane in shared for each in lane.files), file]))
    return lanes


def in_step(lanes: Sequence[Lane], tally: Tally) -> Iterator[tuple[str, Decoded | None]]:
    """The blocks of all lanes, the least far first, stream by stream; None for a stream that has ended."""
    blocks = [iter(lane) for lane in lanes]
    queue = [(_NOWHERE, number) for number in range(len(lanes))]
    while queue:
        reached, number = heapq.heappop(queue)
        block = next(blocks[number], None)
        if block is None:
            for stream in lanes[number].streams:
                yield stream, None
            continue
        tally.other.update(block.other)
        for stream, decoded in block.streams.items():
            if len(decoded.batch):
                reached = max(reached, int(decoded.batch.ts.max()))
            yield stream, decoded
        heapq.heappush(queue, (reached, number))


def drive(
    engine: Fed,
    sources: Sequence[tuple[tuple[str, ...], Opened]],
    write: Callable[[Decided], None],
    stop: Stop,
    progress: Progress,
    tally: Tally,
    end: End,
) -> None:
    """Feed everything, write everything that is decided, close the engine as ``end`` says.

    A signal is taken between blocks; while a source waits for input, at once.
    """
    for stream, decoded in in_step(lanes_of(sources), tally):
        with stop.held():
            out = engine.end(stream) if decoded is None else engine.feed(stream, decoded)
            tally.matches += out.events
            write(out)
        if decoded is not None:
            tally.events += len(decoded.batch)
            _note_reasons(stream, decoded, tally)
        progress.show(tally.events, tally.matches, _part(sources))
    with stop.held():
        out = engine.close(end)
        tally.matches += out.events
        write(out)


def _part(sources: Sequence[tuple[tuple[str, ...], Opened]]) -> float | None:
    parts = [file.progress for _, file in sources]
    known = [part for part in parts if part is not None]
    return sum(known) / len(known) if known and len(known) == len(parts) else None


def _note_reasons(stream: str, decoded: Decoded, tally: Tally) -> None:
    rejected = decoded.rejected
    shown = tally.reasons.setdefault(stream, [])
    if rejected is None or len(shown) >= SHOWN_REASONS:
        return
    rows, columns = rejected["row"].to_list(), rejected["column"].to_list()
    for row, column, reason in zip(rows, columns, rejected["reason"].to_list(), strict=True):
        named = f"{column}: " if column is not None and not reason.startswith(column) else ""
        shown.append(f"row {row:,}: {named}{reason}")
    del shown[SHOWN_REASONS:]


def _renumber(decoded: Decoded, rows: int, rejects: int) -> Decoded:
    """The same events and rejects, numbered on from earlier files of their stream."""
    batch, rejected = decoded.batch, decoded.rejected
    batch = replace(batch, seq=batch.seq + rows)
    if rejected is not None:
        row = replace(rejected["row"], values=rejected["row"].values + rows)
        rejected = replace(rejected, seq=rejected.seq + rejects, columns={**rejected.columns, "row": row})
    return replace(decoded, batch=batch, rejected=rejected)
