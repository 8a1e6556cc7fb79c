"""One real question to a Kafka broker, without a Kafka client: which cluster is this, and who is in it?

Metadata request, version 4 (https://kafka.apache.org/protocol): integers are big-endian, a string is an int16 length
and its bytes, length -1 is null.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

METADATA_KEY, VERSION, CORRELATION = 3, 4, 1
CLIENT_ID = b"headrace"
LARGEST_ANSWER_BYTES = 1 << 20  # far more than a cluster's brokers take; whoever sends more does not speak Kafka


@dataclass(frozen=True)
class Metadata:
    """What a broker says about its cluster; `brokers` are their addresses, `host:port`."""

    cluster_id: str | None
    brokers: tuple[str, ...]


def ask_metadata(address: str, *, timeout_s: float) -> Metadata | None:
    """Asks the broker at `address` (host:port) about its cluster, topics left out.

    None when nothing answers there in time, or what answers does not speak Kafka.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
            connection.sendall(_request())
            (size,) = struct.unpack(">i", _receive(connection, 4))
            if not 0 < size <= LARGEST_ANSWER_BYTES:
                return None
            return _Answer(_receive(connection, size)).metadata()
    except (OSError, EOFError, struct.error, UnicodeDecodeError):
        return None


def _request() -> bytes:
    header = struct.pack(">hhih", METADATA_KEY, VERSION, CORRELATION, len(CLIENT_ID)) + CLIENT_ID
    body = struct.pack(">i?", 0, False)  # of no topic, and create none
    return struct.pack(">i", len(header + body)) + header + body


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise EOFError("the connection was closed in the middle of an answer")
        received += chunk
    return received


class _Answer:
    """Reads the answer from front to back."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def metadata(self) -> Metadata:
        self._take(">ii")  # correlation id, throttle time
        brokers = [self._broker() for _ in range(self._take(">i"))]
        return Metadata(cluster_id=self._string(), brokers=tuple(brokers))

    def _broker(self) -> str:
        self._take(">i")  # node id
        host, port = self._string(), self._take(">i")
        self._string()  # rack
        return f"{host}:{port}"

    def _take(self, form: str) -> int:
        value: int = struct.unpack_from(form, self._content, self._at)[0]
        self._at += struct.calcsize(form)
        return value

    def _string(self) -> str | None:
        length = self._take(">h")
        if length < 0:
            return None
        start, self._at = self._at, self._at + length
        return self._content[start : self._at].decode()
