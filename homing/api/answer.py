"""The responses of the HTTP API as values: each has a status, a JSON document and headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from homing.api.routes import GET_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homing.delivery import Reference
    from homing.ledger.delivery_groups import Group
    from homing.reception.acceptance import Reception
    from homing.reception.idempotency import IdempotencyRecord
    from homing.recovery.interventions import Result


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response with a JSON body.

    Args:
        status: the HTTP status.
        document: the body.
        content_type: the media type of the body.
        headers: further headers.
    """

    status: int
    document: Mapping[str, Any]
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def accepted(reception: Reception) -> Answer:
    """Return the response to an accepted message: 202, or 200 if the message is a duplicate.

    The body is the same in both cases.
    """
    idempotency = reception.idempotency
    link = message_path(idempotency.message_id, idempotency.sender_id)
    document = {
        "messageId": idempotency.message_id,
        "senderId": idempotency.sender_id,
        "timestamp": idempotency.timestamp,
        "correlationId": idempotency.correlation_id,
        **event_type_of(idempotency),
        "deliveries": [_public(reference) for reference in idempotency.references()],
        "links": {"self": link},
    }
    return Answer(200 if reception.is_duplicate else 202, document, headers={"Location": link})


def redriven(
    message_id: str, sender_id: str, results: Sequence[tuple[Reference, Result]]
) -> Answer:
    """Return the response to a redrive, with the result of each delivery.

    The status is 202 if at least one delivery is redriven, else 200.
    """
    document = {
        "messageId": message_id,
        "senderId": sender_id,
        "deliveries": [
            {
                "deliveryId": reference.delivery_id,
                "targetUrl": reference.target_url,
                "result": result.value,
            }
            for reference, result in results
        ],
    }
    is_new = any(result == "REDRIVEN" for _, result in results)
    return Answer(202 if is_new else 200, document)


def redrive_preview(groups: Sequence[Group]) -> Answer:
    """Return the response to a dry run: how many deliveries would be redriven, by group."""
    document = {
        "dryRun": True,
        "matched": sum(group.count for group in groups),
        "groups": [group.to_document() for group in groups],
    }
    return Answer(200, document)


def event_type_of(idempotency: IdempotencyRecord) -> dict[str, str]:
    """Return `{"eventType": ...}` for a response, or `{}` if the message has no event type."""
    return {} if idempotency.event_type is None else {"eventType": idempotency.event_type}


def _public(reference: Reference) -> dict[str, str]:
    endpoint = {} if reference.endpoint_id is None else {"endpointId": reference.endpoint_id}
    return {"deliveryId": reference.delivery_id, "targetUrl": reference.target_url, **endpoint}


def message_path(message_id: str, sender_id: str) -> str:
    """Return the path at which the API returns the status of a message."""
    path = GET_MESSAGE.path.format(messageId=quote(message_id))
    return f"{path}?{urlencode({'senderId': sender_id})}"
