"""Readiness is an answer in Kafka's own protocol, and nothing less."""

from __future__ import annotations

import socket
import struct
from threading import Thread

import pytest
from support.eventually import eventually

from headrace.infra.local.metadata import ask_metadata
from headrace.infra.local.ports import choose_port


@pytest.fixture
def stranger():
    """Starts a server that answers its first visitor with given bytes and hangs up; gives its address."""
    servers: list[socket.socket] = []

    def start(answer: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        Thread(target=reply, args=(server, answer), daemon=True).start()
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


def reply(server: socket.socket, answer: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(answer)


def text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def test_an_answer_is_read_into_the_cluster_and_its_brokers(stranger):
    brokers = struct.pack(">ii", 2, 1) + text("a.example") + struct.pack(">ih", 9092, -1)
    brokers += struct.pack(">i", 2) + text("b.example") + struct.pack(">i", 9093) + text("rack 7")
    body = struct.pack(">ii", 1, 0) + brokers + text("4L6g3nShT-eMCtK--X86sw") + struct.pack(">ii", 1, 0)
    metadata = ask_metadata(stranger(struct.pack(">i", len(body)) + body), timeout_s=5)
    assert metadata is not None
    assert metadata.cluster_id == "4L6g3nShT-eMCtK--X86sw"
    assert metadata.brokers == ("a.example:9092", "b.example:9093")


@pytest.mark.parametrize(
    "answer",
    [b"", b"\0\0", b"HTTP/1.1 400 Bad Request\r\n\r\n", struct.pack(">i", -1), struct.pack(">iii", 8, 1, 0)],
    ids=["hangs up", "half a size", "http", "negative size", "nothing after the header"],
)
def test_what_does_not_speak_kafka_is_no_broker(stranger, answer):
    assert ask_metadata(stranger(answer), timeout_s=5) is None


def test_a_server_that_stays_silent_is_no_broker():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert ask_metadata(f"127.0.0.1:{server.getsockname()[1]}", timeout_s=0.1) is None


def test_nobody_there_is_no_broker():
    assert ask_metadata(f"127.0.0.1:{choose_port()}", timeout_s=5) is None


def test_a_real_broker_names_its_cluster_and_its_own_address(broker):
    metadata = eventually(lambda: ask_metadata(broker, timeout_s=5))
    assert metadata.brokers == (broker,)
    assert metadata.cluster_id is not None
    assert len(metadata.cluster_id) == 22
