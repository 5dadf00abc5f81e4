"""Conversion of messages of the ingest queue into the body of `POST /v1/messages` (docs/ingest.md).

A queue message is one of these:

- the body of `POST /v1/messages`
- an EventBridge event
- any JSON, if the queue message has the attribute `eventType`; the JSON becomes the payload
- an SNS notification that contains one of these three

The body is assembled from slices of the queue message. They are not parsed and serialized again, so
the payload is unchanged (`homing.reception.raw_json`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import MESSAGE_ID, SENDER_ID
from homing.operational_events.event import OWN_EVENT_TYPES, SOURCE
from homing.reception.raw_json import decode, read_value, single_value, source_at, split_members

if TYPE_CHECKING:
    from collections.abc import Mapping

# The message attributes that are read. If a message has `eventType`, all become fields of the
# request.
ATTRIBUTES = ("eventType", "messageId", "senderId", "correlationId")

# The path to the sender in an event, such as `$.detail.tenantId`.
SENDER_PATH = r"\$(?:\.[A-Za-z0-9_\-]+)+"

# The members of an EventBridge event, and the fields of a message that they become.
_EVENT = {"id": "messageId", "detail-type": "eventType", "time": "timestamp", "detail": "payload"}
_IS_EVENT = {"detail-type", "detail"}
_OWN_SOURCE = json.dumps(SOURCE)
_IS_NOTIFICATION = {"TopicArn", "MessageId", "Message"}


@dataclass(frozen=True, slots=True)
class Ingested:
    """A request from the ingest queue.

    Args:
        body: the request body, as `POST /v1/messages` takes it.
        only_sender: the only sender that the request may act for; None when it may name any.
        default_id: the `messageId` for a request without one. It is the same each time the queue
            redelivers the message.
    """

    body: str
    only_sender: str | None
    default_id: str


@dataclass(frozen=True, slots=True)
class _Content:
    """A queue message, or the message that an SNS notification wraps."""

    text: str
    attributes: Mapping[str, str]
    default_id: str
    timestamp: str | None = None  # as JSON


def read_ingested(
    body: str, attributes: Mapping[str, str], queue_message_id: str, sender: str
) -> Ingested:
    """Read a message of the ingest queue.

    Args:
        body: the message's body.
        attributes: those of its message attributes that are strings.
        queue_message_id: the id that SQS gave it, which stays the same when it is redelivered.
        sender: the sender of the queue's messages: a `senderId`, the path to it in the event
            (`SENDER_PATH`), or "" if each message may name any sender.

    Raises:
        InvalidMessageError: when the message is not of a kind that the queue takes, or when there
            is no sender at the path. Other fields of the request are not checked here.
    """
    named = default_id(attributes, queue_message_id)
    content = _unwrapped(_Content(decode(body), attributes, named))
    request = _request(content)
    return Ingested(request, _only_sender(sender, content.text), _checked_id(content.default_id))


def default_id(attributes: Mapping[str, str], queue_message_id: str) -> str:
    """Return the `messageId` for a queue message that contains none."""
    return attributes.get("messageId", f"sqs-{queue_message_id}")


def _unwrapped(content: _Content) -> _Content:
    """Return the message that an SNS notification wraps; any other content unchanged."""
    if "eventType" in content.attributes:
        return content
    members = split_members(content.text)
    if not members.keys() >= _IS_NOTIFICATION:
        return content
    attributes = _notification_attributes(members.get("MessageAttributes", "{}"))
    return _Content(
        _text("Message", members["Message"]),
        attributes,
        attributes.get("messageId", f"sns-{_text('MessageId', members['MessageId'])}"),
        members.get("Timestamp"),
    )


def _notification_attributes(source: str) -> dict[str, str]:
    found = read_value("MessageAttributes", source)
    if not isinstance(found, dict):
        raise _invalid("MessageAttributes", "must be an object")
    texts = {name: each["Value"] for name, each in found.items() if _is_attribute(each)}
    return {name: text for name, text in texts.items() if name in ATTRIBUTES}


def _is_attribute(attribute: object) -> bool:
    return isinstance(attribute, dict) and isinstance(attribute.get("Value"), str)


def _request(content: _Content) -> str:
    if "eventType" in content.attributes:
        given = {name: content.attributes.get(name) for name in ATTRIBUTES}
        fields = {name: json.dumps(text) for name, text in given.items() if text is not None}
        if content.timestamp is not None:
            fields["timestamp"] = content.timestamp
        return _joined({"payload": single_value(content.text), **fields})
    members = split_members(content.text)
    if not members.keys() >= _IS_EVENT:
        return content.text
    if members.get("source") == _OWN_SOURCE:
        of_ours = OWN_EVENT_TYPES + _text("detail-type", members["detail-type"])
        members = {**members, "detail-type": json.dumps(of_ours)}
    return _joined({_EVENT[name]: source for name, source in members.items() if name in _EVENT})


def _joined(fields: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {source}' for name, source in fields.items()) + "}"


def _only_sender(sender: str, text: str) -> str | None:
    if not re.fullmatch(SENDER_PATH, sender):
        return sender or None
    source = source_at(text, sender.removeprefix("$.").split("."))
    found = None if source is None else read_value("senderId", source)
    # Many systems number their tenants, so a whole number is allowed; its digits are the senderId.
    only_sender = source if type(found) is int else found
    if not isinstance(only_sender, str):
        raise _invalid("senderId", f"is expected at {sender}, but there is no text or number")
    try:
        return SENDER_ID.check(only_sender)
    except ValueError as error:
        raise _invalid("senderId", f"at {sender} {error}") from error


def _text(name: str, source: str) -> str:
    if not source.startswith('"'):
        raise _invalid(name, "must be a string")
    return str(json.loads(source))


def _checked_id(message_id: str) -> str:
    try:
        return MESSAGE_ID.check(message_id)
    except ValueError as error:
        raise _invalid("messageId", str(error)) from error


def _invalid(field: str, message: str) -> InvalidMessageError:
    return InvalidMessageError([FieldError(field, message)])
