"""The body of `POST /v1/messages`, field by field, as pydantic checks it and OpenAPI shows it.

Strict: a string is no number, a boolean is no number, and an unknown field is an error. So is
`null`: a sender whose `messageId` came out as null would lose deduplication without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
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
    MESSAGE_ID,
    SENDER_ID,
)
from homing.retry.policy import MAX_ATTEMPTS_LIMIT, MAX_DELAY_LIMIT_SECONDS, PRESETS, Jitter
from homing.targets.target_url import MAX_URL_LENGTH, check_target_url
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

MAX_TARGETS = 10
MAX_MULTIPLIER = 100

_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "string_unicode": "must be a valid string",
    "list_type": "must be an array",
    "too_short": "must hold at least one item",
    "too_long": "holds too many items: at most {max_length} are allowed",
}


def _absent() -> Any:
    """Stand for a field that was not given; never read, since only given fields are taken out."""
    return None


def _check_instant(text: str) -> str:
    return to_text(from_text(text))


def _check_delay(seconds: float) -> float:
    if round(seconds, 3) != seconds:
        raise ValueError("has more than three decimals")
    return _plain(seconds)


def _whole(number: Any) -> Any:
    """Return 3 for 3.0, which JSON knows no difference between; anything else as it is."""
    return _plain(number) if isinstance(number, float) else number


def _plain(number: float) -> float:
    return int(number) if number.is_integer() else number  # 2, not 2.0, in the documents


def _check_preset(name: str) -> str:
    if name not in PRESETS:
        raise ValueError(f"is no preset; there is {', '.join(PRESETS)}")
    return name


def documented(**schema: Any) -> Any:
    """Add to the JSON Schema of a type what only our own code checks."""
    return Field(json_schema_extra=schema)


def optional(description: str, **options: Any) -> Any:
    """Make a field that may be left out, which is not the same as null."""
    return Field(default_factory=_absent, description=description, **options)


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
Whole = Annotated[int, BeforeValidator(_whole)]
Multiplier = Annotated[
    float, Field(ge=1, le=MAX_MULTIPLIER, allow_inf_nan=False), AfterValidator(_plain)
]
Schedule = Annotated[list[Delay], Field(min_length=1, max_length=MAX_ATTEMPTS_LIMIT)]
Preset = Annotated[str, AfterValidator(_check_preset), documented(enum=list(PRESETS))]


class Fields(BaseModel):
    """A request body, or a part of one: strict in every field."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class PolicyRequest(Fields):
    """How often and how long to try. What is left out is the deployment's default."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["schedule", "preset"]}})

    max_attempts: Whole = optional(
        "Attempts at most, the first included.", ge=1, le=MAX_ATTEMPTS_LIMIT
    )
    base_delay_seconds: Delay = optional("The delay after the first failure, before jitter.")
    max_delay_seconds: Delay = optional("The cap of the exponential delay.")
    multiplier: Multiplier = optional("By how much the delay grows with each failure.")
    jitter: Annotated[Jitter, Field(strict=False)] = optional("How chance is added to a delay.")
    schedule: Schedule = optional(
        "Instead of base, cap and multiplier: the waits between attempts, in seconds. A leading 0 "
        "stands for the first attempt. Without maxAttempts, one attempt more than waits."
    )
    preset: Preset = optional("Instead of a schedule: the name of one.")


class MessageRequest(Fields):
    """A message to deliver: `payload`, and exactly one of the four fields that say where to."""

    # Not said as `oneOf`, of which generators of clients make a model each.

    target_url: Url = optional("Where to deliver.")
    targets: Annotated[list[Url], Field(min_length=1, max_length=MAX_TARGETS)] = optional(
        "Where to deliver, one delivery for each; a repeated one counts once."
    )
    endpoint_id: EndpointId = optional("Instead of a URL: the endpoint to deliver to.")
    endpoint_ids: Annotated[list[EndpointId], Field(min_length=1, max_length=MAX_TARGETS)] = (
        optional("The endpoints to deliver to, one delivery for each.")
    )
    payload: Any = Field(
        description="Any JSON; it arrives exactly as it is written here. With a contentType other "
        "than JSON: a string, whose content is sent as UTF-8."
    )
    content_type: ContentType = optional(
        f"How the payload is labelled; {DEFAULT_CONTENT_TYPE} if left out."
    )
    message_id: MessageId = optional(
        "The same senderId and messageId again is the same message. One is made up if left out."
    )
    sender_id: SenderId = optional(
        "Who sends it; the sender of the key if left out, or `default` with AWS credentials."
    )
    correlation_id: CorrelationId = optional(
        "Sent as X-Correlation-ID and written to logs and ledger; the messageId if left out."
    )
    timestamp: Instant = optional("The message's own time, with a zone; now if left out.")
    deliver_at: Instant = optional("Not before this time, with a zone; at most a year ahead.")
    headers: Headers = Field(default_factory=dict, description="Headers to send along.")
    policy: PolicyRequest = optional("A retry policy of its own.")


def read_fields(
    model: type[Fields], raw: Mapping[str, Any]
) -> tuple[dict[str, Any], list[FieldError]]:
    """Check the fields of a request one by one.

    Args:
        model: what the request may hold.
        raw: its members, read.

    Returns:
        The fields that were given, in snake case, and what is wrong with any of them; where
        something is wrong, no fields.
    """
    try:
        return model.model_validate(raw).model_dump(exclude_unset=True), []
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return {}, [_field_error(details) for details in found]


def _field_error(details: ErrorDetails) -> FieldError:
    field = ""
    for part in details["loc"]:
        match part:
            case int():
                field += f"[{part}]"
            case "[key]":  # pydantic's way to say that the name itself is wrong
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
