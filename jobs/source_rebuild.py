"""A rebuild: the whole of raw cleaned anew into tables beside the present ones, audited, then switched to.

The rebuild holds a lock of its own all the time, and that of the source for each of its commits only: so the present
tables are read and written meanwhile, and a compaction never meets a commit. For the end it holds the lock of the
source: it places what has landed since, has the books audited, and switches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from headrace.audit import audit_cleaning
from headrace.errors import CheckFailed, UsageError
from headrace.holds import read_hold
from headrace.lake import open_table, state_of
from headrace.locks import exclusive
from headrace.pipeline import Source
from headrace.pipeline.definition import source_rules
from headrace.plans import PlanVersion
from headrace.rebuilds import Making, Standing, numbers_in, read_standing, write_standing
from headrace.schema_registry import SchemaRegistry
from headrace.source_lock import source_lock
from headrace.source_switch import faults_of, in_words
from headrace.tables import SourceTables

from .accounts import PartitionKey
from .clean_tables import ensure_tables
from .cleaning import Counts, SourceCleaner
from .offset_units import Extent, count_offsets, extents_of, units_of


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild made: its number, whether it is the present one now, the rows of its tables and of those that were
    present before (by kind), how many of them this run placed, and the plan.
    """

    number: int
    present: int
    plan: int | None
    placed: int
    rows: Mapping[str, int]
    rows_before: Mapping[str, int]


class BesideCleaner(SourceCleaner):
    """Cleans into tables that nobody else writes; so no lock is held while it computes. Table-level expectations hold
    nothing back here: they are about what arrives, and what they find is written down as released.
    """

    def begin(self, done: Mapping[PartitionKey, int], alone: Callable[[], AbstractContextManager[None]]) -> None:
        """Makes the tables where they are missing. Everything up to `done` is placed; `alone` is held for commits."""
        self._commits.alone = alone
        with alone():
            self._empty = ensure_tables(self._spark, self._tables, self._source)
        self._placed.floor = {key: offset + 1 for key, offset in done.items()}

    def place(self, last: Mapping[PartitionKey, int]) -> Counts:
        """One unit of work, as `clean_up_to`."""
        return self._unit(last, released=True)


