"""A lake with one source whose clean table tests write row by row, as cleaning would, and groups built from it.

Timestamps are whole microseconds on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from pyspark.sql import SparkSession

from headrace.features.group_rows import ARROW_TYPES
from headrace.features.spec import GroupSpec, group_spec
from headrace.jobs.feature_table import Built, FeatureBuilder
from headrace.pipeline import Pipeline
from headrace.tables import GroupTables, SourceTables, group_tables, source_tables

from .feature_oracle import Event

VALUES = {"x": "double", "n": "long", "flag": "boolean", "text": "string", "seen": "timestamp", "day": "date"}
KEYS = {"name": "string", "branch": "long"}
SOURCE: dict[str, Any] = {
    "topic": "events",
    "event_id": ["id"],
    "event_at": "at",
    "columns": {
        "id": {"type": "string", "required": True},
        "at": {"type": "timestamp", "required": True},
        **{name: {"type": kind} for name, kind in (KEYS | VALUES).items()},
    },
}
SYSTEM = {
    "event_at": ARROW_TYPES["timestamp"],
    "arrived_at": ARROW_TYPES["timestamp"],
    "_topic_id": pa.string(),
    "_generation": pa.int32(),
    "_partition": pa.int32(),
    "_offset": pa.int64(),
    "_created_at": ARROW_TYPES["timestamp"],
    "_late": pa.bool_(),
    "_unknown_fields": pa.list_(pa.string()),
    "_plan": pa.int32(),
    "_payload_hash": pa.int64(),
}

Key = tuple[str | None, int | None]


class EventLake:
    """The pipeline `log`: source `events`, entity `thing` with the keys `name` and `branch`, and the groups given."""

    def __init__(self, folder: Path, **groups: Mapping[str, Any]) -> None:
        said = {"entity": "thing", "source": "events"}
        self.folder, self.declared = folder, {
            "pipeline": "log",
            "sources": {"events": SOURCE},
            "entities": {"thing": {"keys": list(KEYS)}},
            "features": {name: said | dict(group) for name, group in groups.items()},
        }  # fmt: skip
        self.pipeline = Pipeline(**self.declared)
        self.created_us = 1_700_000_000_000_000

    def write_file(self) -> Path:
        """The pipeline as a file (JSON is YAML)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "log.yaml"
        file.write_text(json.dumps(self.declared))
        return file

    @property
    def source(self) -> SourceTables:
        return source_tables(self.folder, "log", "events", self.pipeline.definition("events"))

    def spec(self, group: str) -> GroupSpec:
        return group_spec(self.pipeline, group)

    def tables(self, group: str) -> GroupTables:
        return group_tables(self.folder, "log", group, self.spec(group).definition)

    def clean(self, events: Iterable[tuple[Key, Event]]) -> None:
        """Appends events to the clean table, in one commit; the later the commit, the later they were computed."""
        self.created_us += 1_000
        rows = [_row(key, event, self.created_us) for key, event in events]
        schema = {name: ARROW_TYPES[column["type"]] for name, column in SOURCE["columns"].items()} | SYSTEM
        columns = {name: _column([row[name] for row in rows], kind) for name, kind in schema.items()}
        write_deltalake(self.source.clean, pa.table(columns), mode="append")

    def builder(self, spark: SparkSession, on_step: Callable[[str], None] = lambda step: None) -> FeatureBuilder:
        """A builder as a fresh process would make it."""
        return FeatureBuilder(spark, application=f"test/{uuid4()}", lock_wait_s=1.0, on_step=on_step)

    def build(self, spark: SparkSession, group: str, until_us: int) -> Built:
        """One build by a builder of its own."""
        return self.builder(spark).build(self.spec(group), self.tables(group), self.source, until_us)

    def rows(self, group: str) -> list[dict[str, Any]]:
        """Every row of the group's table, in order of computation."""
        return sorted(read_rows_us(self.tables(group).features), key=lambda row: row["_created_at"])

    def newest(self, group: str) -> dict[Key, dict[int, dict[str, Any]]]:
        """The rows that hold, by key and event_at: of each instant the one computed last."""
        found: dict[Key, dict[int, dict[str, Any]]] = {}
        for row in self.rows(group):
            found.setdefault((row["name"], row["branch"]), {})[row["event_at"]] = row
        return found


def in_session(spark: SparkSession, configuration: Mapping[str, str]) -> SparkSession:
    """A session of its own beside `spark`, with this configuration."""
    session = spark.newSession()
    for key, value in configuration.items():
        session.conf.set(key, value)
    return session


def read_rows_us(path: Path) -> list[dict[str, Any]]:
    """The rows of a table, timestamps as microseconds since 1970 and dates as days."""
    found = pa.table(QueryBuilder().register("t", DeltaTable(path)).execute("select * from t").read_all())
    columns = [_numbers(found.column(name)).to_pylist() for name in found.column_names]
    return [dict(zip(found.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    return column.cast(pa.int32()) if pa.types.is_date32(column.type) else column


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, pa.int32()).cast(kind) if pa.types.is_date32(kind) else pa.array(values, kind)


def _row(key: Key, event: Event, created_us: int) -> dict[str, Any]:
    generation, partition, offset = event.place
    return {
        "id": "/".join(map(str, (*key, *event.place))),
        "at": event.at_us,
        "name": key[0],
        "branch": key[1],
        **{name: event.values.get(name) for name in VALUES},
        "event_at": event.at_us,
        "arrived_at": event.arrived_us,
        "_topic_id": f"topic-{generation}",
        "_generation": generation,
        "_partition": partition,
        "_offset": offset,
        "_created_at": created_us,
        "_late": False,
        "_unknown_fields": None,
        "_plan": None,
        "_payload_hash": 0,
    }
