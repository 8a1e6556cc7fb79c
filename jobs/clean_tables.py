"""The three Delta tables of a source, as the pipeline file makes them: schemas, properties, creation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from headrace.errors import ContractError
from headrace.pipeline import Source
from headrace.pipeline.column_types import SQL_TYPES
from headrace.tables import CREATED_AT, GENERATION, OFFSET, PARTITION, TOPIC_ID, SourceTables

from .admission import LATE
from .decode import UNKNOWN_FIELDS
from .treatment import PLAN

POSITION_COLUMNS = {TOPIC_ID: "string", GENERATION: "int", PARTITION: "int", OFFSET: "bigint"}
WINNER_COLUMNS = {
    "winner_topic_id": "string",
    "winner_generation": "int",
    "winner_partition": "int",
    "winner_offset": "bigint",
}
PAYLOAD_HASH = "_payload_hash"

# The first attempt at a record, and what came of it. Later attempts are made by a replay.
FIRST_ATTEMPT, REJECTED = 1, "rejected"

# Manifests pin versions of these tables for a year; the stock 30-day log would break them.
PROPERTIES = {
    "delta.appendOnly": "true",
    "delta.logRetentionDuration": "interval 365 days",
    "delta.deletedFileRetentionDuration": "interval 30 days",
    "delta.enableDeletionVectors": "false",
}


def clean_columns(source: Source) -> dict[str, str]:
    """The clean table: name to Spark SQL type. Event id, clocks and position come first, so that files keep their
    statistics.
    """
    columns = {name: SQL_TYPES[kind] for name, kind in source.clean_columns().items()}
    return {
        **{name: columns[name] for name in source.event_id},
        "event_at": "timestamp",
        "arrived_at": "timestamp",
        **POSITION_COLUMNS,
        CREATED_AT: "timestamp",
        **{name: kind for name, kind in columns.items() if name not in source.event_id},
        LATE: "boolean",
        UNKNOWN_FIELDS: "array<string>",
        PLAN: "int",
        PAYLOAD_HASH: "bigint",
    }


def quarantine_columns() -> dict[str, str]:
    """The quarantine table: one row an attempt at a rejected record, with the bytes as they came."""
    return {
        **POSITION_COLUMNS,
        CREATED_AT: "timestamp",
        "attempt": "int",
        "outcome": "string",
        "reason": "string",
        "detail": "string",
        "event_at": "timestamp",
        "arrived_at": "timestamp",
        "landed_at": "timestamp",
        "key": "binary",
        "value": "binary",
        "headers": "array<struct<key:string,value:binary>>",
    }


def duplicates_columns() -> dict[str, str]:
    """The duplicates table: one row a dropped copy. `same_bytes` is false for a conflict: same id, other bytes."""
    return {
        **POSITION_COLUMNS,
        CREATED_AT: "timestamp",
        **WINNER_COLUMNS,
        "same_bytes": "boolean",
        "arrived_at": "timestamp",
    }


def ensure_tables(spark: SparkSession, tables: SourceTables, source: Source) -> bool:
    """Creates the three tables where they are missing; says whether all of them were, so that they are empty.

    Raises:
        ContractError: a table is there with other columns than the pipeline file makes.
    """
    again = "clean again from raw"
    columns = {
        tables.quarantine: quarantine_columns(),
        tables.duplicates: duplicates_columns(),
        tables.clean: clean_columns(source),
    }
    made = [ensure_table(spark, path, of_table, again) for path, of_table in columns.items()]
    return all(made)


def ensure_table(
    spark: SparkSession,
    path: Path | str,
    columns: Mapping[str, str],
    again: str,
    properties: Mapping[str, str] = PROPERTIES,
) -> bool:
    """Creates a table of `columns` (name to Spark SQL type), append-only by default, where it is missing; says whether
    it was.

    Raises:
        ContractError: it is there with other columns; `again` says how it is made anew.
    """
    schema = cast("StructType", StructType.fromDDL(", ".join(f"`{name}` {kind}" for name, kind in columns.items())))
    if not DeltaTable.isDeltaTable(spark, str(path)):
        builder = DeltaTable.createIfNotExists(spark).location(str(path)).addColumns(schema)
        for key, value in properties.items():
            builder = builder.property(key, value)
        builder.execute()
        return True
    found = {field.name: field.dataType.simpleString() for field in spark.read.format("delta").load(str(path)).schema}
    expected = {field.name: field.dataType.simpleString() for field in schema}
    if found != expected:
        differing = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise ContractError(
            f"table {path} is not what the pipeline file makes: differing columns {', '.join(differing)}. "
            f"Somebody altered it by hand, or an older version wrote it: move the folder away and {again}"
        )
    return False
