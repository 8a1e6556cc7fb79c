"""A replay of the quarantine that kills itself: `python -m support.killed_replay STEP [OPTION]…`."""

from __future__ import annotations

import sys

from headrace.jobs.replay_quarantine import main

from .killed_stream import killer

if __name__ == "__main__":
    _, step_to_die_at, *options = sys.argv
    sys.exit(main(options, on_step=killer(step_to_die_at, 1)))
