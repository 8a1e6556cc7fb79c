"""One partition's part of a fetch, read by columns: against literal rows, and against kafka-python's own reader."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError, KafkaError, UnsupportedCodecError
from kafka.protocol.consumer import IsolationLevel
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from support.partition_readers import columnar, read, rows_of, stock
from support.record_batches import CODECS, Batch, Rec, compressed, log, marker, part, varint, xerial
from support.rooms import REPOSITORY

from headrace.ingestion import columnar as columnar_module
from headrace.ingestion.partition_rows import BatchTooLarge


def offsets(found):
    return [row["_offset"] for row in found[0]]


def three(**changes):
    return Batch([Rec(0), Rec(1, None, None), Rec(2, b"", b"")], **changes)


def test_a_record_becomes_a_row_with_all_its_fields():
    record = Rec(5, b"key", b"\x00\xff", [(b"a", b"1"), (b"a", None), (b"", b"")], time_ms=7)
    found, _ = read(columnar(part(Batch([record], base_offset=10, leader_epoch=4, first_time_ms=1_000))))
    assert found == [
        {
            "_partition": 3,
            "_offset": 15,
            "timestamp": 1_007_000,
            "timestamp_type": "create",
            "leader_epoch": 4,
            "key": b"key",
            "value": b"\x00\xff",
            "headers": [{"key": "a", "value": b"1"}, {"key": "a", "value": None}, {"key": "", "value": b""}],
        }
    ]


def test_a_null_is_not_an_empty_text():
    found, _ = read(columnar(part(three())))
    assert [(row["key"], row["value"]) for row in found] == [(b"k", b"v"), (None, None), (b"", b"")]


def test_the_time_that_a_broker_gave_is_that_of_all_records_and_said_to_be():
    given_by = [three(append_time=True, max_time_ms=9_000), three(append_time=False)]
    found, _ = read(columnar(part(*log(*given_by))))
    assert [row["timestamp_type"] for row in found] == ["append"] * 3 + ["create"] * 3
    assert {row["timestamp"] for row in found[:3]} == {9_000_000}


def test_what_has_no_time_or_no_epoch_has_null():
    found, _ = read(columnar(part(three(first_time_ms=-1, leader_epoch=-1))))
    assert {(row["timestamp"], row["leader_epoch"]) for row in found} == {(None, None)}


def test_a_time_that_has_no_number_in_microseconds_is_none_by_either_reader():
    last_ms = (2**63 - 1) // 1000
    sent = part(Batch([Rec(0, time_ms=0), Rec(1, time_ms=1)], first_time_ms=last_ms, max_time_ms=last_ms + 1))
    for kind in (columnar, stock):
        found, _ = read(kind(sent))
        assert [row["timestamp"] for row in found] == [last_ms * 1000, None]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())
def test_each_compression_gives_the_same_rows(codec):
    records = [Rec(number, b"%d" % number, b"value " * number) for number in range(500)]
    assert read(columnar(part(Batch(records, codec=codec)))) == read(stock(part(Batch(records))))


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_what_kafka_python_has_compressed_is_read(codec):
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 20)
    for offset in range(300):
        builder.append(offset, 1_000 + offset, b"key", b"value %d" % offset, [("h", b"x")])
    built = bytes(builder.build())
    assert read(columnar(built)) == read(stock(built))
    assert len(read(columnar(built))[0]) == 300


def test_several_members_of_gzip_and_plain_snappy_are_read():
    import snappy

    records = [Rec(number, b"k", b"x" * 50_000) for number in range(3)]
    plain = b"".join(record.to_bytes() for record in records)
    halves = compressed(1, plain[:70_000]) + compressed(1, plain[70_000:])
    for codec, content in ((1, halves), (2, snappy.compress(plain)), (2, xerial(plain, 100_000))):
        assert offsets(read(columnar(part(Batch(records, codec=codec, content=content))))) == [0, 1, 2]


def test_a_take_gives_no_more_rows_than_asked_for_and_the_next_goes_on():
    found = columnar(part(*log(three(), three(), three())))
    taken = [rows_of(found.take(size)) for size in (2, 2, 4)]
    assert [[row["_offset"] for row in rows] for rows in taken] == [[0, 1], [2], [3, 4, 5, 6]]
    assert found.next_fetch_offset == taken[-1][-1]["_offset"] + 1


def test_reading_begins_in_the_middle_of_a_batch_where_it_was_asked_to():
    assert offsets(read(columnar(part(*log(three(), three())), 4))) == [4, 5]
    assert offsets(read(columnar(part(*log(three(), three())), 3))) == [3, 4, 5]


def test_the_gaps_of_a_compacted_batch_stay_and_the_position_passes_over_them():
    found = columnar(part(Batch([Rec(2), Rec(7)], base_offset=10, last_offset_delta=20)))
    assert offsets(read(found)) == [12, 17]
    assert found.next_fetch_offset == 31


def test_a_batch_that_was_compacted_to_nothing_moves_the_position():
    found = columnar(part(*log(Batch([], last_offset_delta=4), three(leader_epoch=9))))
    assert offsets(read(found)) == [5, 6, 7]
    assert (found.next_fetch_offset, found.leader_epoch) == (8, 9)


def test_the_last_batch_may_be_cut_off_by_the_size_of_the_fetch():
    whole = part(*log(three(), three()))
    assert offsets(read(columnar(whole[:-1]))) == [0, 1, 2]
    assert offsets(read(columnar(whole + b"\x00\x00"))) == [0, 1, 2, 3, 4, 5]


def test_aborted_records_and_markers_are_left_out_and_the_position_passes_over_them():
    batches = log(
        three(producer_id=1, transactional=True),
        three(producer_id=2, transactional=True),
        marker(1, aborts=True),
        three(producer_id=1, transactional=True),
        marker(2, aborts=False),
        marker(1, aborts=False),
    )
    found = columnar(part(*batches), aborted=[(1, 0)])
    assert offsets(read(found)) == [3, 4, 5, 7, 8, 9]
    assert found.next_fetch_offset == 12


def test_who_reads_uncommitted_gets_aborted_records_and_still_no_markers():
    batches = log(three(producer_id=1, transactional=True), marker(1, aborts=True))
    found = columnar(part(*batches), aborted=[(1, 0)], isolation_level=IsolationLevel.READ_UNCOMMITTED)
    assert offsets(read(found)) == [0, 1, 2]


@pytest.mark.parametrize("magic", [0, 1])
def test_older_formats_are_read_by_kafka_python_between_batches_that_are_not(magic):
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 20)
    for offset in (3, 4):
        builder.append(offset, 5_000, b"old", b"%d" % offset)
    mixed = three().to_bytes() + bytes(builder.build()) + three().at(5).to_bytes()
    assert read(columnar(mixed)) == read(stock(mixed))
    assert offsets(read(columnar(mixed), 1, 1, 1, 1)) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_header_keys_are_kept_as_kafka_python_and_lenience_keep_them():
    odd = [[(b"plain", b"1")], [("größe".encode(), b"2")], [(b"k\xff", b"3")], [(b"after", b"4")]]
    batches = log(*(Batch([Rec(headers=headers)]) for headers in odd))
    found, _ = read(columnar(part(*batches)))
    assert [row["headers"][0]["key"] for row in found] == ["plain", "größe", "k\\xff", "after"]
    assert found == read(stock(part(*batches)))[0]


def test_an_odd_header_key_before_a_damaged_batch_is_spelled_out():
    batches = log(Batch([Rec(headers=[(b"k\xff", b"")])]), Batch([Rec()], count=2))
    rows, err = read(columnar(part(*batches)))
    assert [row["headers"][0]["key"] for row in rows[:1]] == ["k\\xff"]
    assert isinstance(err, CorruptRecordError)


def test_a_letter_that_is_cut_in_two_header_keys_is_no_letter():
    batch = Batch([Rec(headers=[(b"\xc3", b""), (b"\xbc", b"")])])
    assert [header["key"] for header in read(columnar(part(batch)))[0][0]["headers"]] == ["\\xc3", "\\xbc"]


def test_a_flipped_bit_is_noticed_after_all_before_it_was_given():
    good, bad = log(three(), three())
    damaged = bytearray(part(good, bad))
    damaged[-1] ^= 1
    rows, err = read(columnar(bytes(damaged)))
    assert [row["_offset"] for row in rows] == [0, 1, 2]
    assert isinstance(err, CorruptRecordError)
    assert "at offset 3 failed crc check" in str(err)
    assert read(columnar(bytes(damaged), check_crcs=False))[1] is not err


def test_a_damaged_batch_fails_again_at_the_next_fetch_and_does_not_hang():
    found = columnar(part(three(crc=1)))
    with pytest.raises(CorruptRecordError):
        found.take(10)
    assert not found


@pytest.mark.parametrize(
    "batch",
    [
        three(count=4),
        three(count=2),
        three(count=2_000_000_000),
        three(count=-1),
        Batch(count=1, content=varint(100) + b"\0" * 6),
        Batch(count=1, content=varint(6) + b"\0" * 5 + varint(-1)),
        Batch(count=1, content=varint(-1)),
        Batch(count=1, content=b"\xff" * 30),
        Batch(count=1, content=b"\x80" * 9 + b"\x7f" + b"\0" * 20),
        Batch([Rec(headers=[(b"", b"")])], count=2),
        three(codec=3, content=b"no lz4 at all"),
        three(codec=1, content=compressed(1, b"cut off")[:-4]),
        three(codec=2, content=b"\x82SNAPPY\0" + b"\0" * 8 + b"\x7f\xff\xff\xff"),
        three(codec=4, content=b"\x28\xb5\x2f\xfd\x00"),
        three(codec=6),
    ],
)
def test_what_is_no_batch_is_refused_as_kafka_python_does(batch):
    expected, raised = read(stock(part(*log(three(), batch))))
    found, err = read(columnar(part(*log(three(), batch))))
    assert found == expected
    assert (err is None) == (raised is None)
    assert raised is None or type(err) is (type(raised) if isinstance(raised, KafkaError) else CorruptRecordError)


def test_a_codec_whose_package_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("kafka.codec.zstd", None)
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    _, err = read(columnar(part(three(codec=4))))
    assert isinstance(err, UnsupportedCodecError)
    assert "zstd" in str(err)


MEMORY_OF_A_BOMB = """
import resource, sys
from pathlib import Path
from support.partition_readers import columnar, read
from support.record_batches import Batch, Rec, part

