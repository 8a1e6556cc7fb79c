"""Writers and readers of different schemas: each difference is read by a rule or rejected for a reason, never a silent
null.
"""

from __future__ import annotations

import json

import pytest
from pyspark.sql import SparkSession
from support.raw_lake import Record, append_raw
from support.shop import ORDERS, orders

from headrace.jobs.admission import REASON
from headrace.jobs.cleaning import judge_records
from headrace.plans import bind

SENT = {"id": "a", "at": "2013-01-01T10:15:00Z", "shop": "north", "amount": 5.0, "pieces": 2, "gift": False}

# What the writer changed: members that it adds, replaces or (None in a list) leaves out; the reason, or what is read.
CHANGES = {
    "adds a field": ({"colour": "red"}, {"_unknown_fields": ["colour"], "pieces": 2}),
    "adds a nested field": ({"colour": {"rgb": [255, 0, 0]}}, {"_unknown_fields": ["colour"]}),
    "leaves an optional field out": ({"pieces": ...}, {"pieces": None, "_unknown_fields": None}),
    "sends an optional field as null": ({"pieces": None}, {"pieces": None}),
    "leaves a required field out": ({"at": ...}, "missing_field"),
    "sends a required field as null": ({"at": None}, "missing_field"),
    "renames an optional field": ({"pieces": ..., "count": 2}, {"pieces": None, "_unknown_fields": ["count"]}),
    "renames a required field": ({"id": ..., "order": "a"}, "missing_field"),
    "writes a name in capitals": ({"ID": "a", "id": ...}, "missing_field"),
    "widens a long to a double that is whole": ({"pieces": 2.0}, {"pieces": 2}),
    "widens a long to a double": ({"pieces": 2.5}, "wrong_type"),
    "narrows a double to a long": ({"amount": 5}, {"amount": 5.0}),
    "sends a long as text": ({"pieces": "2"}, "wrong_type"),
    "sends a double as text": ({"amount": "5.0"}, "wrong_type"),
    "sends a text as a number": ({"shop": 1}, "wrong_type"),
    "sends a long that does not fit": ({"pieces": 2**63}, "wrong_type"),
    "sends a double that is no number": ({"amount": float("nan")}, "invalid_json"),
    "sends a boolean as a number": ({"gift": 1}, "wrong_type"),
    "sends an instant as a number": ({"at": 1_357_035_300_000}, "wrong_type"),
    "sends an instant as a date": ({"at": "2013-01-01"}, "wrong_type"),
    "sends an instant in the year 10000": ({"at": "10000-01-01T00:00:00Z"}, "wrong_type"),
    "nests a value": ({"amount": {"value": 5.0, "currency": "EUR"}}, "wrong_type"),
    "makes a list of a value": ({"amount": [5.0]}, "wrong_type"),
    "writes Avro in the frame of a schema registry": (b"\0\0\0\0\1\2a", "invalid_json"),
}


def sent(changes: dict[str, object] | bytes) -> bytes:
    if isinstance(changes, bytes):
        return changes
    return json.dumps({name: value for name, value in (SENT | changes).items() if value is not ...}).encode()


@pytest.fixture(scope="module")
def read(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory):
    """What the shop reads of each, by what the writer changed."""
    records = [Record(sent(changes), offset) for offset, (changes, _) in enumerate(CHANGES.values())]
    path = append_raw(tmp_path_factory.mktemp("lake"), "orders", records)
    raw = spark.read.format("delta").load(str(path))
    rows = judge_records(raw, orders(), bind(orders())).orderBy("_offset").collect()
    return dict(zip(CHANGES, rows, strict=True))


@pytest.mark.parametrize("change", CHANGES)
def test_a_writer_that_changes_its_schema_is_read_by_rule_or_rejected_with_a_reason(read, change):
    expected = CHANGES[change][1]
    if isinstance(expected, str):
        assert read[change][REASON] == expected
    else:
        assert read[change][REASON] is None
        assert {name: read[change][name] for name in expected} == expected


def test_a_reader_that_wants_every_field_declared_rejects_what_it_does_not_know(spark: SparkSession, tmp_path):
    path = append_raw(tmp_path, "orders", [Record(sent({"pieces": ..., "count": 2}), 0), Record(sent({}), 1)])
    source = orders(unknown_fields="quarantine", columns=ORDERS["columns"])
    raw = spark.read.format("delta").load(str(path))
    rows = judge_records(raw, source, bind(source)).orderBy("_offset").collect()
    assert [row[REASON] for row in rows] == ["unknown_field", None]
