"""One attempt from end to end: whom it goes to, the request, what it says of the endpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from homing.endpoints.endpoint_health import Step, examine
from homing.errors import InquiryError
from homing.outcome import ErrorKind, unsent
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from homing.delivery import Reference, Request
    from homing.endpoints.endpoint_watch import EndpointWatch
    from homing.outcome import Outcome
    from homing.payload_claim import Claim
    from homing.sending.addressees import Addressee, Addressees
    from homing.sending.sender import Sender


class Deliverer:
    """Makes attempts.

    Args:
        sender: makes the requests.
        addressees: whom they go to.
        watch: where the health of endpoints is recorded.
        fetch: gives a payload that is kept elsewhere; raises InquiryError where it cannot.
        now: the time of day.
        report: told what nobody else hears of: an event's name, and its fields.
    """

    def __init__(
        self,
        *,
        sender: Sender,
        addressees: Addressees,
        watch: EndpointWatch,
        fetch: Callable[[Claim], str],
        now: Callable[[], datetime],
        report: Callable[[str, dict[str, str]], None],
    ) -> None:
        self._sender = sender
        self._addressees = addressees
        self._watch = watch
        self._fetch = fetch
        self._now = now
        self._report = report

    def deliver(self, reference: Reference, request: Request) -> Outcome:
        """Make one attempt; signed if there is anything to sign it with.

        Nothing is sent to an endpoint that is disabled or deleted, nor while that cannot be told.
        """
        now = self._now()
        try:
            addressee = self._addressees.find(reference, now)
        except InquiryError as error:
            self._tell(reference, "addressee.unreadable", str(error))
            message = "whom to deliver to cannot be looked up right now"
            return unsent(ErrorKind.INTERNAL, message, to_text(now))
        if addressee.closed is not None:
            return unsent(ErrorKind.DISABLED, addressee.closed, to_text(now))
        try:
            whole = self._complete(request, addressee)
        except InquiryError as error:
            self._tell(reference, "payload.unreadable", str(error))
            message = "the payload cannot be fetched right now"
            return unsent(ErrorKind.INTERNAL, message, to_text(now))
        outcome = self._sender.send(reference, whole, addressee.secrets(now))
        if outcome.error is not None and outcome.error.detail is not None:
            self._tell(reference, "target.blocked", outcome.error.detail)
        self._watch_over(reference, addressee, outcome)
        return outcome

    def _complete(self, request: Request, addressee: Addressee) -> Request:
        payload = request.payload if request.claim is None else self._fetch(request.claim)
        headers = _joined(addressee.headers, request.headers)
        return replace(request, payload=payload, headers=headers, claim=None)

    def close(self) -> None:
        """Close all warm connections."""
        self._sender.close()

    def _watch_over(self, reference: Reference, addressee: Addressee, outcome: Outcome) -> None:
        """Record what the outcome says of the endpoint. The outcome stands, come what may."""
        endpoint = addressee.endpoint
        finding = None if endpoint is None else examine(endpoint, outcome, self._watch.limit)
        if endpoint is None or finding is None:
            return
        try:
            recorded = self._watch.record(endpoint, finding, outcome.timestamp)
        except InquiryError as error:
            self._tell(reference, "endpoint.unrecorded", f"{finding.step}: {error}")
            return
        self._addressees.forget(reference)
        if recorded and finding.step is Step.DISABLE:
            self._tell(reference, "endpoint.disabled", finding.reason)

    def _tell(self, reference: Reference, event: str, reason: str) -> None:
        self._report(event, {**reference.ids(), "reason": reason})


def _joined(own: Mapping[str, str], messages: Mapping[str, str]) -> dict[str, str]:
    """Give an endpoint's headers and a message's; of two with one name, the message's."""
    taken = {name.lower() for name in messages}
    return {name: value for name, value in own.items() if name.lower() not in taken} | {**messages}
