"""Models of the responses of the HTTP API, for the OpenAPI document and for tests.

Clients must ignore unknown members. Homing's tests reject them: a test fails if a response
has a field that is missing here.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from homing.api.batch import MAX_MESSAGES
from homing.endpoints.endpoint import Ordering, Signing
from homing.reception.request_model import MessageRequest
from homing.recovery.bulk_redrive import Phase
from homing.recovery.interventions import Result
from homing.retry.classification import Category, Status


def _maybe(description: str) -> Any:
    """Return the pydantic definition of a field that responses omit if it has no value."""
    return Field(default_factory=lambda: None, description=description)


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class FieldProblem(_Answer):
    """What is wrong with one field of a request."""

    field: str = Field(examples=["policy.maxAttempts", "targets[1]", "headers.Host", "body"])
    message: str


class AcceptedDelivery(_Answer):
    """One delivery of an accepted message."""

    delivery_id: str = Field(description="The id of the delivery, also the name of its execution.")
    target_url: str
    endpoint_id: str = _maybe("The endpoint that the delivery is addressed to, if any.")


class Links(_Answer):
    """Links of a message."""

    self_: str = Field(alias="self", description="The path of the message's status.")


class AcceptedMessage(_Answer):
    """An accepted message. A duplicate gets the same response as the original message."""

    message_id: str
    sender_id: str
    timestamp: str = Field(
        description="When the message was accepted: ISO 8601, in UTC, with milliseconds."
    )
    correlation_id: str
    event_type: str = _maybe("The type of the event, if the message has one.")
    deliveries: list[AcceptedDelivery] = Field(
        description=(
            "The deliveries of the message; empty for an event that no endpoint subscribes to."
        )
    )
    links: Links


class BatchRequest(BaseModel):
    """Several messages. Each is accepted or refused as if it had been sent alone."""

    model_config = ConfigDict(extra="forbid")

    messages: list[MessageRequest] = Field(
        min_length=1,
        max_length=MAX_MESSAGES,
        description="The messages, in the order in which they are accepted.",
    )


class ErrorDetails(_Answer):
    """The error in words."""

    message: str


class Attempt(_Answer):
    """One attempt, and the retry that follows it, if any."""

    attempt_number: int = Field(description="The number of the attempt, counted from 0.")
    timestamp: str = Field(description="When the outcome of the attempt was observed.")
    error_category: Category
    error_details: ErrorDetails
    response_time: int = Field(description="In milliseconds.")
    http_status: int | None = Field(
        description="The HTTP status of the response; null if there was none."
    )
    correlation_id: str
    target_url: str = _maybe(
        "The URL of the request, if it differs from the targetUrl of the delivery."
    )
    exponential_delay: float = _maybe("The policy's delay before jitter, in seconds.")
    jitter_applied: float = _maybe("The jitter that was added, in seconds.")
    retry_after_seconds: float = _maybe(
        "The minimum delay from the endpoint's Retry-After, in seconds."
    )
    retry_delay_seconds: int = _maybe("The delay, rounded to seconds.")
    next_retry_timestamp: str = _maybe("When the next attempt is due.")


class Redrive(_Answer):
    """A redrive, with the delivery's status before the redrive."""

    timestamp: str = Field(description="When the delivery was redriven.")
    status: str = Field(
        description=(
            "The delivery's status before the redrive; UNRECORDED if it had no ledger record."
        )
    )
    attempts: int
    attempts_on_record: int = Field(
        description="How many of the attempts in retryHistory were made before the redrive."
    )


class HistorySummary(_Answer):
    """A summary of the attempts that were removed from retryHistory because of many redrives."""

    attempts: int
    redrives: int
    by_category: dict[str, int] = Field(
        description="The number of removed attempts, by errorCategory."
    )
    first_timestamp: str = _maybe("When the first removed attempt ended.")
    last_timestamp: str = _maybe("When the last removed attempt ended.")


class WaitsBehind(_Answer):
    """The delivery at the head of a line of ordered deliveries."""

    message_id: str
    sequence: int


