"""The errors of the client.

HomingError
└── CallError                a call failed
    ├── StackError           the stack cannot be read, or contains no Homing
    ├── CredentialsError     there are no AWS credentials or region to sign with
    ├── UnreachableError     no response came, after all tries
    └── ResponseError        the API answered with an error, which `problem` describes
        ├── RejectedError    400, 413: the request is wrong
        ├── ForbiddenError   401, 403: the caller may not do this
        ├── NotFoundError    404
        ├── ConflictError    409: the messageId belongs to a different message
        ├── ThrottledError   429, after all tries
        └── UnavailableError 5xx, after all tries

After an UnreachableError or an UnavailableError, it is not known whether a message was accepted.
Sending it again with the `message_id` of the error cannot create a duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from homing.errors import FieldError, HomingError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The members of an error response that may contain the sentence for people. Homing's problem
# documents have `detail` and `title`, errors of API Gateway `message`, errors of Lambda `Message`.
_SENTENCES = ("detail", "title", "message", "Message")


@dataclass(frozen=True, slots=True)
class Problem:
    """The problem of an error response (RFC 9457).

    Args:
        status: the HTTP status.
        type: the kind of problem, such as `urn:homing:problem:invalid-message`; else empty.
        detail: a sentence for people; else empty.
        errors: the wrong fields of the request, and how to correct each.
        document: the whole response body; empty if it is not a JSON object.
    """

    status: int
    type: str = ""
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_response(cls, status: int, body: Any) -> Self:
        """Return the problem in a response body, which may be malformed."""
        document = body if isinstance(body, dict) else {}
        return cls(
            status=status,
            type=str(document.get("type", "")),
            detail=next((str(document[key]) for key in _SENTENCES if document.get(key)), ""),
            errors=tuple(_field_errors(document.get("errors"))),
            document=document,
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is wrong: one sentence for each wrong field, or one for the whole request."""
        fields = tuple(f"{error.field}: {error.message}" for error in self.errors)
        return fields or (f"HTTP {self.status} {self.detail}".rstrip(),)


def _field_errors(errors: Any) -> list[FieldError]:
    return [
        FieldError(str(error["field"]), str(error["message"]))
        for error in (errors if isinstance(errors, list) else [])
        if isinstance(error, dict) and error.keys() >= {"field", "message"}
    ]


class CallError(HomingError):
    """The base of the errors that a call raises.

    Attributes:
        message_id: the messageId of the message that the call was about; None if there is none.
        is_transient: whether the same call may succeed later.
        retry_after: how many seconds to wait before the next call, according to the last response;
            None if it does not say.
    """

    message_id: str | None = None
    is_transient: bool = False
    retry_after: float | None = None

    def about(self, message_id: str | None) -> Self:
        """Return a copy of the error that has this messageId."""
        twin = type(self).__new__(type(self), *self.args)
        twin.__dict__.update(self.__dict__, message_id=message_id)
        twin.__cause__ = self.__cause__
        return twin

    def __str__(self) -> str:
        named = f" (messageId {self.message_id})" if self.message_id else ""
        return f"{super().__str__()}{named}"


class StackError(CallError):
    """Raised when a stack cannot be read, or does not have the outputs of Homing."""


class CredentialsError(CallError):
    """Raised when the AWS region or credentials are missing, or the credentials cannot be read."""


class UnreachableError(CallError):
    """Raised when no response came, because a connection failed or broke, or time ran out."""


class ResponseError(CallError):
    """Raised when the API returns an error.

    Args:
        problem: what the response says.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__("; ".join(problem.sentences))
        self.problem = problem
        self.is_transient = problem.status in _TRANSIENT


class RejectedError(ResponseError):
    """Raised when the request is wrong (400) or too large (413)."""


class ForbiddenError(ResponseError):
    """Raised when the caller is unknown (401), or may not do this (403)."""


class NotFoundError(ResponseError):
    """Raised when there is no such message, endpoint or route (404)."""


class ConflictError(ResponseError):
    """Raised when the messageId already belongs to a message with different content (409)."""


class ThrottledError(ResponseError):
    """Raised when there are too many requests (429), after all tries."""


class UnavailableError(ResponseError):
    """Raised when the API fails (5xx), after all tries."""


_TRANSIENT = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_KINDS: Mapping[int, type[ResponseError]] = {
    HTTPStatus.BAD_REQUEST: RejectedError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: RejectedError,
    HTTPStatus.UNAUTHORIZED: ForbiddenError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.TOO_MANY_REQUESTS: ThrottledError,
}


def response_error(
    status: int, document: Any, *, retry_after: float | None = None
) -> ResponseError:
    """Return the error for a response with an error status."""
    failed = UnavailableError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ResponseError
    error = _KINDS.get(status, failed)(Problem.from_response(status, document))
    error.retry_after = retry_after
    return error
