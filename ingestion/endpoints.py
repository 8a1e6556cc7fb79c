"""`/metrics`, `/healthz` and `/readyz` of a lander, over HTTP on one port: read only, and no payload in them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client.exposition import choose_encoder

from headrace.errors import MachineError

from .metrics import registry_of
from .observer import Observer
from .settings import LandingSettings
from .standing import Board

REQUEST_TIMEOUT_S = 5.0  # for a client that says nothing

Answer = tuple[HTTPStatus, str, bytes]  # status, content type, body


class Endpoints:
    """Serves from a thread of its own while the block lasts.

    Raises:
        MachineError: the address cannot be had.
    """

    def __init__(self, settings: LandingSettings, observer: Observer) -> None:
        self._server = _listen(settings, observer)
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoints", daemon=True)

    @property
    def url(self) -> str:
        """http://address:port."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Endpoints:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _listen(settings: LandingSettings, observer: Observer) -> _Server:
    address, port = settings.metrics_address, settings.metrics_port or 0
    try:
        server = _Server((address, port), _Handler)
    except OSError as err:
        raise MachineError(
            f"the metrics cannot be served on {address}:{port}: {err.strerror or err}. "
            "Give another --metrics-port (0 takes any that is free), or another --metrics-address"
        ) from err
    registry, board, within_s = registry_of(observer, settings), observer.board, settings.alive_within_s

    def metrics(accept: str) -> Answer:
        encode, content_type = choose_encoder(accept)
        return HTTPStatus.OK, content_type, encode(registry)

    server.answers = {
        "/metrics": metrics,
        "/healthz": lambda accept: _as_json(*_alive(board, within_s)),
        "/readyz": lambda accept: _as_json(*_ready(board, within_s)),
    }
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    answers: Mapping[str, Callable[[str], Answer]]  # by path; each is given what the client accepts


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_TIMEOUT_S
    server_version, sys_version = "headrace", ""

    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path.partition("?")[0])
        accept = self.headers.get("Accept", "")
        status, content_type, body = answer(accept) if answer else _as_json(*self._not_found())
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Who asks is no news, and what is asked may be made to be read in a log."""

    def _not_found(self) -> tuple[HTTPStatus, dict[str, Any]]:
        return HTTPStatus.NOT_FOUND, {"error": "there is no such path", "paths": list(self.server.answers)}


def _alive(board: Board, within_s: float) -> tuple[HTTPStatus, dict[str, Any]]:
    ago_s = time.monotonic() - board.turned_at_s
    alive = ago_s <= within_s
    found = {"alive": alive, "turned_s_ago": round(ago_s, 1), "alive_within_s": within_s}
    return HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE, found


def _ready(board: Board, within_s: float) -> tuple[HTTPStatus, dict[str, Any]]:
    standing = board.standing
    reasons = ["no table is open yet"] if standing is None else standing.not_ready()
    if time.monotonic() - board.turned_at_s > within_s:
        reasons = [*reasons, "the loop does not turn"]
    return HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK, {"ready": not reasons, "reasons": reasons}


def _as_json(status: HTTPStatus, content: dict[str, Any]) -> Answer:
    return status, "application/json", json.dumps(content).encode() + b"\n"
