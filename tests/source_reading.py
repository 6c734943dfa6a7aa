"""What the tests of sources share: a schema, and a file read to plain lists."""

from __future__ import annotations

from cep.io.source import open_source
from cep.model.schema import Attribute, Schema
from cep.model.types import BOOL, FLOAT, INT, STRING, Type, decimal


def schema_of(name="Pay", time="at", **kinds):
    return Schema(name, tuple(Attribute(n, k, n) for n, k in kinds.items()), time)


PAY = schema_of(
    at=Type("time"),
    card=STRING.as_optional(),
    amount=decimal(2),
    n=INT.as_optional(),
    x=FLOAT.as_optional(),
    ok=BOOL.as_optional(),
)


def read(path, schemas=PAY, **options):
    """Stream → (events with their row, rejects), and the rows of no stream."""
    schemas = [schemas] if isinstance(schemas, Schema) else schemas
    out = {s.name: ([], []) for s in schemas}
    other: dict[str, int] = {}
    for block in open_source(str(path), schemas, **options):
        for name, decoded in block.streams.items():
            assert len(decoded.batch) + (0 if decoded.rejected is None else len(decoded.rejected)) == decoded.rows
            events, rejects = out[name]
            rows = zip(decoded.batch.seq.tolist(), decoded.batch.to_dicts(), strict=True)
            events += [{"row": row, **event} for row, event in rows]
            if decoded.rejected is not None:
                assert decoded.rejected.seq.tolist() == list(range(len(rejects), len(rejects) + len(decoded.rejected)))
                rejects += [tuple(r.values()) for r in decoded.rejected.to_dicts()]
        for kind, count in block.other.items():
            other[kind] = other.get(kind, 0) + count
    for events, rejects in out.values():
        numbers = sorted([e["row"] for e in events] + [r[0] for r in rejects])
        assert numbers == list(range(len(numbers))), "every row is an event or a reject"
    return out, other


def read_one(path, schema=PAY, **options):
    """Events and rejects of a file of one stream."""
    out, other = read(path, schema, **options)
    assert not other
    return out[schema.name]
