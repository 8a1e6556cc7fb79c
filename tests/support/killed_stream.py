"""A cleaning stream that kills itself: `python -m support.killed_stream STEP OCCURRENCE [OPTION of clean_stream.py]…`.

SIGKILL goes to the whole process group from inside `on_step`, so neither Python nor the JVM gets to clean up: the same
as a machine that loses power, at a point that can be named and repeated.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count

from headrace.jobs.clean_stream import main


def killer(step: str, occurrence: int) -> Callable[[str], None]:
    """An `on_step` that ends all processes of the group at the `occurrence`-th passing of `step`, counted from 1."""
    passings = count(1)

    def on_step(passed: str) -> None:
        if passed == step and next(passings) == occurrence:
            os.killpg(0, signal.SIGKILL)

    return on_step


if __name__ == "__main__":
    _, step_to_die_at, at_occurrence, *options = sys.argv
    sys.exit(main(options, on_step=killer(step_to_die_at, int(at_occurrence))))
