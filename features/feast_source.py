"""A feature group as Feast's registry knows it: which group under which definition, and its columns, but no place.

Where the lake is, the configuration of the store says, so one registry serves machines that keep it elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from feast import FeatureView, ValueType
from feast.data_source import DataSource
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.repo_config import RepoConfig

from headrace.errors import ContractError, UsageError, near_names
from headrace.tables import CREATED_AT, EVENT_AT, KNOWN_AT

# What a type of the pipeline file is in Feast. Feast has no date: it is the midnight (UTC) that begins it.
FEAST_TYPES: Mapping[str, ValueType] = {
    "string": ValueType.STRING,
    "long": ValueType.INT64,
    "double": ValueType.DOUBLE,
    "boolean": ValueType.BOOL,
    "timestamp": ValueType.UNIX_TIMESTAMP,
    "date": ValueType.UNIX_TIMESTAMP,
}


@dataclass(frozen=True)
class RegisteredGroup:
    """What readers and writers of a group need to know of it: name to type of its keys and features, in order."""

    pipeline: str
    name: str
    definition: str
    keys: Mapping[str, str]
    features: Mapping[str, str]

    def table_columns(self) -> dict[str, str]:
        """Name to type of the columns of the group's tables."""
        return {**self.keys, EVENT_AT: "timestamp", KNOWN_AT: "timestamp", CREATED_AT: "timestamp", **self.features}

    def pushed_columns(self) -> dict[str, str]:
        """Name to type of what a push must bring: the columns of the tables without `known_at`, which follows."""
        return {name: kind for name, kind in self.table_columns().items() if name != KNOWN_AT}

    def require_features(self, asked: Iterable[str]) -> None:
        """Refuses features that the group does not have.

        Raises:
            UsageError: there is none of a name; the message lists the nearest.
        """
        for name in asked:
            if name not in self.features:
                near = near_names(name, self.features)
                raise UsageError(f"the feature view '{self.name}' has no feature '{name}'. Did you mean: {near}?")


class DeltaSource(DataSource):
    """The tables of one feature group: built rows and pushed rows, read together."""

    def __init__(
        self, *, group: RegisteredGroup, description: str = "", tags: dict[str, str] | None = None, owner: str = ""
    ) -> None:
        super().__init__(
            name=f"{group.name}_table",
            timestamp_field=EVENT_AT,
            created_timestamp_column=CREATED_AT,
            description=description,
            tags=tags,
            owner=owner,
        )
        self.group = group

    def __eq__(self, other: object) -> bool:
        same = super().__eq__(other)  # type: ignore[no-untyped-call]
        return bool(same) and isinstance(other, DeltaSource) and self.group == other.group

    def __hash__(self) -> int:
        return hash(self.name)

    @staticmethod
    def from_proto(data_source: DataSourceProto) -> DeltaSource:
        """The source that was written into the registry."""
        return DeltaSource(
            group=RegisteredGroup(**json.loads(data_source.custom_options.configuration)),
            description=data_source.description,
            tags=dict(data_source.tags),
            owner=data_source.owner,
        )

    def _to_proto_impl(self) -> DataSourceProto:
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=f"{DeltaSource.__module__}.{DeltaSource.__qualname__}",
            custom_options=DataSourceProto.CustomSourceOptions(configuration=json.dumps(asdict(self.group)).encode()),
            timestamp_field=self.timestamp_field,
            created_timestamp_column=self.created_timestamp_column,
            description=self.description,
            tags=self.tags,
            owner=self.owner,
        )

    def validate(self, config: RepoConfig) -> None:
        """Asks for nothing: a view may be registered before its table is built."""

    def get_table_column_names_and_types(self, config: RepoConfig) -> Iterable[tuple[str, str]]:
        """What `write_to_offline_store` takes: name and type of the columns that a push must bring."""
        return list(self.group.pushed_columns().items())

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        """Feast's type of a type of the pipeline file."""
        return lambda kind: FEAST_TYPES[kind]

    def get_table_query_string(self) -> str:
        """The name of the table, for display only: no SQL of Feast reads it."""
        return str(self.name)

    def source_type(self) -> Any:
        """A source that Feast does not ship."""
        return DataSourceProto.CUSTOM_SOURCE


def group_of(view: FeatureView) -> RegisteredGroup:
    """The group behind a feature view.

    Raises:
        ContractError: the view was registered by something else than `headrace apply`.
    """
    return group_of_source(view.batch_source, view.name)


def is_group(view: FeatureView) -> bool:
    """Whether a feature view is a feature group of a pipeline file."""
    return isinstance(_inner(view.batch_source), DeltaSource)


def group_of_source(source: DataSource | None, name: str) -> RegisteredGroup:
    """The group behind a data source, or behind the push source around it. `name` is said where it is another's."""
    inner = _inner(source)
    if not isinstance(inner, DeltaSource):
        raise ContractError(
            f"'{name}' is not a feature group of a pipeline file: its source is a {type(inner).__name__}. "
            "`headrace apply` registers what the stores of Headrace can read"
        )
    return inner.group


def _inner(source: DataSource | None) -> Any:
    return getattr(source, "batch_source", None) or source
