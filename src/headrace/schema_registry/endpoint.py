"""Asking a schema registry over HTTP: addresses, credentials, trust, patience, and what each refusal means."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from headrace.errors import SchemaRegistryError

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 16 * 2**20
PAUSES_S = (0.5, 2.0)  # between the rounds over all addresses: three rounds
PASSING = frozenset({408, 429, 500, 502, 503, 504})

# What the API answers for a subject, a version and a schema that it does not have. A 404 without one of them comes
# from something that is no registry, or from a wrong path.
ABSENT = frozenset({40401, 40402, 40403})

_ACCEPT = "application/vnd.schemaregistry.v1+json, application/json"


class _Passing(Exception):
    """An answer, or the lack of one, that may be another one in a moment."""


class _NoRedirects(HTTPRedirectHandler):
    """Takes a redirect for an answer: credentials are sent to the address that was named, and to no other."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follows nothing."""


class Endpoint:
    """The addresses of one registry; the first that answers is taken.

    `pause` waits so many seconds; tests wait for nothing.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        user: str | None = None,
        password: str | None = None,
        ca: Path | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._addresses = [address.rstrip("/") for address in addresses]
        self._user, self._password, self._pause = user, password, pause
        self._opener = _opener(self._addresses, ca)

    def get(self, path: str) -> Any | None:
        """What the registry has at `path` as JSON, or None where it says that it has no such thing.

        Raises:
            SchemaRegistryError: no address answers, the answer is a refusal, or it is not a registry's.
        """
        problems: list[str] = []
        for pause_s in (0.0, *PAUSES_S):
            if pause_s:
                self._pause(pause_s)
            problems.clear()
            for address in self._addresses:
                try:
                    return self._ask(address, path)
                except _Passing as err:
                    problems.append(f"{address} {err}")
        raise SchemaRegistryError(
            f"the schema registry was asked {1 + len(PAUSES_S)} times for {path}: {'; '.join(problems)}. Is it "
            "running, and is the setting schema_registry right? Nothing was written; run it again when it answers"
        )

    def _ask(self, address: str, path: str) -> Any | None:
        request = Request(address + path, headers=dict(self._headers()))  # noqa: S310  settings let http and https pass
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return _content(address, path, answer.read(MAX_ANSWER_BYTES + 1))
        except HTTPError as err:
            with err:
                self._refuse(address, path, err)
                return None
        except (OSError, HTTPException) as err:
            reason = err.reason if isinstance(err, URLError) else err
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise SchemaRegistryError(
                    f"the certificate of the schema registry {address} is not trusted: {reason.verify_message}. Name "
                    "the file of the authority that signed it: the setting schema_registry_ca"
                ) from err
            raise _Passing(f"does not answer: {reason}") from err

    def _refuse(self, address: str, path: str, err: HTTPError) -> None:
        """Raises what an answer other than 200 means, unless it is that there is no such thing."""
        code, body = _error_code(err.read(MAX_ANSWER_BYTES))
        if err.code == 404 and code in ABSENT:
            return
        if err.code in PASSING:
            raise _Passing(f"answers {err.code} {body}")
        if err.code in (401, 403):
            who = f"as '{self._user}'" if self._user else "without credentials"
            raise SchemaRegistryError(
                f"the schema registry {address} refuses {path} {who}: {err.code}. Set HEADRACE_SCHEMA_REGISTRY_USER "
                "and HEADRACE_SCHEMA_REGISTRY_PASSWORD to someone who may read schemas"
            )
        if 300 <= err.code < 400:
            where = err.headers.get("Location", "nowhere")
            raise SchemaRegistryError(
                f"the schema registry {address} sends {path} on to {where}. Credentials are not sent after it; name "
                "that address in the setting schema_registry"
            )
        raise SchemaRegistryError(
            f"{address}{path} answers {err.code} {body}, as no schema registry with Confluent's API would. Is the "
            "path of the address right, in the setting schema_registry?"
        )

    def _headers(self) -> Iterator[tuple[str, str]]:
        yield "Accept", _ACCEPT
        if self._user is not None:
            pair = f"{self._user}:{self._password or ''}".encode()
            yield "Authorization", f"Basic {base64.b64encode(pair).decode()}"


def _opener(addresses: Sequence[str], ca: Path | None) -> OpenerDirector:
    if not any(address.startswith("https:") for address in addresses):
        return build_opener(_NoRedirects)
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as err:
        raise SchemaRegistryError(
            f"schema_registry_ca: {ca} cannot be read as a PEM file of certificates: {err}"
        ) from err
    return build_opener(_NoRedirects, HTTPSHandler(context=context))


def _content(address: str, path: str, body: bytes) -> Any:
    if len(body) > MAX_ANSWER_BYTES:
        raise SchemaRegistryError(
            f"{address}{path} answers with more than {MAX_ANSWER_BYTES} bytes: no schema is so long"
        )
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as err:
        raise SchemaRegistryError(
            f"{address}{path} answers something that is not JSON. Is the path of the address right, in the setting "
            "schema_registry?"
        ) from err


def _error_code(body: bytes) -> tuple[int | None, str]:
    """The registry's own code of an error, and what it says; for a person, what else stands there, cut."""
    try:
        found = json.loads(body)
        return int(found["error_code"]), f"({found.get('message', '')})"[:200]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None, f"({body[:80].decode(errors='replace')})"
