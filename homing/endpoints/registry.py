"""Changes of endpoints: create, replace, change, rotate the secret."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from homing.endpoints.confidential import Confidential, owner_of_endpoint
from homing.endpoints.endpoint import Endpoint, Signing
from homing.endpoints.secret_rotation import DEFAULT_GRACE, RotationError, SigningSecret, rotate
from homing.endpoints.signing import (
    PRIVATE_KEY_PREFIX,
    SigningError,
    generate_private_key,
    generate_secret,
    public_key,
)
from homing.errors import FieldError, InvalidMessageError
from homing.targets.target import parse_target
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from homing.endpoints.store import EndpointStore

_PLAIN = ("url", "description", "attempts_at_once", "signing", "enabled")


class ChangedMeanwhileError(Exception):
    """Raised when another request has changed the endpoint at the same time."""


@dataclass(frozen=True, slots=True)
class Change:
    """The changes that a request makes to an endpoint.

    Args:
        given: the given fields, checked, in snake case.
        policy: `policy` as the request has it.
    """

    given: Mapping[str, Any]
    policy: Mapping[str, Any]


def set_up(
    store: EndpointStore, sender_id: str, endpoint_id: str, change: Change, now: datetime
) -> tuple[Endpoint, str | None]:
    """Create an endpoint, or replace all of one except its secrets.

    Returns:
        The endpoint and, if it is new, its secret.

    Raises:
        InvalidMessageError: when this kind of signing is not available.
        ChangedMeanwhileError: when another request changed it at the same time.
    """
    known = store.endpoints.find(sender_id, endpoint_id)
    if known is not None:
        bare = _bare(known, now)
        return _saved(store, _changed(bare, change, now), change.given.get("headers", {})), None
    text = to_text(now)
    new = _changed(Endpoint(sender_id, endpoint_id, "", text, text, version=0), change, now)
    secret = _new_secret(new.signing)
    headers = change.given.get("headers", {})
    if not store.save(new, Confidential((SigningSecret(secret, now),), headers)):
        raise ChangedMeanwhileError
    return new, secret


def modify(
    store: EndpointStore, sender_id: str, endpoint_id: str, change: Change, now: datetime
) -> Endpoint | None:
    """Change fields of an endpoint and return it; None if there is no such endpoint.

    Raises:
        InvalidMessageError: when this kind of signing is not available, or the URL moves to another
            origin and the request has no headers.
        ChangedMeanwhileError: when another request changed it at the same time.
    """
    known = store.endpoints.find(sender_id, endpoint_id)
    if known is None:
        return None
    _check_headers_stay(known, change.given)
    return _saved(store, _changed(known, change, now), change.given.get("headers"))


def rotate_secret(
    store: EndpointStore,
    endpoint: Endpoint,
    given: Mapping[str, Any],
    now: datetime,
) -> tuple[str, tuple[SigningSecret, ...]]:
    """Give an endpoint a new secret, generated or from the request.

    Args:
        store: the tables.
        endpoint: the endpoint.
        given: the fields of the request, checked, in snake case.
        now: the time of the rotation.

    Returns:
        The new secret, and all active secrets, the newest first.

    Raises:
        InvalidMessageError: when the rotation is refused.
        ChangedMeanwhileError: when another request changed it at the same time.
    """
    owner = owner_of_endpoint(endpoint.sender_id, endpoint.endpoint_id)
    known = store.secrets.find(owner)
    if known is None:  # deleted a moment ago
        raise ChangedMeanwhileError
    secret = given.get("secret") or _new_secret(endpoint.signing)
    grace = timedelta(seconds=given.get("grace_seconds", DEFAULT_GRACE.total_seconds()))
    try:
        secrets = rotate(known.secrets, secret, now, grace)
    except RotationError as error:
        raise InvalidMessageError([FieldError("secret", str(error))]) from error
    if not store.secrets.put(owner, replace(known, secrets=secrets, version=known.version + 1)):
        raise ChangedMeanwhileError
    return secret, secrets


def secret_document(secret: str) -> dict[str, str]:
    """Return what the API shows of a new secret: the secret, or the public key of a private one.

    A private key is never returned; receivers check signatures with the public key.
    """
    if secret.startswith(PRIVATE_KEY_PREFIX):
        return {"publicKey": public_key(secret)}
    return {"secret": secret}


def _bare(known: Endpoint, now: datetime) -> Endpoint:
    """Return an endpoint without its settings; a disabled one stays disabled."""
    return Endpoint(
        known.sender_id,
        known.endpoint_id,
        known.url,
        known.created_at,
        to_text(now),
        enabled=known.enabled,
        disabled_at=known.disabled_at,
        disabled_reason=known.disabled_reason,
        version=known.version,
    )


def _check_headers_stay(known: Endpoint, given: Mapping[str, Any]) -> None:
    """Refuse to send the headers to another origin unless the request has them."""
    moves = "url" in given and parse_target(given["url"]).origin != parse_target(known.url).origin
    if moves and known.header_names and "headers" not in given:
        names = ", ".join(known.header_names)
        message = (
            f"must be given again when the URL moves to another scheme, host or port ({{}} for "
            f"none), since the values of {names} are for the old URL"
        )
        raise InvalidMessageError([FieldError("headers", message)])


def _changed(endpoint: Endpoint, change: Change, now: datetime) -> Endpoint:
    given = change.given
    changes: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    if "signing" in given:
        _new_secret(given["signing"])  # refused now rather than at the next rotation
    if "policy" in given:
        changes["policy"] = change.policy
    if "headers" in given:
        changes["header_names"] = tuple(given["headers"])
    if _starts_afresh(endpoint, given):
        changes["failing_since"] = None
    if given.get("enabled") is True:
        changes |= {"disabled_at": None, "disabled_reason": None}
    elif given.get("enabled") is False and endpoint.enabled:
        changes |= {"disabled_at": to_text(now), "disabled_reason": "by its sender"}
    return replace(endpoint, updated_at=to_text(now), version=endpoint.version + 1, **changes)


def _starts_afresh(endpoint: Endpoint, given: Mapping[str, Any]) -> bool:
    """Return whether a change makes previous failures irrelevant."""
    moves = given.get("url", endpoint.url) != endpoint.url
    return moves or "headers" in given or given.get("enabled") is True


def _saved(store: EndpointStore, endpoint: Endpoint, headers: Mapping[str, str] | None) -> Endpoint:
    confidential = None
    if headers is not None:
        known = store.secrets.find(owner_of_endpoint(endpoint.sender_id, endpoint.endpoint_id))
        if known is None:
            raise ChangedMeanwhileError
        confidential = replace(known, headers=headers, version=known.version + 1)
    if not store.save(endpoint, confidential):
        raise ChangedMeanwhileError
    return endpoint


def _new_secret(signing: Signing) -> str:
    if signing is Signing.V1:
        return generate_secret()
    secret = generate_private_key()
    try:
        public_key(secret)
    except SigningError as error:
        raise InvalidMessageError([FieldError("signing", str(error))]) from error
    return secret
