"""A consumer of kafka-python, as the lander and whoever looks at a topic have it."""

from __future__ import annotations

import importlib.util
import re
import time
from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer
from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient

from headrace.errors import BrokerError, MachineError, SettingsError

from .columnar_trial import net_client

SETTINGS: dict[str, Any] = {
    "client_id": "headrace-land",
    "auto_offset_reset": "none",
    "enable_auto_commit": False,
    "isolation_level": "read_committed",
    # A rebalance waits for a member this long at most, and nobody lands meanwhile. The loop polls several times a
    # second; who is busy for longer loses its partitions to others, and comes back.
    "max_poll_interval_ms": 20_000,
    "metadata_max_age_ms": 30_000,  # how soon a new partition is noticed
    "reconnect_backoff_max_ms": 2_000,
    "request_timeout_ms": 15_000,
    "metrics_enabled": False,
}
ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:,]+):\d{1,5}")


def connect(
    brokers: str, group: str | None, connect_wait_s: float, own: Mapping[str, Any], *, columnar: bool = True
) -> KafkaConsumer:
    """A consumer of kafka-python with our settings, and with those of its `own`; without a group it joins none.

    Raises:
        MachineError: the package crc32c is missing.
        BrokerError: no broker answers within `connect_wait_s`.
        SettingsError: the address is not one.
    """
    _require_crc32c()
    if not all(ADDRESS.fullmatch(address) for address in brokers.split(",")):
        raise SettingsError(f"'{brokers}' is not an address of brokers: expected host:port[,host:port]")
    started_s, clients = time.monotonic(), []

    def client(**configuration: Any) -> KafkaNetClient:
        clients.append((net_client if columnar else KafkaNetClient)(**configuration))
        return clients[0]

    try:
        return KafkaConsumer(
            kafka_client=client,
            bootstrap_servers=brokers,
            group_id=group,
            bootstrap_timeout_ms=int(connect_wait_s * 1000),
            **(SETTINGS | dict(own)),
        )
    except kafka_errors.KafkaError as err:
        for opened in clients:
            opened.close()
        raise BrokerError(
            f"no Kafka broker answers at {brokers} (waited {time.monotonic() - started_s:.0f} s). "
            "Check the address, or start the embedded broker with 'headrace up'"
        ) from err


def _require_crc32c() -> None:
    if importlib.util.find_spec("crc32c") is None:
        raise MachineError(
            "the Python package crc32c is missing; without it kafka-python checks records four times slower, silently. "
            "Install it: pip install 'kafka-python[crc32c]'"
        )
