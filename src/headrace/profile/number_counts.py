"""The distribution of a column of numbers, from its values and how often each stands: quantiles, bounds, bins."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from .report import Beyond, Histogram, Rule, ValueCount

# What a person asks of a distribution, and what its tails look like.
SHARES = (0.001, 0.01, 0.05, 0.1, 0.2, 0.25, 0.4, 0.5, 0.6, 0.75, 0.8, 0.9, 0.95, 0.99, 0.999)
# The share of values that a histogram may leave out on each side, where they would squeeze the rest.
HISTOGRAM_TAIL = 0.005
BINS = 30
EXTREMES = 5

MAD_TO_DEVIATION = 1.4826  # of a normal distribution
FAR_MAD, FAR_DEVIATIONS, FAR_IQR = 6.0, 6.0, 3.0


@dataclass(frozen=True)
class NumberCounts:
    """Finite values in ascending order, none twice, and the rows in which each stands."""

    values: Sequence[float]
    rows: Sequence[int]

    @classmethod
    def of(cls, counts: Iterable[tuple[float, int]]) -> NumberCounts:
        """From values and their rows, in any order."""
        ordered = sorted(counts)
        return cls([value for value, _ in ordered], [rows for _, rows in ordered])

    @cached_property
    def up_to(self) -> list[int]:
        """The rows with at most each value."""
        return list(accumulate(self.rows))

    @property
    def total(self) -> int:
        """All rows with a finite value."""
        return self.up_to[-1] if self.rows else 0

    def quantile(self, share: float) -> float:
        """The value below which `share` of the rows are, linear between neighbours (type 7, as NumPy). Not of none."""
        place = share * (self.total - 1)
        low = math.floor(place)
        first, second = self._at(low), self._at(min(low + 1, self.total - 1))
        return first + (second - first) * (place - low) if second != first else first

    def _at(self, place: int) -> float:
        return self.values[bisect_right(self.up_to, place)]

    def quantiles(self) -> dict[str, float]:
        """The quantiles of `SHARES`, each under its share as text; none where there is no value."""
        return {f"{share:g}": self.quantile(share) for share in SHARES} if self.total else {}

    def mad(self) -> float | None:
        """The median distance from the median."""
        if not self.total:
            return None
        middle = self.quantile(0.5)
        return NumberCounts.of(
            _added((abs(v - middle), n) for v, n in zip(self.values, self.rows, strict=True))
        ).quantile(0.5)

    def mean(self) -> float | None:
        """The mean; None of no value, or where the sum overflows."""
        try:
            return math.fsum(v * n for v, n in zip(self.values, self.rows, strict=True)) / self.total
        except (OverflowError, ValueError, ZeroDivisionError):
            return None

    def deviation(self) -> float | None:
        """The standard deviation of the sample; None of fewer than two values, or where a square overflows."""
        mean = self.mean()
        if mean is None or self.total < 2:
            return None
        try:
            squares = math.fsum(n * (v - mean) ** 2 for v, n in zip(self.values, self.rows, strict=True))
        except OverflowError:
            return None
        return math.sqrt(squares / (self.total - 1))

    def shape(self, mean: float | None, deviation: float | None) -> tuple[float | None, float | None]:
        """Skewness and excess kurtosis, of the population; None where all values are equal."""
        if mean is None or not deviation:
            return None, None
        pairs = list(zip(self.values, self.rows, strict=True))
        squares, cubes, fourths = (
            math.fsum(n * ((v - mean) / deviation) ** power for v, n in pairs) / self.total for power in (2, 3, 4)
        )
        return (cubes / squares**1.5, fourths / squares**2 - 3) if squares else (None, None)

    def holding(self, condition: Callable[[float], bool]) -> int:
        """The rows whose value holds a condition."""
        return sum(rows for value, rows in zip(self.values, self.rows, strict=True) if condition(value))

    def outside(self, low: float, high: float) -> Beyond:
        """How many rows are below `low`, and above `high`."""
        below, above = self.holding(lambda value: value < low), self.holding(lambda value: value > high)
        return Beyond(low=low, high=high, below=below, above=above)

    def smallest(self) -> tuple[ValueCount, ...]:
        """The least values, the least first."""
        return self._extremes(slice(None, EXTREMES))

    def largest(self) -> tuple[ValueCount, ...]:
        """The greatest values, the greatest first."""
        return self._extremes(slice(-1, -EXTREMES - 1, -1))

    def _extremes(self, part: slice) -> tuple[ValueCount, ...]:
        return tuple(ValueCount(value=v, rows=n) for v, n in zip(self.values[part], self.rows[part], strict=True))

    def histogram(self) -> Histogram | None:
        """At most `BINS` bins; one a value where there are few. None where there are not two values."""
        if len(self.values) < 2:
            return None
        edges = self._edges()
        rows, below, above = [0] * (len(edges) - 1), 0, 0
        for value, count in zip(self.values, self.rows, strict=True):
            place = bisect_right(edges, value) - 1
            if value < edges[0]:
                below += count
            elif value > edges[-1]:
                above += count
            else:
                rows[min(place, len(rows) - 1)] += count
        return Histogram(edges=tuple(edges), rows=tuple(rows), below=below, above=above)

    def _edges(self) -> list[float]:
        low, high = self._shown_span()
        whole = all(float(value).is_integer() for value in self.values)
        if whole and high - low < BINS:
            return [low - 0.5 + step for step in range(int(high - low) + 2)]
        width = (high - low) / BINS
        if whole:
            width = math.ceil(width)
            return [low - 0.5 + width * step for step in range(math.ceil((high - low + 1) / width) + 1)]
        return [*(low + width * step for step in range(BINS)), high]

    def _shown_span(self) -> tuple[float, float]:
        """The span without its tails, where these are as long as all the rest."""
        low, high = self.values[0], self.values[-1]
        inner_low, inner_high = self.quantile(HISTOGRAM_TAIL), self.quantile(1 - HISTOGRAM_TAIL)
        inner = inner_high - inner_low
        if not inner or not math.isfinite(high - low):
            return low, high
        return (inner_low if inner_low - low > inner else low), (inner_high if high - inner_high > inner else high)


def _added(counts: Iterable[tuple[float, int]]) -> Iterable[tuple[float, int]]:
    sums: dict[float, int] = {}
    for value, rows in counts:
        sums[value] = sums.get(value, 0) + rows
    return sums.items()


def bounds(counts: NumberCounts, mean: float | None, deviation: float | None) -> dict[Rule, Beyond]:
    """What is far by each rule: beyond 3 interquartile ranges of the quartiles, 6 standard deviations of the mean, 6
    robust deviations of the median. A rule without a scale (equal values) has no bounds.
    """
    if not counts.total:
        return {}
    middle, first, third, mad = counts.quantile(0.5), counts.quantile(0.25), counts.quantile(0.75), counts.mad()
    spans: dict[Rule, tuple[float, float, float]] = {"iqr": (first, third, FAR_IQR * (third - first))}
    if mean is not None and deviation is not None:
        spans["z"] = (mean, mean, FAR_DEVIATIONS * deviation)
    spans["mad"] = (middle, middle, FAR_MAD * MAD_TO_DEVIATION * (mad or 0.0))
    return {
        rule: counts.outside(low - reach, high + reach)
        for rule, (low, high, reach) in spans.items()
        if reach > 0 and math.isfinite(low - reach) and math.isfinite(high + reach)
    }
