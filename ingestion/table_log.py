"""The log of one raw table as landing needs it: which positions it holds, and one more commit.

Two ways lead into it. `DirectLog` writes the entries of a table whose every feature it knows; `DeltalakeLog` leaves any
other table to deltalake. Which one serves is decided by the table each time that it is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .data_file import DataFile
from .positions import Move


class StaleLog(Exception):
    """What was read of a log no longer holds: it was altered, cleaned up, or overtaken. Nothing was committed.

    Open the table anew, compare the positions, and try again.
    """


@dataclass(frozen=True)
class Commit:
    """What one entry says: a data file or none, moves by application id, and `notes` for whoever reads the log."""

    file: DataFile | None
    moves: Mapping[str, Move]
    notes: Mapping[str, Any]


class TableLog(Protocol):
    """A table's log, as of the version up to which it was read."""

    def refresh(self) -> None:
        """Reads what others have added.

        Raises:
            StaleLog: that cannot be told, or is more than commits of rows and positions.
            ContractError: an entry is damaged.
        """

    def version_of(self, application: str) -> int | None:
        """The transaction version of an application id, None where it has none.

        Raises:
            StaleLog: the log of this version is no longer there.
        """

    def append(self, commit: Commit) -> None:
        """Adds an entry behind all others, provided that the versions of its applications are those expected.

        Raises:
            StaleLog: another entry stands in the way; nothing was committed.
            DeltaError, OSError: an error that proves nothing: the entry may be there.
        """
