"""The robust centre and covariance of several columns: the orthogonalised Gnanadesikan-Kettenring estimate.

Maronna and Zamar, "Robust estimates of location and dispersion for high-dimensional datasets", Technometrics 44 (2002),
with the median for location and the quartile range / 1.34898 for dispersion sigma:

    1. z = x / sigma(x), column by column
    2. U[i][j] = (sigma(z_i + z_j)² - sigma(z_i - z_j)²) / 4, and 1 on the diagonal
    3. E: the eigenvectors of U; the columns of z E are nearly uncorrelated
    4. along each of them, median and sigma: the centre and the axes of the ellipse

It needs nothing of the data but quantiles, which are exact and do not depend on the order of rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .plan import Ellipse

# The quartile range of a normal distribution is this many of its standard deviations.
IQR_TO_SIGMA = 1.34898

Matrix = list[list[float]]

_SWEEPS = 60  # cyclic Jacobi converges quadratically: ten sweeps suffice for eight columns


def correlations(sums: Mapping[tuple[int, int], float], differences: Mapping[tuple[int, int], float], k: int) -> Matrix:
    """Step 2, from sigma(z_i + z_j) and sigma(z_i - z_j) for i < j."""
    found = [[float(i == j) for j in range(k)] for i in range(k)]
    for (i, j), total in sums.items():
        found[i][j] = found[j][i] = (total**2 - differences[i, j] ** 2) / 4
    return found


def eigenvectors(matrix: Matrix) -> Matrix:
    """The eigenvectors of a symmetric matrix as rows, by cyclic Jacobi rotations (Golub and Van Loan, 8.5)."""
    a, k = [row[:] for row in matrix], len(matrix)
    vectors = [[float(i == j) for j in range(k)] for i in range(k)]
    for _ in range(_SWEEPS):
        for p in range(k - 1):
            for q in range(p + 1, k):
                if a[p][q]:
                    _rotate(a, vectors, p, q)
    return vectors


def _rotate(a: Matrix, vectors: Matrix, p: int, q: int) -> None:
    theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
    t = math.copysign(1.0, theta) / (abs(theta) + math.hypot(1.0, theta))
    c = 1 / math.hypot(1.0, t)
    s = t * c
    for row in a:
        row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
    a[p], a[q] = (
        [c * x - s * y for x, y in zip(a[p], a[q], strict=True)],
        [s * x + c * y for x, y in zip(a[p], a[q], strict=True)],
    )
    a[p][q] = a[q][p] = 0.0
    vectors[p], vectors[q] = (
        [c * x - s * y for x, y in zip(vectors[p], vectors[q], strict=True)],
        [s * x + c * y for x, y in zip(vectors[p], vectors[q], strict=True)],
    )


def ellipse_of(
    sigmas: Sequence[float],
    vectors: Matrix,
    medians: Sequence[float],
    axes: Sequence[float],
    threshold: float,
) -> Ellipse | None:
    """Step 4: the ellipse of the columns with dispersions `sigmas`, whose projections on `vectors` have these `medians`
    and dispersions `axes`; None where one of them has no spread.
    """
    if not all(sigmas) or not all(axes):
        return None
    k = len(sigmas)
    centre = [sigmas[i] * sum(vectors[j][i] * medians[j] for j in range(k)) for i in range(k)]
    weights = [[vectors[j][i] / (sigmas[i] * axes[j]) for i in range(k)] for j in range(k)]
    numbers = [*centre, *(weight for row in weights for weight in row), threshold**2]
    if not all(map(math.isfinite, numbers)):
        return None
    return Ellipse(centre=tuple(centre), weights=tuple(map(tuple, weights)), limit=threshold**2)
