"""Messages packed into the requests of `POST /v1/messages/batch`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing.client.answers import Accepted
from homing.client.errors import response_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from homing.client.errors import CallError

MAX_MESSAGES = 100
# API Gateway passes a request to the function in an event of at most 6 MiB, in which the body is a
# JSON string.
MAX_BYTES = 5_500_000
_ACCEPTED, _FIRST_ERROR = 202, 400


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send.

    Args:
        body: the body of the request that would send this message alone.
        message_id: the messageId; None if the body is not a message and therefore has none.
    """

    body: bytes
    message_id: str | None

    @property
    def size(self) -> int:
        """The number of bytes that the message takes up in the Lambda event of a request."""
        return len(json.dumps(self.body.decode(), ensure_ascii=False).encode())


def packed(messages: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Yield the messages in order, in groups that each fit into one request.

    A body that is not a message gets its own group, since it would make a larger request invalid.
    """
    group: list[Outgoing] = []
    size = 0
    for message in messages:
        own = MAX_BYTES if message.message_id is None else message.size
        if group and (len(group) == MAX_MESSAGES or size + own > MAX_BYTES):
            yield group
            group, size = [], 0
        group.append(message)
        size += own
    if group:
        yield group


def batch_body(messages: Iterable[Outgoing]) -> bytes:
    """Return the request body of a batch; each message is copied unchanged."""
    return b'{"messages": [%s]}' % b", ".join(each.body for each in messages)


def read_results(document: Any, messages: Sequence[Outgoing]) -> list[Accepted | CallError]:
    """Return the result of each message from the response to a batch.

    Raises:
        KeyError, TypeError, ValueError: when the document is not such a response.
    """
    pairs = zip(document["results"], messages, strict=True)
    return [_result(result, message.message_id) for result, message in pairs]


def _result(result: Any, message_id: str | None) -> Accepted | CallError:
    status = result["status"]
    if status < _FIRST_ERROR:
        return Accepted.from_document(result["message"], duplicate=status != _ACCEPTED)
    problem = result["problem"]
    after = problem.get("retryAfterSeconds")
    return response_error(status, problem, retry_after=after).about(message_id)
