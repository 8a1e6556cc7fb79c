"""The broker's log file: kept small, and quoted when it explains a failure."""

from __future__ import annotations

import re
from pathlib import Path

ROTATE_AT_BYTES = 10 << 20
READ_AT_MOST_BYTES = 1 << 16
QUOTED_LINES = 5


def rotate(log_file: Path) -> int:
    """Moves a log that has grown large to `<name>.1`; gives the bytes of what is left, where the next start begins."""
    if not log_file.exists():
        return 0
    if log_file.stat().st_size < ROTATE_AT_BYTES:
        return log_file.stat().st_size
    log_file.replace(log_file.with_name(log_file.name + ".1"))
    return 0


def last_words(log_file: Path, since_bytes: int) -> str:
    """The last lines that say something, of those written after the first `since_bytes`: errors and their causes where
    there are some, no stack frames."""
    with log_file.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(since_bytes, size - READ_AT_MOST_BYTES))
        text = stream.read().decode(errors="replace")
    lines = [line.rstrip() for line in text.splitlines() if line.strip() and not re.match(r"\s+(at|\.\.\.) ", line)]
    telling = [line for line in lines if re.search(r"ERROR|FATAL|Exception|Error\b|Caused by", line)]
    return "\n".join(f"  {line[:300]}" for line in (telling or lines)[-QUOTED_LINES:]) or "  (nothing)"
