"""How alike columns of numbers are, two by two: over the rows in which both have a value. Pure.

Pearson's sums are taken of all pairs at once, in blocks of rows. Where such a sum would cancel, and for Spearman, whose
ranks are other ones in each pair, a pair is taken alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Measure = Literal["pearson", "spearman"]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

BLOCK_ROWS = 16_384  # of a hundred columns: 13 MB
CANCELS = 1e-3  # a variance that is less than this part of its sum of squares has lost three digits: too many
DECIMALS = 12  # what sums in another order leave alike: copies of a column are alike by 1, not by 0.9999999999999998


def correlations(columns: Sequence[Floats], measure: Measure) -> Floats:
    """The correlation of every two of k columns, each [n] float64 with NaN (or an infinity) where there is no value.

    [k, k] float64, symmetric, in [-1, 1], rounded to 12 decimals. Each is that of the rows in which both columns have a
    value; NaN where there are fewer than two, or one of them is constant there. `spearman` is Pearson's of the ranks
    among those rows, ties at their mean.
    """
    found = _of_ranks(columns) if measure == "spearman" else _of_values(columns)
    return np.clip(np.round(found, DECIMALS), -1.0, 1.0)


@dataclass(frozen=True)
class _Sums:
    """Of i and j over the rows in which both have a value, [k, k] each: rows, sums of i, of i², and of i times j."""

    rows: Floats
    firsts: Floats
    squares: Floats
    products: Floats


def _of_values(columns: Sequence[Floats]) -> Floats:
    sums = _sums([_scaled(column) for column in columns])
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = sums.squares - sums.firsts**2 / sums.rows
        covariance = sums.products - sums.firsts * sums.firsts.T / sums.rows
        found: Floats = covariance / np.sqrt(variance * variance.T)
        cancels = ~(variance > CANCELS * sums.squares)
    for i, j in np.argwhere(np.triu(cancels | cancels.T)):
        both = np.isfinite(columns[i]) & np.isfinite(columns[j])
        found[i, j] = found[j, i] = _of_pair(columns[i][both], columns[j][both])
    return found


def _scaled(column: Floats) -> Floats:
    """The column with its mean at 0 and a spread of 1, NaN where it has no value; 0 where it is constant."""
    found = np.where(np.isfinite(column), 0.0, np.nan)
    there = np.isfinite(column)
    if (standard := _standard(column[there])) is not None:
        found[there] = standard
    return found


def _sums(columns: Sequence[Floats]) -> _Sums:
    k, n = len(columns), len(columns[0]) if columns else 0
    rows, firsts, squares, products = (np.zeros((k, k)) for _ in range(4))
    for begin in range(0, n, BLOCK_ROWS):
        block = np.stack([column[begin : begin + BLOCK_ROWS] for column in columns])
        there = np.isfinite(block).astype(np.float64)
        block[np.isnan(block)] = 0.0
        rows += there @ there.T
        firsts += block @ there.T
        squares += block**2 @ there.T
        products += block @ block.T
    return _Sums(rows, firsts, squares, products)


def _of_ranks(columns: Sequence[Floats]) -> Floats:
    found = np.full((len(columns), len(columns)), np.nan)
    codes, there = [_codes(column) for column in columns], [np.isfinite(column) for column in columns]
    for i in range(len(columns)):
        for j in range(i, len(columns)):
            both = np.flatnonzero(there[i] & there[j])
            found[i, j] = found[j, i] = _of_pair(_ranks(codes[i].take(both)), _ranks(codes[j].take(both)))
    return found


def _codes(column: Floats) -> Codes:
    """The place of each value among the distinct ones, so that ranks among some of the rows need no sort."""
    found = np.full(len(column), -1, dtype=np.int32)
    there = np.isfinite(column)
    found[there] = np.unique(column[there], return_inverse=True)[1]
    return found


def _ranks(codes: Codes) -> Floats:
    """The rank of each of `codes` among them, ties at their mean."""
    counts = np.bincount(codes)
    ranks: Floats = np.cumsum(counts) - (counts - 1) / 2
    return ranks.take(codes)


def _of_pair(one: Floats, other: Floats) -> float:
    ours, theirs = _standard(one), _standard(other)
    if ours is None or theirs is None:
        return np.nan
    return float(ours @ theirs / np.sqrt((ours @ ours) * (theirs @ theirs)))


def _standard(values: Floats) -> Floats | None:
    """The values with their mean at 0 and a spread of 1, however large or small they are; None where all are one."""
    if not len(values) or (low := values.min()) == (high := values.max()):
        return None
    with np.errstate(over="ignore"):
        spread = high - low
    if not np.isfinite(spread):
        values, low, spread = values / 2, low / 2, high / 2 - low / 2
    found: Floats = (values - low) / spread
    found -= found.mean()
    return found
