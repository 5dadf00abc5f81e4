"""The client with which the commands call Homing's API, on AWS and on the local cloud."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from homing.client import (
    CallError,
    CredentialsError,
    Homing,
    NotFoundError,
    Retrying,
    ThrottledError,
    UnavailableError,
    UnreachableError,
)
from homing.identifiers import DEFAULT_SENDER_ID, LIMIT
from homing.json_text import dump
from homing_cli import errors
from homing_cli.errors import ApiError, BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from homing.client import Accepted
    from homing_cli.client.target import Target

# An HTTP API times out after 30 s. A user waits, so a command does not retry a call for long.
_RETRYING = Retrying(timeout=35, give_up_after=10)


class ApiClient:
    """A client of one deployed Homing, which signs its requests; safe to share between threads.

    Args:
        target: the deployed Homing.
        retrying: how long a call may take.
    """

    def __init__(self, target: Target, retrying: Retrying = _RETRYING) -> None:
        self._target = target
        self._homing = Homing(
            target.api_url,
            messages_url=target.messages_url,
            session=target.session,
            region=target.session.region_name,
            retrying=retrying,
        )

    def submit(self, body: bytes) -> Accepted:
        """Send a message, given as a request body, to the function URL or, without one, to the API.

        Raises:
            ResponseError: when the API refuses the message.
            ApiError: when the API cannot be reached.
        """
        with self._reachable():
            return self._homing.send_raw(body)

    def submit_all(self, bodies: Sequence[bytes]) -> list[Accepted | CallError | ApiError]:
        """Send messages in one or a few requests.

        Returns:
            For each message, what `submit` would return or raise.
        """
        return [self._reported(each) for each in self._homing.send_raw_batch(bodies)]

    def _reported(self, result: Accepted | CallError) -> Accepted | CallError | ApiError:
        if isinstance(result, UnreachableError):
            return ApiError(self._unreachable(result))
        return ApiError(str(result)) if isinstance(result, CredentialsError) else result

    def message(self, message_id: str, sender_id: str | None = None) -> dict[str, Any]:
        """Return the status of a message: `{"messageId", "senderId", "deliveries": [...]}`.

        Raises:
            homing_cli.errors.NotFoundError: when no such message has been accepted.
            ApiError: when the API cannot be reached or refuses the request.
        """
        query = f"?{urlencode({'senderId': sender_id})}" if sender_id else ""
        try:
            return self._document("GET", f"/v1/messages/{quote(message_id, safe='')}{query}")
        except errors.NotFoundError as error:
            raise errors.NotFoundError(_not_found(message_id, sender_id)) from error

    def endpoints(
        self,
        method: str,
        path: str = "",
        body: Mapping[str, Any] | None = None,
        sender_id: str | None = None,
        **query: str,
    ) -> dict[str, Any]:
        """Make a request about endpoints; `path` is what follows `/v1/endpoints`.

        Raises:
            homing_cli.errors.NotFoundError: when there is no such endpoint.
            ApiError: when the API cannot be reached or refuses the request.
        """
        asked = {**({"senderId": sender_id} if sender_id else {}), **query}
        url = f"/v1/endpoints{path}" + (f"?{urlencode(asked)}" if asked else "")
        return self._document(method, url, b"" if body is None else dump(body).encode())

    def _document(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        try:
            with self._reachable():
                # A new secret is returned only once, so a request that creates one is not retried.
                response = self._homing.request(method, path, body, repeat=method == "GET")
        except NotFoundError as error:
            raise errors.NotFoundError(error.problem.sentences[0]) from error
        except (ThrottledError, UnavailableError) as error:
            raise BusyError(f"the API refused: {error}") from error
        except CallError as error:
            raise ApiError(f"the API refused: {error}") from error
        if not isinstance(response.document, dict):
            raise ApiError(f"the API answered HTTP {response.status} without a JSON object")
        return response.document

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """Return a context that raises `ApiError` if the API or the credentials cannot be used."""
        try:
            yield
        except UnreachableError as error:
            raise ApiError(self._unreachable(error)) from error
        except CredentialsError as error:
            raise ApiError(str(error)) from error

    def _unreachable(self, error: UnreachableError) -> str:
        if self._target.endpoint:
            return f"the local cloud at {self._target.endpoint} does not answer: run `homing up`"
        return str(error)


def _not_found(message_id: str, sender_id: str | None) -> str:
    """Return the error text for an unknown message, with a hint to try another sender."""
    named = message_id if len(message_id) <= LIMIT else f"{message_id[:LIMIT]}…"
    looked = f"no message {named} of sender {sender_id or DEFAULT_SENDER_ID} is on record"
    if sender_id:
        return f"{looked}; it was not accepted, or its record has expired"
    return f"{looked}; if another sender sent it, give --sender NAME (see `homing senders list`)"
