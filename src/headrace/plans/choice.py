"""Which plan holds for a source: the pinned one; where none is pinned, the newest that was fitted for its rules.

    <pipeline>/plans.pinned.json    {"weather_observed": 3}

A pin is a file of the lake, so that batch, stream and whoever serves see the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from headrace.errors import UsageError
from headrace.pipeline import Source

from .plan import PlanVersion
from .treatment import misfit, no_plan


def choose(source: Source, versions: Iterable[PlanVersion], pinned: int | None) -> PlanVersion | None:
    """The plan that holds for `source` among its `versions`. None where it needs none, and where only drift is measured
    against one and nothing was fitted yet.

    Raises:
        UsageError: there is none; or the pinned one is gone, or was fitted for other rules.
    """
    if not source.needs_fit():
        return None
    newest_first = sorted(versions, key=lambda version: version.version, reverse=True)
    if pinned is not None:
        return _pinned(source, newest_first, pinned)
    if not newest_first:
        if not source.fitted_rules():
            return None
        raise UsageError(no_plan(source))
    for version in newest_first:
        if misfit(source, version) is None:
            return version
    raise UsageError(str(misfit(source, newest_first[0])))


def _pinned(source: Source, versions: list[PlanVersion], pinned: int) -> PlanVersion:
    for version in versions:
        if version.version == pinned:
            if problem := misfit(source, version):
                raise UsageError(f"{problem}. It is pinned: pin another, or headrace plan unpin -p FILE {source.name}")
            return version
    known = ", ".join(str(version.version) for version in reversed(versions)) or "(none)"
    raise UsageError(
        f"source '{source.name}': plan {pinned} is pinned, and there is no such plan; there are: {known}. "
        f"Pin one of them, or headrace plan unpin -p FILE {source.name}"
    )
