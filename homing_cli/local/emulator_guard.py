"""The guard of the emulator: it refuses requests that are not signed with the local cloud's key.

The emulator itself serves every caller, runs any code as the user who started it, and lets every
web page read its responses. So the guard refuses a request

- that a web page makes: with `Origin`, or with `Sec-Fetch-Site` other than `none`;
- whose `Host` is not an address of this machine, which prevents DNS rebinding (a foreign name that
  resolves to 127.0.0.1);
- without a valid SigV4 signature in `Authorization`, made with the key of this cloud.

As on AWS, routes of an HTTP API without IAM authorization need no signature.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

# The emulator has no types. Its own check of signatures is called here, since the setting that
# enables the check in the emulator would also enforce the policies of roles.
from ministack.core import sigv4  # type: ignore[import-untyped]

from homing_cli.local.local_key import IDENTITY_PATH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from homing_cli.local.local_key import LocalKey

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Any, Receive, Send], Awaitable[None]]

_SIGNED = "AWS4-HMAC-SHA256 "


@dataclass(frozen=True, slots=True)
class Guard:
    """An ASGI application that passes allowed requests to the emulator.

    Args:
        app: the emulator.
        port: where it listens.
        key: the key of the cloud, with which it proves its identity.
        secret_of: returns the secret for an access key id and session token, which may be those of
            the cloud itself, of a function or of an assumed role; None if they are unknown.
        is_public: returns whether a request with this method and path needs no signature.
    """

    app: App
    port: int
    key: LocalKey
    secret_of: Callable[[str, str], str | None]
    is_public: Callable[[str, str], bool]

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close"})  # WebSockets are not supported

    async def _serve(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        if complaint := _foreign(headers, self.port):
            await _refuse(send, complaint)
        elif _names_no_service(headers) and self.is_public(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
        elif (body := await _read(receive)) is not None:
            await self._serve_signed(scope, headers, body, receive, send)

    async def _serve_signed(
        self, scope: Any, headers: Mapping[str, str], body: bytes, receive: Receive, send: Send
    ) -> None:
        if complaint := self._unsigned(scope, headers, body):
            await _refuse(send, complaint)
        elif scope["path"] == IDENTITY_PATH:
            signature = sigv4.parse_header_signature(headers).signature
            await _answer(send, 200, self.key.proof(signature))
        else:
            await self.app(scope, _replay(body, receive), send)

    def _unsigned(self, scope: Any, headers: Mapping[str, str], body: bytes) -> str:
        """Return what is wrong with the signature of a request; empty if it is valid."""
        if not headers.get("authorization", "").startswith(_SIGNED):
            return "the request is not signed with the key of this local cloud (.homing/local.json)"
        signature = sigv4.parse_header_signature(headers)
        if isinstance(signature, tuple):
            return str(signature[1])
        token = headers.get("x-amz-security-token", "")
        if (secret := self.secret_of(signature.access_key_id, token)) is None:
            return "the access key is not that of this local cloud (.homing/local.json)"
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        failure = sigv4.request_time_failure(signature) or sigv4.header_signature_failure(
            signature,
            secret,
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            query,
            headers,
            body,
        )
        return str(failure[1]) if failure else ""


def _foreign(headers: Mapping[str, str], port: int) -> str:
    """Return why a request is refused, if it is from a web page or for another host; else empty."""
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return "a local cloud does not serve requests from web pages"
    host = rf"(127\.0\.0\.1|([a-z0-9._-]+\.)?localhost):{port}"
    if not re.fullmatch(host, headers.get("host", "").lower()):
        return f"the Host header is not that of this local cloud, 127.0.0.1:{port}"
    return ""


def _names_no_service(headers: Mapping[str, str]) -> bool:
    """Return whether the host names no service, so that the path alone determines the API."""
    return headers["host"].lower().startswith(("127.0.0.1:", "localhost:"))


def _headers(scope: Any) -> dict[str, str]:
    """Return the headers by lower-case name. Several values of the same name are joined."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), sigv4.decode_header_value(raw_value)
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


async def _read(receive: Receive) -> bytes | None:
    """Return the whole request body; None if the client disconnects before that is complete."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a replacement for `receive` that first returns the body, which was already read."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


async def _refuse(send: Send, reason: str) -> None:
    await _answer(send, 403, json.dumps({"__type": "AccessDeniedException", "message": reason}))


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
