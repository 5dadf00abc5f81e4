"""Sends messages to the API: one message, or a file with one message per line."""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.client import CallError, RawJson, ResponseError
from homing.errors import InvalidMessageError
from homing.reception.raw_json import MAX_DEPTH, is_too_deep
from homing.reception.request_model import MessageRequest, read_fields
from homing_cli.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from homing.client import Accepted
    from homing_cli.client.api import ApiClient

CONCURRENCY = 8
TOGETHER = 100  # the most messages that a request can contain
_GROUP_BYTES = 5_000_000  # the most in a request, so that a file may be larger than memory


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a file: its line number, counted from 1, and its exact bytes."""

    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class MessageRef:
    """The identity of a message: its messageId and senderId."""

    message_id: str
    sender_id: str


@dataclass(frozen=True, slots=True)
class Handed:
    """The result of sending one message.

    Args:
        line: the message that was sent.
        message: the accepted message; None if it was refused.
        duplicate: whether the message had been accepted before.
        problems: the reasons why it was refused, field by field.
    """

    line: Line
    message: MessageRef | None = None
    duplicate: bool = False
    problems: tuple[str, ...] = ()


def read_lines(raw: Iterable[bytes]) -> Iterator[Line]:
    """Yield the messages of a JSON Lines file; blank lines and a byte order mark are skipped."""
    for number, text in enumerate(raw, start=1):
        body = text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text
        if body.strip():
            yield Line(number, body.strip())


def hand_over(api: ApiClient, line: Line) -> Handed:
    """Send one message; return the result, even if the line is invalid or the call fails."""
    try:
        return _not_utf8(line) or _handed(line, api.submit(line.body))
    except (CallError, ApiError) as error:
        return _handed(line, error)


def hand_over_all(api: ApiClient, lines: Sequence[Line]) -> list[Handed]:
    """Send several messages in one or a few requests; return the results (see `hand_over`)."""
    if len(lines) == 1:
        return [hand_over(api, lines[0])]
    refused = {line.number: handed for line in lines if (handed := _not_utf8(line))}
    sent = [line.body for line in lines if line.number not in refused]
    results = iter(api.submit_all(sent))
    return [refused.get(line.number) or _handed(line, next(results)) for line in lines]


def _not_utf8(line: Line) -> Handed | None:
    try:
        line.body.decode()
    except UnicodeDecodeError as error:
        return Handed(line, problems=(f"is not UTF-8 (byte {error.start + 1} of the line)",))
    return None


def _handed(line: Line, result: Accepted | CallError | ApiError) -> Handed:
    match result:
        case ResponseError(is_transient=False):
            return Handed(line, problems=result.problem.sentences)
        case CallError() | ApiError():
            # The error of a message that may have been accepted contains its messageId.
            return Handed(line, problems=(str(result),))
    message = MessageRef(result.message_id, result.sender_id)
    return Handed(line, message, duplicate=result.duplicate)


class HandingOver:
    """Sends messages, a few concurrently, and yields the results in the order of the lines.

    It reads lines only as fast as it sends them, so a file may be larger than memory.

    Args:
        api: the API.
        lines: the messages.
        concurrency: how many requests are made concurrently.
        together: how many messages are sent in one request.
    """

    def __init__(
        self,
        api: ApiClient,
        lines: Iterable[Line],
        concurrency: int = CONCURRENCY,
        together: int = 1,
    ) -> None:
        self._api = api
        self._lines = lines
        self._concurrency = concurrency
        self._together = together
        self._pending: deque[Future[list[Handed]]] = deque()

    def __iter__(self) -> Generator[Handed]:
        """Yield the result of each message. An interruption stops further sending."""
        with ThreadPoolExecutor(self._concurrency) as pool:
            try:
                for lines in _groups(self._lines, self._together):
                    self._pending.append(pool.submit(hand_over_all, self._api, lines))
                    while len(self._pending) >= 2 * self._concurrency or self._first_is_done:
                        yield from self._first()
                while self._pending:
                    yield from self._first()
            finally:
                # Cancel from the last request to the first: the threads take requests in order, so
                # the lines that are not sent are the last ones, with no gap.
                for future in reversed(self._pending):
                    future.cancel()

    def begun(self) -> Iterator[Handed]:
        """Yield, after an interruption, the results of the messages that were being sent.

        The iteration may already have yielded some of these results.
        """
        for future in self._pending:
            if not future.cancelled():
                yield from future.result()

    @property
    def _first_is_done(self) -> bool:
        return bool(self._pending) and self._pending[0].done()

    def _first(self) -> Iterator[Handed]:
        yield from self._pending[0].result()
        # Only after the yield: if that is interrupted, `begun` yields these results again.
        self._pending.popleft()


def _groups(lines: Iterable[Line], most: int) -> Iterator[list[Line]]:
    """Yield the lines in groups, each as soon as it has `most` lines or the maximum size."""
    group: list[Line] = []
    size = 0
    for line in lines:
        group.append(line)
        size += len(line.body)
        if len(group) == most or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def compose(target_url: str | None, payload: str, options: dict[str, object]) -> bytes:
    """Return a request body that contains the text of a payload unchanged.

    Args:
        target_url: the URL to deliver to; None if the options name an endpoint.
        payload: JSON, or the plain text itself if `contentType` is not JSON.
        options: the other fields of the request body; a field that is None is left out.

    Raises:
        InvalidMessageError: when the API would refuse one of the fields.
        ValueError: when the payload should be JSON and is not, or is nested too deeply.
    """
    given = {"targetUrl": target_url} | options
    fields = {name: value for name, value in given.items() if value is not None}
    _, errors = read_fields(MessageRequest, fields | {"payload": None})
    if errors:
        raise InvalidMessageError(errors)
    if not _is_json(str(fields.get("contentType", "application/json"))):
        return json.dumps(fields | {"payload": payload}).encode()
    if is_too_deep(payload):
        raise ValueError(f"the payload is nested more than {MAX_DEPTH} levels deep")
    return (json.dumps(fields)[:-1] + f', "payload": {RawJson(payload).text}}}').encode()


def _is_json(content_type: str) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")
