"""Records and lists of a batch as Python values."""

import numpy as np

import cep
from cep.model.batch import Column
from cep.model.concatenate import concatenate, concatenate_columns, null_column
from cep.model.types import INT, STRING, list_of

TEXT = """
record City { name: string, zip: int? }
record Place { at: time, city: City?, tags: list<string> }
stream Pay ordered by t { t: time, k: string, place: Place?, waits: list<duration>, none: list<list<int?>>? }
rule R from Pay emit R { k, place, waits, none }
"""
ROWS = [
    {
        "t": "2024-01-01",
        "k": "a",
        "place": {"at": "2024-01-02", "city": {"name": "P", "zip": None}, "tags": ["x", "y"]},
        "waits": ["1 min", "2 h"],
        "none": [[1, None], []],
    },
    {
        "t": "2024-01-03",
        "k": "b",
        "place": {"at": "2024-01-02", "city": None, "tags": []},
        "waits": [],
        "none": None,
    },
    {"t": "2024-01-04", "k": "c", "place": None, "waits": ["5 s"], "none": []},
]
SHOWN = [
    {
        "k": "a",
        "place": {"at": "2024-01-02T00:00:00Z", "city": {"name": "P", "zip": None}, "tags": ["x", "y"]},
        "waits": ["1 min", "2 h"],
        "none": [[1, None], []],
    },
    {
        "k": "b",
        "place": {"at": "2024-01-02T00:00:00Z", "city": None, "tags": []},
        "waits": [],
        "none": None,
    },
    {"k": "c", "place": None, "waits": ["5 s"], "none": []},
]


def found():
    return cep.run(cep.loads(TEXT), {"Pay": ROWS})["R"]


def test_records_are_dicts_and_lists_are_lists():
    assert found().to_dicts() == SHOWN


def test_rows_are_taken_and_batches_joined_end_to_end():
    batch = found()
    parts = [batch.take(np.array([2, 0])), batch.take(slice(1, 2)), batch]
    joined = concatenate(batch.schema, parts)
    assert joined.to_dicts() == [SHOWN[2], SHOWN[0], SHOWN[1], *SHOWN]
    apart = [found().take(np.array([n])) for n in (2, 1, 0)]
    assert concatenate(batch.schema, apart).to_dicts() == SHOWN[::-1]


def test_a_batch_that_lacks_a_list_has_nulls_there():
    kind = list_of(STRING).as_optional()
    lists = found()["place.tags"]
    joined = concatenate_columns(kind, [null_column(kind, 2), lists, null_column(kind, 1)])
    assert joined.to_list() == [None, None, ["x", "y"], [], None, None]


def test_only_what_a_list_refers_to_is_joined():
    lists = found()["place.tags"].lists.take(np.array([0, 1]))
    cut = type(lists)(lists.offsets[1:], lists.items)  # the empty list behind two elements that are nobody's
    parts = [Column(list_of(STRING), lists.offsets[:1].astype("i4"), None, None, each) for each in (cut, lists)]
    joined = concatenate_columns(list_of(STRING), parts)
    assert joined.to_list() == [[], ["x", "y"]]


def test_arrow_has_lists_and_dotted_names():
    table = found().to_arrow(meta=False)
    assert table.column_names == [
        "k", "place.at", "place.city.name", "place.city.zip", "place.tags", "waits", "none",
    ]  # fmt: skip
    assert table["none"].to_pylist() == [[[1, None], []], None, []]
    assert table["place.tags"].to_pylist() == [["x", "y"], [], None]
    table.validate(full=True)


def test_lists_of_one_kind_are_of_one_kind_whatever_may_be_null():
    assert list_of(INT).same_kind(list_of(INT.as_optional()))
    assert not list_of(INT).same_kind(list_of(STRING))
    assert list_of(INT).joined(list_of(INT.as_optional())) == list_of(INT.as_optional())
