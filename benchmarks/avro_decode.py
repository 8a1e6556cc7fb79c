"""Decoding Avro strictly, with a kind beside each value and a reason for each record that is none, against `from_avro`
alone, which says nothing of a damaged body, reads on over the end of a value, and has one schema for all.

Both read the same raw rows, in which two writers alternate. Every run of one is followed by one of the other, and the
values of all columns are compared before a line is printed.
"""

from __future__ import annotations

import io
import json
import struct
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from delta_append import open_spark
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import from_avro
from spent import cpu_of

from headrace.jobs.avro_records import read_avro
from headrace.jobs.avro_schema import Writers, avro_writer
from headrace.jobs.decode import parse_document, read_columns
from headrace.pipeline import Pipeline, Source
from headrace.schema_registry import RegisteredSchema

EVENTS = 300_000
ROUNDS = 5
FIRST_AT_MS = 1_357_035_300_000
VERSIONS = {name: version(name) for name in ("pyspark", "fastavro")}

TYPES = {
    "id": "string",
    "at": {"type": "long", "logicalType": "timestamp-millis"},
    "shop": ["null", "string"],
    "amount": ["null", "double"],
    "pieces": ["null", "long"],
    "gift": ["null", "boolean"],
}
DECLARED = {
    "id": "string",
    "at": "timestamp",
    "shop": "string",
    "amount": "double",
    "pieces": "long",
    "gift": "boolean",
}


def schema(**more: object) -> dict[str, Any]:
    """That of a writer, whose fields are those that are declared, and more."""
    fields = [{"name": name, "type": kind} for name, kind in (TYPES | more).items()]
    return {"type": "record", "name": "Order", "fields": fields}


WRITERS = {1: schema(), 2: schema(colour=["null", "string"], weight="int")}


def order(number: int) -> dict[str, Any]:
    """An event, the same for both writers."""
    return {
        "id": f"order-{number}",
        "at": FIRST_AT_MS + number,
        "shop": "north" if number % 3 else None,
        "amount": number % 10_000 / 4,
        "pieces": number % 7 or None,
        "gift": number % 5 == 0,
        "colour": "red",
        "weight": number % 100,
    }


def framed() -> Iterator[bytes]:
    """The values of the topic in Avro."""
    parsed = {number: fastavro.parse_schema(one) for number, one in WRITERS.items()}
    for number in range(EVENTS):
        schema_id = 1 + number % 2
        stream = io.BytesIO()
        stream.write(struct.pack(">bI", 0, schema_id))
        fastavro.schemaless_writer(stream, parsed[schema_id], order(number))
        yield stream.getvalue()


def documents() -> Iterator[bytes]:
    """The same events in JSON."""
    for number in range(EVENTS):
        event = {name: value for name, value in order(number).items() if number % 2 or name in TYPES}
        at_ms = event["at"]
        seconds = at_ms // 1000 - 1_357_035_300
        clock = f"{10 + (15 * 60 + seconds) // 3600:02}:{(15 + seconds // 60) % 60:02}:{seconds % 60:02}"
        yield json.dumps(event | {"at": f"2013-01-01T{clock}.{at_ms % 1000:03}Z"}).encode()


def strict(raw: DataFrame, source: Source) -> DataFrame:
    """Ours: the columns of the records that are whole."""
    texts = {number: RegisteredSchema(number, "AVRO", json.dumps(one)) for number, one in WRITERS.items()}
    writers = Writers({number: avro_writer(text, source.columns) for number, text in texts.items()})
    read = read_avro(raw, source, writers)
    kept = [f"if(__body_read and __kind_{name} is not null, {name}, null) as {name}" for name in DECLARED]
    return read.selectExpr(*kept)


def plain(raw: DataFrame, source: Source) -> DataFrame:
    """The baseline: `from_avro` by the schema of each writer."""
    options = {"mode": "PERMISSIVE"}
    bodies = [
        F.when(
            F.expr(f"substring(__value, 1, 5) = X'00{number:08X}'"),
            from_avro(F.expr("substring(__value, 6)"), json.dumps(one), options),
        ).alias(f"read_{number}")
        for number, one in WRITERS.items()
    ]
    read = raw.select(*bodies)
    return read.select(*[F.coalesce(f"read_1.{name}", f"read_2.{name}").alias(name) for name in DECLARED])


def from_json(raw: DataFrame, source: Source) -> DataFrame:
    """Ours, of the same events in JSON."""
    return read_columns(parse_document(raw), source).select(*DECLARED)


def sums(rows: DataFrame) -> Any:
    """The number of rows, of values, and the sum of the hashes of all columns."""
    counts = [F.count(name) for name in DECLARED]
    return rows.agg(F.count("*"), *counts, F.sum(F.xxhash64(*DECLARED).cast("decimal(38, 0)"))).first()


def cpu_s(rows: DataFrame, jvm: int) -> float:
    """What it takes the JVM to compute all rows."""
    before = cpu_of(jvm)
    rows.write.format("noop").mode("overwrite").save()
    return cpu_of(jvm) - before


def store(folder: Path, name: str, values: Iterator[bytes]) -> str:
    """Writes values as rows with a `__value`; gives the file."""
    path = folder / f"{name}.parquet"
    pq.write_table(pa.table({"__value": pa.array(values, pa.binary())}), path)
    return str(path)


def compare(spark: SparkSession, files: dict[str, str], source: Source) -> None:
    """Prints the line of each baseline."""
    jvm = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
    frames = {name: spark.read.parquet(path) for name, path in files.items()}
    ours = strict(frames["avro"], source)
    baselines: dict[str, tuple[str, Callable[[DataFrame, Source], DataFrame]]] = {
        "plain_from_avro": ("avro", plain),
        "the_same_events_in_json": ("json", from_json),
    }
    for name, (kind, read) in baselines.items():
        theirs = read(frames[kind], source)
        if (found := sums(ours)) != (expected := sums(theirs)) or found[0] != EVENTS:
            raise SystemExit(f"ours reads {found}, and {name} reads {expected}")
        pairs = [(cpu_s(ours, jvm), cpu_s(theirs, jvm)) for _ in range(ROUNDS)]
        best = [EVENTS / min(seconds) for seconds in zip(*pairs, strict=True)]
        line = {
            "name": f"avro_decode.{name}",
            "ours": round(best[0]),
            "baseline": round(best[1]),
            "ratio": round(best[0] / best[1], 2),
            "unit": "events per CPU-second",
            "n": ROUNDS,
            "versions": VERSIONS,
        }
        print(json.dumps(line), flush=True)


def main() -> None:
    columns = {name: {"type": kind} for name, kind in DECLARED.items()}
    declared = {"topic": "orders", "format": "avro", "event_id": ["id"], "event_at": "at", "columns": columns}
    source = Pipeline(pipeline="shop", sources={"orders": declared}).sources["orders"]
    with tempfile.TemporaryDirectory() as folder:
        files = {"avro": store(Path(folder), "avro", framed()), "json": store(Path(folder), "json", documents())}
        spark = open_spark()
        compare(spark, files, source)
        spark.stop()


if __name__ == "__main__":
    main()
