"""The fields of a message, and the request body built from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, Required, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class MessageFields(TypedDict, total=False):
    """The fields of a message (docs/api.md). `target_url` is the API's `targetUrl`, and so on.

    `payload` is any value that `json` can write, or a `RawJson`. Times are `datetime`s with a time
    zone, or text in ISO 8601.
    """

    payload: Required[Any]
    target_url: str
    targets: Sequence[str]
    endpoint_id: str
    endpoint_ids: Sequence[str]
    event_type: str
    message_id: str
    sender_id: str
    correlation_id: str
    content_type: str
    ordering_key: str
    timestamp: datetime | str
    deliver_at: datetime | str
    headers: Mapping[str, str]
    policy: Mapping[str, Any]


def camel_case(name: str) -> str:
    """Return the API's name of a field: `eventType` for `event_type`."""
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


_NAMES = {name: camel_case(name) for name in MessageFields.__annotations__}


@dataclass(frozen=True, slots=True)
class RawJson:
    """A payload that is JSON text already; it is sent exactly as it is written.

    Raises:
        ValueError: when it is not JSON.
    """

    text: str

    def __post_init__(self) -> None:
        """Check that the text is valid JSON.

        It is copied into the request body unchanged, so a text such as `1, "targetUrl": "..."`
        could set other fields of the message.
        """
        try:
            # Numbers stay text: Python refuses to read very long ones.
            json.loads(self.text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
        except RecursionError as error:
            raise ValueError("the payload is nested too deeply") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")


def message_body(fields: Mapping[str, Any]) -> bytes:
    """Return the request body for a message.

    Raises:
        TypeError: when a field is unknown, there is no payload, or a value has a type that JSON
            does not have.
        ValueError: when a time has no time zone, or a number is infinite or NaN.
    """
    if unknown := fields.keys() - _NAMES.keys():
        known = ", ".join(_NAMES)
        raise TypeError(f"a message has no field {', '.join(sorted(unknown))}; it has {known}")
    if "payload" not in fields:
        raise TypeError("a message needs a payload")
    others = {_NAMES[name]: _plain(name, fields[name]) for name in fields if name != "payload"}
    members = [f"{json.dumps(name)}: {_text(name, value)}" for name, value in others.items()]
    members.append(f'"payload": {_payload(fields["payload"])}')
    return f"{{{', '.join(members)}}}".encode()


def with_message_id(body: bytes, new_id: str) -> tuple[bytes, str | None]:
    """Insert `new_id` into a request body that has no messageId; return the body and its messageId.

    All other bytes are unchanged. The returned id is None if the API will refuse the body, because
    it is not a JSON object or its messageId is not a string.
    """
    try:
        text = body.decode()
        document = json.loads(text, parse_int=str)
    except (ValueError, RecursionError):
        return body, None
    if not isinstance(document, dict):
        return body, None
    if "messageId" in document:
        given = document["messageId"]
        return body, given if isinstance(given, str) else None
    before, brace, after = text.partition("{")
    comma = ", " if document else ""
    return f'{before}{brace}"messageId": "{new_id}"{comma}{after}'.encode(), new_id


def _payload(payload: Any) -> str:
    if isinstance(payload, RawJson):
        return payload.text
    return _text("payload", payload, separators=(",", ":"))


def _plain(name: str, value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError(f"{name} needs a time zone, such as datetime.now(UTC) has")
    return value.isoformat()


def _text(name: str, value: Any, separators: tuple[str, str] = (", ", ": ")) -> str:
    if not isinstance(value, (str, list, dict)) and hasattr(value, "__iter__"):
        value = dict(value) if hasattr(value, "keys") else list(value)
    try:
        return json.dumps(value, allow_nan=False, separators=separators)
    except (TypeError, ValueError, RecursionError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} cannot be written as JSON: {error}") from error
