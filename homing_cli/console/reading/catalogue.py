"""Reads single deliveries of a deployed Homing by their ids."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference, message_key
from homing.identifiers import MESSAGE_ID, SENDER_ID
from homing.ledger.table import Ledger
from homing.reception.messages_table import MessagesTable
from homing.retry.classification import Status
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.reception.idempotency import IdempotencyRecord
    from homing_cli.client.target import Target

_ID_SHOWN = 32  # in characters: the part of a deliveryId that an error message shows


class Catalogue:
    """Reads single deliveries of a deployed Homing; safe to share between threads.

    Args:
        target: the deployed Homing.
        clock: returns the time.
    """

    def __init__(
        self,
        target: Target,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        client = target.client("dynamodb")
        self._records = Ledger(target.outputs["LedgerTable"], client)
        self._messages = MessagesTable(target.outputs["MessagesTable"], client)
        self._clock = clock

    def message(self, message_id: str, sender_id: str) -> list[dict[str, Any]]:
        """Return the ledger records of a message's deliveries.

        For a delivery that has no record yet, the list contains a stand-in record.

        Raises:
            NotFoundError: when no such message has been accepted, or its records have been deleted.
        """
        if not (MESSAGE_ID.allows(message_id) and SENDER_ID.allows(sender_id)):
            # DynamoDB would refuse such a key.
            raise NotFoundError("this cannot be the id of a message or sender")
        key, now = message_key(message_id, sender_id), self._clock()
        idempotency = self._messages.find(key, now)
        known = (
            {}
            if idempotency is None
            else {r.sk: _queued_record(r, idempotency) for r in idempotency.references()}
        )
        # DynamoDB may delete expired records days late.
        records = [r for r in self._records.of_message(key) if r["ttl"] >= int(now.timestamp())]
        found = list((known | {record["sk"]: record for record in records}).values())
        if not found and idempotency is not None:
            raise NotFoundError(f"message {message_id} is an event that matched no endpoint")
        if not found:
            raise NotFoundError(f"there is no message {message_id} of sender {sender_id}")
        return found

    def delivery(self, message_id: str, sender_id: str, delivery_id: str) -> dict[str, Any]:
        """Return the ledger record of one delivery.

        Raises:
            NotFoundError: when there is no such delivery.
        """
        for record in self.message(message_id, sender_id):
            if Reference.from_document(record).delivery_id == delivery_id:
                return record
        raise NotFoundError(f"message {message_id} has no delivery {delivery_id[:_ID_SHOWN]}")


def _queued_record(reference: Reference, idempotency: IdempotencyRecord) -> dict[str, Any]:
    """Return a stand-in for the ledger record of a delivery that waits for its first attempt."""
    scheduled = {} if idempotency.deliver_at is None else {"deliverAt": idempotency.deliver_at}
    return {
        **reference.to_document(),
        "status": Status.QUEUED.value,
        "attempts": 0,
        "retryHistory": [],
        "lastUpdatedAt": reference.created_at,
        "ttl": idempotency.expires_at,
        **scheduled,
    }
