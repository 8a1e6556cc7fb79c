from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession
from support.clean_shop import books
from support.delta_rows import read_rows

from headrace.errors import ContractError, UsageError
from headrace.jobs import clean_batch
from headrace.jobs.arguments import cleaning_parser, cleaning_tasks, tasks_of_interval
from headrace.jobs.cleaning import Counts
from headrace.jobs.table_source import TableCleaner, TableVersion
from headrace.pipeline import Pipeline
from headrace.settings import load_settings
from headrace.tables import SourceTables, source_tables

SHOPS: dict[str, Any] = {
    "table": "shops",
    "event_id": ["shop"],
    "columns": {
        "shop": {"type": "string", "required": True},
        "city": {"type": "string", "one_of": ["Kyoto", "Nara"]},
        "seats": {"type": "long", "between": [0, 100]},
        "rent": {"type": "double"},
        "opened": {"type": "date"},
        "closed_at": {"type": "timestamp"},
        "phone": {"type": "string"},
    },
    "derive": {"large": {"type": "boolean", "value": "seats > 20"}},
    "clean": {"seats": {"outliers": {"method": "bounds", "high": 50, "action": "clip"}}},
}
PIPELINE = Pipeline(pipeline="mall", sources={"shops": SHOPS})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Nothing is declared of `note`; `seats` is text here, and `rent` a NaN where nobody knows it.
SCHEMA = pa.schema(
    {"shop": pa.string(), "city": pa.string(), "seats": pa.string(), "rent": pa.float64(), "opened": pa.date32(),
     "closed_at": pa.timestamp("us", "UTC"), "note": pa.list_(pa.string())}
)  # fmt: skip


def shop(name: str | None, city: str = "Nara", seats: str | None = "10", rent: float = 1.5) -> dict[str, Any]:
    return {
        "shop": name, "city": city, "seats": seats, "rent": rent, "opened": date(2012, 5, 1),
        "closed_at": datetime(2013, 1, 1, 8, tzinfo=UTC), "note": ["any"],
    }  # fmt: skip


FIRST = [
    shop("a", seats="60"),
    shop("b", rent=float("nan")),
    shop("c", seats="many"),
    shop("d", city="Oslo"),
    shop(None),
    shop("e", seats="101"),
    shop("f", seats="1"),
    shop("f", seats="2"),
    shop("f", seats="1"),
]
SECOND = [*FIRST[1:], shop("a", seats="30"), shop("g")]  # `a` is corrected, `g` is new; all else as it was
REASONS = {"missing_field": 1, "not_allowed": 1, "out_of_range": 1, "wrong_type": 1}


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "tables" / "shops"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_deltalake(path, pa.Table.from_pylist(rows, schema=SCHEMA), mode="overwrite")
    return path


def tables_of(lake: Path) -> SourceTables:
    return source_tables(lake, "mall", "shops", PIPELINE.definition("shops"))


def clean(spark: SparkSession, lake: Path, on_step=lambda step: None, run: str = "run") -> Counts:
    """Cleans as a fresh process would."""
    return TableCleaner(
        spark,
        PIPELINE.sources["shops"],
        table=lake / "tables" / "shops",
        tables=tables_of(lake),
        application=f"headrace/clean/{run}",
        lock_wait_s=1.0,
        on_step=on_step,
    ).clean_newest()


def die_at(wanted: str):
    def die(step: str) -> None:
        if step == wanted:
            raise InterruptedError(step)

    return die


@pytest.fixture(scope="module")
def cleaned(spark: SparkSession, tmp_path_factory) -> tuple[Path, list[Counts]]:
    """A lake whose table was cleaned in its first version and twice in its second, and what each run counted."""
    lake = tmp_path_factory.mktemp("mall")
    write(lake, FIRST)
    first = clean(spark, lake)
    write(lake, SECOND)
    return lake, [first, clean(spark, lake, run="second"), clean(spark, lake, run="again")]


def test_each_version_places_what_is_new_in_it_and_a_version_once(cleaned):
    assert cleaned[1] == [
        Counts(clean=3, duplicates=2, quarantine=4, reasons=REASONS),
        Counts(clean=2, duplicates=2, quarantine=4, reasons=REASONS),
        Counts(),
    ]


def test_a_corrected_row_has_the_same_event_id_and_time_and_a_later_creation(cleaned):
    rows = [row for row in read_rows(tables_of(cleaned[0]).clean) if row["shop"] == "a"]
    first, second = sorted(rows, key=lambda row: row["_created_at"])
    told = ("seats", "seats_original", "seats_outlier", "large", "event_at", "arrived_at", "_partition", "_generation")
    assert [tuple(row[name] for name in told) for row in (first, second)] == [
        (50, 60, True, True, EPOCH, EPOCH, 0, 0),
        (30, 30, False, True, EPOCH, EPOCH, 1, 0),
    ]
    assert first["_created_at"] < second["_created_at"]


def test_values_have_their_declared_types_and_an_unknown_number_is_null(cleaned):
    rows = {row["shop"]: row for row in read_rows(tables_of(cleaned[0]).clean)}
    assert sorted(rows) == ["a", "b", "f", "g"]
    told = ("city", "rent", "opened", "closed_at", "phone", "_late", "_unknown_fields", "_plan")
    assert tuple(rows["b"][name] for name in told) == (
        "Nara", None, date(2012, 5, 1), datetime(2013, 1, 1, 8, tzinfo=UTC), None, False, None, None,
    )  # fmt: skip


