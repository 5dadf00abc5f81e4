"""The bulkhead of the express path: no recipient may occupy all of it.

`dispatch` waits for the first attempts of a batch, so one endpoint that hangs could block every
dispatcher. The bulkhead of each dispatcher limits the concurrent attempts per recipient, including
detached ones. At the limit, a delivery waits until another attempt ends; this wait is short while
the endpoint is fast. If the endpoint is slow, the delivery is deferred: it waits in the Standard
workflow, and no attempt is used up (docs/decisions/0055).

A sender may have many slow endpoints, none of which is known to be slow yet. Therefore, an attempt
to an endpoint that is not known to respond quickly is detached after a brief wait, or without a
wait if another attempt of the same sender is already detached. While several attempts of the sender
are detached, its deliveries to such endpoints move to the Standard workflow immediately
(docs/decisions/0055).

The bulkhead keeps all its state in the memory of one container, so it costs nothing unless a
delivery is deferred.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Reference

# Deliveries to a slow endpoint are deferred for four times as long as its attempt took (for a
# minute after an attempt of 15 s), so that it gets at most a fifth of a dispatcher's time.
_COOL_DOWN = 4
_LONGEST_COOL_DOWN = timedelta(minutes=16)
_LONGEST_WAIT = timedelta(hours=1)  # a delivery is never deferred for longer
_REMEMBERED = 10_000  # recipients; above this number, idle ones are forgotten


class Recipient(NamedTuple):
    """A recipient of attempts: one endpoint or URL of one sender.

    The bulkhead tracks for each recipient whether it is slow.

    Args:
        sender_id: the sender.
        place: the endpoint's id, or the URL without its query.
    """

    sender_id: str
    place: str


def recipient_of(reference: Reference) -> Recipient:
    """Return the recipient of a delivery."""
    if reference.endpoint_id is not None:
        return Recipient(reference.sender_id, reference.endpoint_id)
    parts = urlsplit(reference.target_url)
    return Recipient(reference.sender_id, f"{parts.scheme}://{parts.netloc}".lower() + parts.path)


@dataclass(slots=True)
class _Endpoint:
    """What is known about one recipient.

    Args:
        detached: the detached attempts of the recipient's sender, to this and other recipients.
        is_quick: whether its last attempt was quick.
        permits: the attempts that are under way.
        slow_until: the time before which the express path makes no attempt to it.
        cool_down: how long deliveries were deferred when it was last slow; zero once it is fast.
        judged_at: when an attempt last showed that the recipient is slow.
        next_slot: the earliest time at which the next deferred delivery may be due.
    """

    detached: list[Permit]
    is_quick: bool = False
    permits: list[Permit] = field(default_factory=list)
    slow_until: datetime | None = None
    cool_down: timedelta = timedelta()
    judged_at: datetime | None = None
    next_slot: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """Permission to make one attempt in the express path.

    Args:
        endpoint: the endpoint of the attempt.
        since: when the permit was granted.
        over_by: the time by which the attempt must have ended, even if its end is never reported.
        is_probe: whether the attempt probes an endpoint that was slow.
        longest_wait: how long to wait for the attempt before it is detached.
    """

    endpoint: _Endpoint
    since: datetime
    over_by: datetime
    is_probe: bool
    longest_wait: timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a bulkhead.

    Args:
        at_once: the maximum number of concurrent attempts per recipient.
        attempt_timeout: how long an attempt may take. A delivery waits no longer than that for a
            permit.
        over_after: how long after its start an attempt must have ended, even if its end is never
            reported.
        slow_threshold: an endpoint that takes longer is slow.
        first_wait: how long to wait for an attempt if its endpoint is not known to be quick.
        slow: how many detached attempts of one sender may be slow. When there are this many, the
            sender's deliveries to endpoints that are not known to be quick are deferred.
        detached: the same limit for all detached attempts, slow or not.
    """

    at_once: int
    attempt_timeout: timedelta
    over_after: timedelta
    slow_threshold: timedelta
    first_wait: timedelta = timedelta(milliseconds=150)
    slow: int = 5
    detached: int = 20


