"""A producer's journal: which records the brokers have acknowledged, and what became of their transactions.

It comes in two forms: the folder that a replay writes (`part-*.parquet`), or lines of JSON, in a file or in the files
of a folder, as Kafka's own VerifiableProducer prints them:

    {"name":"producer_send_success","topic":"t","partition":0,"offset":7,"key":null,"value":"7","timestamp":…}

A producer of transactions adds `"transaction": ID` to each of these, and a line with the name `transaction_committed`
or `transaction_aborted` and the same ID once it knows. What one with neither has sent may be in the topic or not.
Lines that are no JSON, or say something else, are passed over, as that tool asks of its readers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .errors import ContractError
from .lake import Query, literal

SENT = "producer_send_success"
OUTCOMES = {"transaction_committed": "committed", "transaction_aborted": "aborted"}

_SENDS = pa.schema(
    [
        pa.field("topic", pa.string()),
        pa.field("partition", pa.int32()),
        pa.field("offset", pa.int64()),
        pa.field("sha256", pa.binary(32)),
        pa.field("transaction", pa.string()),
    ]
)
_ENDS = pa.schema([pa.field("transaction", pa.string()), pa.field("outcome", pa.string())])
_CHUNK = 100_000  # lines held in memory


_SENT = """
    SELECT "partition" AS p, "offset" AS o, sha256 AS hash, CAST(NULL AS VARCHAR) AS t, 'committed' AS outcome
    FROM sends
"""
_SENT_IN_TRANSACTIONS = """
    SELECT "partition" AS p, "offset" AS o, sha256 AS hash, transaction AS t,
           CASE WHEN transaction IS NULL THEN 'committed' ELSE coalesce(outcome, 'unknown') END AS outcome
    FROM sends LEFT JOIN (SELECT transaction AS ended, outcome FROM ends) ON transaction = ended
"""


@dataclass(frozen=True)
class Journal:
    """An open journal. `sends` is a folder of Parquet files, and so is `ends`: None where no transactions are told."""

    path: Path
    sends: Path
    ends: Path | None

    @property
    def folders(self) -> dict[str, Path]:
        """What a `Query` has to register."""
        return {"sends": self.sends} | ({"ends": self.ends} if self.ends else {})

    def name_sent(self, query: Query, topic: str) -> None:
        """Lets `query` say `sent`: the records of `topic`, as p, o (partition, offset), hash (SHA-256, null of a
        tombstone), t (the transaction, null of none) and outcome (committed, aborted or unknown).
        """
        sent = _SENT_IN_TRANSACTIONS if self.ends else _SENT
        query.name("sent", f"{sent} WHERE topic = {literal(topic)}")

    def topics(self) -> dict[str, int]:
        """The topics that it has records of, and how many.

        Raises:
            ContractError: it cannot be read.
        """
        found = Query({}, self.folders).rows("SELECT topic, count(*) AS records FROM sends GROUP BY topic")
        return {row["topic"]: row["records"] for row in found}


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """Opens the journal at `path`; lines of JSON are put into a scratch folder for as long as the block lasts.

    Raises:
        ContractError: there is none, or a line lacks what it must say.
    """
    if path.is_dir() and any(path.glob("part-*.parquet")):
        yield Journal(path, path, None)
        return
    with TemporaryDirectory() as scratch:
        sends, ends = Path(scratch) / "sends", Path(scratch) / "ends"
        sends.mkdir()
        ends.mkdir()
        if not _gather(path, sends, ends):
            raise ContractError(
                f"there is no journal in {path}: no part-*.parquet, and no line of JSON with the name {SENT}. "
                "The producer writes it as it sends"
            )
        yield Journal(path, sends, ends)


def _gather(path: Path, sends: Path, ends: Path) -> int:
    """Writes what the lines say into one Parquet file each; gives the number of sends."""
    outcomes: list[dict[str, Any]] = []
    count = 0
    with pq.ParquetWriter(sends / "part-0.parquet", _SENDS) as writer:
        chunk: list[dict[str, Any]] = []
        for place, line in _lines(path):
            if line.get("name") == SENT:
                chunk.append(_send(place, line))
                count += 1
            elif line.get("name") in OUTCOMES:
                outcomes.append({"transaction": str(line.get("transaction")), "outcome": OUTCOMES[line["name"]]})
            if len(chunk) == _CHUNK:
                writer.write_table(pa.Table.from_pylist(chunk, _SENDS))
                chunk = []
        writer.write_table(pa.Table.from_pylist(chunk, _SENDS))
    pq.write_table(pa.Table.from_pylist(outcomes, _ENDS), ends / "part-0.parquet")
    return count


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every line that is a JSON object, with the place where it stands."""
    inside = path.iterdir() if path.is_dir() else [path]
    for file in sorted(file for file in inside if file.is_file() and not file.name.startswith(".")):
        try:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if line.startswith(b"{") and (found := _object(line)) is not None:
                        yield f"{file}:{number}", found
        except OSError as err:
            raise ContractError(f"the journal {file} cannot be read: {err}") from err


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _send(place: str, line: Mapping[str, Any]) -> dict[str, Any]:
    value, transaction = line.get("value"), line.get("transaction")
    try:
        return {
            "topic": str(line["topic"]),
            "partition": int(line["partition"]),
            "offset": int(line["offset"]),
            "sha256": None if value is None else hashlib.sha256(value.encode()).digest(),
            "transaction": None if transaction is None else str(transaction),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise ContractError(
            f"{place} says {SENT}, and not with topic, partition, offset and value as VerifiableProducer does: {err!r}"
        ) from err
