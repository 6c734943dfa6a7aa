"""The form of snapshots, and the tables in them: whole or refused, packed in one form, checked before kernels run."""

from __future__ import annotations

import hashlib
import zlib
from copy import deepcopy
from random import Random

import msgspec
import numpy as np
import pytest
from kernels.check_runs import check_runs

import cep
from cep.kernels.runs import GENERATION, LENGTH, MASK, NODE, PARENT, REGISTERS, ROW, RUNS, STEP, STREAM, RunState
from cep.runtime.snapshot import FORMAT, MAGIC, Section, Stored, read_snapshot, write_snapshot

TREE = {
    "least": -(2**63),
    "most": 2**64 - 1,
    "text": "ü\n",
    "yes": True,
    "nothing": None,
    "ints": np.array([[1, -2], [3, 2**62]]),
    "floats": np.array([0.1, np.inf]),
    "codes": np.array([7], np.int32),
    "ids": np.array([[2**64 - 1, 0]], np.uint64),
    "bytes": np.frombuffer(b"abc", np.uint8),
    "flags": np.array([True, False, True]),
    "empty": np.zeros((0, 5), np.int64),
    "inner": {"many": [{"a": 1}, {"a": np.zeros(2)}]},
}


def stored_of(data):
    return read_snapshot(memoryview(data))


def a_snapshot():
    return write_snapshot({"who": "me"}, [Section("first", {"good": "for"}, TREE), Section("second", {}, {"n": 1})])


def test_what_is_written_is_read():
    about, [(name, validity, state), (_, _, second)] = stored_of(a_snapshot())
    assert (about.text("who"), name, validity.text("good"), second.whole("n")) == ("me", "first", "for", 1)
    assert (state.whole("least"), state.whole("most"), state.text("text")) == (-(2**63), 2**64 - 1, "ü\n")
    assert state.truth("yes")
    assert state.is_nothing("nothing")
    for key, value in TREE.items():
        if isinstance(value, np.ndarray):
            found = state.array(key, value.dtype.type, *value.shape)
            assert found.tolist() == value.tolist()
            assert found.flags.writeable
    assert [each.names for each in state.inner("inner").many("many")] == [("a",), ("a",)]


def test_equal_states_give_equal_bytes():
    assert a_snapshot() == a_snapshot()
    turned = {"ints": np.asfortranarray(TREE["ints"])}
    assert write_snapshot({}, [Section("s", {}, turned)]) == write_snapshot(
        {}, [Section("s", {}, {"ints": TREE["ints"]})]
    )


def test_every_flipped_bit_is_noticed():
    data = a_snapshot()
    for place in range(len(data)):
        for bit in range(8):
            wrong = bytearray(data)
            wrong[place] ^= 1 << bit
            with pytest.raises(cep.SnapshotError) as refused:
                stored_of(bytes(wrong))
            assert refused.value.problem == ("foreign" if place < len(MAGIC) else "damaged")


def test_what_is_cut_off_or_too_long_is_noticed():
    data = a_snapshot()
    for size in range(1, len(data)):
        with pytest.raises(cep.SnapshotError, match="damaged"):
            stored_of(data[:size])
    with pytest.raises(cep.SnapshotError, match="1 bytes follow its end"):
        stored_of(data + b"\0")


@pytest.mark.parametrize("data", [b"", b"{}", b"\x89PNG\r\n\x1a\n" + bytes(100), a_snapshot()[1:]])
def test_what_is_no_snapshot_is_told_apart(data):
    with pytest.raises(cep.SnapshotError, match="no snapshot") as refused:
        stored_of(data)
    assert refused.value.problem == "foreign"


@pytest.mark.parametrize(("form", "age"), [(FORMAT + 1, "a newer"), (FORMAT - 1, "an older")])
def test_another_format_is_refused_by_its_number(form, age):
    head = MAGIC + form.to_bytes(4, "little")
    data = head + zlib.crc32(head).to_bytes(4, "little") + a_snapshot()[16:]
    with pytest.raises(cep.SnapshotError, match=f"format {form}, of {age} cep") as refused:
        stored_of(data)
    assert refused.value.problem == "version"


