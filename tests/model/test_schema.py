"""Schemas: attributes by name and in order."""

from __future__ import annotations

from cep.model.schema import Attribute, Schema, late_schema, rejected_schema
from cep.model.types import FLOAT, INT, Type

SCHEMA = Schema(
    "Bus",
    (
        Attribute("at", Type("time", unit="ms"), "at"),
        Attribute("where_at", Type("record", optional=True, name="Place"), "where_at"),
        Attribute("where_at.lat", FLOAT.as_optional(), "where_at.lat", with_record=True),
        Attribute("line", INT, "Line No"),
    ),
    time="at",
)


def test_attributes_keep_their_order():
    assert SCHEMA.names == ("at", "where_at", "where_at.lat", "line")


def test_an_attribute_is_found_by_its_dotted_name():
    assert SCHEMA.by_name["where_at.lat"].with_record
    assert SCHEMA.by_name["line"].column == "Line No"


def test_late_events_have_the_attributes_of_their_stream():
    assert late_schema(SCHEMA).name == "Late.Bus"
    assert late_schema(SCHEMA).attributes == SCHEMA.attributes


def test_rejects_tell_row_column_reason_and_value():
    assert [str(a.type) for a in rejected_schema("Bus").attributes] == ["int", "string?", "string", "string?"]
