"""Taking messages in: the idempotency record, then the queue, then the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.aws import client
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import FieldError, InquiryError, IntakeError, InvalidMessageError
from homing.ledger.records import Records
from homing.payloads.store import PayloadStore
from homing.queues.deliveries import DeliveryQueue
from homing.reception.messages_table import MessagesTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from homing.delivery import Delivery
    from homing.endpoints.endpoint import Endpoint
    from homing.reception.idempotency import Guard
    from homing.reception.message import Message
    from homing.settings import AcceptSettings

_OVERDUE = FieldError("deliverAt", "lies in the past")
_REUSED = FieldError(
    "messageId",
    "has been used for a message with other targets, contentType or payload; "
    "give this one a messageId of its own",
)


@dataclass(frozen=True, slots=True)
class Reception:
    """A message that has been taken in.

    Args:
        guard: what stands for it; a repeat's is that of the message it repeats.
        is_repeat: whether it had been taken in before.
    """

    guard: Guard
    is_repeat: bool


class Intake:
    """Where messages are taken in.

    Args:
        messages: the guards.
        records: the ledger.
        queue: where deliveries go.
        endpoints: those that messages may name.
        payloads: where large payloads wait.
    """

    def __init__(
        self,
        messages: MessagesTable,
        records: Records,
        queue: DeliveryQueue,
        endpoints: EndpointsTable,
        payloads: PayloadStore,
    ) -> None:
        self._messages = messages
        self._records = records
        self._queue = queue
        self._endpoints = endpoints
        self._payloads = payloads

    @classmethod
    def connect(cls, settings: AcceptSettings) -> Self:
        """Connect to the tables and the queue that the settings name."""
        # Short, so that a sender hears 503 while it still listens.
        dynamodb = client("dynamodb", read_seconds=2, tries=3)
        sqs = client("sqs", read_seconds=2, tries=3)
        return cls(
            MessagesTable(settings.messages_table, dynamodb),
            Records(settings.ledger_table, dynamodb),
            DeliveryQueue(settings.delivery_queue_url, sqs),
            EndpointsTable(settings.endpoints_table, dynamodb),
            PayloadStore(settings.payload_bucket),
        )

    def find_endpoints(self, sender_id: str, ids: Sequence[str]) -> Mapping[str, Endpoint]:
        """Give those of a sender's endpoints that exist, by id.

        Raises:
            InquiryError: when they cannot be read.
        """
        try:
            return self._endpoints.find_many(sender_id, ids)
        except (BotoCoreError, ClientError) as error:
            raise InquiryError(f"{type(error).__name__}: {error}") from error

    def accept(self, message: Message, *, now: datetime) -> Reception:
        """Take a message in: when this returns, all its deliveries are on the queue or beyond.

        Raises:
            InvalidMessageError: when `deliverAt` has passed and it is no repeat; 409 when its
                `messageId` stands for other content.
            IntakeError: when a table or the queue fails; nothing is promised, and a repeat of the
                message takes up where this one broke off.
        """
        try:
            standing = self._claim(message, now)
            if standing is None:
                self._send(message, message.deliveries(), are_repeats=False)
                return Reception(message.guard, is_repeat=False)
            self._repeat(message, standing)
        except (BotoCoreError, ClientError) as error:
            raise IntakeError(f"{type(error).__name__}: {error}") from error
        return Reception(standing, is_repeat=True)

    def _claim(self, message: Message, now: datetime) -> Guard | None:
        if not message.guard.is_overdue:
            return self._messages.claim(message.guard, now)
        standing = self._messages.find(message.guard.key, now)
        if standing is None:
            raise InvalidMessageError([_OVERDUE])
        return standing

    def _repeat(self, message: Message, standing: Guard) -> None:
        """Put on the queue what a crash may have kept from it.

        A delivery that is on the queue or under way is put there again, as a repeat; whoever
        settles it finds its execution by name. Names are remembered for 90 days, the ledger for
        longer.
        """
        if standing.fingerprint != message.guard.fingerprint:
            raise InvalidMessageError([_REUSED], 409)
        recorded = {
            item["sk"]
            for item in self._records.of_message(standing.key)
            if item.get("createdAt") == standing.created_at  # else of a former life (0007)
        }
        deliveries = replace(message, guard=standing).deliveries()
        missing = [each for each in deliveries if each.reference.sk not in recorded]
        self._send(message, missing, are_repeats=True)

    def _send(self, message: Message, deliveries: Sequence[Delivery], *, are_repeats: bool) -> None:
        """Keep a large payload first, so that whoever takes a delivery off the queue finds it."""
        if deliveries and message.claim is not None:
            self._payloads.keep(message.claim, message.request.payload.encode())
        self._queue.send(deliveries, are_repeats=are_repeats)
