"""Where the tables of a lake are, and the columns that every part agrees on.

    raw/<topic>                                            written by ingestion (deltalake)
    <pipeline>/clean|quarantine|duplicates/<source>/<definition>-<n>   written by jobs (Spark)
    <pipeline>/features/<group>/<definition>-<n>           written by jobs (Spark)
    <pipeline>/pushed/<group>/<definition>-<n>             written by features (deltalake)
    <pipeline>/rows/<training set>/<definition>-<n>        written by jobs (Spark)
    <pipeline>/plans                                       written by jobs (Spark)
    <pipeline>/checks/<source>/<definition>-<n>            written by jobs (Spark): what came of each expectation
    <pipeline>/metrics/<source>.prom                       written by jobs: the newest of them, for Prometheus
    <pipeline>/plans.pinned.json                           which plan holds for a source, where it is not the newest
    <pipeline>/selections                                  written by features (deltalake)
    <pipeline>/selections.pinned.json                      which of them holds for a service, where not the newest
    <pipeline>/manifests/*.json                            what stored training sets are made from
    .schemas/<registry>/<id>.json                          written by jobs: the writer schemas that raw needs to be read

A definition has its own folder: `<definition>` is the fingerprint of what makes the rows what they are, `<n>` counts
rebuilds; `headrace.rebuilds` has which of them is present. Pushed rows are nobody's rebuild: they stay in the first.
Landers say in `.landers` how they stand. The lock of a table, or of a source, is a file beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from .rebuilds import FIRST, folder_name, numbers_in, parts_of, present_number

# The place of a record in Kafka: the key of raw, and the lineage that every row made from it keeps.
TOPIC_ID, GENERATION, PARTITION, OFFSET = "_topic_id", "_generation", "_partition", "_offset"
POSITION = (TOPIC_ID, GENERATION, PARTITION, OFFSET)

# The clocks of a row: when the fact became known in the world, when it reached Kafka, when this system could first
# have known all that is folded into the row, and when it computed the row.
EVENT_AT, ARRIVED_AT, KNOWN_AT, CREATED_AT = "event_at", "arrived_at", "known_at", "_created_at"

CHECKS = "checks"  # the folder of a pipeline's tables of checks
PLANS = "plans"  # the folder of a pipeline's fitted plans
SELECTIONS = "selections"  # the folder of the decisions which features of a service are left out
MANIFESTS = "manifests"  # the folder of a pipeline in the lake where stored training sets are pinned

# Table properties of raw.
CLUSTER_ID_PROPERTY = "headrace.cluster_id"
TOPIC_IDS_PROPERTY = "headrace.topic_ids"  # comma-separated; the place in the list is the generation
GAPS_PROPERTY = "headrace.gaps"  # what was accepted as not landed; see `headrace.gaps`

# Why a record was rejected, in the order in which the checks are made: the first that fails is the reason.
REASONS = (
    "tombstone",  # the value is null
    "too_large",  # more bytes than a document may have
    "invalid_utf8",
    "invalid_json",  # not one JSON document, or one with a key twice
    "invalid_frame",  # not the frame of a schema registry: a byte 0, and four bytes of schema id
    "unknown_schema",  # the registry has no schema of this id, or one that cannot be used
    "invalid_avro",  # not exactly one value of the schema that the record names
    "not_an_object",
    "unknown_field",  # only where the source says `unknown_fields: quarantine`
    "missing_field",  # a required column is absent or null
    "wrong_type",
    "null_event_id",
    "null_event_at",
    "not_allowed",  # outside `one_of`
    "out_of_range",  # outside `between`
    "in_the_future",  # event_at more than an hour after arrived_at
    "late",  # only where the source says `late: {action: quarantine}`
    "expectation",  # only where one says `severity: quarantine`
    "outlier",  # only where a rule says `action: quarantine`
    "dropped_by_hand",  # an event that was held, and then dropped
)


def raw_table(lake: Path, topic: str) -> Path:
    """The folder of the raw table of `topic` (its full name on the cluster)."""
    return lake / "raw" / topic


def raw_lock(lake: Path, topic: str) -> Path:
    """The lock file of the raw table of `topic`."""
    return lake / "raw" / f".{topic}.lock"


def landers_folder(lake: Path) -> Path:
    """Where each lander of a lake keeps how it stands, one file a process."""
    return lake / ".landers"


def schemas_folder(lake: Path, registry: str) -> Path:
    """Where the schemas of the registry at this address are kept, one file an id; they are needed as long as raw is."""
    return lake / ".schemas" / re.sub(r"[^A-Za-z0-9.-]+", "_", registry)


def landing_application(topic_id: str, partition: int) -> str:
    """The Delta transaction application id whose version is the landed position of one partition."""
    return f"headrace/land/{topic_id}/{partition}"


@dataclass(frozen=True)
class SourceTables:
    """The three tables that the cleaning of one source writes, the lock that covers them, the table that says what came
    of its checks, the file that is there while something is held, the one that says which rebuild is present, and the
    one that Prometheus reads.
    """

    clean: Path
    quarantine: Path
    duplicates: Path
    lock: Path
    checks: Path
    hold: Path
    rebuilds: Path
    metrics: Path

    @property
    def definition(self) -> str:
        """The definition under which they are."""
        return parts_of(self.clean.name)[0]

    @property
    def number(self) -> int:
        """Which rebuild they are."""
        return parts_of(self.clean.name)[1]

    def numbered(self, number: int) -> SourceTables:
        """Those of another rebuild."""
        source = self.clean.parent.name
        return _source_tables(self.clean.parents[2], source, folder_name(self.definition, number))

    @property
    def are_present(self) -> bool:
        """Whether they are what readers of the source see now, and no rebuild beside it.

        Raises:
            ContractError: what is present cannot be read.
        """
        return self.number == present_number(self.rebuilds, self.clean.parent, self.definition)

    @property
    def pipeline(self) -> str:
        """The pipeline that the source is of."""
        return self.metrics.parent.parent.name


def source_tables(lake: Path, pipeline: str, source: str, definition: str) -> SourceTables:
    """The present tables of a source under one definition, or the first to come.

    Raises:
        ContractError: what is present cannot be read.
    """
    root = lake / pipeline
    number = present_number(_rebuilds(root, "clean", source), root / "clean" / source, definition)
    return _source_tables(root, source, folder_name(definition, number))


def _source_tables(root: Path, source: str, name: str) -> SourceTables:
    return SourceTables(
        clean=root / "clean" / source / name,
        quarantine=root / "quarantine" / source / name,
        duplicates=root / "duplicates" / source / name,
        lock=root / "clean" / f".{source}.lock",
        checks=root / CHECKS / source / name,
        hold=root / CHECKS / f".{source}.{name}.hold.json",
        rebuilds=_rebuilds(root, "clean", source),
        metrics=root / "metrics" / f"{source}.prom",
    )


@dataclass(frozen=True)
class PlansTable:
    """The table of a pipeline's fitted plans, its lock, and the file that says which of them are pinned."""

    path: Path
    lock: Path
    pinned: Path


