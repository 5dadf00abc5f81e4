"""The request bodies of the routes under `/v1/endpoints`, as models for pydantic and OpenAPI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from homing.credentials.secret_rotation import DEFAULT_GRACE, MAX_GRACE
from homing.credentials.signing import check_secret
from homing.endpoints.endpoint import Ordering, Signing  # noqa: TC001 -- pydantic reads the annotations
from homing.endpoints.rate import HIGHEST_RATE, LOWEST_RATE
from homing.endpoints.registry import Change
from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import ENDPOINT_ID
from homing.reception.policy_override import PolicyOverride, conflicts, override
from homing.reception.raw_json import decode, read_value, split_members
from homing.reception.request_model import (
    WHOLE,
    EventType,
    Fields,
    Headers,
    Maybe,
    PolicyRequest,
    Url,
    Whole,
    optional,
    read_fields,
)
from homing.routing.operators import PatternError
from homing.routing.subscriptions import check_subscribed, compile_filter
from homing.targets.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing.retry.policy import Policy
    from homing.targets.address_guard import AddressGuard

MAX_BODY_BYTES = 64 * 1024
MAX_DESCRIPTION_LENGTH = 500
MAX_ATTEMPTS_AT_ONCE = 100
MAX_EVENT_TYPES = 50
MAX_PAGE = 100

_LIMIT = re.compile("[0-9]{1,9}")


def _check_rate(rate: float) -> float:
    if 0 < rate < LOWEST_RATE:
        raise ValueError(f"must be 0, for no limit, or from {LOWEST_RATE:g} to {HIGHEST_RATE:g}")
    return int(rate) if rate.is_integer() else rate  # so that answers contain 20, not 20.0


SubscribedType = Annotated[EventType, AfterValidator(check_subscribed)]
SubscribedTypes = Annotated[list[SubscribedType], Field(max_length=MAX_EVENT_TYPES)]
Secret = Annotated[str, AfterValidator(check_secret)]
Rate = Annotated[
    float, Field(ge=0, le=HIGHEST_RATE, allow_inf_nan=False), AfterValidator(_check_rate)
]


class EndpointChange(Fields):
    """The fields of an endpoint that a request changes; the other fields stay unchanged."""

    url: Maybe[Url] = optional("Where to deliver.")
    description: Maybe[Annotated[str, Field(max_length=MAX_DESCRIPTION_LENGTH)]] = optional(
        "A description for people."
    )
    policy: Maybe[PolicyRequest] = optional(
        "Fields of the retry policy to override for this endpoint; a message's own policy takes "
        "precedence over them."
    )
    headers: Maybe[Headers] = optional(
        "Headers of every attempt. They are write-only, since they usually hold credentials: "
        "responses contain only their names. A message's header with the same name takes "
        "precedence. If the endpoint has headers, a request that changes the scheme, host or port "
        "of its url must contain `headers` again ({} to remove them)."
    )
    event_types: Maybe[SubscribedTypes] = optional(
        "The event types that the endpoint subscribes to, e.g. order.paid. order.* stands for all "
        "that begin with `order.`, * for all. The endpoint gets the messages that have "
        "one of these types and name no recipient. [] for none."
    )
    filter: Maybe[dict[str, Any]] = optional(
        "An event pattern in the language of EventBridge rules, with fields among eventType, "
        "senderId, timestamp and payload. Of the events that the endpoint subscribes to, it gets "
        "only those that match. {} for no pattern."
    )
    attempts_at_once: Maybe[Annotated[int, Field(ge=0, le=MAX_ATTEMPTS_AT_ONCE), WHOLE]] = optional(
        "How many attempts to the endpoint may run concurrently; others wait for a concurrency "
        "slot. 0: no limit."
    )
    rate_per_second: Maybe[Rate] = optional(
        f"How many attempts to the endpoint may be made per second, {LOWEST_RATE:g} to "
        f"{HIGHEST_RATE:g}, counting first attempts, retries and redrives together. Others wait "
        "for a rate slot. 0: no limit."
    )
    ordering: Maybe[Annotated[Ordering, Field(strict=False)]] = optional(
        "What happens after a message with an orderingKey fails for good. skip (the default): the "
        "next message is sent. block: the line waits until the failed message is redriven or "
        "cancelled."
    )
    signing: Maybe[Annotated[Signing, Field(strict=False)]] = optional(
        "The kind of the endpoint's next signing secret: v1 (HMAC-SHA256) or v1a (ed25519)."
    )
    enabled: Maybe[bool] = optional(
        "Whether messages are delivered to the endpoint; if not, they are dead-lettered. Default: "
        "unchanged, and true for a new endpoint."
    )


class EndpointRequest(EndpointChange):
    """An endpoint to create or replace.

    Omitted fields get their defaults, except `enabled`, which a replaced endpoint keeps.
    """

    url: Url = Field(description="Where to deliver.")


class RotationRequest(Fields):
    """A request to rotate a signing secret; every field is optional."""

    grace_seconds: Whole = Field(
        int(DEFAULT_GRACE.total_seconds()),
        ge=0,
        le=int(MAX_GRACE.total_seconds()),
        description="How long requests continue to be signed with the old secrets, too.",
    )
    secret: Maybe[Secret] = optional("The new secret, whsec_... or whsk_...; generated by default.")


def read_endpoint(
    model: type[EndpointChange], body: str | bytes, guard: AddressGuard, default: Policy
) -> Change:
    """Read the body of a request to create or change an endpoint.

    Args:
        model: EndpointRequest or EndpointChange.
        body: the request body.
        guard: decides which targets may be reached.
        default: the retry policy that the endpoint overrides.

    Raises:
        InvalidMessageError: when the body is invalid; contains all errors. An invalid
            combination of the policy with the default is reported only if there is no other error.
    """
    raw, filter_text = _read(body)
    request, errors = read_fields(model, raw)
    errors += _filter_errors(filter_text)
    policy = raw.get("policy")
    errors += conflicts(policy) if isinstance(policy, dict) else []
    if request and request.url and (refusal := guard.check_url(parse_target(request.url))):
        errors.append(FieldError("url", refusal.sentence))
    if request is None or errors:
        raise InvalidMessageError(errors)
    override(default, request.policy.override() if request.policy else PolicyOverride())
    return Change(
        url=request.url,
        description=request.description,
        policy=policy,
        headers=request.headers,
        event_types=None if request.event_types is None else tuple(request.event_types),
        filter=filter_text if request.filter != {} else "",
        attempts_at_once=request.attempts_at_once,
        rate_per_second=request.rate_per_second,
        ordering=request.ordering,
        signing=request.signing,
        enabled=request.enabled,
    )


def read_rotation(body: str | bytes) -> RotationRequest:
    """Read the body of a request to rotate a secret; an empty body means the defaults.

    Raises:
        InvalidMessageError: when the body is invalid; contains all errors.
    """
    request, errors = read_fields(RotationRequest, _members(body) if body else {})
    if request is None:
        raise InvalidMessageError(errors)
    return request


def check_id(endpoint_id: str) -> str:
    """Return the id of an endpoint after checking it.

    Raises:
        InvalidMessageError: when the id is invalid.
    """
    try:
        return ENDPOINT_ID.check(endpoint_id)
    except ValueError as error:
        raise InvalidMessageError([FieldError("endpointId", str(error))]) from error


def read_page(query: Mapping[str, str]) -> tuple[str | None, int]:
    """Return `after` and `limit` of a request to list endpoints.

    Raises:
        InvalidMessageError: when `limit` is out of range or `after` is not a valid id.
    """
    after = query.get("after") or None
    if after is not None and not ENDPOINT_ID.allows(after):
        raise InvalidMessageError([FieldError("after", "is not the id of an endpoint")])
    return after, read_limit(query)


def read_limit(query: Mapping[str, str]) -> int:
    """Return the `limit` of a request for a list.

    Raises:
        InvalidMessageError: when `limit` is out of range.
    """
    limit = query.get("limit", str(MAX_PAGE))
    if _LIMIT.fullmatch(limit) is None or not 1 <= int(limit) <= MAX_PAGE:
        raise InvalidMessageError([FieldError("limit", f"must be a number from 1 to {MAX_PAGE}")])
    return int(limit)


def _filter_errors(text: str | None) -> Iterator[FieldError]:
    """Yield the errors in a filter, an event pattern written as JSON text.

    There are none in `{}`, which means no filter. Text that is not a JSON object is skipped, since
    `read_fields` has already reported it.
    """
    if text is None or not text.startswith("{") or not text.strip("{} \t\r\n"):
        return
    try:
        compile_filter(text)
    except PatternError as error:
        yield FieldError(f"filter.{error.place}".rstrip("."), error.message)


def _read(body: str | bytes) -> tuple[dict[str, Any], str | None]:
    """Return the values of the members of a body, and the JSON text of its member `filter`."""
    sources = sources_of(body)
    members = {name: read_value(name, source) for name, source in sources.items()}
    return members, sources.get("filter")


def _members(body: str | bytes) -> dict[str, Any]:
    return {name: read_value(name, source) for name, source in sources_of(body).items()}


def sources_of(body: str | bytes) -> dict[str, str]:
    """Return the JSON text of each member of a request about endpoints, by the member's name.

    Raises:
        InvalidMessageError: when the body is too long or not a JSON object.
    """
    if len(body) > MAX_BODY_BYTES:
        too_long = FieldError("body", f"is longer than {MAX_BODY_BYTES} bytes")
        raise InvalidMessageError([too_long], 413)
    return split_members(decode(body))
