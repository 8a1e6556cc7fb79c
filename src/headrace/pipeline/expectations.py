"""What a source is expected to be: of each of its rows, and of what arrives together; and what happens otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from headrace.errors import near_names

from .declared import Declared, Listed, Name, faults_at, found
from .expressions import Expression
from .times import DurationUs

Scalar = bool | int | float | str
Share = Annotated[float, Field(ge=0, le=1)]

RowSeverity = Annotated[
    Literal["quarantine", "warn", "hold"],
    Field(
        description="quarantine: refuse the row that fails; warn: say so; hold: stop the source before anything that "
        "arrived with it is written, until somebody releases or drops it."
    ),
]
Severity = Annotated[
    Literal["warn", "hold"],
    Field(description="warn: say so; hold: stop the source before anything is written, until released or dropped."),
]
AtLeast = Annotated[
    Share | None,
    Field(description="The share of events that must hold to it, from 0 to 1; all, where it is not said."),
]
ColumnName = Annotated[Name, Field(description="A declared or derived column, as it was sent.")]


class NotNull(Declared):
    """The column has a value."""

    check: Literal["not_null"]
    column: ColumnName
    severity: RowSeverity
    at_least: AtLeast = None


class Between(Declared):
    """The column lies between two bounds, both included. A null is another matter."""

    check: Literal["between"]
    column: ColumnName
    low: float | None = Field(None, description="The least value expected, in the column's unit.")
    high: float | None = Field(None, description="The greatest value expected, in the column's unit.")
    severity: RowSeverity
    at_least: AtLeast = None


class OneOf(Declared):
    """The column has one of some values. A null is another matter."""

    check: Literal["one_of"]
    column: ColumnName
    values: Annotated[tuple[Scalar, ...], Field(min_length=1), Listed] = Field(description="The values expected.")
    severity: RowSeverity
    at_least: AtLeast = None


class Matches(Declared):
    """The whole text of the column matches a pattern. A null is another matter."""

    check: Literal["matches"]
    column: ColumnName
    pattern: str = Field(description="A regular expression for the whole text.", min_length=1, max_length=200)
    severity: RowSeverity
    at_least: AtLeast = None


class Holds(Declared):
    """A condition over the columns of the row is true, or has no answer."""

    check: Literal["holds"]
    condition: Expression = Field(description="Spark SQL over declared columns, as sent, that gives a boolean.")
    severity: RowSeverity
    at_least: AtLeast = None


class Unique(Declared):
    """No two events have the same values of some columns. Copies of one event are one event."""

    check: Literal["unique"]
    columns: Annotated[tuple[Name, ...], Field(min_length=1), Listed] = Field(description="The columns, together.")
    severity: Severity
    at_least: AtLeast = None


class Rows(Declared):
    """So many records arrive together, refused ones included."""

    check: Literal["rows"]
    least: Annotated[int, Field(ge=0)] | None = Field(None, description="The least number expected.")
    most: Annotated[int, Field(ge=0)] | None = Field(None, description="The greatest number expected.")
    severity: Severity


class Fresh(Declared):
    """The newest event happened shortly before the newest arrival."""

    check: Literal["fresh"]
    within_us: DurationUs = Field(alias="within", description="How long before it at most, such as 2h.")
    severity: Severity


class Rejected(Declared):
    """Few of the records are refused."""

    check: Literal["rejected"]
    most: Share = Field(description="The greatest share of records refused, from 0 to 1.")
    severity: Severity


RowExpectation = NotNull | Between | OneOf | Matches | Holds
BatchExpectation = Unique | Rows | Fresh | Rejected
ROW_CHECKS = (NotNull, Between, OneOf, Matches, Holds)
CHECKS = ("not_null", "between", "one_of", "matches", "holds", "unique", "rows", "fresh", "rejected")


def _known_check(value: object) -> object:
    if not isinstance(value, dict):
        return value
    if "check" not in value:
        raise faults_at((None, "'check' is missing here", f"It is one of: {', '.join(CHECKS)}"))
    if value["check"] not in CHECKS:
        hint = f"Did you mean: {near_names(str(value['check']), CHECKS)}?"
        raise faults_at(("check", f"there is no check {found(value['check'])}", hint))
    return value


Expectation = Annotated[RowExpectation | BatchExpectation, Field(discriminator="check"), BeforeValidator(_known_check)]
