"""A broker of a test's own, which can be killed, frozen and set back; if need be with a second way to it, a proxy."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace.infra.local import broker as embedded
from headrace.infra.local.configuration import server_properties
from headrace.infra.local.ports import choose_port
from headrace.settings import load_settings

from .proxy import Proxy


@dataclass
class OwnBroker:
    """A running broker."""

    home: Path
    running: embedded.Broker

    @property
    def address(self) -> str:
        return self.running.address

    def kill(self) -> None:
        os.kill(self.running.pid, signal.SIGKILL)

    def freeze(self) -> None:
        os.kill(self.running.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.running.pid, signal.SIGCONT)

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self.running = embedded.start(self.home, load_settings().cache)

    def stop(self) -> None:
        embedded.stop(self.home)

    def copy_records(self, folder: Path) -> None:
        """Copies what it holds; it must not run."""
        shutil.copytree(self.running.data, folder)

    def set_back(self, folder: Path) -> None:
        """Gives it the records of a copy in place of its own; it must not run."""
        shutil.rmtree(self.running.data)
        shutil.copytree(folder, self.running.data)


@dataclass
class ProxiedBroker(OwnBroker):
    """One with two ways to it: `address` is the straight one, `proxy.address` the other."""

    proxy: Proxy


@contextmanager
def own_broker(home: Path) -> Iterator[OwnBroker]:
    """A new broker with its home there, until the block ends."""
    broker = OwnBroker(home, embedded.start(home, load_settings().cache))
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def proxied_broker(home: Path) -> Iterator[ProxiedBroker]:
    """The same, with a proxy before it."""
    behind = choose_port()
    with Proxy(("127.0.0.1", behind)) as proxy, pytest.MonkeyPatch.context() as patch:

        def with_a_second_listener(*, port: int, controller_port: int, records: str) -> str:
            own = server_properties(port=port, controller_port=controller_port, records=records)
            here, control = f"PLAINTEXT://127.0.0.1:{port}", f"CONTROLLER://127.0.0.1:{controller_port}"
            return (
                f"{own}listeners={here},{control},PROXIED://127.0.0.1:{behind}\n"
                f"advertised.listeners={here},PROXIED://127.0.0.1:{proxy.port}\n"
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT\n"
            )

        patch.setattr(embedded, "server_properties", with_a_second_listener)
        broker = ProxiedBroker(home, embedded.start(home, load_settings().cache), proxy)
        try:
            yield broker
        finally:
            broker.stop()
