"""A schema registry of a test: the part of Confluent's API that is read, with its error bodies, over real HTTP.

It is written from the published API. `tests/kernel/test_real_registry.py` holds the client against a registry that
others wrote.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Registry:
    """What the server has, whom it lets in (`Basic …`), what it answers before that, and what it was asked."""

    schemas: dict[int, dict[str, Any]] = field(default_factory=dict)
    subjects: dict[tuple[str, int], int] = field(default_factory=dict)
    authorization: str | None = None
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def register(
        self,
        subject: str,
        schema: object,
        references: Sequence[tuple[str, str, int]] = (),
        *,
        kind: str = "AVRO",
        schema_id: int | None = None,
    ) -> int:
        """Adds a version of a subject (text, or what JSON makes of it) and gives the id; a reference is (name, subject,
        version).
        """
        number = schema_id or 1 + max(self.schemas, default=0)
        found: dict[str, Any] = {"schema": schema if isinstance(schema, str) else json.dumps(schema)}
        if kind != "AVRO":
            found["schemaType"] = kind
        if references:
            found["references"] = [dict(zip(("name", "subject", "version"), one, strict=True)) for one in references]
        self.schemas[number] = found
        self.subjects[(subject, 1 + sum(name == subject for name, _ in self.subjects))] = number
        return number

    def answer(self, path: str) -> tuple[int, object]:
        """Status and body for a path that was asked for."""
        parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
        if parts[:2] == ["schemas", "ids"] and len(parts) == 3:
            found = self.schemas.get(int(parts[2]))
            return (200, found) if found else (404, {"error_code": 40403, "message": f"Schema {parts[2]} not found"})
        if parts[0] == "subjects" and parts[2] == "versions" and len(parts) == 4:
            number = self.subjects.get((parts[1], int(parts[3])))
            if number is None:
                return 404, {"error_code": 40402, "message": f"Version {parts[3]} not found."}
            return 200, {"subject": parts[1], "version": int(parts[3]), "id": number, **self.schemas[number]}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}


@contextmanager
def registry_server(context: ssl.SSLContext | None = None) -> Iterator[Registry]:
    """A server on a free port of this machine, for as long as the context lasts; with `context` by TLS."""
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            registry.asked.append(self.path)
            if registry.answers:
                self.send(*registry.answers.pop(0))
            elif registry.authorization not in (None, self.headers.get("Authorization")):
                self.send_json(401, {"error_code": 401, "message": "Unauthorized"})
            else:
                self.send_json(*registry.answer(self.path))

        def send_json(self, status: int, body: object) -> None:
            self.send(status, {"Content-Type": "application/vnd.schemaregistry.v1+json"}, json.dumps(body).encode())

        def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        registry.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()
