"""How far two lists of rows are apart, by NumPy over the values themselves: another way to the measures of drift."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

MOST_FREQUENT = 20


def psi(window: Sequence[Any], unit: Sequence[Any]) -> float:
    """By twentieths of the window, numbers that are not finite apart; of all else by its most frequent values."""
    sides = [[value for value in side if value is not None] for side in (window, unit)]
    labels = _labels_of_numbers(*sides) if _is_number(sides[0]) else _labels_of_texts(*sides)
    counted = [Counter(side) for side in labels]
    bins = sorted({*counted[0], *counted[1]}, key=str)
    p, q = (np.array([side[name] + 0.5 for name in bins]) for side in counted)
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def ks(window: Sequence[float | None], unit: Sequence[float | None]) -> float:
    """The greatest difference of the two distribution functions at the twentieths of the window."""
    before, after = (_finite(side) for side in (window, unit))
    edges = _edges(before)
    return max(abs(float(np.mean(before <= edge) - np.mean(after <= edge))) for edge in edges)


def share(rows: Sequence[bool]) -> float:
    """The share of rows for which it is true."""
    return sum(rows) / len(rows)


def _labels_of_numbers(window: Sequence[float], unit: Sequence[float]) -> list[list[Any]]:
    edges = _edges(_finite(window))

    def label(value: float) -> Any:
        return sum(value > edge for edge in edges) if math.isfinite(value) else "apart"

    return [[label(value) for value in side] for side in (window, unit)]


def _labels_of_texts(window: Sequence[Any], unit: Sequence[Any]) -> list[list[Any]]:
    counted = Counter(str(value) for value in window)
    listed = sorted(counted, key=lambda text: (-counted[text], text))[:MOST_FREQUENT]
    return [[str(value) if str(value) in listed else ("others",) for value in side] for side in (window, unit)]


def _edges(values: np.ndarray) -> np.ndarray:
    return np.unique(np.quantile(values, np.arange(1, 20) / 20))


def _finite(values: Sequence[float | None]) -> np.ndarray:
    return np.array([value for value in values if value is not None and math.isfinite(value)], dtype=np.float64)


def _is_number(values: Sequence[Any]) -> bool:
    return bool(values) and not isinstance(values[0], str | bool)
