"""The lander as a process of its own: its exit codes, its messages, its signals."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from kafka import TopicPartition
from kafka.errors import CoordinatorNotAvailableError
from support.eventually import eventually
from support.rooms import REPOSITORY

from headrace.ingestion.settings import default_group


def lander(*arguments):
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, "-m", "headrace.ingestion", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def outcome(process, within_s=30):
    """The exit code, the text on stdout and that on stderr."""
    out, err = process.communicate(timeout=within_s)
    return process.returncode, out, err


def arguments(topic, *more):
    return [topic.name, "--brokers", topic.address, "--lake", topic.lake, "--session-timeout-s", 6, *more]


def test_a_run_to_the_end_tells_what_it_landed_in_one_line_of_json(topic):
    topic.create().send(*[b"x"] * 10)
    code, out, err = outcome(lander(*arguments(topic, "--until-end")))
    assert (code, json.loads(out)["rows"]) == (0, {topic.name: 10})
    assert "landed 10 rows in 1 commits" in err


LOADED = """
import atexit, sys
wanted = {"pandas", "scipy", "pyarrow", "numba"}
atexit.register(lambda: print("loaded:", *sorted(name for name in wanted if sys.modules.get(name)), file=sys.stderr))
"""
DOORS = {
    "headrace land": ("from headrace.cli import main\nmain()", ["land", "--topic"]),
    "headrace.ingestion": ("import runpy\nrunpy.run_module('headrace.ingestion', run_name='__main__')", []),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_lander_loads_no_package_that_it_has_no_use_for(topic, door):
    topic.create().send(*[b"x"] * 10)
    start, verb = DOORS[door]
    asked = [*verb, topic.name, "--brokers", topic.address, "--lake", topic.lake, "--until-end"]
    command = [sys.executable, "-c", LOADED + start, *map(str, asked)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stderr.splitlines()[-1]) == (0, "loaded: numba pyarrow"), found.stderr
    assert "is not as headrace" not in found.stderr  # records are read as columns: both trials succeed without them
    assert topic.comparison().is_clean


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_drains_commits_the_positions_leaves_the_group_and_exits_with_0(topic, number):
    topic.create().send(*[b"x"] * 100)
    running = lander(*arguments(topic, "--max-age-s", 3_600))  # nothing is due: only the stop commits
    for line in running.stderr:
        if "landed 0 rows" in line and topic.is_made:
            break
    eventually(lambda: members(topic) == [1])
    running.send_signal(number)
    asked_s = time.monotonic()
    assert outcome(running)[0] == 0
    assert time.monotonic() - asked_s < 10
    assert members(topic) == []
    assert len(topic.values()) in (0, 100)  # whether it had been read by then or not
    topic.land()
    assert topic.comparison().is_clean


def members(topic):
    """How many partitions each member of the lake's group has; empty while the group is not settled."""
    with topic.admin() as admin:
        try:
            (group,) = admin.describe_groups([default_group(topic.lake)]).values()
        except CoordinatorNotAvailableError:  # nobody has joined any group of this broker yet
            return []
    if group["group_state"] != "Stable":
        return []
    given = [member["member_assignment"]["assigned_partitions"] for member in group["members"]]
    return [sum(len(topic["partitions"]) for topic in each) for each in given]


def test_two_landers_of_one_lake_share_the_partitions_and_land_everything_once(topic):
    topic.create(partitions=4)
    landers = [lander(*arguments(topic, "--max-age-s", 0.2)) for _ in range(2)]
    eventually(lambda: members(topic) == [2, 2])
    for partition in range(4):
        topic.send(*[b"%d" % number for number in range(500)], partition=partition)
    eventually(lambda: topic.query("select count(*) as n from t")[0]["n"] == 2_000)
    for process in landers:
        process.terminate()
    landed = [json.loads(outcome(process)[1])["rows"][topic.name] for process in landers]
    assert sorted(landed) == [1_000, 1_000]
    assert topic.comparison().is_clean


def test_a_broker_that_does_not_answer_is_told_with_its_address_and_in_time(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        started_s = time.monotonic()
        code, out, err = outcome(lander("t", "--brokers", address, "--lake", tmp_path))
    assert (code, out) == (1, "")
    assert re.fullmatch(
        rf"error: no Kafka broker answers at {address} \(waited 1\d s\). "
        r"Check the address, or start the embedded broker with 'headrace up'\n",
        err,
    )
    assert time.monotonic() - started_s < 20


def test_a_lost_position_exits_with_3_and_without_a_stack_trace(topic):
    topic.create().send(*[b"x"] * 5)
    topic.land()
    topic.send(*[b"x"] * 5)
    with topic.admin() as admin:
        admin.delete_records({TopicPartition(topic.name, 0): 8})
    code, _, err = outcome(lander(*arguments(topic, "--until-end")))
    assert code == 3
    assert "offsets 5 to 7 were deleted before they were landed" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--brokers", "nowhere"], "'nowhere' is not an address of brokers: expected host:port[,host:port]"),
        ([], "no brokers were given: use --brokers HOST:PORT, or the setting brokers"),
        (["--brokers", "b:1", "--max-rows", "0"], "max_rows must be greater than 0, found 0"),
    ],
)
def test_a_wrong_usage_exits_with_2_and_one_line(tmp_path, more, message):
    assert outcome(lander("t", "--lake", tmp_path, *more)) == (2, "", f"error: {message}\n")
