"""What can be wrong with a record before its columns are looked at, by the format of its source."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from headrace.pipeline import Source

from .avro_records import BODY_KIND, BODY_READ, SCHEMA_FAULT, SCHEMA_ID
from .decode import DOCUMENT, MAX_DOCUMENT_BYTES, MAX_KIND_CHARACTERS, document_kind, is_object

Checks = dict[str, tuple[Column, Column]]


def document_checks(source: Source) -> Checks:
    """Each reason's condition, true where the record fails it, and what to say then. A row of a reference table is no
    document.
    """
    if source.topic is None:
        return {}
    too_long = F.length("__value") > MAX_DOCUMENT_BYTES
    checks = {
        "tombstone": (F.col("__value").isNull(), F.lit("the value is null")),
        "too_large": (too_long, F.concat(F.length("__value"), F.lit(f" bytes, at most {MAX_DOCUMENT_BYTES}"))),
    }
    return checks | (_avro() if source.format == "avro" else _json())


def found_kind(kind: Column, declared: str) -> Column:
    """What was declared, and the kind that was sent, cut."""
    return F.concat(F.lit(f"declared {declared}, found "), F.substring(kind, 1, MAX_KIND_CHARACTERS))


def _json() -> Checks:
    return {
        "invalid_utf8": (F.col("__text").isNull(), F.lit("the value is not UTF-8")),
        "invalid_json": (F.col(DOCUMENT).isNull(), F.lit("the value is not exactly one JSON document")),
        "not_an_object": (~is_object(), found_kind(document_kind(), "an object")),
    }


def _avro() -> Checks:
    begins = F.expr("concat(length(__value), ' bytes, the first of them ', hex(substring(__value, 1, 5)))")
    schema = F.concat(F.lit("schema "), F.col(SCHEMA_ID).cast("string"))
    return {
        "invalid_frame": (F.col(SCHEMA_ID).isNull(), F.concat(F.lit("no byte 0 with a schema id: "), begins)),
        "unknown_schema": (F.col(SCHEMA_FAULT).isNotNull(), F.concat(schema, F.lit(": "), F.col(SCHEMA_FAULT))),
        "invalid_avro": (~F.col(BODY_READ), F.concat(F.lit("the body is not exactly one value of "), schema)),
        "not_an_object": (F.col(BODY_KIND) != "RECORD", found_kind(F.col(BODY_KIND), "an object")),
    }
