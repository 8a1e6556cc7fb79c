"""A lander as a process, seen from outside while it runs: metrics, health, log, `headrace status`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from kafka import KafkaProducer, TopicPartition
from support.eventually import eventually
from support.http_answer import ask
from support.lander_process import start_lander

from headrace.cli.landers import landers
from headrace.tables import landers_folder

SECRET = b"tr0ub4dor\n2013 ERROR forged \x1b[31m"


def running(topic):
    """What the one lander of the lake says of itself, as soon as it has landed something."""
    return eventually(lambda: next((each for each in landers(topic.lake) if each["rows"]), None), within_s=90)


def send_secrets(topic, count):
    producer = KafkaProducer(bootstrap_servers=topic.address)
    for _ in range(count):
        producer.send(topic.name, SECRET, key=SECRET, headers=[("token", SECRET)], partition=1)
    producer.close()


@pytest.fixture
def half_lost(topic):
    """Two partitions; of the first some records were deleted before they were landed."""
    topic.create(partitions=2).send(*[b"x"] * 5)
    topic.land()
    topic.send(*[b"x"] * 5)
    with topic.admin() as admin:
        admin.delete_records({TopicPartition(topic.name, 0): 8})
    return topic


def test_metrics_health_log_and_status_tell_how_a_lander_stands_and_no_payload(half_lost, tmp_path):
    topic = half_lost
    process = start_lander(topic, "--metrics-port", 0, "--log-format", "json", folder=tmp_path)
    try:
        eventually(lambda: landers(topic.lake), within_s=90)
        send_secrets(topic, 100)
        state = running(topic)
        eventually(lambda: 'lag_offsets{partition="1"' in ask(f"{state['metrics']}/metrics")[2])
        metrics = ask(f"{state['metrics']}/metrics")[2]
        health, readiness = (ask(f"{state['metrics']}/{path}") for path in ("healthz", "readyz"))
        state_text = next(landers_folder(topic.lake).glob("*.json")).read_text()
    finally:
        process.terminate()
        out, err = process.communicate(timeout=90)
    place = f'topic="{topic.name}"'
    assert f"headrace_land_rows_total{{{place}}} 100.0" in metrics
    assert f'headrace_land_partition_stopped{{partition="0",{place}}} 1.0' in metrics
    assert f'headrace_land_retention_margin_offsets{{partition="0",{place}}} -3.0' in metrics
    assert (health[0], readiness[0]) == (200, 200)
    assert (state["life"], state["stopped"], state["partitions"]["landing"]) == ("runs", [f"{topic.name}:0"], 1)
    entries = [json.loads(line) for line in err.splitlines()]
    (stopped,) = [entry for entry in entries if "This partition stops" in entry["message"]]
    assert stopped["level"] == "ERROR"
    assert stopped["fields"] == {"topic": topic.name, "partition": 0, "position": 5, "beginning": 8, "end": 10}
    assert any(entry["fields"].get("rows") == 100 for entry in entries)
    for text in (metrics, health[2], readiness[2], state_text, err, out):
        assert "tr0ub4dor" not in text
    assert process.returncode == 3  # because of the partition that stopped
    assert json.loads(out)["rows"] == {topic.name: 100}
    assert landers(topic.lake) == []


def test_a_lander_that_was_killed_is_shown_as_gone_by_status(topic, tmp_path):
    topic.create().send(*[b"x"] * 10)
    process = start_lander(topic, folder=tmp_path)
    try:
        running(topic)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=90)
    command = [sys.executable, "-m", "headrace", "status", "--brokers", topic.address, "--lake", str(topic.lake)]
    wide = os.environ | {"COLUMNS": "250"}
    shown = subprocess.run(command, cwd=tmp_path, env=wide, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in shown.splitlines() if str(process.pid) in line]
    assert "gone for " in line
    assert topic.name in line


def test_a_mistake_is_a_line_of_json_where_the_log_is_json(topic, tmp_path):
    topic.create().send(b"x")
    process = start_lander(
        topic, "--until-end", "--log-format", "json", "--accept-gap", "a\x1b[31mb:0", folder=tmp_path
    )
    out, err = process.communicate(timeout=90)
    last = json.loads(err.splitlines()[-1])
    assert process.returncode == 2
    assert last["level"] == "ERROR"
    assert "this run does not land a topic 'a\x1b[31mb'" in last["message"]
    assert json.loads(out)["error"] == "UsageError"
    assert "\x1b" not in err


def test_a_mistake_in_text_brings_no_escape_sequence_to_the_terminal(topic, tmp_path):
    topic.create().send(b"x")
    process = start_lander(topic, "--until-end", "--accept-gap", "a\x1b[31mb\u202e:0", folder=tmp_path)
    _, err = process.communicate(timeout=90)
    assert "this run does not land a topic 'a\\x1b[31mb\\u202e'" in err
    assert "\x1b" not in err
