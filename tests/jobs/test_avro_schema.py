"""Schemas of writers as Spark is told them: nothing of a value is lost, and nothing is read that nobody declared."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.avro_schemas import written_records

from headrace.jobs.avro_schema import AvroWriter, avro_writer
from headrace.schema_registry import Reference, RegisteredSchema, UnusableSchema


def writer(schema: object, *declared: str, references: tuple[object, ...] = (), kind: str = "AVRO") -> AvroWriter:
    texts = tuple(Reference("", json.dumps(one)) for one in references)
    return avro_writer(RegisteredSchema(7, kind, json.dumps(schema), texts), declared)


def record(*fields: object, name: str = "Order", **more: object) -> dict[str, Any]:
    named = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(fields)]
    return {"type": "record", "name": name, "fields": named, **more}


def written(schema: object, value: object) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)
    return stream.getvalue()


def read(found: AvroWriter, body: bytes) -> Any:
    """What another implementation of Avro reads, by the texts that are made for Spark."""
    texts = [fastavro.parse_schema(json.loads(text)) for text in (found.writer, found.reader)]
    stream = io.BytesIO(body + b"the mark")
    value = fastavro.schemaless_reader(stream, *texts)
    assert value["end"] == b"the mark"
    assert stream.read() == b""
    return value["body"]


@given(drawn=written_records(), dropped=st.integers(0, 5))
def test_every_value_is_read_by_the_schema_that_was_written_anew(drawn, dropped):
    schema, value = drawn
    names = [field["name"] for field in schema["fields"]]
    declared = {name for name in names if not mentions_record(schema, name)} - {f"f{dropped}"}
    found = writer(schema, *declared)
    always_null = {name for name, kinds in found.columns.items() if not kinds}
    assert read(found, written(schema, value)) == {name: value[name] for name in sorted(declared - always_null)}
    assert {value[name] for name in always_null} <= {None}
    assert found.columns.keys() == declared
    assert found.unknown_fields == tuple(sorted(set(names) - declared))


def mentions_record(schema: dict[str, Any], name: str) -> bool:
    (kind,) = [field["type"] for field in schema["fields"] if field["name"] == name]
    return '"record"' in json.dumps(kind)


def test_of_records_inside_a_record_nothing_is_read_but_that_they_are_there():
    inner = record("string", name="Inner")
    schema = record(inner, ["null", "Inner"], {"type": "array", "items": "Inner"}, {"type": "map", "values": "Inner"})
    one = {"f0": "x"}
    body = written(schema, {"f0": one, "f1": None, "f2": [one, one], "f3": {"k": one}})
    assert read(writer(schema, "f0", "f1", "f2", "f3"), body) == {"f0": {}, "f1": None, "f2": [{}, {}], "f3": {"k": {}}}
    assert writer(schema, "f0", "f1", "f2", "f3").columns == {
        "f0": ("RECORD",),
        "f1": ("RECORD",),
        "f2": ("ARRAY",),
        "f3": ("MAP",),
    }


def test_a_record_that_holds_itself_is_read_and_the_field_that_does_so_is_not():
    schema = record("long", ["null", "Order"], {"type": "array", "items": "Order"}, name="Order")
    value = {"f0": 1, "f1": {"f0": 2, "f1": None, "f2": []}, "f2": []}
    found = writer(schema, "f0", "f1", "f2")
    assert found.columns == {"f0": ("LONG",), "f1": None, "f2": None}
    assert read(found, written(schema, value)) == {"f0": 1}


def test_what_a_schema_refers_to_is_put_into_it_by_the_names_that_hold_there():
    code = {"type": "enum", "name": "Code", "namespace": "shop.places", "symbols": ["N", "S"]}
    place = record("Code", name="shop.places.Place")
    schema = record("shop.places.Place", "places.Code", "shop.places.Code", namespace="shop")
    with pytest.raises(UnusableSchema, match=r"nothing defines 'places\.Code'"):
        writer(schema, "f0", references=(code, place))
    schema["fields"][1]["type"] = "shop.places.Code"
    found = writer(schema, "f0", "f1", references=(code, place))
    order = {"f0": {"f0": "S"}, "f1": "N", "f2": "S"}
    whole = fastavro.parse_schema([code, place, schema])
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, whole, ("shop.Order", order))
    assert read(found, stream.getvalue()[1:]) == {"f0": {}, "f1": "N"}
    assert found.columns == {"f0": ("RECORD",), "f1": ("ENUM",)}


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        ("null", ()),
        (["null"], ()),
        ("int", ("INT",)),
        (["null", "long"], ("LONG",)),
        (["int", "null", "long"], ("LONG",)),
        (["double", "float"], ("DOUBLE",)),
        (["long", {"type": "int", "logicalType": "date"}], ("UNION",)),
        (["string", "null", "double"], ("STRING", "DOUBLE")),
        (["int", "long", "string"], ("INT", "LONG", "STRING")),
        ({"type": "int", "logicalType": "date"}, ("DATE",)),
        ({"type": "int", "logicalType": "time-millis"}, ("TIME-MILLIS",)),
        ({"type": "long", "logicalType": "timestamp-micros"}, ("TIMESTAMP-MICROS",)),
        ({"type": "long", "logicalType": "local-timestamp-nanos"}, ("LOCAL-TIMESTAMP-NANOS",)),
        ({"type": "int", "logicalType": "timestamp-micros"}, ("INT",)),
        ({"type": "string", "logicalType": "uuid"}, ("STRING",)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, ("DECIMAL(9,2)",)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 60}, ("decimal of 60 digits",)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}, ("BYTES",)),
        ({"type": "bytes", "logicalType": "decimal"}, ("BYTES",)),
        ({"type": "fixed", "name": "D", "size": 4, "logicalType": "decimal", "precision": 9}, ("DECIMAL(9,0)",)),
        ({"type": "fixed", "name": "D", "size": 4, "logicalType": "decimal", "precision": 10}, ("FIXED",)),
        ({"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}, ("DURATION",)),
        ({"type": "error", "name": "Oops", "fields": []}, ("RECORD",)),
    ],
)
def test_a_column_has_the_kinds_that_the_writer_can_send_it_as(kind, kinds):
    assert writer(record(kind), "f0").columns == {"f0": kinds}


@pytest.mark.parametrize(
    ("schema", "kind"),
    [("string", "STRING"), (["null", record()], "UNION"), ({"type": "array", "items": "int"}, "ARRAY")],
)
def test_a_value_that_is_no_record_has_no_columns(schema, kind):
    found = writer(schema, "f0")
    assert (found.kind, found.columns, found.unknown_fields) == (kind, {}, ())


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("nobody", "nothing defines 'nobody'"),
        (7, "no Avro schema"),
        ({}, "no Avro schema"),
        ({"type": "array"}, "no Avro schema"),
        ({"type": "record", "name": "R", "fields": [{"name": "f"}]}, "no Avro schema"),
        (record(record(name="Order")), "'Order' is defined twice"),
    ],
)
def test_what_is_no_schema_is_said_to_be_none(schema, message):
    with pytest.raises(UnusableSchema, match=message):
        writer(schema, "f0")


def test_text_that_is_no_json_and_schemas_of_other_formats_are_said_to_be_none():
    for text in ("{", "", "[" * 100_000):
        with pytest.raises(UnusableSchema, match="no Avro schema"):
            avro_writer(RegisteredSchema(7, "AVRO", text), ["f0"])
    with pytest.raises(UnusableSchema, match="it is PROTOBUF, not AVRO"):
        writer("string", kind="PROTOBUF")
