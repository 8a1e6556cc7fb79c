"""What `status` shows of the landers of a lake: who lands what, how far behind, how fast, and if it still lives."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from headrace.tables import landers_folder

from .output import table

if TYPE_CHECKING:
    from headrace.ingestion.state_file import LanderState

COLUMNS = [
    "lander",
    "state",
    "topics",
    "partitions",
    "lag",
    "rows/s",
    "buffered MB",
    "oldest",
    "last commit",
    "metrics",
]
MANY = 3  # topics that are named; of more only the number


def landers(lake: Path) -> list[dict[str, Any]]:
    """What each lander of the lake has last said of itself, and in `life` whether it runs, is silent or is gone."""
    if not landers_folder(lake).is_dir():
        return []
    from headrace.ingestion.state_file import lander_states

    return [_said(state) for state in lander_states(lake)]


def landers_table(found: list[dict[str, Any]]) -> Table:
    """A line a lander."""
    return table(COLUMNS, [_line(lander) for lander in found])


def _said(state: LanderState) -> dict[str, Any]:
    return {**state.content, "life": state.life.value, "silent_s": round(state.silent_s, 1)}


def _line(lander: dict[str, Any]) -> list[object]:
    topics, last_s = lander["topics"], lander["last_commit_at_s"]
    return [
        f"{lander['host']}:{lander['pid']}",
        _state(lander),
        ", ".join(topics) if len(topics) <= MANY else f"{len(topics)} topics",
        ", ".join(f"{count} {state}" for state, count in lander["partitions"].items() if count) or "none",
        lander["lag"],
        lander["rows_per_s"],
        round(lander["buffered_bytes"] / 1e6, 1),
        f"{lander['oldest_age_s']:.1f} s",
        "none yet" if last_s is None else f"{max(0.0, time.time() - last_s):.0f} s ago",
        lander["metrics"] or "",
    ]


def _state(lander: dict[str, Any]) -> str:
    if lander["life"] != "runs":
        return f"{lander['life']} for {lander['silent_s']:.0f} s"
    return "; ".join([*lander["not_ready"], *(f"stopped {place}" for place in lander["stopped"])]) or "lands"
