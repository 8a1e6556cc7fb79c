from __future__ import annotations

import errno
import os
import threading

import pytest

from headrace.errors import MachineError
from headrace.ingestion import log_folder
from headrace.ingestion.log_folder import LogFolder


@pytest.fixture
def table(tmp_path):
    (tmp_path / "_delta_log").mkdir()
    return tmp_path


def names(table):
    return sorted(path.name for path in (table / "_delta_log").iterdir())


def test_an_entry_is_put_whole_under_the_name_of_its_version_and_nothing_else_is_left(table):
    folder = LogFolder(table, durable=True)
    assert folder.put(12, b"text\n")
    assert names(table) == ["00000000000000000012.json"]
    assert folder.read(12) == b"text\n"
    assert (folder.has(12), folder.has(13), folder.read(13)) == (True, False, None)


def test_an_entry_that_is_there_is_never_overwritten(table):
    folder = LogFolder(table, durable=False)
    folder.put(1, b"first")
    assert not folder.put(1, b"second")
    assert folder.read(1) == b"first"
    assert names(table) == ["00000000000000000001.json"]


def test_of_many_writers_that_want_one_number_exactly_one_has_it(table):
    won: list[int] = []
    together = threading.Barrier(8)

    def put(number):
        together.wait()
        if LogFolder(table, durable=False).put(1, b"%d" % number * 1_000):
            won.append(number)

    writers = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(won) == 1
    assert LogFolder(table, durable=False).read(1) == b"%d" % won[0] * 1_000


@pytest.fixture
def calls(monkeypatch):
    """The order in which files are synced and named."""
    seen = []
    for name in ("fsync", "link"):
        real = getattr(os, name)

        def spy(*arguments, name=name, real=real):
            is_folder = name == "fsync" and os.path.isdir(f"/proc/self/fd/{arguments[0]}")
            seen.append("fsync of the folder" if is_folder else name)
            return real(*arguments)

        monkeypatch.setattr(log_folder.os, name, spy)
    return seen


def test_a_durable_entry_is_on_the_disk_before_it_has_its_name_and_then_its_name_is(table, calls):
    LogFolder(table, durable=True).put(1, b"text")
    assert calls == ["fsync", "link", "fsync of the folder"]


def test_an_entry_that_need_not_be_durable_waits_for_no_disk(table, calls):
    LogFolder(table, durable=False).put(1, b"text")
    assert calls == ["link"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_leaves_neither_an_entry_nor_a_part_of_one(table, monkeypatch, number):
    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(log_folder.os, "fsync", fail)
    with pytest.raises(OSError, match=os.strerror(number)):
        LogFolder(table, durable=True).put(1, b"text")
    assert names(table) == []


def test_a_file_system_without_hard_links_is_told_as_such(table, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), source, None, target)

    monkeypatch.setattr(log_folder.os, "link", refuse)
    with pytest.raises(MachineError, match=r"has no hard links .*Put the lake on another disk"):
        LogFolder(table, durable=False).put(1, b"text")
    assert names(table) == []


@pytest.mark.parametrize(
    ("hint", "version"),
    [('{"version":99,"size":3}', 99), ("", -1), ("{", -1), ("[]", -1), ('{"size":3}', -1)],
)
def test_the_hint_of_the_last_checkpoint_is_read_if_it_can_be(table, hint, version):
    (table / "_delta_log/_last_checkpoint").write_text(hint)
    assert LogFolder(table, durable=False).checkpoint_version() == version


def test_a_log_without_a_checkpoint_has_none(table):
    assert LogFolder(table, durable=False).checkpoint_version() == -1
