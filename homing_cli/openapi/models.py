"""What the HTTP API answers, as models: they become the OpenAPI document and check real answers.

Clients must pass over members that they do not know; tests do not, so that none is forgotten here.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from homing.endpoints.endpoint import Signing
from homing.recovery.interventions import Result
from homing.retry.classification import Category, Status


def _maybe(description: str) -> Any:
    """Give a field that is left out where it has nothing to say."""
    return Field(default_factory=lambda: None, description=description)


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class AcceptedDelivery(_Answer):
    """One delivery that a message came to."""

    delivery_id: str = Field(description="Its id, also the name of its execution.")
    target_url: str
    endpoint_id: str = _maybe("The endpoint that it goes to, where the message named one.")


class Links(_Answer):
    """Where to go on."""

    self_: str = Field(alias="self", description="The path at which to ask after the message.")


class AcceptedMessage(_Answer):
    """A message that has been taken in. A duplicate gets the same answer as the first."""

    message_id: str
    sender_id: str
    timestamp: str = Field(description="ISO-8601 UTC with milliseconds.")
    correlation_id: str
    deliveries: list[AcceptedDelivery]
    links: Links


class ErrorDetails(_Answer):
    """What went wrong, for people."""

    message: str


class Attempt(_Answer):
    """One attempt and what followed from it."""

    attempt_number: int = Field(description="Counted from 0.")
    timestamp: str = Field(description="When its outcome was observed.")
    error_category: Category
    error_details: ErrorDetails
    response_time: int = Field(description="In milliseconds.")
    http_status: int | None = Field(description="null where there was no response.")
    correlation_id: str
    target_url: str = _maybe("Where it went, if not to the targetUrl of the delivery.")
    exponential_delay: float = _maybe("The policy's delay before jitter, in seconds.")
    jitter_applied: float = _maybe("What jitter added to it, in seconds.")
    retry_after_seconds: float = _maybe("The floor that the endpoint asked for, in seconds.")
    retry_delay_seconds: int = _maybe("The delay, rounded to seconds.")
    next_retry_timestamp: str = _maybe("When the next attempt is due.")


class Redrive(_Answer):
    """What a delivery had come to when it was brought back."""

    timestamp: str = Field(description="When it was brought back.")
    status: str = Field(description="As a delivery's status; UNRECORDED without a record.")
    attempts: int
    attempts_on_record: int = Field(description="How many of retryHistory are from before.")


class HistorySummary(_Answer):
    """What has left the history of a delivery that was redriven often: the oldest attempts."""

    attempts: int
    redrives: int
    by_category: dict[str, int] = Field(description="The attempts by errorCategory.")
    first_timestamp: str = _maybe("When the first of them ended.")
    last_timestamp: str = _maybe("When the last of them ended.")


class Delivery(_Answer):
    """One delivery: its place in the ledger, or QUEUED where it has none yet."""

    delivery_id: str
    message_id: str
    sender_id: str
    timestamp: str
    target_url: str
    correlation_id: str
    endpoint_id: str = _maybe("The endpoint that it goes to, where the message named one.")
    status: Status
    attempts: int = Field(description="Attempts made so far.")
    retry_history: list[Attempt] = Field(description="Oldest first.")
    created_at: str
    last_updated_at: str
    generation: int = _maybe("How often another execution has taken it over; 0 at first.")
    execution_name: str = _maybe("The Standard execution that has it in hand.")
    redrive_history: list[Redrive] = _maybe("The newest 20, oldest first.")
    history_summary: HistorySummary = _maybe("What has left the two histories.")
    deliver_at: str = _maybe("When a scheduled message may go out; only before its first attempt.")
    next_retry_at: str = _maybe("When the next attempt is due.")
    delivered_at: str = _maybe("When it was delivered.")
    max_retries_exceeded: bool = _maybe("Whether the limit of attempts was reached.")
    max_retries_exceeded_at: str = _maybe("When it was reached.")
    ttl: int = _maybe("When the record may be forgotten, epoch seconds.")


class MessageState(_Answer):
    """The status of a message."""

    message_id: str
    sender_id: str
    deliveries: list[Delivery]


class RedrivenDelivery(_Answer):
    """What a redrive did with one delivery."""

    delivery_id: str
    target_url: str
    result: Result


class RedrivenMessage(_Answer):
    """What a redrive did with a message. To repeat it is harmless."""

    message_id: str
    sender_id: str
    deliveries: list[RedrivenDelivery]


class EndpointState(_Answer):
    """An endpoint, but for its secrets and the values of its headers."""

    endpoint_id: str
    sender_id: str
    url: str
    description: str
    policy: dict[str, Any] = Field(description="What it overrides of the deployment's policy.")
    header_names: list[str] = Field(description="The names of its extra headers.")
    attempts_at_once: int = _maybe("How many attempts it allows at once; left out for any number.")
    signing: Signing
    enabled: bool
    created_at: str
    updated_at: str
    failing_since: str = _maybe("The first failure since its last success.")
    disabled_at: str = _maybe("Since when nothing is sent to it.")
    disabled_reason: str = _maybe("Why.")


class _Secret(_Answer):
    secret: str = _maybe("The signing secret, whsec_...; shown this once.")
    public_key: str = _maybe("With ed25519: what signatures are checked with, whpk_...")


class NewEndpoint(EndpointState, _Secret):
    """An endpoint that has just been made; with it comes its secret, this once."""


class EndpointList(_Answer):
    """Some of a sender's endpoints, ordered by id."""

    endpoints: list[EndpointState]
    after: str = _maybe("Where to go on; left out where there may be no more.")


class DeletedEndpoint(_Answer):
    """Which endpoint is no more."""

    endpoint_id: str
    sender_id: str


class RotatedSecret(_Secret):
    """A new secret, shown this once."""

    old_secrets_end_at: list[str] = Field(description="When those of before sign no more.")


class FieldProblem(_Answer):
    """What is wrong with one field of a request."""

    field: str = Field(examples=["policy.maxAttempts", "targets[1]", "headers.Host", "body"])
    message: str


class Problem(_Answer):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=["urn:homing:problem:invalid-message"])
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = _maybe("Each wrong field of the request; at most 50.")
    message_id: str = _maybe("With 503: the id to repeat the message with.")
    sender_id: str = _maybe("With 503: the sender to repeat the message as.")


class GatewayError(_Answer):
    """What the gateway in front of Homing answers by itself."""

    message: str = Field(examples=["Unauthorized"])


class Health(_Answer):
    """The API is there."""

    status: str = Field(examples=["ok"])
