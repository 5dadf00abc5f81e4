"""The request body of `POST /v1/messages`, as a model for pydantic and OpenAPI.

It is strict: a string or a boolean is not accepted as a number, and an unknown field is an error.
`null` is an error, too: a sender whose `messageId` is null by mistake would lose deduplication
without noticing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from homing.errors import FieldError
from homing.http_fields import (
    DEFAULT_CONTENT_TYPE,
    MAX_CONTENT_TYPE_LENGTH,
    MAX_HEADERS,
    check_content_type,
    check_header_name,
    check_header_value,
    check_headers,
)
from homing.identifiers import (
    CORRELATION_ID,
    ENDPOINT_ID,
    EVENT_TYPE,
    MESSAGE_ID,
    SENDER_ID,
)
from homing.reception.policy_override import (
    MAX_STATUSES,
    STATUS_PATTERN,
    PolicyOverride,
    check_status,
)
from homing.retry.policy import MAX_ATTEMPTS_LIMIT, MAX_DELAY_LIMIT_SECONDS, PRESETS, Jitter
from homing.targets.target_url import MAX_URL_LENGTH, check_target_url
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import CoreSchema, ErrorDetails

MAX_TARGETS = 10
MAX_MULTIPLIER = 100

_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "string_unicode": "must be a valid string",
    "list_type": "must be an array",
    "too_short": "must have at least one item",
    "too_long": "has too many items; at most {max_length} are allowed",
}


def _check_instant(text: str) -> str:
    return to_text(from_text(text))


def _check_delay(seconds: float) -> float:
    if round(seconds, 3) != seconds:
        raise ValueError("has more than three decimal places")
    return _plain(seconds)


def _whole(number: Any) -> Any:
    """Return a whole float as an int, such as 3 for 3.0; return any other value unchanged."""
    return _plain(number) if isinstance(number, float) else number


def _plain(number: float) -> float:
    return int(number) if number.is_integer() else number  # so that documents contain 2, not 2.0


def _check_preset(name: str) -> str:
    if name not in PRESETS:
        raise ValueError(f"is unknown; use {', '.join(PRESETS)}")
    return name


def documented(**schema: Any) -> Any:
    """Return an annotation that adds these keywords to a type's JSON Schema.

    They document a rule that a validator of the type checks.
    """
    return Field(json_schema_extra=schema)


def optional(description: str) -> Any:
    """Return the pydantic `Field` of a request field that may be left out and is None in that case.

    The type of the request field must be `Maybe[...]`.
    """
    return Field(default_factory=lambda: None, description=description)


class _NotNull:
    """Removes null from the values that pydantic accepts for a type, and from its JSON Schema."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        nullable: Any = handler(source)
        inner: CoreSchema = nullable["schema"]
        return inner


Value = TypeVar("Value")
Maybe = Annotated[Value | None, _NotNull()]  # None where a request leaves the field out

MessageId = Annotated[
    str, AfterValidator(MESSAGE_ID.check), documented(pattern=MESSAGE_ID.anchored)
]
SenderId = Annotated[str, AfterValidator(SENDER_ID.check), documented(pattern=SENDER_ID.anchored)]
CorrelationId = Annotated[
    str, AfterValidator(CORRELATION_ID.check), documented(pattern=CORRELATION_ID.anchored)
]
EndpointId = Annotated[
    str, AfterValidator(ENDPOINT_ID.check), documented(pattern=ENDPOINT_ID.anchored)
]
EventType = Annotated[
    str, AfterValidator(EVENT_TYPE.check), documented(pattern=EVENT_TYPE.anchored)
]
OrderingKey = Annotated[
    str, AfterValidator(MESSAGE_ID.check), documented(pattern=MESSAGE_ID.anchored)
]
Instant = Annotated[str, AfterValidator(_check_instant), documented(format="date-time")]
Url = Annotated[
    str, AfterValidator(check_target_url), documented(format="uri", maxLength=MAX_URL_LENGTH)
]
ContentType = Annotated[
    str, AfterValidator(check_content_type), documented(maxLength=MAX_CONTENT_TYPE_LENGTH)
]
Headers = Annotated[
    dict[
        Annotated[str, AfterValidator(check_header_name)],
        Annotated[str, AfterValidator(check_header_value)],
    ],
    AfterValidator(check_headers),
    documented(maxProperties=MAX_HEADERS),
]
Delay = Annotated[
    float,
    Field(ge=0, le=MAX_DELAY_LIMIT_SECONDS, allow_inf_nan=False),
    AfterValidator(_check_delay),
]
WHOLE = BeforeValidator(_whole)
Whole = Annotated[int, WHOLE]
Multiplier = Annotated[
    float, Field(ge=1, le=MAX_MULTIPLIER, allow_inf_nan=False), AfterValidator(_plain)
]
Schedule = Annotated[list[Delay], Field(min_length=1, max_length=MAX_ATTEMPTS_LIMIT)]
Preset = Annotated[str, AfterValidator(_check_preset), documented(enum=list(PRESETS))]
Statuses = Annotated[
    list[Annotated[str, BeforeValidator(check_status), documented(pattern=f"^{STATUS_PATTERN}$")]],
    Field(max_length=MAX_STATUSES),
]


