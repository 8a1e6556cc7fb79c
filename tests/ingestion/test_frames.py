"""What brokers send, gathered into frames: the answers that kafka-python's own parser gives, and no copy of records."""

from __future__ import annotations

import asyncio
import select
import shutil
import socket
import ssl
import struct
import subprocess
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.errors import InvalidReceiveError, KafkaConnectionError
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport
from kafka.protocol.consumer import FetchRequest, FetchResponse
from kafka.protocol.metadata import MetadataRequest, MetadataResponse
from kafka.protocol.parser import KafkaProtocol

from headrace.ingestion import frames
from headrace.ingestion.frames import FrameProtocol, Frames, FrameSSLTransport, FrameTCPTransport


def framed(*contents):
    return b"".join(struct.pack(">i", len(content)) + content for content in contents)


def cut(gathering, sent, sizes=()):
    """The contents of the frames in `sent`, which comes in pieces of these sizes and then as it fits."""
    found, sizes = [], list(sizes)
    while sent:
        room = gathering.room()
        size = min(len(room), len(sent), sizes.pop(0) if sizes else len(sent))
        room[:size] = sent[:size]
        found += [bytes(frame.read()) for frame in gathering.received(size)]
        sent = sent[size:]
    return found


def any_size(size):
    pass


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(1, 30), max_size=30))
def test_frames_come_whole_and_in_order_however_the_bytes_are_cut(contents, sizes):
    assert cut(Frames(any_size, small_bytes=16), framed(*contents), sizes) == contents


def test_a_frame_that_was_begun_takes_no_byte_of_the_next_one():
    gathering = Frames(any_size, small_bytes=16)
    assert cut(gathering, struct.pack(">i", 100) + bytes(10)) == []
    assert len(gathering.room()) == 90


def test_a_size_that_cannot_be_ends_the_connection():
    protocol = FrameProtocol(receive_message_max_bytes=1_000)
    for size in (-1, 1_001):
        with pytest.raises(InvalidReceiveError):
            cut(Frames(protocol._validate_frame_size), struct.pack(">i", size))


def fetched(version, records):
    part = FetchResponse.FetchableTopicResponse.PartitionData(
        version=version, partition_index=1, error_code=0, high_watermark=9, records=records
    )
    topic = FetchResponse.FetchableTopicResponse(version=version, topic="t", partitions=[part, part])
    return FetchResponse(version=version, throttle_time_ms=0, error_code=0, session_id=3, responses=[topic])


def answered(protocol, request, answer, deliver):
    """What a protocol makes of an answer."""
    protocol.send_request(request, correlation_id=5)
    answer.with_header(correlation_id=5)
    return deliver(protocol, answer.encode(header=True, framed=True))


def by_kafka_python(protocol, sent):
    return protocol.receive_bytes(sent)


def by_frames(protocol, sent):
    gathering = Frames(protocol._validate_frame_size)
    found = []
    while sent:
        room = gathering.room()
        size = min(len(room), len(sent))
        room[:size] = sent[:size]
        for frame in gathering.received(size):
            found += protocol.receive_bytes(frame)
        sent = sent[size:]
    return found


