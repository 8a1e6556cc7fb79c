"""Answers of brokers read into memory once: a frame is received where it stays, and its records are referred to there.

kafka-python reads a socket 4 KiB at a time and copies an answer five times before anyone sees a record of it. Here a
connection's bytes go straight into a buffer of the frame's size, and the records of a fetch are a view of it. Only this
gathering is replaced, for plain and for TLS sockets alike: connecting, TLS, SASL, requests, correlation and time-outs
stay kafka-python's own. A connection that was made before `read_frames` reads as ever.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from types import FunctionType
from typing import Any, cast

import numpy as np
from kafka.errors import KafkaConnectionError, KafkaProtocolError
from kafka.net.manager import KafkaConnectionManager
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport
from kafka.protocol.consumer import FetchResponse
from kafka.protocol.parser import KafkaProtocol

SMALL_BYTES = 64 * 1024  # what is received at once while no frame is begun: small answers need no more
AWAITED_BYTES = 2**20  # of a frame of which so much is to come, at once: each time a thread is woken costs some 50 µs
LARGE_FIELD_BYTES = 4096  # fields of a fetch from this size on are referred to, smaller ones copied

_NOTHING_YET = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Frame:
    """A whole answer without its length, as kafka-python's parser reads one."""

    def __init__(self, content: memoryview) -> None:
        self._content, self._place = content, 0

    def __len__(self) -> int:
        return len(self._content)

    def read(self, size: int | None = None) -> bytes | memoryview:
        """The next `size` bytes; without a size a view of all that follows."""
        if size is None:
            return self.rest()
        start, self._place = self._place, self._place + size
        return bytes(self._content[start : self._place])

    def rest(self) -> memoryview:
        """A view of all that follows."""
        start, self._place = self._place, len(self._content)
        return self._content[start:]

    def tell(self) -> int:
        """Where the next read begins."""
        return self._place

    def seek(self, place: int) -> None:
        """Lets the next read begin there."""
        self._place = place


class Frames:
    """Bytes of one connection, as they come, cut into frames."""

    def __init__(self, check_size: Callable[[int], None], *, small_bytes: int = SMALL_BYTES) -> None:
        self._check_size = check_size
        self._small = memoryview(bytearray(small_bytes))
        self._held = 0  # bytes in `_small`
        self._large: memoryview | None = None  # a frame that was begun, with its size
        self._filled = 0

    def room(self) -> memoryview:
        """Where the next bytes are to go; never beyond the end of a frame that was begun."""
        return self._small[self._held :] if self._large is None else self._large[self._filled :]

    @property
    def awaited_bytes(self) -> int:
        """How many bytes are worth waking up for: many where many are to come, any where that is not known."""
        missing = 0 if self._large is None else len(self._large) - self._filled
        return AWAITED_BYTES if missing >= AWAITED_BYTES else 1

    def received(self, size: int) -> list[Frame]:
        """The frames that are whole now that `size` bytes were put into `room`.

        Raises:
            KafkaProtocolError: what should be a size cannot be one.
        """
        if self._large is None:
            self._held += size
            return self._cut()
        self._filled += size
        if self._filled < len(self._large):
            return []
        whole, self._large = self._large, None
        return [Frame(whole)]

    def _cut(self) -> list[Frame]:
        frames, place = [], 0
        while place + 4 <= self._held:
            (size,) = struct.unpack_from(">i", self._small, place)
            self._check_size(size)
            place += 4
            here = min(size, self._held - place)
            content = np.empty(size, np.uint8).data
            content[:here] = self._small[place : place + here]
            place += here
            if here < size:
                self._large, self._filled = content, here
            else:
                frames.append(Frame(content))
        rest = bytes(self._small[place : self._held])
        self._small[: len(rest)], self._held = rest, len(rest)
        return frames


class FrameProtocol(KafkaProtocol):  # type: ignore[misc]
    """kafka-python's parser, given whole frames."""

    def receive_bytes(self, data: Frame) -> list[tuple[int, Any]]:
        """The one answer of this frame, with its correlation id."""
        if self.in_flight_requests and self.in_flight_requests[0].request_api_key == FetchResponse.API_KEY:
            self.in_flight_requests[0] = _FetchHeader(self.in_flight_requests[0])
        return [self._process_response(data)]