class Delivery(_Answer):
    """One delivery, as recorded in the ledger; QUEUED if it has no record yet."""

    delivery_id: str
    message_id: str
    sender_id: str
    timestamp: str
    target_url: str
    correlation_id: str
    endpoint_id: str = _maybe("The endpoint that the delivery is addressed to, if any.")
    event_type: str = _maybe("The type of the event, if the message has one.")
    ordering_key: str = _maybe("The orderingKey, if the message has one.")
    sequence: int = _maybe(
        "With an orderingKey: the place of the delivery in its line, counted from 1."
    )
    waits_behind: WaitsBehind = _maybe(
        "While the delivery waits in its line: the delivery whose turn it is."
    )
    status: Status
    attempts: int = Field(description="Attempts made so far.")
    retry_history: list[Attempt] = Field(description="Oldest first.")
    created_at: str
    last_updated_at: str
    generation: int = _maybe(
        "How many times a redrive or another action has moved the delivery to a new execution."
    )
    execution_name: str = _maybe("The name of the delivery's latest Standard execution.")
    redrive_history: list[Redrive] = _maybe("The newest 20 redrives, oldest first.")
    history_summary: HistorySummary = _maybe(
        "A summary of the entries that are no longer in retryHistory and redriveHistory."
    )
    deliver_at: str = _maybe(
        "The earliest time of delivery of a scheduled message. Left out after its first attempt."
    )
    next_retry_at: str = _maybe("When the next attempt is due.")
    delivered_at: str = _maybe("When the message was delivered to this target.")
    max_retries_exceeded: bool = _maybe("Whether the limit of attempts was reached.")
    max_retries_exceeded_at: str = _maybe("When the limit was reached.")
    ttl: int = _maybe("When the delivery's record may be deleted, in seconds since the epoch.")


class MessageState(_Answer):
    """The status of a message."""

    message_id: str
    sender_id: str
    event_type: str = _maybe("The type of the event, if the message has one.")
    deliveries: list[Delivery]


class ListedDelivery(_Answer):
    """A delivery in a list."""

    delivery_id: str
    message_id: str
    sender_id: str
    target_url: str = Field(
        description=(
            "The URL that the delivery is sent to; for an endpoint, its URL when the message was "
            "accepted."
        )
    )
    endpoint_id: str = _maybe("The endpoint that the delivery is addressed to, if any.")
    event_type: str = _maybe("The type of the event, if the message has one.")
    status: Status
    attempts: int = Field(description="Attempts made since acceptance or the last redrive.")
    category: Category = _maybe(
        "The category of the latest attempt; left out before the first attempt."
    )
    reason: str = _maybe("The reason in the verdict on the latest attempt.")
    created_at: str = Field(description="When the message was accepted.")
    last_updated_at: str = Field(description="When an attempt or an action was last recorded.")
    next_retry_at: str = _maybe(
        "When the next attempt is due; left out once the delivery has ended."
    )


class DeliveryList(_Answer):
    """A page of deliveries, the latest first.

    Waiting deliveries are ordered by the time of their next attempt, others by that of their end.
    """

    deliveries: list[ListedDelivery]
    after: str = _maybe("The value of `after` for the next page; left out on the last page.")


class RedrivenDelivery(_Answer):
    """The result of a redrive for one delivery."""

    delivery_id: str
    target_url: str
    result: Result


class RedrivenMessage(_Answer):
    """The result of a redrive for a message. Repeating the redrive is harmless."""

    message_id: str
    sender_id: str
    deliveries: list[RedrivenDelivery]


class FailedGroup(_Answer):
    """A group of failed deliveries to one endpoint with the same cause."""

    sender_id: str
    endpoint: str = Field(description="The endpointId, or the URL of deliveries to a plain URL.")
    category: str = Field(description="The category of the latest attempt.")
    reason: str = Field(description="The result of the latest attempt of the latest delivery.")
    count: int
    first_at: str = Field(description="When the first of these deliveries failed.")
    last_at: str = Field(description="When the last of these deliveries failed.")


class RedrivePreview(_Answer):
    """A preview: the deliveries that a bulk redrive would redrive."""

    dry_run: bool
    matched: int
    groups: list[FailedGroup] = Field(
        description="The deliveries in groups by endpoint and cause, the largest first."
    )


