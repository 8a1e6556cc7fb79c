"""How each lander of a lake stands, as a small file in the lake: what `headrace status` shows, without a port.

The file is replaced as a whole every two seconds and removed at the end. One whose process is gone stays until the next
lander of the same machine starts; it is told by the process id, or on another machine by its age.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections import deque
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from headrace.tables import landers_folder

from .standing import PartitionState, Standing
from .tally import Tally

log = logging.getLogger(__name__)

WRITE_INTERVAL_S = 2.0
SILENT_AFTER_S = 15.0
RATE_OVER_S = 10.0


class Life(Enum):
    """What is known of a lander that left a file."""

    RUNS = "runs"
    SILENT = "silent"  # it has said nothing for a while: it hangs, or runs on another machine that is gone
    GONE = "gone"  # killed: there is no such process on this machine


class StateFile:
    """The file of this process; made at the first posting, because before it there may be no lake."""

    def __init__(self, lake: Path, group: str) -> None:
        self.metrics: str | None = None  # the address of the endpoints, where there are any
        self._path = landers_folder(lake) / f"{socket.gethostname()}-{os.getpid()}.json"
        self._group, self._started_at_s = group, time.time()
        self._written_s = float("-inf")
        self._rows: deque[tuple[float, int]] = deque()  # (monotonic seconds, rows until then)
        self._failed = False

    def post(self, standing: Standing, tally: Tally) -> None:
        """Writes how the lander stands, unless that was done just now. A disk that is full is told once."""
        now_s = time.monotonic()
        self._rows.append((now_s, tally.rows.total()))
        while now_s - self._rows[0][0] > RATE_OVER_S:
            self._rows.popleft()
        if now_s - self._written_s < WRITE_INTERVAL_S:
            return
        first = self._written_s == float("-inf")
        self._written_s = now_s
        try:
            if first:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                _remove_dead(self._path.parent)
            self._write(json.dumps(self._content(standing, tally)))
        except OSError as err:
            if not self._failed:
                log.warning("%s cannot be written (%s): `headrace status` does not see this lander", self._path, err)
            self._failed = True

    def remove(self) -> None:
        """Takes the file away, at the end of the run."""
        self._path.unlink(missing_ok=True)
        self._temporary.unlink(missing_ok=True)

    @property
    def _temporary(self) -> Path:
        return self._path.with_suffix(".new")

    def _write(self, text: str) -> None:
        descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
        self._temporary.replace(self._path)

    def _content(self, standing: Standing, tally: Tally) -> dict[str, Any]:
        (then_s, before), (now_s, rows) = self._rows[0], self._rows[-1]
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "group": self._group,
            "metrics": self.metrics,
            "started_at_s": self._started_at_s,
            "at_s": standing.at_s,
            "topics": [topic.topic for topic in standing.topics],
            "partitions": {
                state.value: sum(1 for each in standing.partitions if each.state is state) for state in PartitionState
            },
            "stopped": [
                f"{each.topic}:{each.partition}" for each in standing.partitions if each.state is PartitionState.STOPPED
            ],
            "not_ready": standing.not_ready(),
            "lag": standing.lag,
            "rows": rows,
            "rows_per_s": round((rows - before) / (now_s - then_s), 1) if now_s > then_s else 0.0,
            "buffered_bytes": standing.buffered_bytes,
            "oldest_age_s": max((topic.oldest_age_s for topic in standing.topics), default=0.0),
            "last_commit_at_s": max(tally.last_commit_at_s.values(), default=None),
        }


@dataclass(frozen=True)
class LanderState:
    """What a file says, and whether its lander still lives."""

    life: Life
    silent_s: float  # since it was written
    content: dict[str, Any]


def lander_states(lake: Path) -> list[LanderState]:
    """The landers of a lake that have left a file, by host and process id, without files that are not ours to read."""
    return [state for path in sorted(landers_folder(lake).glob("*.json")) if (state := _read(path))]


def _read(path: Path) -> LanderState | None:
    try:
        content = json.loads(path.read_text())
        silent_s = max(0.0, time.time() - float(content["at_s"]))
        return LanderState(_life(content["host"], int(content["pid"]), silent_s), silent_s, content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _life(host: str, pid: int, silent_s: float) -> Life:
    if host == socket.gethostname() and not _runs(pid):
        return Life.GONE
    return Life.RUNS if silent_s < SILENT_AFTER_S else Life.SILENT


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # of another user
    return True


def _remove_dead(folder: Path) -> None:
    """Removes the files of landers of this machine that were killed."""
    for path in folder.glob("*.json"):
        state = _read(path)
        if state and state.life is Life.GONE:
            path.unlink(missing_ok=True)