class _FetchHeader:
    """The header of a fetch request whose answer is to be decoded without copying records."""

    def __init__(self, header: Any) -> None:
        self._header = header

    def __getattr__(self, name: str) -> Any:
        return getattr(self._header, name)

    def get_response_class(self) -> _FetchAnswer:
        return _FetchAnswer(self._header.get_response_class())


class _FetchAnswer:
    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def parse_header(self, frame: Frame) -> Any:
        return self._kind.parse_header(frame)

    def decode(self, frame: Frame) -> Any:
        answer, _ = _decoder(self._kind)(frame.rest(), 0)
        return answer


def _decoder(kind: Any) -> Callable[[memoryview, int], tuple[Any, int]]:
    """kafka-python's own decoder of this version's answer, for which a large field of bytes is a view of the frame.

    The code is generated, and makes fields by calling `bytes`: that name means something else here.
    """
    version = kind.API_VERSION if isinstance(kind.API_VERSION, int) else kind._class_version
    flexible = FetchResponse.flexible_version_q(version)
    made = FetchResponse._struct.compiled_decode_from(
        version, compact=flexible, tagged=flexible, data_class=FetchResponse
    )
    return FunctionType(made.__code__, made.__globals__ | {"bytes": _kept_or_copied})


def _kept_or_copied(field: memoryview) -> bytes | memoryview:
    return bytes(field) if len(field) < LARGE_FIELD_BYTES else field


class _FrameReading:
    """How a transport receives: mixed into both of kafka-python's."""

    _net: Any
    _sock: Any
    _protocol: Any
    _read: bool
    _closed: bool
    last_read: float
    abort: Callable[..., None]

    async def _read_from_sock(self) -> None:
        parser = self._protocol.parser
        parser.__class__ = FrameProtocol
        # Kept with the connection: reading may be paused in the middle of a frame.
        frames = self.__dict__.setdefault("_frames", Frames(parser._validate_frame_size))
        while self._read and not self._closed:
            self._await_bytes(frames.awaited_bytes)
            await self._net.wait_read(self._sock)
            try:
                error = self._receive(frames)
            except KafkaProtocolError as err:
                error = err
            if error:
                self.abort(error=error)

    def _await_bytes(self, size: int) -> None:
        """Has the socket count as readable when so many bytes are there, or when it has ended."""

    def _receive(self, frames: Frames) -> Exception | None:
        """Receives until nothing is there; returns why the connection has ended, if it has."""
        while self._read and not self._closed:
            try:
                size = self._sock.recv_into(frames.room())
            except _NOTHING_YET:
                return None
            except OSError as err:
                return cast(Exception, KafkaConnectionError(err))
            if not size:
                return cast(Exception, KafkaConnectionError("socket disconnected"))
            self.last_read = time.monotonic()
            if self._protocol._sensors:
                self._protocol._sensors.bytes_received.record(size)
            for frame in frames.received(size):
                self._protocol.data_received(frame)
        return None


class FrameTCPTransport(_FrameReading, KafkaTCPTransport):  # type: ignore[misc]
    """A plain connection. Of TLS the library holds bytes that the socket no longer has, so that none can be awaited."""

    _awaited_bytes = 1

    def _await_bytes(self, size: int) -> None:
        if size != self._awaited_bytes:
            with suppress(OSError):  # closed, or a kernel that has no such option
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
            self._awaited_bytes = size


class FrameSSLTransport(_FrameReading, KafkaSSLTransport):  # type: ignore[misc]
    """A connection in TLS."""


_KINDS = {KafkaTCPTransport: FrameTCPTransport, KafkaSSLTransport: FrameSSLTransport}


def read_frames(manager: KafkaConnectionManager) -> None:
    """Lets every connection that is made from now on be read so."""
    build = manager._build_transport

    async def built(*arguments: Any, **options: Any) -> Any:
        transport = await build(*arguments, **options)
        if type(transport) in _KINDS:
            transport.__class__ = _KINDS[type(transport)]
        return transport

    manager._build_transport = built
