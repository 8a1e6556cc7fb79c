"""A batch clean that finds its scratch folder full: `python -m support.full_scratch FOLDER [OPTION]…`.

The folder is filled when records are judged, so that the search for copies, which exchanges rows, has no room.
"""

from __future__ import annotations

import sys
from pathlib import Path

from headrace.jobs.clean_batch import main

from .small_disk import fill

if __name__ == "__main__":
    _, folder, *options = sys.argv
    sys.exit(main(options, on_step=lambda step: fill(Path(folder)) if step == "judged" else None))
