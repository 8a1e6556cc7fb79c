"""A rebuild that kills itself: `python -m support.killed_rebuild STEP OCCURRENCE [OPTION of rebuild_source.py]…`."""

from __future__ import annotations

import sys

from headrace.jobs.rebuild_source import main

from .killed_stream import killer

if __name__ == "__main__":
    _, step_to_die_at, at_occurrence, *options = sys.argv
    sys.exit(main(options, on_step=killer(step_to_die_at, int(at_occurrence))))
