"""Free ports on the loopback interface."""

from __future__ import annotations

import errno
import random
import socket

from headrace.errors import MachineError

LOOPBACK = "127.0.0.1"

# Below the ranges from which systems take the ports of outgoing connections (Linux from 32768, macOS from 49152), so
# that a port which is remembered while the broker is down is not taken by some program's connection.
CANDIDATES = range(20_000, 30_000)
ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Kafka does: old connections do not count
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError as err:
            if err.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def choose_port(*, besides: int | None = None) -> int:
    """A free port, other than `besides`.

    Raises:
        MachineError: none was found.
    """
    for port in random.sample(CANDIDATES, ATTEMPTS):
        if port != besides and is_free(port):
            return port
    raise MachineError(
        f"found no free port between {CANDIDATES.start} and {CANDIDATES.stop} on {LOOPBACK} in {ATTEMPTS} attempts. "
        "See which programs listen there with: ss -ltnp (Linux) or lsof -nP -iTCP -sTCP:LISTEN (macOS)"
    )
