"""Files that were replaced long ago, without waiting for it."""

from __future__ import annotations

import re

from headrace.lake_tables import LakeTable


def make_replacements_old(table: LakeTable, hours: float = 200.0) -> None:
    """Lets the log say that files were replaced `hours` before they were."""

    def earlier(match: re.Match[str]) -> str:
        return f'"deletionTimestamp":{int(match[1]) - int(hours * 3_600_000)}'

    for entry in (table.folder / "_delta_log").glob("*.json"):
        entry.write_text(re.sub(r'"deletionTimestamp":(\d+)', earlier, entry.read_text()))
