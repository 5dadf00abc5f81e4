"""Taking messages in: the idempotency record, then the queue, then the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.aws import client
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import AcceptanceError, DependencyError, FieldError, InvalidMessageError
from homing.ledger.table import Ledger
from homing.payloads.store import PayloadStore
from homing.queues.deliveries import DeliveryQueue
from homing.reception.messages_table import MessagesTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from homing.delivery import Delivery
    from homing.endpoints.endpoint import Endpoint
    from homing.reception.idempotency import IdempotencyRecord
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
        idempotency: what stands for it; a duplicate's is that of the message it repeats.
        is_duplicate: whether it had been taken in before.
    """

    idempotency: IdempotencyRecord
    is_duplicate: bool


class Acceptance:
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
        records: Ledger,
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
            Ledger(settings.ledger_table, dynamodb),
            DeliveryQueue(settings.delivery_queue_url, sqs),
            EndpointsTable(settings.endpoints_table, dynamodb),
            PayloadStore(settings.payload_bucket),
        )

    def find_endpoints(self, sender_id: str, ids: Sequence[str]) -> Mapping[str, Endpoint]:
        """Give those of a sender's endpoints that exist, by id.

        Raises:
            DependencyError: when they cannot be read.
        """
        try:
            return self._endpoints.find_many(sender_id, ids)
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error

    def accept(self, message: Message, *, now: datetime) -> Reception:
        """Take a message in: when this returns, all its deliveries are on the queue or beyond.

        Raises:
            InvalidMessageError: when `deliverAt` has passed and it is no duplicate; 409 when its
                `messageId` stands for other content.
            AcceptanceError: when a table or the queue fails; nothing is promised, and a duplicate
                of the message takes up where this one broke off.
        """
        try:
            standing = self._claim(message, now)
            if standing is None:
                self._send(message, message.deliveries(), are_duplicates=False)
                return Reception(message.idempotency, is_duplicate=False)
            self._answer_duplicate(message, standing)
        except (BotoCoreError, ClientError) as error:
            raise AcceptanceError(f"{type(error).__name__}: {error}") from error
        return Reception(standing, is_duplicate=True)

    def _claim(self, message: Message, now: datetime) -> IdempotencyRecord | None:
        if not message.idempotency.is_overdue:
            return self._messages.claim(message.idempotency, now)
        standing = self._messages.find(message.idempotency.key, now)
        if standing is None:
            raise InvalidMessageError([_OVERDUE])
        return standing

    def _answer_duplicate(self, message: Message, standing: IdempotencyRecord) -> None:
        """Put on the queue what a crash may have kept from it.

        A delivery that is on the queue or under way is put there again, as a duplicate; whoever
        settles it finds its execution by name. Names are remembered for 90 days, the ledger for
        longer.
        """
        if standing.fingerprint != message.idempotency.fingerprint:
            raise InvalidMessageError([_REUSED], 409)
        recorded = {
            item["sk"]
            for item in self._records.of_message(standing.key)
            if item.get("createdAt") == standing.created_at  # else of a previous acceptance (0007)
        }
        deliveries = replace(message, idempotency=standing).deliveries()
        missing = [each for each in deliveries if each.reference.sk not in recorded]
        self._send(message, missing, are_duplicates=True)

    def _send(
        self, message: Message, deliveries: Sequence[Delivery], *, are_duplicates: bool
    ) -> None:
        """Keep a large payload first, so that whoever takes a delivery off the queue finds it."""
        if deliveries and message.claim is not None:
            self._payloads.keep(message.claim, message.request.payload.encode())
        self._queue.send(deliveries, are_duplicates=are_duplicates)
