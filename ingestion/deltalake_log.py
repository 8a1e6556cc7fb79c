"""A log that deltalake writes: of any table that `DirectLog` does not serve. Each commit costs 10 to 40 ms."""

from __future__ import annotations

from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from .data_file import DataFile
from .log_folder import LogFolder
from .raw_columns import RAW_SCHEMA
from .table_log import Commit, StaleLog

DELTA_RETRIES = 50  # of the log entry, when another lander takes its number


class DeltalakeLog:
    """The log of `table`: a commit is refused when this one handle was overtaken, as both name the same id."""

    def __init__(self, table: DeltaTable, folder: LogFolder) -> None:
        self._table, self._folder = table, folder

    def refresh(self) -> None:
        """See `TableLog`: always opened anew, because deltalake does not say what it has read."""
        raise StaleLog("deltalake is asked anew")

    def version_of(self, application: str) -> int | None:
        """See `TableLog`."""
        try:
            found: int | None = self._table.transaction_version(application)
        except DeltaError as err:
            raise StaleLog(f"the log of version {self._table.version()} is gone: {err}") from err
        return found

    def append(self, commit: Commit) -> None:
        """See `TableLog`."""
        before = self._table.version()
        try:
            self._table.create_write_transaction(
                [_add_action(commit.file)] if commit.file else [],
                mode="append",
                schema=Schema.from_arrow(RAW_SCHEMA),
                commit_properties=CommitProperties(
                    custom_metadata={"headrace": dict(commit.notes)},
                    max_commit_retries=DELTA_RETRIES,
                    app_transactions=[Transaction(name, move.position) for name, move in commit.moves.items()],
                ),
            )
        except CommitFailedError as err:
            raise StaleLog(str(err)) from err
        self._table.update_incremental()
        for version in range(before + 1, self._table.version() + 1):
            self._folder.sync_entry(version)


def _add_action(file: DataFile) -> AddAction:
    return AddAction(file.path.name, file.size_bytes, {}, file.modified_at_ms, True, file.statistics)
