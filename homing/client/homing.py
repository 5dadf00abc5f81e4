"""The client of Homing's API."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, Unpack
from urllib.parse import quote, urlencode

from homing.client.answers import Accepted, MessageStatus, Redriven
from homing.client.batches import Outgoing, batch_body, packed, read_results
from homing.client.connection import Connection, Key, Signature
from homing.client.errors import CallError, Problem, RejectedError, ResponseError
from homing.client.fields import message_body, with_message_id
from homing.client.many import (
    BulkRedrive,
    ListedDelivery,
    filter_document,
    list_path,
    redrive_path,
)
from homing.client.retrying import Retrying
from homing.client.stack import aws_session, stack_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from homing.client.connection import Response, Session
    from homing.client.fields import MessageFields
    from homing.client.many import FilterFields

_AT_ONCE = 8
_ACCEPTED = 202
_BATCH = "/v1/messages/batch"

_Read = TypeVar("_Read")
_Sent: TypeAlias = Accepted | CallError


def new_message_id() -> str:
    """Return a new, unique messageId."""
    return f"msg_{secrets.token_hex(16)}"


class Homing:
    """A client of one deployed Homing; safe to share between threads.

    A call that fails temporarily is retried unchanged. A message gets its messageId before the
    first try, so it is accepted only once, even if several tries reach the API.

    Args:
        url: the base URL of the API. With an API key, this is the stack's output `SenderApiUrl`;
            with AWS credentials, `ApiUrl` or `MessagesUrl`. `MessagesUrl` takes messages only.
        api_key: the key of a sender; without one, requests are signed with AWS credentials.
        messages_url: where to send messages, if not to `url`: the output `MessagesUrl`.
        session: a session of boto3 or botocore, which finds the AWS credentials; by default a new
            one.
        region: the AWS region, if the URL does not contain it.
        retrying: how long a call may take.

    Raises:
        ValueError: when a URL does not begin with https://, or the key is not an API key.
        CredentialsError: when no AWS region is known.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        messages_url: str | None = None,
        session: Session | None = None,
        region: str | None = None,
        retrying: Retrying | None = None,
    ) -> None:
        retrying = retrying or Retrying()
        if session is None and api_key is None:
            session = aws_session(region, None)
            region = session.get_config_variable("region")

        def connect(url: str) -> Connection:
            caller = Signature(url, session, region) if session else Key(api_key or "")
            return Connection(url, caller, retrying)

        self._retrying = retrying
        self._api = connect(url)
        self._messages = connect(messages_url) if messages_url else self._api

    @classmethod
    def from_stack(
        cls,
        stack: str,
        *,
        construct: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        retrying: Retrying | None = None,
    ) -> Self:
        """Return a client of a deployed stack, with the caller's AWS credentials.

        Args:
            stack: the name of the CloudFormation stack.
            construct: the path of the construct, if the stack has several Homing constructs.
            region: the region of the stack; by default that of the environment or the profile.
            profile: the AWS profile; by default the one that the AWS CLI would use.
            retrying: how long a call may take.

        Raises:
            StackError: when the stack cannot be read, or has no such construct.
        """
        session = aws_session(region, profile)
        outputs = stack_outputs(session, stack, construct)
        return cls(
            outputs["ApiUrl"],
            messages_url=outputs.get("MessagesUrl"),
            session=session,
            region=session.get_config_variable("region"),
            retrying=retrying,
        )

    def send(self, **fields: Unpack[MessageFields]) -> Accepted:
        """Send a message.

        Raises:
            CallError: when the message has not been accepted, or may not have been accepted.
            TypeError: when a field is unknown, or its value has a type that JSON does not have.
            ValueError: when a time has no time zone, or a number is infinite or NaN.
        """
        named = _with_id(fields)
        return self._send(message_body(named), named["message_id"])

    def send_batch(self, messages: Iterable[MessageFields]) -> tuple[Accepted | CallError, ...]:
        """Send several messages, up to a hundred in a request, and a few requests concurrently.

        Return a result for each message, in order. A failure does not keep other messages from
        being sent; only messages that failed temporarily are sent again. The messages of a request
        are accepted in order.

        Raises:
            TypeError, ValueError: when `send` would raise this error for one of the messages. In
                this case, no message has been sent.
        """
        named = [_with_id(each) for each in messages]
        groups = list(packed(Outgoing(message_body(each), each["message_id"]) for each in named))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(chain.from_iterable(pool.map(self._send_group, groups)))

    def send_raw(self, body: bytes) -> Accepted:
        """Send a message given as the request body of `POST /v1/messages`.

        The bytes are sent unchanged, except that a messageId is inserted if there is none.

        Raises:
            CallError: when the message has not been accepted, or may not have been accepted.
        """
        return self._send(*with_message_id(body, new_message_id()))

    def send_raw_batch(self, bodies: Iterable[bytes]) -> tuple[Accepted | CallError, ...]:
        """Send several messages given as request bodies (see `send_raw`), one request at a time.

        Return a result for each message, in order. A failure does not keep other messages from
        being sent.
        """
        groups = packed(Outgoing(*with_message_id(each, new_message_id())) for each in bodies)
        return tuple(chain.from_iterable(map(self._send_group, groups)))

    def message(self, message_id: str, *, sender_id: str | None = None) -> MessageStatus:
        """Return the status of a message.

        Args:
            message_id: the id of the message.
            sender_id: by default the sender of the key; with AWS credentials, `default`.

        Raises:
            NotFoundError: when no such message was accepted, or it has expired.
            CallError: when the call fails in another way.
        """
        path = _message_path(message_id, "", sender_id)
        with _about(message_id):
            return _read(self._api.call("GET", path), MessageStatus.from_document)

    def redrive(self, message_id: str, *, sender_id: str | None = None) -> Redriven:
        """Redrive the failed deliveries of a message; repeating the call is harmless.

        Args:
            message_id: the id of the message.
            sender_id: by default the sender of the key; with AWS credentials, `default`.

        Raises:
            NotFoundError: when no such message was accepted, or it has expired.
            CallError: when the call fails in another way.
        """
        path = _message_path(message_id, "/redrive", sender_id)
        with _about(message_id):
            return _read(self._api.call("POST", path), Redriven.from_document)

    def deliveries(
        self, *, sender_id: str | None = None, **fields: Unpack[FilterFields]
    ) -> Iterator[ListedDelivery]:
        """Yield waiting, failed and cancelled deliveries, the latest first.

        Args:
            sender_id: by default the sender of the key; with AWS credentials, `default`.
            fields: the fields of the filter; without any, all such deliveries are listed.

        Raises:
            CallError: when a page cannot be read.
            TypeError: when a field is unknown.
        """
        after: str | None = None
        while True:
            response = self._api.call("GET", list_path(fields, sender_id, after))
            yield from _read(response, _listed)
            after = response.document.get("after")
            if after is None:
                return

    def redrive_all(
        self,
        *,
        rate_per_second: float = 10,
        redrive_id: str | None = None,
        sender_id: str | None = None,
        **fields: Unpack[FilterFields],
    ) -> BulkRedrive:
        """Start redriving all failed deliveries that match, at a limited rate.

        Args:
            rate_per_second: how many deliveries are redriven per second, at most.
            redrive_id: the id of the bulk redrive; by default a new one. If the call is repeated
                with the same id, no second bulk redrive begins.
            sender_id: by default the sender of the key; with AWS credentials, `default`.
            fields: the fields of the filter; without any, all failed deliveries are redriven.

        Raises:
            CallError: when the bulk redrive has not begun, or may not have begun.
            TypeError: when a field is unknown.
        """
        asked: dict[str, Any] = {
            "filter": filter_document(fields),
            "ratePerSecond": rate_per_second,
            "redriveId": redrive_id or secrets.token_hex(16),
        }
        if sender_id is not None:
            asked["senderId"] = sender_id
        response = self._api.call("POST", "/v1/redrives", json.dumps(asked).encode())
        return _read(response, BulkRedrive.from_document)

    def bulk_redrive(self, redrive_id: str, *, sender_id: str | None = None) -> BulkRedrive:
        """Return the progress of a bulk redrive.

        Raises:
            NotFoundError: when the sender has no bulk redrive with this id.
            CallError: when the call fails in another way.
        """
        response = self._api.call("GET", redrive_path(redrive_id, sender_id))
        return _read(response, BulkRedrive.from_document)

    def stop_redrive(self, redrive_id: str, *, sender_id: str | None = None) -> BulkRedrive:
        """Stop a bulk redrive; deliveries already redriven continue.

        Raises:
            NotFoundError: when the sender has no bulk redrive with this id.
            CallError: when the call fails in another way.
        """
        response = self._api.call("DELETE", redrive_path(redrive_id, sender_id))
        return _read(response, BulkRedrive.from_document)

    def request(
        self, method: str, path: str, body: bytes = b"", *, repeat: bool = True
    ) -> Response:
        """Make a request to any route of the API (docs/api.md).

        Args:
            method: the HTTP method.
            path: path and query, such as `/v1/endpoints?limit=10`.
            body: the request body, JSON.
            repeat: whether the request may be made again; False if a second request could have a
                second effect, such as creating another secret.

        Raises:
            CallError: when the request fails.
        """
        return self._api.call(method, path, body, repeat=repeat)

    def _send_group(self, group: Sequence[Outgoing]) -> list[_Sent]:
        """Send messages in one request, and retry those that failed temporarily."""
        began = self._retrying.clock()
        results: dict[int, _Sent] = {}
        waiting = list(range(len(group)))
        for tries in count(1):
            found = self._try_group([group[each] for each in waiting], began)
            results.update(zip(waiting, (result for result, _ in found), strict=True))
            waiting = [each for each, (_, again) in zip(waiting, found, strict=True) if again]
            if not waiting or not self._retrying.wait(tries, began, _longest_of(found)):
                break
        return [results[each] for each in range(len(group))]

    def _try_group(self, group: Sequence[Outgoing], began: float) -> list[tuple[_Sent, bool]]:
        """Send messages in one request; return each result, and whether to send that message again.

        If the whole request fails, its messages are not sent again: `Connection.call` has already
        retried it.
        """
        try:
            if len(group) == 1:
                return [(self._send(group[0].body, group[0].message_id, began), False)]
            response = self._messages.call("POST", _BATCH, batch_body(group), began=began)
            results = _read(response, lambda found: read_results(found, group))
        except CallError as error:
            if isinstance(error, RejectedError) and len(group) > 1:  # too large as one request
                half = len(group) // 2
                return self._try_group(group[:half], began) + self._try_group(group[half:], began)
            return [(error.about(each.message_id), False) for each in group]
        return [(each, isinstance(each, CallError) and each.is_transient) for each in results]

    def _send(self, body: bytes, message_id: str | None, began: float | None = None) -> Accepted:
        with _about(message_id):
            response = self._messages.call("POST", "/v1/messages", body, began=began)
            again = response.status != _ACCEPTED
            return _read(response, lambda found: Accepted.from_document(found, duplicate=again))


