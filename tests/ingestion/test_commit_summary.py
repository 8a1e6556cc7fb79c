from __future__ import annotations

import hashlib
import struct

from hypothesis import given
from hypothesis import strategies as st
from support.kafka_records import record

from headrace.ingestion.commit_summary import CommitSummary, OffsetRange
from headrace.ingestion.raw_columns import raw_rows, record_columns


def rows(*batches):
    """Rows of batches given as (partition, offsets)."""
    columns = [
        record_columns(partition, [record(o, partition=partition) for o in offsets]) for partition, offsets in batches
    ]
    return raw_rows(columns, topic_id="ID", generation=0, landed_at_ms=0)


def naive_checksum(pairs):
    """The documented bytes, one pair at a time."""
    text, last = b"", None
    for partition, offset in sorted(pairs):
        text += struct.pack("<i", partition) if partition != last else b""
        text += struct.pack("<q", offset)
        last = partition
    return hashlib.sha256(text).hexdigest()


def test_ranges_have_the_first_the_last_and_how_many():
    summary = CommitSummary.of(rows((0, [4, 5, 9]), (3, [7])))
    assert summary.offsets == {0: OffsetRange(4, 9, 3), 3: OffsetRange(7, 7, 1)}
    assert summary.rows == 4


def test_no_rows_have_no_ranges_and_the_checksum_of_nothing():
    assert CommitSummary.of(rows()) == CommitSummary(0, {}, hashlib.sha256(b"").hexdigest())


def test_the_notes_are_what_the_log_carries():
    assert CommitSummary.of(rows((2, [4, 9]))).notes() == {
        "rows": 2,
        "offsets": {"2": [4, 9, 2]},
        "checksum": hashlib.sha256(struct.pack("<iqq", 2, 4, 9)).hexdigest(),
    }


@given(
    placed=st.dictionaries(st.integers(0, 5), st.lists(st.integers(0, 2**62), unique=True, min_size=1, max_size=20)),
    cut=st.integers(1, 7),
)
def test_the_checksum_depends_on_the_pairs_and_not_on_the_batches(placed, cut):
    ordered = [(partition, sorted(offsets)) for partition, offsets in sorted(placed.items())]
    pieces = [(p, offsets[i : i + cut]) for p, offsets in ordered for i in range(0, len(offsets), cut)]
    summary = CommitSummary.of(rows(*pieces))
    assert summary.checksum == naive_checksum((p, o) for p, offsets in ordered for o in offsets)
    assert summary == CommitSummary.of(rows(*ordered).combine_chunks())
    assert summary.offsets == {p: OffsetRange(offsets[0], offsets[-1], len(offsets)) for p, offsets in ordered}


def test_one_offset_more_or_another_partition_changes_the_checksum():
    found = {CommitSummary.of(rows(*given)).checksum for given in ([(0, [1])], [(0, [1, 2])], [(1, [1])], [(0, [2])])}
    assert len(found) == 4
