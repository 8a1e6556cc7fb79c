"""What a training set is made from: versions of tables, pinned so that it can be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from headrace.builds import Build
from headrace.errors import ContractError
from headrace.lake import instant, name, open_table, read_columns
from headrace.pipeline import Pipeline
from headrace.pipeline.definition import training_set_definition
from headrace.tables import GroupTables, group_tables, rows_table

from .group_rows import (
    ARROW_TYPES,
    USER_METADATA,
    GroupVersions,
    first_build_not_done,
    latest_build,
    present_versions,
    require_table,
)
from .selection import Selection
from .spec import ServiceSpec
from .training_rows import Bounds

ROW_ID, AT, LABEL, LABEL_KNOWN_AT = "row_id", "at", "label", "label_known_at"
BUILD_ROWS = "`headrace build`"


@dataclass(frozen=True)
class GroupInput:
    """The tables of one group: folders under the lake, versions, and what the newest build said of itself."""

    definition: str
    features: str
    features_version: int
    pushed: str
    pushed_version: int | None
    build: Build | None

    @property
    def versions(self) -> GroupVersions:
        """The versions as readers take them."""
        return GroupVersions(self.features_version, self.pushed_version)

    def tables(self, lake: Path, tables: GroupTables) -> GroupTables:
        """The group's tables in the folders that were pinned."""
        return replace(tables, features=lake / self.features, pushed=lake / self.pushed)


@dataclass(frozen=True)
class SelectionInput:
    """The selection of features that held: its number, and the features that it keeps."""

    version: int
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """The rows table and the tables of all groups of a training set. Without `selection` no feature is left out."""

    definition: str
    rows: str  # folder under the lake
    rows_version: int
    rows_read: Sequence[Mapping[str, Any]]  # the clean tables that the rows were made from: source, table, version
    groups: Mapping[str, GroupInput]
    selection: SelectionInput | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        kept = self.selection and {"version": self.selection.version, "kept": list(self.selection.kept)}
        return {**asdict(self), "selection": kept}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Inputs:
        """What `to_json` gave; before there were selections it gave none."""
        groups = {
            group: GroupInput(**{**content, "build": content["build"] and Build(**content["build"])})
            for group, content in found["groups"].items()
        }
        chosen = found.get("selection")
        selection = chosen and SelectionInput(chosen["version"], tuple(chosen["kept"]))
        return cls(**{**found, "groups": groups, "selection": selection})


def pin_inputs(
    pipeline: Pipeline, training_set: str, service: ServiceSpec, lake: Path, selection: Selection | None = None
) -> Inputs:
    """The present versions of all tables that a training set is made from, with the selection that holds.

    Raises:
        ContractError: the rows or a group were never built under the present definition, or not to the end; or they
            were built from different rebuilds of a source.
    """
    definition = training_set_definition(pipeline, training_set)
    rows = rows_table(lake, pipeline.pipeline, training_set, definition).path
    what = f"the rows of the training set '{training_set}'"
    require_table(rows, definition, what, BUILD_ROWS)
    table = open_table(rows, made_by=BUILD_ROWS)
    rows_read = _rows_read(table)
    if table.version() == 0 and not rows_read:
        raise first_build_not_done(what, rows, BUILD_ROWS)
    groups = {}
    for group in service.groups:
        tables = group_tables(lake, pipeline.pipeline, group.name, group.definition)
        versions = present_versions(tables, group)
        groups[group.name] = GroupInput(
            group.definition,
            str(tables.features.relative_to(lake)),
            versions.features or 0,
            str(tables.pushed.relative_to(lake)),
            versions.pushed,
            latest_build(tables),
        )
    read = {group.name: (group.source.name, groups[group.name].build) for group in service.groups}
    _refuse_mixed(training_set, rows_read, read)
    chosen = None if selection is None else SelectionInput(selection.version, selection.kept)
    return Inputs(definition, str(rows.relative_to(lake)), table.version(), rows_read, groups, chosen)


def read_rows(
    inputs: Inputs, lake: Path, types: Mapping[str, str], within: Bounds, *, with_unlabelled: bool
) -> pa.Table:
    """The rows of a training set, sorted by (at, row_id): row_id as it is stored, then the columns `types`.

    Raises:
        ContractError: the version is gone, or the table lacks a column.
    """
    table = open_table(lake / inputs.rows, made_by=BUILD_ROWS, version=inputs.rows_version)
    found = read_columns(table, [ROW_ID, *types], _where(within, with_unlabelled))
    kinds = {column: ARROW_TYPES[kind] for column, kind in types.items()}
    row_id = found.schema.field(ROW_ID).type
    row_id = pa.int64() if pa.types.is_integer(row_id) else pa.string()
    return found.cast(pa.schema({ROW_ID: row_id, **kinds})).sort_by([(AT, "ascending"), (ROW_ID, "ascending")])


def _rows_read(table: DeltaTable) -> list[dict[str, Any]]:
    """What the newest commit says that it read; nothing where it says nothing."""
    (commit,) = table.history(1)
    try:
        return list(json.loads(commit.get(USER_METADATA) or "")["headrace"]["rows"]["read"])
    except (ValueError, KeyError, TypeError):
        return []


def _refuse_mixed(
    training_set: str, rows_read: Sequence[Mapping[str, Any]], groups: Mapping[str, tuple[str, Build | None]]
) -> None:
    """Refuses rows and features of different rebuilds of one source: they were cleaned by different rules."""
    used = [(str(found["source"]), f"the rows of '{training_set}'", str(found["table"])) for found in rows_read]
    used += [
        (source, f"the features of '{group}'", build.clean_table)
        for group, (source, build) in groups.items()
        if build is not None and build.clean_table
    ]
    first: dict[str, tuple[str, str]] = {}
    for source, what, table in used:
        other, found = first.setdefault(source, (what, table))
        if found != table:
            raise ContractError(
                f"{what} are made from rebuild {table} of source '{source}', and {other} from {found}: rows that were "
                "cleaned by different rules would stand side by side. `headrace build` makes both from the present one"
            )


def _where(within: Bounds, with_unlabelled: bool) -> str:
    terms = [] if with_unlabelled else [f"{name(LABEL)} IS NOT NULL"]
    if within.from_us is not None:
        terms.append(f"{name(AT)} >= {instant(within.from_us)}")
    if within.until_us is not None:
        terms.append(f"{name(AT)} < {instant(within.until_us)}")
    if within.label_before_us is not None:
        known = f"{name(LABEL_KNOWN_AT)} < {instant(within.label_before_us)}"
        terms.append(f"({known} OR {name(LABEL)} IS NULL)" if with_unlabelled else known)
    return " AND ".join(terms)
