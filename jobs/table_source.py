"""Cleaning a reference table: one version of it, whole, by the rules that hold for events.

A row's place is (table version, row number): `_topic_id` names the table and its Delta id, `_generation` counts its
lives (a folder that was deleted and written anew is another one), `_partition` is the version, `_offset` the number of
the row in the order of event id and content. So no order of files and no engine has a say in it.

A row that says what the newest clean row of its event id says is not written again; one that says something else is a
correction: the same event id with a later `_created_at`. A row that is gone from the table keeps holding. What is
rejected or set aside as a copy is recorded for each version anew, with places of that version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import AtomicType, DataType, DoubleType, FloatType, StringType

from headrace.errors import ContractError
from headrace.pipeline import Source
from headrace.pipeline.column_types import SQL_TYPES
from headrace.plans import PlanVersion, bind
from headrace.source_lock import source_lock
from headrace.tables import CREATED_AT, GENERATION, OFFSET, PARTITION, TOPIC_ID, SourceTables

from .accounts import not_yet_placed, span_of
from .admission import REASON
from .clean_tables import PAYLOAD_HASH, POSITION_COLUMNS, WINNER_COLUMNS, ensure_tables
from .cleaning import Counts, clean_rows, computed, judge_decoded, quarantine_rows
from .commit import Commits
from .decode import UNKNOWN_FIELDS, kind_of
from .drift import DriftWatch
from .gate import Gate

# What a table without `event_at` says has always held.
ALWAYS = "timestamp '1970-01-01T00:00:00Z'"

_FATE, _WINNER, _NEWEST, _ROW, _SENT = "__fate", "__winner", "__newest", "__row", "__sent_"
_CLEAN, _DUPLICATE, _QUARANTINED, _UNCHANGED = "clean", "duplicates", "quarantine", "unchanged"


@dataclass(frozen=True)
class TableVersion:
    """One version of one life of a reference table: what is cleaned at once."""

    id: str
    version: int
    generation: int = 0

    @classmethod
    def newest(cls, metadata: Iterable[str | None]) -> TableVersion | None:
        """The first among the user metadata of a clean table's commits, which come newest first."""
        return next((found for text in metadata if (found := cls._read(text)) is not None), None)

    @classmethod
    def _read(cls, text: str | None) -> TableVersion | None:
        try:
            return cls(**json.loads(text or "")["headrace"]["table"])
        except (ValueError, KeyError, TypeError):
            return None

    def after(self, last: TableVersion | None) -> TableVersion:
        """This one with its generation, where `last` is the newest that was cleaned."""
        if last is None:
            return self
        return TableVersion(self.id, self.version, last.generation + (self.id != last.id))

    def is_cleaned(self, last: TableVersion | None) -> bool:
        """Whether it was cleaned by then."""
        return last is not None and last.id == self.id and last.version >= self.version


