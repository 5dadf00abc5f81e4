"""What senders do with their endpoints: set up, change, look at, delete, give a new secret."""

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
    """Raised when somebody else has changed the endpoint at the same time; try again."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a request asks of an endpoint.

    Args:
        given: the fields that it gives, in snake case, checked.
        policy: its `policy` as it was written.
    """

    given: Mapping[str, Any]
    policy: Mapping[str, Any]


def set_up(
    store: EndpointStore, sender_id: str, endpoint_id: str, change: Change, now: datetime
) -> tuple[Endpoint, str | None]:
    """Make an endpoint, or replace one but for its secrets.

    Returns:
        The endpoint and, if it is new, the secret that it signs with.

    Raises:
        InvalidMessageError: when there is no signing as asked for.
        ChangedMeanwhileError: see there.
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
    """Change some of an endpoint; None if there is no such.

    Raises:
        InvalidMessageError: when there is no signing as asked for, or the URL moves to another
            origin without word of the headers.
        ChangedMeanwhileError: see there.
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
    """Give an endpoint a new secret, made or brought along.

    Args:
        store: where it is kept.
        endpoint: whose.
        given: the fields of the request, in snake case, checked.
        now: the time of the rotation.

    Returns:
        The new secret, and all that sign now, the newest first.

    Raises:
        InvalidMessageError: when there is no such rotation.
        ChangedMeanwhileError: see there.
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
    """Give what is told of a new secret, this once: it, or the public key that belongs to it.

    A private key never leaves; a receiver checks with the public one.
    """
    if secret.startswith(PRIVATE_KEY_PREFIX):
        return {"publicKey": public_key(secret)}
    return {"secret": secret}


def _bare(known: Endpoint, now: datetime) -> Endpoint:
    """Give what is left of an endpoint that is replaced: one that is disabled stays so."""
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
    """Refuse to take headers along to another origin: whoever moves the URL must know them."""
    moves = "url" in given and parse_target(given["url"]).origin != parse_target(known.url).origin
    if moves and known.header_names and "headers" not in given:
        names = ", ".join(known.header_names)
        message = (
            f"must be given again with a URL at another scheme, host or port, or {{}} for none: "
            f"the values of {names} were meant for the URL of before"
        )
        raise InvalidMessageError([FieldError("headers", message)])


def _changed(endpoint: Endpoint, change: Change, now: datetime) -> Endpoint:
    given = change.given
    changes: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    if "signing" in given:
        _new_secret(given["signing"])  # better refused now than at its next rotation
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
    """Return whether the failures of before say nothing of the endpoint as it will be."""
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
