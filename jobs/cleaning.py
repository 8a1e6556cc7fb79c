"""Cleaning one source: raw rows become clean rows, duplicates or quarantine, each position in exactly one of them.

Batch and stream call `clean_unit`. A unit of work takes, in each partition, everything that is not yet placed up to the
last offset selected, so that offsets are judged in order however the work was cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from delta.tables import DeltaTable
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from headrace.errors import ContractError
from headrace.holds import read_hold, require_hold
from headrace.pipeline import Source
from headrace.pipeline.column_types import SQL_TYPES
from headrace.plans import PlanVersion, Treatment, bind
from headrace.schema_registry import SchemaRegistry
from headrace.source_lock import source_lock
from headrace.tables import SourceTables

from .accounts import PartitionKey, last_offsets
from .admission import DETAIL, LATE, REASON, judge
from .avro_records import read_avro
from .avro_schema import NO_WRITERS, Writers
from .clean_tables import FIRST_ATTEMPT, PAYLOAD_HASH, POSITION_COLUMNS, REJECTED, ensure_tables
from .commit import Commits
from .copies import find_copies, without
from .decode import UNKNOWN_FIELDS, parse_document, read_columns, within_years
from .drift import DriftWatch
from .gate import Gate
from .placed import Placed
from .treatment import treat
from .writer_schemas import WriterSchemas

# What raw says of a record beside its position; renamed on reading, since a pipeline may declare columns of these
# names.
_RECORD = ("timestamp", "landed_at", "key", "value", "headers")


@dataclass(frozen=True)
class Counts:
    """What units of work placed, in raw rows."""

    clean: int = 0
    duplicates: int = 0
    quarantine: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        """Both together, reason by reason."""
        reasons = {
            name: self.reasons.get(name, 0) + other.reasons.get(name, 0) for name in {*self.reasons, *other.reasons}
        }
        return Counts(
            self.clean + other.clean,
            self.duplicates + other.duplicates,
            self.quarantine + other.quarantine,
            dict(sorted(reasons.items())),
        )

    @property
    def rows(self) -> int:
        """All raw rows that were placed."""
        return self.clean + self.duplicates + self.quarantine


class SourceCleaner:
    """Cleans one source over one lake, unit by unit, in one process.

    Fitted rules are those of `plan`, for as long as the cleaner lives. `registry` has the schemas of a source whose
    format needs them. `on_step` is told the name of each step as it is passed: judged, after_quarantine,
    after_duplicates, after_clean. `warn` is told of expectations that do not hold.
    """

    def __init__(
        self,
        spark: SparkSession,
        source: Source,
        *,
        raw: Path,
        tables: SourceTables,
        application: str,
        lock_wait_s: float,
        plan: PlanVersion | None = None,
        registry: SchemaRegistry | None = None,
        on_step: Callable[[str], None] = lambda step: None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        if not DeltaTable.isDeltaTable(spark, str(raw)):
            raise ContractError(
                f"source '{source.name}' reads {raw}, where there is no table. Land its topic first: headrace land"
            )
        self._spark, self._source, self._raw, self._tables = spark, source, raw, tables
        self._treatment = bind(source, plan)
        self._commits = Commits(spark, application)
        self._gate = Gate(spark, source, tables, self._commits, DriftWatch(source, plan, self._treatment), warn)
        self._schemas = WriterSchemas(source, registry)
        self._lock_wait_s, self._on_step = lock_wait_s, on_step
        self._placed = Placed(spark, tables)
        self._units = 0
        self._empty = False  # whether the tables were made just now, so that nobody has placed anything

    def clean_all(self, arrived_from_us: int | None = None, arrived_to_us: int | None = None) -> Counts:
        """Places every row up to the last that arrived in `[from, to)`, microseconds since 1970, or every row."""
        arrived = F.unix_micros(F.expr(_arrived_at("timestamp", "landed_at")))
        selected = self._read_raw()
        if arrived_from_us is not None:
            selected = selected.where(arrived >= arrived_from_us)
        if arrived_to_us is not None:
            selected = selected.where(arrived < arrived_to_us)
        return self.clean_up_to(last_offsets(selected))

    def clean_up_to(self, last: Mapping[PartitionKey, int]) -> Counts:
        """One unit of work: places, in each partition of `last`, what is not yet placed up to and including that
        offset.

        Raises:
            LockTimeout: another run cleans this source.
            Superseded: another rebuild of the source was switched to.
            ContractError: a table is not what the pipeline file makes.
            Held: an expectation did not hold, now or before, and nobody has released or dropped what is held.
            SchemaRegistryError: the schemas of the writers cannot be asked for; nothing is placed then.
        """
        if not last:
            return Counts()
        with self._locked():
            counts = Counts()
            if hold := read_hold(self._tables.hold):
                if not hold.released:
                    raise hold.error(self._source.name)
                counts = self._unit(hold.last, released=True)
                self._tables.hold.unlink()
            return counts + self._unit(last)

    def drop_held(self) -> Counts:
        """Places all that is held in quarantine, what could have been clean as `dropped_by_hand`.

        Raises:
            UsageError: nothing is held.
            LockTimeout, Superseded, ContractError: as in `clean_up_to`.
        """
        with self._locked():
            hold = require_hold(self._tables.hold, self._source.name)
            counts = self._unit(hold.last, dropped="; ".join(map(str, hold.failures)))
            self._tables.hold.unlink()
            return counts

    @contextmanager
    def _locked(self, verb: str = "clean") -> Iterator[None]:
        with source_lock(self._tables, wait_s=self._lock_wait_s, purpose=f"{verb} {self._source.name}"):
            self._empty = self._units == 0 and ensure_tables(self._spark, self._tables, self._source)
            yield

    def _unit(self, last: Mapping[PartitionKey, int], *, released: bool = False, dropped: str | None = None) -> Counts:
        self._units += 1
        fresh = self._placed.missing(self._read_raw(), last, empty=self._empty)
        # The first unit of a process often repeats what another has done: then nothing needs to be compiled.
        if self._units == 1 and not self._empty and fresh.isEmpty():
            counts = Counts()
        else:
            writers = self._schemas.of(fresh)
            judged = computed(judge_records(fresh, self._source, self._treatment, writers, dropped))
            counts = self._place(judged, last, released=released or dropped is not None)
            self._empty = False
        self._placed.settle(last)
        return counts

    def _read_raw(self) -> DataFrame:
        return self._spark.read.format("delta").load(str(self._raw))

    def _place(self, judged: DataFrame, last: Mapping[PartitionKey, int], *, released: bool) -> Counts:
        """Writes quarantine, then duplicates, then clean; only the clean commit carries the counts."""
        found = {row[REASON]: row["count"] for row in judged.groupBy(REASON).count().collect()}
        self._gate.pass_or_hold(judged, found, last, unit=self._units, released=released)
        accepted_rows = found.pop(None, 0)
        self._on_step("judged")
        if found:
            self._append(quarantine_rows(judged), self._tables.quarantine)
            self._on_step("after_quarantine")
        duplicates = (
            self._place_accepted(judged.where(F.col(REASON).isNull()), accepted_rows, found) if accepted_rows else 0
        )
        return Counts(accepted_rows - duplicates, duplicates, sum(found.values()), dict(sorted(found.items())))

    def _place_accepted(self, accepted: DataFrame, rows: int, rejected: Mapping[str, int]) -> int:
        clean = None if self._empty else self._spark.read.format("delta").load(str(self._tables.clean))
        copies = computed(find_copies(accepted, clean, self._source))
        duplicates = copies.count()
        if duplicates:
            self._append(copies, self._tables.duplicates)
            self._on_step("after_duplicates")
        if duplicates < rows:
            originals = clean_rows(without(accepted, copies, duplicates), self._source, self._treatment)
            counts = {"clean": rows - duplicates, "duplicates": duplicates, "quarantine": dict(rejected)}
            self._append(originals, self._tables.clean, {"headrace": counts})
            self._on_step("after_clean")
        return duplicates

    def _append(self, rows: DataFrame, path: Path, metadata: Mapping[str, object] | None = None) -> None:
        self._commits.append(rows, path, unit=self._units, metadata=metadata, to_empty=self._empty)


def computed(rows: DataFrame) -> DataFrame:
    """The same rows, computed now and held on the executors, with their lineage cut.

    A cached frame would be computed again after each of our commits: Spark refreshes caches of plans that read a table
    which was written, and these plans read the very tables that a unit writes.
    """
    return rows.localCheckpoint(eager=True, storageLevel=StorageLevel.MEMORY_AND_DISK)


def judge_records(
    raw: DataFrame,
    source: Source,
    treatment: Treatment,
    writers: Writers = NO_WRITERS,
    dropped: str | None = None,
) -> DataFrame:
    """Raw rows → the same rows decoded and judged: position, clocks, columns as sent, derived columns, reason and
    detail.

    `writers` are the schemas that the rows name, where their format has any. The record's own bytes are kept where it
    was rejected (`__key`, `__value`, `__headers`), else null. With `dropped` all are rejected, those that would not be
    for that reason.
    """
    record = raw.select(*POSITION_COLUMNS, *[F.col(name).alias(f"__{name}") for name in _RECORD])
    decoded = (
        read_avro(record, source, writers) if source.format == "avro" else read_columns(parse_document(record), source)
    )
    return judge_decoded(
        decoded.select(
            "*",
            F.expr(_arrived_at("__timestamp", "__landed_at")).alias("arrived_at"),
            F.expr(_event_at(source)).alias("event_at"),
            F.xxhash64("__value").alias(PAYLOAD_HASH),
        ),
        source,
        treatment,
        dropped,
    )


def judge_decoded(decoded: DataFrame, source: Source, treatment: Treatment, dropped: str | None = None) -> DataFrame:
    """Decoded rows with position, clocks, payload hash and the record's bytes → what `judge_records` says of them."""
    derived = [
        F.expr(derived.value.sql).cast(SQL_TYPES[derived.type]).alias(name) for name, derived in source.derive.items()
    ]
    judged = judge(decoded.select("*", *derived), source, treatment, dropped)
    rejected = F.col(REASON).isNotNull()
    return judged.select(
        *POSITION_COLUMNS,
        "arrived_at",
        "event_at",
        *source.columns,
        *source.derive,
        LATE,
        UNKNOWN_FIELDS,
        PAYLOAD_HASH,
        REASON,
        DETAIL,
        "__landed_at",
        *[F.when(rejected, F.col(f"__{name}")).alias(f"__{name}") for name in ("key", "value", "headers")],
    )


def _arrived_at(timestamp: str, landed_at: str) -> str:
    """The record's own time; where it has none, or one that not every reader of our tables can hold, its landing."""
    return f"coalesce({within_years(timestamp, 'timestamp')}, {landed_at})"


def _event_at(source: Source) -> str:
    if source.event_at is None:
        raise ValueError(f"source {source.name} has no event_at; only a reference table may lack it")
    return source.event_at.sql


def quarantine_rows(judged: DataFrame) -> DataFrame:
    """The rejected ones among judged rows, as the quarantine table has them."""
    return judged.where(F.col(REASON).isNotNull()).select(
        *POSITION_COLUMNS,
        F.lit(FIRST_ATTEMPT).alias("attempt"),
        F.lit(REJECTED).alias("outcome"),
        F.col(REASON).alias("reason"),
        F.col(DETAIL).alias("detail"),
        "event_at",
        "arrived_at",
        *[F.col(f"__{name}").alias(name) for name in ("landed_at", "key", "value", "headers")],
    )


def clean_rows(originals: DataFrame, source: Source, treatment: Treatment) -> DataFrame:
    """Accepted rows, treated, as the clean table has them."""
    return treat(originals, treatment).sortWithinPartitions(*source.event_id, "event_at")