class BulkRedriveState(_Answer):
    """A bulk redrive, and the status of its deliveries."""

    redrive_id: str
    filter: dict[str, Any] = Field(
        description=(
            "The filter that selects deliveries. Only those that failed before the bulk redrive "
            "began (`before`) are redriven."
        )
    )
    rate_per_second: float
    status: Phase = Field(
        description="REDRIVING; FOLLOWING until all redriven deliveries have ended; ENDED."
    )
    stopped: bool = Field(description="Whether the bulk redrive was stopped.")
    started_at: str
    ended_at: str = _maybe("When the bulk redrive ended.")
    matched: int = Field(
        description="How many deliveries matched the filter when the bulk redrive began."
    )
    redriven: int
    not_redriven: int = Field(
        description=(
            "How many of the matching deliveries could not be redriven: they had continued in the "
            "meantime, or their payload was no longer stored."
        )
    )
    delivered: int = Field(description="How many of the redriven deliveries have arrived.")
    failed: int = Field(description="How many of the redriven deliveries have failed again.")
    waiting: int = Field(description="How many of the redriven deliveries have not ended yet.")


class EndpointState(_Answer):
    """An endpoint, without its secrets and the values of its headers."""

    endpoint_id: str
    sender_id: str
    url: str
    description: str
    policy: dict[str, Any] = Field(
        description="The fields of the deployment's retry policy that the endpoint overrides."
    )
    header_names: list[str] = Field(description="The names of the endpoint's extra headers.")
    event_types: list[str] = _maybe(
        "The event types that the endpoint subscribes to; left out if there are none."
    )
    filter: dict[str, Any] = _maybe(
        "The event pattern that these events must match; left out if there is none."
    )
    attempts_at_once: int = _maybe(
        "The maximum number of concurrent attempts; left out if there is no limit."
    )
    rate_per_second: float = _maybe(
        "The maximum number of attempts per second; left out if there is no limit."
    )
    ordering: Ordering = _maybe(
        "What happens to the next message with the same orderingKey when one fails for good; "
        "left out for skip."
    )
    signing: Signing
    enabled: bool
    created_at: str
    updated_at: str
    failing_since: str = _maybe(
        "When the endpoint failed for the first time since its last success."
    )
    disabled_at: str = _maybe("When the endpoint was disabled.")
    disabled_reason: str = _maybe("Why the endpoint was disabled.")


class _Secret(_Answer):
    secret: str = _maybe("The signing secret, whsec_...; shown only now.")
    public_key: str = _maybe("With ed25519: the public key that verifies signatures, whpk_...")


class NewEndpoint(EndpointState, _Secret):
    """A new endpoint with its secret, which is not shown again."""


class EndpointList(_Answer):
    """A page of a sender's endpoints, ordered by id."""

    endpoints: list[EndpointState]
    after: str = _maybe("The value of `after` for the next page; left out on the last page.")


class MatchedEndpoint(_Answer):
    """An endpoint, and whether it would get an event."""

    endpoint_id: str
    url: str
    enabled: bool = Field(
        description=(
            "Whether the endpoint is enabled. A disabled endpoint can match too; its delivery "
            "would be dead-lettered."
        )
    )
    matches: bool
    mismatches: list[FieldProblem] = Field(
        description="Why the endpoint would not get the event; empty if it matches."
    )


class MatchedEvent(_Answer):
    """The endpoints of a sender, ordered by id, and which of them would get an event."""

    event_type: str
    sender_id: str
    endpoints: list[MatchedEndpoint]


class DeletedEndpoint(_Answer):
    """A deleted endpoint."""

    endpoint_id: str
    sender_id: str


class RotatedSecret(_Secret):
    """A new secret, which is not shown again."""

    old_secrets_end_at: list[str] = Field(description="When each of the old secrets stops signing.")


class Problem(_Answer):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=["urn:homing:problem:invalid-message"])
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = _maybe(
        "What is wrong with the fields of the request, at most 50 entries."
    )
    message_id: str = _maybe("With 429 and 503: send the message again with this messageId.")
    sender_id: str = _maybe("With 429 and 503: send the message again with this senderId.")
    retry_after_seconds: int = _maybe(
        "With 429: the value of Retry-After, since results in a batch have no headers."
    )


class BatchResult(_Answer):
    """The response to one message of a batch, as if it had been sent alone."""

    status: int = Field(
        description=(
            "202, 200 for a duplicate, or the status of an error. After 429 and 503, send the "
            "message again."
        )
    )
    message: AcceptedMessage = _maybe("The accepted message.")
    problem: Problem = _maybe("Why the message was not accepted.")


class BatchResults(_Answer):
    """The responses to the messages of a batch, in order."""

    results: list[BatchResult]


class GatewayError(_Answer):
    """An error returned by API Gateway or Lambda itself."""

    message: str = Field(examples=["Unauthorized"])


class Health(_Answer):
    """The API responds."""

    status: str = Field(examples=["ok"])
