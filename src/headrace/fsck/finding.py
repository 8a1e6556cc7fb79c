"""What fsck may find, and what it says of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path

from headrace.lake_tables import RAW, LakeTable


class Kind(StrEnum):
    """The damages of a table, and at the end what only lies about."""

    EMPTY_COMMIT = "empty_commit"
    CUT_COMMIT = "cut_commit"
    TORN_COMMIT = "torn_commit"
    MISSING_COMMIT = "missing_commit"
    BROKEN_CHAIN = "broken_chain"
    CORRUPT_CHECKPOINT = "corrupt_checkpoint"
    WRONG_CHECKPOINT = "wrong_checkpoint"
    MISSING_CHECKPOINT = "missing_checkpoint"
    CORRUPT_POINTER = "corrupt_pointer"
    MISSING_FILE = "missing_file"
    WRONG_SIZE = "wrong_size"
    CORRUPT_FILE = "corrupt_file"
    WRONG_ROWS = "wrong_rows"
    STRAY = "stray"
    ORPHAN = "orphan"


HARMLESS = {Kind.STRAY, Kind.ORPHAN}


class Repair(Enum):
    """What `--repair` may do: each loses nothing that is not lost already."""

    VOID_LAST_COMMIT = "put the entry aside, and one that says that it is void in its place"
    SET_ASIDE = "put the file aside"
    REMOVE = "remove the file"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a table. `file` is a path under the table's folder."""

    table: LakeTable
    kind: Kind
    file: str
    found: str  # what was found, as a clause
    consequence: str  # what follows from it, as a sentence
    advice: str  # the command, or what a person can do
    repair: Repair | None = None  # what `--repair` does

    @property
    def is_damage(self) -> bool:
        """Whether the table is not what it should be; litter is none."""
        return self.kind not in HARMLESS

    @property
    def path(self) -> Path:
        """Where the file is, or should be."""
        return self.table.folder / self.file


def repair_command(table: LakeTable) -> str:
    """The command that does the safe repairs of a table."""
    which = f"--topic {shlex.quote(table.of)}" if table.kind == RAW else f"--table {shlex.quote(table.name)}"
    return f"headrace fsck {which} --repair"


def restore_advice(table: LakeTable, file: str) -> str:
    """What a person can do where something is gone that the lake does not have twice."""
    restore = f"restore {shlex.quote(str(table.folder / file))} from a copy of the lake"
    away = f"mv {shlex.quote(str(table.folder))} {shlex.quote(str(_beside_the_lake(table)))}"
    if table.kind == RAW:
        return (
            f"{restore}; or, if Kafka still holds the topic from its beginning, move the table away and land it anew "
            f"(what was cleaned is not cleaned twice): {away} && headrace land --topic {shlex.quote(table.of)}"
        )
    if table.made_again_by:
        return f"{restore}; or move the table away and make it anew: {away} && {table.made_again_by}"
    return f"{restore}; nothing else in the lake has these rows"


def _beside_the_lake(table: LakeTable) -> Path:
    parts = Path(table.name).parts
    lake = table.folder.parents[len(parts) - 1]
    return lake.with_name(f"{lake.name}-{'-'.join(parts)}.damaged")
