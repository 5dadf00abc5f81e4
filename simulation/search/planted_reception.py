"""Planted bugs in the acceptance of messages, in batches and from the ingest queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from homing.queues.unaccepted import UnacceptedQueue
from homing.reception import acceptance
from homing.reception.acceptance import Acceptance
from homing.reception.messages_table import MessagesTable
from lambdas import ingest
from simulation.search.exhaustive import BATCH, BURST, INGESTED
from simulation.search.planting import PlantedBug, replaced

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from homing.reception.acceptance import Reception, Result
    from homing.reception.idempotency import IdempotencyRecord
    from homing.reception.message import Message


def _accept_what_the_queue_refuses() -> AbstractContextManager[None]:
    """Answer 202 for a message whose deliveries the delivery queue has refused."""

    def result(self: acceptance._Claimed, *_: Any) -> Reception:
        return self.reception

    return replaced(acceptance._Claimed, "result", result)  # noqa: SLF001  # the bug is planted there


def _spoil_the_batch() -> AbstractContextManager[None]:
    """Answer each message of a batch with the result of the message before it."""
    original = Acceptance.accept_all

    def accept_all(self: Acceptance, messages: Sequence[Message], **given: Any) -> list[Result]:
        results = original(self, messages, **given)
        return [*results[-1:], *results[:-1]]

    return replaced(Acceptance, "accept_all", accept_all)


def _report_nothing_failed() -> AbstractContextManager[None]:
    """Report no message of a batch as failed, so that all are deleted from the ingest queue."""
    original = ingest.handler

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        original(event, context)
        return {"batchItemFailures": []}

    return replaced(ingest, "handler", handler)


def _set_nothing_aside() -> AbstractContextManager[None]:
    """Drop an invalid message instead of sending it to the queue of unaccepted messages."""
    return replaced(UnacceptedQueue, "send", lambda *_, **__: None)


def _route_by_burst() -> AbstractContextManager[None]:
    """Choose a duplicate's queue by the sender's current burst, not by the idempotency record."""
    original = MessagesTable.claim

    def claim(
        self: MessagesTable, idempotency: IdempotencyRecord, now: datetime
    ) -> IdempotencyRecord | None:
        standing = original(self, idempotency, now)
        return standing and replace(standing, is_bulk=idempotency.is_bulk)

    return replaced(MessagesTable, "claim", claim)


RECEPTION_BUGS: tuple[PlantedBug, ...] = (
    PlantedBug(
        "a batch that accepts what the queue refused", BATCH, _accept_what_the_queue_refuses
    ),
    PlantedBug("a batch with the results of others", BATCH, _spoil_the_batch),
    PlantedBug("an ingest that reports nothing failed", INGESTED, _report_nothing_failed),
    PlantedBug("an ingest that sets nothing aside", INGESTED, _set_nothing_aside),
    PlantedBug("a duplicate on the other queue", BURST, _route_by_burst),
)
