"""The port of a lander: what it answers, and that it answers nothing else."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.http_answer import ask

from headrace.errors import MachineError
from headrace.ingestion import LandingSettings
from headrace.ingestion.endpoints import Endpoints
from headrace.ingestion.observer import Observer
from headrace.ingestion.standing import PartitionStanding, PartitionState, Standing

SETTINGS = LandingSettings(brokers="b:1", lake=Path("/lake"), metrics_port=0, alive_within_s=30.0)
LANDING = Standing(at_s=1.0, joined=True)


@pytest.fixture
def observer():
    return Observer()


@pytest.fixture
def url(observer):
    with Endpoints(SETTINGS, observer) as endpoints:
        yield endpoints.url


def test_it_listens_on_the_loopback_unless_told_otherwise(url):
    assert url.startswith("http://127.0.0.1:")


def test_metrics_are_answered_in_both_formats_of_prometheus(url):
    status, content_type, text = ask(f"{url}/metrics")
    assert (status, content_type.partition(";")[0]) == (200, "text/plain")
    assert "headrace_land_buffered_limit_bytes 2.68435456e+08" in text
    _, content_type, text = ask(f"{url}/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


def test_it_is_alive_as_long_as_the_loop_turns(url, observer):
    assert ask(f"{url}/healthz")[0] == 200
    observer.board.turned_at_s = time.monotonic() - 31
    status, _, text = ask(f"{url}/healthz")
    assert status == 503
    assert json.loads(text) == {"alive": False, "turned_s_ago": 31.0, "alive_within_s": 30.0}


def test_it_is_ready_when_what_comes_now_can_be_landed(url, observer):
    assert ask(f"{url}/readyz")[::2] == (503, '{"ready": false, "reasons": ["no table is open yet"]}\n')
    observer.board.standing = LANDING
    assert ask(f"{url}/readyz")[::2] == (200, '{"ready": true, "reasons": []}\n')


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"joined": False}, "the group has not given it partitions yet"),
        ({"broker_away": True}, "no broker answers"),
        ({"waits_for_table": True}, "a commit waits for the lock of a table"),
    ],
)
def test_it_says_why_it_is_not_ready(url, observer, change, reason):
    observer.board.standing = replace(LANDING, **change)
    status, _, text = ask(f"{url}/readyz")
    assert (status, json.loads(text)["reasons"]) == (503, [reason])


def test_a_loop_that_hangs_is_not_ready_whatever_it_posted_last(url, observer):
    observer.board.standing = LANDING
    observer.board.turned_at_s = time.monotonic() - 31
    assert json.loads(ask(f"{url}/readyz")[2])["reasons"] == ["the loop does not turn"]


def test_a_partition_that_stopped_does_not_make_the_lander_unready(url, observer):
    stopped = PartitionStanding("orders", 0, PartitionState.STOPPED, 1, 5, 9)
    observer.board.standing = replace(LANDING, partitions=(stopped,))
    assert ask(f"{url}/readyz")[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics/../../etc/passwd", "/%0d%0aX:%1b[31m", "/debug"])
def test_there_is_nothing_else_and_what_was_asked_is_not_repeated(url, path):
    status, _, text = ask(url, path=path)
    assert status == 404
    assert json.loads(text) == {"error": "there is no such path", "paths": ["/metrics", "/healthz", "/readyz"]}


def test_nothing_can_be_posted(url):
    assert ask(f"{url}/metrics", method="POST")[0] == 501


def test_a_client_that_says_nothing_keeps_nobody_waiting(url):
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))):
        assert ask(f"{url}/healthz")[0] == 200


def test_a_port_that_is_taken_is_told_with_what_to_do(observer):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MachineError, match=rf"on 127\.0\.0\.1:{port}: Address already in use\. Give another"):
            Endpoints(replace(SETTINGS, metrics_port=port), observer)


def test_an_address_that_is_not_ours_is_told(observer):
    with pytest.raises(MachineError, match=r"cannot be served on 192\.0\.2\.1:0"):
        Endpoints(replace(SETTINGS, metrics_address="192.0.2.1"), observer)
