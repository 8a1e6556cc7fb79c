"""What the embedded broker is told: a single Kafka node in KRaft mode that listens on the loopback interface only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .ports import LOOPBACK

CONFIG_FILE, LOGGING_FILE = "server.properties", "log4j2.properties"

HEAP = ("-Xms128m", "-Xmx1g")
LARGEST_RECORD_BYTES = 4 << 20  # four times the stock limit; producers keep their own, lower one unless told otherwise
CLEANER_BUFFER_BYTES = 8 << 20  # stock is 128 MiB of heap, for compacted topics larger than any here
BROKER_SESSION_MS = 4_000  # after kill -9 the controller takes the broker back only when its old session is over
SHORTEST_SESSION_MS = 1_000  # lets a consumer ask for quick failover


def server_properties(*, port: int, controller_port: int, records: str) -> str:
    """The broker's configuration; `records` is its data folder, relative to the one that it is started in.

    Records are kept for ever: stock retention goes by the records' own timestamps, so it deletes a replay of the past
    within minutes. Topics are created by whoever owns them, never by a misspelt name.
    """
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "log.dirs": records,
        "log.retention.ms": -1,
        "log.retention.bytes": -1,
        "auto.create.topics.enable": "false",
        "message.max.bytes": LARGEST_RECORD_BYTES,
        "replica.fetch.max.bytes": LARGEST_RECORD_BYTES,
        "broker.session.timeout.ms": BROKER_SESSION_MS,
        "broker.heartbeat.interval.ms": BROKER_SESSION_MS // 8,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": SHORTEST_SESSION_MS,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "log.cleaner.dedupe.buffer.size": CLEANER_BUFFER_BYTES,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


LOGGING_PROPERTIES = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


def server_command(java: Path, jars: Sequence[Path], jvm_options: Sequence[str] = ()) -> list[str]:
    """The command that runs the broker, to be started in its folder."""
    options = [
        *HEAP,
        *jvm_options,
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={LOGGING_FILE}",
    ]
    return [str(java), *options, "-cp", _class_path(jars), "kafka.Kafka", CONFIG_FILE]


def format_command(java: Path, jars: Sequence[Path], *, cluster_id: str, config_file: str) -> list[str]:
    """The command that makes the data folder named in `config_file` one of the cluster `cluster_id`."""
    tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", f"--config={config_file}"]
    return [str(java), f"-Dlog4j2.configurationFile={LOGGING_FILE}", "-cp", _class_path(jars), *tool]


def _class_path(jars: Sequence[Path]) -> str:
    return ":".join(map(str, jars))