class TableCleaner:
    """Cleans one reference table over one lake; fitted rules are those of `plan`.

    `on_step` is told: judged, after_quarantine, after_duplicates, after_clean.
    """

    def __init__(
        self,
        spark: SparkSession,
        source: Source,
        *,
        table: Path,
        tables: SourceTables,
        application: str,
        lock_wait_s: float,
        plan: PlanVersion | None = None,
        on_step: Callable[[str], None] = lambda step: None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        if not DeltaTable.isDeltaTable(spark, str(table)):
            raise ContractError(
                f"source '{source.name}' reads the reference table '{source.table}' in {table}, where there is no "
                f"Delta table. Write it there, or say in headrace.toml where it is: [default.tables] {source.table} = …"
            )
        self._spark, self._source, self._table, self._tables = spark, source, table, tables
        self._treatment = bind(source, plan)
        self._commits = Commits(spark, application)
        self._gate = Gate(spark, source, tables, self._commits, DriftWatch(source, plan, self._treatment), warn)
        self._lock_wait_s, self._on_step = lock_wait_s, on_step
        self._units = 0

    def clean_newest(self) -> Counts:
        """Places the rows of the table's newest version; nothing where it was cleaned before.

        Raises:
            LockTimeout: another run cleans this source.
            ContractError: a table is not what the pipeline file makes.
        """
        with source_lock(self._tables, wait_s=self._lock_wait_s, purpose=f"clean {self._source.name}"):
            ensure_tables(self._spark, self._tables, self._source)
            last = TableVersion.newest(self._metadata_of_clean())
            found = self._present_version().after(last)
            return Counts() if found.is_cleaned(last) else self._place(found)

    def _metadata_of_clean(self) -> list[str | None]:
        history = DeltaTable.forPath(self._spark, str(self._tables.clean)).history()
        return [row["userMetadata"] for row in history.select("userMetadata").collect()]

    def _present_version(self) -> TableVersion:
        table = DeltaTable.forPath(self._spark, str(self._table))
        (newest,) = table.history(1).select("version").collect()
        (detail,) = table.detail().select("id").collect()
        return TableVersion(detail["id"], newest["version"])

    def _place(self, version: TableVersion) -> Counts:
        """Writes quarantine, then duplicates, then clean, whose commit says that this version is done."""
        self._units += 1
        rows = self._spark.read.format("delta").option("versionAsOf", version.version).load(str(self._table))
        numbered = number_rows(read_table(rows, self._source), self._source, version)
        judged = judge_decoded(numbered, self._source, self._treatment)
        span = span_of({(_topic_id(self._source, version), version.version): 2**62}, {})
        fresh = not_yet_placed(self._spark, judged, self._tables, span)
        clean = self._spark.read.format("delta").load(str(self._tables.clean))
        decided = computed(decide(fresh, clean, self._source))
        fates = _fates(decided)
        counts = _counts(fates)
        self._gate.pass_or_hold(decided, _by_reason(fates), {}, unit=self._units, released=False)
        self._on_step("judged")
        if counts.quarantine:
            self._append(quarantine_rows(decided), self._tables.quarantine)
            self._on_step("after_quarantine")
        if counts.duplicates:
            self._append(_copies(decided), self._tables.duplicates)
            self._on_step("after_duplicates")
        said = {"clean": counts.clean, "duplicates": counts.duplicates, "quarantine": dict(counts.reasons)}
        new = clean_rows(decided.where(F.col(_FATE) == _CLEAN), self._source, self._treatment)
        self._append(new, self._tables.clean, {"headrace": {**said, "table": asdict(version)}})
        self._on_step("after_clean")
        return counts

    def _append(self, rows: DataFrame, path: Path, metadata: Mapping[str, object] | None = None) -> None:
        self._commits.append(rows, path, unit=self._units, metadata=metadata)


def read_table(rows: DataFrame, source: Source) -> DataFrame:
    """Rows of a reference table → the declared columns, typed, as decoding a document would give them.

    A value is of the wrong type where it cannot be cast to the declared one and back without a loss. NaN is how tables
    of numbers say null. `__value` is the whole row as JSON, which quarantine keeps.
    """
    sent = rows.select(
        F.to_json(F.struct("*"), {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"}).alias(_ROW),
        *[
            _without_nan(field.name, field.dataType).alias(_SENT + field.name)
            for field in rows.schema
            if field.name in source.columns
        ],
    )
    typed = [_typed(sent, name, column.type).alias(name) for name, column in source.columns.items()]
    kinds = [_kind(sent, name).alias(kind_of(name)) for name in source.columns]
    return sent.select(_ROW, *typed, *kinds)


def number_rows(rows: DataFrame, source: Source, version: TableVersion) -> DataFrame:
    """Adds places, clocks, payload hash and the record's bytes: what judging reads of a record.

    The numbering needs all rows in one task, which suits tables of some million rows.
    """
    event_at = F.expr(source.event_at.sql if source.event_at else ALWAYS)
    order = [*[F.col(name) for name in source.event_id], F.xxhash64(_ROW), F.col(_ROW)]
    payload = F.to_json(F.struct(*source.columns))  # by name: a hash of the values alone does not see which are null
    return rows.select(
        F.lit(_topic_id(source, version)).alias(TOPIC_ID),
        F.lit(version.generation).alias(GENERATION),
        F.lit(version.version).alias(PARTITION),
        (F.row_number().over(Window.partitionBy(F.lit(0)).orderBy(*order)) - 1).cast("bigint").alias(OFFSET),
        event_at.alias("arrived_at"),
        event_at.alias("event_at"),
        *source.columns,
        *[kind_of(name) for name in source.columns],
        F.lit(None).cast("array<string>").alias(UNKNOWN_FIELDS),
        F.xxhash64(payload).alias(PAYLOAD_HASH),
        F.lit(None).cast("timestamp").alias("__landed_at"),
        F.lit(None).cast("binary").alias("__key"),
        F.col(_ROW).cast("binary").alias("__value"),
        F.lit(None).cast("array<struct<key:string,value:binary>>").alias("__headers"),
    )


def decide(judged: DataFrame, clean: DataFrame, source: Source) -> DataFrame:
    """Adds to judged rows what becomes of each: quarantine, duplicates, unchanged, or clean; and, of the first row of
    its event id, the number and the payload hash.
    """
    ids = list(source.event_id)
    accepted = F.when(F.col(REASON).isNull(), F.struct(OFFSET, PAYLOAD_HASH))
    ranked = judged.select("*", F.min(accepted).over(Window.partitionBy(*ids)).alias(_WINNER))
    newest = clean.groupBy(*ids).agg(F.max_by(PAYLOAD_HASH, CREATED_AT).alias(_NEWEST))
    fate = (
        F.when(F.col(REASON).isNotNull(), _QUARANTINED)
        .when(F.col(OFFSET) > F.col(f"{_WINNER}.{OFFSET}"), _DUPLICATE)
        .when(F.col(_NEWEST) == F.col(PAYLOAD_HASH), _UNCHANGED)
        .otherwise(_CLEAN)
    )
    return ranked.join(newest, ids, "left").select(*judged.columns, _WINNER, fate.alias(_FATE))


def first_of_each(accepted: DataFrame, source: Source) -> DataFrame:
    """Of accepted rows the first of each event id; the others are its copies."""
    first = F.min(OFFSET).over(Window.partitionBy(*source.event_id))
    return accepted.select("*", first.alias(_WINNER)).where(F.col(OFFSET) == F.col(_WINNER)).drop(_WINNER)


def _copies(decided: DataFrame) -> DataFrame:
    winner = {name: F.col(name) for name in POSITION_COLUMNS} | {OFFSET: F.col(f"{_WINNER}.{OFFSET}")}
    return decided.where(F.col(_FATE) == _DUPLICATE).select(
        *POSITION_COLUMNS,
        *[winner[name].alias(column) for name, column in zip(POSITION_COLUMNS, WINNER_COLUMNS, strict=True)],
        (F.col(f"{_WINNER}.{PAYLOAD_HASH}") == F.col(PAYLOAD_HASH)).alias("same_bytes"),
        "arrived_at",
    )


def _fates(decided: DataFrame) -> dict[tuple[str, str | None], int]:
    """How many rows have each fate, for each reason."""
    rows = decided.groupBy(_FATE, REASON).count().collect()
    return {(row[_FATE], row[REASON]): row["count"] for row in rows}


def _by_reason(fates: Mapping[tuple[str, str | None], int]) -> dict[str | None, int]:
    found: dict[str | None, int] = {}
    for (_, reason), count in fates.items():
        found[reason] = found.get(reason, 0) + count
    return found


def _counts(found: Mapping[tuple[str, str | None], int]) -> Counts:
    reasons = {reason: count for (_, reason), count in found.items() if reason is not None}
    clean, duplicates = (found.get((fate, None), 0) for fate in (_CLEAN, _DUPLICATE))
    return Counts(clean, duplicates, sum(reasons.values()), dict(sorted(reasons.items())))


def _topic_id(source: Source, version: TableVersion) -> str:
    return f"table:{source.table}:{version.id}"


def _without_nan(name: str, kind: DataType) -> Column:
    value = F.col(f"`{name}`")
    return F.when(~F.isnan(value), value) if isinstance(kind, DoubleType | FloatType) else value


def _kind(sent: DataFrame, name: str) -> Column:
    """The type that the table has, 'VOID' for a null, and null where the table lacks the column."""
    if _SENT + name not in sent.columns:
        return F.lit(None).cast("string")
    value = F.col(_SENT + name)
    return F.when(value.isNull(), "VOID").otherwise(F.lit(sent.schema[_SENT + name].dataType.simpleString()))


def _typed(sent: DataFrame, name: str, declared: str) -> Column:
    wanted = SQL_TYPES[declared]
    nothing = F.lit(None).cast(wanted)
    if _SENT + name not in sent.columns:
        return nothing
    value, kind = F.col(_SENT + name), sent.schema[_SENT + name].dataType
    cast_value = value.try_cast(wanted)
    conditions = [] if isinstance(kind, StringType) else [cast_value.try_cast(kind) == value]
    if declared == "double":
        conditions.append(F.abs(cast_value) < F.lit(float("inf")))
    kept = F.when(reduce(lambda a, b: a & b, conditions), cast_value) if conditions else cast_value
    return kept if isinstance(kind, AtomicType) and _is_legal(sent, kept) else nothing


def _is_legal(rows: DataFrame, value: Column) -> bool:
    """Whether Spark knows such a cast at all; no row is read to tell."""
    try:
        rows.select(value)
    except AnalysisException:
        return False
    return True
