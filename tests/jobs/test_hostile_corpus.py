"""Thousands of hostile records in one run: the job stays alive, the books balance, and each has its right reason."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest
from pyspark.sql import SparkSession
from support.delta_rows import read_rows
from support.hostile_corpus import Hostile, corpus, pipeline
from support.hostile_judge import COLUMNS, read_json
from support.hostile_values import hostile_values
from support.raw_lake import append_raw

from headrace.audit import CleaningBooks, audit_cleaning
from headrace.jobs.cleaning import SourceCleaner
from headrace.quarantine import summarize_quarantine
from headrace.tables import SourceTables, raw_table, source_tables


@pytest.fixture(scope="module")
def cleaned(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[SourceTables, CleaningBooks]:
    """The tables of the corpus after one run, and their books."""
    lake, declared = tmp_path_factory.mktemp("hostile"), pipeline()
    append_raw(lake, "hostile", [hostile.record for hostile in corpus()])
    tables = source_tables(lake, "hostile", "things", declared.definition("things"))
    raw = raw_table(lake, "hostile")
    cleaner = SourceCleaner(
        spark, declared.sources["things"], raw=raw, tables=tables, application="headrace/clean/hostile", lock_wait_s=1.0
    )
    cleaner.clean_all()
    return tables, audit_cleaning(lake, "hostile", "things", tables)


def winners() -> dict[int, Hostile]:
    """By offset: the events that must be clean, the first of each event id."""
    first: dict[str, int] = {}
    for offset, hostile in enumerate(corpus()):
        if hostile.verdict.reason is None:
            first.setdefault(hostile.verdict.values["id"], offset)
    return {offset: corpus()[offset] for offset in first.values()}


def told(offset: int) -> str:
    """One record in words, for a list of what is wrong."""
    hostile = corpus()[offset]
    return f"offset {offset}, {hostile.place}: {hostile.hostile[:60]!r}, expected {hostile.verdict.reason}"


def test_the_corpus_is_large_and_in_every_place():
    assert len(hostile_values()) >= 300
    assert Counter(hostile.place for hostile in corpus()).keys() == {
        *COLUMNS,
        "more",
        "nested",
        "name",
        "whole",
        "key",
        "header",
    }
    reasons = {hostile.verdict.reason for hostile in corpus()}
    assert reasons >= {None, "tombstone", "too_large", "invalid_utf8", "invalid_json", "not_an_object", "missing_field"}
    assert reasons >= {"wrong_type", "in_the_future"}


def test_the_judge_knows_json_as_another_parser_does_but_for_what_the_page_names():
    """orjson keeps the last of two equal names, has no numbers beyond a double, and is less deep."""
    differing = [value for value in hostile_values() if _is_utf8(value) and _judged(value) != _parsed(value)]
    numbers = [value for value in differing if value.strip(b"-+.eE0123456789") == b""]
    deep = [value for value in differing if len(value) > 900 and value[:1] in b"[{"]
    names = [value for value in differing if value not in numbers + deep]
    assert all(_judged(value) and abs(float(value)) == float("inf") for value in numbers)
    assert not any(_judged(value) for value in deep + names)
    assert names == [
        *[b'{"a":1,"a":1}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'{"b":{"a":1,"a":1}}', b'[{"a":1,"a":2}]'],
        b'{"":1,"":2}',
    ]


def test_every_record_is_placed_once_and_the_books_balance(cleaned):
    _, books = cleaned
    rejected = sum(hostile.verdict.reason is not None for hostile in corpus())
    expected = (len(corpus()), len(winners()), len(corpus()) - rejected - len(winners()), rejected)
    assert (books.raw, books.clean, books.duplicates, books.quarantine) == expected
    assert books.faults == {}


def test_every_hostile_record_is_rejected_for_its_own_reason_and_no_other_is(cleaned):
    tables, _ = cleaned
    found = {row["_offset"]: row["reason"] for row in read_rows(tables.quarantine, "_offset, reason")}
    wrong = [
        f"{told(offset)}, found {found.get(offset)}"
        for offset, hostile in enumerate(corpus())
        if found.get(offset) != hostile.verdict.reason
    ]
    assert wrong == []


def test_every_value_that_is_accepted_is_the_value_that_was_sent(cleaned):
    tables, _ = cleaned
    rows = {row["_offset"]: row for row in read_rows(tables.clean)}
    assert rows.keys() == winners().keys()
    wrong = [
        f"{told(offset)}: {differing}" for offset in rows if (differing := _differing(rows[offset], corpus()[offset]))
    ]
    assert wrong == []


def test_the_bytes_of_everything_rejected_are_kept_as_they_came(cleaned):
    tables, _ = cleaned
    for row in read_rows(tables.quarantine, "_offset, key, value, headers"):
        record = corpus()[row["_offset"]].record
        assert (row["key"], row["value"]) == (record.key, record.value), told(row["_offset"])
        assert [(header["key"], header["value"]) for header in row["headers"]] == list(record.headers)


def test_no_detail_and_no_example_brings_an_unprintable_character_onto_the_screen(cleaned):
    summary = summarize_quarantine(cleaned[0], limit=10_000)
    shown = [
        text for group in summary.groups for each in group.examples for text in (each.value, each.key, each.detail)
    ]
    assert all(text.isprintable() for text in shown if text is not None)
    assert summary.rejected == sum(group.records for group in summary.groups)


def _differing(row: dict[str, Any], hostile: Hostile) -> dict[str, tuple[Any, Any]]:
    expected = {**hostile.verdict.values, "_unknown_fields": list(hostile.verdict.unknown) or None}
    expected["event_at"] = expected["at"]
    return {name: (row[name], value) for name, value in expected.items() if row[name] != value}


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _judged(value: bytes) -> bool:
    return _accepts(read_json, value.decode())


def _parsed(value: bytes) -> bool:
    return _accepts(orjson.loads, value)


def _accepts(parse: Any, document: bytes | str) -> bool:
    try:
        parse(document)
    except Exception:
        return False
    return True