class Fields(BaseModel):
    """A request body or a part of one, with strict fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class PolicyRequest(Fields):
    """A retry policy. Fields that are left out have the default of the deployment."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["schedule", "preset"]}})

    max_attempts: Maybe[Annotated[int, Field(ge=1, le=MAX_ATTEMPTS_LIMIT), WHOLE]] = optional(
        "The maximum number of attempts, including the first."
    )
    base_delay_seconds: Maybe[Delay] = optional("The delay after the first failure, before jitter.")
    max_delay_seconds: Maybe[Delay] = optional("The maximum of the exponential delay.")
    multiplier: Maybe[Multiplier] = optional(
        "The factor by which the delay grows with each failure."
    )
    jitter: Maybe[Annotated[Jitter, Field(strict=False)]] = optional(
        "The kind of jitter, which randomizes the delays."
    )
    schedule: Maybe[Schedule] = optional(
        "Instead of baseDelaySeconds, maxDelaySeconds and multiplier: the waits between "
        "attempts, in seconds. A leading 0 is the wait before the first attempt. Without "
        "maxAttempts, there is one more attempt than there are waits."
    )
    preset: Maybe[Preset] = optional(
        "Instead of a schedule: the name of a predefined one, which also sets retryOn."
    )
    retry_on: Maybe[Statuses] = optional(
        "HTTP statuses (404) and classes (4xx) that are retried, regardless of the default; 2xx is "
        "not allowed. A status takes precedence over its class. 4xx does not include 410; to "
        "retry 410, list it, too."
    )
    give_up_on: Maybe[Statuses] = optional(
        "HTTP statuses (503) and classes (5xx) that are not retried, regardless of the default; "
        "an entry must not be in retryOn, too."
    )

    def override(self) -> PolicyOverride:
        """Return the fields that the request contains, as an override of a default policy."""
        return PolicyOverride(**self.model_dump(exclude_unset=True))


class MessageRequest(Fields):
    """A message: its `payload` and its recipient.

    The recipient is one of `targetUrl`, `targets`, `endpointId` and `endpointIds`. With `eventType`
    and none of these, the recipients are all endpoints of the sender that subscribe to the event.
    """

    # These fields are not declared as `oneOf`, since client generators would make a separate model
    # for each alternative.

    target_url: Maybe[Url] = optional("The URL to deliver to.")
    targets: Maybe[Annotated[list[Url], Field(min_length=1, max_length=MAX_TARGETS)]] = optional(
        "The URLs to deliver to, one delivery for each; a duplicate URL counts once."
    )
    endpoint_id: Maybe[EndpointId] = optional("The endpoint to deliver to.")
    endpoint_ids: Maybe[
        Annotated[list[EndpointId], Field(min_length=1, max_length=MAX_TARGETS)]
    ] = optional("The endpoints to deliver to, one delivery for each.")
    payload: Any = Field(
        description="Any JSON; it arrives exactly as written here. With a contentType other "
        "than JSON: a string, whose content is sent as UTF-8."
    )
    event_type: Maybe[EventType] = optional(
        "The type of the event, e.g. order.paid. Without targets and endpoints, the message goes "
        "to the endpoints that subscribe to this type; otherwise the type is only recorded."
    )
    content_type: Maybe[ContentType] = optional(
        f"The media type of the payload. Default: {DEFAULT_CONTENT_TYPE}."
    )
    message_id: Maybe[MessageId] = optional(
        "A message with the same senderId and messageId is a duplicate. Default: a random one."
    )
    sender_id: Maybe[SenderId] = optional(
        "The sender. Default: the sender of the API key; with AWS credentials, `default`."
    )
    correlation_id: Maybe[CorrelationId] = optional(
        "Sent as X-Correlation-ID, and recorded in logs and ledger. Default: the messageId."
    )
    timestamp: Maybe[Instant] = optional("The time of the message, with a time zone. Default: now.")
    ordering_key: Maybe[OrderingKey] = optional(
        "Deliveries to one endpoint (or URL) with the same key arrive in the order in which they "
        "were accepted: each begins only after the previous one has ended. Default: no order."
    )
    deliver_at: Maybe[Instant] = optional(
        "The earliest time of delivery, with a time zone; at most a year ahead."
    )
    headers: Headers = Field(default_factory=dict, description="Headers of every attempt.")
    policy: Maybe[PolicyRequest] = optional(
        "Fields of the retry policy to override for this message."
    )


Model = TypeVar("Model", bound=Fields)


def read_fields(
    model: type[Model], raw: Mapping[str, Any]
) -> tuple[Model | None, list[FieldError]]:
    """Check the fields of a request one by one.

    Args:
        model: the model of the request.
        raw: its members, parsed.

    Returns:
        The request and no errors, or None and all errors.
    """
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return None, [_field_error(details) for details in found]


def _field_error(details: ErrorDetails) -> FieldError:
    field = ""
    for part in details["loc"]:
        match part:
            case int():
                field += f"[{part}]"
            case "[key]":  # pydantic's mark for an error in the name itself
                pass
            case _:
                field += f".{part}" if field else part
    return FieldError(field, _sentence(details))


def _sentence(details: ErrorDetails) -> str:
    kind = details["type"]
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**details.get("ctx", {}))
    return details["msg"].replace("Input should be", "must be")
