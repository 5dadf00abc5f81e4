"""The recipients of a message: URLs, or endpoints of its sender."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from homing.endpoints.endpoint import Endpoint
from homing.errors import FieldError, InvalidMessageError
from homing.reception.request_model import PolicyRequest

if TYPE_CHECKING:
    from homing.reception.policy_override import PolicyOverride
    from homing.reception.request_model import MessageRequest
    from homing.routing.subscriptions import Event

FindEndpoints = Callable[[str, Sequence[str]], Mapping[str, Endpoint]]
"""Takes a senderId and endpoint ids. Returns those of the sender's endpoints that exist, by id."""

FindSubscribers = Callable[["Event"], Sequence[Endpoint]]
"""Returns the endpoints that an event goes to."""

MAX_SUBSCRIBERS = 100  # the maximum number of endpoints that an event goes to


@dataclass(frozen=True, slots=True)
class Recipients:
    """The recipients of a message.

    Args:
        targets: the URLs, without duplicates.
        endpoint_ids: the endpoints of the URLs, in the same order; empty for plain URLs.
        policies: the fields of the retry policy that each endpoint overrides, by endpoint id.
        may_be_full: whether an endpoint limits its concurrent attempts or its rate, so that
            attempts may be postponed for up to a year (homing/sending/postponement.py).
        event_type: the event type that the endpoints subscribe to; None if the message names its
            recipients.
    """

    targets: tuple[str, ...]
    endpoint_ids: tuple[str, ...] = ()
    policies: Mapping[str, PolicyOverride] = field(default_factory=dict)
    may_be_full: bool = False
    event_type: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the recipients for the fingerprint: the event type, endpoint ids, or URLs.

        A name stays the same when an endpoint or its URL changes.
        """
        if self.event_type is not None:
            return (f"eventType:{self.event_type}",)
        return tuple(f"endpoint:{each}" for each in self.endpoint_ids) or self.targets


def recipients(request: MessageRequest, sender_id: str, find: FindEndpoints) -> Recipients:
    """Return the recipients of a message.

    Args:
        request: the request; each of its fields is valid.
        sender_id: the sender that the endpoints must belong to.
        find: looks up endpoints.

    Raises:
        InvalidMessageError: 404 when the sender has no such endpoint; 400 when two endpoints have
            the same URL, since the URL is part of a delivery's key in the ledger.
    """
    ids = tuple(dict.fromkeys(request.endpoint_ids or _one(request.endpoint_id)))
    if not ids:
        urls = request.targets or _one(request.target_url)
        return Recipients(tuple(dict.fromkeys(urls)))
    found = find(sender_id, ids)
    if errors := [
        FieldError(_field(request, each), "is not an endpoint of this sender")
        for each in ids
        if each not in found
    ]:
        raise InvalidMessageError(errors, 404)
    targets = tuple(found[each].url for each in ids)
    if errors := [
        FieldError(_field(request, each), "has the same URL as another of these endpoints")
        for number, each in enumerate(ids)
        if targets[number] in targets[:number]
    ]:
        raise InvalidMessageError(errors)
    return of_endpoints(targets, ids, found)


def subscribers(event: Event, find: FindSubscribers) -> Recipients:
    """Return the recipients of an event: the endpoints that subscribe to it.

    Of several endpoints with the same URL, only the first gets the event, since the URL is part of
    a delivery's key in the ledger.

    Raises:
        InvalidMessageError: when too many endpoints subscribe to the event.
    """
    first: dict[str, Endpoint] = {}
    for endpoint in find(event):
        first.setdefault(endpoint.url, endpoint)
    if len(first) > MAX_SUBSCRIBERS:
        message = (
            f"goes to {len(first)} endpoints; at most {MAX_SUBSCRIBERS} are allowed: narrow their "
            "eventTypes or filters, or name up to 10 of them in endpointIds"
        )
        raise InvalidMessageError([FieldError("eventType", message)])
    found = {endpoint.endpoint_id: endpoint for endpoint in first.values()}
    to = of_endpoints(tuple(first), tuple(found), found)
    return replace(to, event_type=event.event_type)


def no_subscribers(event: Event) -> Sequence[Endpoint]:
    """Return an empty sequence, as if no endpoint subscribed to the event."""
    del event
    return ()


def of_endpoints(
    targets: tuple[str, ...], ids: tuple[str, ...], found: Mapping[str, Endpoint]
) -> Recipients:
    """Return the endpoints that a message was accepted for, as recipients.

    Args:
        targets: the URLs that the endpoints had when the message was accepted.
        ids: the ids of the endpoints, in the same order.
        found: those of the endpoints that still exist, by id.
    """
    policies = {
        each: PolicyRequest.model_validate(endpoint.policy).override()
        for each, endpoint in found.items()
    }
    may_be_full = any(each.attempts_at_once or each.rate_per_second for each in found.values())
    return Recipients(targets, ids, policies, may_be_full)


def remembering(find: FindEndpoints) -> FindEndpoints:
    """Return a function that looks each endpoint up only once for all messages of a request."""
    known: dict[tuple[str, str], Endpoint | None] = {}

    def look_up(sender_id: str, ids: Sequence[str]) -> Mapping[str, Endpoint]:
        if missing := [each for each in ids if (sender_id, each) not in known]:
            found = find(sender_id, missing)
            known.update({(sender_id, each): found.get(each) for each in missing})
        return {each: endpoint for each in ids if (endpoint := known[sender_id, each])}

    return look_up


def no_endpoints(sender_id: str, ids: Sequence[str]) -> Mapping[str, Endpoint]:
    """Return an empty mapping, as if none of the endpoints existed."""
    del sender_id, ids
    return {}


def _one(value: str | None) -> list[str]:
    return [] if value is None else [value]


def _field(request: MessageRequest, endpoint_id: str) -> str:
    if request.endpoint_ids is None:
        return "endpointId"
    return f"endpointIds[{request.endpoint_ids.index(endpoint_id)}]"
