"""Published tables as Delta tables, and their profiles, made once for all tests that look at them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from headrace.examples.flights.events import data_folder
from headrace.profile import Profile

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PUBLISHED = {"flights": "flights.csv.zip", "weather": "weather.csv"}
ASKED = {"flights": ["--label=arr_delay"], "weather": ["--key=origin"], "odd": []}
ODD_ROWS = 30_000
HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>\"'&"
HOSTILE_NAME = '<b>"bold"</b>&`'


@dataclass(frozen=True)
class Profiled:
    """A profiled table: what it holds by pandas, its profile, its page, and the rows that Spark read meanwhile."""

    frame: pd.DataFrame
    profile: Profile
    page: Path
    result: Mapping[str, Any]
    records_read: int


def published(name: str) -> pd.DataFrame:
    """A published file; whole numbers stay whole where some are missing."""
    rows = pd.read_csv(data_folder() / PUBLISHED[name], engine="pyarrow")
    return rows.convert_dtypes(convert_string=False, convert_floating=False)


def write_published(name: str, folder: Path) -> pd.DataFrame:
    """Writes a published file as a Delta table, instants in microseconds; gives its rows."""
    frame = published(name)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    at = table.column_names.index("time_hour")
    table = table.set_column(at, "time_hour", table["time_hour"].cast(pa.timestamp("us", "UTC")))
    write_deltalake(folder, table)
    return frame


def write_odd(spark: SparkSession, folder: Path) -> None:
    """A table of what is unusual: hostile names and values, columns without values or with one, NaN and infinite
    numbers, many values, nested and binary columns.
    """
    from pyspark.sql import functions as F

    columns = {
        "nothing": "cast(null as double)",
        "nowhere": "cast(null as string)",
        "one": "7",
        "sometimes one": "if(id % 3 = 0, 'yes', null)",
        "many": "cast(id as double) * cast(id as double)",
        "not finite": "if(id < 3, double('Infinity'), if(id < 5, double('NaN'), cast(id % 10 as double)))",
        "truth": "id % 4 = 0",
        "money": "cast(id % 100 as decimal(10, 2))",
        "day": "date_add(date'2020-01-01', cast(id % 50 as int))",
        "list": "array(id)",
        "bytes": "cast('ÿ' as binary)",
        HOSTILE_NAME: "if(id % 2 = 0, cast(null as double), if(id = 29999, 1e9, cast(id % 30 as double)))",
    }
    named = [f"{made} as `{name.replace('`', '``')}`" for name, made in columns.items()]
    hostile = F.when(F.col("id") % 2 == 0, HOSTILE).when(F.col("id") % 3 == 0, "").otherwise("plain")
    frame = spark.range(ODD_ROWS).select(*map(F.expr, named), hostile.alias("hostile"))
    options = {"delta.columnMapping.mode": "name"}
    frame.coalesce(1).write.format("delta").options(**options).save(str(folder))


@pytest.fixture(scope="session")
def profiled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Profiled]:
    """The published flights and weather, and the odd table, profiled by the job's own entry in the tests' session."""
    lake = tmp_path_factory.mktemp("profiled")
    frames = {name: write_published(name, lake / "tables" / name) for name in PUBLISHED}
    write_odd(spark, lake / "tables" / "odd")
    frames["odd"] = pd.DataFrame()
    return {name: _profile(spark, lake, name, frame) for name, frame in frames.items()}


def _profile(spark: SparkSession, lake: Path, name: str, frame: pd.DataFrame) -> Profiled:
    from headrace.jobs import profile_table

    said: list[dict[str, Any]] = []
    last = max(_stages(spark), default=-1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace.jobs.report.Report._emit", lambda self, **event: said.append(event))
        words = [f"tables/{name}", f"--lake={lake}", f"--out={lake / 'profiles'}", "--json-lines", *ASKED[name]]
        assert profile_table.main(words) == 0, said
    result = said[-1]["profiles"][f"tables/{name}"]
    profile = Profile.read(Path(result["json"]))
    read = sum(records for stage, records in _stages(spark).items() if stage > last)
    return Profiled(frame, profile, Path(result["html"]), json.loads(json.dumps(result)), read)


def _stages(spark: SparkSession) -> dict[int, int]:
    """The rows of files that each stage has read which Spark still remembers, by its number."""
    context = spark.sparkContext
    no_quantiles = context._gateway.new_array(context._gateway.jvm.double, 0)
    found = context._jsc.sc().statusStore().stageList(None, False, False, no_quantiles, None)
    stages = [found.apply(place) for place in range(found.size())]
    return {stage.stageId(): stage.inputRecords() for stage in stages}
