"""One attempt from start to end: looks up the recipient, sends, records the endpoint's health."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from homing.endpoints.health import Step, examine
from homing.errors import DependencyError
from homing.ordering.turns import unknown
from homing.retry.not_attempted import Postponed
from homing.retry.outcome import ErrorKind, unsent
from homing.sending.pacing import asks_for_pause
from homing.sending.postponement import postpone
from homing.sending.redaction import redact
from homing.sending.time_left import is_enough, request_seconds
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from homing.delivery import Reference, Request
    from homing.endpoints.concurrency import ConcurrencySlots
    from homing.endpoints.endpoint import Endpoint
    from homing.endpoints.health_recorder import EndpointWatch
    from homing.ledger.claim import AttemptClaim
    from homing.ordering.turns import Turns
    from homing.payloads.reference import PayloadReference
    from homing.retry.not_attempted import Superseded
    from homing.retry.outcome import Outcome
    from homing.sending.pacing import Pacing
    from homing.sending.recipients import Recipient, Recipients
    from homing.sending.webhook_client import WebhookClient


class Deliverer:
    """Makes attempts.

    Args:
        sender: sends the requests.
        recipients: looks up recipients.
        watch: records the health of endpoints.
        slots: the concurrency slots of endpoints with a limit.
        pacing: delays attempts until their rate slots, for endpoints whose rate is limited.
        turns: decides whether it is the turn of a delivery with an `orderingKey`.
        fetch: returns a payload from S3; raises DependencyError if it cannot be read.
        now: returns the time of day.
        chance: returns a random number in [0, 1).
        report: logs an event, given its name and fields.
    """

    def __init__(  # noqa: PLR0913 -- its dependencies, each passed by name
        self,
        *,
        sender: WebhookClient,
        recipients: Recipients,
        watch: EndpointWatch,
        slots: ConcurrencySlots,
        pacing: Pacing,
        turns: Turns,
        fetch: Callable[[PayloadReference], str],
        now: Callable[[], datetime],
        chance: Callable[[], float],
        report: Callable[[str, dict[str, str]], None],
    ) -> None:
        self._sender = sender
        self._recipients = recipients
        self._watch = watch
        self._slots = slots
        self._pacing = pacing
        self._turns = turns
        self._fetch = fetch
        self._now = now
        self._chance = chance
        self._report = report

    def deliver(
        self,
        reference: Reference,
        request: Request,
        claim: AttemptClaim | None = None,
        time_left: Callable[[], float] = lambda: inf,
    ) -> Outcome | Postponed | Superseded:
        """Make one attempt, signed if the recipient has a secret.

        The attempt uses the endpoint's current URL, headers, secrets and limits, all from the same
        version of the endpoint. Nothing is sent if the endpoint is disabled or deleted, or if it
        cannot be looked up. The attempt is postponed if no concurrency slot is free, if its rate
        slot is more than two seconds away, or if it is another delivery's turn in the line. It is
        superseded if the line has passed the delivery over.

        Args:
            reference: the delivery.
            request: what is sent.
            claim: the claim of the attempt; None for an attempt that has not waited.
            time_left: returns the seconds until the invocation must end; by default there is no
                limit.
        """
        now = self._now()
        try:
            recipient = self._recipients.find(reference, now)
        except DependencyError as error:
            self._tell(reference, "recipient.unreadable", str(error))
            message = "the recipient cannot be looked up right now"
            return unsent(ErrorKind.INTERNAL, message, to_text(now))
        if recipient.closed is not None:
            return unsent(ErrorKind.DISABLED, recipient.closed, to_text(now))
        taken = self._take_slot(reference, recipient, now, claim)
        if isinstance(taken, Postponed):
            return taken
        with ExitStack() as slot:
            if recipient.endpoint is not None and taken is not None:
                slot.callback(self._give_back, reference, recipient.endpoint, taken, time_left)
            held_up = self._wait(reference, recipient.endpoint, claim) or self._begin(
                reference, claim
            )
            if held_up is not None:
                return held_up
            return self._attempt(reference, request, recipient, time_left)

    def _begin(
        self, reference: Reference, claim: AttemptClaim | None
    ) -> Postponed | Superseded | None:
        """Begin the attempt in the delivery's line, if it is in one.

        Return None if the attempt has begun, otherwise why it may not begin. If the line cannot be
        read, the attempt waits; if slots cannot be read, it does not (`_wait`, `_take_slot`).
        """
        now = self._now()
        try:
            held_up = self._turns.begin(reference, claim, now)
        except DependencyError as error:
            self._tell(reference, "turn.unknown", str(error))
            return unknown(claim, now)
        if isinstance(held_up, Postponed):
            self._tell(reference, "attempt.postponed", f"not its turn before {held_up.due_at}")
        return held_up

    def _wait(
        self, reference: Reference, endpoint: Endpoint | None, claim: AttemptClaim | None
    ) -> Postponed | Outcome | None:
        """Wait for the attempt's rate slot, if the rate of the endpoint is limited.

        Return None if the attempt may be made, otherwise why it may not. If the table of slots
        fails, the attempt is made without a slot, as in `_take_slot`.
        """
        if endpoint is None or not endpoint.rate_per_second:
            return None
        try:
            held_up = self._pacing.wait(endpoint, claim, self._now())
        except DependencyError as error:
            self._tell(reference, "rate.uncounted", str(error))
            return None
        if isinstance(held_up, Postponed):
            self._tell(reference, "attempt.postponed", f"its rate slot is at {held_up.due_at}")
        return held_up

    def _take_slot(
        self,
        reference: Reference,
        recipient: Recipient,
        now: datetime,
        claim: AttemptClaim | None,
    ) -> str | Postponed | None:
        """Acquire a concurrency slot, if the endpoint limits concurrency; the caller releases it.

        Return the slot; the postponement of the attempt, if no slot is free; or None if the attempt
        needs no slot. None is also returned if slots cannot be counted, since a failing table must
        not stop deliveries.
        """
        endpoint = recipient.endpoint
        if endpoint is None or not endpoint.attempts_at_once:
            return None
        limit = endpoint.attempts_at_once
        attempt_id = f"{reference.delivery_id}~{round(self._chance() * 1e9):x}"
        try:
            taken = self._slots.take(endpoint, limit, attempt_id, now)
        except DependencyError as error:
            self._tell(reference, "slot.uncounted", str(error))
            return None
        if taken is None:
            # The attempt has been woken, so its due time has passed, even if this clock is behind.
            # Without this correction, a slow clock could compute new due times that have already
            # passed, again and again (docs/decisions/0041).
            woken_at = max(now, from_text(claim.due_at if claim else reference.created_at))
            postponed = postpone(reference.created_at, claim, woken_at, self._chance)
            if postponed is not None:
                self._tell(
                    reference, "attempt.postponed", f"no free slot; due again at {postponed.due_at}"
                )
            return postponed
        return taken

    def _give_back(
        self, reference: Reference, endpoint: Endpoint, slot: str, time_left: Callable[[], float]
    ) -> None:
        if not is_enough(time_left()):
            self._tell(reference, "slot.uncounted", "no time left to release it")
            return
        try:
            self._slots.give_back(endpoint, slot)
        except DependencyError as error:  # the slot expires by itself
            self._tell(reference, "slot.uncounted", str(error))

    def _attempt(
        self,
        reference: Reference,
        request: Request,
        recipient: Recipient,
        time_left: Callable[[], float],
    ) -> Outcome:
        now = self._now()
        try:
            whole = self._complete(request, recipient)
        except DependencyError as error:
            self._tell(reference, "payload.unreadable", str(error))
            message = "the payload cannot be fetched right now"
            return unsent(ErrorKind.INTERNAL, message, to_text(now))
        seconds = request_seconds(time_left())
        if seconds is None:
            message = "timed out before the request was sent"
            return unsent(ErrorKind.INTERNAL, message, to_text(self._now()))
        secrets, url = recipient.secrets(now), recipient.url(reference)
        answered = self._sender.send(reference, whole, secrets, url=url, within=seconds)
        outcome = redact(answered, recipient.headers.values())
        if url != reference.target_url:
            outcome = replace(outcome, target_url=url)
        if outcome.error is not None and outcome.error.detail is not None:
            self._tell(reference, "target.blocked", outcome.error.detail)
        self._pause(reference, recipient.endpoint, outcome, time_left)
        self._watch_over(reference, recipient, outcome, time_left)
        return outcome

    def _pause(
        self,
        reference: Reference,
        endpoint: Endpoint | None,
        outcome: Outcome,
        time_left: Callable[[], float],
    ) -> None:
        """Pause an endpoint whose rate is limited, if its response asks for a pause.

        If the pause cannot be recorded, only log that.
        """
        if endpoint is None or not endpoint.rate_per_second or not asks_for_pause(outcome):
            return
        if not is_enough(time_left()):
            self._tell(reference, "rate.uncounted", "no time left to pause the endpoint")
            return
        try:
            until = self._pacing.pause(endpoint, outcome)
        except DependencyError as error:
            self._tell(reference, "rate.uncounted", str(error))
            return
        if until is not None:
            self._tell(reference, "endpoint.paused", f"by its Retry-After until {to_text(until)}")

    def _complete(self, request: Request, recipient: Recipient) -> Request:
        if request.claim is None and not recipient.headers:
            return request
        payload = request.payload if request.claim is None else self._fetch(request.claim)
        headers = _joined(recipient.headers, request.headers)
        return replace(request, payload=payload, headers=headers, claim=None)

    def close(self) -> None:
        """Close all warm connections."""
        self._sender.close()

    def _watch_over(
        self,
        reference: Reference,
        recipient: Recipient,
        outcome: Outcome,
        time_left: Callable[[], float],
    ) -> None:
        """Update the endpoint's health after an outcome; if the update fails, only log that."""
        endpoint = recipient.endpoint
        finding = None if endpoint is None else examine(endpoint, outcome, self._watch.limit)
        if endpoint is None or finding is None:
            return
        if not is_enough(time_left()):
            self._tell(reference, "endpoint.unrecorded", f"{finding.step}: no time left")
            return
        try:
            recorded = self._watch.record(endpoint, finding, outcome.timestamp)
        except DependencyError as error:
            self._tell(reference, "endpoint.unrecorded", f"{finding.step}: {error}")
            return
        self._recipients.forget(reference)
        if recorded and finding.step is Step.DISABLE:
            self._tell(reference, "endpoint.disabled", finding.reason)

    def _tell(self, reference: Reference, event: str, reason: str) -> None:
        self._report(event, {**reference.ids(), "reason": reason})


def _joined(own: Mapping[str, str], messages: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an endpoint and of a message; those of the message take precedence."""
    taken = {name.lower() for name in messages}
    return {name: value for name, value in own.items() if name.lower() not in taken} | {**messages}
