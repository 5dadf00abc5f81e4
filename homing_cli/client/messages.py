"""Handing messages over: one, or a file of one message per line."""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.client import RawJson, ResponseError
from homing.errors import InvalidMessageError
from homing.reception.raw_json import MAX_DEPTH, is_too_deep
from homing.reception.request_model import MessageRequest, read_fields
from homing_cli.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from homing_cli.client.api import ApiClient

CONCURRENCY = 8


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
    """The status of handing one line over.

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
    """Hand one message over. Never raises for what the line or the API is: a refusal is a value."""
    try:
        line.body.decode()
        accepted = api.submit(line.body)
    except UnicodeDecodeError as error:
        return Handed(line, problems=(f"is not UTF-8 (byte {error.start + 1} of the line)",))
    except ResponseError as error:
        # Of a message that may have been accepted, the messageId to send it again with is told too.
        told = (str(error),) if error.is_transient else error.problem.sentences
        return Handed(line, problems=told)
    except ApiError as error:
        return Handed(line, problems=(str(error),))
    message = MessageRef(accepted.message_id, accepted.sender_id)
    return Handed(line, message, duplicate=accepted.duplicate)


class HandingOver:
    """Hands messages over, a few at once, and yields the status of each, in their order.

    The lines are read only as fast as they are sent, so a file may be larger than memory.

    Args:
        api: where to.
        lines: the messages.
        concurrency: how many are in hand at once.
    """

    def __init__(
        self, api: ApiClient, lines: Iterable[Line], concurrency: int = CONCURRENCY
    ) -> None:
        self._api = api
        self._lines = lines
        self._concurrency = concurrency
        self._pending: deque[Future[Handed]] = deque()

    def __iter__(self) -> Generator[Handed]:
        """Hand them over. However this is broken off, no further message is begun."""
        with ThreadPoolExecutor(self._concurrency) as pool:
            try:
                for line in self._lines:
                    self._pending.append(pool.submit(hand_over, self._api, line))
                    while len(self._pending) >= 2 * self._concurrency or self._first_is_done:
                        yield from self._first()
                while self._pending:
                    yield from self._first()
            finally:
                for future in self._pending:
                    future.cancel()

    def begun(self) -> Iterator[Handed]:
        """After it was broken off: yield the status of the messages that had been begun.

        The one that was yielded last may be redelivered.
        """
        for future in self._pending:
            if not future.cancelled():
                yield future.result()

    @property
    def _first_is_done(self) -> bool:
        return bool(self._pending) and self._pending[0].done()

    def _first(self) -> Iterator[Handed]:
        yield self._pending[0].result()
        self._pending.popleft()  # only now: it may have been broken off


def compose(target_url: str | None, payload: str, options: dict[str, object]) -> bytes:
    """Write a request body around a payload, the payload's text as it is.

    Args:
        target_url: where it shall go; None where the options name an endpoint.
        payload: JSON text, or the plain text itself where `contentType` is not JSON.
        options: further fields of the request body; those that are None are left out.

    Raises:
        InvalidMessageError: when the API would refuse one of the fields.
        ValueError: when the payload should be JSON and is not.
    """
    given = {"targetUrl": target_url} | options
    fields = {name: value for name, value in given.items() if value is not None}
    _, errors = read_fields(MessageRequest, fields | {"payload": None})
    if errors:
        raise InvalidMessageError(errors)
    if not _is_json(str(fields.get("contentType", "application/json"))):
        return json.dumps(fields | {"payload": payload}).encode()
    if is_too_deep(payload):
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    return (json.dumps(fields)[:-1] + f', "payload": {RawJson(payload).text}}}').encode()


def _is_json(content_type: str) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")
