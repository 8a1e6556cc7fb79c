"""A raw table as the lander leaves it after some commits, the topic that it came from, and every way to damage it.

The topic is a stand-in that keeps all its records; landing on from the positions of the table is what a lander does.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, WriterProperties
from deltalake.exceptions import DeltaError

from headrace import tables
from headrace.ingestion.landing import Landing, Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable
from headrace.lake_tables import LakeTable, choose_tables

from .kafka_records import record

TOPIC = "flights"
COMMITS, PARTITIONS, ROWS = 6, 2, 20  # commits of the table, partitions of the topic, rows a commit and partition
CHECKPOINT = 3


@dataclass(frozen=True)
class DamagedLake:
    """A lake with one raw table: version 0 makes it, versions 1 to 6 land, and there is a checkpoint of version 3."""

    folder: Path

    @classmethod
    def made_in(cls, folder: Path) -> DamagedLake:
        lake = cls(folder)
        for commit in range(COMMITS):
            lake.land(up_to=(commit + 1) * ROWS)
            if commit + 1 == CHECKPOINT:
                DeltaTable(str(lake.table)).create_checkpoint()
        return lake

    @property
    def table(self) -> Path:
        return tables.raw_table(self.folder, TOPIC)

    @property
    def log(self) -> Path:
        return self.table / "_delta_log"

    @property
    def as_table(self) -> LakeTable:
        (found,) = choose_tables(self.folder, [], [TOPIC])
        return found

    def entry(self, version: int) -> Path:
        return self.log / f"{version:020d}.json"

    def checkpoint(self, version: int = CHECKPOINT) -> Path:
        return self.log / f"{version:020d}.checkpoint.parquet"

    def data_file(self, version: int) -> Path:
        """The data file that a version brought."""
        actions = [json.loads(line) for line in self.entry(version).read_text().splitlines()]
        (path,) = [action["add"]["path"] for action in actions if "add" in action]
        return self.table / path

    def land(self, up_to: int = COMMITS * ROWS) -> None:
        """Lands, in one commit, what the topic has from the positions of the table to the offset `up_to`."""
        landing = Landing(RawTable.of(self.folder, TOPIC, "cluster"), "ID", lock_wait_s=1.0)
        found = landing.positions(range(PARTITIONS))
        moves = {p: Move(position, up_to) for p, position in found.items() if position != up_to}
        batches = [
            record_columns(p, [record(o, value(p, o), partition=p) for o in range(move.expected or 0, up_to)])
            for p, move in moves.items()
        ]
        if moves:
            landing.commit(batches, moves, lock_wait_s=1.0)

    def journal(self) -> Path:
        """The journal of all that the topic has."""
        return journal_of(self.folder, PARTITIONS, COMMITS * ROWS)

    def read(self) -> int | None:
        """What deltalake makes of it: how many rows it reads, None where it fails."""
        try:
            found = QueryBuilder().register("t", DeltaTable(str(self.table)))
            answer = pa.table(found.execute("select _partition, _offset, sha256(value) from t"))
        except (DeltaError, OSError, pa.ArrowException):
            return None
        return int(answer.num_rows)

    def swap_checkpoint(self) -> None:
        """Puts the checkpoint of a table with other files in the place of this one's, which has its entries up to 3."""
        other = DamagedLake(self.folder.parent / "other")
        other.land(up_to=ROWS)
        other.land(up_to=2 * ROWS)
        other.land(up_to=3 * ROWS)
        DeltaTable(str(other.table)).create_checkpoint()
        shutil.copy(other.checkpoint(), self.checkpoint())

    def flip_name(self, version: int, name: bytes) -> None:
        """Changes one bit of a column's name where the footer of a data file first has it, in the schema."""
        content = self.data_file(version).read_bytes()
        footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        flip(self.data_file(version), (content.index(name, footer) + 1.5) / len(content))

    def exchange(self, one: int, other: int) -> None:
        """Lets two log entries name each other's data file."""
        first, second = (self.entry(version).read_text().splitlines() for version in (one, other))
        for mine, theirs, version in ((first, second, one), (second, first, other)):
            add = json.loads(mine[-1])  # the rows come last
            for key in ("path", "size", "modificationTime"):
                add["add"][key] = json.loads(theirs[-1])["add"][key]
            self.entry(version).write_text("\n".join([*mine[:-1], json.dumps(add)]))

    def compact(self) -> None:
        """Compacts as another tool would."""
        DeltaTable(str(self.table)).optimize.compact(writer_properties=WriterProperties(compression="ZSTD"))


