"""Checks of a message request, including those that need several fields, the guard or the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.errors import FieldError, InvalidMessageError
from homing.http_fields import DEFAULT_CONTENT_TYPE
from homing.reception.payload import MAX_PAYLOAD_BYTES, sent_text
from homing.reception.policy_override import conflicts
from homing.reception.request_model import MessageRequest, read_fields
from homing.retry.lifetime import YEAR
from homing.targets.target import parse_target
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from homing.targets.address_guard import AddressGuard

_WAYS = ("targetUrl", "targets", "endpointId", "endpointIds")


def check_request(
    raw: Mapping[str, Any], now: datetime, guard: AddressGuard
) -> tuple[MessageRequest, str]:
    """Check each field of a request, and the rules that combine several fields.

    Args:
        raw: the members of the request, parsed, except that `payload` is its exact source text.
        now: when the request was received.
        guard: decides which targets may be reached.

    Returns:
        The request and the text of the payload to send.

    Raises:
        InvalidMessageError: when the request is invalid; contains all errors. Its status is 413
            when the payload is too large.
    """
    request, errors = read_fields(MessageRequest, raw)
    faulty = {error.field for error in errors}
    errors += _target_errors(raw)
    errors += _blocked(request, guard) if request else []
    if isinstance(raw.get("policy"), dict):
        errors += conflicts(raw["policy"])
    if "deliverAt" in raw.keys() - faulty:
        errors += _deliver_at_errors(raw["deliverAt"], now)
    if "payload" not in raw or "contentType" in faulty:
        raise InvalidMessageError(errors)
    text = _payload(raw, errors)
    if request is None or errors:
        raise InvalidMessageError(errors)
    return request, text


def names_recipients(request: MessageRequest) -> bool:
    """Return whether a request names its recipients. If not, it has an event type instead."""
    ways = (request.target_url, request.targets, request.endpoint_id, request.endpoint_ids)
    return any(ways)


def _target_errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    ways = [name for name in _WAYS if name in raw]
    if not ways and "eventType" not in raw:
        others = "targets, endpointId, endpointIds or eventType"
        yield FieldError("targetUrl", f"is required, unless {others} is given")
    for name in ways[1:]:
        yield FieldError(name, f"cannot be combined with {ways[0]}; give one of them")


def _blocked(request: MessageRequest, guard: AddressGuard) -> Iterator[FieldError]:
    urls = {f"targets[{number}]": url for number, url in enumerate(request.targets or ())}
    if request.target_url is not None:
        urls["targetUrl"] = request.target_url
    for field, url in urls.items():
        refusal = guard.check_url(parse_target(url))
        if refusal is not None:
            yield FieldError(field, refusal.sentence)


def _deliver_at_errors(text: str, now: datetime) -> Iterator[FieldError]:
    if from_text(text) > now + YEAR:
        yield FieldError("deliverAt", f"is more than {YEAR.days} days ahead")


def _payload(raw: Mapping[str, Any], errors: list[FieldError]) -> str:
    try:
        text = sent_text(raw["payload"], raw.get("contentType", DEFAULT_CONTENT_TYPE))
    except ValueError as error:
        raise InvalidMessageError([*errors, FieldError("payload", str(error))]) from error
    size = len(text.encode())
    if size > MAX_PAYLOAD_BYTES:
        message = f"is {size} bytes long; at most {MAX_PAYLOAD_BYTES} are allowed"
        raise InvalidMessageError([*errors, FieldError("payload", message)], 413)
    return text
