"""Homing's IAM API, called with SigV4 signatures; the same on AWS and the local cloud."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session

from homing.identifiers import DEFAULT_SENDER_ID, LIMIT
from homing_cli.errors import ApiError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homing_cli.client.target import Target

_TIMEOUT_SECONDS = 35  # an HTTP API gives up after 30
_TRIES = 4
_FIRST_PAUSE_SECONDS = 0.25
_NOT_FOUND = 404
_SAYINGS = ("detail", "title", "message", "Message")
_PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered: the HTTP status and the JSON document."""

    status: int
    document: Any

    @property
    def ok(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- HTTP's own range

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, field by field, from a problem document (RFC 9457)."""
        document = self.document if isinstance(self.document, dict) else {}
        errors = document.get("errors")
        fields = tuple(
            f"{error['field']}: {error['message']}"
            for error in (errors if isinstance(errors, list) else [])
            if isinstance(error, dict) and error.keys() >= {"field", "message"}
        )
        # Where they refuse a caller, the API's gateway says {"message": ...}, Lambda "Message".
        said = next((document[key] for key in _SAYINGS if document.get(key)), "")
        return fields or (f"HTTP {self.status} {said}".rstrip(),)


def _not_found(message_id: str, sender_id: str | None) -> str:
    """Return whose message was looked for, and how to look for another sender's."""
    named = message_id if len(message_id) <= LIMIT else f"{message_id[:LIMIT]}…"
    looked = f"no message {named} of sender {sender_id or DEFAULT_SENDER_ID} is on record"
    if sender_id:
        return f"{looked}; it was not accepted, or its record has expired"
    return (
        f"{looked}; give --sender NAME for another's (`homing senders list` names those with keys)"
    )


@dataclass(frozen=True, slots=True)
class _Host:
    """Where requests go in: the base of the URL, and the service that they are signed for."""

    url: str
    service: str


class ApiClient:
    """A client of one deployed Homing; safe to share between threads.

    Args:
        target: the deployed Homing.
        sleep: pauses between tries, in seconds.
    """

    def __init__(self, target: Target, sleep: Callable[[float], None] = time.sleep) -> None:
        self._target = target
        self._api = _Host(target.api_url, "execute-api")
        self._messages = _Host(target.messages_url, "lambda") if target.messages_url else self._api
        self._sleep = sleep
        self._http = URLLib3Session(
            proxies={} if target.endpoint else None,
            max_pool_connections=32,
            timeout=_TIMEOUT_SECONDS,
        )

    def submit(self, body: bytes, *, again: bool) -> Answer:
        """Hand over a message, the bytes as they are; at the function URL, if there is one.

        Args:
            body: a request body of `POST /v1/messages`.
            again: whether to try again where the API is busy or silent. Only a body with a
                `messageId` may be: without one, a second try can make a second message.

        Raises:
            ApiError: when the API cannot be reached.
        """
        tries = _TRIES if again else 1
        return self._request("POST", "/v1/messages", body, tries=tries, host=self._messages)

    def message(self, message_id: str, sender_id: str | None = None) -> dict[str, Any]:
        """Ask the status of a message: `{"messageId", "senderId", "deliveries": [...]}`.

        Raises:
            NotFoundError: when no such message has been accepted.
            ApiError: when the API cannot be reached or refuses.
        """
        query = f"?{urlencode({'senderId': sender_id})}" if sender_id else ""
        path = f"/v1/messages/{quote(message_id, safe='')}{query}"
        answer = self._request("GET", path, b"", tries=_TRIES)
        if answer.status == _NOT_FOUND:
            raise NotFoundError(_not_found(message_id, sender_id))
        if not answer.ok or not isinstance(answer.document, dict):
            raise ApiError(f"the API refused: {'; '.join(answer.problems)}")
        return answer.document

    def redrive(self, message_id: str, sender_id: str | None = None) -> Answer:
        """Bring a message's failed deliveries back; to repeat it is harmless.

        Raises:
            ApiError: when the API cannot be reached.
        """
        query = f"?{urlencode({'senderId': sender_id})}" if sender_id else ""
        path = f"/v1/messages/{quote(message_id, safe='')}/redrive{query}"
        return self._request("POST", path, b"", tries=_TRIES)

    def endpoints(
        self,
        method: str,
        path: str = "",
        body: Mapping[str, Any] | None = None,
        sender_id: str | None = None,
        **query: str,
    ) -> dict[str, Any]:
        """Do something with endpoints; `path` is what follows `/v1/endpoints`.

        Raises:
            NotFoundError: when there is no such endpoint.
            ApiError: when the API cannot be reached or refuses.
        """
        asked = {**({"senderId": sender_id} if sender_id else {}), **query}
        url = f"/v1/endpoints{path}" + (f"?{urlencode(asked)}" if asked else "")
        text = b"" if body is None else json.dumps(body).encode()
        # A new secret is answered once: what makes one must not be repeated on a lost answer.
        answer = self._request(method, url, text, tries=_TRIES if method == "GET" else 1)
        if answer.status == _NOT_FOUND:
            raise NotFoundError(answer.problems[0])
        if not answer.ok or not isinstance(answer.document, dict):
            raise ApiError(f"the API refused: {'; '.join(answer.problems)}")
        return answer.document

    def _request(
        self, method: str, path: str, body: bytes, *, tries: int, host: _Host | None = None
    ) -> Answer:
        host = host or self._api
        for attempt in range(tries):
            last = attempt + 1 == tries
            try:
                answer = self._request_once(host, method, path, body)
                if last or answer.status not in _PASSING:
                    return answer
            except BotoCoreError as error:
                if last:
                    raise ApiError(self._unreachable(host, error)) from error
            self._sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
        raise AssertionError("unreachable: the last try returns or raises")

    def _request_once(self, host: _Host, method: str, path: str, body: bytes) -> Answer:
        headers = {"Content-Type": "application/json"}
        request = AWSRequest(method, host.url + path, headers, body)
        self._sign(request, host.service)
        response = self._http.send(request.prepare())
        try:
            return Answer(response.status_code, json.loads(response.content))
        except (ValueError, RecursionError):  # no JSON, or none that anybody means
            return Answer(response.status_code, None)

    def _sign(self, request: AWSRequest, service: str) -> None:
        session = self._target.session
        credentials = session.get_credentials()
        if credentials is None:
            raise ApiError("no AWS credentials: see `aws configure`, or name a --profile")
        frozen = credentials.get_frozen_credentials()
        SigV4Auth(frozen, service, session.region_name).add_auth(request)

    def _unreachable(self, host: _Host, error: Exception) -> str:
        if self._target.endpoint:
            return f"the local cloud at {self._target.endpoint} does not answer: run `homing up`"
        return f"{host.url} cannot be reached: {error}"