def value(partition: int, offset: int) -> bytes:
    return hashlib.sha256(b"%d/%d" % (partition, offset)).hexdigest().encode()


def journal_of(folder: Path, partitions: int, offsets: int) -> Path:
    """What a producer was acknowledged, as Kafka's VerifiableProducer prints it."""
    lines = [
        {"timestamp": 0, "name": "producer_send_success", "key": None, "value": value(p, o).decode()}
        | {"topic": TOPIC, "partition": p, "offset": o}
        for p in range(partitions)
        for o in range(offsets)
    ]
    file = folder / "journal.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@dataclass(frozen=True)
class Damage:
    """One way to damage a lake; what deltalake itself then reads (None: it fails); and what fsck has to say.

    `file` gives the path that must be named. `is_repaired` says whether `--repair` does it.
    """

    name: str
    do: Callable[[DamagedLake], object]
    deltalake_reads: int | None
    kind: str
    file: Callable[[DamagedLake], Path]
    is_repaired: bool
    deep: bool = False


def cut(path: Path, share: float = 0.5) -> None:
    """Ends a file early."""
    os.truncate(path, int(path.stat().st_size * share))


def cut_last_line(path: Path) -> None:
    """Ends a log entry between two lines, so that what is left is whole."""
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))


def flip(path: Path, at: float = 0.5) -> None:
    """Turns one bit of a file over."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0x10
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def grow_old(path: Path, hours: float = 200.0) -> Path:
    """Makes a file look as if it were written long ago."""
    os.utime(path, (time.time() - hours * 3600,) * 2)
    return path


WHOLE = COMMITS * PARTITIONS * ROWS
ONE_COMMIT = PARTITIONS * ROWS
LAST, MIDDLE, BELOW_CHECKPOINT = 6, 5, 2

DAMAGES = [
    Damage("last commit empty", lambda lake: os.truncate(lake.entry(LAST), 0), WHOLE - ONE_COMMIT,
           "empty_commit", lambda lake: lake.entry(LAST), is_repaired=True),
    Damage("last commit all zeros", lambda lake: lake.entry(LAST).write_bytes(b"\0" * 1000), None,
           "empty_commit", lambda lake: lake.entry(LAST), is_repaired=True),
    Damage("last commit cut", lambda lake: cut(lake.entry(LAST)), None,
           "cut_commit", lambda lake: lake.entry(LAST), is_repaired=True),
    Damage("last commit cut between positions and rows", lambda lake: cut_last_line(lake.entry(LAST)),
           WHOLE - ONE_COMMIT, "torn_commit", lambda lake: lake.entry(LAST), is_repaired=True),
    Damage("middle commit empty", lambda lake: os.truncate(lake.entry(MIDDLE), 0), WHOLE - ONE_COMMIT,
           "empty_commit", lambda lake: lake.entry(MIDDLE), is_repaired=False),
    Damage("middle commit cut", lambda lake: cut(lake.entry(MIDDLE)), None,
           "cut_commit", lambda lake: lake.entry(MIDDLE), is_repaired=False),
    Damage("middle commit cut between positions and rows", lambda lake: cut_last_line(lake.entry(MIDDLE)),
           WHOLE - ONE_COMMIT, "torn_commit", lambda lake: lake.entry(MIDDLE), is_repaired=False),
    Damage("middle commit missing", lambda lake: lake.entry(MIDDLE).unlink(), None,
           "missing_commit", lambda lake: lake.entry(MIDDLE), is_repaired=False),
    Damage("middle commit missing, and the last renumbered", lambda lake: lake.entry(LAST).replace(lake.entry(MIDDLE)),
           WHOLE - ONE_COMMIT, "broken_chain", lambda lake: lake.entry(MIDDLE), is_repaired=False),
    Damage("commit after the checkpoint missing", lambda lake: lake.entry(4).unlink(), None,
           "missing_commit", lambda lake: lake.entry(4), is_repaired=False),
    Damage("commit before the checkpoint missing", lambda lake: lake.entry(BELOW_CHECKPOINT).unlink(), WHOLE,
           "missing_commit", lambda lake: lake.entry(BELOW_CHECKPOINT), is_repaired=False),
    Damage("commit before the checkpoint cut", lambda lake: cut(lake.entry(BELOW_CHECKPOINT)), WHOLE,
           "cut_commit", lambda lake: lake.entry(BELOW_CHECKPOINT), is_repaired=False),
    Damage("all commits gone", lambda lake: [path.unlink() for path in lake.log.iterdir()], None,
           "missing_commit", lambda lake: lake.entry(0), is_repaired=False),
    Damage("checkpoint cut", lambda lake: cut(lake.checkpoint()), None,
           "corrupt_checkpoint", lambda lake: lake.checkpoint(), is_repaired=True),
    Damage("checkpoint empty", lambda lake: os.truncate(lake.checkpoint(), 0), None,
           "corrupt_checkpoint", lambda lake: lake.checkpoint(), is_repaired=True),
    Damage("checkpoint cut, and entries before it cleaned up", lambda lake: (cut(lake.checkpoint()),
           lake.entry(0).unlink()), None, "corrupt_checkpoint", lambda lake: lake.checkpoint(), is_repaired=False),
    Damage("checkpoint of another table", lambda lake: lake.swap_checkpoint(), None,
           "wrong_checkpoint", lambda lake: lake.checkpoint(), is_repaired=True),
    Damage("checkpoint missing", lambda lake: lake.checkpoint().unlink(), None,
           "missing_checkpoint", lambda lake: lake.log / "_last_checkpoint", is_repaired=True),
    Damage("pointer empty", lambda lake: os.truncate(lake.log / "_last_checkpoint", 0), WHOLE,
           "corrupt_pointer", lambda lake: lake.log / "_last_checkpoint", is_repaired=True),
    Damage("pointer cut", lambda lake: cut(lake.log / "_last_checkpoint"), WHOLE,
           "corrupt_pointer", lambda lake: lake.log / "_last_checkpoint", is_repaired=True),
    Damage("data file missing", lambda lake: lake.data_file(4).unlink(), None,
           "missing_file", lambda lake: lake.data_file(4), is_repaired=False),
    Damage("data file cut", lambda lake: cut(lake.data_file(4)), None,
           "wrong_size", lambda lake: lake.data_file(4), is_repaired=False),
    Damage("data file empty", lambda lake: os.truncate(lake.data_file(4), 0), None,
           "wrong_size", lambda lake: lake.data_file(4), is_repaired=False),
    Damage("data file with one bit flipped", lambda lake: flip(lake.data_file(4)), WHOLE,
           "corrupt_file", lambda lake: lake.data_file(4), is_repaired=False, deep=True),
    Damage("data file with a bit of a column's name flipped", lambda lake: lake.flip_name(4, b"value"), WHOLE,
           "corrupt_file", lambda lake: lake.data_file(4), is_repaired=False, deep=True),
    Damage("data files of two commits exchanged", lambda lake: lake.exchange(4, 5), WHOLE,
           "wrong_rows", lambda lake: lake.data_file(4), is_repaired=False, deep=True),
]  # fmt: skip
