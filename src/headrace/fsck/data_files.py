"""What is wrong with the data files of a table: those that its log names, and those that it does not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace.lake_tables import LakeTable
from headrace.log_entry import Landed, row_count
from headrace.tables import OFFSET, PARTITION, TOPIC_ID, landing_application

from .columns import columns_of_file
from .delta_log import DeltaLog
from .finding import Finding, Kind, Repair, repair_command, restore_advice
from .landed_places import LandedPlaces
from .table_state import TableState

BATCH_ROWS = 65_536  # read at a time, so that a check of any file takes a few MB

_DATA_FILE = re.compile(r".+\.parquet")


def list_files(folder: Path) -> list[str]:
    """The files of a table as paths under it, but those of its log and hidden ones, which all engines pass over.

    To be called before the log is read: what is named by a commit was there before it.
    """
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        found += [str((Path(place) / name).relative_to(folder)) for name in sorted(files) if name[0] not in "._"]
    return found


def check_files(table: LakeTable, log: DeltaLog, state: TableState, *, deep: bool) -> Iterator[Finding]:
    """The data files that the newest version needs: whether they are there, of their size, and, if `deep`, whether
    every page is as it was written, and every row where it belongs.
    """
    landings = _landings(log)
    for name, add in sorted(state.files.items()):
        path = table.folder / name
        if not path.is_file():
            yield _gone(table, Kind.MISSING_FILE, name, "the file is not there", add)
        elif path.stat().st_size != add["size"]:
            sizes = f"it has {path.stat().st_size:,} bytes, and the log says {add['size']:,}"
            yield _gone(table, Kind.WRONG_SIZE, name, sizes, add)
        elif deep and (fault := _fault_inside(path, add, state.columns, landings.get(name))):
            yield _gone(table, fault[0], name, fault[1], add)


def litter(table: LakeTable, log: DeltaLog, listed: Sequence[str], state: TableState | None) -> Iterator[Finding]:
    """What no version needs: temporary files of writers that died, and data files that no commit names.

    Of the last only those are offered for removal that are no part of a damage: the log is whole, and where the table
    is landed, all their rows have landed since.
    """
    for path in log.strays:
        yield _litter(table, Kind.STRAY, str(path.relative_to(table.folder)), "it is no file of a Delta log")
    mentioned = log.mentioned()
    for file in listed:
        if not _DATA_FILE.fullmatch(file):
            yield _litter(table, Kind.STRAY, file, "it is no data file")
        elif file not in mentioned:
            yield _orphan(table, file, log, state)


def _orphan(table: LakeTable, name: str, log: DeltaLog, state: TableState | None) -> Finding:
    if state is None or state.version < log.newest:
        found = "no commit that can be read names it"
        return _kept(table, name, found, "A commit that is lost may have named it, so it stays until the log is whole.")
    if not state.is_landed:
        return _litter(table, Kind.ORPHAN, name, "no commit names it")
    rows, waiting = _rows_of(table, name, state)
    if waiting:
        found = f"no commit names it, and {waiting:,} of its {rows:,} rows are not in the table"
        return _kept(table, name, found, "They land again from Kafka: headrace land. Then it is not needed any more.")
    return _litter(table, Kind.ORPHAN, name, f"no commit names it; its {rows:,} rows are in the table by another one")


def _kept(table: LakeTable, name: str, found: str, advice: str) -> Finding:
    return Finding(table, Kind.ORPHAN, name, found, "Nobody reads it; it takes room.", advice)


def _gone(table: LakeTable, kind: Kind, name: str, found: str, add: Mapping[str, Any]) -> Finding:
    lost = f"Its {row_count(add):,} rows cannot be trusted, and who reads them fails or gets others."
    return Finding(table, kind, name, found, lost, restore_advice(table, name))


def _litter(table: LakeTable, kind: Kind, name: str, found: str) -> Finding:
    lost = "Nobody reads it; it takes room. A writer that is at work may still need it: only old files are removed."
    return Finding(table, kind, name, found, lost, repair_command(table), Repair.REMOVE)


def _landings(log: DeltaLog) -> dict[str, Landed]:
    """What the lander said of the rows of each file that it brought."""
    entries = [(entry, entry.landed) for entry in log.entries.values()]
    return {unquote(add["path"]): landed for entry, landed in entries if landed for add in entry.of("add")}


def _fault_inside(
    path: Path, add: Mapping[str, Any], columns: Mapping[str, str], landed: Landed | None
) -> tuple[Kind, str] | None:
    rows, places = 0, LandedPlaces()
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if strange := columns_of_file(file.schema_arrow).items() - columns.items():
                return Kind.CORRUPT_FILE, f"it has the column {' of type '.join(min(strange))}, and the table has not"
            for batch in file.iter_batches(BATCH_ROWS):
                rows += batch.num_rows
                batch.validate(full=True)
                if landed:
                    places.add(batch)
    except (OSError, pa.ArrowException) as err:
        return Kind.CORRUPT_FILE, f"it cannot be read: {' '.join(str(err).split())[:200]}"
    if add.get("stats") and rows != row_count(add):
        return Kind.WRONG_ROWS, f"it has {rows:,} rows, and the log says {row_count(add):,}"
    if landed and (difference := places.difference(landed)):
        return Kind.WRONG_ROWS, difference
    return None


def _rows_of(table: LakeTable, name: str, state: TableState) -> tuple[int, int]:
    """Of a data file that no commit names: its rows (0 where it cannot be read), and those not below their position."""
    try:
        with pq.ParquetFile(table.folder / name) as file:
            places = file.read([TOPIC_ID, PARTITION, OFFSET])
    except (OSError, pa.ArrowException, KeyError):
        return 0, 0
    waiting = 0
    for place in places.group_by([TOPIC_ID, PARTITION]).aggregate([]).to_pylist():
        position = state.transactions.get(landing_application(place[TOPIC_ID], place[PARTITION]), 0)
        of_partition = (pc.field(TOPIC_ID) == place[TOPIC_ID]) & (pc.field(PARTITION) == place[PARTITION])
        waiting += places.filter(of_partition & (pc.field(OFFSET) >= position)).num_rows
    return places.num_rows, waiting
