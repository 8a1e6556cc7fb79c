"""How far the events of a unit of work may be from those of the fit window, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from .column_types import NUMBERS, ColumnType, spoken
from .declared import Declared, Listed, Name
from .expectations import Severity, Share

Measure = Literal["psi", "ks", "nulls", "outliers"]
MEASURES: tuple[Measure, ...] = ("psi", "ks", "nulls", "outliers")

Psi = Annotated[
    Annotated[float, Field(gt=0)] | None,
    Field(
        description="The greatest population stability index of the values, of numbers, text and booleans: "
        "0.1 is little, 0.25 is much."
    ),
]
Ks = Annotated[
    Share | None,
    Field(description="The greatest Kolmogorov-Smirnov distance of the values, of numbers: from 0 to 1."),
]
Nulls = Annotated[
    Share | None, Field(description="How far the share of nulls may be from that of the window: from 0 to 1.")
]
Odd = Annotated[
    Share | None,
    Field(
        description="How far the share of outliers may be from that of the window, of columns with an outlier rule: "
        "from 0 to 1."
    ),
]

OwnSeverity = Annotated[Severity | None, Field(description="warn or hold, where this column goes too far.")]


class ColumnDrift(Declared):
    """What holds for one column in place of what holds for all; null: it is not measured."""

    psi: Psi = None
    ks: Ks = None
    nulls: Nulls = None
    outliers: Odd = None
    severity: OwnSeverity = None

    def states(self, name: str) -> bool:
        """Whether the column has a word of its own on this."""
        return name in self.model_fields_set


class Drift(Declared):
    """How far the values of a unit of work may be from those of the fit window. What is not stated is not measured."""

    psi: Psi = None
    ks: Ks = None
    nulls: Nulls = None
    outliers: Odd = None
    severity: Severity = "warn"
    least: Annotated[int, Field(ge=1)] = Field(
        1000, description="With fewer events, or values, on either side nothing is known, and nothing fails."
    )
    columns: Annotated[tuple[Name, ...], Field(min_length=1), Listed] | None = Field(
        None, description="The columns that are watched; all declared ones but the event id, where it is not said."
    )
    own: dict[Name, ColumnDrift] = Field(
        default_factory=dict, description="Columns with thresholds of their own, by name; null: not measured."
    )


@dataclass(frozen=True)
class WatchedColumn:
    """What is measured of one column, with the threshold of each measure, and what happens beyond it."""

    type: ColumnType
    thresholds: Mapping[Measure, float]
    severity: str


@dataclass(frozen=True)
class Watchable:
    """What of a source drift depends on: columns with their types, and those of the event id, that are required, or
    that have an outlier rule.
    """

    types: Mapping[str, ColumnType]
    declared: Iterable[str]
    event_id: Iterable[str]
    required: Iterable[str]
    ruled: Iterable[str]

    def why_not(self, name: str, measure: Measure) -> str | None:
        """Why a measure has no meaning for a column; None where it has one."""
        kind = self.types[name]
        if measure == "nulls":
            return "the column is required, so that none is null" if name in self.required else None
        if measure == "outliers":
            return None if name in self.ruled else "the column has no outlier rule"
        if measure == "ks" and kind not in NUMBERS:
            return f"'ks' is for numbers, and the column is {spoken(kind)}"
        if kind in ("timestamp", "date"):
            return f"'psi' is for numbers, text and booleans, and the column is {spoken(kind)}"
        return None

    def names(self, drift: Drift) -> list[str]:
        """The columns that are watched, in the order of the file."""
        if drift.columns is not None:
            return list(drift.columns)
        return [name for name in self.declared if name not in self.event_id]


def watched_columns(drift: Drift, watchable: Watchable) -> dict[str, WatchedColumn]:
    """What is measured of each watched column; columns of which nothing is are left out."""
    found = {}
    for name in watchable.names(drift):
        own = drift.own.get(name, ColumnDrift())
        thresholds = {
            measure: limit
            for measure in MEASURES
            if (limit := _said(drift, own, measure)) is not None and watchable.why_not(name, measure) is None
        }
        if thresholds:
            found[name] = WatchedColumn(watchable.types[name], thresholds, own.severity or drift.severity)
    return found


def _said(drift: Drift, own: ColumnDrift, measure: Measure) -> Any:
    return getattr(own if own.states(measure) else drift, measure)
