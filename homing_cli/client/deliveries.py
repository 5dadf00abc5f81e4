"""Deliveries as returned by the API, and a function that follows them until they have ended."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from homing import timestamps
from homing.delivery import Reference
from homing_cli.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from homing_cli.client.api import ApiClient
    from homing_cli.client.messages import MessageRef

ENDED = frozenset({"DELIVERED", "FAILED", "MAX_RETRIES_EXCEEDED", "CANCELLED"})
_PAUSES_SECONDS = (0.5, 5.0)
_CONCURRENCY = 8
_MOST_BUSY = 9  # how many rounds of polling in a row may get no answer from the API


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery, with the fields that are shown to people.

    Args:
        reference: the ids of the delivery.
        status: the status in the ledger.
        attempts: attempts made so far.
        next_retry_at: the time of the next retry, in ISO 8601; None if none is due.
        last_result: category and reason of the latest attempt, empty before the first.
        document: the delivery as the API returned it.
    """

    reference: Reference
    status: str
    attempts: int
    next_retry_at: str | None
    last_result: str
    document: Mapping[str, Any]

    @property
    def next_attempt_at(self) -> str | None:
        """The time of the next attempt, in ISO 8601: a retry or a scheduled first attempt."""
        scheduled: str | None = self.document.get("deliverAt")
        return self.next_retry_at or (scheduled if self.status == "QUEUED" else None)

    @property
    def ended(self) -> bool:
        """Whether the delivery has ended, so that its status is final."""
        return self.status in ENDED

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the view of an entry of `deliveries` in a response of GET /v1/messages/ID."""
        history = document.get("retryHistory") or []
        return cls(
            reference=Reference.from_document(document),
            status=document["status"],
            attempts=int(document.get("attempts", 0)),
            next_retry_at=document.get("nextRetryAt"),
            last_result=_result(history[-1]) if history else "",
            document=document,
        )


def views(document: Mapping[str, Any]) -> tuple[DeliveryView, ...]:
    """Return the deliveries in a response of GET /v1/messages/{messageId}."""
    return tuple(DeliveryView.from_document(delivery) for delivery in document["deliveries"])


def follow(
    api: ApiClient,
    messages: Sequence[MessageRef],
    timeout: float | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[dict[MessageRef, tuple[DeliveryView, ...]]]:
    """Poll messages until all their deliveries have ended; yield all deliveries after each round.

    A round polls each message once, except those whose next retry is not due yet.

    Args:
        api: the API.
        messages: the messages to follow.
        timeout: stop after this many seconds; None for no limit.
        clock: returns the current time.
        sleep: pauses between rounds, in seconds.

    Raises:
        ApiError: when the API refuses a request, or cannot answer in ten rounds in a row.
    """
    known: dict[MessageRef, tuple[DeliveryView, ...]] = {}
    start = clock()
    due = dict.fromkeys(messages, start)
    busy = 0
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        while due and (timeout is None or (clock() - start).total_seconds() < timeout):
            ready = [message for message, at in due.items() if at <= clock()]
            answers = [*pool.map(partial(_ask, api, is_last=busy == _MOST_BUSY), ready)]
            busy = busy + 1 if None in answers else 0
            for message, found in zip(ready, answers, strict=True):
                if found is None:
                    continue  # this message is polled again in the next round
                known[message] = found
                if all(view.ended for view in found):
                    del due[message]
                else:
                    due[message] = _next_look(found, clock())
            yield known
            if due:
                sleep(_pause((clock() - start).total_seconds()))


def _ask(api: ApiClient, message: MessageRef, *, is_last: bool) -> tuple[DeliveryView, ...] | None:
    """Return the deliveries of a message; None if the API cannot answer at the moment.

    After None, the message is polled again in the next round: when a thousand messages are
    followed, one failed poll is not worth reporting. With `is_last`, the error is raised instead.
    """
    try:
        return views(api.message(message.message_id, message.sender_id))
    except BusyError:
        if is_last:
            raise
        return None


def _next_look(found: Sequence[DeliveryView], now: datetime) -> datetime:
    """Return the time of the next poll of a message, given its deliveries.

    If all deliveries that have not ended wait for retries, it is the time of the earliest retry;
    otherwise it is `now`.
    """
    times = [view.next_retry_at for view in found if not view.ended]
    return min((timestamps.from_text(at) if at else now for at in times), default=now)


def _pause(elapsed: float) -> float:
    """Return the pause before the next poll, which grows with the elapsed time."""
    shortest, longest = _PAUSES_SECONDS
    return min(max(shortest, elapsed / 20), longest)


def _result(entry: Mapping[str, Any]) -> str:
    message = (entry.get("errorDetails") or {}).get("message", "")
    return f"{entry.get('errorCategory', '')}: {message}".strip(": ")
