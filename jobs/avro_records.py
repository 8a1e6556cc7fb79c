"""Decoding Avro: the bytes of a record by the schema of its writer, against the declared columns.

Each schema is a branch of one expression. A record that its schema cannot read keeps its place and gets a reason. Avro
reads what it needs and no further, so a value is handed over with a mark behind it, made of the whole record: whatever
follows the value, or is lacking of it, displaces the mark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import from_avro

from headrace.pipeline import Source
from headrace.pipeline.column_types import SQL_TYPES

from .avro_schema import BODY, END, AvroWriter, Writers
from .avro_values import sent_kind, sent_value
from .decode import MAX_DOCUMENT_BYTES, UNKNOWN_FIELDS, kind_of
from .schema_frame import body, schema_id

SCHEMA_ID, SCHEMA_FAULT, BODY_READ, BODY_KIND = "__schema_id", "__schema_fault", "__body_read", "__body_kind"

_MARK = "__mark"

# Each schema once, with the ids under which it stands; its place is that of its column of read values.
Groups = list[tuple[AvroWriter, list[int]]]


def read_avro(record: DataFrame, source: Source, writers: Writers) -> DataFrame:
    """Adds the declared columns, typed, with the kind that was sent beside each, as `decode.read_columns` does, to rows
    with a binary `__value`; and what there is to say of the record:

    `__schema_id` is null without a frame; `__schema_fault` says why the schema cannot be used, null where it can;
    `__body_read` whether the body is exactly one value of it, and `__body_kind` what kind of value.
    """
    mark = F.expr("unhex(lpad(hex(xxhash64(__value)), 16, '0'))")
    framed = record.select("*", schema_id("__value").alias(SCHEMA_ID), mark.alias(_MARK))
    groups = _by_schema(writers.readable)
    frames = [_read(writer, ids).alias(_frame_of(at)) for at, (writer, ids) in enumerate(groups)]
    read = framed.select("*", _fault(writers).alias(SCHEMA_FAULT), *frames)
    whole = _chosen(groups, "boolean", lambda at, _: f"{_frame_of(at)}.{END} = {_MARK}")
    return read.select(
        *framed.columns,
        SCHEMA_FAULT,
        F.coalesce(whole, F.lit(False)).alias(BODY_READ),
        _chosen(groups, "string", lambda _, writer: f"'{writer.kind}'").alias(BODY_KIND),
        _chosen(groups, "array<string>", lambda _, writer: _names(writer.unknown_fields)).alias(UNKNOWN_FIELDS),
        *[_chosen(groups, "string", partial(_kind, name)).alias(kind_of(name)) for name in source.columns],
        *[
            _chosen(groups, SQL_TYPES[column.type], partial(_value, name, column.type)).alias(name)
            for name, column in source.columns.items()
        ],
    ).drop(_MARK)


def fault_of(spark: SparkSession, writer: AvroWriter) -> str | None:
    """What Avro or Spark has against a schema, None where it can be read by it. No row is read to tell."""
    jvm: Any = spark._jvm
    try:
        for text in (writer.writer, writer.reader):
            schema = jvm.org.apache.avro.Schema.Parser().setValidateDefaults(False).parse(text)
        jvm.org.apache.spark.sql.avro.SchemaConverters.toSqlType(schema)
    except (PySparkException, Py4JError) as err:
        reason = getattr(err, "java_exception", None)
        said = reason.getMessage() if reason is not None else str(err)
        return f"it cannot be read: {str(said).splitlines()[0]}"[:200]
    return None


def _by_schema(readable: Mapping[int, AvroWriter]) -> Groups:
    groups: dict[str, tuple[AvroWriter, list[int]]] = {}
    for number, writer in sorted(readable.items()):
        groups.setdefault(writer.writer, (writer, []))[1].append(number)
    return list(groups.values())


def _frame_of(at: int) -> str:
    return f"__frame_{at}"


def _read(writer: AvroWriter, ids: list[int]) -> Column:
    """The value with the mark that followed it, both null where the record is not of this schema or not one value."""
    ours = F.col(SCHEMA_ID).isin(ids) & (F.length("__value") <= MAX_DOCUMENT_BYTES)
    return F.when(ours, _from_avro(F.concat(body("__value"), F.col(_MARK)), writer))


def _from_avro(data: Column, writer: AvroWriter) -> Column:
    return from_avro(data, writer.writer, {"mode": "PERMISSIVE", "avroSchema": writer.reader})


def _fault(writers: Writers) -> Column:
    known = [F.when(F.col(SCHEMA_ID) == number, F.lit(fault)) for number, fault in sorted(writers.faults.items())]
    asked = F.when(~F.col(SCHEMA_ID).isin(list(writers.readable)), F.lit("too many schema ids to ask for all at once"))
    return F.coalesce(*known, asked)


def _chosen(groups: Groups, kind: str, of: Callable[[int, AvroWriter], str]) -> Column:
    """What `of` makes of the place and the schema, by the schema of the record; null where it has none.

    As SQL: to build the same expression call by call takes seconds for some dozens of schemas.
    """
    cases = "".join(
        f" when {SCHEMA_ID} in ({', '.join(map(str, ids))}) then {of(at, writer)}"
        for at, (writer, ids) in enumerate(groups)
    )
    return F.expr(f"cast({f'case{cases} end' if cases else 'null'} as {kind})")


def _names(names: tuple[str, ...]) -> str:
    return f"array({', '.join(map(_text, names))})" if names else "null"


def _text(text: str) -> str:
    """A literal of SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _members(at: int, name: str, kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    """The kinds that a column can be sent as, each with the column where Spark has it."""
    column = f"{_frame_of(at)}.{BODY}.`{name}`"
    if len(kinds) == 1:
        return [(kinds[0], column)]
    return [(kind, f"{column}.member{number}") for number, kind in enumerate(kinds)]


def _kind(name: str, at: int, writer: AvroWriter) -> str:
    if name not in writer.columns:
        return "null"
    kinds = writer.columns[name]
    if kinds is None:
        return "'RECORD'"
    sent = [f"when {value} is not null then {sent_kind(kind, value)}" for kind, value in _members(at, name, kinds)]
    return f"case {' '.join(sent)} else 'VOID' end" if sent else "'VOID'"


def _value(name: str, declared: str, at: int, writer: AvroWriter) -> str:
    members = _members(at, name, writer.columns.get(name) or ())
    values = [sent_value(kind, value, declared) for kind, value in members]
    return f"coalesce({', '.join([*(value for value in values if value is not None), 'null'])})"
