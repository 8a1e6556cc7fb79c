"""The demo over ten days, without defects: its folder, its options and what it said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .command_line import run

DAYS = 10
TIMEOUT_S = 1_500.0


@dataclass(frozen=True)
class TenDays:
    """A demo that ended well."""

    folder: Path
    options: list[Any]
    found: dict[str, Any]


def run_ten_days(folder: Path, broker: str) -> TenDays:
    """Runs it in `folder`."""
    options = ["--days", DAYS, "--brokers", broker]
    code, found, stderr = run("demo", *options, folder=folder, timeout_s=TIMEOUT_S)
    assert code == 0, stderr
    return TenDays(folder, options, found)
