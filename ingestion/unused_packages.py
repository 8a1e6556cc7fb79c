"""Packages that the lander's own look for when they are there, and that it has no use for."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from types import ModuleType

UNUSED = frozenset({"pandas", "scipy"})


class _Absent(MetaPathFinder):
    """Says of them, and of their parts, that they are not installed.

    None in `sys.modules` says so to Python alone: compiled code takes it for the module.
    """

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> None:
        if fullname in UNUSED:
            raise ModuleNotFoundError(f"a lander does without {fullname}", name=fullname)


def leave_unused_packages_out() -> None:
    """Lets this process take them for packages that are not installed, unless it has loaded them.

    pyarrow loads pandas at the first list that it is given, and numba scipy: together a quarter of a lander's start.
    It is for a process that only lands; numba would not find the routines of linear algebra, nor pyarrow make frames.
    """
    sys.meta_path.insert(0, _Absent())
