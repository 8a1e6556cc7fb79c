"""Sources: where events come from, what they look like, when they are refused, and how their values are treated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from .cleaning import ColumnCleaning, Mahalanobis, Unfilled
from .column_types import ColumnType
from .declared import Declared, Listed, Name, Named
from .drift import Drift, Watchable, WatchedColumn, watched_columns
from .expectations import ROW_CHECKS, Expectation, RowExpectation
from .expressions import Expression
from .times import DurationUs, InstantUs

TOPIC_PATTERN = "^[a-zA-Z0-9._-]{1,200}$"  # Kafka takes 249; settings may put a prefix before it
TABLE_PATTERN = "^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$"

Format = Literal["json", "avro"]
KeepOrQuarantine = Literal["keep", "quarantine"]
Scalar = bool | int | float | str


class Interval(Declared):
    """A half-open interval of event time."""

    from_us: InstantUs = Field(alias="from", description="The first instant inside.")
    to_us: InstantUs = Field(alias="to", description="The first instant after it.")


class Late(Declared):
    """When a row is late, and whether it is flagged or refused."""

    after_us: DurationUs = Field(alias="after", description="How long after event_at a row may arrive, such as 7d.")
    action: KeepOrQuarantine = Field("keep", description="keep: accept and flag a late row; quarantine: refuse it.")


def _pair(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) == 2:
        return tuple(value)
    raise PydanticCustomError("pair", "is not a pair", {"hint": "Write [least, greatest]; null leaves a side open"})


class Column(Declared):
    """A column that the events carry."""

    type: ColumnType = Field(description="The type of its values.")
    required: bool = Field(False, description="Whether a row without it is refused (missing_field).")
    one_of: Annotated[tuple[Scalar, ...], Field(min_length=1), Listed] | None = Field(
        None, description="The only values that are accepted (not_allowed); null is another matter."
    )
    between: Annotated[tuple[float | None, float | None], BeforeValidator(_pair)] | None = Field(
        None,
        description="The least and the greatest value accepted (out_of_range), both included; null leaves a side open.",
    )
    unit: str | None = Field(None, description="The unit of its values, for people.")
    description: str | None = Field(None, description="What it says, for people.")


class Derived(Declared):
    """A column that is calculated from the others of its row."""

    type: ColumnType = Field(description="The type of the result.")
    value: Expression = Field(description="Spark SQL over the declared columns, as they were sent.")
    description: str | None = Field(None, description="What it says, for people.")


_LEFT_NULL = ColumnCleaning(outliers=None, missing=Unfilled(fill="none"))


class Source(Named):
    """A stream of events (`topic`), or a reference table (`table`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["topic"]}, {"required": ["table"]}],
            "dependentRequired": {"topic": ["event_at"]},
        }
    )

    topic: str | None = Field(
        None, description="The Kafka topic that carries the events.", json_schema_extra={"pattern": TOPIC_PATTERN}
    )
    table: str | None = Field(
        None,
        description="The name of a reference table; settings say where it is.",
        json_schema_extra={"pattern": TABLE_PATTERN},
    )
    format: Format = Field(
        "json",
        description="How a record's value is written: one JSON object, or Avro in the frame of a schema registry.",
    )
    event_id: Annotated[tuple[Name, ...], Listed] = Field(
        description="The columns that identify an event: two records with equal ones are one event, sent twice.",
        min_length=1,
    )
    event_at: Expression | None = Field(
        None,
        description="When the fact became known in the world: a timestamp column, or Spark SQL that gives a timestamp.",
    )
    late: Late | None = Field(None, description="When a row is late. Without it, none is.")
    unknown_fields: KeepOrQuarantine = Field(
        "keep",
        description="A record with fields that are not declared. keep: accept it and name them; quarantine: refuse it.",
    )
    copies_within_us: DurationUs | None = Field(
        None,
        alias="copies_within",
        description="How far apart, by event_at, copies of one event can be. Without it the whole table is searched.",
    )
    columns: dict[Name, Column] = Field(description="The columns of an event, by name.", min_length=1)
    derive: dict[Name, Derived] = Field(default_factory=dict, description="Columns calculated from an event's own.")
    fit: Interval | None = Field(None, description="The interval of event time that fitted cleaning rules may look at.")
    clean: dict[Name, ColumnCleaning] = Field(
        default_factory=dict, description="How odd and missing values are treated, by column."
    )
    joint_outliers: dict[Name, Mahalanobis] = Field(
        default_factory=dict, description="Rules over several columns at once, by name; each adds {name}_outlier."
    )

    expect: dict[Name, Expectation] = Field(
        default_factory=dict, description="What its events are expected to be, by name, and what happens otherwise."
    )
    drift: Drift | None = Field(
        None, description="How far the values of a unit of work may be from those of the fit window."
    )

    def refusing(self) -> dict[str, RowExpectation]:
        """The expectations whose failing rows are refused, by name."""
        return {
            name: expected
            for name, expected in self.expect.items()
            if isinstance(expected, ROW_CHECKS) and expected.severity == "quarantine"
        }

    def watchable(self) -> Watchable:
        """What drift may be measured of."""
        return Watchable(
            types=self.row_columns(),
            declared=tuple(self.columns),
            event_id=self.event_id,
            required=tuple(name for name, column in self.columns.items() if column.required),
            ruled=tuple(name for name, cleaning in self.clean.items() if cleaning.outliers is not None),
        )

    def watched(self) -> dict[str, WatchedColumn]:
        """The columns whose drift is measured, and how far each may go."""
        return {} if self.drift is None else watched_columns(self.drift, self.watchable())

    def needs_fit(self) -> bool:
        """Whether there is something to fit: a rule, or what drift is measured against."""
        return bool(self.fitted_rules()) or self.drift is not None

    def row_columns(self) -> dict[str, ColumnType]:
        """Name and type of the columns of one event: declared ones, then derived ones."""
        declared = {name: column.type for name, column in self.columns.items()}
        return declared | {name: derived.type for name, derived in self.derive.items()}

    def treated(self) -> dict[str, ColumnCleaning]:
        """The columns whose values cleaning may replace, with their rules: those of `clean`, then those that a joint
        rule makes missing.
        """
        nulled = [name for rule in self.joint_outliers.values() if rule.action == "null_value" for name in rule.columns]
        return self.clean | {name: _LEFT_NULL for name in nulled if name not in self.clean}

    def clean_columns(self) -> dict[str, ColumnType]:
        """Name and type of the columns that features may read: declared (treated), derived, and what cleaning adds.

        Each treated column `x` is followed by `x_original`, `x_outlier` and `x_missing`; a joint rule adds a flag.
        """
        columns = self.row_columns()
        for name in self.treated():
            if name in columns:
                columns |= {
                    f"{name}_original": columns[name],
                    f"{name}_outlier": "boolean",
                    f"{name}_missing": "boolean",
                }
        return columns | {f"{name}_outlier": "boolean" for name in self.joint_outliers}

    def fitted_rules(self) -> dict[str, str]:
        """The columns and joint rules that need a fitted plan, and the rule of each, such as `outliers: mad`."""
        fitted = {name: rule for name, cleaning in self.clean.items() if (rule := cleaning.fitted_rule())}
        return fitted | {name: f"joint_outliers: {rule.method}" for name, rule in self.joint_outliers.items()}
