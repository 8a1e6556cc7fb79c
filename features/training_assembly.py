"""A training set put together from pinned inputs: its rows, and the features as of each row's instant."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from headrace.pipeline import Pipeline
from headrace.tables import group_tables

from .asked_rows import asked_instants
from .service_join import join_service
from .spec import ServiceSpec, service_spec
from .training_inputs import AT, LABEL, ROW_ID, Inputs, read_rows
from .training_rows import Bounds, Choice, bounds
from .training_set import TrainingSet


def assemble(pipeline: Pipeline, name: str, lake: Path, inputs: Inputs, choice: Choice) -> TrainingSet:
    """The training set from pinned inputs: the same inputs and choice give the same table.

    Raises:
        ContractError: a version of a table is gone.
    """
    declared = pipeline.training_sets[name]
    kept = None if inputs.selection is None else inputs.selection.kept
    service = service_spec(pipeline, declared.service, kept)
    within = bounds(choice, declared.split)
    table = joined_rows(
        pipeline,
        name,
        service,
        lake,
        inputs,
        within,
        by_knowledge=choice.by_knowledge,
        with_unlabelled=choice.with_unlabelled,
    )
    extra = {column: derived.type for column, derived in declared.extra.items()}
    return TrainingSet(name, table, tuple(service.keys), extra, service.features, inputs, choice)


def joined_rows(
    pipeline: Pipeline,
    name: str,
    service: ServiceSpec,
    lake: Path,
    inputs: Inputs,
    within: Bounds,
    *,
    by_knowledge: bool = False,
    with_unlabelled: bool = False,
) -> pa.Table:
    """The rows `within` of a training set with the features of its service, in the columns of `TrainingSet.table`.

    Raises:
        ContractError: a version of a table is gone.
    """
    declared = pipeline.training_sets[name]
    extra = {column: derived.type for column, derived in declared.extra.items()}
    types = {AT: "timestamp", **service.keys, LABEL: declared.label.type, **extra}
    rows = read_rows(inputs, lake, types, within, with_unlabelled=with_unlabelled)
    tables = {
        group.name: inputs.groups[group.name].tables(
            lake, group_tables(lake, pipeline.pipeline, group.name, group.definition)
        )
        for group in service.groups
    }
    versions = {group: pinned.versions for group, pinned in inputs.groups.items()}
    asked = rows.select(list(service.keys))
    joined = join_service(service, tables, versions, asked, asked_instants(rows, AT), by_knowledge=by_knowledge)
    columns = {ROW_ID: rows.column(ROW_ID), **columns_of(rows), **columns_of(joined.features)}
    return pa.table(columns).combine_chunks()


def columns_of(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """The columns of a table by name, in order."""
    return dict(zip(table.column_names, table.columns, strict=True))