def _longest_of(found: Iterable[tuple[_Sent, bool]]) -> float | None:
    """Return the longest `retry_after` of the errors, if any has one."""
    named = [each.retry_after for each, again in found if again and isinstance(each, CallError)]
    return max((seconds for seconds in named if seconds), default=None)


def _listed(document: Any) -> list[ListedDelivery]:
    return [ListedDelivery.from_document(each) for each in document["deliveries"]]


def _with_id(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a message, beginning with its messageId, which is created if needed."""
    return {"message_id": new_message_id(), **fields}


def _message_path(message_id: str, action: str, sender_id: str | None) -> str:
    query = f"?{urlencode({'senderId': sender_id})}" if sender_id else ""
    return f"/v1/messages/{quote(message_id, safe='')}{action}{query}"


@contextmanager
def _about(message_id: str | None) -> Iterator[None]:
    """Add this messageId to a CallError that is raised in the `with` block."""
    try:
        yield
    except CallError as error:
        error.message_id = message_id
        raise


def _read(response: Response, read: Callable[[Any], _Read]) -> _Read:
    try:
        return read(response.document)
    except (KeyError, TypeError, ValueError) as error:
        detail = "the response is not from Homing; check the URL of the API"
        raise ResponseError(Problem(response.status, detail=detail)) from error