def test_a_value_of_another_kind_or_beyond_its_bounds_is_damage():
    state = Stored("here", TREE)
    for wrong in (
        lambda: state.whole("text"),
        lambda: state.whole("yes"),
        lambda: state.whole("absent"),
        lambda: state.whole("least", 0),
        lambda: state.text("nothing"),
        lambda: state.array("ints", np.float64, None, 2),
        lambda: state.array("ints", np.int64, None, 3),
        lambda: state.array("ints", np.int64, None),
        lambda: state.numbers("codes", 1),
        lambda: state.many("inner"),
        lambda: state.inner("ints").whole("n"),
    ):
        with pytest.raises(cep.SnapshotError, match="damaged: here"):
            wrong()


def with_section(payload):
    """A snapshot of one section whose bytes are these, its checksum and all."""
    head, size = a_snapshot()[:16], hashlib.blake2b(payload, digest_size=16).digest()
    entry = {"name": "s", "size": len(payload), "digest": size, "validity": {}}
    header = msgspec.msgpack.encode({"about": {}, "sections": [entry]})
    digest = hashlib.blake2b(header, digest_size=16).digest()
    return head + len(header).to_bytes(8, "little") + digest + header + payload


def ext(code, *about):
    return msgspec.msgpack.Ext(code, msgspec.msgpack.encode(about))


@pytest.mark.parametrize(
    "tree",
    [
        {"a": ext(2, "<i8", [0])},
        {"a": ext(1, "<i8")},
        {"a": ext(1, "<i8", [2])},
        {"a": ext(1, "<i8", [-1])},
        {"a": ext(1, "<i8", [0, 2**62, 2**62])},
        {"a": ext(1, "|O", [0])},
        {"a": msgspec.Raw(b"\xc1")},
        {"a": msgspec.Raw(b"\x91" * 100_000)},
        [1],
    ],
)
def test_what_no_snapshot_says_is_damage_whatever_its_checksum(tree):
    packed = msgspec.msgpack.encode(tree)
    with pytest.raises(cep.SnapshotError, match="damaged"):
        stored_of(with_section(len(packed).to_bytes(8, "little") + packed))


def test_lists_that_wait_and_that_rows_keep_are_held():
    rules = cep.loads("""
    stream S ordered by at late 5 s { at: time(s), tags: list<string?>?, ns: list<int> }
    rule F from S emit F { tags, ns }
    rule P when S as a then S as b where b.at > a.at within 1 min emit P { first = a.tags, ns = b.ns }
    """)
    rows = [{"at": n, "tags": [None, ["a", "b", None], ["b"], []][n % 4], "ns": list(range(n % 3))} for n in range(9)]
    engine, alone = cep.Engine(rules), cep.Engine(rules)
    engine.send_batch("S", rows[:6])
    alone.send_batch("S", rows[:6])
    again = cep.Engine.restore(rules, engine.snapshot())
    assert again.snapshot() == alone.snapshot()
    out = [e.send_batch("S", rows[6:]) + e.close() for e in (again, alone)]
    found, wanted = ([row for batch in each for row in batch.to_dicts(meta=True, lineage=True)] for each in out)
    assert found == wanted
    assert len(found) > 9


# ------------------------------------------------------------------------------------------------------------ tables

RULES = """
stream S ordered by at late 5 s { at: time(s), card: string, note: string?, n: int }
rule R keyed by card, n
when S as a where note != "x" then 1 or more S as l where note > a.note then no S where note = a.note for 3 min
within 5 min after match keep all
emit X { card, first = a.note, last = last(l.note), c = count(l) }
rule F from S where n >= 0 emit F { card, note, n }
"""


def rows_of(rng, size, keys=40):
    return [
        {
            "at": 2 * i - rng.choice([0, 3]),
            "card": f"c{rng.randrange(keys)}",
            "note": rng.choice("abcé"),
            "n": i % 3 // 2,
        }
        for i in range(size)
    ]


@pytest.fixture(scope="module")
def rules():
    return cep.loads(RULES)


@pytest.fixture
def engine(rules):
    engine = cep.Engine(rules)
    engine.send_batch("S", rows_of(Random(1), 400))
    return engine


def shard_of(engine):
    [shard] = [s for e in engine._executors for o in e.operators for s in getattr(o, "_shards", ())]
    return shard


def test_what_is_restored_keeps_the_laws_of_the_tables(rules, engine):
    found = shard_of(cep.Engine.restore(rules, engine.snapshot()))
    check_runs(found._state, 2, len(found._program.layout.positions))
    assert found.open_runs == shard_of(engine).open_runs > 50