def test_places_number_the_rows_of_a_version_by_event_id_and_copies_name_their_winner(cleaned):
    lake, _ = cleaned
    copies = [row for row in read_rows(tables_of(lake).duplicates) if row["_partition"] == 0]
    assert {row["_topic_id"] for row in copies} == {
        f"table:shops:{DeltaTable(lake / 'tables' / 'shops').metadata().id}"
    }
    winner = next(row for row in read_rows(tables_of(lake).clean) if row["shop"] == "f")
    assert {row["winner_offset"] for row in copies} == {winner["_offset"]} == {6}
    assert sorted(row["_offset"] for row in copies) == [7, 8]
    # two rows say seats 1 and one says 2: which comes first is up to their hashes
    assert sorted(row["same_bytes"] for row in copies) == ([False, True] if winner["seats"] == 1 else [False, False])


def test_a_rejected_row_is_kept_whole_as_json(cleaned):
    rows = [row for row in read_rows(tables_of(cleaned[0]).quarantine) if row["_partition"] == 0]
    assert {row["reason"] for row in rows} == set(REASONS)
    wrong = next(row for row in rows if row["reason"] == "wrong_type")
    assert wrong["detail"] == "column 'seats': declared long, found string"
    assert json.loads(wrong["value"]) == {
        "shop": "c", "city": "Nara", "seats": "many", "rent": 1.5, "opened": "2012-05-01",
        "closed_at": "2013-01-01T08:00:00.000000Z", "note": ["any"],
    }  # fmt: skip


def test_a_run_that_dies_between_its_writes_is_finished_by_the_next(spark: SparkSession, cleaned, tmp_path):
    write(tmp_path, FIRST)
    for step in ("after_quarantine", "after_duplicates"):
        with pytest.raises(InterruptedError):
            clean(spark, tmp_path, die_at(step), run=step)
    assert clean(spark, tmp_path, run="last") == Counts(clean=3)
    first = {kind: first_version(rows) for kind, rows in books(tables_of(cleaned[0])).items()}
    assert {kind: first_version(rows) for kind, rows in books(tables_of(tmp_path)).items()} == first


def first_version(rows: list[tuple[Any, ...]]) -> list[Any]:
    """The rows of version 0, without the id of the table."""
    found = [{name: value for name, value in row if not name.endswith("_topic_id")} for row in rows]
    return sorted((row for row in found if row["_partition"] == 0), key=repr)


def test_a_table_that_was_made_anew_is_another_life_whose_versions_begin_again():
    first = TableVersion("one", 4).after(None)
    assert (first.generation, first.is_cleaned(None)) == (0, False)
    assert TableVersion("one", 4).after(first).is_cleaned(first)
    again = TableVersion("two", 0).after(first)
    assert (again.generation, again.is_cleaned(first)) == (1, False)
    metadata = [None, "by hand", '{"headrace": {"table": {"id": "two", "version": 0, "generation": 1}}}']
    assert TableVersion.newest(metadata) == again


def options(lake: Path, *more: str, with_tables: bool = True):
    file = lake / "mall.yaml"
    topic = {"topic": "sales", "event_id": ["id"], "event_at": "at",
             "columns": {"id": {"type": "string"}, "at": {"type": "timestamp"}}}  # fmt: skip
    file.write_text(json.dumps({"pipeline": "mall", "sources": {"sales": topic, "shops": SHOPS}}))
    parser = cleaning_parser("job", "", with_tables=with_tables)
    parser.set_defaults(arrived_from=None, arrived_to=None)
    found = parser.parse_args([f"--pipeline={file}", f"--lake={lake}", *more])
    return found, load_settings({"lake": lake}, environment={}, folder=lake)


def names(tasks) -> list[str]:
    return [task.source.name for task in tasks]


def test_a_reference_table_that_is_not_there_is_left_out_unless_it_is_named(tmp_path):
    assert names(cleaning_tasks(*options(tmp_path))) == ["sales"]
    assert names(cleaning_tasks(*options(tmp_path, "--source=shops"))) == ["shops"]
    write(tmp_path, FIRST[:1])
    assert names(cleaning_tasks(*options(tmp_path))) == ["sales", "shops"]


def test_a_stream_takes_topics_only(tmp_path):
    write(tmp_path, FIRST[:1])
    assert names(cleaning_tasks(*options(tmp_path, with_tables=False))) == ["sales"]
    with pytest.raises(UsageError, match=r"no stream of it\. Clean it by a batch: headrace clean shops"):
        cleaning_tasks(*options(tmp_path, "--source=shops", with_tables=False))


def test_an_interval_of_arrival_means_nothing_to_a_table(tmp_path):
    write(tmp_path, FIRST[:1])
    found, settings = options(tmp_path)
    found.arrived_from = 0
    assert names(tasks_of_interval(cleaning_tasks(found, settings), found)) == ["sales"]
    found.source = ["shops"]
    with pytest.raises(UsageError, match="'shops' is a reference table: it is cleaned whole"):
        tasks_of_interval(cleaning_tasks(found, settings), found)


def test_a_missing_table_that_is_named_ends_with_what_to_do(spark: SparkSession, tmp_path, capsys):
    options(tmp_path)
    assert clean_batch.main([f"--pipeline={tmp_path / 'mall.yaml'}", f"--lake={tmp_path}", "--source=shops"]) == 1
    said = capsys.readouterr().err
    assert f"reads the reference table 'shops' in {tmp_path}/tables/shops, where there is no Delta table" in said
    with pytest.raises(ContractError):
        clean(spark, tmp_path)
