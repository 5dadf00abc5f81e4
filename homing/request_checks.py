"""What must hold between the fields of a request, beyond each one by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.errors import FieldError, InvalidMessageError
from homing.http_fields import DEFAULT_CONTENT_TYPE
from homing.lifetime import YEAR
from homing.payload import MAX_PAYLOAD_BYTES, sent_text
from homing.policy_override import conflicts
from homing.request_model import read_fields
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


def check_request(raw: Mapping[str, Any], now: datetime) -> tuple[dict[str, Any], str]:
    """Check a request, each field and all together.

    Args:
        raw: the members of the request, read; `payload` as its exact source text.
        now: when it was received.

    Returns:
        The fields that were given, in snake case, and the text that goes out.

    Raises:
        InvalidMessageError: with everything that is wrong; 413 where the payload is too large.
    """
    given, errors = read_fields(raw)
    faulty = {error.field for error in errors}
    errors += _target_errors(raw)
    if isinstance(raw.get("policy"), dict):
        errors += conflicts(raw["policy"])
    if "deliverAt" in raw.keys() - faulty:
        errors += _deliver_at_errors(raw["deliverAt"], now)
    if "payload" not in raw or "contentType" in faulty:
        raise InvalidMessageError(errors)
    return given, _payload(raw, errors)


def _target_errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    if "targetUrl" in raw and "targets" in raw:
        yield FieldError("targets", "cannot stand beside targetUrl; give one of them")
    elif "targetUrl" not in raw and "targets" not in raw:
        yield FieldError("targetUrl", "is required, or targets instead")


def _deliver_at_errors(text: str, now: datetime) -> Iterator[FieldError]:
    if from_text(text) > now + YEAR:
        yield FieldError("deliverAt", f"lies more than {YEAR.days} days ahead")


def _payload(raw: Mapping[str, Any], errors: list[FieldError]) -> str:
    try:
        text = sent_text(raw["payload"], raw.get("contentType", DEFAULT_CONTENT_TYPE))
    except ValueError as error:
        raise InvalidMessageError([*errors, FieldError("payload", str(error))]) from error
    size = len(text.encode())
    if size > MAX_PAYLOAD_BYTES:
        message = f"is {size} bytes long; at most {MAX_PAYLOAD_BYTES} are allowed"
        raise InvalidMessageError([*errors, FieldError("payload", message)], 413)
    if errors:
        raise InvalidMessageError(errors)
    return text
