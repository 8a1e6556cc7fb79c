"""Drift: how far the values of a unit of work are from those of the window that a plan was fitted on.

    psi        Σ (q - p) ln(q / p) over the bins                       population stability index
    ks         max |P - Q| over the edges of the bins                   Kolmogorov and Smirnov
    nulls      share of nulls now, less that of the window
    outliers   share of rows outside the plan's bounds now, less that of the window

The bins are those that the plan keeps: between quantiles of the window, of numbers; its most frequent values, and all
others together, of text and booleans. p and q are the shares of the values in them, P and Q their running sums. Nulls
take no part in psi and ks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from headrace.pipeline.drift import Measure

from .plan import ColumnStatistics

# What each bin is given beside its count, so that an empty one has a share: half an event (Krichevsky and Trofimov,
# 1981). Of 1,000 events an empty bin then has 0.05 %.
PRIOR_COUNT = 0.5


@dataclass(frozen=True)
class Distribution:
    """How rows fall: `bins` are counts of values in the bins of the reference, `apart` counts values that are no finite
    number, and lie in none of them. `outliers` is None where there is no rule.
    """

    bins: tuple[int, ...]
    apart: int = 0
    nulls: int = 0
    outliers: int | None = None

    @property
    def rows(self) -> int:
        """All rows, those with a null included."""
        return sum(self.bins) + self.apart + self.nulls


def reference_of(statistics: ColumnStatistics) -> Distribution:
    """What a plan keeps of a column: of a number one bin more than there are edges, else one more than the most
    frequent values. Of a window without a value there is one bin, and nothing in it.
    """
    apart = statistics.not_finite or 0
    within = statistics.values - apart
    if statistics.shares:
        bins = tuple(round(share * within) for share in statistics.shares)
    else:
        listed = [count for _, count in statistics.top]
        bins = (*listed, within - sum(listed))
    return Distribution(bins, apart, statistics.nulls, statistics.outliers)


def measured(measure: Measure, reference: Distribution, unit: Distribution, least: int) -> float | None:
    """One measure of a column. None, which is unknown, where either side has fewer than `least` of what it is of: rows
    for nulls and outliers, finite values for ks, values for psi.
    """
    if measure in ("nulls", "outliers"):
        if min(reference.rows, unit.rows) < least:
            return None
        return _difference(getattr(reference, measure), reference.rows, getattr(unit, measure), unit.rows)
    sides = [list(side.bins) + ([side.apart] if measure == "psi" else []) for side in (reference, unit)]
    if min(map(sum, sides)) < least:
        return None
    return psi(*sides) if measure == "psi" else ks(*sides)


def psi(before: Sequence[int], after: Sequence[int]) -> float:
    """The population stability index of two lists of counts over the same bins: Σ (q - p) ln(q / p), in nats.

    It is the divergence of Jeffreys (Kullback and Leibler, 1951), as scorecards use it (Siddiqi, 2006): from 0, where
    the shares are equal, without an end. Each bin counts `PRIOR_COUNT` more on both sides, and one that is empty on
    both takes no part. Without drift it is about (bins - 1) (1/n + 1/m) for n and m values (Yurdakul and Naranjo,
    2020), so that few values look like drift.
    """
    kept = [(one, other) for one, other in zip(before, after, strict=True) if one or other]
    sizes = [sum(side) + PRIOR_COUNT * len(kept) for side in zip(*kept, strict=True)]
    shares = [[(count + PRIOR_COUNT) / size for count, size in zip(pair, sizes, strict=True)] for pair in kept]
    return math.fsum((q - p) * math.log(q / p) for p, q in shares)


def ks(before: Sequence[int], after: Sequence[int]) -> float:
    """The Kolmogorov-Smirnov distance of two lists of counts over the same bins in order, none of them all zeros.

    It is the greatest difference of the two distribution functions at an edge of a bin. Between edges it may be
    greater: the distance of the values themselves is at least this, and at most this plus `ks_error`.
    """
    n, m = sum(before), sum(after)
    return max(abs(one / n - other / m) for one, other in zip(accumulate(before), accumulate(after), strict=True))


def ks_error(before: Sequence[int], after: Sequence[int]) -> float:
    """How far `ks` may be below the distance of the values themselves: the greatest share that a bin has on both sides.

    Inside a bin that holds p of one side and q of the other, both functions rise from its lower to its upper edge, so
    their difference there exceeds the greater of those at its edges by at most min(p, q).
    """
    n, m = sum(before), sum(after)
    return max(min(one / n, other / m) for one, other in zip(before, after, strict=True))


def _difference(before: int | None, of: int, after: int | None, of_after: int) -> float | None:
    return None if before is None or after is None else after / of_after - before / of
