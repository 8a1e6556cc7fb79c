"""A producer's own journal, as lines of JSON: what VerifiableProducer prints, and what one of transactions adds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kafka_records import record

from headrace.errors import ContractError
from headrace.ingestion.landing import Landing, Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable
from headrace.journal import open_journal
from headrace.landing_audit import LandingBooks, audit_landing

TOPIC = "t"

# As the tool of Kafka 4.3 printed it.
PRINTED = """\
{"timestamp":1795691228057,"name":"startup_complete"}
[2026-11-26 11:07:08,100] WARN something of a logger
{"timestamp":1795691228557,"name":"producer_send_success","key":null,"value":"0","offset":0,"topic":"t","partition":0}
{"timestamp":1795691228558,"name":"producer_send_success","key":"1","value":"7.1","offset":0,"topic":"t","partition":1}
{"timestamp":1795691228559,"name":"producer_send_error","exception":"class x","message":"m","topic":"t","key":null,"value":"2"}
{"timestamp":1795691228600,"name":"shutdown_complete"}
{"timestamp":1795691228601,"name":"tool_data","sent":3,"acked":2,"target_throughput":-1,"avg_throughput":20.0}
"""  # noqa: E501


def sent(offset: int, value: str | None = None, partition: int = 0, **more: object) -> dict[str, object]:
    line = {"name": "producer_send_success", "topic": TOPIC, "partition": partition, "offset": offset, "key": None}
    return line | {"value": str(offset) if value is None else value} | more


def ended(transaction: str, how: str) -> dict[str, object]:
    return {"name": f"transaction_{how}", "transaction": transaction}


def land(lake: Path, rows: Mapping[int, str], position: int, partition: int = 0) -> None:
    """One commit of these values by offset, after which the partition stands at `position`."""
    landing = Landing(RawTable.of(lake, TOPIC, "cluster"), "ID")
    (before,) = landing.positions([partition]).values()
    records = [record(offset, value.encode(), partition=partition) for offset, value in rows.items()]
    batches = [record_columns(partition, records)] if records else []
    landing.commit(batches, {partition: Move(before, position)}, lock_wait_s=1.0)


def audit(folder: Path, lines: Iterable[Mapping[str, object]]) -> LandingBooks:
    file = folder / "journal.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with open_journal(file) as journal:
        return audit_landing(journal, folder, TOPIC)


def plain(offsets: Iterable[int]) -> dict[int, str]:
    return {offset: str(offset) for offset in offsets}


def test_what_verifiable_producer_prints_is_a_journal_of_its_acknowledged_records(tmp_path):
    (tmp_path / "printed.log").write_text(PRINTED)
    land(tmp_path, {0: "0"}, 1)
    land(tmp_path, {0: "7.1"}, 1, partition=1)
    with open_journal(tmp_path / "printed.log") as journal:
        assert journal.topics() == {TOPIC: 2}
        books = audit_landing(journal, tmp_path, TOPIC)
    assert (books.journal, books.raw, books.faults) == (2, 2, {})


def test_a_folder_of_such_files_is_one_journal(tmp_path):
    (tmp_path / "journals").mkdir()
    for partition in range(3):
        (tmp_path / "journals" / f"{partition}.log").write_text(json.dumps(sent(0, partition=partition)) + "\n")
    with open_journal(tmp_path / "journals") as journal:
        assert journal.topics() == {TOPIC: 3}


@pytest.mark.parametrize("text", ["", "no JSON\n", '{"name":"startup_complete"}\n', '{"name":"producer_send_succ'])
def test_a_file_without_one_acknowledged_record_is_no_journal(tmp_path, text):
    (tmp_path / "x.log").write_text(text)
    with (
        pytest.raises(ContractError, match=r"there is no journal in .*x\.log.*producer_send_success"),
        open_journal(tmp_path / "x.log"),
    ):
        pass


@pytest.mark.parametrize("missing", ["topic", "partition", "offset"])
def test_a_line_that_lacks_its_place_is_named_with_its_number(tmp_path, missing):
    line = {key: value for key, value in sent(1).items() if key != missing}
    (tmp_path / "x.log").write_text(json.dumps(sent(0)) + "\n" + json.dumps(line) + "\n")
    with (
        pytest.raises(ContractError, match=rf"x\.log:2 says producer_send_success.*{missing}"),
        open_journal(tmp_path / "x.log"),
    ):
        pass


def test_the_line_that_a_killed_producer_left_half_written_promises_nothing(tmp_path):
    (tmp_path / "x.log").write_text(json.dumps(sent(0)) + "\n" + json.dumps(sent(1))[:-20])
    with open_journal(tmp_path / "x.log") as journal:
        assert journal.topics() == {TOPIC: 1}


def test_an_acknowledged_record_below_the_position_that_is_not_in_raw_is_a_lost_write(tmp_path):
    land(tmp_path, plain([0, 2]), 3)
    books = audit(tmp_path, map(sent, range(3)))
    assert books.faults == {"lost_write": 1}
    assert books.examples == ("lost_write: partition 0, offset 1",)


def test_a_lost_write_at_the_end_of_what_was_landed_is_no_waiting_one(tmp_path):
    land(tmp_path, plain([0, 1]), 3)
    assert audit(tmp_path, map(sent, range(3))).faults == {"lost_write": 1}


def test_what_was_acknowledged_after_the_position_is_waiting(tmp_path):
    land(tmp_path, plain(range(3)), 3)
    assert audit(tmp_path, map(sent, range(5))).faults == {"waiting": 2}


def test_another_value_at_the_same_offset_is_inconsistent(tmp_path):
    land(tmp_path, {0: "0", 1: "other"}, 2)
    books = audit(tmp_path, map(sent, range(2)))
    assert books.faults == {"inconsistent_offset": 1}


def test_an_offset_that_nobody_explains_is_a_skip(tmp_path):
    land(tmp_path, plain([0, 1, 4]), 5)
    books = audit(tmp_path, [sent(0), sent(1), sent(4)])
    assert books.faults == {"skip": 2}
    assert books.examples == ("skip: partition 0, offset 2",)


def test_a_position_beyond_the_last_row_is_a_skip_as_well(tmp_path):
    land(tmp_path, plain([0, 1]), 4)
    assert audit(tmp_path, map(sent, range(2))).faults == {"skip": 2}


def in_transaction(name: str, offsets: Iterable[int]) -> list[dict[str, object]]:
    return [sent(offset, transaction=name) for offset in offsets]


class TestTransactions:
    """Offsets 0 and 1 are of a committed transaction (marker: 2), 3 and 4 of an aborted one (marker: 5), 6 is plain."""

    LINES = (
        *in_transaction("a", [0, 1]), ended("a", "committed"),
        *in_transaction("b", [3, 4]), ended("b", "aborted"), sent(6),
    )  # fmt: skip

    def test_markers_and_aborted_records_are_no_skips(self, tmp_path):
        land(tmp_path, plain([0, 1, 6]), 7)
        assert audit(tmp_path, self.LINES).faults == {}

    def test_a_landed_record_of_an_aborted_transaction_is_an_aborted_read(self, tmp_path):
        land(tmp_path, plain([0, 1, 4, 6]), 7)
        books = audit(tmp_path, self.LINES)
        assert books.faults == {"aborted_read": 1}
        assert books.examples == ("aborted_read: partition 0, offset 4",)

    def test_a_lost_record_of_a_committed_one_is_a_lost_write_and_no_marker(self, tmp_path):
        land(tmp_path, plain([0, 6]), 7)
        assert audit(tmp_path, self.LINES).faults == {"lost_write": 1}

    def test_one_offset_more_than_markers_explain_is_a_skip(self, tmp_path):
        land(tmp_path, plain([0, 1, 6]), 8)
        assert audit(tmp_path, self.LINES).faults == {"skip": 1}

    @pytest.mark.parametrize("landed", [[], [7], [7, 8]])
    def test_what_a_transaction_of_unknown_end_has_sent_may_be_there_or_not(self, tmp_path, landed):
        land(tmp_path, plain([0, 1, 6, *landed]), 12)
        assert audit(tmp_path, [*self.LINES, *in_transaction("c", [7, 8])]).faults == {}


Fates = st.sampled_from(["as it should", "other", "dropped", "doubled"])
Kinds = st.lists(st.sampled_from(["plain", "committed", "aborted"]), min_size=1, max_size=12)


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(kinds=Kinds, data=st.data())
def test_the_books_are_those_of_a_loop_over_all_offsets(tmp_path_factory, kinds: list[str], data: Any):
    """Each kind is one record; one in a transaction is followed by the marker of its own. Some are dropped, altered or
    doubled on the way, and a loop says what that is called.
    """
    folder = tmp_path_factory.mktemp("books")
    lines: list[dict[str, object]] = []
    raw: list[tuple[int, str]] = []
    offset, expected = 0, dict.fromkeys(("lost_write", "aborted_read", "inconsistent_offset", "duplicate"), 0)
    for number, kind in enumerate([*kinds, "plain"]):
        fate = (
            data.draw(st.sampled_from(["as it should", "other", "dropped", "doubled"])) if number < len(kinds) else ""
        )
        transaction = {} if kind == "plain" else {"transaction": str(number)}
        lines += [sent(offset, **transaction)] + ([ended(str(number), kind)] if transaction else [])
        if kind == "aborted":
            raw += [(offset, str(offset))] if fate == "other" else []
            expected["aborted_read"] += fate == "other"
        else:
            value = "altered" if fate == "other" else str(offset)
            raw += [(offset, value)] * {"dropped": 0, "doubled": 2}.get(fate, 1)
            expected["lost_write"] += fate == "dropped"
            expected["inconsistent_offset"] += fate == "other"
            expected["duplicate"] += fate == "doubled"
        offset += 1 if kind == "plain" else 2
    landing = Landing(RawTable.of(folder, TOPIC, "cluster"), "ID")
    records = [record(place, value.encode()) for place, value in raw]
    landing.commit([record_columns(0, records)], {0: Move(None, offset)}, lock_wait_s=1.0)
    assert audit(folder, lines).faults == {name: count for name, count in expected.items() if count}
