"""The journal of a replay: what it was asked for, what it promised, and which records the broker has acknowledged.

    identity.json      the options, the cluster and the topic ids to which the journal belongs
    expected.json      the prediction, by source, written before anything is sent
    part-<n>.parquet   one row an acknowledged record: sequence, topic, partition, offset, sha256 of the value, defect

A segment appears whole or not at all, after its records are acknowledged; so the journal never claims too much, and
what a killed replay sent beyond it is found again in the topics.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headrace.errors import ContractError, UsageError

from .events import Array
from .sequence import Record

FORMAT = 1
IDENTITY, EXPECTED = "identity.json", "expected.json"

SCHEMA = pa.schema(
    [
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("sha256", pa.binary(32)),  # null for a tombstone
        pa.field("defect", pa.string()),  # null for an ordinary event
    ]
)


@dataclass(frozen=True)
class Acknowledged:
    """What the journal holds: `sequence` int64 [n], each number once, and the next offset by (topic, partition)."""

    sequence: Array
    positions: Mapping[tuple[str, int], int]


class Journal:
    """The journal in one folder. One process at a time may write it (see `replay`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def lock_file(self) -> Path:
        return self.folder / ".lock"

    @property
    def expected_file(self) -> Path:
        return self.folder / EXPECTED

    def read_identity(self) -> dict[str, Any] | None:
        """The identity that the journal was begun with, or None for a new one.

        Raises:
            UsageError: the file is not an identity of this format.
        """
        path = self.folder / IDENTITY
        if not path.exists():
            return None
        try:
            identity = json.loads(path.read_text())
            known = identity["format"] == FORMAT
        except (ValueError, KeyError, TypeError) as err:
            raise UsageError(
                f"{path} is not the identity of a replay journal: {err}. Use another journal folder"
            ) from err
        if not known:
            raise UsageError(
                f"{path}: found format {identity['format']}, known is {FORMAT}. Use another journal folder"
            )
        return dict(identity)

    def begin(self, identity: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
        """Writes the prediction and then the identity of a new journal."""
        _write(self.folder / EXPECTED, json.dumps(expected, indent=2).encode() + b"\n")
        _write(self.folder / IDENTITY, json.dumps({"format": FORMAT, **identity}, indent=2).encode() + b"\n")

    def read(self) -> Acknowledged:
        """Everything acknowledged so far.

        Raises:
            ContractError: a segment is not readable, or a sequence number is there twice.
        """
        tables = [_read_segment(path) for path in self._segment_files()]
        entries = pa.concat_tables([SCHEMA.empty_table(), *tables])
        sequence = entries["sequence"].to_numpy()
        if len(np.unique(sequence)) != len(sequence):
            raise ContractError(f"{self.folder}: a sequence number is in the journal twice. Use another journal folder")
        last = entries.group_by(["topic", "partition"]).aggregate([("offset", "max")]).to_pylist()
        return Acknowledged(sequence, {(row["topic"], row["partition"]): row["offset_max"] + 1 for row in last})

    def append(self, topics: Mapping[str, str], records: Sequence[Record], offsets: Sequence[int]) -> None:
        """Adds one segment: these records, of which `topics` names the topic by source, got these offsets."""
        columns = [
            [record.number for record in records],
            [topics[record.source] for record in records],
            [record.partition for record in records],
            offsets,
            [None if record.value is None else hashlib.sha256(record.value).digest() for record in records],
            [None if record.defect is None else record.defect.value for record in records],
        ]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
        sink = pa.BufferOutputStream()
        pq.write_table(
            pa.Table.from_arrays(arrays, schema=SCHEMA), sink, compression="zstd", use_dictionary=["topic", "defect"]
        )
        _write(self.folder / f"part-{self._next_segment():05d}.parquet", sink.getvalue().to_pybytes())

    def _segment_files(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.parquet"))

    def _next_segment(self) -> int:
        numbers = (re.fullmatch(r"part-(\d+)\.parquet", path.name) for path in self._segment_files())
        return max((int(match[1]) for match in numbers if match), default=-1) + 1


def _read_segment(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, schema=SCHEMA)
    except (pa.ArrowInvalid, OSError) as err:
        raise ContractError(
            f"{path} is not a readable segment of a replay journal: {err}. Use another journal folder"
        ) from err


def _write(path: Path, content: bytes) -> None:
    """Writes a file that appears whole or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
