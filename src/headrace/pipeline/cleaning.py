"""What happens to odd and to missing values: rules with stated bounds, and rules that must be fitted first."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from headrace.errors import near_names

from .declared import Declared, Listed, Name, faults_at, found

Action = Annotated[
    Literal["flag", "clip", "null_value", "quarantine"],
    Field(
        description="flag: keep the value; clip: set it to the nearest bound; null_value: make it missing. "
        "All three flag it. quarantine: refuse the row (outlier)."
    ),
]
JointAction = Annotated[
    Literal["flag", "null_value", "quarantine"],
    Field(
        description="flag: keep the values; null_value: make all of them missing; quarantine: refuse the row (outlier)."
    ),
]
Side = Annotated[
    Literal["both", "low", "high"],
    Field(description="Which side is odd: both; low: only values below; high: only values above."),
]
Transform = Annotated[
    Literal["log", "log1p"] | None,
    Field(
        description="The scale on which the rule is fitted: log(x) or log(1 + x). What has no logarithm takes no part, "
        "and lies below every bound."
    ),
]
By = Annotated[tuple[Name, ...], Listed, Field(description="Columns whose values have each a rule of their own.")]
MOST_JOINT_COLUMNS = 8  # its fit takes a pass over each pair of them

Threshold = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


_LOW_OR_HIGH: JsonDict = {"anyOf": [{"required": ["low"]}, {"required": ["high"]}]}


class Bounds(Declared):
    """Outliers lie outside stated bounds; both bounds are ordinary values."""

    model_config = ConfigDict(json_schema_extra=_LOW_OR_HIGH)

    method: Literal["bounds"]
    low: float | None = Field(None, description="The least ordinary value, in the column's unit.")
    high: float | None = Field(None, description="The greatest ordinary value, in the column's unit.")
    action: Action = "flag"


class Iqr(Declared):
    """Outliers lie more than `threshold` interquartile ranges beyond the quartiles (Tukey, 1977). Fitted."""

    method: Literal["iqr"]
    threshold: Threshold = Field(1.5, description="How many interquartile ranges beyond a quartile are ordinary.")
    by: By = ()
    side: Side = "both"
    transform: Transform = None
    action: Action = "flag"


class Zscore(Declared):
    """Outliers lie more than `threshold` standard deviations from the mean. Fitted."""

    method: Literal["zscore"]
    threshold: Threshold = Field(3.0, description="How many standard deviations from the mean are ordinary.")
    by: By = ()
    side: Side = "both"
    transform: Transform = None
    action: Action = "flag"


class Mad(Declared):
    """Outliers lie more than `threshold` scaled median absolute deviations (1.4826 MAD) from the median. Fitted."""

    method: Literal["mad"]
    threshold: Threshold = Field(
        6.0, description="How many scaled median absolute deviations from the median are ordinary."
    )
    by: By = ()
    side: Side = "both"
    transform: Transform = None
    action: Action = "flag"


class Quantile(Declared):
    """Outliers lie outside two quantiles. Fitted."""

    model_config = ConfigDict(json_schema_extra=_LOW_OR_HIGH)

    method: Literal["quantile"]
    low: Share | None = Field(None, description="The quantile below which values are outliers, such as 0.001.")
    high: Share | None = Field(None, description="The quantile above which values are outliers, such as 0.999.")
    by: By = ()
    action: Action = "flag"


class Mahalanobis(Declared):
    """Rows whose values are odd together: farther than `threshold` from the robust centre of several columns. Fitted.

    The distance is in standard deviations, by the robust covariance of Maronna and Zamar (2002).
    """

    method: Literal["mahalanobis"] = "mahalanobis"
    columns: Annotated[
        tuple[Name, ...],
        Field(min_length=2, max_length=MOST_JOINT_COLUMNS, description="The columns that are looked at together."),
        Listed,
    ]
    threshold: Threshold = Field(6.0, description="The greatest ordinary distance, in standard deviations.")
    by: By = ()
    action: JointAction = "flag"


class Unfilled(Declared):
    """A missing value stays missing, on purpose."""

    fill: Literal["none"]


class Constant(Declared):
    """A missing value becomes a stated one."""

    fill: Literal["constant"]
    value: bool | int | float | str = Field(
        description="The value that stands for a missing one, of the column's type."
    )


class Mean(Declared):
    """A missing value becomes the mean of the column. Fitted."""

    fill: Literal["mean"]
    by: By = ()


class Median(Declared):
    """A missing value becomes the median of the column. Fitted."""

    fill: Literal["median"]
    by: By = ()


class Mode(Declared):
    """A missing value becomes the most frequent value of the column. Fitted."""

    fill: Literal["mode"]
    by: By = ()


OUTLIER_METHODS = ("bounds", "iqr", "zscore", "mad", "quantile")
FILLS = ("none", "constant", "mean", "median", "mode")


def _tagged(tag: str, legal: tuple[str, ...]) -> BeforeValidator:
    """Checks the key that says which rule it is, so that a wrong one is told with the legal ones."""

    def check(value: object) -> object:
        if not isinstance(value, dict):
            return value
        if tag not in value:
            raise faults_at((None, f"'{tag}' is missing here", f"It is one of: {', '.join(legal)}"))
        if value[tag] not in legal:
            hint = f"Did you mean: {near_names(str(value[tag]), legal)}?"
            raise faults_at((tag, f"there is no {tag} {found(value[tag])}", hint))
        return value

    return BeforeValidator(check)


Outliers = Annotated[
    Bounds | Iqr | Zscore | Mad | Quantile, Field(discriminator="method"), _tagged("method", OUTLIER_METHODS)
]
Missing = Annotated[Unfilled | Constant | Mean | Median | Mode, Field(discriminator="fill"), _tagged("fill", FILLS)]


class ColumnCleaning(Declared):
    """What happens to the values of one column that are odd, and to those that are missing (a nulled outlier is)."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["outliers"]}, {"required": ["missing"]}]})

    outliers: Outliers | None = Field(None, description="Which values are outliers, and what becomes of them.")
    missing: Missing | None = Field(None, description="What stands for a value that is missing.")

    def fitted_rule(self) -> str | None:
        """The first rule that needs a plan, as `outliers: mad` or `missing: median`; None where there is none."""
        if self.outliers and self.outliers.method != "bounds":
            return f"outliers: {self.outliers.method}"
        if self.missing and self.missing.fill not in ("none", "constant"):
            return f"missing: {self.missing.fill}"
        return None
