"""A validated message, with everything that its deliveries need."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, Self

from homing.delivery import Delivery, Request, document_text
from homing.errors import FieldError, InvalidMessageError
from homing.http_fields import DEFAULT_CONTENT_TYPE, is_json
from homing.payloads.reference import reference_for
from homing.reception.idempotency import IdempotencyRecord, first_attempt_at
from homing.reception.payload import MAX_INLINE_BYTES
from homing.reception.policy_override import override
from homing.reception.raw_json import decode, read_value, split_members
from homing.reception.recipients import (
    FindEndpoints,
    FindSubscribers,
    no_endpoints,
    recipients,
    subscribers,
)
from homing.reception.request_checks import check_request, names_recipients
from homing.retry.lifetime import YEAR, fit_lifetime, longest_life
from homing.routing.subscriptions import Event
from homing.senders.acting_sender import acting_sender
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from homing.payloads.reference import PayloadReference
    from homing.reception.recipients import Recipients
    from homing.reception.request_model import MessageRequest
    from homing.retry.policy import Policy
    from homing.settings import AcceptSettings
    from homing.targets.address_guard import AddressGuard

# The limit of an HTTP API for a request (API Gateway quotas).
MAX_BODY_BYTES = 10_000_000

# The state of an execution may have 256 KiB. Of these, 24 KiB are reserved for a response body of
# 4 KiB, each byte of which JSON may write as six. Another 4 KiB are reserved for the verdict, the
# delay and the record of the attempt.
MAX_DOCUMENT_BYTES = 228 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A message that can be delivered.

    Args:
        idempotency: the idempotency record: what identifies the message, where it goes and when.
        request: what is sent.
        policy: the retry policy of the message.
        policies: the retry policies of endpoints that override parts of it, by endpoint id.
        claim: the reference to the payload in S3, if the payload is too large for a queue message;
            otherwise None.
        readdress: returns the message with other recipients. A duplicate needs it, since it goes to
            the recipients of the first acceptance. None for a message that names its recipients.
    """

    idempotency: IdempotencyRecord
    request: Request
    policy: Policy
    policies: Mapping[str, Policy] = field(default_factory=dict)
    claim: PayloadReference | None = None
    readdress: Callable[[Recipients], Message] | None = field(default=None, repr=False)

    def deliveries(self) -> tuple[Delivery, ...]:
        """Return one delivery for each target, in its state before the first attempt."""
        claimed = replace(self.request, payload="", claim=self.claim)
        return tuple(
            Delivery(
                reference=reference,
                request=claimed if self.claim else self.request,
                policy=self.policies.get(reference.endpoint_id or "", self.policy),
                attempt_number=0,
                due_at=self.idempotency.due_at,
                expires_at=self.idempotency.expires_at,
            )
            for reference in self.idempotency.references()
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that a deployment has for all messages.

    Args:
        default_policy: the retry policy that messages and endpoints override.
        retention: how long the records of a message are kept after its first attempt is due.
        guard: decides which targets may be reached.
        new_id: returns a `messageId` for a message without one.
    """

    default_policy: Policy
    retention: timedelta
    guard: AddressGuard
    new_id: Callable[[], str]

    @classmethod
    def of_deployment(cls, settings: AcceptSettings, guard: AddressGuard) -> Self:
        """Return the rules of a deployment; a message without a `messageId` gets a random one."""
        return cls(
            default_policy=settings.default_policy,
            retention=timedelta(days=settings.retention_days),
            guard=guard,
            new_id=lambda: f"msg_{secrets.token_hex(16)}",
        )


def fingerprint(recipients: Sequence[str], request: Request) -> str:
    """Return the SHA-256 of the recipients (in any order), the content type and the payload.

    Headers, policy and times are not part of it, so a duplicate may differ in them.
    """
    content = [sorted(recipients), request.content_type, request.payload]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A validated request, which becomes a message once its recipients are known."""

    given: MessageRequest
    sender_id: str
    message_id: str
    request: Request
    now: datetime
    rules: Rules

    @property
    def timestamp(self) -> str:
        return self.given.timestamp or to_text(self.now)

    def event(self) -> Event:
        return Event(
            event_type=self.given.event_type or "",
            sender_id=self.sender_id,
            timestamp=self.timestamp,
            payload=self.request.payload if is_json(self.request.content_type) else None,
        )

    def to(self, to: Recipients) -> Message:
        """Return the message, addressed to these recipients."""
        idempotency = self._idempotency(to)
        first_attempt_in = first_attempt_at(self.now, idempotency.deliver_at) - self.now
        default = self.rules.default_policy
        policy = _policy(self.given, default, first_attempt_in)
        policies = {
            endpoint_id: _policy(self.given, override(default, own), first_attempt_in)
            for endpoint_id, own in to.policies.items()
        }
        lives = (longest_life(each, first_attempt_in) for each in (policy, *policies.values()))
        # A delivery may wait for up to a year in its line, or for an endpoint that has limits.
        life = YEAR if to.may_be_full or self.given.ordering_key else max(lives)
        readdress = None if names_recipients(self.given) else self.to
        message = Message(idempotency, self.request, policy, policies, readdress=readdress)
        return _with_payload_reference(message, life)

    def _idempotency(self, to: Recipients) -> IdempotencyRecord:
        given = self.given
        first_attempt = first_attempt_at(self.now, given.deliver_at)
        return IdempotencyRecord(
            message_id=self.message_id,
            sender_id=self.sender_id,
            timestamp=self.timestamp,
            correlation_id=given.correlation_id or self.message_id,
            created_at=to_text(self.now),
            targets=to.targets,
            deliver_at=given.deliver_at,
            fingerprint=fingerprint(to.names, self.request),
            expires_at=ceil((first_attempt + self.rules.retention).timestamp()),
            endpoint_ids=to.endpoint_ids,
            event_type=given.event_type,
            ordering_key=given.ordering_key,
        )


def parse_message(
    body: str | bytes,
    *,
    now: datetime,
    rules: Rules,
    find_subscribers: FindSubscribers,
    only_sender: str | None = None,
    find_endpoints: FindEndpoints = no_endpoints,
) -> Message:
    """Read the body of `POST /v1/messages` (docs/api.md).

    A `deliverAt` that has passed is not refused here, since the message may be a duplicate
    (`IdempotencyRecord.is_overdue`).

    Args:
        body: the request body, as bytes or as text.
        now: when it was received.
        rules: the rules of the deployment.
        find_subscribers: looks up the endpoints that subscribe to the message's event. It is called
            if the message names no recipient.
        only_sender: the only sender that the request may act for (`acting_sender`); None when it
            may act for any.
        find_endpoints: looks up the endpoints that the message names.

    Raises:
        InvalidMessageError: when the request is invalid; lists all errors that can be found at
            once.
    """
    given, payload = check_request(_read(body), now, rules.guard)
    sender_id = acting_sender(given.sender_id, only_sender)
    draft = _Draft(
        given,
        sender_id,
        given.message_id or rules.new_id(),
        Request(payload, given.content_type or DEFAULT_CONTENT_TYPE, given.headers),
        now,
        rules,
    )
    if names_recipients(given):
        return draft.to(recipients(given, sender_id, find_endpoints))
    return draft.to(subscribers(draft.event(), find_subscribers))


def trial_message(endpoint_id: str, sender_id: str) -> str:
    """Return the request body of a test message to an endpoint.

    It allows only one attempt, so that the delivery ends soon.
    """
    return json.dumps(
        {
            "endpointId": endpoint_id,
            "senderId": sender_id,
            "payload": {"type": "homing.test", "endpointId": endpoint_id},
            "policy": {"maxAttempts": 1},
        }
    )


def _read(body: str | bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise _too_large(f"makes the request longer than {MAX_BODY_BYTES} bytes")
    members = split_members(decode(body))
    return {
        name: source if name == "payload" else read_value(name, source)
        for name, source in members.items()
    }


def _policy(given: MessageRequest, default: Policy, first_attempt_in: timedelta) -> Policy:
    policy = override(default, given.policy.override()) if given.policy else default
    try:
        return fit_lifetime(policy, first_attempt_in)
    except ValueError as error:
        name = "deliverAt" if given.deliver_at else "policy"
        raise InvalidMessageError([FieldError(name, str(error))]) from error


def _with_payload_reference(message: Message, life: timedelta) -> Message:
    """Return the message, with a reference in place of a payload that is too large.

    A payload is also too large if it makes its delivery document too large: there, JSON writes each
    quote in the payload as two characters.
    """
    body = message.request.payload.encode()
    if len(body) <= MAX_INLINE_BYTES:
        texts = (document_text(delivery.to_document()) for delivery in message.deliveries())
        if max((len(text.encode()) for text in texts), default=0) <= MAX_DOCUMENT_BYTES:
            return message
    return replace(message, claim=reference_for(message.idempotency.key, body, life))


def _too_large(message: str) -> InvalidMessageError:
    return InvalidMessageError([FieldError("payload", message)], 413)
