"""What a commit announces of its rows: by partition the positions, the range of offsets, and one checksum."""

from __future__ import annotations

import hashlib
import re
import struct

import pyarrow as pa
import pytest

from headrace.fsck.landed_places import LandedPlaces
from headrace.log_entry import Landed

PLACES = ((0, 4), (0, 6), (1, 9))


def batch(places, topic_id="ID"):
    partitions, offsets = zip(*places, strict=True)
    columns = [pa.array([topic_id] * len(places)), pa.array(partitions, pa.int32()), pa.array(offsets, pa.int64())]
    return pa.record_batch(columns, ["_topic_id", "_partition", "_offset"])


def checksum(places):
    """By the definition: the number of each partition in 4 bytes, then its offsets in 8 each."""
    packed = b""
    for partition in sorted({place[0] for place in places}):
        offsets = sorted(offset for of, offset in places if of == partition)
        packed += struct.pack("<i", partition) + b"".join(struct.pack("<q", offset) for offset in offsets)
    return hashlib.sha256(packed).hexdigest()


def announced(**changes):
    said = {
        "topic_id": "ID",
        "rows": 3,
        "positions": {"0": [4, 8], "1": [None, 10]},
        "offsets": {"0": [4, 6, 2], "1": [9, 9, 1]},
        "checksum": checksum(PLACES),
    }
    landed = Landed.read({key: value for key, value in (said | changes).items() if value != "absent"})
    assert landed is not None
    return landed


def difference(landed, *batches):
    places = LandedPlaces()
    for each in batches:
        places.add(each)
    return places.difference(landed)


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_rows_as_they_were_announced_differ_in_nothing_however_they_are_read(cut):
    batches = [batch(part) for part in (PLACES[:cut], PLACES[cut:]) if part]
    assert difference(announced(), *batches) == ""
    assert difference(announced(), *reversed(batches)) == ""
    assert difference(announced(offsets="absent", checksum="absent"), *batches) == ""


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (
            ((0, 3), *PLACES[1:]),
            r"partition 0 has 2 rows with offsets 3 to 6, and its commit announces the positions 4 to 8",
        ),
        (((0, 4), (0, 8), (1, 9)), "announces the positions 4 to 8"),
        ((*PLACES, (2, 0)), "partition 2 .* announces the positions 0 to 0"),
        (((0, 4), (0, 5), (1, 9)), r"announces \[first, last, rows\] \(4, 6, 2\)"),
        (((0, 4), (0, 6), (0, 6), (1, 9)), r"announces \[first, last, rows\]"),
        (PLACES[:2], "checksum that its commit announces"),
    ],
)
def test_what_differs_is_told(places, said):
    assert re.search(said, difference(announced(), batch(places)))


def test_an_offset_in_between_that_was_exchanged_is_told_by_the_checksum():
    wide = announced(positions={"0": [0, 9]}, offsets={"0": [0, 8, 3]}, checksum=checksum(((0, 0), (0, 3), (0, 8))))
    assert difference(wide, batch(((0, 0), (0, 3), (0, 8)))) == ""
    assert "checksum" in difference(wide, batch(((0, 0), (0, 4), (0, 8))))


def test_rows_twice_and_rows_of_another_life_of_the_topic_are_told():
    silent = announced(offsets="absent", checksum="absent")
    assert "some of them twice" in difference(silent, batch(((0, 4), (0, 4), (1, 9))))
    assert "of the topic id OTHER" in difference(silent, batch(PLACES, "OTHER"))


@pytest.mark.parametrize(
    "said", [{}, {"build": {}}, {"positions": 3}, {"topic_id": "x", "rows": 1, "positions": {"a": 1}}]
)
def test_what_is_not_of_a_landing_announces_nothing(said):
    assert Landed.read(said) is None
