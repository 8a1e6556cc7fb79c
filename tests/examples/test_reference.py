from __future__ import annotations

import pytest
from deltalake import DeltaTable
from support.delta_rows import read_rows
from support.flights_lake import PIPELINE

from headrace.examples.flights.reference import PLANES, read_planes, write_reference_tables
from headrace.pipeline import load_pipeline
from headrace.pipeline.column_types import ColumnType
from headrace.settings import load_settings

ARROW_TYPES: dict[ColumnType, str] = {"string": "string", "long": "int64", "double": "double"}


@pytest.fixture
def settings(tmp_path):
    return load_settings({"home": tmp_path}, environment={}, folder=tmp_path)


def test_the_table_has_the_columns_that_the_pipeline_declares():
    declared = load_pipeline(PIPELINE).sources["planes"].columns
    assert {field.name: str(field.type) for field in PLANES} == {
        name: ARROW_TYPES[column.type] for name, column in declared.items()
    }


def test_the_published_aircraft_are_written_once_and_a_second_run_makes_no_version(settings, tmp_path):
    folder = tmp_path / "lake" / "tables" / "planes"
    assert write_reference_tables(settings) == {"planes": folder}
    assert write_reference_tables(settings) == {"planes": folder}
    assert DeltaTable(folder).version() == 0
    rows = {row["tailnum"]: row for row in read_rows(folder)}
    assert len(rows) == 3322
    assert rows["N10156"] == {
        "tailnum": "N10156", "year": 2004, "type": "Fixed wing multi engine", "manufacturer": "EMBRAER",
        "model": "EMB-145XR", "engines": 2, "seats": 55, "speed": None, "engine": "Turbo-fan",
    }  # fmt: skip
    assert sum(row["year"] is None for row in rows.values()) == 70
    assert sum(row["speed"] is not None for row in rows.values()) == 23


def test_a_table_that_somebody_changed_is_written_anew(settings):
    folder = write_reference_tables(settings)["planes"]
    DeltaTable(folder).delete("tailnum = 'N10156'")
    write_reference_tables(settings)
    assert (DeltaTable(folder).version(), len(read_rows(folder))) == (2, read_planes().num_rows)
