"""The raw table of one topic as a thing on disk: made once, entered by each new topic id, checked at each opening."""

from __future__ import annotations

import errno
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError

from headrace import locks, tables
from headrace.errors import ContractError, ForeignCluster, MachineError
from headrace.log_entry import LogEntry, entry_path

from .generations import Generations
from .raw_columns import RAW_SCHEMA, STATISTICS_COLUMNS

log = logging.getLogger(__name__)

# Raw is pinned by no manifest, and an append lists its log (0.03 s at 1,000 files, 0.5 to 0.9 s at 20,000): so a
# checkpoint every hundred commits, and entries older than a few hours go.
PROPERTIES = {
    "delta.appendOnly": "true",
    "delta.logRetentionDuration": "interval 4 hours",
    "delta.enableExpiredLogCleanup": "true",
    "delta.checkpointInterval": "100",
    "delta.dataSkippingNumIndexedCols": str(len(STATISTICS_COLUMNS)),
}
# It makes old transaction ids expire, and with them the positions: the topic would be landed again from its beginning.
FORBIDDEN_PROPERTY = "delta.setTransactionRetentionDuration"

OPEN_ATTEMPTS = 4
OPEN_PAUSE_S = 0.02


@dataclass(frozen=True)
class RawTable:
    """Where the raw table of a topic is, and the cluster that its records must be of."""

    topic: str
    folder: Path
    lock_file: Path
    cluster_id: str

    @classmethod
    def of(cls, lake: Path, topic: str, cluster_id: str) -> RawTable:
        """The raw table of `topic` (its full name on the cluster) in `lake`."""
        return cls(topic, tables.raw_table(lake, topic), tables.raw_lock(lake, topic), cluster_id)

    def open(self) -> DeltaTable:
        """A fresh handle, after a look at whether this is our table.

        Raises:
            ContractError: it cannot be read, its newest commit is damaged, or it has not the columns and properties of
                a raw table.
            ForeignCluster: it holds this topic of another cluster.
        """
        try:
            table = open_delta(self.folder)
            self._check_newest_entry(table.version())
            self._check(table)
        except (DeltaError, OSError) as err:
            raise ContractError(
                f"{self.folder} cannot be read as a Delta table: {one_line(err)}. {self._see_fsck}"
            ) from err
        return table

    def create_if_missing(self, topic_id: str, *, lock_wait_s: float) -> None:
        """Makes the table, with `topic_id` as generation 0, unless there is one.

        Raises:
            MachineError: it cannot be made, such as on a full disk.
            LockTimeout: another process held the table's lock.
        """
        if DeltaTable.is_deltatable(str(self.folder)):
            return
        try:
            with locks.exclusive(self.lock_file, wait_s=lock_wait_s, purpose="creating the raw table"):
                if not DeltaTable.is_deltatable(str(self.folder)):
                    self._create(topic_id)
        except (DeltaError, OSError) as err:
            raise self.write_error(err) from err

    def enter(self, topic_id: str, *, lock_wait_s: float) -> int:
        """The generation of `topic_id`; one that the table does not know is entered as the newest, with a warning.

        Raises:
            LockTimeout: another process held the table's lock.
        """
        number = generations(self.open()).number(topic_id)
        if number is not None:
            return number
        with locks.exclusive(self.lock_file, wait_s=lock_wait_s, purpose="entering a new topic id"):
            table = self.open()
            before = generations(table)
            if before.number(topic_id) is None:
                text = before.followed_by(topic_id).to_property()
                try:
                    table.alter.set_table_properties({tables.TOPIC_IDS_PROPERTY: text}, raise_if_not_exists=False)
                except (DeltaError, OSError) as err:
                    raise self.write_error(err) from err
                log.warning(
                    "topic '%s' was deleted and created again: its id was %s and is now %s; "
                    "landing it from its beginning as generation %d",
                    *(self.topic, before.topic_ids[-1], topic_id, len(before.topic_ids)),
                )
        return generations(self.open()).topic_ids.index(topic_id)

    def write_error(self, err: DeltaError | OSError) -> MachineError:
        """What to tell a user of an error on writing."""
        if is_disk_full(err):
            return MachineError(
                f"the disk of {self.folder} is full: nothing of this commit was landed, and nothing is lost. "
                "Make room and start again; landing resumes where the table ends"
            )
        return MachineError(f"{self.folder} cannot be written: {one_line(err)}. Nothing of this commit was landed")

    def _create(self, topic_id: str) -> None:
        own = {tables.CLUSTER_ID_PROPERTY: self.cluster_id, tables.TOPIC_IDS_PROPERTY: topic_id}
        DeltaTable.create(str(self.folder), RAW_SCHEMA, configuration=PROPERTIES | own, raise_if_key_not_exists=False)

    @property
    def _see_fsck(self) -> str:
        return f"What is damaged, and how it is mended, says: headrace fsck --topic {self.topic}"

    def _check_newest_entry(self, version: int) -> None:
        """Reads the newest log entry itself: deltalake takes one that a power cut has emptied for a commit of nothing,
        and one that was cut between positions and rows for a whole one, after which those rows would never land.
        """
        try:
            entry = LogEntry.read(entry_path(self.folder, version))
        except FileNotFoundError:
            return  # a checkpoint stands for it
        if entry.fault:
            raise ContractError(f"{entry.path} is damaged: {entry.detail}. Nothing was landed. {self._see_fsck}")

    def _check(self, table: DeltaTable) -> None:
        properties = table.metadata().configuration
        owner = properties.get(tables.CLUSTER_ID_PROPERTY)
        if owner is None or table.schema() != Schema.from_arrow(RAW_SCHEMA):
            found = ", ".join(field.name for field in table.schema().fields)
            raise ContractError(
                f"{self.folder} is not a raw table: expected the columns {', '.join(RAW_SCHEMA.names)}, found {found}. "
                "Move it away, or land into another lake"
            )
        if owner != self.cluster_id:
            raise ForeignCluster(
                f"{self.folder} holds the topic '{self.topic}' of the Kafka cluster {owner}, but the brokers given "
                f"are of cluster {self.cluster_id}. Give the brokers of the first, or another lake"
            )
        if FORBIDDEN_PROPERTY in properties:
            raise ContractError(
                f"{self.folder} has the property {FORBIDDEN_PROPERTY}, by which landed positions expire: remove it"
            )


def open_delta(folder: Path) -> DeltaTable:
    """Opens a table that others may be committing to.

    A folder that is listed while entries are added may show a later one and not the one before it, and deltalake takes
    that for a hole in the log (run: beside a thousand commits a second). So it looks again before it believes in one.

    Raises:
        DeltaError, OSError: it cannot be opened.
    """
    for _ in range(OPEN_ATTEMPTS - 1):
        with suppress(DeltaError):
            return DeltaTable(str(folder))
        time.sleep(OPEN_PAUSE_S)
    return DeltaTable(str(folder))


def generations(table: DeltaTable) -> Generations:
    """The topic ids that a raw table knows."""
    return Generations.from_property(table.metadata().configuration[tables.TOPIC_IDS_PROPERTY])


def is_disk_full(err: BaseException) -> bool:
    """Whether an error of the operating system, or of deltalake around one, says that there is no space left."""
    return getattr(err, "errno", None) == errno.ENOSPC or f"(os error {errno.ENOSPC})" in str(err)


def one_line(err: BaseException) -> str:
    """The text of an error without the line breaks and drawings that deltalake puts into it."""
    return " ".join(str(err).split())[:300]
