"""A build of one feature group: from where the last one ended to an instant, in one commit that says so.

A table is built from one rebuild of its source only. Where another one is present now, the group is built anew beside,
and is switched to once its first build is there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from headrace.builds import Build
from headrace.errors import ContractError, UsageError
from headrace.features.spec import GroupSpec
from headrace.locks import exclusive
from headrace.pipeline.column_types import SQL_TYPES
from headrace.pipeline.times import iso
from headrace.rebuilds import Standing, numbers_in, parts_of, present_number, read_standing, write_standing
from headrace.source_lock import require_present
from headrace.tables import CREATED_AT, EVENT_AT, GroupTables, SourceTables

from .build_events import Span, events_of, has_late, late_from
from .clean_tables import clean_columns, ensure_table
from .commit import Commits
from .latest import latest_rows
from .windows import window_rows


@dataclass(frozen=True)
class CleanVersion:
    """One version of the clean table of a source, and the greatest `_created_at` in it (0 where it is empty)."""

    version: int
    created_at_us: int


@dataclass(frozen=True)
class Built:
    """What a build of a group did: the rows that it wrote, the rows of the table, its instant, how long it took, and
    the table's folder.
    """

    rows: int
    total_rows: int
    until: str
    seconds: float
    table: str


class FeatureBuilder:
    """Builds feature groups in one run. `on_step` is told: locked, computed, after_commit."""

    def __init__(
        self,
        spark: SparkSession,
        *,
        application: str,
        lock_wait_s: float,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._spark, self._commits = spark, Commits(spark, application)
        self._lock_wait_s, self._on_step = lock_wait_s, on_step
        self._units = 0
        self._clean_versions: dict[str, CleanVersion] = {}

    def build(self, spec: GroupSpec, tables: GroupTables, source: SourceTables, until_us: int) -> Built:
        """Writes the rows up to `until_us` that no earlier build has written, and those that late events touch.

        One commit, also where there is nothing to write: so a build that is killed was not there at all.

        Raises:
            UsageError: an earlier build went further.
            ContractError: the clean table is missing, or a table is not what the pipeline file makes.
            LockTimeout: another run builds this group.
            Superseded: another rebuild of the source was switched to.
        """
        start_s = time.monotonic()
        with exclusive(tables.features_lock, wait_s=self._lock_wait_s, purpose=f"build {spec.name}"):
            self._on_step("locked")
            require_present(source)  # a run that began before a switch must not undo a build that came after it
            self._clean_version(spec, source)  # first: without clean rows no table is made
            present = tables.numbered(present_number(tables.rebuilds, tables.features.parent, tables.definition))
            last = self._last_build(present)
            _refuse_going_back(spec, last, until_us)
            target, last = self._table_to_build(present, last, source.clean.name)
            self._ensure_table(spec, present, target)
            written = self._write(spec, target, source, last, until_us)
            if target != present:
                write_standing(target.rebuilds, target.definition, Standing(target.number, time.time_ns() // 1000))
                self._on_step("switched")
            total = self._spark.read.format("delta").load(str(target.features)).count()
        return Built(written, total, iso(until_us), round(time.monotonic() - start_s, 1), target.features.name)

    def _table_to_build(
        self, present: GroupTables, last: Build | None, clean_table: str
    ) -> tuple[GroupTables, Build | None]:
        """The table that was built from this clean table so far, with what its last build said: the present one, an
        earlier or an unfinished one, or the next.
        """
        if last is None or last.read_from(clean_table):
            return present, last
        numbers = numbers_in(present.features.parent, present.definition)
        for number in numbers:
            found = present.numbered(number)
            last = self._last_build(found)
            if last is None or last.read_from(clean_table):
                return found, last
        return present.numbered(max(numbers) + 1), None

    def _ensure_table(self, spec: GroupSpec, present: GroupTables, target: GroupTables) -> None:
        if target != present and read_standing(present.rebuilds, present.definition).present is None:
            write_standing(present.rebuilds, present.definition, Standing(present.number))  # or the new one would be it
        columns = {name: SQL_TYPES[kind] for name, kind in spec.table_columns().items()}
        ensure_table(self._spark, target.features, columns, f"build again: headrace build {spec.name}")

    def _write(
        self, spec: GroupSpec, tables: GroupTables, source: SourceTables, last: Build | None, until_us: int
    ) -> int:
        """Writes the rows in one commit, and gives their number."""
        span = Span(None, until_us, 0) if last is None else Span(last.until_us, until_us, last.clean_created_at_us)
        clean = self._version_to_read(spec, source, last)
        rows = self._rows(spec, source, clean, span)
        created_at_us = max(clean.created_at_us, span.created_after_us)
        build = Build(until_us, clean.version, created_at_us, source.clean.name)
        self._units += 1
        self._on_step("computed")
        written = Observation()
        counted = rows.observe(written, F.count(F.lit(1)).alias("rows"))
        said = json.loads(build.to_metadata())
        self._commits.append(counted, tables.features, unit=self._units, metadata=said, to_empty=last is None)
        self._on_step("after_commit")
        return int(written.get["rows"])

    def _rows(self, spec: GroupSpec, source: SourceTables, clean_version: CleanVersion, span: Span) -> DataFrame:
        clean = self._spark.read.format("delta").option("versionAsOf", clean_version.version).load(str(source.clean))
        events = events_of(clean, spec, span)
        late = late_from(events, spec) if span.after_us is not None and has_late(events) else None
        rows = (latest_rows if spec.group.latest else window_rows)(events, spec, span, late)
        if span.after_us is not None:  # a few rows make one file, many are parted by size
            rows = rows.hint("rebalance", *spec.keys)
        return rows.sortWithinPartitions(*spec.keys, EVENT_AT)

    def _version_to_read(self, spec: GroupSpec, source: SourceTables, last: Build | None) -> CleanVersion:
        """The version of this run, or a newer one where another run has built this group from newer rows meanwhile:
        to go on from its instant with older rows would lose those in between.
        """
        if last is not None and last.clean_created_at_us > self._clean_version(spec, source).created_at_us:
            del self._clean_versions[spec.source.name]
        return self._clean_version(spec, source)

    def _clean_version(self, spec: GroupSpec, source: SourceTables) -> CleanVersion:
        """The version that all groups of this run read, so that they agree."""
        name = spec.source.name
        if name not in self._clean_versions:
            self._clean_versions[name] = self._present_version(spec, source)
        return self._clean_versions[name]

    def _present_version(self, spec: GroupSpec, source: SourceTables) -> CleanVersion:
        name, path = spec.source.name, str(source.clean)
        if not DeltaTable.isDeltaTable(self._spark, path):
            raise ContractError(
                f"feature group '{spec.name}' reads the clean rows of '{name}' in {path}, where there is no table"
                f"{_others_than(source.clean)}. Make it first: headrace clean {name}"
            )
        ensure_table(self._spark, path, clean_columns(spec.source), f"clean again: headrace clean {name}")
        (newest,) = DeltaTable.forPath(self._spark, path).history(1).select("version").collect()
        rows = self._spark.read.format("delta").option("versionAsOf", newest["version"]).load(path)
        (found,) = rows.agg(F.max(F.unix_micros(CREATED_AT))).collect()
        return CleanVersion(newest["version"], found[0] or 0)

    def _last_build(self, tables: GroupTables) -> Build | None:
        if not DeltaTable.isDeltaTable(self._spark, str(tables.features)):
            return None
        table = DeltaTable.forPath(self._spark, str(tables.features))
        few = Build.newest(_metadata(table.history(5)))
        return few or Build.newest(_metadata(table.history()))


def _refuse_going_back(spec: GroupSpec, last: Build | None, until_us: int) -> None:
    if last is not None and until_us < last.until_us:
        raise UsageError(
            f"feature group '{spec.name}' is built until {iso(last.until_us)}, and the instant asked for is "
            f"{iso(until_us)}: a build never goes back. Ask for that instant or a later one (--until, or the clock of "
            "the settings); who wants to see the past, reads as of then"
        )


def _others_than(path: Path) -> str:
    others = sorted(folder.parent.name for folder in path.parent.glob("*/_delta_log"))
    if beside := [name for name in others if name.startswith(f"{parts_of(path.name)[0]}-")]:
        return f" ({', '.join(beside)} is a rebuild that was not switched to)"
    return f" (only {', '.join(others)}, of another definition: the pipeline file changed since)" if others else ""


def _metadata(history: DataFrame) -> list[str | None]:
    return [row["userMetadata"] for row in history.select("userMetadata").collect()]
