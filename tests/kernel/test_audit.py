"""The audit, on small real tables: it balances when all is well, and names each fault that is planted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from headrace.audit import audit_cleaning
from headrace.errors import ContractError
from headrace.journal import open_journal
from headrace.landing_audit import LandingBooks, audit_landing
from headrace.tables import raw_table, source_tables

TOPIC = "flights"
LIFE, NEXT_LIFE = "topic-id-1", "topic-id-2"
VALUES = [b'{"n": 0}', b'{"n": 1}', b'{"n": 2}', None, b"\xff", b'{"n": 5}']

Row = tuple[int, int, bytes | None]  # partition, offset, value


def sent(partition: int = 0) -> list[Row]:
    """Six records: of them offset 3 is a tombstone, and 4 is not text."""
    return [(partition, offset, value) for offset, value in enumerate(VALUES)]


def write_journal(folder: Path, rows: Iterable[Row], topic: str = TOPIC) -> Path:
    rows = list(rows)
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "sequence": pa.array(range(len(rows)), pa.int64()),
        "topic": pa.array([topic] * len(rows), pa.string()),
        "partition": pa.array([row[0] for row in rows], pa.int32()),
        "offset": pa.array([row[1] for row in rows], pa.int64()),
        "sha256": pa.array([v if v is None else hashlib.sha256(v).digest() for *_, v in rows], pa.binary(32)),
    }
    pq.write_table(pa.table(columns), folder / f"part-{len(list(folder.iterdir()))}.parquet")
    return folder


def positions(rows: Sequence[Sequence[object]], topic_id: str = LIFE) -> dict[str, pa.Array]:
    return {
        "_topic_id": pa.array([topic_id] * len(rows), pa.string()),
        "_generation": pa.array([0 if topic_id == LIFE else 1] * len(rows), pa.int32()),
        "_partition": pa.array([row[0] for row in rows], pa.int32()),
        "_offset": pa.array([row[1] for row in rows], pa.int64()),
    }


def write_raw(lake: Path, rows: Iterable[Row], topic_id: str = LIFE) -> None:
    rows = list(rows)
    values = pa.array([row[2] for row in rows], pa.binary())
    write_deltalake(raw_table(lake, TOPIC), pa.table({**positions(rows, topic_id), "value": values}), mode="append")


def against_raw(journal: Path, lake: Path, topic: str = TOPIC) -> LandingBooks:
    with open_journal(journal) as opened:
        return audit_landing(opened, lake, topic)


class TestLanding:
    """Journal against raw."""

    def audit(self, tmp_path, journal, raw):
        write_raw(tmp_path / "lake", raw)
        return against_raw(write_journal(tmp_path / "journal", journal), tmp_path / "lake")

    def test_what_was_sent_and_landed_once_balances(self, tmp_path):
        books = self.audit(tmp_path, [*sent(0), *sent(1)], [*sent(1), *sent(0)])
        assert (books.journal, books.raw) == (12, 12)
        assert books.faults == {}
        assert books.examples == ()

    def test_a_record_that_did_not_land_is_a_lost_write(self, tmp_path):
        books = self.audit(tmp_path, sent(), sent()[:2] + sent()[3:])
        assert books.faults == {"lost_write": 1}
        assert books.examples == ("lost_write: partition 0, offset 2",)

    def test_what_comes_after_all_that_landed_is_waiting(self, tmp_path):
        books = self.audit(tmp_path, sent(), sent()[:4])
        assert books.faults == {"waiting": 2}
        assert books.examples == ("waiting: partition 0, offset 4", "waiting: partition 0, offset 5")

    def test_a_row_that_nobody_sent_is_extra(self, tmp_path):
        books = self.audit(tmp_path, sent()[:5], sent())
        assert books.faults == {"extra": 1}
        assert books.examples == ("extra: partition 0, offset 5",)

    def test_a_value_with_one_other_byte_is_an_inconsistent_offset(self, tmp_path):
        books = self.audit(tmp_path, sent(), [(0, 0, b'{"n": 9}'), *sent()[1:]])
        assert books.faults == {"inconsistent_offset": 1}
        assert books.examples == ("inconsistent_offset: partition 0, offset 0",)

    def test_a_tombstone_that_became_empty_bytes_is_an_inconsistent_offset(self, tmp_path):
        raw = [*sent()[:3], (0, 3, b""), *sent()[4:]]
        assert self.audit(tmp_path, sent(), raw).faults == {"inconsistent_offset": 1}

    def test_two_values_that_changed_places_are_inconsistent_offsets(self, tmp_path):
        swapped = [(0, 0, VALUES[1]), (0, 1, VALUES[0]), *sent()[2:]]
        assert self.audit(tmp_path, sent(), swapped).faults == {"inconsistent_offset": 2}

    def test_a_record_that_landed_twice_is_a_duplicate(self, tmp_path):
        books = self.audit(tmp_path, sent(), [*sent(), sent()[3]])
        assert books.faults == {"duplicate": 1}
        assert books.examples == ("duplicate: partition 0, offset 3",)

    def test_a_record_in_the_wrong_partition_is_waiting_there_and_extra_here(self, tmp_path):
        books = self.audit(tmp_path, sent(), [*sent()[:5], (1, 5, VALUES[5])])
        assert books.faults == {"waiting": 1, "extra": 1}

    def test_two_lives_of_a_topic_may_hold_the_same_offsets(self, tmp_path):
        write_raw(tmp_path / "lake", sent(), LIFE)
        write_raw(tmp_path / "lake", [(0, 0, b"anew")], NEXT_LIFE)
        journal = write_journal(tmp_path / "journal", [*sent(), (0, 0, b"anew")])
        assert against_raw(journal, tmp_path / "lake").faults == {}

    def test_a_life_that_did_not_land_is_lost_although_its_offsets_are_there(self, tmp_path):
        journal = [*sent(), (0, 0, b"anew")]
        assert self.audit(tmp_path, journal, sent()).faults == {"lost_write": 1}

    def test_records_of_other_topics_in_the_journal_are_left_out(self, tmp_path):
        write_raw(tmp_path / "lake", sent())
        journal = write_journal(tmp_path / "journal", sent())
        write_journal(journal, sent(7), topic="weather")
        assert against_raw(journal, tmp_path / "lake").faults == {}
        with open_journal(journal) as opened:
            assert opened.topics() == {TOPIC: 6, "weather": 6}

    def test_a_topic_name_with_a_quote_is_a_name_and_not_sql(self, tmp_path):
        write_deltalake(raw_table(tmp_path, "o'hare"), pa.table({**positions(sent()), "value": pa.array(VALUES)}))
        journal = write_journal(tmp_path / "journal", sent(), topic="o'hare")
        assert against_raw(journal, tmp_path, "o'hare").faults == {}

    @pytest.mark.parametrize("name", ["with space", "it's", "a*b", "a?b", "100%", "ü"])
    def test_folders_of_any_ordinary_name_can_be_audited(self, tmp_path, name):
        assert self.audit(tmp_path / name, sent(), sent()).faults == {}

    def test_a_missing_raw_table_is_named_with_what_makes_it(self, tmp_path):
        journal = write_journal(tmp_path / "journal", sent())
        with pytest.raises(ContractError, match=r"there is no table in .*raw/flights. `headrace land` makes it"):
            against_raw(journal, tmp_path / "lake")

    def test_a_missing_journal_is_an_error_and_not_an_empty_one(self, tmp_path):
        write_raw(tmp_path / "lake", sent())
        with pytest.raises(ContractError, match=r"there is no journal in .*/journal: no part-\*\.parquet"):
            against_raw(tmp_path / "journal", tmp_path / "lake")


Place = tuple[int, int]  # partition, offset
Copy = tuple[int, int, int]  # partition, offset, offset of the winner
Attempt = tuple[int, int, int, str]  # partition, offset, attempt, outcome


class TestCleaning:
    """Raw against clean, duplicates and quarantine."""

    def audit(
        self,
        tmp_path: Path,
        *,
        clean: Sequence[Place] = ((0, 0), (0, 1)),
        duplicates: Sequence[Copy] = ((0, 2, 1),),
        quarantine: Sequence[Attempt] = ((0, 3, 1, "rejected"), (0, 4, 1, "rejected"), (0, 5, 1, "rejected")),
        topic_id: str = LIFE,
    ):
        """Six raw rows at offsets 0 to 5, and by default a right account of them: 2 clean, 1 duplicate, 3 rejected."""
        write_raw(tmp_path, sent(), topic_id)
        tables = source_tables(tmp_path, "pipeline", "source", "0123456789ab")
        winners = positions([(copy[0], copy[2]) for copy in duplicates], topic_id)
        attempts = {
            "attempt": pa.array([row[2] for row in quarantine], pa.int32()),
            "outcome": pa.array([row[3] for row in quarantine], pa.string()),
        }
        write_deltalake(tables.clean, pa.table(positions(clean, topic_id)))
        write_deltalake(
            tables.duplicates,
            pa.table(positions(duplicates, topic_id) | {f"winner{name}": column for name, column in winners.items()}),
        )
        write_deltalake(tables.quarantine, pa.table(positions(quarantine, topic_id) | attempts))
        return audit_cleaning(tmp_path, TOPIC, "source", tables)

    def test_a_row_in_exactly_one_of_the_three_balances(self, tmp_path):
        books = self.audit(tmp_path)
        assert (books.raw, books.clean, books.duplicates, books.quarantine) == (6, 2, 1, 3)
        assert books.faults == {}

    def test_a_row_in_none_is_lost_when_a_later_one_was_cleaned(self, tmp_path):
        books = self.audit(tmp_path, clean=[(0, 1)])
        assert books.faults == {"lost": 1}
        assert books.examples == ("lost: partition 0, offset 0",)

    def test_rows_after_all_that_were_cleaned_are_waiting(self, tmp_path):
        books = self.audit(tmp_path, quarantine=[(0, 3, 1, "rejected")])
        assert books.faults == {"waiting": 2}
        assert books.examples == ("waiting: partition 0, offset 4", "waiting: partition 0, offset 5")

    def test_what_was_reached_in_one_partition_says_nothing_of_another(self, tmp_path):
        write_raw(tmp_path, sent(partition=1)[:2])
        assert self.audit(tmp_path).faults == {"waiting": 2}

    def test_a_row_in_two_tables_is_doubled(self, tmp_path):
        books = self.audit(tmp_path, clean=[(0, 0), (0, 1), (0, 2)])
        assert books.faults == {"doubled": 1}
        assert books.examples == ("doubled: partition 0, offset 2",)

    def test_a_row_in_all_three_tables_is_doubled(self, tmp_path):
        quarantine = [(0, offset, 1, "rejected") for offset in (2, 3, 4, 5)]
        books = self.audit(tmp_path, clean=[(0, 0), (0, 1), (0, 2)], quarantine=quarantine)
        assert (books.faults, books.quarantine) == ({"doubled": 1}, 3)

    def test_a_row_twice_in_one_table_is_doubled(self, tmp_path):
        assert self.audit(tmp_path, clean=[(0, 0), (0, 1), (0, 1)]).faults == {"doubled": 1}

    def test_a_row_that_an_interrupted_replay_has_placed_counts_there_and_is_told_as_unfinished(self, tmp_path):
        books = self.audit(tmp_path, clean=[(0, 0), (0, 1), (0, 5)], duplicates=[(0, 2, 1), (0, 4, 1)])
        assert (books.clean, books.duplicates, books.quarantine, books.unfinished) == (3, 2, 1, 2)
        assert books.faults == {}

    def test_a_row_that_raw_does_not_have_is_unexplained(self, tmp_path):
        books = self.audit(tmp_path, clean=[(0, 0), (0, 1), (0, 6), (1, 0)])
        assert books.faults == {"unexplained": 2}
        assert books.examples == ("unexplained: partition 0, offset 6", "unexplained: partition 1, offset 0")

    def test_the_same_offset_of_another_life_of_the_topic_is_another_row(self, tmp_path):
        self.audit(tmp_path)
        tables = source_tables(tmp_path, "pipeline", "source", "0123456789ab")
        write_deltalake(tables.clean, pa.table(positions([(0, 0)], NEXT_LIFE)), mode="append")
        assert audit_cleaning(tmp_path, TOPIC, "source", tables).faults == {"unexplained": 1}

    def test_a_duplicate_whose_winner_is_not_clean_is_unwon(self, tmp_path):
        books = self.audit(tmp_path, duplicates=[(0, 2, 3)])
        assert books.faults == {"unwon": 1}
        assert books.examples == ("unwon: partition 0, offset 2",)

    def test_a_duplicate_whose_winner_an_interrupted_replay_has_not_cleaned_yet_is_unfinished(self, tmp_path):
        books = self.audit(tmp_path, duplicates=[(0, 2, 1), (0, 5, 4)])
        assert (books.faults, books.quarantine, books.unfinished) == ({}, 2, 1)

    def test_two_copies_that_name_each_other_as_the_winner_are_unwon(self, tmp_path):
        assert self.audit(tmp_path, clean=[(0, 0)], duplicates=[(0, 1, 2), (0, 2, 1)]).faults == {"unwon": 2}

    def test_a_row_that_a_replay_cleaned_counts_as_clean(self, tmp_path):
        quarantine = [(0, 3, 1, "rejected"), (0, 4, 1, "rejected"), (0, 5, 1, "rejected"), (0, 5, 2, "cleaned")]
        books = self.audit(tmp_path, clean=[(0, 0), (0, 1), (0, 5)], quarantine=quarantine)
        assert (books.clean, books.quarantine) == (3, 2)
        assert books.faults == {}

    def test_a_row_that_a_replay_rejected_again_is_quarantined_once(self, tmp_path):
        quarantine = [(0, 3, 1, "rejected"), (0, 4, 1, "rejected"), (0, 5, 1, "rejected"), (0, 5, 2, "rejected")]
        books = self.audit(tmp_path, quarantine=quarantine)
        assert books.quarantine == 3
        assert books.faults == {}

    def test_a_row_that_a_replay_cleaned_but_did_not_write_is_lost(self, tmp_path):
        quarantine = [(0, 3, 1, "rejected"), (0, 4, 1, "rejected"), (0, 4, 2, "cleaned"), (0, 5, 1, "rejected")]
        assert self.audit(tmp_path, quarantine=quarantine).faults == {"lost": 1}

    def test_a_row_that_a_replay_cleaned_but_did_not_write_is_lost_even_where_it_is_the_last(self, tmp_path):
        quarantine = [(0, 3, 1, "rejected"), (0, 4, 1, "rejected"), (0, 5, 1, "rejected"), (0, 5, 2, "cleaned")]
        assert self.audit(tmp_path, quarantine=quarantine).faults == {"lost": 1}

    def test_the_same_attempt_twice_is_doubled(self, tmp_path):
        quarantine = [(0, 3, 1, "rejected"), (0, 4, 1, "rejected"), (0, 5, 1, "rejected"), (0, 5, 1, "rejected")]
        assert self.audit(tmp_path, quarantine=quarantine).faults == {"doubled": 1}

    def test_at_most_five_positions_are_named(self, tmp_path):
        books = self.audit(tmp_path, clean=[(7, offset) for offset in range(100)], duplicates=[], quarantine=[])
        assert books.faults == {"waiting": 6, "unexplained": 100}
        assert len(books.examples) == 5

    def test_a_missing_table_is_named_with_what_makes_it(self, tmp_path):
        write_raw(tmp_path, sent())
        tables = source_tables(tmp_path, "pipeline", "source", "0123456789ab")
        with pytest.raises(ContractError, match=r"there is no table in .*0123456789ab-1. `headrace clean` makes it"):
            audit_cleaning(tmp_path, TOPIC, "source", tables)

    def test_a_table_without_positions_is_named_as_broken(self, tmp_path):
        self.audit(tmp_path)
        tables = source_tables(tmp_path, "pipeline", "source", "0123456789ab")
        write_deltalake(tables.clean, pa.table({"x": [1]}), mode="overwrite", schema_mode="overwrite")
        with pytest.raises(ContractError, match="_topic_id"):
            audit_cleaning(tmp_path, TOPIC, "source", tables)

    def test_a_table_whose_data_file_is_gone_is_named_as_broken(self, tmp_path):
        self.audit(tmp_path)
        tables = source_tables(tmp_path, "pipeline", "source", "0123456789ab")
        next(tables.clean.glob("*.parquet")).unlink()
        with pytest.raises(ContractError, match="not found"):
            audit_cleaning(tmp_path, TOPIC, "source", tables)


@pytest.mark.slow
def test_one_fault_of_each_kind_is_found_in_a_million_rows(tmp_path):
    million = range(1_000_000)
    tables = source_tables(tmp_path, "pipeline", "source", "0123456789ab")
    rows = positions([(offset % 2, offset // 2) for offset in million])
    raw = pa.table(rows | {"value": pa.array([b"%d" % offset for offset in million], pa.binary())})
    placed = pa.table(rows)
    write_deltalake(raw_table(tmp_path, TOPIC), raw)
    # Of partition 0, offset 10 is lost, 20 is clean twice, 0 is clean and rejected; the last two rows are waiting.
    write_deltalake(
        tables.clean, pa.concat_tables([placed.slice(0, 20), placed.slice(21, 999_977), placed.slice(40, 1)])
    )
    write_deltalake(tables.duplicates, pa.table(positions([(9, 9)]) | {f"winner{n}": c[:1] for n, c in rows.items()}))
    attempts = {"attempt": pa.array([1], pa.int32()), "outcome": ["rejected"]}
    write_deltalake(tables.quarantine, pa.table(positions([(0, 0)]) | attempts))
    books = audit_cleaning(tmp_path, TOPIC, "source", tables)
    assert (books.raw, books.clean) == (1_000_000, 999_998)
    assert books.faults == {"lost": 1, "waiting": 2, "doubled": 1, "unexplained": 1}
    assert books.unfinished == 1
