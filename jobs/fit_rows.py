"""What a plan may look at: decoded, admitted and deduplicated events of the fit window, as they were sent.

The window is taken first and copies are set apart inside it, so nothing outside has a say. An event that a rule of the
plan would refuse as an outlier is looked at, too.
"""

from __future__ import annotations

from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from headrace.errors import ContractError
from headrace.pipeline import Source
from headrace.plans import Treatment
from headrace.schema_registry import SchemaRegistry

from .accounts import KEY
from .admission import REASON
from .cleaning import computed, judge_decoded, judge_records
from .copies import find_copies
from .table_source import TableVersion, first_of_each, number_rows, read_table
from .writer_schemas import WriterSchemas


def newest_version(spark: SparkSession, source: Source, table: Path) -> int:
    """The version of the table that a source reads, which is then read as a whole.

    Raises:
        ContractError: there is no table.
    """
    if not DeltaTable.isDeltaTable(spark, str(table)):
        raise ContractError(
            f"source '{source.name}' reads {table}, where there is no table. "
            + ("Land its topic first: headrace land" if source.topic else "Write the reference table there")
        )
    (newest,) = DeltaTable.forPath(spark, str(table)).history(1).select("version").collect()
    return int(newest["version"])


def fit_rows(
    spark: SparkSession, source: Source, table: Path, version: int, registry: SchemaRegistry | None = None
) -> DataFrame:
    """The events of the fit window (of a table without event times, all), each once: event id, declared and derived
    columns. `registry` has the schemas of a source whose format needs them.

    Raises:
        SchemaRegistryError: it cannot be asked for them.
    """
    rows = spark.read.format("delta").option("versionAsOf", version).load(str(table))
    nothing = Treatment(source.name, None, (), (), {})
    if source.topic is None:
        numbered = number_rows(read_table(rows, source), source, TableVersion("fit", version))
        accepted = _in_window(judge_decoded(numbered, source, nothing), source)
        return computed(first_of_each(accepted, source).select(*source.row_columns()))
    writers = WriterSchemas(source, registry).of(rows)
    accepted = computed(_in_window(judge_records(rows, source, nothing, writers), source))
    if accepted.isEmpty():
        return accepted.select(*source.row_columns())
    copies = find_copies(accepted, None, source)
    return computed(accepted.join(copies.select(*KEY), KEY, "left_anti").select(*source.row_columns()))


def _in_window(judged: DataFrame, source: Source) -> DataFrame:
    accepted = judged.where(F.col(REASON).isNull())
    if source.fit is None:
        return accepted
    at = F.unix_micros("event_at")
    return accepted.where((at >= source.fit.from_us) & (at < source.fit.to_us))