class SourceRebuild:
    """Rebuilds one source in one process, from where an earlier run of the same rebuild ended.

    `on_step` is told: begun, unit (after each), the steps of the cleaner, caught_up, audited, switched. `progress` is
    told a step, offsets done and offsets in all. One unit of work takes `unit_offsets` at most: its commits hold the
    lock of the source, so it bounds how long others wait.
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
        progress: Callable[[str, int, int], None] = lambda step, done, total: None,
        unit_offsets: int,
    ) -> None:
        self._spark, self._source, self._raw, self._tables = spark, source, raw, tables
        self._application, self._lock_wait_s = application, lock_wait_s
        self._plan, self._registry = plan, registry
        self._on_step, self._warn, self._progress, self._unit_offsets = on_step, warn, progress, unit_offsets
        self._holds_source = False

    def run(self, *, anew: bool = False, switch: bool = True) -> Rebuilt:
        """Goes on with the rebuild that was begun, or begins one (always with `anew`); switches to it unless told not
        to.

        Raises:
            UsageError: one was begun under another plan or other rules, and `anew` is not asked for.
            Held: something of the source is held.
            CheckFailed: the books of the rebuilt tables do not balance; what was present stays.
            LockTimeout: another rebuild of the source runs, or another run holds the source for too long.
            Superseded: the source was switched meanwhile.
        """
        name = self._source.name
        lock_file = self._tables.lock.with_name(f".{name}.rebuild.lock")
        with exclusive(lock_file, wait_s=self._lock_wait_s, purpose=f"rebuild {name}"):
            making = self._begun(anew=anew)
            self._on_step("begun")
            beside = self._tables.numbered(making.number)
            cleaner = self._cleaner(beside)
            cleaner.begin(making.done, self._source_alone)
            making, placed = self._place_all(cleaner, making)
            with self._holding_source():
                self._refuse_held()
                making, more = self._place(cleaner, making, extents_of(self._read_raw()), "catching up")
                self._on_step("caught_up")
                self._require_balance(beside)
                self._on_step("audited")
                rows, before = rows_of(beside), rows_of(self._tables)
                if switch:
                    self._write(Standing(making.number, time.time_ns() // 1000))
                    self._on_step("switched")
        present = making.number if switch else self._tables.number
        return Rebuilt(making.number, present, making.plan, placed + more, rows, before)

    def _begun(self, *, anew: bool) -> Making:
        with self._holding_source():
            self._refuse_held()
            standing = self._standing()
            plan, rules = self._plan.version if self._plan else None, source_rules(self._source)
            if standing.making and not anew:
                self._refuse_changed(standing.making, plan, rules)
                return standing.making
            folder, definition = self._tables.clean.parent, self._tables.definition
            taken = [self._tables.number, *numbers_in(folder, definition), standing.making and standing.making.number]
            making = Making(max(number or 0 for number in taken) + 1, plan, rules)
            self._write(Standing(self._tables.number, standing.since_us, making))
            return making

    def _refuse_changed(self, making: Making, plan: int | None, rules: str) -> None:
        changed = [
            text
            for differs, text in (
                (making.plan != plan, f"by plan {making.plan}, and plan {plan} is in use now"),
                (making.rules != rules, "by other rules than the pipeline file has now"),
            )
            if differs
        ]
        if changed:
            raise UsageError(
                f"rebuild {making.number} of source '{self._source.name}' was begun {' and '.join(changed)}: one table "
                "would hold rows of both. Put back what was (headrace plan pin, or the file), or begin another one: "
                "headrace rebuild --anew"
            )

    def _place_all(self, cleaner: BesideCleaner, making: Making) -> tuple[Making, int]:
        """Places what raw has, until what has landed meanwhile is one unit at most."""
        placed, extents = 0, extents_of(self._read_raw())
        while True:
            making, more = self._place(cleaner, making, extents, "rebuilding")
            placed += more
            extents = extents_of(self._read_raw())
            done, total = count_offsets(extents, making.done)
            if total - done <= self._unit_offsets:
                return making, placed

    def _place(
        self, cleaner: BesideCleaner, making: Making, extents: Mapping[PartitionKey, Extent], step: str
    ) -> tuple[Making, int]:
        placed = 0
        self._progress(step, *count_offsets(extents, making.done))
        for last in units_of(extents, making.done, self._unit_offsets):
            placed += cleaner.place(last).rows
            making = replace(making, done={**making.done, **last})
            with self._source_alone():
                self._write(replace(self._standing(), making=making))
            self._progress(step, *count_offsets(extents, making.done))
            self._on_step("unit")
        return making, placed

    def _require_balance(self, beside: SourceTables) -> None:
        lake, topic = self._raw.parents[1], self._raw.name
        books = audit_cleaning(lake, topic, self._source.name, beside)
        if faults := faults_of(books):
            raise CheckFailed(
                f"rebuild {beside.number} of source '{self._source.name}' does not balance: {in_words(faults)} "
                f"({'; '.join(books.examples)}). It was not switched to; rebuild {self._tables.number} is present as "
                "before. Look at raw (headrace fsck --deep), then begin another one: headrace rebuild --anew"
            )

    def _refuse_held(self) -> None:
        hold = read_hold(self._tables.hold)
        if hold and not hold.released:
            raise hold.error(self._source.name)

    @contextmanager
    def _holding_source(self) -> Iterator[None]:
        with source_lock(self._tables, wait_s=self._lock_wait_s, purpose=f"rebuild {self._source.name}"):
            self._holds_source = True
            try:
                yield
            finally:
                self._holds_source = False

    def _source_alone(self) -> AbstractContextManager[None]:
        return nullcontext() if self._holds_source else self._holding_source()

    def _standing(self) -> Standing:
        return read_standing(self._tables.rebuilds, self._tables.definition)

    def _write(self, standing: Standing) -> None:
        write_standing(self._tables.rebuilds, self._tables.definition, standing)

    def _read_raw(self) -> DataFrame:
        return self._spark.read.format("delta").load(str(self._raw))

    def _cleaner(self, beside: SourceTables) -> BesideCleaner:
        return BesideCleaner(
            self._spark,
            self._source,
            raw=self._raw,
            tables=beside,
            application=self._application,
            lock_wait_s=self._lock_wait_s,
            plan=self._plan,
            registry=self._registry,
            on_step=self._on_step,
            warn=self._warn,
        )


def rows_of(tables: SourceTables) -> dict[str, int]:
    """The rows of the three tables of a source, by kind; none where there is no table yet."""
    folders = {"clean": tables.clean, "duplicates": tables.duplicates, "quarantine": tables.quarantine}
    return {
        kind: state_of(open_table(folder, made_by="headrace clean")).rows if folder.exists() else 0
        for kind, folder in folders.items()
    }
