"""What the packages of a lander do at its start, and it has no use for."""

from __future__ import annotations

import gc
import os
import sys
from importlib.abc import MetaPathFinder
from types import ModuleType

UNUSED = frozenset({"pandas", "scipy"})
# New objects until the collector looks at these, and how often it does so until it looks further. By Python's own (700,
# 10, 10) it looks through all that was imported again and again: a tenth of a start.
COLLECTIONS = (2_000, 50, 100)


class _Absent(MetaPathFinder):
    """Says of them, and of their parts, that they are not installed.

    None in `sys.modules` says so to Python alone: compiled code takes it for the module.
    """

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> None:
        if fullname in UNUSED:
            raise ModuleNotFoundError(f"a lander does without {fullname}", name=fullname)


def start_lean() -> None:
    """Spares this process, which is to do nothing but land, what its start would do in vain.

    pyarrow loads pandas at the first list that it is given, and numba scipy: both now take them for packages that are
    not installed. So numba would not find the routines of linear algebra, nor pyarrow make frames. numpy gets one
    thread for linear algebra, where each of several spins at first. Old objects are looked through for garbage less.
    """
    sys.meta_path.insert(0, _Absent())
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(*COLLECTIONS)
