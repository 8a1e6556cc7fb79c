from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.ingestion.log_retention import LogFile, expired, interval_s


def entries(*versions, at_s=0.0):
    return [LogFile(f"{version:020d}.json", at_s) for version in versions]


def checkpoints(*versions, at_s=0.0):
    return [LogFile(f"{version:020d}.checkpoint.parquet", at_s) for version in versions]


def gone(files, before_s, superseded_before_s=0.0, span_s=100.0):
    """What may go, short: 3 is an entry, 3c a checkpoint."""
    return [
        name.lstrip("0").replace(".json", "").replace(".checkpoint.parquet", "c")
        for name in expired(files, before_s=before_s, superseded_before_s=superseded_before_s, span_s=span_s)
    ]


def test_entries_go_up_to_the_checkpoint_that_replaces_them():
    assert gone(entries(1, 2, 3, 4, 5) + checkpoints(3), before_s=10.0) == ["1", "2"]


def test_without_a_checkpoint_nothing_goes():
    assert gone(entries(1, 2, 3), before_s=10.0) == []


def test_what_is_young_stays_and_so_does_the_checkpoint_below_it():
    old, young = entries(1, 2, 3, 4), entries(5, 6, at_s=20.0)
    assert gone(old + young + checkpoints(2) + checkpoints(6, at_s=20.0), before_s=10.0) == ["1"]


def test_older_checkpoints_go_with_their_entries():
    assert gone(entries(1, 2, 3, 4) + checkpoints(1, 2, 4), before_s=10.0) == ["1c", "1", "2c", "2", "3"]


def test_of_the_checkpoints_that_are_past_their_use_the_first_of_each_span_and_the_newest_stay():
    log = entries(*range(1, 10), at_s=20.0) + checkpoints(1, 3, at_s=20.0) + checkpoints(5, 7, 8, 9, at_s=130.0)
    assert gone(log, before_s=10.0, superseded_before_s=20.0) == []
    assert gone(log, before_s=10.0, superseded_before_s=131.0) == ["7c", "8c"]
    assert gone(log, before_s=10.0, superseded_before_s=131.0, span_s=1_000.0) == ["5c", "7c", "8c"]


def test_a_checkpoint_of_late_stays_although_a_newer_one_is_there():
    log = entries(*range(1, 7), at_s=20.0) + checkpoints(1, 2, 3, at_s=20.0) + checkpoints(4, 5, 6, at_s=30.0)
    assert gone(log, before_s=10.0, superseded_before_s=25.0) == ["3c"]


@pytest.mark.parametrize("span_s", [1_800.0, 7_200.0, 14_400.0])
def test_over_two_days_the_log_stays_within_its_retention_and_a_span_and_few_checkpoints_stay(span_s):
    step_s, interval, retention_s = 60.0, 5, 14_400.0
    log = {}
    for version in range(2 * 1_440):
        now_s = version * step_s
        log |= {file.name: file for file in entries(version, at_s=now_s)}
        if version % interval == 0:
            log |= {file.name: file for file in checkpoints(version, at_s=now_s)}
            bounds = {"before_s": now_s - retention_s, "superseded_before_s": now_s - 600.0, "span_s": span_s}
            for name in expired(log.values(), **bounds):
                del log[name]
            oldest = min(int(name[:20]) for name in log if name.endswith(".json"))
            stay = sum("checkpoint" in name for name in log)
            assert now_s - oldest * step_s <= retention_s + span_s + interval * step_s
            assert stay <= (retention_s + span_s) / span_s + 600.0 / (interval * step_s) + 3


def test_files_of_others_stay():
    stray = [LogFile(name, 0.0) for name in ("_last_checkpoint", "00000000000000000001.json#1", "notes.txt")]
    assert expired(stray + entries(1, 2) + checkpoints(2), before_s=10.0, superseded_before_s=0.0, span_s=1.0) == [
        "00000000000000000001.json"
    ]


def test_a_file_that_never_got_its_name_goes_when_it_is_old():
    name = f".00000000000000000007.json.{'0' * 32}.tmp"
    assert expired([LogFile(name, 0.0)], before_s=10.0, superseded_before_s=0.0, span_s=1.0) == [name]
    assert expired([LogFile(name, 20.0)], before_s=10.0, superseded_before_s=0.0, span_s=1.0) == []


@given(
    times=st.lists(st.integers(0, 20), min_size=1, max_size=30),
    with_checkpoint=st.sets(st.integers(0, 29)),
    first=st.integers(0, 5),
    superseded_before_s=st.floats(0, 40),
    span_s=st.floats(1, 40),
    stopped_after=st.integers(0, 100),
)
def test_however_far_a_clean_up_came_the_log_has_no_hole_and_begins_at_a_checkpoint(
    times, with_checkpoint, first, superseded_before_s, span_s, stopped_after
):
    versions = range(first, first + len(times))
    files = [LogFile(f"{version:020d}.json", float(at_s)) for version, at_s in zip(versions, times, strict=True)]
    marks = with_checkpoint & set(versions) | ({first} if first else set())
    files += checkpoints(*marks)
    removed = set(expired(files, before_s=10.0, superseded_before_s=superseded_before_s, span_s=span_s)[:stopped_after])
    left = {file.name for file in files} - removed
    kept = sorted(int(name[:20]) for name in left if name.endswith(".json"))
    starts = [int(name[:20]) for name in left if re.search("checkpoint", name)]
    assert kept == list(range(kept[0], first + len(times)))
    assert kept[0] == 0 or kept[0] - 1 <= max(starts)
    assert max(starts, default=0) == max(marks, default=0)
    young = [file for file in files if file.modified_at_s >= max(10.0, superseded_before_s)]
    assert all(file.name in left for file in young)
    assert all(file.name in left for file in files if file.modified_at_s >= 10.0 and file.name.endswith(".json"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("interval 4 hours", 14_400.0),
        ("interval 30 days", 2_592_000.0),
        ("INTERVAL 1 WEEK", 604_800.0),
        ("interval 0 seconds", 0.0),
        ("10 minutes", 600.0),
        ("interval 5 milliseconds", 0.005),
        ("interval 1 month", None),
        ("soon", None),
    ],
)
def test_an_interval_is_read_as_delta_writes_it(text, seconds):
    assert interval_s(text) == seconds
