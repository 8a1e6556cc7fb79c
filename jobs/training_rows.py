"""Training rows: for each event of a source, whom it is about, the instant of the prediction, and what came of it.

A row reads its own event only, as it was sent; a label reads the first matching event of its source. What features say
of a row is joined by a reader, which also parts training from test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from headrace.errors import ContractError
from headrace.features.spec import service_spec
from headrace.locks import exclusive
from headrace.pipeline import Pipeline, Source, TrainingSet
from headrace.pipeline.column_types import SQL_TYPES
from headrace.tables import GENERATION, OFFSET, PARTITION, RowsTable

from .clean_tables import PROPERTIES, ensure_table
from .cleaning import computed

ROW_ID, AT, LABEL, LABEL_KNOWN_AT = "row_id", "at", "label", "label_known_at"

# The order in which events of one instant count, under names that no pipeline can declare.
_PLACE = {"__generation": GENERATION, "__partition": PARTITION, "__offset": OFFSET}

# The columns of `by` while labels are joined; an extra column may have one of their names.
_SHARED = "__by_"

# A rows table is written anew as a whole; its old versions are what manifests pin.
_PROPERTIES = {name: value for name, value in PROPERTIES.items() if name != "delta.appendOnly"}


@dataclass(frozen=True)
class CleanVersion:
    """A version of a clean table, which was read: the folder's name (definition and rebuild), and the number."""

    source: str
    table: str
    version: int


@dataclass(frozen=True)
class RowCounts:
    """What a build of rows found: the rows in the table, those with a label, and the events that gave no row because
    their instant is null; None where everything was there already. `version` is the table's.
    """

    version: int
    rows: int | None = None
    labelled: int | None = None
    without_instant: int | None = None


class RowsBuilder:
    """Builds the table of one training set from the clean tables of its two sources (`clean`: source to folder)."""

    def __init__(
        self, spark: SparkSession, pipeline: Pipeline, name: str, *, clean: Mapping[str, Path], table: RowsTable
    ) -> None:
        self._spark, self._pipeline, self._name = spark, pipeline, name
        self._clean, self._table = clean, table
        self._set = pipeline.training_sets[name]

    def build(self, *, lock_wait_s: float) -> RowCounts:
        """Writes all rows in one commit; nothing, if the newest commit was made of the same clean rows.

        Raises:
            ContractError: a clean table is missing, or the table is not what the pipeline file makes.
            LockTimeout: another run builds these rows.
        """
        with exclusive(self._table.lock, wait_s=lock_wait_s, purpose=f"build rows {self._name}"):
            sources = dict.fromkeys([self._set.rows.source, self._set.label.source])
            read = [self._clean_version(source) for source in sources]
            columns = rows_columns(self._pipeline, self._name)
            sql_columns = {column: SQL_TYPES[kind] for column, kind in columns.items()}
            ensure_table(self._spark, self._table.path, sql_columns, "build the rows again", _PROPERTIES)
            version, newest = self._newest_commit()
            metadata = json.dumps({"headrace": {"rows": {"read": [asdict(found) for found in read]}}})
            return RowCounts(version) if newest == metadata else self._write(read, list(columns), metadata)

    def _write(self, read: list[CleanVersion], columns: list[str], metadata: str) -> RowCounts:
        clean = {found.source: self._rows_of(found) for found in read}
        events, outcomes = clean[self._set.rows.source], clean[self._set.label.source]
        rows = computed(training_rows(events, outcomes, self._pipeline, self._name))
        (found,) = rows.agg(F.count(AT), F.count(F.when(F.col(AT).isNotNull(), F.col(LABEL))), F.count("*")).collect()
        ordered = rows.where(F.col(AT).isNotNull()).orderBy(AT, ROW_ID).select(*columns)
        writer = ordered.write.format("delta").mode("overwrite").option("userMetadata", metadata)
        writer.save(str(self._table.path))
        return RowCounts(self._newest_commit()[0], found[0], found[1], found[2] - found[0])

    def _clean_version(self, source: str) -> CleanVersion:
        folder = self._clean[source]
        if not DeltaTable.isDeltaTable(self._spark, str(folder)):
            raise ContractError(
                f"training set '{self._name}' reads the clean rows of '{source}' in {folder}, where there is no table. "
                f"Make it first: headrace clean {source}"
            )
        (newest,) = DeltaTable.forPath(self._spark, str(folder)).history(1).select("version").collect()
        return CleanVersion(source, folder.name, newest["version"])

    def _rows_of(self, found: CleanVersion) -> DataFrame:
        reader = self._spark.read.format("delta").option("versionAsOf", found.version)
        return reader.load(str(self._clean[found.source]))

    def _newest_commit(self) -> tuple[int, str | None]:
        table = DeltaTable.forPath(self._spark, str(self._table.path))
        (newest,) = table.history(1).select("version", "userMetadata").collect()
        return newest["version"], newest["userMetadata"]


