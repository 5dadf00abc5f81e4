"""Handing messages over: one, or a file of one message per line."""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workbench.api_client import ApiClient

CONCURRENCY = 8
_ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a file: its line number, counted from 1, and its exact bytes."""

    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class MessageRef:
    """What identifies a message to the API."""

    message_id: str
    sender_id: str


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of handing one line over.

    Args:
        line: what was sent.
        message: the accepted message; None where it was refused.
        duplicate: whether it had been accepted before.
        problems: why it was refused, naming the fields.
    """

    line: Line
    message: MessageRef | None = None
    duplicate: bool = False
    problems: tuple[str, ...] = ()


def read_lines(raw: Iterable[bytes]) -> Iterator[Line]:
    """Split a JSON Lines file into messages; blank lines and a byte order mark are skipped."""
    for number, text in enumerate(raw, start=1):
        body = text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text
        if body.strip():
            yield Line(number, body.strip())


def hand_over(api: ApiClient, line: Line) -> Handed:
    """Hand one message over. Never raises for what the API does: a refusal is a value."""
    try:
        answer = api.submit(line.body, again=_names_itself(line.body))
    except ApiError as error:
        return Handed(line, problems=(str(error),))
    if not answer.ok:
        return Handed(line, problems=answer.problems)
    message = MessageRef(answer.document["messageId"], answer.document["senderId"])
    return Handed(line, message, duplicate=answer.status != _ACCEPTED)


def hand_over_all(
    api: ApiClient, lines: Iterable[Line], concurrency: int = CONCURRENCY
) -> Iterator[Handed]:
    """Hand messages over, a few at once, and yield what became of each, in their order.

    The lines are read only as fast as they are sent, so a file may be larger than memory.
    """
    with ThreadPoolExecutor(concurrency) as pool:
        pending: deque[Future[Handed]] = deque()
        for line in lines:
            pending.append(pool.submit(hand_over, api, line))
            while pending and (len(pending) >= 2 * concurrency or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def compose(target_url: str, payload: str, options: dict[str, object]) -> bytes:
    """Write a request body around a payload, the payload's text as it is.

    Args:
        target_url: where it shall go.
        payload: JSON text, or the plain text itself where `contentType` is not JSON.
        options: further fields of the request body; those that are None are left out.

    Raises:
        ValueError: when the payload should be JSON and is not.
    """
    fields = {"targetUrl": target_url} | {k: v for k, v in options.items() if v is not None}
    if not _is_json(str(fields.get("contentType", "application/json"))):
        return json.dumps(fields | {"payload": payload}).encode()
    json.loads(payload)
    return (json.dumps(fields)[:-1] + ', "payload": ' + payload + "}").encode()


def _is_json(content_type: str) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")


def _names_itself(body: bytes) -> bool:
    try:
        return bool(json.loads(body).get("messageId"))
    except (ValueError, AttributeError):
        return False
