"""What a server on this machine answers."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit


def ask(url: str, method: str = "GET", path: str | None = None, **headers: str) -> tuple[int, str, str]:
    """Status, content type and text; `path`, sent as it is, replaces that of the URL."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
    try:
        connection.request(method, path or place.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()
