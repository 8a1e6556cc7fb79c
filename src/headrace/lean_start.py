"""What the packages of a lander do at its start, and it has no use for."""

from __future__ import annotations

import gc
import os
import sys
from importlib.abc import MetaPathFinder
from types import ModuleType

UNUSED = frozenset({"pandas", "scipy"})
YOUNG_OBJECTS = 50_000  # Python's own 700 make it look through all that is imported, again and again


class _Absent(MetaPathFinder):
    """Says of them, and of their parts, that they are not installed.

    None in `sys.modules` says so to Python alone: compiled code takes it for the module.
    """

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> None:
        if fullname in UNUSED:
            raise ModuleNotFoundError(f"a lander does without {fullname}", name=fullname)


def start_lean() -> None:
    """Spares this process, which is to do nothing but land, half of its start.

    pyarrow loads pandas at the first list that it is given, and numba scipy: both now take them for packages that are
    not installed. So numba would not find the routines of linear algebra, nor pyarrow make frames. numpy gets one
    thread for linear algebra, where each of several spins at first. Garbage in cycles is looked for less often.
    """
    sys.meta_path.insert(0, _Absent())
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
