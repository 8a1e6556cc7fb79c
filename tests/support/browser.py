"""A real browser, driven through its own protocol over two pipes: pages are opened, looked at, and listened to.

It needs Chromium on the machine (`apt-get install chromium`), or `HEADRACE_BROWSER` with the path of one.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Any

import pytest

PROGRAMS = ("chromium", "chromium-headless-shell", "google-chrome", "chromium-browser")
OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
# It reads from 3 and writes to 4; a shell puts our pipes there.
SCRIPT = 'reads=$1 writes=$2; shift 2; exec "$@" 3<&"$reads" 4>&"$writes" 2>/dev/null'


def browser_program() -> str:
    """The browser of this machine; the test is skipped where it has none."""
    found = os.environ.get("HEADRACE_BROWSER") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("no Chromium is on this machine: apt-get install chromium, or name one in HEADRACE_BROWSER")
    return found


@dataclass
class Tab:
    """One page of the browser, and its complaints: errors, breaches of the policy, requests that failed."""

    commands: IO[bytes]
    answers: IO[bytes]
    session: str = ""
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and gives its answer; what the page says meanwhile is kept."""
        number = next(self.numbers)
        said = {"id": number, "method": method, "params": parameters}
        self.commands.write(json.dumps(said | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        self.commands.flush()
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._hear(answer)

    def wait_for(self, event: str) -> None:
        """Reads on until the page says this event."""
        while True:
            answer = self._read()
            self._hear(answer)
            if answer.get("method") == event:
                return

    def open(self, address: str, *, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """Opens a page on a screen of this size for who prefers this scheme, and waits until it is there."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=address)
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, file: Path, *, whole: bool = True) -> None:
        """Takes a picture, of the whole page or of what the screen shows."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

    def _read(self) -> dict[str, Any]:
        said = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            assert byte, "the browser has ended"
            said += byte
        return json.loads(said)

    def _hear(self, event: dict[str, Any]) -> None:
        said = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(said["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if said["type"] in ("error", "warning", "assert"):
                self.complaints.append(json.dumps(said["args"]))
            case "Log.entryAdded":
                self.complaints.append(said["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(said["request"]["url"])


@contextmanager
def open_browser(folder: Path) -> Iterator[Tab]:
    """Starts the browser with an empty profile in `folder`; gives a tab of it."""
    program = browser_program()
    their_commands, our_commands = os.pipe()
    our_answers, their_answers = os.pipe()
    words = [program, *OPTIONS, f"--user-data-dir={folder / 'browser'}", "about:blank"]
    with (
        os.fdopen(our_commands, "wb") as commands,
        os.fdopen(our_answers, "rb") as answers,
        subprocess.Popen(
            ["bash", "-c", SCRIPT, "browser", str(their_commands), str(their_answers), *words],
            pass_fds=(their_commands, their_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as process,
    ):
        os.close(their_commands)
        os.close(their_answers)
        try:
            tab = Tab(commands, answers)
            target = tab.call("Target.createTarget", url="about:blank")["targetId"]
            tab.session = tab.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                tab.call(f"{domain}.enable")
            yield tab
        finally:
            process.terminate()
            process.wait(30)
