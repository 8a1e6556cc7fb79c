"""Counting what cleaning made of a source, and comparing it with a prediction."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from headrace.errors import ContractError
from headrace.outcomes import count_outcome, differences, read_predictions
from headrace.tables import source_tables

PREDICTED = {
    "records": 10,
    "events": 5,
    "clean": 5,
    "duplicates": {"exact": 1, "conflict": 1},
    "quarantine": {"tombstone": 2, "wrong_type": 1},
    "late": 1,
    "unknown_fields": 1,
    "added": {"tombstone": 2},
}


@pytest.fixture
def tables(tmp_path):
    found = source_tables(tmp_path, "p", "s", "0123456789ab")
    unknown = pa.array([["colour"], None, None, None, None], pa.list_(pa.string()))
    flags = {"_late": [True, False, False, False, False], "_unknown_fields": unknown}
    write_deltalake(found.clean, pa.table(positions(3, 4, 10, 11, 12) | flags))
    write_deltalake(found.duplicates, pa.table(positions(20, 21) | {"same_bytes": [True, False]}))
    attempts = [
        (0, 1, "rejected", "tombstone"),
        (1, 1, "rejected", "tombstone"),
        (2, 1, "rejected", "missing_field"),
        (2, 2, "rejected", "wrong_type"),  # another reason at the second attempt
        (3, 1, "rejected", "missing_field"),
        (3, 2, "cleaned", None),
        (4, 1, "rejected", "missing_field"),  # a replay has placed it, and was interrupted before it said so
    ]
    offsets, *columns = zip(*attempts, strict=True)
    rows = dict(zip(("attempt", "outcome", "reason"), map(list, columns), strict=True))
    write_deltalake(found.quarantine, pa.table(positions(*offsets) | rows))
    return found


def positions(*offsets):
    return {"_topic_id": ["t"] * len(offsets), "_partition": [0] * len(offsets), "_offset": list(offsets)}


def test_the_newest_attempt_says_whether_and_why_a_record_is_quarantined(tables):
    assert count_outcome(tables) == {
        "records": 10,
        "clean": 5,
        "late": 1,
        "unknown_fields": 1,
        "duplicates": {"exact": 1, "conflict": 1},
        "quarantine": {"tombstone": 2, "wrong_type": 1},
    }


def test_an_outcome_as_predicted_has_no_differences(tables):
    assert differences(PREDICTED, count_outcome(tables)) == []


def test_each_number_that_is_not_as_predicted_is_named():
    found = PREDICTED | {"clean": 4, "quarantine": {"tombstone": 2, "late": 1_000}}
    assert differences(PREDICTED, found) == [
        "clean: predicted 5, found 4",
        "quarantine late: predicted 0, found 1,000",
        "quarantine wrong_type: predicted 1, found 0",
    ]


def test_a_prediction_is_read_by_source(tmp_path):
    (tmp_path / "expected.json").write_text(json.dumps({"format": 1, "sources": {"s": PREDICTED}}))
    assert read_predictions(tmp_path / "expected.json") == {"s": PREDICTED}


@pytest.mark.parametrize("text", [None, "", "[]", "{}"])
def test_what_is_not_a_prediction_is_an_error(tmp_path, text):
    if text is not None:
        (tmp_path / "expected.json").write_text(text)
    with pytest.raises(ContractError, match=r"expected.json is not a prediction"):
        read_predictions(tmp_path / "expected.json")


def test_an_outcome_of_tables_that_are_not_there_is_an_error(tmp_path):
    with pytest.raises(ContractError, match="`headrace clean` makes it"):
        count_outcome(source_tables(tmp_path, "p", "s", "0123456789ab"))
