"""A small lake with feature tables and training rows, written by deltalake: no Spark.

Instants are whole microseconds; `HOUR_US` and `T0_US` keep them short in tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, write_deltalake

from headrace.builds import Build
from headrace.features.group_rows import arrow_schema
from headrace.features.spec import GroupSpec, group_spec, service_spec
from headrace.pipeline import Pipeline, load_pipeline
from headrace.pipeline.definition import training_set_definition
from headrace.pipeline.times import instant_us, iso
from headrace.settings import Settings
from headrace.tables import CREATED_AT, EVENT_AT, KNOWN_AT, GroupTables, group_tables, rows_table

HOUR_US = 3_600_000_000
T0_US = instant_us("2024-03-01T00:00:00Z")

BANK = """\
pipeline: bank
sources:
  payments:
    topic: payments
    event_id: [payment_id]
    event_at: paid_at
    columns:
      payment_id: {type: string, required: true}
      account: {type: string}
      branch: {type: long}
      paid_at: {type: timestamp, required: true}
      amount: {type: double}
      kind: {type: string}
      pieces: {type: long}
      refunded: {type: boolean}
      due_on: {type: date}
entities:
  account: {keys: [account]}
  desk: {keys: [account, branch]}
features:
  account_last:
    entity: account
    source: payments
    latest: [amount, kind, pieces, refunded]
    ttl: 1h
  desk_last:
    entity: desk
    source: payments
    latest: [amount, due_on]
services:
  risk:
    features: [account_last, desk_last]
  account_only:
    features: [account_last]
  desk_only:
    features: [desk_last]
training_sets:
  risk:
    service: risk
    rows: {source: payments, at: paid_at}
    label: {source: payments, by: [payment_id], type: boolean, value: amount > 100}
    extra:
      pieces: {type: long, value: pieces}
    split: {train: {until: 2024-03-02}, test: {until: 2024-03-04}, embargo: 12h}
"""


class FeatureLake:
    """A pipeline (`bank`, if no other is given) over a lake in `folder`; its file is `<folder>/<file>`."""

    def __init__(self, folder: Path, text: str = BANK, file: str = "bank.yaml") -> None:
        self.folder, self.file = folder, folder / file
        folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text(text)
        self.pipeline: Pipeline = load_pipeline(self.file)
        self.created_us = T0_US

    def settings(self, at_us: int | None = None) -> Settings:
        """Settings of this lake, with the clock at `at_us`."""
        clock = "system" if at_us is None else iso(at_us)
        return Settings(lake=self.folder / "lake", online_store=self.folder / "online", clock=clock, lock_wait_s=5)

    def spec(self, group: str) -> GroupSpec:
        return group_spec(self.pipeline, group)

    def tables(self, group: str) -> GroupTables:
        return group_tables(self.folder / "lake", self.pipeline.pipeline, group, self.spec(group).definition)

    def build(
        self, group: str, rows: Iterable[Mapping[str, Any]], *, until_us: int | None = None, clean_table: str = ""
    ) -> None:
        """Appends rows to a feature table, as one build up to `until_us` from this clean table."""
        build = Build(until_us or T0_US + 100 * HOUR_US, 7, self.created_us, clean_table)
        self._append(self.tables(group).features, self._table(group, rows), build.to_metadata())

    def push(self, group: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Appends rows to the table of pushed ones."""
        self._append(self.tables(group).pushed, self._table(group, rows), "{}")

    def training_rows(self, rows: Iterable[Mapping[str, Any]], training_set: str = "risk") -> None:
        """Appends rows to the rows table of a training set of this pipeline."""
        declared = self.pipeline.training_sets[training_set]
        keys = service_spec(self.pipeline, declared.service).keys
        extra = {name: derived.type for name, derived in declared.extra.items()}
        types = {"row_id": "string", "at": "timestamp", **keys, "label": declared.label.type}
        types |= {"label_known_at": "timestamp", **extra}
        definition = training_set_definition(self.pipeline, training_set)
        path = rows_table(self.folder / "lake", self.pipeline.pipeline, training_set, definition).path
        read = [{"source": declared.rows.source, "table": "0123456789ab-1", "version": 3}]
        self._append(path, arrow_table(types, rows), json.dumps({"headrace": {"rows": {"read": read}}}))

    def _table(self, group: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
        self.created_us += 1  # what is written later was computed later
        filled = [{KNOWN_AT: row[EVENT_AT], CREATED_AT: self.created_us, **row} for row in rows]
        return arrow_table(self.spec(group).table_columns(), filled)

    @staticmethod
    def _append(path: Path, table: pa.Table, metadata: str) -> None:
        properties = CommitProperties(custom_metadata={"userMetadata": metadata})
        write_deltalake(str(path), table, mode="append", commit_properties=properties)


def arrow_table(types: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as Arrow in the types of a pipeline file; what a row does not say is null; timestamps are microseconds."""
    filled = list(rows)
    schema = arrow_schema(types)
    columns = {}
    for name in types:
        kind = schema.field(name).type
        values = [row.get(name) for row in filled]
        columns[name] = (
            pa.array(values, pa.int64()).cast(kind) if pa.types.is_timestamp(kind) else pa.array(values, kind)
        )
    return pa.table(columns, schema=schema)
