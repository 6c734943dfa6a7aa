"""Sources are read in step, a stream's files one after the other, and a signal loses nothing."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

import numpy as np
import pytest

from cep.cli.drive import Tally, drive, in_step, lanes_of
from cep.cli.ends import Interrupted, Stop
from cep.cli.progress import Progress
from cep.io.convert import Decoder
from cep.io.source import Block, open_source
from cep.model.decided import Decided, Piece
from cep.model.schema import Attribute, Schema
from cep.model.types import Type


class File:
    """An open file in memory: one block for each list of times; a time of None is a row that is no event."""

    progress = None

    def __init__(self, stream: str, *blocks: list[int | None], other: dict[str, int] | None = None) -> None:
        decoder = Decoder(Schema(stream, (Attribute("at", Type("time", unit="ns"), "at"),), time="at"))
        self.blocks, rows, rejects = [], 0, 0
        for times in blocks:
            decoded = decoder.decode([{"at": at} for at in times], rows, rejects)
            rows += decoded.rows
            rejects += len(decoded.rejected) if decoded.rejected is not None else 0
            self.blocks.append(Block({stream: decoded}, other or {}))

    def __iter__(self):
        return iter(self.blocks)

    def close(self) -> None:
        pass


class Engine:
    """Gives every block back as what it derives, and remembers what it was told."""

    def __init__(self) -> None:
        self.told = []

    def feed(self, stream, decoded):
        self.told.append((stream, decoded.batch.ts.tolist()))
        return Decided([Piece((decoded.batch,))])

    def end(self, stream):
        self.told.append((stream, "ended"))
        return Decided()

    def close(self, end):
        self.told.append(("closed", end))
        return Decided()


def order(*sources):
    return [
        (stream, None if decoded is None else decoded.batch.ts.tolist())
        for stream, decoded in in_step(lanes_of(sources), Tally())
    ]


def test_the_source_that_is_least_far_is_read_next():
    a = File("A", [1, 10], [11, 12], [13, 40])
    b = File("B", [5, 6], [7, 11], [30, 31])
    assert order((("A",), a), (("B",), b)) == [
        ("A", [1, 10]),
        ("B", [5, 6]),
        ("B", [7, 11]),
        ("A", [11, 12]),
        ("B", [30, 31]),
        ("A", [13, 40]),
        ("B", None),
        ("A", None),
    ]


def test_files_of_one_stream_are_read_one_after_the_other_and_numbered_on():
    first, second = File("A", [1, None, 3]), File("A", [2, None], [4])
    blocks = [d for _, d in in_step(lanes_of([(("A",), first), (("A",), second)]), Tally()) if d is not None]
    assert [d.batch.ts.tolist() for d in blocks] == [[1, 3], [2], [4]]
    assert [d.batch.seq.tolist() for d in blocks] == [[0, 2], [3], [5]]
    assert [d.rejected["row"].to_list() for d in blocks if d.rejected is not None] == [[1], [4]]
    assert [d.rejected.seq.tolist() for d in blocks if d.rejected is not None] == [[0], [1]]


def test_a_file_of_several_streams_joins_the_lanes_of_them_all():
    a, b, both = File("A"), File("B"), File("A")
    lanes = lanes_of([(("A",), a), (("B",), b), (("A", "B", "C"), both)])
    assert [(set(lane.streams), lane.files) for lane in lanes] == [({"A", "B", "C"}, [a, b, both])]


def test_everything_is_fed_written_ended_and_closed():
    engine, written, tally = Engine(), [], Tally()
    source = File("A", [1, None, 2], [3], other={"X": 4})
    with Progress() as progress:
        drive(engine, [(("A",), source)], written.append, Stop(), progress, tally, "final")
    assert engine.told == [("A", [1, 2]), ("A", [3]), ("A", "ended"), ("closed", "final")]
    assert np.concatenate([batch.ts for decided in written for batch in decided]).tolist() == [1, 2, 3]
    assert (tally.events, tally.matches, tally.other) == (3, 3, Counter({"X": 8}))
    assert tally.reasons == {"A": ["row 1: at is missing"]}


def test_a_signal_while_a_block_is_in_the_engine_ends_the_drive_after_it():
    class Hit(Engine):
        def feed(self, stream, decoded):
            os.kill(os.getpid(), signal.SIGINT)
            return super().feed(stream, decoded)

    written = []
    with Stop().listening() as stop, Progress() as progress, pytest.raises(Interrupted):
        drive(Hit(), [(("A",), File("A", [1], [2]))], written.append, stop, progress, Tally(), "open")
    assert [batch.ts.tolist() for decided in written for batch in decided] == [[1]]


def test_a_signal_leaves_nothing_of_a_file_that_is_read_ahead(tmp_path):
    class Hit(Engine):
        def feed(self, stream, decoded):
            os.kill(os.getpid(), signal.SIGTERM)
            return super().feed(stream, decoded)

    path = tmp_path / "a.csv"
    path.write_text("at\n" + "".join(f"{n}\n" for n in range(2000)))
    schema = Schema("A", (Attribute("at", Type("time", unit="ns"), "at"),), time="at")
    source, written = open_source(str(path), [schema], block_bytes=100), []
    with Stop().listening() as stop, Progress() as progress, pytest.raises(Interrupted) as caught:
        drive(Hit(), [(("A",), source)], written.append, stop, progress, Tally(), "open")
    assert caught.value.exit_code == 128 + signal.SIGTERM
    assert len(written) == 1
    source.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "cep-read-ahead"]
