"""What a profile says of a table: the shape of its JSON, one version of which is `SCHEMA`.

Counts are of rows. A share is between 0 and 1. Instants are ISO 8601 in UTC. A number that cannot be said (the mean of
no value, the correlation with a constant) is null; nothing in the file is NaN or infinite.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from headrace.errors import UsageError

from .check_history import CheckHistory
from .said import Said

SCHEMA: Literal["headrace.profile/1"] = "headrace.profile/1"

Kind = Literal["number", "category", "time", "other"]
Rule = Literal["iqr", "z", "mad"]


class ValueCount(Said):
    """A value, as text or as a number, and in how many rows it stands."""

    value: str | float
    rows: int


class Histogram(Said):
    """Bins of equal width: bin i holds `edges[i] <= x < edges[i + 1]`, the last one its right edge too.

    `below` and `above` are values outside of the edges, which leave out far values so that the rest can be seen.
    """

    edges: tuple[float, ...]
    rows: tuple[int, ...]
    below: int
    above: int


class Beyond(Said):
    """Values outside of `low` and `high`, the bounds of one rule for outliers."""

    low: float
    high: float
    below: int
    above: int

    @property
    def rows(self) -> int:
        """How many values are outside."""
        return self.below + self.above


class Numbers(Said):
    """A column of numbers. All but the first two are of finite values only, taken as doubles.

    `exact` says whether all is exact; otherwise a value is taken to 0.2 % of (interquartile range + its distance from
    the median), with exact ends. `quantiles` by share, as text; `mad` is the median distance from the median.
    """

    nan: int
    infinite: int
    zeros: int
    negatives: int
    exact: bool
    mean: float | None
    deviation: float | None
    skewness: float | None
    kurtosis: float | None
    minimum: float | None
    maximum: float | None
    quantiles: dict[str, float]
    mad: float | None
    beyond: dict[Rule, Beyond]
    smallest: tuple[ValueCount, ...]
    largest: tuple[ValueCount, ...]
    histogram: Histogram | None


class Texts(Said):
    """The lengths in characters of a column of text, and how many are empty."""

    empty: int
    shortest: int | None
    longest: int | None
    mean_length: float | None


class Instants(Said):
    """A column of instants or dates."""

    earliest: str | None
    latest: str | None


class Column(Said):
    """A column. `missing` are nulls, and NaN among numbers. `distinct` leaves missing values out; where it is not
    exact, it is an estimate with a relative error of 2 %, and `top` is empty.
    """

    name: str
    type: str
    kind: Kind
    missing: int
    distinct: int | None
    distinct_exact: bool
    top: tuple[ValueCount, ...] = ()
    numbers: Numbers | None = None
    texts: Texts | None = None
    instants: Instants | None = None


class Association(Said):
    """How much two columns say of each other, over the rows in which both have a value."""

    first: str
    second: str
    rows: int
    pearson: float | None = None
    spearman: float | None = None
    cramers_v: float | None = None


class GroupShare(Said):
    """Rows whose value of another column is in a group, and how many of them lack a value."""

    group: str
    rows: int
    missing: int


class MissingBy(Said):
    """How often `column` has no value, by groups of the values of `by`. `strength` is Cramér's V of the two."""

    column: str
    by: str
    strength: float
    groups: tuple[GroupShare, ...]


class MissingPair(Said):
    """Two columns that lack values: in how many rows each of them does, and both."""

    first: str
    second: str
    first_rows: int
    second_rows: int
    both_rows: int


class Bucket(Said):
    """A step of the time line: rows, missing values by column, and means of the columns of numbers."""

    at: str
    rows: int
    missing: dict[str, int]
    means: dict[str, float | None]


class Lateness(Said):
    """`arrived_at` minus `event_at`, in seconds; `early` rows arrived before they happened."""

    rows: int
    early: int
    quantiles_s: dict[str, float]


class Times(Said):
    """The rows in time, by the column `column`. `hours` counts by weekday (Monday is 0) and hour of the day, UTC."""

    column: str
    earliest: str
    latest: str
    without: int
    step: str
    buckets: tuple[Bucket, ...]
    hours: tuple[tuple[int, int, int], ...]
    lateness: Lateness | None = None


class Entity(Said):
    """An entity in time. `step_s` is the median time between its rows; a gap is longer than one and a half of it, and
    `absent` is how many steps its gaps left out.
    """

    key: tuple[str, ...]
    rows: int
    earliest: str
    latest: str
    step_s: float | None
    gaps: int
    absent: int
    longest_s: float | None
    longest_from: str | None


class Entities(Said):
    """The entities of a table, by the columns `keys`: those with the longest gaps, and how many there are in all."""

    keys: tuple[str, ...]
    entities: int
    with_gaps: int
    regular: bool
    shown: tuple[Entity, ...]


class OutlierRow(Said):
    """A row in which `column` is far from its median: `distance` in robust deviations (1.4826 MAD), or in standard ones
    where more than half of the values are equal.
    """

    column: str
    value: float
    distance: float
    row: dict[str, str | None]


class LabelFact(Said):
    """What a missing value of `column` says of the label: over rows with and without one."""

    column: str
    rows_missing: int
    rows_present: int
    label_missing_where_missing: float
    label_missing_where_present: float
    mean_where_missing: float | None
    mean_where_present: float | None


class Finding(Said):
    """Something worth knowing, in words; `weight` (0 to 1) orders them."""

    kind: str
    columns: tuple[str, ...]
    text: str
    weight: float = Field(ge=0, le=1)


class Subject(Said):
    """What was profiled. `since` and `until` are the half-open interval of the time column that was asked for."""

    table: str
    version: int
    since: str | None
    until: str | None
    label: str | None


class Profile(Said):
    """A profile, as it is stored."""

    format: Literal["headrace.profile/1"] = SCHEMA
    subject: Subject
    rows: int
    passes: int
    seconds: float
    columns: tuple[Column, ...]
    associations: tuple[Association, ...] = ()
    not_compared: tuple[str, ...] = ()
    missing_by: tuple[MissingBy, ...] = ()
    missing_pairs: tuple[MissingPair, ...] = ()
    label: tuple[LabelFact, ...] = ()
    times: Times | None = None
    entities: Entities | None = None
    outlier_rows: tuple[OutlierRow, ...] = ()
    checks: CheckHistory | None = None
    findings: tuple[Finding, ...] = ()

    def column(self, name: str) -> Column:
        """The column of this name."""
        return next(column for column in self.columns if column.name == name)

    def write(self, path: Path) -> None:
        """Stores the profile as JSON."""
        path.write_text(self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Profile:
        """A stored profile.

        Raises:
            UsageError: there is none, or it is of another version.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as err:
            raise UsageError(f"{path} is no profile of the format {SCHEMA}: {err}") from err

    def _repr_html_(self) -> str:
        """The page, in a frame of a notebook."""
        from .page import frame

        return frame(self)