def plans_table(lake: Path, pipeline: str) -> PlansTable:
    """Where the plans of a pipeline are; its sources share the table."""
    root = lake / pipeline
    return PlansTable(path=root / PLANS, lock=root / f".{PLANS}.lock", pinned=root / f"{PLANS}.pinned.json")


@dataclass(frozen=True)
class GroupTables:
    """The two tables of a feature group, which every reader takes together: what was built, and what was pushed; and
    the file that says which rebuild of the first is present.

    A build holds `features_lock` alone; whoever pushes shares `pushed_lock`.
    """

    features: Path
    pushed: Path
    features_lock: Path
    pushed_lock: Path
    rebuilds: Path

    @property
    def definition(self) -> str:
        """The definition under which they are."""
        return parts_of(self.features.name)[0]

    @property
    def number(self) -> int:
        """Which rebuild the built ones are."""
        return parts_of(self.features.name)[1]

    def numbered(self, number: int) -> GroupTables:
        """Those of another rebuild, with the same pushed rows."""
        return replace(self, features=self.features.with_name(folder_name(self.definition, number)))


def group_tables(lake: Path, pipeline: str, group: str, definition: str) -> GroupTables:
    """The present tables of a feature group under one definition, or the first to come.

    Raises:
        ContractError: what is present cannot be read.
    """
    root = lake / pipeline
    rebuilds = _rebuilds(root, "features", group)
    number = present_number(rebuilds, root / "features" / group, definition)
    return GroupTables(
        features=root / "features" / group / folder_name(definition, number),
        pushed=root / "pushed" / group / folder_name(definition, FIRST),
        features_lock=root / "features" / f".{group}.lock",
        pushed_lock=root / "pushed" / f".{group}.lock",
        rebuilds=rebuilds,
    )


@dataclass(frozen=True)
class RowsTable:
    """The table of a training set's rows, and its lock."""

    path: Path
    lock: Path


def rows_table(lake: Path, pipeline: str, training_set: str, definition: str) -> RowsTable:
    """The present table of a training set's rows under one definition."""
    folder = lake / pipeline / "rows"
    name = folder_name(definition, max(numbers_in(folder / training_set, definition), default=FIRST))
    return RowsTable(path=folder / training_set / name, lock=folder / f".{training_set}.lock")


@dataclass(frozen=True)
class SelectionsTable:
    """The table of a pipeline's selections of features, its lock, and the file that says which of them are pinned."""

    path: Path
    lock: Path
    pinned: Path


def selections_table(lake: Path, pipeline: str) -> SelectionsTable:
    """Where the selections of a pipeline are; its services share the table."""
    root = lake / pipeline
    return SelectionsTable(root / SELECTIONS, root / f".{SELECTIONS}.lock", root / f"{SELECTIONS}.pinned.json")


def _rebuilds(root: Path, kind: str, name: str) -> Path:
    return root / kind / f".{name}.rebuilds.json"