def test_taking_a_snapshot_changes_nothing(engine):
    shard = shard_of(engine)
    before = [table.tobytes() for table in (*shard._state, *shard._waiting, *shard.strings.store)]
    engine.snapshot()
    assert before == [table.tobytes() for table in (*shard._state, *shard._waiting, *shard.strings.store)]


def test_every_table_of_the_matcher_is_kept_or_made_again(engine):
    """A table that is new must be thought of: here, and in what `STATE_VERSION` counts."""
    made_again = {"rows_f", "runs_f", "table", "counts"}
    assert set(shard_of(engine).state()) >= set(RunState._fields) - made_again


def test_a_burst_that_is_over_leaves_nothing_in_a_snapshot(engine):
    empty = len(engine.snapshot())
    engine.send_batch("S", rows_of(Random(2), 2000, keys=1500))
    engine.advance("1970-01-01T01:00:00Z")
    full = engine.snapshot()
    engine.advance("1970-01-02T00:00:00Z")
    assert len(engine.snapshot()) < empty < len(full)


def changed(engine, change):
    """The engine's snapshot with another state of its shard, whole again."""
    about, sections = read_snapshot(memoryview(engine.snapshot()))
    made = [Section(name, deepcopy(v._values), deepcopy(s._values)) for name, v, s in sections]
    [state] = [s.state for s in made if s.name == "rule R"]
    change(state["operator"]["shards"][0])
    return write_snapshot(deepcopy(about._values), made)


def put(table, row, column, value):
    def change(shard):
        shard[table][row, column] = value

    return change


def cut(table):
    def change(shard):
        shard[table] = shard[table][:-1]

    return change


@pytest.mark.parametrize(
    ("change", "law"),
    [
        (put("rows", 3, STREAM, 1), "a row's stream"),
        (put("rows", 3, 0, 2**61), "rows are out of order"),
        (put("rows", -1, 0, 2**61), "a row's number is yet to come"),
        (put("rows", 3, -1, 10_000), "a string"),
        (put("waiting", 0, STREAM, -1), "the stream of a row"),
        (put("nodes", 3, ROW, -1), "a binding's row"),
        (put("nodes", 3, PARENT, 3), "a binding stands before its parent"),
        (put("runs", 3, NODE, 2**40), "a run's binding"),
        (put("runs", 3, STEP, 2), "a run's step"),
        (put("runs", 3, MASK, 1 << 40), "a run waits for no step"),
        (put("runs", 3, LENGTH, 70), "a run's length"),
        (put("runs", 3, REGISTERS, 2**40), "a run's register"),
        (put("slots", 3, RUNS, 0), "a key's runs"),
        (put("slots", 3, RUNS, 1000), "a key's runs"),
        (put("closers", 3, 1, 4000), "a slot of closers"),
        (put("closers", 3, 2, 0), "a run of closers"),
        (put("closers", 3, 0, 0), "closers are out of order"),
        (put("starts", 3, 1, -1), "a slot of starts"),
        (cut("rows"), "a binding's row"),
        (cut("runs"), "runs are without a key"),
        (cut("slots"), "runs are without a key"),
        (lambda shard: shard.pop("nodes"), "there is no nodes"),
        (lambda shard: shard["strings"].update(data=np.full(3, 255, np.uint8)), "offsets"),
    ],
)
def test_tables_that_break_a_law_are_refused_though_their_checksum_is_right(rules, engine, change, law):
    with pytest.raises(cep.SnapshotError, match=law) as refused:
        cep.Engine.restore(rules, changed(engine, change))
    assert refused.value.problem == "damaged"


def test_whatever_stands_in_a_cell_is_refused_or_harms_nobody(rules, engine):
    rng, refused = Random(3), 0
    more = [row | {"at": row["at"] + 820} for row in rows_of(Random(4), 60)]
    for _ in range(60):
        table = rng.choice(["rows", "runs", "nodes", "slots", "starts", "closers", "waiting"])

        def change(shard, table=table):
            cells = shard[table].reshape(-1)
            place = rng.randrange(cells.size)
            cells[place] = rng.choice([-1, -(2**63), 0, 1, 7, 2**31, 2**62, cells[place] ^ 1, -cells[place]])

        data = changed(engine, change)
        try:
            again = cep.Engine.restore(rules, data)
        except cep.SnapshotError:
            refused += 1
            continue
        again.send_batch("S", more)
        again.snapshot()
    assert 15 < refused < 60


def test_generations_begin_anew(rules, engine):
    assert not shard_of(cep.Engine.restore(rules, engine.snapshot()))._state.runs[:, GENERATION].any()