class Bulkhead:
    """Grants permits for first attempts in the express path.

    Args:
        limits: its limits.
        clock: returns the time, with a time zone.
    """

    def __init__(
        self, limits: Limits, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._limits = limits
        self._pace = limits.attempt_timeout / limits.at_once
        self._clock = clock
        self._endpoints: dict[Recipient, _Endpoint] = {}
        self._detached: dict[str, list[Permit]] = {}
        self._changed = threading.Condition()

    def enter(self, recipient: Recipient) -> Permit | datetime:
        """Return a permit for a recipient; wait for one unless its endpoint is slow.

        The wait delays nothing else: the batch waits for the recipient's earlier attempts in any
        case. The endpoint is not considered slow just because they have not ended yet, since Lambda
        itself may be slow.

        Returns:
            The permit, if the attempt may be made; call `leave` after the attempt. Otherwise the
            delivery is deferred, and the time at which it is due is returned. It is due immediately
            if too many attempts of its sender are detached. The due times of deliveries to one
            recipient are spread, so that no more than about `at_once` of them run concurrently.
        """
        with self._changed:
            endpoint = self._endpoint(recipient)
            self._suspect_slow(endpoint)
            if self._is_in_doubt(endpoint):
                return self._clock()
            give_up_at = self._clock() + self._limits.attempt_timeout
            while not self._has_room(endpoint):
                now = self._clock()
                if endpoint.slow_until is not None or now >= give_up_at:
                    return self._defer(endpoint, now)
                next_change = min(give_up_at, self._next_change(endpoint, now))
                self._changed.wait((next_change - now).total_seconds())
                self._suspect_slow(endpoint)
            now = self._clock()
            is_probe = endpoint.slow_until is not None
            over_by, longest_wait = now + self._limits.over_after, self._longest_wait(endpoint)
            permit = Permit(endpoint, now, over_by, is_probe, longest_wait)
            endpoint.permits.append(permit)
            return permit

    def suspect(self, permit: Permit) -> None:
        """Record that an attempt was detached.

        If the attempt is slow or a probe, its endpoint is marked as slow.
        """
        with self._changed:
            endpoint = permit.endpoint
            if permit in endpoint.permits:  # the attempt may have just ended
                if not permit.is_probe:  # a probe is detached from its start
                    endpoint.detached.append(permit)
                if permit.is_probe or permit.longest_wait >= self._limits.slow_threshold:
                    endpoint.slow_until = max(endpoint.slow_until or permit.over_by, permit.over_by)
                self._changed.notify_all()

    def leave(self, permit: Permit, response_time: int | None) -> None:
        """Record that an attempt has ended, in time or after it was detached.

        Args:
            permit: what `enter` returned.
            response_time: how long the endpoint took, in ms; None if unknown. Without it, the call
                does not change what is known about the endpoint.
        """
        with self._changed:
            for held in (permit.endpoint.permits, permit.endpoint.detached):
                if permit in held:  # if `over_by` has passed, the permit may have been removed
                    held.remove(permit)
            if response_time is not None:
                self._judge(permit, timedelta(milliseconds=response_time))
            self._changed.notify_all()

    def _judge(self, permit: Permit, took: timedelta) -> None:
        endpoint = permit.endpoint
        endpoint.is_quick = took < self._limits.slow_threshold
        if endpoint.is_quick:  # if the attempt was detached, Lambda was slow, not the endpoint
            endpoint.slow_until, endpoint.cool_down, endpoint.next_slot = None, timedelta(), None
        elif endpoint.judged_at is None or permit.since >= endpoint.judged_at:
            # Attempts that were under way when the endpoint was last found to be slow are no new
            # evidence, so they do not double the cool-down.
            grown = max(_COOL_DOWN * took, 2 * endpoint.cool_down)
            endpoint.cool_down = min(grown, _LONGEST_COOL_DOWN)
            endpoint.judged_at = self._clock()
            endpoint.slow_until = endpoint.judged_at + endpoint.cool_down

    def _endpoint(self, recipient: Recipient) -> _Endpoint:
        if recipient not in self._endpoints and len(self._endpoints) >= _REMEMBERED:
            self._forget_idle()
        detached = self._detached.setdefault(recipient.sender_id, [])
        return self._endpoints.setdefault(recipient, _Endpoint(detached))

    def _forget_idle(self) -> None:
        idle = [each for each, known in self._endpoints.items() if not self._at_once(known)]
        for recipient in idle:
            del self._endpoints[recipient]
        senders = {recipient.sender_id for recipient in self._endpoints}
        self._detached = {sender: self._detached[sender] for sender in senders}

    def _at_once(self, endpoint: _Endpoint) -> int:
        """Return how many attempts to an endpoint are in progress."""
        return self._under_way(endpoint.permits)

    def _under_way(self, permits: list[Permit]) -> int:
        """Return how many of these attempts are in progress; remove those that must have ended."""
        now = self._clock()
        permits[:] = [permit for permit in permits if now < permit.over_by]
        return len(permits)

    def _is_in_doubt(self, endpoint: _Endpoint) -> bool:
        """Return whether an endpoint must be expected to be slow, like others of its sender.

        An endpoint that is known to be quick, or known to be slow, is never in doubt.
        """
        if endpoint.is_quick or endpoint.slow_until is not None:
            return False
        if self._under_way(endpoint.detached) >= self._limits.detached:
            return True
        return sum(map(self._is_slow, endpoint.detached)) >= self._limits.slow

    def _is_slow(self, permit: Permit) -> bool:
        """Return whether an attempt in progress has already taken too long."""
        waited = max(permit.longest_wait, self._clock() - permit.since)
        return waited >= self._limits.slow_threshold

    def _suspect_slow(self, endpoint: _Endpoint) -> None:
        """Mark an endpoint as slow if an attempt that was detached early has now taken too long."""
        is_known = endpoint.is_quick or endpoint.slow_until is not None
        if not is_known and self._at_once(endpoint):
            late = [each for each in endpoint.detached if each.endpoint is endpoint]
            overdue = [each.over_by for each in late if self._is_slow(each)]
            endpoint.slow_until = max(overdue, default=None)

    def _longest_wait(self, endpoint: _Endpoint) -> timedelta:
        """Return how long `dispatch`, and so its whole batch, may wait for an attempt."""
        if endpoint.slow_until is not None:
            return timedelta()
        if endpoint.is_quick:
            return self._limits.slow_threshold
        is_doubtful = self._under_way(endpoint.detached) > 0
        longest = min(self._limits.first_wait, self._limits.slow_threshold)
        return timedelta() if is_doubtful else longest

    def _next_change(self, endpoint: _Endpoint, now: datetime) -> datetime:
        """Return the time at which deliveries waiting for a permit must check again for one.

        At that time, either an attempt must have ended, even if its end was not reported, or an
        attempt that was detached early begins to count as slow.
        """
        late = [each.since for each in endpoint.detached if each.endpoint is endpoint]
        slow = [since + self._limits.slow_threshold for since in late]
        return min(
            [permit.over_by for permit in endpoint.permits] + [at for at in slow if at > now]
        )

    def _has_room(self, endpoint: _Endpoint) -> bool:
        """Return whether an attempt may be made.

        After a cool-down, only one attempt is made at first.
        """
        if endpoint.slow_until is None:
            return self._at_once(endpoint) < self._limits.at_once
        return self._clock() >= endpoint.slow_until and not self._at_once(endpoint)

    def _defer(self, endpoint: _Endpoint, now: datetime) -> datetime:
        slot = max(now + self._pace, endpoint.next_slot or now)
        endpoint.next_slot = min(slot, now + _LONGEST_WAIT) + self._pace
        return min(slot, now + _LONGEST_WAIT)
