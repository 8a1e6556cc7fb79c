"""Entities, feature groups and services: what is said about whom, and which features are served together."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from headrace.errors import near_names

from .declared import Declared, Listed, Name, Named, faults_at, found
from .source import Interval, Source
from .times import UNIT_US, Duration, DurationField, DurationUs

AGGREGATIONS = ("count", "sum", "mean", "min", "max", "stddev", "first", "last")
EVENTS = "events"


class Entity(Named):
    """Whom features describe, and the columns that identify one."""

    keys: Annotated[tuple[Name, ...], Listed] = Field(
        description="The columns that identify one, in order.", min_length=1
    )


class FeatureColumn(NamedTuple):
    """One column of a feature group: its type, and where it comes from."""

    type: str
    column: str | None  # the source's column; None where events are counted
    aggregation: str | None = None  # None for a latest value
    window: Duration | None = None


Aggregations = tuple[str, ...] | Literal["events"]


def _aggregations(value: object) -> object:
    if value in ({"count": EVENTS}, EVENTS):
        return EVENTS
    if not isinstance(value, list | tuple) or not value:
        hint = f"Write a list of: {', '.join(AGGREGATIONS)}; or {{count: events}} to count events"
        raise PydanticCustomError("aggregations", "is not legal here", {"hint": hint})
    for at, name in enumerate(value):
        if name not in AGGREGATIONS:
            hint = f"Did you mean: {near_names(str(name), AGGREGATIONS)}?"
            raise faults_at((at, f"there is no aggregation {found(name)}", hint))
        if name in value[:at]:
            raise faults_at((at, f"'{name}' is listed twice", "Keep one"))
    return tuple(value)


AggregationsField = Annotated[
    Aggregations,
    BeforeValidator(_aggregations),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": list(AGGREGATIONS)}},
                {
                    "type": "object",
                    "properties": {"count": {"const": EVENTS}},
                    "required": ["count"],
                    "additionalProperties": False,
                },
            ],
            "description": "Aggregations of the column of this name; or {count: events} under a new name.",
        }
    ),
]


class FeatureGroup(Named):
    """Features of one entity from one source: aggregates over windows, or the latest values."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["aggregate"]}, {"required": ["latest"]}],
            "dependentRequired": {"aggregate": ["windows"], "windows": ["aggregate"], "carry": ["latest"]},
        }
    )

    entity: Name = Field(description="The entity that the features describe.")
    source: Name = Field(description="The source that they come from.")
    aggregate: dict[Name, AggregationsField] = Field(
        default_factory=dict, description="What is calculated over each window, by column of the source."
    )
    windows: Annotated[tuple[DurationField, ...], Listed] = Field(
        (), description="How far back aggregates look. A window at t holds the events before t."
    )
    hop: DurationField | None = Field(
        None,
        description="What the start of a window is rounded down to; it divides all windows. "
        "Without it: the largest number of whole minutes that does and is at most 1/12 of the smallest window.",
    )
    latest: Annotated[tuple[Name, ...], Listed] = Field((), description="The columns whose newest values are features.")
    ttl_us: DurationUs | None = Field(
        None, alias="ttl", description="How long values hold after their event_at. Without it, for ever."
    )
    carry_us: dict[Name, DurationUs] = Field(
        default_factory=dict,
        alias="carry",
        description="Latest columns whose nulls are answered by the last known value, if it is this young. Flagged.",
    )

    @property
    def hop_us(self) -> int | None:
        """The hop in microseconds, declared or by the default rule; None where there are no windows or no such hop."""
        return self.hop.us if self.hop else default_hop_us([window.us for window in self.windows])

    def feature_columns(self, source: Source) -> dict[str, FeatureColumn]:
        """The feature columns of this group over `source`, in the order in which they are declared.

        `{column}_{aggregation}_{window}` for aggregates; for latest values the column's name, followed by
        `{column}_carried` (boolean) where nulls are carried.
        """
        types = source.clean_columns()
        features: dict[str, FeatureColumn] = {}
        for column, wanted in self.aggregate.items():
            for aggregation in ("count",) if wanted == EVENTS else wanted:
                for window in self.windows:
                    kind = result_type(aggregation, types.get(column, "long"))
                    read = None if wanted == EVENTS else column
                    features[f"{column}_{aggregation}_{window}"] = FeatureColumn(kind, read, aggregation, window)
        for column in self.latest:
            features[column] = FeatureColumn(types.get(column, ""), column)
            if column in self.carry_us:
                features[f"{column}_carried"] = FeatureColumn("boolean", column)
        return features


def default_hop_us(windows_us: list[int]) -> int | None:
    """The largest whole-minute divisor common to all windows that is at most 1/12 of the smallest, at least one minute.

    None where there is no such divisor (a window of 90 s).
    """
    minute_us = UNIT_US["m"]
    common_us = math.gcd(*windows_us) if windows_us else 0
    if not common_us or common_us % minute_us:
        return None
    most = max(min(windows_us) // 12 // minute_us, 1)
    common = common_us // minute_us
    return minute_us * max(divisor for divisor in range(1, most + 1) if common % divisor == 0)


def result_type(aggregation: str, column_type: str) -> str:
    """The type that an aggregation of a column of `column_type` gives."""
    if aggregation == "count":
        return "long"
    return "double" if aggregation in ("mean", "stddev") else column_type


class Prune(Declared):
    """Leaves out features of a service that say what another already says. Chosen on a stated interval."""

    measure: Literal["pearson", "spearman"] = Field(description="How likeness is measured.")
    above: Annotated[float, Field(gt=0, le=1)] = Field(
        description="Features at least this much alike: one is left out."
    )
    fit: Interval = Field(description="The choice looks at the training rows whose instant is in this interval.")
    keep: Annotated[tuple[str, ...], Listed] = Field(
        (), description="Features that are never left out, as group__feature; what is like them is."
    )
    drop: Annotated[tuple[str, ...], Listed] = Field(
        (), description="Features that are always left out, as group__feature."
    )


class Service(Named):
    """Feature groups that are served together, to one model."""

    features: Annotated[tuple[Name, ...], Listed] = Field(description="The feature groups, by name.", min_length=1)
    prune: Prune | None = Field(None, description="Leave out features that correlate with others.")
