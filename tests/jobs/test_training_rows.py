from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from support.delta_rows import read_rows
from support.raw_lake import Record, append_raw

from headrace.errors import ContractError, LockTimeout, PipelineError
from headrace.jobs import build_rows
from headrace.jobs.cleaning import SourceCleaner
from headrace.jobs.training_rows import RowsBuilder, rows_columns
from headrace.locks import exclusive
from headrace.pipeline import Pipeline
from headrace.pipeline.definition import training_set_definition
from headrace.tables import RowsTable, raw_table, rows_table, source_tables

NINE = datetime(2024, 1, 1, 9, tzinfo=UTC)

MALL: dict[str, Any] = {
    "pipeline": "mall",
    "sources": {
        "visits": {
            "topic": "visits",
            "event_id": ["visitor", "number"],
            "event_at": "came_at",
            "columns": {
                "visitor": {"type": "string", "required": True},
                "number": {"type": "long", "required": True},
                "shop": {"type": "string"},
                "came_at": {"type": "timestamp", "required": True},
                "spent": {"type": "double"},
            },
            "derive": {"hour": {"type": "long", "value": "hour(came_at)"}},
            "clean": {"spent": {"outliers": {"method": "bounds", "high": 100, "action": "clip"}}},
        },
        "returns": {
            "topic": "returns",
            "event_id": ["id"],
            "event_at": "said_at",
            "columns": {
                "id": {"type": "string", "required": True},
                "visitor": {"type": "string"},
                "shop": {"type": "string"},
                "said_at": {"type": "timestamp", "required": True},
                "pieces": {"type": "long"},
            },
            "clean": {"pieces": {"missing": {"fill": "constant", "value": 0}}},
        },
    },
    "entities": {"visitor": {"keys": ["visitor"]}, "shop": {"keys": ["shop"]}},
    "features": {
        "visitor_visits": {"entity": "visitor", "source": "visits", "aggregate": {"visits": {"count": "events"}},
                           "windows": ["1h"]},
        "shop_last": {"entity": "shop", "source": "visits", "latest": ["spent"]},
    },
    "services": {"returns": {"features": ["shop_last", "visitor_visits"]}},
    "training_sets": {
        "returns": {
            "service": "returns",
            "rows": {"source": "visits", "at": "nullif(came_at + interval 1 hour, timestamp '2024-01-01T13:00:00Z')"},
            "label": {"source": "returns", "by": ["visitor", "shop"], "type": "boolean", "value": "pieces > 1",
                      "known_at": "arrived_at"},
            "extra": {
                "spent": {"type": "double", "value": "spent"},
                "hour": {"type": "long", "value": "hour"},
                "wait_min": {"type": "double",
                             "value": "(unix_micros(arrived_at) - unix_micros(event_at)) / 60000000"},
            },
            "split": {"train": {"until": "2024-06-01"}, "test": {"until": "2024-07-01"}},
        }
    },
}  # fmt: skip
PIPELINE = Pipeline(**MALL)


def visit(
    visitor: str, number: int, hour: int, shop: str | None = "north", spent: float | None = 5.0
) -> dict[str, Any]:
    return {"visitor": visitor, "number": number, "shop": shop, "came_at": stamp(hour), "spent": spent}


def returned(
    name: str, hour: int, visitor: str | None, pieces: int | None, shop: str | None = "north"
) -> dict[str, Any]:
    return {"id": name, "visitor": visitor, "shop": shop, "said_at": stamp(hour), "pieces": pieces}


def stamp(hour: int) -> str:
    return f"2024-01-01T{hour:02}:00:00Z"


VISITS = [
    visit("ann", 2, 11),
    visit("ann", 1, 9, spent=900.0),  # above the bound: the row reads 900 all the same
    visit("bob", 1, 10, shop=None),  # a null key matches no label
    visit("cat", 1, 10, spent=None),
    visit("dan", 1, 12),  # the instant of this one is null
    visit("eve", 1, 9, shop="south"),
]
RETURNS = [
    returned("r1", 15, "ann", 5),
    returned("r2", 14, "ann", 1),  # earlier than r1
    returned("r3", 14, "ann", 9),  # at the same time, later in the topic
    returned("r4", 14, "bob", 7, shop=None),
    returned("r5", 14, "cat", None),  # null as it was sent, though cleaning makes it 0
    returned("r6", 14, None, 3),
    returned("r7", 14, "eve", 2, shop="south"),
]


