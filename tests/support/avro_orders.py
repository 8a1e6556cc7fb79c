"""Orders of the shop in Avro: schemas, bytes, frames, and how a source judges them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro

from headrace.pipeline import Source
from headrace.plans import bind
from headrace.schema_registry import SchemaRegistry
from headrace.settings import load_settings

from .raw_lake import Record, append_raw
from .registry_server import Registry
from .shop import ORDERS, orders

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

AT_MS = 1_357_035_300_000  # 2013-01-01T10:15:00Z


def logical(kind: str, name: str, **more: object) -> dict[str, object]:
    """A logical type, with the type beneath."""
    return {"type": kind, "logicalType": name, **more}


def record(name: str, **fields: object) -> dict[str, Any]:
    """The schema of a record."""
    return {"type": "record", "name": name, "fields": [{"name": n, "type": kind} for n, kind in fields.items()]}


def decimal(precision: int, scale: int) -> dict[str, object]:
    """Decimal numbers of so many digits, so many of them behind the point."""
    return logical("bytes", "decimal", precision=precision, scale=scale)


MILLIS = logical("long", "timestamp-millis")
SMALL = record("Small", id="string", at=MILLIS, pieces=["null", "long"], amount=["null", "double"])


def avro_orders(**changes: object) -> Source:
    """The shop's source, which reads Avro, with a date beside its columns."""
    columns = ORDERS["columns"] | {"day": {"type": "date"}}
    return orders(**{"format": "avro", "columns": columns} | changes)


def encoded(schema: object, value: object) -> bytes:
    """A value as its schema writes it, by another implementation of Avro than Spark's."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)
    return stream.getvalue()


def framed(schema_id: int, body: bytes) -> bytes:
    """A body as a record has it, behind the id of its schema."""
    return struct.pack(">bI", 0, schema_id) + body


def registry_of(registry: Registry, lake: Path) -> SchemaRegistry:
    """The client of a lake whose settings name `registry`."""
    environment = {"HEADRACE_SCHEMA_REGISTRY": registry.url}
    found = SchemaRegistry.of(load_settings({"lake": lake}, environment=environment, folder=lake))
    assert found is not None
    return found


def judge(
    spark: SparkSession, lake: Path, registry: Registry, source: Source, values: Sequence[bytes | None]
) -> list[Row]:
    """Lets `values` land in a lake, and judges them by the schemas of the registry; in their order."""
    from headrace.jobs.cleaning import judge_records
    from headrace.jobs.writer_schemas import WriterSchemas

    path = append_raw(lake, "orders", [Record(value, offset) for offset, value in enumerate(values)])
    raw = spark.read.format("delta").load(str(path))
    writers = WriterSchemas(source, registry_of(registry, lake)).of(raw)
    rows = judge_records(raw, source, bind(source), writers).orderBy("_offset").collect()
    assert [row["_offset"] for row in rows] == list(range(len(values)))
    return rows