@pytest.mark.parametrize("version", range(4, 13))
@pytest.mark.parametrize("size", [0, 10, 100_000])
def test_each_version_of_a_fetch_is_decoded_as_by_kafka_python(version, size):
    pair = FetchRequest(version=version), fetched(version, bytes(range(250)) * (size // 250))
    expected = answered(KafkaProtocol(), *pair, by_kafka_python)
    ((correlation_id, found),) = answered(FrameProtocol(), *pair, by_frames)
    for part in found.responses[0].partitions:
        assert type(part.records) is (memoryview if size > frames.LARGE_FIELD_BYTES else bytes)
        part.records = bytes(part.records)
    assert [(correlation_id, found)] == expected


def test_other_answers_are_decoded_as_by_kafka_python():
    pair = MetadataRequest(version=9), MetadataResponse(version=9, cluster_id="ü", controller_id=1)
    assert answered(FrameProtocol(), *pair, by_frames) == answered(KafkaProtocol(), *pair, by_kafka_python)


def test_kafka_python_itself_goes_on_copying_records():
    answered(FrameProtocol(), FetchRequest(version=12), fetched(12, bytes(10_000)), by_frames)
    ((_, found),) = answered(KafkaProtocol(), FetchRequest(version=12), fetched(12, bytes(10_000)), by_kafka_python)
    assert type(found.responses[0].partitions[0].records) is bytes


class Collecting:
    """A connection that keeps what it was given."""

    _sensors = None

    def __init__(self):
        self.frames = []

    def data_received(self, frame):
        self.frames.append(bytes(frame.read()))


def transport(kind, sock, **options):
    """A transport of kafka-python that reads frames."""
    found = kind(None, sock, **options)
    found.__class__ = {KafkaTCPTransport: FrameTCPTransport, KafkaSSLTransport: FrameSSLTransport}[kind]
    found.set_protocol(Collecting())
    found._read = True
    return found


CONTENTS = [b"a", bytes(range(256)) * 4_000, b"", b"z" * 70_000]


def received_all(reading, within_s=10.0):
    """Receives as the loop does, until all is there or the connection has ended."""
    gathering = Frames(any_size)
    reading._sock.setblocking(False)
    deadline = threading.Event()
    threading.Timer(within_s, deadline.set).start()
    while not deadline.is_set():
        if (error := reading._receive(gathering)) or len(reading._protocol.frames) == len(CONTENTS):
            return error
    raise TimeoutError


def sending(sock):
    """Sends all contents from another thread, and closes."""

    def send():
        sock.sendall(framed(*CONTENTS))
        sock.recv(1)
        sock.close()

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_a_plain_connection_is_read_into_frames_and_its_end_is_noticed():
    here, there = socket.socketpair()
    reading, thread = transport(KafkaTCPTransport, here), sending(there)
    assert received_all(reading) is None
    assert reading._protocol.frames == CONTENTS
    here.send(b"x")
    thread.join()
    assert isinstance(reading._receive(Frames(any_size)), KafkaConnectionError)
    here.close()


class Waiting:
    """kafka-python's loop, as far as a transport needs it: it waits until a socket can be read."""

    def __init__(self):
        self.times = 0

    async def wait_read(self, sock):
        self.times += 1
        ready, _, _ = select.select([sock], [], [], 10.0)
        assert ready, "waited in vain"


def read_to_end(content, *, missing=0, awaited_bytes=frames.AWAITED_BYTES):
    """The frames and how often a thread was woken, of one frame over TCP whose last `missing` bytes never come."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "AWAITED_BYTES", awaited_bytes)
        here = socket.create_connection(server.getsockname())
        there, _ = server.accept()
        here.setblocking(False)
        reading = transport(KafkaTCPTransport, here)
        reading._net, reading._protocol.parser, errors = Waiting(), KafkaProtocol(), []
        reading.abort = lambda error: (errors.append(error), setattr(reading, "_closed", True))
        with there:
            thread = threading.Thread(target=lambda: send_slowly(there, framed(content)[: 4 + len(content) - missing]))
            thread.start()
            asyncio.run(reading._read_from_sock())
            thread.join()
        here.close()
    assert [type(error) for error in errors] == [KafkaConnectionError]  # the end of the connection
    return reading._protocol.frames, reading._net.times


def send_slowly(sock, content, piece=50_000):
    for start in range(0, len(content), piece):
        sock.sendall(content[start : start + piece])
        select.select([], [], [], 0.001)
    sock.shutdown(socket.SHUT_WR)


def test_a_thread_is_woken_for_much_of_a_large_frame_and_at_once_for_its_rest():
    content = bytes(range(250)) * 20_000  # 5 MB in a hundred pieces
    found, woken = read_to_end(content)
    assert found == [content]
    assert woken < 40
    found, woken_for_each = read_to_end(content, awaited_bytes=2**40)
    assert found == [content]
    assert woken_for_each > woken


def test_a_connection_that_ends_within_a_large_frame_is_noticed_at_once():
    content = bytes(4 * 2**20)
    for missing in (1, 2**20, 3 * 2**20):
        assert read_to_end(content, missing=missing)[0] == []


@pytest.fixture
def certificate(tmp_path):
    """A key and a certificate of 'localhost' that it has signed itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    file, public = tmp_path / "both.pem", tmp_path / "certificate.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(["openssl", *words.split(), "-keyout", file, "-out", public], check=True, capture_output=True)
    file.write_text(file.read_text() + public.read_text())
    return file


def test_a_tls_connection_is_read_into_frames(certificate):
    here, there = socket.socketpair()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    thread = threading.Thread(target=lambda: sending(server.wrap_socket(there, server_side=True)).join())
    thread.start()
    reading = transport(KafkaSSLTransport, here, host="localhost", ssl_cafile=str(certificate))
    reading._sock.do_handshake()
    assert received_all(reading) is None
    assert reading._protocol.frames == CONTENTS
    reading._sock.setblocking(True)
    reading._sock.send(b"x")
    thread.join()
    reading._sock.close()
