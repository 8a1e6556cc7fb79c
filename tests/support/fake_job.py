"""A job without Spark: `python -m support.fake_job WAY` says what a job says, and ends in the way that is asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def main(way: str) -> int:
    say(event="progress", source="flights", step="cleaning", done=1, total=2)
    if way == "result":
        print("a word of the JVM on stdout")
        say(event="result", sources={"flights": 2})
        return 0
    if way.startswith("error"):
        say(event="error", message="there is no source named 'x'")
        return int(way[-1])
    if way == "crash":
        raise SystemExit("a stack trace\nthe last word of a JVM\n")
    if way == "out of heap":
        print("ERROR Executor: Exception in task\njava.lang.OutOfMemoryError: Java heap space", file=sys.stderr)
        raise SystemExit("ConnectionRefusedError: [Errno 111] Connection refused")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # it waits until we ask for it; "deaf" never does
    script = "import time; print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        say(event="progress", source="child", step=str(child.pid))
        if way == "until told":
            signal.sigwait({signal.SIGTERM})
            say(event="result", sources={})
            os._exit(0)  # without waiting for the child
        child.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
