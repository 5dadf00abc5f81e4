"""Problem documents (RFC 9457): what went wrong, for programs by `type`, for people by the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.reception.answer import Answer

if TYPE_CHECKING:
    from homing.errors import FieldError, InvalidMessageError

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

# Field names are the sender's own text: neither their length nor their number may grow an answer.
MAX_ERRORS = 50
MAX_TEXT_LENGTH = 300

_NOT_FOUND, _CONFLICT, _UNAVAILABLE = 404, 409, 503
_KINDS = {
    400: ("invalid-message", "The message cannot be accepted"),
    403: ("forbidden", "The key does not allow this"),
    404: ("message-not-found", "There is no such message"),
    409: ("message-id-reused", "The messageId stands for another message"),
    413: ("payload-too-large", "The payload is too large"),
    _UNAVAILABLE: ("unavailable", "Homing cannot do this right now"),
}
_NOT_HERE = ("not-here", "This is not answered here")
_NO_ROUTE = ("route-not-found", "Route not found")
_ENDPOINT_KINDS = {
    400: ("invalid-endpoint", "The endpoint cannot be set up like this"),
    404: ("endpoint-not-found", "There is no such endpoint"),
    409: ("endpoint-changed", "The endpoint has been changed meanwhile"),
}


def invalid(error: InvalidMessageError) -> Answer:
    """Answer that a message cannot be accepted, naming each wrong field in `errors`."""
    kinds = _ENDPOINT_KINDS if error.status == _NOT_FOUND else _KINDS
    return _invalid(error, kinds[error.status])


def invalid_endpoint(error: InvalidMessageError) -> Answer:
    """Answer the same of a request about an endpoint."""
    return _invalid(error, (_KINDS | _ENDPOINT_KINDS)[error.status])


def no_endpoint(endpoint_id: str) -> Answer:
    """Answer that the sender has no such endpoint; another sender's is none of its."""
    return _problem(
        _ENDPOINT_KINDS[_NOT_FOUND], _NOT_FOUND, _shortened(f"No endpoint {endpoint_id}")
    )


def endpoint_changed() -> Answer:
    """Answer that a change lost the race against others, several times."""
    return _problem(_ENDPOINT_KINDS[_CONFLICT], _CONFLICT, "Read the endpoint, and try again")


def not_found(message_id: str, sender_id: str) -> Answer:
    """Answer that no such message has been accepted, or not within the retention time."""
    detail = f"No message {message_id} of sender {sender_id} is on record"
    return _problem(_KINDS[_NOT_FOUND], _NOT_FOUND, _shortened(detail))


def not_here(method: str, path: str) -> Answer:
    """Answer that the URL for messages has nothing else."""
    answered = "POST /v1/messages and POST /v1/endpoints/{endpointId}/test"
    detail = f"{method} {path} is for the API: this URL answers {answered} alone"
    return _problem(_NOT_HERE, _NOT_FOUND, _shortened(detail))


def no_route(method: str, path: str) -> Answer:
    """Answer that the API has no such route."""
    return _problem(_NO_ROUTE, _NOT_FOUND, _shortened(f"There is no route for {method} {path}"))


def acceptance_failed(message_id: str, sender_id: str) -> Answer:
    """Answer that a message could not be taken in; a duplicate under its id cannot double it."""
    detail = "Nothing is promised. Send the message again, with this messageId and senderId"
    kind = _KINDS[_UNAVAILABLE]
    return _problem(kind, _UNAVAILABLE, detail, messageId=message_id, senderId=sender_id)


def dependency_failed() -> Answer:
    """Answer that the tables cannot be read."""
    detail = "What is on record cannot be read. Ask again"
    return _problem(_KINDS[_UNAVAILABLE], _UNAVAILABLE, detail)


def _invalid(error: InvalidMessageError, kind: tuple[str, str]) -> Answer:
    errors = [_named(each) for each in error.errors[:MAX_ERRORS]]
    detail = "; ".join(f"{each['field']} {each['message']}" for each in errors)
    return _problem(kind, error.status, _shortened(detail), errors=errors)


def redrive_failed() -> Answer:
    """Answer that a redrive broke off; a duplicate takes up where it did, and doubles nothing."""
    detail = "Not all deliveries have been brought back. Repeat the redrive"
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
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == _UNAVAILABLE else {}
    return Answer(status, document, CONTENT_TYPE, headers)


def _named(error: FieldError) -> dict[str, str]:
    return {"field": _shortened(error.field), "message": _shortened(error.message)}


def _shortened(text: str) -> str:
    clean = text.encode(errors="backslashreplace").decode()
    return clean if len(clean) <= MAX_TEXT_LENGTH else f"{clean[:MAX_TEXT_LENGTH]}..."