def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

read(columnar(part(Batch([Rec()], codec=1))))
bomb, before = Path(sys.argv[1]).read_bytes(), peak_bytes()
rows, err = read(columnar(bomb))
print(len(rows), type(err).__name__, peak_bytes() - before)
"""


def test_a_hundred_megabytes_of_zeros_in_a_hundred_kilobytes_take_no_more_than_the_ceiling_allows(tmp_path):
    bomb = part(*log(three(), Batch([Rec(value=bytes(100_000_000))], codec=1)))
    assert len(bomb) < 100_000 * 1.1
    (tmp_path / "bomb").write_bytes(bomb)
    words, path = [sys.executable, "-c", MEMORY_OF_A_BOMB, tmp_path / "bomb"], str(REPOSITORY / "tests")
    said = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path})
    rows, raised, grown_bytes = said.stdout.split()
    assert (int(rows), raised) == (3, "BatchTooLarge")
    assert int(grown_bytes) < 3 * columnar_module.ColumnarPartitionRecords.max_batch_bytes


BOMBS = {name: codec for name, codec in CODECS.items() if codec}


@pytest.mark.parametrize("codec", BOMBS.values(), ids=BOMBS.keys())
def test_a_small_batch_of_many_zeros_is_refused_before_it_is_large(codec, monkeypatch):
    monkeypatch.setattr(columnar_module.ColumnarPartitionRecords, "max_batch_bytes", 1_000_000)
    bomb = Batch([Rec(value=bytes(1_000_001))], codec=codec)
    rows, err = read(columnar(part(*log(three(), bomb))))
    assert [row["_offset"] for row in rows] == [0, 1, 2]
    assert isinstance(err, BatchTooLarge)
    assert f"t[3]: the batch at offset 3 takes {len(bomb.at(3).to_bytes()):,} bytes" in str(err)
    assert "more than 1,000,000 bytes when it is decompressed" in str(err)


@pytest.mark.parametrize("codec", BOMBS.values(), ids=BOMBS.keys())
def test_a_batch_just_below_the_ceiling_is_read(codec, monkeypatch):
    batch = Batch([Rec(value=bytes(900_000))], codec=codec)
    plain = len(batch.records[0].to_bytes())
    monkeypatch.setattr(columnar_module.ColumnarPartitionRecords, "max_batch_bytes", plain)
    assert read(columnar(part(batch)))[0][0]["value"] == bytes(900_000)


def test_a_part_of_many_batches_is_read_in_turns(monkeypatch):
    monkeypatch.setattr(columnar_module, "TURN_BYTES", 100)
    batches = part(*log(*[three()] * 50))
    assert offsets(read(columnar(batches))) == list(range(150))


HEADER_KEYS = st.sampled_from([b"", b"trace", "größe".encode(), b"\xff", b"\xc3"])
RECORDS = st.builds(
    Rec,
    offset=st.just(0),
    key=st.none() | st.binary(max_size=4),
    value=st.none() | st.binary(max_size=200),
    headers=st.lists(
        st.tuples(HEADER_KEYS, st.none() | st.binary(max_size=3)),
        max_size=2,
    ),
    time_ms=st.integers(-(2**40), 2**40),
)


@st.composite
def batches(draw):
    records, offset = [], draw(st.integers(0, 2))
    for record in draw(st.lists(RECORDS, max_size=6)):
        records.append(Rec(offset, record.key, record.value, record.headers, record.time_ms))
        offset += draw(st.integers(1, 3))
    return Batch(
        records,
        last_offset_delta=offset,
        codec=draw(st.sampled_from([0, 0, 1, 2, 3, 4])) if records else 0,
        append_time=draw(st.booleans()),
        transactional=draw(st.booleans()),
        producer_id=draw(st.integers(-1, 2)),
        leader_epoch=draw(st.integers(-1, 3)),
        first_time_ms=draw(st.integers(-2, 2**41)),
        max_time_ms=draw(st.integers(-2, 2**41)),
    )


MARKERS = st.builds(marker, st.integers(0, 2), aborts=st.booleans())
LOGS = st.lists(batches() | MARKERS, max_size=8).map(lambda each: log(*each, first=10))
ABORTED = st.lists(st.tuples(st.integers(0, 2), st.integers(10, 60)), max_size=4)
SIZES = st.lists(st.integers(1, 6), max_size=10)


@settings(deadline=None)  # the first call may compile
@given(LOGS, ABORTED, st.integers(10, 60), SIZES)
def test_any_log_reads_as_by_kafka_python_from_any_offset_in_takes_of_any_size(batches, aborted, first, sizes):
    whole = part(*batches)
    ours, theirs = columnar(whole, first, aborted=aborted), stock(whole, first, aborted=aborted)
    assert read(ours, *sizes) == read(theirs)
    assert (ours.next_fetch_offset, ours.leader_epoch) == (theirs.next_fetch_offset, theirs.leader_epoch)


@settings(deadline=None)  # the first call may compile
@given(LOGS, st.integers(10, 60), SIZES)
def test_after_any_take_the_position_is_where_the_rest_is_read_from(batches, first, sizes):
    whole = part(*batches)
    found, rest = columnar(whole, first), []
    before = [row for size in sizes if found for row in rows_of(found.take(size))]
    if found.next_fetch_offset > first:
        rest, _ = read(columnar(whole, found.next_fetch_offset))
    else:
        rest, _ = read(columnar(whole, first))
    assert before + rest == read(stock(whole, first))[0]


@settings(deadline=None)  # the first call may compile
@given(LOGS.filter(bool), st.data())
def test_any_damage_reads_as_by_kafka_python_up_to_the_same_kind_of_error(batches, data):
    index = data.draw(st.integers(0, len(batches) - 1))
    damaged = bytearray(batches[index].to_bytes())
    for place in data.draw(st.lists(st.integers(21, len(damaged) - 1), min_size=1, max_size=3)):
        damaged[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        from crc32c import crc32c

        damaged[17:21] = crc32c(bytes(damaged[21:])).to_bytes(4, "big")
    whole = part(*batches[:index]) + bytes(damaged) + part(*batches[index + 1 :])
    ours, err = read(columnar(whole))
    theirs, raised = read(stock(whole))
    assert ours == theirs
    assert type(err) is (type(raised) if raised is None or isinstance(raised, KafkaError) else CorruptRecordError)
