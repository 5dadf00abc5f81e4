"""Accepting messages: first the idempotency record, then the queue, then the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.aws import client
from homing.endpoints.endpoints_table import EndpointsTable
from homing.endpoints.subscriptions import Subscriptions
from homing.errors import AcceptanceError, DependencyError, FieldError, InvalidMessageError
from homing.ledger.table import Ledger
from homing.payloads.store import PayloadStore
from homing.queues.deliveries import DeliveryQueue
from homing.reception.messages_table import MessagesTable
from homing.reception.recipients import of_endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from homing.delivery import Delivery
    from homing.endpoints.endpoint import Endpoint
    from homing.endpoints.subscriptions import Event
    from homing.reception.idempotency import IdempotencyRecord
    from homing.reception.message import Message
    from homing.settings import AcceptSettings

_OVERDUE = FieldError("deliverAt", "is in the past")
_REUSED = FieldError(
    "messageId",
    "is in use for a message with different targets, contentType or payload; "
    "choose another messageId",
)


@dataclass(frozen=True, slots=True)
class Reception:
    """An accepted message.

    Args:
        idempotency: its record; for a duplicate, the record of the first acceptance.
        is_duplicate: whether it had been accepted before.
    """

    idempotency: IdempotencyRecord
    is_duplicate: bool


class Acceptance:
    """Accepts messages.

    Args:
        messages: the table of idempotency records.
        records: the ledger.
        queue: the queue of deliveries.
        endpoints: the table of endpoints that messages may name.
        payloads: the store of large payloads.
        subscriptions: which endpoints subscribe to events.
    """

    def __init__(
        self,
        messages: MessagesTable,
        records: Ledger,
        queue: DeliveryQueue,
        endpoints: EndpointsTable,
        payloads: PayloadStore,
        subscriptions: Subscriptions,
    ) -> None:
        self._messages = messages
        self._records = records
        self._queue = queue
        self._endpoints = endpoints
        self._payloads = payloads
        self._subscriptions = subscriptions

    @classmethod
    def connect(cls, settings: AcceptSettings, *, tries: int = 3) -> Self:
        """Connect to the tables and the queue that the settings name.

        Args:
            settings: the settings.
            tries: the maximum number of tries of each call.
        """
        # Short, so that the sender gets a 503 before its own timeout.
        dynamodb = client("dynamodb", read_seconds=2, tries=tries)
        sqs = client("sqs", read_seconds=2, tries=tries)
        endpoints = EndpointsTable(settings.endpoints_table, dynamodb)
        return cls(
            MessagesTable(settings.messages_table, dynamodb),
            Ledger(settings.ledger_table, dynamodb),
            DeliveryQueue(settings.delivery_queue_url, sqs),
            endpoints,
            PayloadStore(settings.payload_bucket),
            Subscriptions(endpoints),
        )

    def find_endpoints(self, sender_id: str, ids: Sequence[str]) -> Mapping[str, Endpoint]:
        """Return those of a sender's endpoints that exist, by id.

        Raises:
            DependencyError: when they cannot be read.
        """
        try:
            return self._endpoints.find_many(sender_id, ids)
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error

    def find_subscribers(self, event: Event) -> list[Endpoint]:
        """Return the endpoints that an event goes to, ordered by id.

        Raises:
            DependencyError: when the subscriptions cannot be read.
        """
        try:
            subscriptions = self._subscriptions.of_sender(event.sender_id)
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error
        return [each.endpoint for each in subscriptions if each.matches(event)]

    def accept(self, message: Message, *, now: datetime) -> Reception:
        """Accept a message. When this returns, all its deliveries are on the queue or beyond it.

        Raises:
            InvalidMessageError: 400 when `deliverAt` has passed, unless it is a duplicate; 409 when
                its `messageId` is in use for other content.
            AcceptanceError: when a table or the queue fails. A duplicate of the message continues
                where this one broke off.
        """
        try:
            standing = self._claim(message, now)
            if standing is None:
                self._send(message, message.deliveries())
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
        """Queue deliveries without a record, since a crash may have kept them from the queue.

        A delivery that is queued or under way already is queued twice then. `dispatch` settles the
        second message by the record that it finds.
        """
        if standing.fingerprint != message.idempotency.fingerprint:
            raise InvalidMessageError([_REUSED], 409)
        recorded = {
            item["sk"]
            for item in self._records.of_message(standing.key)
            if item.get("createdAt") == standing.created_at  # else of a previous acceptance (0007)
        }
        if all(each.sk in recorded for each in standing.references()):
            return
        deliveries = self._as_accepted(message, standing).deliveries()
        missing = [each for each in deliveries if each.reference.sk not in recorded]
        self._send(message, missing)

    def _as_accepted(self, message: Message, standing: IdempotencyRecord) -> Message:
        """Return a duplicate with the recipients on record, whoever subscribes to it now."""
        if message.readdress and not message.policies.keys() >= set(standing.endpoint_ids):
            found = self._endpoints.find_many(standing.sender_id, standing.endpoint_ids)
            to = of_endpoints(standing.targets, standing.endpoint_ids, found)
            message = message.readdress(to)
        return replace(message, idempotency=standing)

    def _send(self, message: Message, deliveries: Sequence[Delivery]) -> None:
        """Store a large payload first, so that it exists when a delivery is received."""
        if deliveries and message.claim is not None:
            self._payloads.keep(message.claim, message.request.payload.encode())
        self._queue.send(deliveries)
