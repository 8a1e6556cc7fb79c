"""From the statistics of one column in one group to its bounds and its fill: the formulas of the methods.

    iqr        [q25 - k (q75 - q25), q75 + k (q75 - q25)]             Tukey, 1977
    zscore     [mean - k s, mean + k s], s the sample's                k: the threshold
    mad        [median - k 1.4826 MAD, median + k 1.4826 MAD]          MAD: the median of |x - median|
    quantile   [q(low), q(high)]

Quantiles lie between two values by their share (Hyndman and Fan's type 7, as in Spark's `percentile` and in NumPy).
Where the values have no spread, or are too few, a rule sets nothing, and says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .plan import Bounds

# The median absolute deviation of a normal distribution, times this, is its standard deviation.
MAD_TO_SIGMA = 1.4826

# A group with fewer values has no bounds of its own: those of all rows hold for it.
LEAST_GROUP_VALUES = 20

NO_VALUES = "no finite value in the window"
NO_SPREAD = "no spread in the window"
TOO_LARGE = "values too large to compute with"


@dataclass(frozen=True)
class Spread:
    """What is known of the finite values of a column, on the scale of its rule; None where there is none.

    `quantiles` are by share. `mean` and `stddev` (sample) are None where sums would overflow.
    """

    count: int
    least: float | None = None
    greatest: float | None = None
    quantiles: dict[float, float] | None = None
    mad: float | None = None
    mean: float | None = None
    stddev: float | None = None


def bounds_of(rule: dict[str, Any], spread: Spread, kind: str) -> Bounds | str:
    """The bounds of a fitted rule (as a plan keeps it) on a column of type `kind`, or why it sets none."""
    if not spread.count:
        return NO_VALUES
    if spread.least == spread.greatest:
        return NO_SPREAD
    found = _on_scale(rule, spread)
    if isinstance(found, str):
        return found
    low, high = (_back(bound, rule.get("transform")) for bound in found)
    if rule.get("side") == "high":
        low = None
    if rule.get("side") == "low":
        high = None
    return Bounds(low=_outward(low, kind, math.floor), high=_outward(high, kind, math.ceil))


def _on_scale(rule: dict[str, Any], spread: Spread) -> tuple[float | None, float | None] | str:
    quantiles, method = spread.quantiles or {}, rule["method"]
    if method == "quantile":
        return tuple(None if rule[side] is None else quantiles[rule[side]] for side in ("low", "high"))  # type: ignore[return-value]
    if method == "iqr":
        low, high, scale = quantiles[0.25], quantiles[0.75], quantiles[0.75] - quantiles[0.25]
    elif method == "mad":
        low = high = quantiles[0.5]
        scale = MAD_TO_SIGMA * (spread.mad or 0.0)
    else:
        if spread.mean is None or spread.stddev is None:
            return TOO_LARGE
        low = high = spread.mean
        scale = spread.stddev
    if not scale:
        return NO_SPREAD
    reach = rule["threshold"] * scale
    return (low - reach, high + reach) if math.isfinite(low - reach) and math.isfinite(high + reach) else TOO_LARGE


def transformed(value: float, transform: str | None) -> float | None:
    """A finite value on the scale of a rule; None where it has no logarithm."""
    if transform is None:
        return value
    inside = value if transform == "log" else 1.0 + value
    return math.log(inside) if inside > 0 else None


def _back(bound: float | None, transform: str | None) -> float | None:
    """A bound in the column's own unit: the transforms keep the order of values, so it parts the same ones."""
    if bound is None or transform is None:
        return bound
    try:
        return math.exp(bound) if transform == "log" else math.expm1(bound)
    except OverflowError:
        return None  # beyond every double


def _outward(bound: float | None, kind: str, rounding: Any) -> float | None:
    """A bound of a whole-number column is the next whole number outside; beyond every long it is open."""
    if bound is None or kind != "long":
        return bound
    whole = float(rounding(bound))
    return whole if -(2.0**63) <= whole < 2.0**63 else None


def filled_number(value: float | None, kind: str) -> float | int | None:
    """A mean or median as a value of the column: of whole numbers the nearest one, halves to the even."""
    if value is None or kind != "long":
        return value
    return min(max(round(value), -(2**63)), 2**63 - 1)


@dataclass(frozen=True)
class FixedPoint:
    """Sums that do not depend on the order of their terms: values are counted in whole steps of 2^-`exponent` from
    `origin`, and whole numbers are added exactly.

    The step is chosen so that the greatest deviation is about 2^`BITS` of them: a mean or a standard deviation is
    as near to the true one as doubles of the greatest deviation are.
    """

    origin: float
    exponent: int

    @classmethod
    def of(cls, origin: float, least: float, greatest: float) -> FixedPoint | None:
        """The steps for values from `least` to `greatest`; None where deviations overflow."""
        reach = max(greatest - origin, origin - least)
        if not math.isfinite(reach):
            return None
        return cls(origin, min(BITS - math.frexp(reach)[1], 1000) if reach else 0)

    @property
    def factor(self) -> float:
        """How many steps 1 is; a power of two, so that a product with it is exact."""
        return math.ldexp(1.0, self.exponent)

    def mean(self, steps: int, count: int) -> float:
        """The mean of `count` values whose sum is `steps`."""
        return float(Fraction(self.origin) + self._scaled(Fraction(steps, count)))

    def stddev(self, steps: int, squares: int, count: int) -> float | None:
        """The sample standard deviation; None of fewer than two values. `squares` is the sum of the steps' squares."""
        if count < 2:
            return None
        variance = (Fraction(squares) - Fraction(steps * steps, count)) / (count - 1)
        found = math.sqrt(variance) * math.ldexp(1.0, -self.exponent)
        return found if math.isfinite(found) else None

    def _scaled(self, steps: Fraction) -> Fraction:
        return steps / Fraction(2) ** self.exponent


BITS = 50  # a square has twice as many; the sum of 2^26 of them fits into 38 decimal digits
