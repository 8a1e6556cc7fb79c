"""A fitted plan as data: bounds, fills, robust centres and the statistics of the window, for one source.

Values of columns are stored as JSON can hold them: a timestamp as microseconds since 1970, a date as days, all else as
it is. Every number is finite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Scalar = bool | int | float | str
T = TypeVar("T")


class Stored(BaseModel):
    """A part of a plan."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Bounds(Stored):
    """The closed range `[low, high]` of ordinary values, in the column's own unit; None leaves a side open."""

    low: float | None = None
    high: float | None = None


class Ellipse(Stored):
    """Rows that are ordinary together: |W (x - centre)|² ≤ limit, for k columns.

    `weights` is W, k rows of k numbers, in the order of the rule's columns; `limit` is the threshold squared.
    """

    centre: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    limit: float


class Group(Stored, Generic[T]):
    """What was fitted for one group; `key` has the values of the grouping columns as text."""

    key: tuple[str, ...]
    value: T


class Grouped(Stored, Generic[T]):
    """What was fitted for each group, and for all rows together: `otherwise` holds for a group that is not listed, and
    where a grouping column is null.
    """

    by: tuple[str, ...] = ()
    otherwise: T | None = None
    groups: tuple[Group[T], ...] = ()


class OutlierPlan(Stored):
    """The bounds of one column, and the rule as it was declared when they were fitted."""

    rule: dict[str, Any]
    bounds: Grouped[Bounds]


class Fills(Stored):
    """What stands for a missing value of one column; None: it stays missing."""

    rule: dict[str, Any]
    fill: Grouped[Scalar]


class ColumnPlan(Stored):
    """What was fitted for one column. `notes` says in words where a rule has set nothing, and why."""

    outliers: OutlierPlan | None = None
    missing: Fills | None = None
    notes: tuple[str, ...] = ()


class JointPlan(Stored):
    """What was fitted for one rule over several columns; a group without an ellipse has no outliers."""

    rule: dict[str, Any]
    columns: tuple[str, ...]
    ellipses: Grouped[Ellipse]
    notes: tuple[str, ...] = ()


class ColumnStatistics(Stored):
    """One column in the fitted window, as sent. What does not apply to its type is None.

    `values` counts all that is not null, infinities and NaN (`not_finite`) included; the numbers after them are of the
    finite ones. `distinct` is an estimate within 2 %. `quantiles` are those of 0, 0.02 … 1. `edges` are those of 0.05,
    0.1 … 0.95 (in older plans of 0.1 … 0.9), and `shares` the parts of the finite values in (-∞, edges[0]],
    (edges[0], edges[1]] … (edges[-1], ∞). `top` are the most frequent values of
    text and of booleans, with their counts. `outliers` counts the values outside the bounds of the plan.
    """

    type: str
    values: int
    nulls: int
    distinct: int
    not_finite: int | None = None
    least: float | None = None
    greatest: float | None = None
    mean: float | None = None
    stddev: float | None = None
    quantiles: tuple[float, ...] = ()
    edges: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    top: tuple[tuple[str, int], ...] = ()
    outliers: int | None = None


class Plan(Stored):
    """What was fitted for a source on one window.

    `rows` are the events of the window; where `one_in` is above 1 the plan was fitted on that part of them, chosen by
    the hash of the event id. `statistics` and the counts in it are of the rows that were looked at.
    """

    rows: int
    one_in: int = 1
    columns: dict[str, ColumnPlan] = {}
    joint: dict[str, JointPlan] = {}
    joint_outliers: dict[str, int] = {}
    statistics: dict[str, ColumnStatistics] = {}

    def notes(self) -> list[str]:
        """What the plan says in words, each line with its column or rule."""
        parts: list[tuple[str, ColumnPlan | JointPlan]] = [*self.columns.items(), *self.joint.items()]
        return [f"{name}: {note}" for name, part in parts for note in part.notes]


@dataclass(frozen=True)
class PlanVersion:
    """One version of a source's plan, and what it was made from.

    `from_us` and `to_us` are the half-open window of event time, None for a table without one. `inputs` are the table
    versions that were read, by their folder under the lake.
    """

    source: str
    version: int
    created_at_us: int
    definition: str
    from_us: int | None
    to_us: int | None
    inputs: Mapping[str, int]
    code: str
    plan: Plan
