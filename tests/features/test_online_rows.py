"""The embedded online store: compare-and-set, spaces, growth, several processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading

import pytest

from headrace.errors import ContractError
from headrace.features.online_rows import OnlineRows, Published, space_of
from headrace.features.packed_row import RowFormat, clocks, pack_key

SPACE = space_of("bank", "account_last", "d1")
FORM = RowFormat(["string"])
A, B = pack_key(["a"]), pack_key(["b"])


@pytest.fixture
def store(tmp_path):
    with OnlineRows(tmp_path / "online") as opened:
        yield opened


def row(event_at_us, created_at_us, value="x"):
    return FORM.pack(event_at_us, created_at_us, [value])


def value(store, key=A, space=SPACE):
    (data,) = store.read(space, [key])
    return data and FORM.unpack(data).values[0]


@pytest.mark.parametrize(
    ("clocks_us", "after"),
    [((4, 9), "old"), ((5, 4), "old"), ((5, 5), "new"), ((5, 6), "new"), ((6, 0), "new"), ((-(2**63), 9), "old")],
)
def test_a_row_gives_way_to_a_newer_or_equal_one_only(store, clocks_us, after):
    store.publish(SPACE, [(A, row(5, 5, "old"))])
    written = store.publish(SPACE, [(A, row(*clocks_us, "new"))])
    assert (value(store), written) == (after, int(after == "new"))


def test_the_newest_of_one_batch_wins_in_any_order(store):
    assert store.publish(SPACE, [(A, row(2, 0, "two")), (A, row(1, 0, "one")), (A, row(3, 0, "three"))]) == 2
    assert value(store) == "three"


def test_keys_come_back_in_the_order_asked_also_twice(store):
    store.publish(SPACE, [(B, row(1, 1, "b")), (A, row(1, 1, "a"))])
    found = store.read(SPACE, [A, pack_key(["none"]), B, A])
    assert [data and FORM.unpack(data).values[0] for data in found] == ["a", None, "b", "a"]


def test_spaces_do_not_see_each_other(store):
    other = space_of("bank", "account_last", "d2")
    store.publish(SPACE, [(A, row(1, 1, "first"))])
    store.publish(other, [(A, row(0, 0, "other"))])
    store.record_published(other, Published(3, None, 7))
    assert (value(store), value(store, space=other)) == ("first", "other")
    assert store.spaces() == sorted([SPACE, other])
    store.drop(SPACE)
    assert (store.count(SPACE), store.count(other), store.spaces()) == (0, 1, [other])
    assert (store.published(SPACE), store.published(other)) == (None, Published(3, None, 7))


def test_keys_longer_than_the_store_allows_stay_apart(store):
    keys = [pack_key(["x" * length]) for length in (470, 475, 476, 500, 5_000)]
    keys.append(pack_key(["x" * 4_999 + "y"]))
    store.publish(SPACE, [(key, row(1, 1, str(number))) for number, key in enumerate(keys)])
    assert [value(store, key) for key in keys] == ["0", "1", "2", "3", "4", "5"]


def test_the_map_grows_by_itself(tmp_path):
    with OnlineRows(tmp_path, map_bytes=2**16) as store:
        rows = [(pack_key([number]), row(1, 1, "v" * 100)) for number in range(25_000)]
        assert store.publish(SPACE, rows) == 25_000
        assert store.count(SPACE) == 25_000
    with OnlineRows(tmp_path, map_bytes=2**16) as again:
        assert value(again, pack_key([24_999])) == "v" * 100


def test_an_answer_never_claims_a_publication_that_came_after_its_rows(store):
    """What is published is written after the rows, so whoever reads the rows first may meet a later record."""
    store.publish(SPACE, [(A, row(0, 0))])

    def publish():
        for version in range(1, 150):
            store.publish(SPACE, [(A, row(version, version))])
            store.record_published(SPACE, Published(version, None, version))

    publisher, claims = threading.Thread(target=publish), []
    publisher.start()
    while publisher.is_alive():
        (data,), published = store.answer(SPACE, [A])
        claims.append((clocks(data)[0], published.features_version if published else 0))
    publisher.join()
    assert store.answer(SPACE, [A, B]) == ([row(149, 149), None], Published(149, None, 149))
    assert [claim for claim in claims if claim[1] > claim[0]] == []


def test_a_store_that_was_removed_and_made_again_is_the_new_one_for_all_who_have_it_open(tmp_path):
    with OnlineRows(tmp_path / "online") as reader:
        reader.publish(SPACE, [(A, row(5, 5, "old"))])
        shutil.rmtree(tmp_path / "online")
        with pytest.raises(ContractError, match=r"online was removed. `headrace materialize` makes it again"):
            reader.read(SPACE, [A])
        with OnlineRows(tmp_path / "online") as publisher:
            assert value(publisher) is None
            publisher.publish(SPACE, [(A, row(1, 1, "new"))])
            assert value(reader) == "new"
        assert value(reader) == "new"
    with OnlineRows(tmp_path / "online") as again:
        assert value(again) == "new"


@pytest.mark.parametrize("content", ["a file", "not a store"])
def test_what_is_no_store_is_refused_with_what_to_do(tmp_path, content):
    folder = tmp_path / "online"
    if content == "a file":
        folder.write_text(content)
    else:
        folder.mkdir()
        (folder / "data.mdb").write_bytes(b"not a store" * 1000)
    with pytest.raises(ContractError, match=rf"{folder} cannot be opened.*setting online_store.*headrace materialize"):
        OnlineRows(folder)


def test_one_process_may_open_a_store_twice(tmp_path):
    with OnlineRows(tmp_path) as first:
        with OnlineRows(tmp_path) as second:
            second.publish(SPACE, [(A, row(1, 1, "seen"))])
        assert value(first) == "seen"
        second.close()
        assert value(first) == "seen"
    with pytest.raises(ValueError, match="closed"):
        first.count(SPACE)


FORKED = """
import os, sys
from pathlib import Path
from headrace.features.online_rows import OnlineRows
store = OnlineRows(Path(sys.argv[1]))
child = os.fork()
if child == 0:
    try:
        store.count("p/g/d")
    except RuntimeError as err:
        print(err, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_store_opened_before_a_fork_refuses_to_work_after_it(tmp_path):
    answer = subprocess.run([sys.executable, "-c", FORKED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert answer.stdout == "an online store must be opened after a fork, not before it\n"


PUBLISHER = """
import random, sys
from pathlib import Path
from headrace.features.online_rows import OnlineRows
from headrace.features.packed_row import RowFormat, pack_key
form, seed = RowFormat(["string"]), int(sys.argv[2])
order = [(key, clock) for key in range(200) for clock in range(60) if clock % 2 == seed]
random.Random(seed).shuffle(order)
print("ready", flush=True)
sys.stdin.readline()
with OnlineRows(Path(sys.argv[1]), map_bytes=2**16) as store:
    for begin in range(0, len(order), 100):
        rows = [(pack_key([k]), form.pack(c // 2, c, [str(c) * 20])) for k, c in order[begin : begin + 100]]
        store.publish("p/g/d", rows)
"""


def test_two_processes_that_publish_at_once_leave_the_newest_of_both(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path), seed], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for seed in "01"
    ]
    for process in processes:
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0]
    with OnlineRows(tmp_path, map_bytes=2**16) as store:
        found = store.read("p/g/d", [pack_key([key]) for key in range(200)])
    assert {clocks(data) for data in found} == {(29, 59)}
    assert {FORM.unpack(data).values for data in found} == {("59" * 20,)}


def test_the_folder_of_a_store_is_told_from_others(tmp_path):
    assert not OnlineRows.is_in(tmp_path / "online")
    OnlineRows(tmp_path / "online").close()
    assert OnlineRows.is_in(tmp_path / "online")