def land(lake: Path, topic: str, said: Sequence[dict[str, Any]], first: int = 0) -> None:
    """Lands documents, each at 20:00 and as many minutes as its offset."""
    eight_us = int(NINE.timestamp() + 11 * 3600) * 1_000_000
    records = [
        Record(json.dumps(value).encode(), offset, arrived_at_us=eight_us + offset * 60_000_000)
        for offset, value in enumerate(said, first)
    ]
    append_raw(lake, topic, records)


def clean(spark: SparkSession, lake: Path, source: str) -> None:
    tables = source_tables(lake, "mall", source, PIPELINE.definition(source))
    raw = raw_table(lake, source)
    SourceCleaner(
        spark, PIPELINE.sources[source], raw=raw, tables=tables, application=f"test/{uuid4()}", lock_wait_s=1.0
    ).clean_all()


def table_of(lake: Path) -> RowsTable:
    return rows_table(lake, "mall", "returns", training_set_definition(PIPELINE, "returns"))


def builder(spark: SparkSession, lake: Path) -> RowsBuilder:
    clean_tables = {
        name: source_tables(lake, "mall", name, PIPELINE.definition(name)).clean for name in ("visits", "returns")
    }
    return RowsBuilder(spark, PIPELINE, "returns", clean=clean_tables, table=table_of(lake))


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with both sources cleaned."""
    folder = tmp_path_factory.mktemp("mall")
    land(folder, "visits", VISITS)
    land(folder, "returns", RETURNS)
    clean(spark, folder, "visits")
    clean(spark, folder, "returns")
    return folder


@pytest.fixture(scope="module")
def built(spark: SparkSession, lake: Path, tmp_path_factory) -> tuple[Path, list[dict[str, Any]]]:
    """The lake with its rows built twice by the entry, and the two results."""
    file = lake / "mall.yaml"
    file.write_text(json.dumps(MALL))
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace.jobs.report.Report._emit", lambda self, **event: said.append(event))
        for _ in range(2):
            assert build_rows.main([f"--pipeline={file}", f"--lake={lake}", "--json-lines"]) == 0
    return lake, [event["training_sets"]["returns"] for event in said if event["event"] == "result"]


def naive_rows() -> list[dict[str, Any]]:
    """What the table must hold, by a loop over what was sent."""
    rows = []
    for offset, event in enumerate(VISITS):
        at = datetime.fromisoformat(event["came_at"]) + timedelta(hours=1)
        if at.hour == 13:
            continue
        matches = [
            (outcome["said_at"], place, outcome)
            for place, outcome in enumerate(RETURNS)
            if None not in (event["shop"], event["visitor"])
            and (outcome["visitor"], outcome["shop"]) == (event["visitor"], event["shop"])
        ]
        _, place, first = min(matches, default=(None, None, None), key=lambda match: match[:2])
        arrived = NINE + timedelta(hours=11, minutes=offset)
        pieces = first["pieces"] if first else None
        rows.append({
            "row_id": json.dumps([event["visitor"], str(event["number"])], separators=(",", ":")),
            "at": at,
            "shop": event["shop"],
            "visitor": event["visitor"],
            "label": None if pieces is None else pieces > 1,
            "label_known_at": None if first is None else NINE + timedelta(hours=11, minutes=place),
            "spent": event["spent"],
            "hour": at.hour - 1,
            "wait_min": (arrived - (at - timedelta(hours=1))) / timedelta(minutes=1),
        })  # fmt: skip
    return sorted(rows, key=lambda row: (row["at"], row["row_id"]))


def test_a_row_says_its_event_as_it_was_sent_and_the_first_outcome(built):
    rows = read_rows(table_of(built[0]).path)
    assert sorted(rows, key=lambda row: (row["at"], row["row_id"])) == naive_rows()
    assert {row["row_id"]: row["label"] for row in rows} == {
        '["ann","1"]': False, '["ann","2"]': False, '["bob","1"]': None, '["cat","1"]': None, '["eve","1"]': True,
    }  # fmt: skip


def test_rows_without_an_instant_are_counted_and_a_second_build_of_the_same_events_writes_nothing(built):
    lake, results = built
    assert results == [
        {"version": 1, "rows": 5, "labelled": 3, "without_instant": 1},
        {"version": 1, "rows": None, "labelled": None, "without_instant": None},
    ]
    assert DeltaTable(table_of(lake).path).version() == 1


def test_columns_come_in_order_and_rows_by_instant(built):
    rows = read_rows(table_of(built[0]).path)
    expected = ["row_id", "at", "shop", "visitor", "label", "label_known_at", "spent", "hour", "wait_min"]
    assert list(rows[0]) == expected == list(rows_columns(PIPELINE, "returns"))
    files = DeltaTable(table_of(built[0]).path).file_uris()
    if len(files) == 1:
        assert [row["row_id"] for row in rows] == [row["row_id"] for row in naive_rows()]


def test_the_commit_names_the_clean_versions_and_the_table_keeps_its_old_ones(built):
    table = DeltaTable(table_of(built[0]).path)
    said = json.loads(table.history(1)[0]["userMetadata"])["headrace"]["rows"]["read"]
    assert [found["source"] for found in said] == ["visits", "returns"]
    assert said[0] == {"source": "visits", "table": f"{PIPELINE.definition('visits')}-1", "version": 1}
    configuration = table.metadata().configuration
    assert configuration["delta.logRetentionDuration"] == "interval 365 days"
    assert "delta.appendOnly" not in configuration


def test_a_new_outcome_is_one_new_version_of_the_whole_table(spark: SparkSession, built, tmp_path):
    lake = shutil.copytree(built[0], tmp_path / "mall")
    land(lake, "returns", [returned("r8", 20, "bob", 4, shop="west")], first=len(RETURNS))
    land(lake, "visits", [visit("bob", 2, 8, shop="west")], first=len(VISITS))
    clean(spark, lake, "visits")
    clean(spark, lake, "returns")
    counts = builder(spark, lake).build(lock_wait_s=1.0)
    assert (counts.version, counts.rows, counts.labelled, counts.without_instant) == (2, 6, 4, 1)
    assert len(DeltaTable(table_of(lake).path, version=1).get_add_actions()) >= 1


def test_clean_rows_that_are_not_there_end_with_what_to_run(spark: SparkSession, tmp_path):
    with pytest.raises(ContractError, match=r"where there is no table\. Make it first: headrace clean visits"):
        builder(spark, tmp_path).build(lock_wait_s=1.0)


def test_a_second_build_waits_for_the_lock_and_names_its_holder(spark: SparkSession, tmp_path):
    with (
        exclusive(table_of(tmp_path).lock, wait_s=1, purpose="build rows returns"),
        pytest.raises(LockTimeout, match="build rows returns"),
    ):
        builder(spark, tmp_path).build(lock_wait_s=0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extra": {"visitor": {"type": "string", "value": "visitor"}}}, "'visitor' is a key of the service 'returns'"),
        ({"rows": {"source": "returns", "at": "said_at"}, "extra": {}, "service": "hours"}, "has no column 'hour'"),
        ({"service": "labels"}, "asked by 'label', a name that rows have of their own"),
    ],
)
def test_a_training_set_whose_rows_cannot_have_their_columns_is_refused_at_the_door(changes, message):
    group = {"source": "visits", "latest": ["spent"]}
    asked = json.loads(json.dumps(MALL))
    asked["training_sets"]["returns"] |= changes
    asked["sources"]["visits"]["derive"]["label"] = {"type": "string", "value": "shop"}
    asked["entities"] |= {"hour": {"keys": ["hour"]}, "label": {"keys": ["label"]}}
    asked["features"] |= {"hourly": {"entity": "hour"} | group, "labelled": {"entity": "label"} | group}
    asked["services"] |= {"hours": {"features": ["hourly"]}, "labels": {"features": ["labelled"]}}
    with pytest.raises(PipelineError, match=message):
        Pipeline(**asked)


def test_an_unknown_training_set_names_the_near_ones(tmp_path, capsys):
    file = tmp_path / "mall.yaml"
    file.write_text(json.dumps(MALL))
    assert build_rows.main([f"--pipeline={file}", "--training-set=return", f"--lake={tmp_path}"]) == 2
    assert capsys.readouterr().err == "there is no training set named 'return'. Did you mean: returns?\n"
