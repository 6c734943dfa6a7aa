"""Lists as bytes and back."""

import decimal
from random import Random

import numpy as np
import pytest

from cep.io.columns import cells_of_objects
from cep.model.batch import Column, Text
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, TIME, list_of
from cep.model.types import decimal as decimal_type
from cep.runtime.packing import packed, unpacked
from cep.runtime.strings import Strings

ITEMS = (INT, FLOAT, BOOL, STRING, decimal_type(2), list_of(STRING.as_optional()), list_of(list_of(INT.as_optional())))


def column(values, item):
    kind = list_of(item).as_optional()
    cells = cells_of_objects(values, kind)
    assert not cells.bad
    return Column(kind, cells.values, cells.valid, None, cells.lists)


def value(rng, item):
    if item.optional and rng.random() < 0.3:
        return None
    match item.kind:
        case "int":
            return rng.choice([0, 1, -1, 2**63 - 1, -(2**63)])
        case "float":
            return rng.choice([0.5, -0.0, 1e300])
        case "bool":
            return rng.random() < 0.5
        case "string":
            return rng.choice(["", "a", "é", "x" * 300, "\0"])
        case "decimal":
            return decimal.Decimal(rng.randint(-1000, 1000)).scaleb(-2)
    return [value(rng, item.items[0]) for _ in range(rng.randint(0, 3))]


@pytest.mark.parametrize("item", [i.as_optional(o) for i in ITEMS for o in (False, True)], ids=str)
def test_lists_are_unpacked_as_they_were(item):
    rng = Random(str(item))
    values = [[value(rng, item) for _ in range(rng.choice([0, 1, 2, 5]))] for _ in range(60)]
    lists = column(values, item).lists
    back = unpacked(packed(lists), item)
    codes = np.arange(len(values), dtype=np.int32)
    assert repr(Column(list_of(item), codes, None, None, back).to_list()) == repr(values)


def test_equal_lists_have_equal_bytes_whatever_stands_under_a_null():
    item = INT.as_optional()
    one = Column(item, np.array([1, 7]), np.array([True, False]))
    two = Column(item, np.array([1, 8]), np.array([True, False]))
    made = [packed(type(column([[1]], INT).lists)(np.array([0, 2]), c)).data.tobytes() for c in (one, two)]
    assert made[0] == made[1]


def test_a_store_keeps_equal_lists_once_and_frees_them():
    strings = Strings(["a constant"])
    lists = column([["a", "b"], [], ["a", "b"]], STRING).lists
    codes = strings.intern(packed(lists), np.arange(3))
    assert codes[0] == codes[2] != codes[1]
    strings.collect([codes[1:2]])
    vector = strings.text(codes[1:2])
    assert Column(list_of(STRING), vector.codes, None, None, unpacked(vector.text, STRING)).to_list() == [[]]


@pytest.mark.parametrize("item", [INT, STRING, TIME, DURATION, list_of(STRING)], ids=str)
def test_bytes_that_are_no_list_unpack_to_something_lawful(item):
    rng = Random(3)
    others = [packed(column([[value(rng, i) for _ in range(4)] for _ in range(9)], i).lists) for i in ITEMS]
    texts = [bytes(rng.randint(0, 255) for _ in range(rng.choice([0, 3, 8, 9, 30, 200]))) for _ in range(200)]
    texts += [t.data[a:b].tobytes() for t in others for a, b in zip(t.offsets, t.offsets[1:], strict=False)]
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(t) for t in texts], out=offsets[1:])
    lists = unpacked(Text(offsets, np.frombuffer(bytearray(b"".join(texts)), np.uint8)), item)
    assert len(lists) == len(texts)
    assert int(lists.offsets[-1]) <= len(lists.items)
