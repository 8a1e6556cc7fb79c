"""The life of the embedded broker, with the real Kafka: started, stopped, killed, found again, failures explained."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic
from support.eventually import eventually

from headrace.errors import MachineError
from headrace.infra.local import broker, daemon
from headrace.infra.local.metadata import ask_metadata
from headrace.infra.local.ports import is_free
from headrace.settings import load_settings

pytestmark = pytest.mark.broker

CACHE = load_settings().cache

# What is done inside a mount of its own, on a disk of 16 MB.
ON_A_FULL_DISK = """
import os, sys
from pathlib import Path
from headrace.errors import MachineError
from headrace.infra.local import broker

home, cache = map(Path, sys.argv[1:])
ballast = home / "ballast"

def leave_free(size):
    ballast.unlink(missing_ok=True)
    free = os.statvfs(home).f_bavail * os.statvfs(home).f_frsize
    ballast.write_bytes(bytes(free - size))

def start():
    try:
        return broker.start(home, cache).address
    except MachineError as err:
        return str(err)

leave_free(0)
said = start()
print("full:", "No space left on device" in said, "make room there" in said)
leave_free(28 * 1024)
print("full while starting:", "make room there" in start())
ballast.unlink()
print("room:", start() == broker.address(home))
broker.stop(home)
"""


@pytest.fixture
def home(tmp_path) -> Iterator[Path]:
    """A home with a space in its path, whose broker is stopped in the end."""
    home = tmp_path / "a home"
    yield home
    broker.stop(home)


def values(address: str, topic: str) -> list[bytes]:
    with closing(KafkaConsumer(bootstrap_servers=address, consumer_timeout_ms=20_000)) as consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        count = consumer.end_offsets([partition])[partition]
        return [next(consumer).value for _ in range(count)]


def produce(address: str, topic: str, *records: bytes) -> None:
    with closing(KafkaProducer(bootstrap_servers=address, acks="all")) as producer:
        for value in records:
            producer.send(topic, value, timestamp_ms=1_357_000_000_000).get(timeout=30)  # in 2013


def create(address: str, topic: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=address)) as admin:
        admin.create_topics([NewTopic(topic, 1, 1)])


def test_before_its_first_start_there_is_nothing(home):
    assert broker.status(home) is None
    assert broker.address(home) is None
    assert not broker.stop(home)
    assert not home.exists()


def test_a_broker_that_runs_is_found_again_and_never_started_twice(broker_home):
    first = broker.start(broker_home, CACHE)
    assert broker.start(broker_home, CACHE) == first
    status = broker.status(broker_home)
    assert status is not None
    assert (status.ready, status.pid, status.address) == (True, first.pid, broker.address(broker_home))


def test_stopped_and_started_again_it_has_its_address_and_its_cluster(home):
    said: list[str] = []
    first = broker.start(home, CACHE, said.append)
    assert said[:2] == ["making its data folder", "starting, 0 s"]
    assert broker.stop(home)
    assert broker.status(home) is None
    assert ask_metadata(first.address, timeout_s=1) is None
    config = (home / "broker" / "server.properties").read_text()
    controller_port = int(config.partition("CONTROLLER://127.0.0.1:")[2].partition("\n")[0])
    with socket.create_server(("127.0.0.1", controller_port)):  # which nobody else knows, so another one does as well
        second = broker.start(home, CACHE)
    assert (second.address, second.cluster_id) == (first.address, first.cluster_id)
    assert second.pid != first.pid


def test_what_it_acknowledged_survives_kill_9_and_it_starts_again_at_once(home):
    first = broker.start(home, CACHE)
    create(first.address, "survivors")
    produce(first.address, "survivors", b"one", b"two")
    os.kill(first.pid, signal.SIGKILL)  # for a moment it may still look alive
    second = broker.start(home, CACHE)
    assert second.pid != first.pid
    produce(second.address, "survivors", b"three")
    assert values(second.address, "survivors") == [b"one", b"two", b"three"]


def test_two_commands_that_start_it_at_once_share_one_broker(home):
    program = (
        "import sys; from pathlib import Path; from headrace.infra.local import broker; "
        "print(broker.start(Path(sys.argv[1]), Path(sys.argv[2])).pid)"
    )
    command = [sys.executable, "-c", program, str(home), str(CACHE)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    pids = {int(process.communicate(timeout=120)[0]) for process in both}
    assert pids == {daemon.running(home / "broker" / "broker.pid")}  # and it outlives both


def test_when_the_starting_command_is_killed_the_next_one_finds_its_broker(home):
    program = (
        "import os, sys; from pathlib import Path; from headrace.infra.local import broker; "
        "kill_myself = lambda text: text.startswith('starting') and os.kill(os.getpid(), 9); "
        "broker.start(Path(sys.argv[1]), Path(sys.argv[2]), kill_myself)"
    )
    starter = subprocess.run([sys.executable, "-c", program, str(home), str(CACHE)], check=False, timeout=120)
    assert starter.returncode == -signal.SIGKILL
    pid = daemon.running(home / "broker" / "broker.pid")
    assert pid is not None
    assert broker.start(home, CACHE).pid == pid


def test_a_crash_while_the_data_folder_was_made_leaves_nothing_in_the_way(home):
    half_made = home / "broker" / "records.new"
    half_made.mkdir(parents=True)
    (half_made / "meta.properties").write_text("version=1\ncluster.id=half-made\n")
    started = broker.start(home, CACHE)
    assert started.cluster_id != "half-made"
    assert not half_made.exists()


def test_a_taken_port_is_named_and_the_command_in_the_message_mends_it(home):
    first = broker.start(home, CACHE)
    broker.stop(home)
    port = int(first.address.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(MachineError, match=f"port {port}, .*is taken by another program") as caught:
            broker.start(home, CACHE)
        assert caught.value.exit_code == 1
        assert f"rm '{home}/broker/state.json' && " in str(caught.value)
        (home / "broker" / "state.json").unlink()
        second = broker.start(home, CACHE)
    assert second.address != first.address
    assert second.cluster_id == first.cluster_id


def test_a_broker_that_dies_while_starting_is_explained_by_its_own_log(home):
    first = broker.start(home, CACHE)
    broker.stop(home)
    meta = first.data / "meta.properties"
    meta.write_text(meta.read_text().replace("node.id=1", "node.id=7"))
    with pytest.raises(MachineError, match="the broker ended while it started") as caught:
        broker.start(home, CACHE)
    assert "Stored node id 7 doesn't match" in str(caught.value)
    assert str(first.log_file) in str(caught.value)
    assert "\tat " not in str(caught.value)
    assert broker.status(home) is None


def test_a_broker_that_hangs_or_whose_state_is_lost_can_be_stopped(home, monkeypatch):
    monkeypatch.setattr(broker, "STOP_GRACE_S", 0.5)
    running = broker.start(home, CACHE)
    os.kill(running.pid, signal.SIGSTOP)
    status = eventually(lambda: (found := broker.status(home)) and not found.ready and found)
    assert status.pid == running.pid
    (home / "broker" / "state.json").unlink()
    with pytest.raises(MachineError, match=r"state\.json is gone or damaged.*headrace down && .*headrace up"):
        broker.start(home, CACHE)
    assert broker.stop(home)
    assert is_free(int(running.address.rpartition(":")[2]))


def test_a_corrupt_jar_stops_the_start_before_anything_runs(home, tmp_path):
    cache = tmp_path / "cache"
    shutil.copytree(CACHE / "jars" / "broker", cache / "jars" / "broker", copy_function=os.link)
    wrong = cache / "jars" / "broker" / "kafka_2.13-4.3.0.jar"
    wrong.unlink()
    wrong.write_bytes(b"not a jar")
    with pytest.raises(MachineError, match=r"kafka_2\.13-4\.3\.0\.jar is corrupt"):
        broker.start(home, cache)
    assert broker.status(home) is None


def test_its_folder_and_its_files_are_its_users_alone(broker_home):
    folder = broker_home / "broker"
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "start.lock"]
    assert [file for file in files if file.stat().st_mode & 0o077] == []
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on all of 127.0.0.0/8")
def test_it_listens_on_the_loopback_address_only(broker):
    port = int(broker.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5).close()


def test_records_are_kept_for_ever_and_topics_are_made_by_their_owners_only(broker):
    with closing(KafkaAdminClient(bootstrap_servers=broker)) as admin:
        answer = admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1")], config_filter="all")
    [told] = answer["broker"].values()
    names = ("log.retention.ms", "log.retention.bytes", "auto.create.topics.enable")
    assert [told[name]["value"] for name in names] == ["-1", "-1", "false"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None, reason="a small disk is made with unshare, which is not here")
def test_a_full_disk_is_named_and_once_there_is_room_it_starts(tmp_path):
    disk, program = tmp_path / "disk", tmp_path / "program.py"
    disk.mkdir()
    program.write_text(ON_A_FULL_DISK)
    mount_and_run = 'mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"'
    script = ["sh", "-c", mount_and_run, str(disk), sys.executable, str(program), str(disk), str(CACHE)]
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", *script], capture_output=True, text=True, timeout=300
    )
    if "ermitted" in done.stderr or "ermission" in done.stderr:
        pytest.skip(f"this machine lets nobody mount a small disk: {done.stderr.strip()}")
    assert done.stdout.splitlines() == ["full: True True", "full while starting: True", "room: True"], done.stderr
