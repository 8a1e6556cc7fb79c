"""What a plan must say of a window, computed with NumPy: another way to the same numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def bounds(rule: dict[str, Any], values: Sequence[float]) -> tuple[float | None, float | None]:
    """The bounds of a rule on a column of doubles, all finite; (None, None) where it sets none."""
    numbers = np.array(values, dtype=np.float64)
    if len(numbers) == 0 or numbers.min() == numbers.max():
        return None, None
    transform = rule.get("transform")
    if transform:
        numbers = np.log(numbers[numbers > 0]) if transform == "log" else np.log1p(numbers[numbers > -1])
    found = _two_sided(rule, numbers)
    if found is None:
        return None, None
    low, high = found
    if transform:
        back = np.exp if transform == "log" else np.expm1
        low, high = float(back(low)), float(back(high))
    side = rule.get("side", "both")
    return (None if side == "high" else low), (None if side == "low" else high)


def _two_sided(rule: dict[str, Any], numbers: np.ndarray) -> tuple[Any, Any] | None:
    method = rule["method"]
    if method == "quantile":
        shares = (rule["low"], rule["high"])
        return tuple(None if share is None else float(np.quantile(numbers, share)) for share in shares)
    if method == "iqr":
        low, high = np.quantile(numbers, [0.25, 0.75])
        scale = high - low
    elif method == "mad":
        low = high = np.median(numbers)
        scale = 1.4826 * np.median(np.abs(numbers - low))
    else:
        low = high = math.fsum(numbers) / len(numbers)
        scale = math.sqrt(math.fsum((number - low) ** 2 for number in numbers) / (len(numbers) - 1))
    reach = rule["threshold"] * scale
    return (float(low - reach), float(high + reach)) if scale else None


def ellipse(columns: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Centre [k] and covariance [k, k] of the orthogonalised Gnanadesikan-Kettenring estimate, with NumPy's own
    eigenvectors.
    """
    x = np.array(columns, dtype=np.float64).T
    d = np.diag(_sigma(x))
    z = x @ np.linalg.inv(d)
    k = z.shape[1]
    u = np.eye(k)
    for i in range(k):
        for j in range(i):
            u[i, j] = u[j, i] = (_sigma(z[:, i] + z[:, j]) ** 2 - _sigma(z[:, i] - z[:, j]) ** 2) / 4
    e = np.linalg.eigh(u)[1]
    along = z @ e
    a = d @ e
    return a @ np.median(along, axis=0), a @ np.diag(_sigma(along) ** 2) @ a.T


def _sigma(values: np.ndarray) -> Any:
    low, high = np.quantile(values, [0.25, 0.75], axis=0)
    return (high - low) / 1.34898


def distances(columns: Sequence[Sequence[float]], centre: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The distance of each row from the centre, [n]."""
    moved = np.array(columns, dtype=np.float64).T - centre
    return np.sqrt(np.einsum("ni,ij,nj->n", moved, np.linalg.inv(covariance), moved))
