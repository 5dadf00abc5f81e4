"""Problem documents (RFC 9457): `type` is for programs, `title` and `detail` are for people."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

from homing.api.answer import Answer
from homing.api.routes import ROUTES
from homing.ordering.line import MOST_WAITING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing.errors import FieldError, InvalidMessageError

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

# The names of wrong fields come from the request, so their length and number are limited here.
MAX_ERRORS = 50
MAX_TEXT_LENGTH = 300

_NOT_FOUND, _CONFLICT, _TOO_MANY, _UNAVAILABLE = 404, 409, 429, 503
_KINDS = {
    400: ("invalid-message", "The message cannot be accepted"),
    403: ("forbidden", "The senderId is not allowed here"),
    404: ("message-not-found", "Message not found"),
    409: ("message-id-reused", "The messageId is in use for a different message"),
    413: ("payload-too-large", "The payload is too large"),
    _TOO_MANY: ("rate-exceeded", "The sender's rate is exceeded"),
    _UNAVAILABLE: ("unavailable", "Homing cannot do this right now"),
}
_NOT_HERE = ("not-here", "Not available at this URL")
_LINE_FULL = ("line-full", "Too many messages with this orderingKey are waiting")
_NO_ROUTE = ("route-not-found", "Route not found")
_NO_REDRIVE = ("redrive-not-found", "Bulk redrive not found")
_ENDPOINT_KINDS = {
    400: ("invalid-endpoint", "The request about the endpoint is invalid"),
    404: ("endpoint-not-found", "Endpoint not found"),
    409: ("endpoint-changed", "The endpoint was changed by another request"),
}


def invalid(error: InvalidMessageError) -> Answer:
    """Return the response to an invalid request about messages; `errors` lists each wrong field."""
    kinds = _ENDPOINT_KINDS if error.status == _NOT_FOUND else _KINDS
    return _invalid(error, kinds[error.status])


def invalid_endpoint(error: InvalidMessageError) -> Answer:
    """Return the response to an invalid request about endpoints."""
    return _invalid(error, (_KINDS | _ENDPOINT_KINDS)[error.status])


def no_endpoint(endpoint_id: str) -> Answer:
    """Return 404: the sender has no such endpoint. The endpoints of other senders do not count."""
    return _problem(
        _ENDPOINT_KINDS[_NOT_FOUND],
        _NOT_FOUND,
        _shortened(f"The sender has no endpoint {endpoint_id}"),
    )


def endpoint_changed() -> Answer:
    """Return 409: on every try, another request changed the endpoint before this one could."""
    return _problem(_ENDPOINT_KINDS[_CONFLICT], _CONFLICT, "Read the endpoint and try again")


def not_found(message_id: str, sender_id: str) -> Answer:
    """Return 404: no such message was accepted within the retention time."""
    detail = f"No message {message_id} of sender {sender_id} is on record"
    return _problem(_KINDS[_NOT_FOUND], _NOT_FOUND, _shortened(detail))


def no_redrive(redrive_id: str) -> Answer:
    """Return 404: the sender has no such bulk redrive. Those of other senders do not count."""
    detail = _shortened(f"The sender has no bulk redrive {redrive_id}")
    return _problem(_NO_REDRIVE, _NOT_FOUND, detail)


def not_here(method: str, path: str) -> Answer:
    """Return 404: the function URL of `accept` serves the routes of `accept` only."""
    served = ", ".join(route.key for route in ROUTES if route.function == "accept")
    detail = (
        f"{method} {path} is not available at this URL, which serves only {served}; use the API"
    )
    return _problem(_NOT_HERE, _NOT_FOUND, _shortened(detail))


def no_route(method: str, path: str) -> Answer:
    """Return 404: the API has no such route."""
    return _problem(_NO_ROUTE, _NOT_FOUND, _shortened(f"There is no route for {method} {path}"))


def acceptance_failed(message_id: str, sender_id: str) -> Answer:
    """Return 503 with the ids that make it safe to send the message again."""
    detail = (
        "The message may not have been accepted. Send it again with this messageId and senderId"
    )
    kind = _KINDS[_UNAVAILABLE]
    return _problem(kind, _UNAVAILABLE, detail, messageId=message_id, senderId=sender_id)


def rate_exceeded(message_id: str, sender_id: str, seconds: float) -> Answer:
    """Return 429: the message was not accepted; it may be sent again after `Retry-After`."""
    after = max(ceil(seconds), 1)
    detail = f"The sender exceeds its rate. Send the message again in {after} s"
    ids = {"messageId": message_id, "senderId": sender_id}
    kind = _KINDS[_TOO_MANY]
    answer = _problem(kind, _TOO_MANY, detail, **ids, retryAfterSeconds=after)
    return replace(answer, headers={"Retry-After": str(after)})


def line_full(message_id: str, sender_id: str) -> Answer:
    """Return 429: too many messages with the same `orderingKey` are waiting."""
    waiting = f"{MOST_WAITING} deliveries with this orderingKey are waiting"
    detail = f"{waiting}. Send the message again later"
    return _problem(_LINE_FULL, _TOO_MANY, detail, messageId=message_id, senderId=sender_id)


def no_room(ids: Mapping[str, str]) -> Answer:
    """Return 503 in place of a result that would make the response to a batch too long.

    Args:
        ids: the ids of the message, if known. If the sender sends the message again with them, no
            second message is accepted.
    """
    detail = "The response is too long for this result. Send the message again in another request"
    return _problem(_KINDS[_UNAVAILABLE], _UNAVAILABLE, detail, **ids)


def dependency_failed() -> Answer:
    """Return 503: a service that Homing depends on failed."""
    detail = "A service that Homing depends on failed. Try again"
    return _problem(_KINDS[_UNAVAILABLE], _UNAVAILABLE, detail)


def _invalid(error: InvalidMessageError, kind: tuple[str, str]) -> Answer:
    errors = [_named(each) for each in error.errors[:MAX_ERRORS]]
    detail = "; ".join(f"{each['field']} {each['message']}" for each in errors)
    return _problem(kind, error.status, _shortened(detail), errors=errors)


def redrive_failed() -> Answer:
    """Return 503: a redrive was interrupted. Sending the same request again continues it."""
    detail = "Not all deliveries have been redriven. Send the same request again"
    return _problem(_KINDS[_UNAVAILABLE], _UNAVAILABLE, detail)


def _problem(named: tuple[str, str], status: int, detail: str, **members: Any) -> Answer:
    kind, title = named
    document = {
        "type": f"urn:homing:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        **members,
    }
    is_temporary = status in {_TOO_MANY, _UNAVAILABLE}
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if is_temporary else {}
    return Answer(status, document, CONTENT_TYPE, headers)


def _named(error: FieldError) -> dict[str, str]:
    return {"field": _shortened(error.field), "message": _shortened(error.message)}


def _shortened(text: str) -> str:
    clean = text.encode(errors="backslashreplace").decode()
    return clean if len(clean) <= MAX_TEXT_LENGTH else f"{clean[:MAX_TEXT_LENGTH]}..."