def rows_columns(pipeline: Pipeline, name: str) -> dict[str, str]:
    """The columns of the table of rows, in order: name to type of the pipeline file."""
    found = pipeline.training_sets[name]
    return {
        ROW_ID: "string",
        AT: "timestamp",
        **service_spec(pipeline, found.service).keys,
        LABEL: found.label.type,
        LABEL_KNOWN_AT: "timestamp",
        **{extra: derived.type for extra, derived in found.extra.items()},
    }


def training_rows(events: DataFrame, outcomes: DataFrame, pipeline: Pipeline, name: str) -> DataFrame:
    """Clean rows of the two sources → one row an event, with the columns of `rows_columns`; `at` may be null.

    A null in a column of `by` matches nothing.
    """
    found = pipeline.training_sets[name]
    source = pipeline.sources[found.rows.source]
    rows = as_sent(events, source).select(
        _row_id(source).alias(ROW_ID),
        F.expr(found.rows.at.sql).alias(AT),
        *service_spec(pipeline, found.service).keys,
        *[
            F.expr(derived.value.sql).cast(SQL_TYPES[derived.type]).alias(extra)
            for extra, derived in found.extra.items()
        ],
        *_shared_columns(found),
    )
    labels = first_labels(as_sent(outcomes, pipeline.sources[found.label.source]), found)
    joined = rows.join(labels, [f"{_SHARED}{column}" for column in found.label.by], "left")
    return joined.select(*rows_columns(pipeline, name))


def as_sent(clean: DataFrame, source: Source) -> DataFrame:
    """Clean rows → what expressions of rows and labels may read: declared columns as they were sent, derived ones, the
    two clocks, and the place for the order of events.
    """
    sent = [
        F.col(f"{name}_original" if name in source.treated() else name).alias(name) for name in source.row_columns()
    ]
    return clean.select(*sent, "event_at", "arrived_at", *[F.col(name).alias(ours) for ours, name in _PLACE.items()])


def first_labels(outcomes: DataFrame, found: TrainingSet) -> DataFrame:
    """The first outcome, by (event_at, generation, partition, offset), for each value of the columns of `by`."""
    label = found.label
    said = outcomes.select(
        *_shared_columns(found),
        F.struct(
            "event_at",
            *_PLACE,
            F.expr(label.value.sql).cast(SQL_TYPES[label.type]).alias(LABEL),
            F.expr(label.known_at.sql).alias(LABEL_KNOWN_AT),
        ).alias("__outcome"),
    )
    first = said.groupBy(*[f"{_SHARED}{column}" for column in label.by]).agg(F.min("__outcome").alias("__outcome"))
    return first.select("*", f"__outcome.{LABEL}", f"__outcome.{LABEL_KNOWN_AT}").drop("__outcome")


def _shared_columns(found: TrainingSet) -> list[Column]:
    return [F.col(column).alias(f"{_SHARED}{column}") for column in found.label.by]


def _row_id(source: Source) -> Column:
    """The event id as text: of one column its value, of several a JSON array of their values."""
    texts = [F.col(name).cast("string") for name in source.event_id]
    if len(texts) == 1:
        return texts[0]
    # One text of each: JSON has no dates, and a long beyond 2^53 is not the same number for every reader.
    return F.to_json(F.array(*texts))
