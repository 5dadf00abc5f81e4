"""The bodies of requests about endpoints, as pydantic checks them and OpenAPI shows them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from homing.endpoints.endpoint import Signing  # noqa: TC001 -- pydantic reads the annotations
from homing.endpoints.secret_rotation import DEFAULT_GRACE, MAX_GRACE
from homing.endpoints.signing import check_secret
from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import ENDPOINT_ID
from homing.reception.policy_override import conflicts, override
from homing.reception.raw_json import decode, read_value, split_members
from homing.reception.request_model import (
    Fields,
    Headers,
    PolicyRequest,
    Url,
    Whole,
    optional,
    read_fields,
)
from homing.targets.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing.retry.policy import Policy
    from homing.targets.address_guard import AddressGuard

MAX_BODY_BYTES = 64 * 1024
MAX_DESCRIPTION_LENGTH = 500
MAX_ATTEMPTS_AT_ONCE = 100
MAX_PAGE = 100

_LIMIT = re.compile("[0-9]{1,9}")

Secret = Annotated[str, AfterValidator(check_secret)]


class EndpointChange(Fields):
    """What to change of an endpoint; the rest stays as it is."""

    url: Url = optional("Where to deliver.")
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION_LENGTH)] = optional("For people.")
    policy: PolicyRequest = optional(
        "What of the retry policy it overrides; a message's own policy overrides this."
    )
    headers: Headers = optional(
        "Headers of every attempt. They are write-only, since they hold credentials as a rule; "
        "answers give their names. Those of a message win. A url with another scheme, host or port "
        "wants them again, {} for none, where there are any."
    )
    attempts_at_once: Whole = optional(
        "How many attempts it allows at once; more wait for a concurrency slot. 0 for any number.",
        ge=0,
        le=MAX_ATTEMPTS_AT_ONCE,
    )
    signing: Annotated[Signing, Field(strict=False)] = optional(
        "What kind of secret the next one will be: v1 (HMAC-SHA256) or v1a (ed25519)."
    )
    enabled: bool = optional(
        "Whether anything is sent to it; otherwise messages are dead-lettered. "
        "Left out: as it was, and true for a new one."
    )


class EndpointRequest(EndpointChange):
    """An endpoint. What is left out is the default, but for `enabled` when one is replaced."""

    url: Url = Field(description="Where to deliver.")


class RotationRequest(Fields):
    """A new signing secret; all of it may be left out."""

    grace_seconds: Whole = Field(
        int(DEFAULT_GRACE.total_seconds()),
        ge=0,
        le=int(MAX_GRACE.total_seconds()),
        description="How long the secrets of before go on signing beside it.",
    )
    secret: Secret = optional("The new secret, where it is not to be made: whsec_... or whsk_...")


def read_endpoint(
    model: type[EndpointChange], body: str | bytes, guard: AddressGuard, default: Policy
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the body of a request that sets an endpoint up or changes it.

    Args:
        model: which of the two.
        body: the request body.
        guard: which targets may be reached.
        default: the policy that the endpoint's own is laid over.

    Returns:
        The fields that were given, in snake case, and the `policy` as it was written.

    Raises:
        InvalidMessageError: with everything that is wrong.
    """
    raw = _members(body)
    given, errors = read_fields(model, raw)
    policy = raw.get("policy", {})
    errors += conflicts(policy) if isinstance(policy, dict) else []
    if "url" in given and (refusal := guard.check_url(parse_target(given["url"]))):
        errors.append(FieldError("url", refusal.sentence))
    if errors:
        raise InvalidMessageError(errors)
    override(default, given.get("policy", {}))
    return given, policy


def read_rotation(body: str | bytes) -> dict[str, Any]:
    """Read the body of a request to rotate a secret; an empty one asks for the defaults.

    Raises:
        InvalidMessageError: with everything that is wrong.
    """
    given, errors = read_fields(RotationRequest, _members(body) if body else {})
    if errors:
        raise InvalidMessageError(errors)
    return given


def check_id(endpoint_id: str) -> str:
    """Give the id of an endpoint back.

    Raises:
        InvalidMessageError: when none can have this id.
    """
    try:
        return ENDPOINT_ID.check(endpoint_id)
    except ValueError as error:
        raise InvalidMessageError([FieldError("endpointId", str(error))]) from error


def read_page(query: Mapping[str, str]) -> tuple[str | None, int]:
    """Read which endpoints to list: those behind `after`, `limit` at most.

    Raises:
        InvalidMessageError: when `limit` is out of range, or `after` is no id.
    """
    limit, after = query.get("limit", str(MAX_PAGE)), query.get("after") or None
    errors = []
    if _LIMIT.fullmatch(limit) is None or not 1 <= int(limit) <= MAX_PAGE:
        errors.append(FieldError("limit", f"must be a number from 1 to {MAX_PAGE}"))
    if after is not None and not ENDPOINT_ID.allows(after):
        errors.append(FieldError("after", "is not the id of an endpoint"))
    if errors:
        raise InvalidMessageError(errors)
    return after, int(limit)


def _members(body: str | bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        too_long = FieldError("body", f"is longer than {MAX_BODY_BYTES} bytes")
        raise InvalidMessageError([too_long], 413)
    members = split_members(decode(body))
    return {name: read_value(name, source) for name, source in members.items()}
