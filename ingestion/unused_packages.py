"""Packages that the lander's own look for when they are there, and that it has no use for."""

from __future__ import annotations

import sys
from typing import Any

UNUSED = ("pandas", "scipy")


def leave_unused_packages_out() -> None:
    """Lets this process take them for packages that are not installed, unless it has loaded them.

    pyarrow loads pandas at the first list that it is given, and numba scipy: together a quarter of a lander's start.
    It is for a process that only lands; numba would not find the routines of linear algebra, nor pyarrow make frames.
    """
    modules: dict[str, Any] = sys.modules
    for name in UNUSED:
        modules.setdefault(name, None)
