"""What a build writes into its commit: up to when features are built, and from which clean rows.

The last commit of a feature table that carries one is the state from which the next build goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from .rebuilds import FIRST, folder_name, parts_of


@dataclass(frozen=True)
class Build:
    """The state that one build left: its instant, and the clean rows that it read.

    `until_us` is the instant T, in microseconds since 1970: every change point with `event_at ≤ T` is written.
    `clean_version` is the version of the source's clean table that was read, `clean_created_at_us` the greatest
    `_created_at` in it: later rows have a greater one. `clean_table` is the folder of that table; before there were
    rebuilds, builds did not say it.
    """

    until_us: int
    clean_version: int
    clean_created_at_us: int
    clean_table: str = ""

    def read_from(self, clean_table: str) -> bool:
        """Whether this is the table that was read; where the build does not say it, the first one was."""
        return clean_table == (self.clean_table or folder_name(parts_of(clean_table)[0], FIRST))

    def to_metadata(self) -> str:
        """The text of the commit's user metadata."""
        return json.dumps({"headrace": {"build": asdict(self)}})

    @classmethod
    def newest(cls, metadata: Iterable[str | None]) -> Build | None:
        """The first build among the user metadata of commits, which come newest first; None where there is none."""
        return next((build for text in metadata if (build := cls._read(text)) is not None), None)

    @classmethod
    def _read(cls, text: str | None) -> Build | None:
        try:
            return cls(**json.loads(text or "")["headrace"]["build"])
        except (ValueError, KeyError, TypeError):
            return None
