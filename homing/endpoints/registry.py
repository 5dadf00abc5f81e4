"""Changes to endpoints: create, replace, change, rotate the secret."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from homing.credentials.confidential import Confidential, endpoint_holder
from homing.credentials.secret_rotation import DEFAULT_GRACE, RotationError, SigningSecret, rotate
from homing.credentials.signing import (
    PRIVATE_KEY_PREFIX,
    SigningError,
    generate_private_key,
    generate_secret,
    public_key,
)
from homing.endpoints.endpoint import Endpoint, Ordering, Signing
from homing.errors import FieldError, InvalidMessageError
from homing.targets.target import parse_target
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from homing.endpoints.store import EndpointStore


class ChangedMeanwhileError(Exception):
    """Raised when another request has changed the endpoint at the same time."""


@dataclass(frozen=True, slots=True)
class Change:
    """The validated changes that a request makes to an endpoint; None leaves a field unchanged.

    The fields are those of `Endpoint`, except that `headers` includes the values. `policy` is the
    JSON object of the request, which the API returns unchanged. `filter` is the JSON text of the
    filter; empty for no filter.
    """

    url: str | None = None
    description: str | None = None
    policy: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    event_types: tuple[str, ...] | None = None
    filter: str | None = None
    attempts_at_once: int | None = None
    rate_per_second: float | None = None
    ordering: Ordering | None = None
    signing: Signing | None = None
    enabled: bool | None = None


def set_up(
    store: EndpointStore, sender_id: str, endpoint_id: str, change: Change, now: datetime
) -> tuple[Endpoint, str | None]:
    """Create an endpoint, or replace everything but the secrets of an existing one.

    Returns:
        The endpoint, and the secret of a new endpoint; None for an existing one.

    Raises:
        InvalidMessageError: when the requested kind of signing is not available.
        ChangedMeanwhileError: when another request changed it at the same time.
    """
    known = store.endpoints.find(sender_id, endpoint_id)
    if known is not None:
        bare = _bare(known, now)
        return _saved(store, known, _changed(bare, change, now), change.headers or {}), None
    text = to_text(now)
    new = _changed(Endpoint(sender_id, endpoint_id, "", text, text, version=0), change, now)
    secret = _new_secret(new.signing)
    confidential = Confidential((SigningSecret(secret, now),), change.headers or {})
    if not store.save(new, confidential, has_new_rate=bool(new.rate_per_second)):
        raise ChangedMeanwhileError
    return new, secret


def modify(
    store: EndpointStore, sender_id: str, endpoint_id: str, change: Change, now: datetime
) -> Endpoint | None:
    """Change fields of an endpoint and return it; None if there is no such endpoint.

    Raises:
        InvalidMessageError: when the requested kind of signing is not available, or the URL moves
            to another origin and the request has no headers.
        ChangedMeanwhileError: when another request changed it at the same time.
    """
    known = store.endpoints.find(sender_id, endpoint_id)
    if known is None:
        return None
    _check_headers_stay(known, change)
    return _saved(store, known, _changed(known, change, now), change.headers)


def rotate_secret(
    store: EndpointStore,
    endpoint: Endpoint,
    now: datetime,
    *,
    secret: str | None = None,
    grace: timedelta = DEFAULT_GRACE,
) -> tuple[str, tuple[SigningSecret, ...]]:
    """Replace the signing secret of an endpoint.

    Args:
        store: the tables.
        endpoint: the endpoint.
        now: the time of the rotation.
        secret: the new secret; None to generate one.
        grace: how long requests are signed with the old secrets, too.

    Returns:
        The new secret, and all active secrets, the newest first.

    Raises:
        InvalidMessageError: when the rotation is refused.
        ChangedMeanwhileError: when another request changed it at the same time.
    """
    holder = endpoint_holder(endpoint.sender_id, endpoint.endpoint_id)
    known = store.secrets.find(holder)
    if known is None:  # deleted a moment ago
        raise ChangedMeanwhileError
    new = secret or _new_secret(endpoint.signing)
    try:
        secrets = rotate(known.secrets, new, now, grace)
    except RotationError as error:
        raise InvalidMessageError([FieldError("secret", str(error))]) from error
    if not store.secrets.put(holder, replace(known, secrets=secrets, version=known.version + 1)):
        raise ChangedMeanwhileError
    return new, secrets


def secret_document(secret: str) -> dict[str, str]:
    """Return the members of an API response that show a new secret.

    They contain the secret itself or, for a private key, the public key, with which receivers
    verify signatures. A private key is never shown.
    """
    if secret.startswith(PRIVATE_KEY_PREFIX):
        return {"publicKey": public_key(secret)}
    return {"secret": secret}


def _bare(known: Endpoint, now: datetime) -> Endpoint:
    """Return an endpoint reset to the default settings; if it is disabled, it stays disabled."""
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


def _check_headers_stay(known: Endpoint, change: Change) -> None:
    """Refuse a change that would send the stored headers to another origin.

    Such a change is allowed only if the request contains the headers again.
    """
    url = change.url or known.url
    moves = parse_target(url).origin != parse_target(known.url).origin
    if moves and known.header_names and change.headers is None:
        names = ", ".join(known.header_names)
        message = (
            f"must be given again when the URL moves to another scheme, host or port ({{}} for "
            f"none), since the values of {names} were given for the old URL"
        )
        raise InvalidMessageError([FieldError("headers", message)])


def _changed(endpoint: Endpoint, change: Change, now: datetime) -> Endpoint:
    if change.signing is not None:
        _new_secret(change.signing)  # an invalid `signing` is refused now, not at the next rotation
    changes = {
        "url": change.url,
        "description": change.description,
        "policy": change.policy,
        "header_names": None if change.headers is None else tuple(change.headers),
        "event_types": change.event_types,
        "filter": change.filter,
        "attempts_at_once": change.attempts_at_once,
        "rate_per_second": change.rate_per_second,
        "ordering": change.ordering,
        "signing": change.signing,
        "updated_at": to_text(now),
        "version": endpoint.version + 1,
    }
    given: Any = {name: value for name, value in changes.items() if value is not None}
    changed = replace(endpoint, **given)
    if _starts_afresh(endpoint, change):
        changed = replace(changed, failing_since=None)
    return _switched(changed, change, now)


def _switched(endpoint: Endpoint, change: Change, now: datetime) -> Endpoint:
    """Return the endpoint, enabled or disabled if the change requests that."""
    if change.enabled:
        return replace(endpoint, enabled=True, disabled_at=None, disabled_reason=None)
    if change.enabled is False and endpoint.enabled:
        reason = "by its sender"
        return replace(endpoint, enabled=False, disabled_at=to_text(now), disabled_reason=reason)
    return endpoint


def _starts_afresh(endpoint: Endpoint, change: Change) -> bool:
    """Return whether a change makes previous failures irrelevant."""
    moves = change.url is not None and change.url != endpoint.url
    return moves or change.headers is not None or change.enabled is True


def _saved(
    store: EndpointStore,
    known: Endpoint,
    endpoint: Endpoint,
    headers: Mapping[str, str] | None,
) -> Endpoint:
    has_new_rate = endpoint.rate_per_second != known.rate_per_second
    confidential = None
    if headers is not None:
        kept = store.secrets.find(endpoint_holder(endpoint.sender_id, endpoint.endpoint_id))
        if kept is None:
            raise ChangedMeanwhileError
        confidential = replace(kept, headers=headers, version=kept.version + 1)
    if not store.save(endpoint, confidential, has_new_rate=has_new_rate):
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
