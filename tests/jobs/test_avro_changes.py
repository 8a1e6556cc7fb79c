"""Writers of Avro and readers of different schemas: each difference is read by a rule or rejected for a reason, never a
silent null.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession
from support.avro_orders import AT_MS, MILLIS, avro_orders, decimal, encoded, framed, judge, logical, record
from support.registry_server import Registry, registry_server

from headrace.jobs.admission import DETAIL, REASON

AT = datetime(2013, 1, 1, 10, 15, tzinfo=UTC)

PRICE = record("Price", value="double", currency="string")
TREE = record("Tree", left=["null", "Tree"])

# What the shop's order is sent as: type and value of each field.
SENT: dict[str, tuple[Any, Any]] = {
    "id": ("string", "a"),
    "at": (MILLIS, AT_MS),
    "shop": (["null", "string"], "north"),
    "amount": (["null", "double"], 5.0),
    "pieces": (["null", "long"], 2),
    "gift": (["null", "boolean"], False),
}

# What the writer changed: fields that it adds, replaces or (...) leaves out; and what is read, or the reason with a
# part of the detail.
CHANGES: dict[str, tuple[Mapping[str, Any], Any]] = {
    "changes nothing": ({}, {"id": "a", "at": AT, "shop": "north", "amount": 5.0, "pieces": 2, "gift": False}),
    "adds an optional field": (
        {"colour": (["null", "string"], "red")},
        {"_unknown_fields": ["colour"], "pieces": 2, "gift": False},
    ),
    "adds a nested field": ({"colour": (PRICE, {"value": 1, "currency": "x"})}, {"_unknown_fields": ["colour"]}),
    "adds a field that holds itself": ({"tree": (TREE, {"left": {"left": None}})}, {"_unknown_fields": ["tree"]}),
    "adds fields in front": ({"a": ("int", 1)}, {"_unknown_fields": ["a"], "id": "a"}),
    "leaves an optional field out": ({"pieces": ...}, {"pieces": None, "_unknown_fields": None}),
    "sends an optional field as null": ({"pieces": (["null", "long"], None)}, {"pieces": None}),
    "has null for a type": ({"pieces": ("null", None)}, {"pieces": None}),
    "leaves a required field out": ({"at": ...}, ("missing_field", "column 'at' is required")),
    "sends a required field as null": ({"at": (["null", MILLIS], None)}, ("missing_field", "column 'at'")),
    "renames an optional field": ({"pieces": ..., "count": ("int", 2)}, {"pieces": None, "_unknown_fields": ["count"]}),
    "renames a required field": ({"id": ..., "order": ("string", "a")}, ("missing_field", "column 'id'")),
    "writes a name in capitals": ({"id": ..., "ID": ("string", "a")}, ("missing_field", "column 'id'")),
    "sends a long as an int": ({"pieces": ("int", -(2**31))}, {"pieces": -(2**31)}),
    "sends a long that is the greatest": ({"pieces": ("long", 2**63 - 1)}, {"pieces": 2**63 - 1}),
    "widens a long to a double that is whole": ({"pieces": ("double", 2.0)}, ("wrong_type", "long, found DOUBLE")),
    "widens a long to a float": ({"pieces": ("float", 2.5)}, ("wrong_type", "declared long, found FLOAT")),
    "sends a long as a whole decimal": ({"pieces": (decimal(19, 0), Decimal(2))}, {"pieces": 2}),
    "sends a long as a decimal that is too great": (
        {"pieces": (decimal(20, 0), Decimal(10**19))},
        ("wrong_type", "declared long, found DECIMAL(20,0)"),
    ),
    "sends a long as a decimal with more digits than it says": (
        {"pieces": (decimal(4, 0), (2**64 + 5).to_bytes(9, "big"))},
        ("wrong_type", "declared long, found DECIMAL(4,0)"),
    ),
    "sends a long as a broken decimal": ({"pieces": (decimal(9, 2), Decimal("2.00"))}, ("wrong_type", "DECIMAL(9,2)")),
    "sends a long as a time of day": ({"pieces": (logical("long", "time-micros"), 2)}, ("wrong_type", "TIME-MICROS")),
    "sends a long with a logical type of its own": ({"pieces": (logical("long", "dozens"), 2)}, {"pieces": 2}),
    "narrows a double to an int": ({"amount": ("int", 5)}, {"amount": 5.0}),
    "narrows a double to a long": ({"amount": ("long", 5)}, {"amount": 5.0}),
    "narrows a double to a float": ({"amount": ("float", 2.5)}, {"amount": 2.5}),
    "sends a double as a decimal": ({"amount": (decimal(9, 2), Decimal("5.01"))}, {"amount": 5.01}),
    "sends a double as a decimal of few fixed bytes": (
        {"amount": ({**decimal(5, 1), "type": "fixed", "name": "D", "size": 3}, Decimal("12.5"))},
        {"amount": 12.5},
    ),
    "sends a double as a decimal that is too long": (
        {"amount": (decimal(50, 2), b"\5")},
        ("wrong_type", "decimal of 50 digits"),
    ),
    "sends a double that is no number": ({"amount": ("double", float("nan"))}, ("wrong_type", "double, found NaN")),
    "sends a double without an end": ({"amount": ("float", float("-inf"))}, ("wrong_type", "found infinity")),
    "sends a double out of range": ({"amount": ("long", -1)}, ("out_of_range", "column 'amount': found -1.0")),
    "sends a long as text": ({"pieces": ("string", "2")}, ("wrong_type", "declared long, found STRING")),
    "sends a double as text": ({"amount": ("string", "5.0")}, ("wrong_type", "declared double, found STRING")),
    "sends a text as a number": ({"shop": ("int", 1)}, ("wrong_type", "declared string, found INT")),
    "sends a text as an enum": (
        {"shop": ({"type": "enum", "name": "Shop", "symbols": ["south", "north"]}, "north")},
        {"shop": "north"},
    ),
    "sends a text outside of the declared ones": ({"shop": ("string", "west")}, ("not_allowed", "column 'shop'")),
    "sends a text as bytes": ({"shop": ("bytes", b"north")}, ("wrong_type", "declared string, found BYTES")),
    "sends a text as fixed bytes": (
        {"shop": ({"type": "fixed", "name": "Shop", "size": 5}, b"north")},
        ("wrong_type", "declared string, found FIXED"),
    ),
    "sends a boolean as a number": ({"gift": ("int", 1)}, ("wrong_type", "declared boolean, found INT")),
    "sends an instant in microseconds": (
        {"at": (logical("long", "timestamp-micros"), AT_MS * 1000 + 7)},
        {"at": AT.replace(microsecond=7)},
    ),
    "sends an instant in nanoseconds": (
        {"at": (logical("long", "timestamp-nanos"), AT_MS * 10**6 + 7999)},
        {"at": AT.replace(microsecond=7)},
    ),
    "sends an instant before 1970 in nanoseconds": (
        {"at": (logical("long", "timestamp-nanos"), -1)},
        {"at": datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)},
    ),
    "sends an instant without a zone": ({"at": (logical("long", "local-timestamp-millis"), AT_MS)}, {"at": AT}),
    "sends an instant as text": ({"at": ("string", "2013-01-01T15:45:00+05:30")}, {"at": AT}),
    "sends an instant as another text": ({"at": ("string", "today")}, ("wrong_type", "timestamp, found STRING")),
    "sends an instant as a number": ({"at": ("long", AT_MS)}, ("wrong_type", "declared timestamp, found LONG")),
    "sends an instant as a date": ({"at": (logical("int", "date"), 15_706)}, ("wrong_type", "timestamp, found DATE")),
    "sends an instant in the year 10000": ({"at": (MILLIS, 253_402_300_800_000)}, ("wrong_type", "TIMESTAMP-MILLIS")),
    "sends an instant beyond all years": ({"at": (MILLIS, 2**63 - 1)}, ("wrong_type", "column 'at'")),
    "sends an instant before all years": (
        {"at": (logical("long", "timestamp-nanos"), -(2**63))},
        ("wrong_type", "column 'at'"),
    ),
    "adds a date": ({"day": (logical("int", "date"), 15_706)}, {"day": date(2013, 1, 1)}),
    "adds a date as text": ({"day": ("string", "2013-01-01")}, {"day": date(2013, 1, 1)}),
    "adds a date as an instant": ({"day": (MILLIS, AT_MS)}, ("wrong_type", "declared date, found TIMESTAMP-MILLIS")),
    "adds a date beyond all years": ({"day": (logical("int", "date"), 2**31 - 1)}, ("wrong_type", "found DATE")),
    "nests a value": ({"amount": (PRICE, {"value": 5, "currency": "€"})}, ("wrong_type", "double, found RECORD")),
    "nests a value that may be absent": ({"amount": (["null", PRICE], None)}, {"amount": None}),
    "nests a value in itself": (
        {"amount": (["null", "Order"], None)},
        ("wrong_type", "declared double, found RECORD"),
    ),
    "makes a list of a value": ({"amount": ({"type": "array", "items": "double"}, [5])}, ("wrong_type", "found ARRAY")),
    "makes a map of a value": ({"amount": ({"type": "map", "values": PRICE}, {})}, ("wrong_type", "found MAP")),
    "leaves the type open, and sends a legal one": (
        {"pieces": (["string", "null", "long"], 2)},
        {"pieces": 2},
    ),
    "leaves the type open, and sends another": (
        {"pieces": (["string", "null", "double", "long"], "2")},
        ("wrong_type", "declared long, found STRING"),
    ),
    "leaves the type open, and sends nothing": ({"pieces": (["string", "null", "long"], None)}, {"pieces": None}),
    "leaves the width open": ({"pieces": (["int", "long"], 2**40)}, {"pieces": 2**40}),
    "sends the same type twice": (
        {"shop": ({"type": "enum", "name": "S", "symbols": ["north"]}, "north"), "other": ("S", "north")},
        {"shop": "north", "_unknown_fields": ["other"]},
    ),
}


def change_of(registry: Registry, changes: Mapping[str, Any]) -> bytes:
    """The record of a writer that made these changes, whose schema is registered."""
    front = {name: field for name, field in changes.items() if name == "a"}
    fields = {name: field for name, field in (front | SENT | changes).items() if field is not ...}
    schema = record("Order", **{name: kind for name, (kind, _) in fields.items()})
    number = registry.register("orders-value", schema)
    return framed(number, encoded(schema, {name: value for name, (_, value) in fields.items()}))


@pytest.fixture(scope="module")
def read(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory):
    """What the shop reads of each, by what the writer changed; of all in one run."""
    with registry_server() as registry:
        values = [change_of(registry, changes) for changes, _ in CHANGES.values()]
        rows = judge(spark, tmp_path_factory.mktemp("lake"), registry, avro_orders(), values)
    return dict(zip(CHANGES, rows, strict=True))


@pytest.mark.parametrize("change", CHANGES)
def test_a_writer_that_changes_its_schema_is_read_by_rule_or_rejected_with_a_reason(read, change):
    row, expected = read[change], CHANGES[change][1]
    if isinstance(expected, tuple):
        reason, detail = expected
        assert row[REASON] == reason
        assert detail in row[DETAIL]
    else:
        assert (row[REASON], row[DETAIL]) == (None, None)
        found = {name: in_utc(value) for name, value in row.asDict().items()}
        assert {name: found[name] for name in expected} == expected


def in_utc(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
