"""The status of a message.

The idempotency record of the message names its deliveries; the ledger has the status of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.api.answer import event_type_of
from homing.aws import client
from homing.delivery import Reference, message_key
from homing.errors import DependencyError
from homing.identifiers import MESSAGE_ID, SENDER_ID
from homing.ledger.table import Ledger
from homing.ordering.line import line_id_of
from homing.ordering.lines_table import Lines
from homing.ordering.places_table import Places
from homing.reception.messages_table import MessagesTable
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from homing.reception.idempotency import IdempotencyRecord
    from homing.settings import GetMessageSettings

_INTERNAL = frozenset(
    {
        *("pk", "sk", "attention", "senderAttention", "attentionAt", "cause"),
        *("claimedAttempt", "deadLetter", "redrivenFrom", "line"),
    }
)


class MessageQuery:
    """Finds the status of messages.

    Args:
        messages: the table of idempotency records.
        records: the ledger.
        lines: the table of lines of ordered deliveries.
        places: the table of the places that deliveries have in lines.
    """

    def __init__(
        self, messages: MessagesTable, records: Ledger, lines: Lines, places: Places
    ) -> None:
        self._messages = messages
        self._records = records
        self._lines = lines
        self._places = places

    @classmethod
    def connect(cls, settings: GetMessageSettings) -> Self:
        """Connect to the tables that the settings name."""
        dynamodb = client("dynamodb", read_seconds=2, tries=3)
        return cls(
            MessagesTable(settings.messages_table, dynamodb),
            Ledger(settings.ledger_table, dynamodb),
            Lines(settings.lines_table, dynamodb),
            Places(settings.places_table, dynamodb),
        )

    def find(self, message_id: str, sender_id: str, *, now: datetime) -> dict[str, Any] | None:
        """Return `{"messageId", "senderId", "deliveries": [...]}`, or None for an unknown message.

        If the message has an event type, the result also contains `eventType`.

        Raises:
            DependencyError: when a table cannot be read.
        """
        if not (MESSAGE_ID.allows(message_id) and SENDER_ID.allows(sender_id)):
            return None
        key = message_key(message_id, sender_id)
        try:
            idempotency = self._messages.find(key, now)
            records = _current(self._records.of_message(key), now)
            deliveries = [self._placed(each) for each in _deliveries(idempotency, records)]
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error
        if idempotency is None and not deliveries:
            return None
        return {
            "messageId": message_id,
            "senderId": sender_id,
            **({} if idempotency is None else event_type_of(idempotency)),
            "deliveries": deliveries,
        }

    def _placed(self, delivery: dict[str, Any]) -> dict[str, Any]:
        """Return a delivery, with its place in its line added if it waits in one."""
        reference = Reference.from_document(delivery)
        if reference.ordering_key is None or reference.sequence is not None:
            return delivery
        line_id = line_id_of(reference)
        sequence = self._places.find(line_id, reference.delivery_id)
        if sequence is None:
            return delivery
        line = self._lines.read(line_id)
        if line is None or line.head >= sequence:
            return {**delivery, "sequence": sequence}
        behind = {"messageId": line.message_id, "sequence": line.head}
        return {**delivery, "sequence": sequence, "waitsBehind": behind}


def _current(records: Iterable[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return the records that have not expired; DynamoDB may delete expired items days late."""
    return [record for record in records if record["ttl"] >= int(now.timestamp())]


def _deliveries(
    idempotency: IdempotencyRecord | None, records: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    accepted = {} if idempotency is None else {each.sk: each for each in idempotency.references()}
    queued = {sk: _queued(each, idempotency) for sk, each in accepted.items() if idempotency}
    recorded = {
        record["sk"]: _recorded(record, idempotency)
        for record in records
        if not _has_been_replaced(record, accepted.get(record["sk"]))
    }
    return list((queued | recorded).values())


def _has_been_replaced(record: Mapping[str, Any], accepted: Reference | None) -> bool:
    """Return whether the message has been accepted again since a ledger record was created.

    That can happen once its idempotency record has expired (docs/decisions/0022).
    """
    return accepted is not None and record["createdAt"] != accepted.created_at


def _queued(reference: Reference, idempotency: IdempotencyRecord) -> dict[str, Any]:
    return {
        **_public(reference.to_document()),
        "status": Status.QUEUED.value,
        "attempts": 0,
        "retryHistory": [],
        "lastUpdatedAt": reference.created_at,
        **_scheduled(idempotency),
    }


def _recorded(record: Mapping[str, Any], idempotency: IdempotencyRecord | None) -> dict[str, Any]:
    """Return a ledger record as the API shows it."""
    is_untried = record["status"] == Status.QUEUED and not record["retryHistory"]
    scheduled = _scheduled(idempotency) if is_untried and idempotency else {}
    reference = Reference.from_document(record)
    place = {"orderingKey": reference.ordering_key, "sequence": reference.sequence}
    return {
        **_public({**record, **place}),
        "deliveryId": reference.delivery_id,
        **scheduled,
    }


def _scheduled(idempotency: IdempotencyRecord) -> dict[str, str]:
    return {} if idempotency.deliver_at is None else {"deliverAt": idempotency.deliver_at}


def _public(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a delivery that callers may see, without those that are null."""
    return {
        name: value
        for name, value in attributes.items()
        if name not in _INTERNAL and value is not None
    }
