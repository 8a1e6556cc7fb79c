from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.ingestion.raw_columns import RAW_SCHEMA
from headrace.ingestion.raw_table import PROPERTIES
from headrace.ingestion.table_features import TableShape

RAW = TableShape(1, 2, frozenset(), frozenset(PROPERTIES), (), ())


def shape(folder, schema=RAW_SCHEMA, **more):
    DeltaTable.create(str(folder), schema, **more)
    return TableShape.of(DeltaTable(str(folder)))


def test_a_raw_table_has_nothing_that_we_do_not_know(tmp_path):
    found = shape(tmp_path, configuration=PROPERTIES | {"headrace.x": "y"}, raise_if_key_not_exists=False)
    assert found == RAW
    assert found.unknown() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"writer_version": 3}, "writer version 3"),
        ({"reader_version": 2}, "reader version 2"),
        ({"features": {"columnMapping"}}, "the feature columnMapping"),
        ({"features": {"appendOnly", "rowTracking"}}, "the feature rowTracking"),
        ({"features": {"somethingNew"}}, "the feature somethingNew"),
        ({"properties": {"delta.enableInCommitTimestamps"}}, "the property delta.enableInCommitTimestamps"),
        ({"properties": {"delta.constraints.positive"}}, "the property delta.constraints.positive"),
        ({"partition_columns": ("_partition",)}, "the partition column _partition"),
        ({"annotated_columns": ("value",)}, "notes on the column value"),
    ],
)
def test_what_is_not_known_is_named(changes, reason):
    if "features" in changes:
        changes |= {"features": frozenset(changes["features"]), "writer_version": 7, "reader_version": 3}
    changes |= {name: frozenset(changes[name]) for name in ("properties",) if name in changes}
    assert replace(RAW, **changes).unknown() == [reason]


def test_a_table_that_lists_only_what_we_do_is_known():
    assert replace(RAW, writer_version=7, features=frozenset({"appendOnly", "invariants"})).unknown() == []


def test_a_change_feed_is_seen_and_one_that_is_switched_off_is_not(tmp_path):
    on = shape(tmp_path / "on", configuration={"delta.enableChangeDataFeed": "true"})
    assert on.unknown() == ["writer version 4", "the property delta.enableChangeDataFeed"]
    off = shape(tmp_path / "off", configuration={"delta.enableChangeDataFeed": "false"})
    assert "the property delta.enableChangeDataFeed" not in off.unknown()


def test_a_constraint_is_seen(tmp_path):
    DeltaTable.create(str(tmp_path), RAW_SCHEMA)
    DeltaTable(str(tmp_path)).alter.add_constraint({"positive": "_offset >= 0"})
    assert TableShape.of(DeltaTable(str(tmp_path))).unknown() != []


def test_partitions_and_column_notes_are_seen(tmp_path):
    noted = pa.schema([pa.field("a", pa.int64(), metadata={"delta.invariants": "{}"}), pa.field("b", pa.string())])
    found = shape(tmp_path, noted, partition_by=["b"])
    assert found.partition_columns == ("b",)
    assert found.annotated_columns == ("a",)
