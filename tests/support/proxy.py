"""A TCP proxy on the loopback that can go bad: connections that hang half open, that are reset, or that are slow."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

CHUNK_BYTES = 65_536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends a reset


class Proxy:
    """Listens on `port`, and passes on to `target` whatever comes, until the block ends."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.delay_s = 0.0  # for each chunk of a new connection
        self._links: list[_Link] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Proxy:
        self._accepting.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._accepting.join(10)
        self._server.close()
        self.reset()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def hang(self) -> int:
        """Lets every present connection hang half open: nothing passes any more, and nobody is told. How many."""
        links = [link for link in self._links if link.is_open]
        for link in links:
            link.hangs.set()
        return len(links)

    def reset(self) -> None:
        """Resets every connection."""
        for link in self._links:
            link.reset()
        self._links.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return  # the end of the block
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                client.close()  # the broker is away: so would a connection to it be
                continue
            server.settimeout(None)
            self._links.append(_Link(client, server, self.delay_s))


class _Link:
    """One connection from a client to the target."""

    def __init__(self, client: socket.socket, server: socket.socket, delay_s: float) -> None:
        self.hangs = threading.Event()
        self.is_open = True
        self._ends, self._delay_s = (client, server), delay_s
        pumps = [(client, server), (server, client)]
        self._threads = [threading.Thread(target=self._pump, args=ends, daemon=True) for ends in pumps]
        for thread in self._threads:
            thread.start()

    def reset(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for end in self._ends:
            end.close()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                if self.hangs.wait(self._delay_s):
                    continue  # read, and kept to itself
                sink.sendall(chunk)
        self.is_open = False
        if not self.hangs.is_set():
            with suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)
