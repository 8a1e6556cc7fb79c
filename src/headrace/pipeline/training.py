"""Training sets: for which rows, at which instant, with which label, and how they are split."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .column_types import ColumnType
from .declared import Declared, Listed, Name, Named
from .expressions import Expression
from .source import Derived
from .times import DurationUs, InstantUs


class Rows(Declared):
    """Each event of a source is a training row."""

    source: Name = Field(description="The source whose events are the rows.")
    at: Expression = Field(description="The instant of the prediction: a timestamp. Features are those visible at it.")


class Label(Declared):
    """What is to be predicted, and when it became known."""

    source: Name = Field(description="The source whose events tell the outcome.")
    by: Annotated[tuple[Name, ...], Listed] = Field(
        description="The columns that an outcome shares with its row.", min_length=1
    )
    type: ColumnType = Field(description="The type of the label.")
    value: Expression = Field(description="Spark SQL over the outcome's columns, as they were sent.")
    known_at: Expression = Field(
        default_factory=lambda: Expression("event_at"),
        description="When the label became known: a timestamp. Default: event_at.",
    )


class Until(Declared):
    """The end of a part, itself outside."""

    until_us: InstantUs = Field(alias="until", description="The first instant after it.")


class Split(Declared):
    """How rows are parted by time: train, then a pause, then test."""

    train: Until = Field(description="Training rows: those before this, whose label was known before it, too.")
    test: Until = Field(description="Test rows: those from the end of training and the embargo up to this.")
    embargo_us: DurationUs = Field(
        0, alias="embargo", description="The pause between training and test rows, such as 1d."
    )


class TrainingSet(Named):
    """Rows, a label and the features of a service, each as it was visible at the row's own instant."""

    service: Name = Field(description="The service whose features are joined.")
    rows: Rows = Field(description="Which rows.")
    label: Label = Field(description="What is to be predicted.")
    extra: dict[Name, Derived] = Field(
        default_factory=dict, description="Columns of the row itself that the model sees, too."
    )
    split: Split = Field(description="Which rows are for training and which for the test.")
