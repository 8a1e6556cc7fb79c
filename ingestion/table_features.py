"""Which tables a lander may append to by itself: those that ask nothing of a writer that it does not do.

All lists here are of what is known. A feature, a property or a column note that is in none of them may ask a writer for
anything (a constraint checked, a column renamed, a row numbered), so its table is left to deltalake.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from deltalake import DeltaTable

READER_VERSION = 1
WRITER_VERSION = 2
FEATURES_WRITER_VERSION = 7  # from here on a table lists its features, and the number says nothing
WRITER_FEATURES = frozenset({"appendOnly", "invariants"})  # no column of raw has an invariant
PROPERTIES = frozenset(
    {
        "delta.appendOnly",
        "delta.checkpointInterval",
        "delta.dataSkippingNumIndexedCols",
        "delta.deletedFileRetentionDuration",
        "delta.enableExpiredLogCleanup",
        "delta.logRetentionDuration",
        "delta.minReaderVersion",
        "delta.minWriterVersion",
    }
)


@dataclass(frozen=True)
class TableShape:
    """What the protocol and metadata actions of a table say. `properties` are the names of those that are set."""

    reader_version: int
    writer_version: int
    features: frozenset[str]
    properties: frozenset[str]
    partition_columns: tuple[str, ...]
    annotated_columns: tuple[str, ...]  # with notes for writers: an invariant, an expression, another name

    @classmethod
    def of(cls, table: DeltaTable) -> TableShape:
        """The shape of a table, as of the version that was opened."""
        protocol, metadata = table.protocol(), table.metadata()
        return cls(
            reader_version=protocol.min_reader_version,
            writer_version=protocol.min_writer_version,
            features=frozenset(protocol.writer_features or ()) | frozenset(protocol.reader_features or ()),
            properties=frozenset(name for name, value in metadata.configuration.items() if _binds(name, value)),
            partition_columns=tuple(metadata.partition_columns),
            annotated_columns=tuple(
                field["name"] for field in json.loads(table.schema().to_json())["fields"] if field["metadata"]
            ),
        )

    def unknown(self) -> list[str]:
        """What keeps a lander from appending by itself, in words; empty where nothing does."""
        return list(self._reasons())

    def _reasons(self) -> Iterator[str]:
        lists_features = self.writer_version == FEATURES_WRITER_VERSION
        if self.reader_version > READER_VERSION and not lists_features:
            yield f"reader version {self.reader_version}"
        if self.writer_version > WRITER_VERSION and not lists_features:
            yield f"writer version {self.writer_version}"
        yield from (f"the feature {name}" for name in sorted(self.features - WRITER_FEATURES))
        yield from (f"the property {name}" for name in sorted(self.properties - PROPERTIES))
        yield from (f"the partition column {name}" for name in self.partition_columns)
        yield from (f"notes on the column {name}" for name in self.annotated_columns)


def _binds(name: str, value: str) -> bool:
    """Whether a property is one of Delta's and switched on."""
    return name.startswith("delta.") and value.lower() not in ("false", "none", "")
