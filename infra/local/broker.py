"""The embedded broker: a real single-node Apache Kafka, started, stopped and found again.

All that belongs to it is in `<home>/broker`, which only its user may read. Its address and the id of its cluster stay
the same for as long as that folder lives.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import MachineError
from headrace.locks import exclusive

from . import daemon
from .class_archives import archive_options
from .commands import headrace, remove
from .configuration import (
    CONFIG_FILE,
    LOGGING_FILE,
    LOGGING_PROPERTIES,
    format_command,
    server_command,
    server_properties,
)
from .jars import ensure_jars
from .java import find_java
from .logs import last_words, rotate
from .metadata import ask_metadata
from .ports import choose_port, is_free
from .state import BrokerState, new_cluster_id, read_state, recorded_cluster_id, write_private, write_state

Report = Callable[[str], None]

READY_WITHIN_S = 120.0  # 4 s are usual; after a crash Kafka first reads the records that it had not flushed
STOP_GRACE_S = 30.0  # 1 to 3 s are usual
FORMAT_WITHIN_S = 60.0
ANSWER_WITHIN_S = 2.0
POLL_INTERVAL_S = 0.1
LITTLE_SPACE_MB = 100


@dataclass(frozen=True)
class Broker:
    """A running broker: `address` is host:port, `data` the folder of its records, `log_file` what it has to say."""

    address: str
    pid: int
    data: Path
    log_file: Path
    cluster_id: str


@dataclass(frozen=True)
class BrokerStatus(Broker):
    """A broker whose process runs; `ready` says whether it answers."""

    ready: bool


@dataclass(frozen=True)
class _Folder:
    """The files of one broker."""

    path: Path

    @property
    def lock(self) -> Path:
        return self.path / "start.lock"

    @property
    def pid_file(self) -> Path:
        return self.path / "broker.pid"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def records(self) -> Path:
        return self.path / "records"

    @property
    def log_file(self) -> Path:
        return self.path / "broker.log"


def start(home: Path, cache: Path, report: Report | None = None, jvm_options: Sequence[str] | None = None) -> Broker:
    """Starts the broker of `home` and waits until it answers; one that runs already is left alone and waited for.

    Safe from several processes at once, and after a crash of the broker or of the machine. The broker outlives the
    caller. `report` is told in a few words what is going on. `jvm_options` are those that take the archive of its
    classes, unless others are given.

    Raises:
        MachineError: no Java, a jar that is missing or corrupt, the remembered port taken by another program, no space,
            or a broker that ends or stays silent; the message quotes the end of its log and says what to do.
        LockTimeout: another process has been starting or stopping this broker for minutes.
    """
    folder = _Folder(home.absolute() / "broker")
    report = report or _say_nothing
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.path.chmod(0o700)
        with exclusive(folder.lock, wait_s=2 * READY_WITHIN_S, purpose="starting the broker"):
            running = _wait_until_ready(folder, report, log_from_bytes=0)
            return running or _launch_and_wait(folder, cache, report, jvm_options)
    except (OSError, subprocess.SubprocessError) as err:
        raise MachineError(f"the broker cannot be started in {folder.path}: {err}. {_space(home)}") from err


def stop(home: Path) -> bool:
    """Stops the broker of `home`: SIGTERM, and SIGKILL if it takes too long. False when none ran. Its records stay.

    Raises:
        MachineError: the process cannot be ended.
        LockTimeout: another process has been starting this broker for minutes.
    """
    folder = _Folder(home.absolute() / "broker")
    if not folder.path.is_dir():
        return False
    with exclusive(folder.lock, wait_s=2 * READY_WITHIN_S, purpose="stopping the broker"):
        stopped = daemon.stop(folder.pid_file, grace_s=STOP_GRACE_S)
        if pid := daemon.running(folder.pid_file):
            raise MachineError(
                f"the broker, process {pid}, does not end. Look at it with: ps -p {pid} -o stat,lstart,command"
            )
    return stopped


def status(home: Path) -> BrokerStatus | None:
    """The broker of `home` whose process runs now, whether or not it answers yet; None when none does."""
    folder = _Folder(home.absolute() / "broker")
    pid, state = daemon.running(folder.pid_file), read_state(folder.state)
    if pid is None or state is None:
        return None
    ready = _answers(state)
    return BrokerStatus(state.address, pid, folder.records, folder.log_file, state.cluster_id, ready)


def address(home: Path) -> str | None:
    """The remembered host:port of the broker of `home`, whether or not it runs; None before its first start."""
    state = read_state(_Folder(home.absolute() / "broker").state)
    return state.address if state else None


def way_to_another_port(home: Path) -> str:
    """The command that gives the broker of `home` a new port; its records stay."""
    return _way_to_another_port(_Folder(home.absolute() / "broker"))


def _launch_and_wait(folder: _Folder, cache: Path, report: Report, jvm_options: Sequence[str] | None) -> Broker:
    java, jars = find_java(), ensure_jars("broker", cache, report)
    if jvm_options is None:
        jvm_options = archive_options("broker", java, jars, cache)
    state = _settled(folder)
    write_private(folder.path / LOGGING_FILE, LOGGING_PROPERTIES)
    if not folder.records.exists():
        report("making its data folder")
        _format(folder, state, java.path, jars)
    config = server_properties(port=state.port, controller_port=state.controller_port, records=folder.records.name)
    write_private(folder.path / CONFIG_FILE, config)
    write_state(folder.state, state)
    log_from_bytes = rotate(folder.log_file)
    command = server_command(java.path, jars, jvm_options)
    daemon.launch(command, pid_file=folder.pid_file, folder=folder.path, log_file=folder.log_file)
    try:
        started = _wait_until_ready(folder, report, log_from_bytes)
    except KeyboardInterrupt:
        daemon.stop(folder.pid_file, grace_s=STOP_GRACE_S)
        raise
    if started is None:
        raise MachineError(f"the broker ended while it started. {_evidence(folder, log_from_bytes)}")
    return started


def _settled(folder: _Folder) -> BrokerState:
    """The ports and the cluster to start with: the remembered ones wherever possible.

    Clients know the broker's port, so another program on it is the user's to move. The controller's port is known to
    nobody else and stands in no record, so a new one does no harm.
    """
    known = read_state(folder.state)
    port = known.port if known else choose_port()
    if known and not is_free(port):
        raise MachineError(
            f"port {port}, which the broker of {folder.path} has always had, is taken by another program. "
            f"See which with: lsof -nP -iTCP:{port} -sTCP:LISTEN; stop it, or give the broker another port with: "
            f"{_way_to_another_port(folder)} (its records stay)"
        )
    controller_port = known.controller_port if known else choose_port(besides=port)
    if not is_free(controller_port):
        controller_port = choose_port(besides=port)
    cluster_id = recorded_cluster_id(folder.records) or new_cluster_id()
    return BrokerState(port, controller_port, cluster_id)


def _way_to_another_port(folder: _Folder) -> str:
    return f"{remove(folder.state)} && {headrace('up')}"


def _format(folder: _Folder, state: BrokerState, java: Path, jars: Sequence[Path]) -> None:
    """Makes the data folder under another name first: a broker never meets one that is half made."""
    half_made = folder.path / "records.new"
    shutil.rmtree(half_made, ignore_errors=True)
    config = server_properties(port=state.port, controller_port=state.controller_port, records=half_made.name)
    write_private(folder.path / "format.properties", config)
    command = format_command(java, jars, cluster_id=state.cluster_id, config_file="format.properties")
    done = subprocess.run(  # noqa: S603  Java and Kafka's own tool, with arguments made here
        command,
        cwd=folder.path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=FORMAT_WITHIN_S,
        umask=0o077,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise MachineError(f"Kafka could not make its data folder in {folder.path}: {said}. {_space(folder.path)}")
    half_made.rename(folder.records)


def _wait_until_ready(folder: _Folder, report: Report, log_from_bytes: int) -> Broker | None:
    """Waits until the running broker answers; None when none runs, or it ends before that."""
    began_s = time.monotonic()
    while pid := daemon.running(folder.pid_file):
        state = read_state(folder.state)
        if state is None:
            anew = f"{headrace('down')} && {headrace('up')}"
            raise MachineError(f"the broker runs, but {folder.state} is gone or damaged. Start it anew with: {anew}")
        if _answers(state):
            return Broker(state.address, pid, folder.records, folder.log_file, state.cluster_id)
        if time.monotonic() - began_s > READY_WITHIN_S:
            raise MachineError(
                f"the broker has not answered for {READY_WITHIN_S:g} s; it is left running, since after a crash it may "
                f"have much to read. Wait on with: {headrace('up')}; or stop it with: {headrace('down')}. "
                f"{_evidence(folder, log_from_bytes)}"
            )
        report(f"starting, {time.monotonic() - began_s:.0f} s")
        time.sleep(POLL_INTERVAL_S)
    return None


def _answers(state: BrokerState) -> bool:
    """Whether this very broker, and no stranger on its port, answers and is a member of its cluster."""
    metadata = ask_metadata(state.address, timeout_s=ANSWER_WITHIN_S)
    return metadata is not None and metadata.cluster_id == state.cluster_id and state.address in metadata.brokers


def _evidence(folder: _Folder, log_from_bytes: int) -> str:
    """The end of its log, and the space on its disk, which a full disk keeps it from logging."""
    return f"{_space(folder.path)}. The end of {folder.log_file}:\n{last_words(folder.log_file, log_from_bytes)}"


def _space(folder: Path) -> str:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free_mb = shutil.disk_usage(existing).free / 1e6
    return f"{free_mb:,.0f} MB are free on its disk" + (
        ": make room there, and start it again" if free_mb < LITTLE_SPACE_MB else ""
    )


def _say_nothing(text: str) -> None:
    pass
