"""Subscriptions: which endpoints of a sender get an event, given their `eventTypes` and `filter`.

A message with an event type and without a recipient goes to all these endpoints. They are
determined once, when the message is accepted (docs/events.md).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from homing.routing.operators import PatternError, json_text, read_json
from homing.routing.pattern import Mismatch, Pattern, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from homing.endpoints.endpoint import Endpoint
    from homing.endpoints.endpoints_table import EndpointsTable

FIELDS = ("eventType", "senderId", "timestamp", "payload")

FRESH_SECONDS = 30  # how long cached subscriptions are used
MAX_KEPT = 5000  # how many endpoints, of all senders together, a container caches

_PAYLOAD = "payload"


@dataclass(frozen=True)
class Event:
    """An event, in the form that filters are matched against.

    Args:
        event_type: the type of the event.
        sender_id: the sender of the event.
        timestamp: the time of the message, in ISO 8601.
        payload: the payload as JSON text; None if it is not JSON.
    """

    event_type: str
    sender_id: str
    timestamp: str
    payload: str | None

    @property
    def head(self) -> dict[str, Any]:
        """The event without its payload, for filters that have no rule for the payload."""
        return {
            "eventType": self.event_type,
            "senderId": self.sender_id,
            "timestamp": self.timestamp,
        }

    @cached_property
    def whole(self) -> dict[str, Any]:
        """The event with its payload, which is parsed only when a filter first needs it."""
        return {**self.head, _PAYLOAD: None if self.payload is None else read_json(self.payload)}


@dataclass(frozen=True, slots=True)
class Subscription:
    """An endpoint with its compiled filter."""

    endpoint: Endpoint
    pattern: Pattern | None

    @classmethod
    def of(cls, endpoint: Endpoint) -> Subscription:
        """Return the subscription of an endpoint."""
        return cls(endpoint, compile_filter(endpoint.filter) if endpoint.filter else None)

    def matches(self, event: Event) -> bool:
        """Return whether the endpoint gets an event, regardless of whether it is enabled."""
        if not any(covers(each, event.event_type) for each in self.endpoint.event_types):
            return False
        if self.pattern is None:
            return True
        if _PAYLOAD not in self.pattern.names:
            return self.pattern.matches(event.head)
        return event.payload is not None and self.pattern.matches(event.whole)

    def mismatches(self, event: Event) -> tuple[Mismatch, ...]:
        """Return why the endpoint does not get an event; empty if it does."""
        types = self.endpoint.event_types
        if not types:
            return (Mismatch("eventTypes", "is empty, so the endpoint gets no events"),)
        if not any(covers(each, event.event_type) for each in types):
            message = f"has none for {json_text(event.event_type)}: {json_text(list(types))}"
            return (Mismatch("eventTypes", message),)
        if self.pattern is None:
            return ()
        if _PAYLOAD in self.pattern.names and event.payload is None:
            return (Mismatch("filter.payload", "needs a payload that is JSON"),)
        return tuple(
            Mismatch(f"filter.{each.place}".rstrip("."), each.message)
            for each in self.pattern.mismatches(event.whole)
        )


def explain(
    endpoints: Iterable[Endpoint], event: Event
) -> list[tuple[Endpoint, tuple[Mismatch, ...]]]:
    """Return each endpoint with the reasons why it does not get an event; no reasons if it does."""
    explained, first = [], dict[str, str]()
    for endpoint in endpoints:
        mismatches = Subscription.of(endpoint).mismatches(event)
        if not mismatches:
            same = first.setdefault(endpoint.url, endpoint.endpoint_id)
            if same != endpoint.endpoint_id:
                message = f"is that of {same}, which gets the event"
                mismatches = (Mismatch("url", message),)
        explained.append((endpoint, mismatches))
    return explained


class Subscriptions:
    """Reads the subscriptions of each sender at most once in `FRESH_SECONDS`.

    Args:
        endpoints: the endpoints table.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self, endpoints: EndpointsTable, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, tuple[Subscription, ...]]] = OrderedDict()

    def of_sender(self, sender_id: str) -> tuple[Subscription, ...]:
        """Return the subscriptions of a sender, ordered by endpoint id.

        Raises:
            BotoCoreError, ClientError: when the table cannot be read.
        """
        read_at, known = self._known.get(sender_id, (float("-inf"), ()))
        now = self._clock()
        if now - read_at >= FRESH_SECONDS:
            known = _read_again(known, self._endpoints.of_sender(sender_id))
            self._keep(sender_id, now, known)
        return known

    def _keep(self, sender_id: str, now: float, found: tuple[Subscription, ...]) -> None:
        self._known[sender_id] = (now, found)
        self._known.move_to_end(sender_id)
        count = sum(len(each) + 1 for _, each in self._known.values())
        while count > MAX_KEPT and len(self._known) > 1:
            _, (_, dropped) = self._known.popitem(last=False)
            count -= len(dropped) + 1


def compile_filter(text: str) -> Pattern:
    """Compile the filter of an endpoint.

    Raises:
        PatternError: when it is not an event pattern, or names a field that no event has.
    """
    pattern = compile_pattern(text)
    if unknown := sorted(pattern.names.difference(FIELDS)):
        fields = ", ".join(FIELDS)
        message = f"is not a field of events, which have {fields}"
        if unknown[0] in {"detail", "detail-type", "source"}:
            message += ". Use payload instead of detail, and eventType instead of detail-type"
        raise PatternError(unknown[0], message)
    return pattern


def covers(subscribed: str, event_type: str) -> bool:
    """Return whether an entry of `eventTypes`, such as `order.*`, matches an event type."""
    if subscribed.endswith(".*"):
        return event_type.startswith(subscribed[:-1]) and len(event_type) >= len(subscribed)
    return subscribed in {"*", event_type}


def check_subscribed(text: str) -> str:
    """Return an entry of `eventTypes` after checking that a `*` is the entry or its last segment.

    Raises:
        ValueError: when there is a `*` elsewhere.
    """
    if text != "*" and "*" in text.removesuffix(".*"):
        raise ValueError("may have a * alone or as its last segment only, e.g. order.*")
    return text


def _read_again(
    known: Sequence[Subscription], endpoints: Sequence[Endpoint]
) -> tuple[Subscription, ...]:
    """Return the subscriptions of endpoints. A filter is compiled again only if it has changed."""
    compiled = {each.endpoint.endpoint_id: each for each in known}
    found = []
    for endpoint in endpoints:
        if endpoint.event_types:
            before = compiled.get(endpoint.endpoint_id)
            same = before is not None and before.endpoint.filter == endpoint.filter
            found.append(
                Subscription(endpoint, before.pattern)
                if before is not None and same
                else Subscription.of(endpoint)
            )
    return tuple(found)
