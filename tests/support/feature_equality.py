"""Whether two values of a feature are equal: counts, extremes, flags and nullness exactly, of floats within bounds.

Means may differ by 1e-9 and standard deviations by 1e-6 of the largest |x| in a window.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

LARGEST_DELAY_MIN = 300.0  # the bounds of the example clip delays to it
TOLERANCES = {"mean": 1e-9 * LARGEST_DELAY_MIN, "stddev": 1e-6 * LARGEST_DELAY_MIN}


def unequal_features(expected: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The features that differ, with what was expected and what was found. NaN counts as null."""
    names = expected.keys() | found.keys()
    pairs = {name: (expected.get(name, "absent"), found.get(name, "absent")) for name in sorted(names)}
    return {name: pair for name, pair in pairs.items() if not _equal(name, *pair)}


def _equal(name: str, expected: Any, found: Any) -> bool:
    if _is_null(expected) or _is_null(found):
        return _is_null(expected) and _is_null(found)
    aggregation = re.search(r"_(mean|stddev)_\d+[smhd]$", name)
    if aggregation:
        return math.isclose(expected, found, rel_tol=0, abs_tol=TOLERANCES[aggregation[1]])
    return bool(expected == found)


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
