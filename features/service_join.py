"""The features of a service for rows that were asked: each group joined as of the row's instant."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.errors import BeyondBuildWarning
from headrace.pipeline.times import iso
from headrace.tables import GroupTables, group_tables

from .group_rows import GroupVersions, latest_build, present_versions, read_group
from .point_in_time import Instants, as_of
from .spec import ServiceSpec


@dataclass(frozen=True)
class Joined:
    """One row for each asked one, in order: a column a feature (`{group}__{column}`, null where there is none), and
    for each group what was found ([n] int8, of `point_in_time.Status`).
    """

    features: pa.Table
    status: Mapping[str, npt.NDArray[np.int8]]


def tables_of(lake: Path, pipeline: str, service: ServiceSpec) -> dict[str, GroupTables]:
    """The tables of each group of a service."""
    return {group.name: group_tables(lake, pipeline, group.name, group.definition) for group in service.groups}


def pin(service: ServiceSpec, tables: Mapping[str, GroupTables]) -> dict[str, GroupVersions]:
    """The present versions of the tables of each group.

    Raises:
        ContractError: a group was never built under this definition.
    """
    return {group.name: present_versions(tables[group.name], group) for group in service.groups}


def join_service(
    service: ServiceSpec,
    tables: Mapping[str, GroupTables],
    versions: Mapping[str, GroupVersions],
    asked: pa.Table,
    at_us: Instants,
    *,
    by_knowledge: bool = False,
) -> Joined:
    """Joins every group of `service` to the key columns `asked` (n rows) at the instants `at_us` ([n] int64). Only the
    features that the service gives out are read.

    Raises:
        ContractError: a table is missing, or a version of one is gone.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    status: dict[str, npt.NDArray[np.int8]] = {}
    latest_us = int(at_us.max()) if len(at_us) else None
    for group in service.groups:
        served = replace(group, columns={name: group.columns[name] for name in service.served(group)})
        rows = read_group(served, tables[group.name], versions=versions[group.name], until_us=latest_us)
        found = as_of(rows, asked, list(group.keys), at_us, ttl_us=group.ttl_us, by_knowledge=by_knowledge)
        status[group.name] = found.status
        if served.features:
            taken = rows.select(list(served.features)).take(pa.array(found.rows, mask=found.rows < 0))
            columns |= {group.full_name(name): taken.column(name) for name in served.features}
    return Joined(pa.table(columns), status)


def warn_beyond_builds(tables: Mapping[str, GroupTables], at_us: Instants) -> None:
    """Warns once of rows later than the instant up to which one of the groups (name to tables) is built."""
    built = [(build.until_us, group) for group, found in tables.items() if (build := latest_build(found))]
    if not built or not len(at_us):
        return
    until_us, group = min(built)
    later = int(np.count_nonzero(at_us > until_us))
    if later:
        warnings.warn(_beyond(group, until_us, later, len(at_us)), BeyondBuildWarning, stacklevel=3)


def _beyond(group: str, until_us: int, later: int, asked: int) -> str:
    return (
        f"{later} of {asked} rows ask for an instant after {iso(until_us)}, up to which the features of "
        f"'{group}' are built: what happened after it is not in them. `headrace build` goes on from there"
    )
