from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyspark.sql import SparkSession
from support.raw_lake import Record, append_raw
from support.shop import orders

from headrace.jobs.admission import DETAIL, REASON
from headrace.jobs.cleaning import judge_records
from headrace.plans import bind

BIGGEST_LONG = 9_223_372_036_854_775_807

# A document, the reason for which it is rejected (None: it is an event), and what the detail says.
DOCUMENTS = [
    (b'{"id":"a","at":"2013-01-01T10:15:00Z"}', None, ""),
    (b'\n {"id":"a","at":"2013-01-01T10:15:00Z"} \n', None, ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","pieces":1.0}', None, ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","pieces":9223372036854775807}', None, ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","amount":7}', None, ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","amount":1e3}', None, ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","amount":null,"pieces":null,"gift":null}', None, ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00.123456+05:30"}', None, ""),
    (b'{"id":"a","at":"2013-01-01 10:15"}', None, ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","more":1}', None, ""),
    (None, "tombstone", "null"),
    (b"", "invalid_json", "not exactly one"),
    (b"  ", "invalid_json", "not exactly one"),
    (b"{", "invalid_json", ""),
    (b'{"id":"a","at":', "invalid_json", ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z"} x', "invalid_json", ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z"}{"id":"b"}', "invalid_json", ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z"},{"id":"b"}', "invalid_json", ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z"}]', "invalid_json", ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z"},38] x', "invalid_json", ""),
    (b'{"id":"a","id":"b","at":"2013-01-01T10:15:00Z"}', "invalid_json", ""),
    (b"{'id':'a','at':'2013-01-01T10:15:00Z'}", "invalid_json", ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","amount":NaN}', "invalid_json", ""),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","pieces":01}', "invalid_json", ""),
    (b'{"id":"\\ud800","at":"2013-01-01T10:15:00Z"}', "invalid_json", ""),
    (b'\xef\xbb\xbf{"id":"a","at":"2013-01-01T10:15:00Z"}', "invalid_json", ""),
    (b'{"id":' + b"[" * 100_000, "invalid_json", ""),
    (b'{"id":"a\xff"}', "invalid_utf8", ""),
    (b"\x00\x01", "invalid_json", ""),
    (b"[1]", "not_an_object", "found ARRAY"),
    (b"null", "not_an_object", "found VOID"),
    (b'"text"', "not_an_object", "found STRING"),
    (b"{}", "missing_field", "column 'id' is required"),
    (b'{"id":null,"at":"2013-01-01T10:15:00Z"}', "missing_field", "column 'id' is required"),
    (b'{"id":"a"}', "missing_field", "column 'at' is required"),
    (b'{"id":7,"at":"2013-01-01T10:15:00Z"}', "wrong_type", "column 'id': declared string, found BIGINT"),
    (b'{"id":{"x":1},"at":"2013-01-01T10:15:00Z"}', "wrong_type", "found OBJECT"),
    (b'{"id":"a","at":1357035300}', "wrong_type", "column 'at': declared timestamp, found BIGINT"),
    (b'{"id":"a","at":"2013-02-30T10:15:00Z"}', "wrong_type", "column 'at'"),
    (b'{"id":"a","at":"T10:15"}', "wrong_type", "column 'at'"),
    (b'{"id":"a","at":"now"}', "wrong_type", "column 'at'"),
    (b'{"id":"a","at":"2013"}', "wrong_type", "column 'at'"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","pieces":1.5}', "wrong_type", "column 'pieces'"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","pieces":"1"}', "wrong_type", "declared long, found STRING"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","pieces":9223372036854775808}', "wrong_type", "column 'pieces'"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","amount":"1.5"}', "wrong_type", "declared double, found STRING"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","amount":1e400}', "wrong_type", "column 'amount'"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","gift":"true"}', "wrong_type", "declared boolean, found STRING"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","gift":1}', "wrong_type", "declared boolean, found BIGINT"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","shop":"west"}', "not_allowed", "column 'shop'"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","amount":-0.5}', "out_of_range", "column 'amount': found -0.5"),
    (b'{"id":"a","at":"2013-01-01T10:15:00Z","amount":10000.01}', "out_of_range", "column 'amount'"),
    (b'{"id":"a","at":"2013-01-01T11:15:00.000001Z"}', "in_the_future", "more than 3600 s after its arrival"),
    (b'{"id":"a","at":"2013-01-01T11:15:00Z"}', None, ""),
    (b'{"id":"a","at":"2012-12-25T10:15:00Z"}', None, ""),
]


@pytest.fixture(scope="module")
def judged(spark: SparkSession, tmp_path_factory):
    lake = tmp_path_factory.mktemp("lake")
    path = append_raw(lake, "orders", [Record(value, offset) for offset, (value, _, _) in enumerate(DOCUMENTS)])
    raw = spark.read.format("delta").load(str(path))
    rows = judge_records(raw, orders(), bind(orders())).orderBy("_offset").collect()
    return [row.asDict() for row in rows]


@pytest.mark.parametrize("number", range(len(DOCUMENTS)), ids=lambda n: repr(DOCUMENTS[n][0])[:60])
def test_every_document_is_judged_under_its_own_reason(judged, number):
    _, reason, detail = DOCUMENTS[number]
    assert judged[number][REASON] == reason
    assert detail in (judged[number][DETAIL] or "")


def test_the_bytes_of_a_rejected_record_are_kept_and_those_of_an_event_are_not(judged):
    for (value, reason, _), row in zip(DOCUMENTS, judged, strict=True):
        assert row["__value"] == (value if reason else None)


def test_values_are_read_as_they_were_sent(judged):
    assert judged[2]["pieces"] == 1
    assert judged[3]["pieces"] == BIGGEST_LONG
    assert (judged[4]["amount"], judged[5]["amount"]) == (7.0, 1000.0)
    assert [judged[6][name] for name in ("amount", "pieces", "gift")] == [None, None, None]


def test_an_instant_without_a_zone_is_utc_and_an_offset_is_honoured(judged):
    assert judged[7]["at"].astimezone(UTC) == datetime(2013, 1, 1, 4, 45, 0, 123456, UTC)
    assert judged[8]["at"].astimezone(UTC) == datetime(2013, 1, 1, 10, 15, tzinfo=UTC)


def test_undeclared_fields_are_named_and_the_event_is_kept(judged):
    assert judged[9]["_unknown_fields"] == ["more"]
    assert judged[0]["_unknown_fields"] is None


def test_a_row_is_late_only_beyond_the_stated_lateness(judged):
    assert judged[-1]["_late"]
    assert not judged[0]["_late"]
