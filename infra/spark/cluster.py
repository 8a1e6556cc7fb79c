"""A standalone Spark cluster on the loopback of one machine, to try the jobs on executors that are not the driver.

    python -m headrace.infra.spark.cluster start        prints the address of the master: spark://127.0.0.1:…
    python -m headrace.infra.spark.cluster stop

The processes outlive the command. What belongs to them is in one folder: their numbers, logs, and the workers' scratch.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from headrace.errors import HeadraceError, MachineError, UsageError
from headrace.infra.local import daemon
from headrace.infra.local.java import find_java
from headrace.infra.local.ports import LOOPBACK, choose_port
from headrace.locks import exclusive
from headrace.settings import load_settings

READY_WITHIN_S = 120.0  # 5 s are usual
STOP_GRACE_S = 20.0
ANSWER_WITHIN_S = 2.0
POLL_INTERVAL_S = 0.1
DAEMON_MEMORY = "256m"  # of the master and of each worker; executors come on top

MASTER_CLASS = "org.apache.spark.deploy.master.Master"
WORKER_CLASS = "org.apache.spark.deploy.worker.Worker"

# The processes, and what Spark starts for them, listen on the loopback only; nobody submits by HTTP.
ENVIRONMENT = {
    "SPARK_LOCAL_IP": LOOPBACK,
    "SPARK_PUBLIC_DNS": LOOPBACK,
    "SPARK_DAEMON_MEMORY": DAEMON_MEMORY,
    "SPARK_DAEMON_JAVA_OPTS": "-Dspark.master.rest.enabled=false",
}


@dataclass(frozen=True)
class Size:
    """How many workers, and what each lends to executors."""

    workers: int = 2
    cores: int = 1
    memory: str = "1g"


@dataclass(frozen=True)
class Addresses:
    """The ports of a master on the loopback: for jobs, and of its web page."""

    port: int
    web_port: int

    @property
    def master(self) -> str:
        """What spark-submit is told."""
        return f"spark://{LOOPBACK}:{self.port}"

    @property
    def page(self) -> str:
        """The master's web page."""
        return f"http://{LOOPBACK}:{self.web_port}"


def start(folder: Path, size: Size = Size()) -> Addresses:
    """Starts master and workers, and waits until all workers are registered; what runs already is left alone.

    Raises:
        MachineError: no Java, no pyspark, or workers that do not register; the message names the logs.
        LockTimeout: another process has been starting this cluster for minutes.
    """
    find_java()
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with exclusive(folder / "start.lock", wait_s=2 * READY_WITHIN_S, purpose="starting the Spark cluster"):
        addresses = _start_master(folder)
        for number in range(1, size.workers + 1):
            if daemon.running(_pid_file(folder, f"worker-{number}")) is None:
                _launch(folder, f"worker-{number}", _worker_command(folder, number, size, addresses))
        _wait_for_workers(folder, addresses, size.workers)
    return addresses


def stop(folder: Path) -> int:
    """Stops the workers, whose executors end with them, then the master; gives the number of processes stopped.

    Raises:
        MachineError: a process cannot be ended.
    """
    names = [*sorted(path.stem for path in folder.glob("worker-*.pid")), "master"]
    stopped = sum(daemon.stop(_pid_file(folder, name), grace_s=STOP_GRACE_S) for name in names)
    if left := [str(pid) for name in names if (pid := daemon.running(_pid_file(folder, name)))]:
        raise MachineError(f"processes {', '.join(left)} of the Spark cluster in {folder} do not end. Look at: ps -p …")
    shutil.rmtree(folder / "work", ignore_errors=True)
    return stopped


def workers_alive(addresses: Addresses) -> int:
    """How many workers the master counts as alive; 0 also where it does not answer."""
    try:
        with urllib.request.urlopen(f"{addresses.page}/json/", timeout=ANSWER_WITHIN_S) as answer:  # noqa: S310  our own
            return int(json.load(answer)["aliveworkers"])
    except (OSError, ValueError, KeyError):
        return 0


def _start_master(folder: Path) -> Addresses:
    file = folder / "addresses.json"
    if daemon.running(_pid_file(folder, "master")) is not None:
        return Addresses(**json.loads(file.read_text()))
    port = choose_port()
    addresses = Addresses(port, choose_port(besides=port))
    file.write_text(json.dumps(asdict(addresses)))
    options = ["--host", LOOPBACK, "--port", str(addresses.port), "--webui-port", str(addresses.web_port)]
    _launch(folder, "master", [MASTER_CLASS, *options])
    return addresses


def _worker_command(folder: Path, number: int, size: Size, addresses: Addresses) -> list[str]:
    lent = ["--cores", str(size.cores), "--memory", size.memory, "--work-dir", str(folder / "work" / str(number))]
    return [WORKER_CLASS, "--host", LOOPBACK, "--webui-port", str(choose_port()), *lent, addresses.master]


def _launch(folder: Path, name: str, command: Sequence[str]) -> None:
    home = _spark_home()
    settings = [f"{key}={value}" for key, value in {**ENVIRONMENT, "SPARK_HOME": str(home)}.items()]
    words = ["/usr/bin/env", *settings, str(home / "bin" / "spark-class"), *command]
    daemon.launch(words, pid_file=_pid_file(folder, name), folder=folder, log_file=folder / f"{name}.log")


def _spark_home() -> Path:
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise MachineError("pyspark is not installed. Install it: pip install 'headrace[jobs]'")
    return Path(spec.origin).parent


def _wait_for_workers(folder: Path, addresses: Addresses, wanted: int) -> None:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while workers_alive(addresses) < wanted:
        if time.monotonic() >= deadline_s or daemon.running(_pid_file(folder, "master")) is None:
            found = workers_alive(addresses)
            raise MachineError(
                f"{found} of {wanted} workers of the Spark cluster in {folder} are there. "
                f"See {folder}/*.log, and stop the others with: python -m headrace.infra.spark.cluster stop"
            )
        time.sleep(POLL_INTERVAL_S)


def _pid_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.pid"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `start` or `stop`; gives the exit code."""
    options = _parser().parse_args(arguments)
    try:
        folder = options.folder or load_settings().home / "spark"
        if options.do == "stop":
            print(f"stopped {stop(folder)} processes", file=sys.stderr)
            return 0
        if min(options.workers, options.cores) < 1:
            raise UsageError("--workers and --cores must be at least 1")
        print(start(folder, Size(options.workers, options.cores, options.memory)).master)
    except HeadraceError as err:
        print(err, file=sys.stderr)
        return err.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster", description="A standalone Spark cluster on this machine.")
    parser.add_argument("do", choices=["start", "stop"])
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where its files are (<home>/spark)")
    parser.add_argument("--workers", type=int, default=Size.workers, metavar="N", help="worker processes (2)")
    parser.add_argument("--cores", type=int, default=Size.cores, metavar="N", help="cores that each lends (1)")
    parser.add_argument("--memory", default=Size.memory, metavar="SIZE", help="memory that each lends (1g)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
