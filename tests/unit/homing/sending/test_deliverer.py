"""One attempt from end to end, with a webhook client that only records requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from homing.credentials.confidential import Confidential, sender_holder
from homing.credentials.secret_rotation import SigningSecret
from homing.endpoints.concurrency import ConcurrencySlots
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.rate_slots import RateSlots
from homing.endpoints.store import EndpointStore
from homing.errors import DependencyError
from homing.ledger.claim import AttemptClaim
from homing.ordering.lines_table import Lines
from homing.ordering.turns import Turns
from homing.payloads.reference import PayloadReference
from homing.retry.not_attempted import Postponed
from homing.retry.outcome import AttemptError, ErrorKind, Outcome
from homing.sending.deliverer import Deliverer
from homing.sending.pacing import Pacing
from homing.sending.recipients import Recipients
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Delivery, Reference

NOON = "2025-12-28T12:00:00.000Z"
START = datetime(2025, 12, 28, 12, tzinfo=UTC)
SECRET, OLD = "whsec_" + "A" * 32, "whsec_" + "B" * 32
ENDPOINT = Endpoint("default", "orders", "https://example.com/hooks", NOON, NOON)
KEPT = Confidential(
    (
        SigningSecret(SECRET, START),
        SigningSecret(OLD, START - timedelta(days=1), START + timedelta(hours=1)),
    ),
    {"X-Tenant": "endpoint's", "X-Other": "endpoint's"},
)


class Bench:
    """A deliverer with tables in moto, and with a client, a watch and a log that record calls."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.on_send: Callable[[], object] = lambda: None
        self.store = EndpointStore("endpoints", "secrets", client)
        self.now = START
        self.outcome = Outcome(NOON, 12, http_status=200)
        self.sent: list[tuple[Any, tuple[str, ...]]] = []
        self.urls: list[str] = []
        self.within: list[float] = []
        self.recorded: list[str] = []
        self.reported: list[tuple[str, dict[str, str]]] = []
        self.watch_error: DependencyError | None = None
        self.limit = timedelta(hours=5)
        self.kept: dict[str, str] = {}
        self.slots = ConcurrencySlots("endpoints", client, timedelta(seconds=75))
        self.slept: list[float] = []
        self.recipients = Recipients(self.store.endpoints, self.store.secrets)
        self.deliverer = Deliverer(
            sender=self,  # type: ignore[arg-type]  # a sender that only remembers
            recipients=self.recipients,
            watch=self,  # type: ignore[arg-type]
            slots=self.slots,
            pacing=Pacing(RateSlots("endpoints", client), self.slept.append),
            turns=Turns(Lines("lines", client), timedelta(seconds=40)),
            fetch=self.fetch,
            now=lambda: self.now,
            chance=lambda: 0.0,
            report=lambda event, fields: self.reported.append((event, fields)),
        )

    def send(
        self,
        reference: Reference,
        request: Any,
        secrets: tuple[str, ...],
        *,
        url: str,
        within: float,
    ) -> Outcome:
        del reference
        self.urls.append(url)
        self.sent.append((request, secrets))
        self.within.append(within)
        self.on_send()
        return self.outcome

    def record(self, endpoint: Endpoint, finding: Any, at: str) -> bool:
        del endpoint, at
        if self.watch_error:
            raise self.watch_error
        self.recorded.append(finding.step)
        return True

    def fetch(self, claim: PayloadReference) -> str:
        if claim.key not in self.kept:
            raise DependencyError("payload not read: NoSuchKey")
        return self.kept[claim.key]


@pytest.fixture
def bench(registry: Any) -> Bench:
    return Bench(registry)


@pytest.fixture
def to_endpoint(delivery: Delivery) -> Reference:
    return replace(delivery.reference, endpoint_id="orders")


def test_what_goes_to_an_endpoint_is_signed_by_all_its_active_secrets_the_newest_first(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(ENDPOINT, KEPT)
    assert bench.deliverer.deliver(to_endpoint, delivery.request) == bench.outcome
    ((request, secrets),) = bench.sent
    assert secrets == (SECRET, OLD)
    assert request.payload == delivery.request.payload


def test_of_two_headers_with_one_name_the_messages_wins(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(ENDPOINT, KEPT)
    bench.deliverer.deliver(to_endpoint, delivery.request)
    assert bench.sent[0][0].headers == {"X-Other": "endpoint's", "x-tenant": "acme"}


def test_a_secret_whose_grace_has_ended_signs_no_more(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    """Whether the secret is cached or not, its end is checked at every attempt."""
    bench.store.save(ENDPOINT, KEPT)
    for seconds in (3599, 3601):
        bench.now = START + timedelta(seconds=seconds)
        bench.deliverer.deliver(to_endpoint, delivery.request)
    assert [secrets for _, secrets in bench.sent] == [(SECRET, OLD), (SECRET,)]


def test_a_plain_url_is_signed_with_the_senders_own_secret_if_it_has_one(
    bench: Bench, delivery: Delivery
) -> None:
    bench.deliverer.deliver(delivery.reference, delivery.request)
    bench.store.secrets.put(sender_holder("default"), replace(KEPT, headers={}))
    bench.recipients.forget(delivery.reference)
    bench.deliverer.deliver(delivery.reference, delivery.request)
    assert [secrets for _, secrets in bench.sent] == [(), (SECRET, OLD)]


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        (None, "the endpoint has been deleted"),
        (
            replace(ENDPOINT, enabled=False, disabled_reason="by its sender"),
            "the endpoint is disabled: by its sender",
        ),
    ],
)
def test_nothing_is_sent_to_an_endpoint_that_is_gone_or_disabled(
    bench: Bench,
    to_endpoint: Reference,
    delivery: Delivery,
    endpoint: Endpoint | None,
    reason: str,
) -> None:
    if endpoint:
        bench.store.save(endpoint, KEPT)
    outcome = bench.deliverer.deliver(to_endpoint, delivery.request)
    assert outcome.error == AttemptError(ErrorKind.DISABLED, reason)
    assert (outcome.timestamp, outcome.response_time) == (NOON, 0)
    assert not bench.sent


def test_what_is_known_of_an_endpoint_is_looked_up_anew_after_a_minute(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(ENDPOINT, KEPT)
    bench.deliverer.deliver(to_endpoint, delivery.request)
    bench.store.save(replace(ENDPOINT, enabled=False, version=2))
    for seconds in (59, 60):
        bench.now = START + timedelta(seconds=seconds)
        bench.deliverer.deliver(to_endpoint, delivery.request)
    assert len(bench.sent) == 2


def test_while_the_recipient_cannot_be_read_nothing_is_sent(
    bench: Bench, to_endpoint: Reference, delivery: Delivery, registry: Any
) -> None:
    """The request might be unsigned, or go to a disabled endpoint. The outcome can be retried."""
    registry.delete_table(TableName="secrets")
    outcome = bench.deliverer.deliver(to_endpoint, delivery.request)
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.INTERNAL
    assert not bench.sent
    assert bench.reported[0][0] == "recipient.unreadable"


def test_an_outcome_is_noted_and_the_endpoint_looked_up_anew(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(ENDPOINT, KEPT)
    bench.outcome = Outcome(NOON, 12, http_status=410)
    bench.deliverer.deliver(to_endpoint, delivery.request)
    assert bench.recorded == ["disable"]
    assert [event for event, _ in bench.reported] == ["endpoint.disabled"]
    bench.store.save(replace(ENDPOINT, enabled=False, version=2))
    bench.deliverer.deliver(to_endpoint, delivery.request)
    assert len(bench.sent) == 1


def test_a_health_that_cannot_be_recorded_does_not_change_the_outcome(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(ENDPOINT, KEPT)
    bench.outcome = Outcome(NOON, 12, http_status=500)
    bench.watch_error = DependencyError("no table")
    assert bench.deliverer.deliver(to_endpoint, delivery.request) == bench.outcome
    assert [event for event, _ in bench.reported] == ["endpoint.unrecorded"]


def test_why_a_target_was_blocked_is_in_our_log_only(bench: Bench, delivery: Delivery) -> None:
    error = AttemptError(ErrorKind.BLOCKED, "is not an allowed target", "10.0.0.1 is private")
    bench.outcome = Outcome(NOON, 12, error=error)
    outcome = bench.deliverer.deliver(delivery.reference, delivery.request)
    assert "10.0.0.1" not in str(outcome.to_document())
    ((event, fields),) = bench.reported
    assert (event, fields["reason"]) == ("target.blocked", "10.0.0.1 is private")


def test_no_more_than_a_thousand_recipients_are_remembered(
    bench: Bench, delivery: Delivery
) -> None:
    for number in range(1001):
        bench.recipients._known[("s", str(number))] = (START, None)  # type: ignore[assignment]
    bench.deliverer.deliver(delivery.reference, delivery.request)
    assert len(bench.recipients._known) == 1


def test_an_endpoint_that_echoes_its_credentials_does_not_get_them_into_the_outcome(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(ENDPOINT, replace(KEPT, headers={"Authorization": "Bearer abcdef123"}))
    bench.outcome = Outcome(NOON, 12, http_status=500, response_body="Bearer abcdef123 is wrong")
    outcome = bench.deliverer.deliver(to_endpoint, delivery.request)
    assert outcome.response_body == "[redacted] [redacted] is wrong"


def test_neither_secrets_nor_header_values_show_in_a_repr(bench: Bench) -> None:
    bench.store.save(ENDPOINT, KEPT)
    found = bench.store.secrets.find("endpoint#default#orders")
    assert found == replace(KEPT, edition=ENDPOINT.edition)
    assert SECRET not in repr(found)
    assert "endpoint's" not in repr(found)


def test_a_payload_that_is_kept_elsewhere_is_sent_as_if_it_had_travelled_along(
    bench: Bench, delivery: Delivery
) -> None:
    bench.kept["k"] = "the payload"
    claimed = replace(delivery.request, payload="", claim=PayloadReference("k", 11, "digest"))
    bench.deliverer.deliver(delivery.reference, claimed)
    assert bench.sent[0][0] == replace(delivery.request, payload="the payload")


def test_while_a_payload_cannot_be_fetched_nothing_is_sent(
    bench: Bench, delivery: Delivery
) -> None:
    claimed = replace(delivery.request, payload="", claim=PayloadReference("k", 11, "digest"))
    outcome = bench.deliverer.deliver(delivery.reference, claimed)
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.INTERNAL
    assert not bench.sent
    assert bench.reported[0][0] == "payload.unreadable"


MOVED = replace(ENDPOINT, url="https://new.example/hooks", attempts_at_once=1, version=2)
NEW = replace(KEPT, headers={"Authorization": "the new one's"}, version=2)


def test_an_attempt_goes_to_the_endpoint_as_it_is_and_says_where_that_was(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    """It is a retry, or a redrive, of a delivery that was accepted for the previous URL."""
    bench.store.save(ENDPOINT, KEPT)
    first = bench.deliverer.deliver(to_endpoint, delivery.request)
    bench.store.save(MOVED, NEW)
    bench.now += timedelta(seconds=60)
    second = bench.deliverer.deliver(to_endpoint, delivery.request)
    assert bench.urls == [ENDPOINT.url, MOVED.url]
    assert [each.to_document().get("targetUrl") for each in (first, second)] == [
        None,
        "https://new.example/hooks",
    ]
    assert Outcome.from_document(second.to_document()) == second
    assert bench.sent[1][0].headers["Authorization"] == "the new one's"


def test_a_delivery_to_a_plain_url_goes_there(bench: Bench, delivery: Delivery) -> None:
    outcome = bench.deliverer.deliver(delivery.reference, delivery.request)
    assert bench.urls == [delivery.reference.target_url]
    assert "targetUrl" not in outcome.to_document()


class Interrupted:
    """A secrets table that calls a function before each of its first reads."""

    def __init__(self, table: Any, *happens: Callable[[], object]) -> None:
        self._table = table
        self._happens = list(happens)

    def find(self, holder: str) -> Confidential | None:
        if self._happens:
            self._happens.pop(0)()
        found: Confidential | None = self._table.find(holder)
        return found


@pytest.mark.parametrize("again", [False, True], ids=["changed", "deleted and made again"])
def test_no_header_goes_to_a_url_that_it_was_not_set_for(
    bench: Bench, to_endpoint: Reference, delivery: Delivery, *, again: bool
) -> None:
    """The endpoint changes between the reads of its two items."""

    def change() -> None:
        if again:
            bench.store.delete("default", "orders")
        made = replace(MOVED, created_at=to_text(START + timedelta(hours=1)), version=1)
        assert bench.store.save(made if again else MOVED, replace(NEW, version=1 if again else 2))

    bench.store.save(ENDPOINT, KEPT)
    bench.recipients._secrets = Interrupted(bench.store.secrets, change)  # type: ignore[assignment]
    bench.deliverer.deliver(to_endpoint, delivery.request)
    ((request, _),) = bench.sent
    assert (bench.urls, request.headers["Authorization"]) == ([MOVED.url], "the new one's")


def test_while_an_endpoint_changes_again_and_again_nothing_is_sent(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    def change(version: int) -> Callable[[], object]:
        url = f"https://{version}.example/"
        return lambda: bench.store.save(replace(ENDPOINT, url=url, version=version))

    bench.store.save(ENDPOINT, KEPT)
    changes = map(change, range(2, 5))
    bench.recipients._secrets = Interrupted(bench.store.secrets, *changes)  # type: ignore[assignment]
    outcome = bench.deliverer.deliver(to_endpoint, delivery.request)
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.INTERNAL
    assert bench.sent == []


BUSY = replace(ENDPOINT, attempts_at_once=1)
DAY = 86_400
WAITED = AttemptClaim(
    attempt_number=1,
    execution_name="d-1",
    generation=0,
    due_at="2025-12-28T12:05:00Z",
    expires_at=int(from_text("2025-12-28T12:05:00Z").timestamp()) + DAY,
)


def test_an_endpoint_with_no_room_is_sent_nothing_until_there_is(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(BUSY, KEPT)
    slot = bench.slots.take(BUSY, 1, "another", START)
    assert slot is not None
    bench.now = START + timedelta(seconds=8)
    postponed = bench.deliverer.deliver(to_endpoint, delivery.request)
    assert postponed == Postponed("2025-12-28T12:00:12Z")
    assert bench.sent == []
    assert [event for event, _ in bench.reported] == ["attempt.postponed"]
    bench.slots.give_back(BUSY, slot)
    assert bench.deliverer.deliver(to_endpoint, delivery.request) == bench.outcome


def test_a_slow_clock_asks_for_no_time_that_has_passed(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    """The execution continued at 12:05, but by the clock of this function it is noon."""
    bench.store.save(BUSY, KEPT)
    bench.slots.take(BUSY, 1, "another", START)
    postponed = bench.deliverer.deliver(to_endpoint, delivery.request, WAITED)
    assert isinstance(postponed, Postponed)
    assert postponed.due_at > WAITED.due_at


def test_an_old_delivery_whose_attempt_has_just_come_due_is_back_in_seconds(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    """The delivery was scheduled or redriven: only the time since it became due counts."""
    bench.store.save(BUSY, KEPT)
    bench.now = START + timedelta(days=20)
    bench.slots.take(BUSY, 1, "another", bench.now)
    due_at = to_text(bench.now)
    postponed = bench.deliverer.deliver(
        to_endpoint, delivery.request, replace(WAITED, due_at=due_at, due_since=due_at)
    )
    assert isinstance(postponed, Postponed)
    assert from_text(postponed.due_at) - bench.now <= timedelta(seconds=2)


def test_the_record_of_a_postponed_attempt_is_kept_as_long_after_its_new_time(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    """Otherwise the record of an often postponed delivery could expire before it ends."""
    bench.store.save(BUSY, KEPT)
    bench.slots.take(BUSY, 1, "another", START)
    postponed = bench.deliverer.deliver(to_endpoint, delivery.request, WAITED)
    assert isinstance(postponed, Postponed)
    assert postponed.expires_at == from_text(postponed.due_at).timestamp() + DAY


def test_a_slot_is_given_back_whatever_comes_of_the_attempt(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(BUSY, KEPT)
    for status in (200, 500):
        bench.outcome = Outcome(NOON, 12, http_status=status)
        assert bench.deliverer.deliver(to_endpoint, delivery.request) == bench.outcome
    assert bench.slots.take(BUSY, 1, "another", START)


def test_where_slots_cannot_be_counted_the_attempt_is_made(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    """A limit protects the endpoint, but must not prevent a delivery."""
    bench.store.save(BUSY, KEPT)
    bench.deliverer.deliver(to_endpoint, delivery.request)  # it is cached from now on
    bench.client.delete_table(TableName="endpoints")
    assert bench.deliverer.deliver(to_endpoint, delivery.request) == bench.outcome
    assert [event for event, _ in bench.reported] == ["slot.uncounted"]


def test_a_slot_that_cannot_be_given_back_lapses_by_itself(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(BUSY, KEPT)
    bench.on_send = lambda: bench.client.delete_table(TableName="endpoints")
    assert bench.deliverer.deliver(to_endpoint, delivery.request) == bench.outcome
    assert [event for event, _ in bench.reported] == ["slot.uncounted"]


RATED = replace(ENDPOINT, rate_per_second=1)


def saved(bench: Bench, endpoint: Endpoint) -> None:
    bench.store.save(endpoint, KEPT, has_new_rate=True)


def test_attempts_at_an_endpoint_with_a_rate_wait_for_their_slots_or_are_put_off_to_them(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    saved(bench, RATED)
    ends = [bench.deliverer.deliver(to_endpoint, delivery.request) for _ in range(5)]
    assert ends[:3] == [bench.outcome] * 3
    assert bench.slept == [0, 1, 2]
    due = [end.due_at for end in ends if isinstance(end, Postponed)]
    assert due == ["2025-12-28T12:00:03Z", "2025-12-28T12:00:04Z"]
    assert [event for event, _ in bench.reported] == ["attempt.postponed"] * 2
    assert len(bench.sent) == 3


def test_an_endpoint_without_a_rate_takes_no_slot(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    bench.store.save(ENDPOINT, KEPT)
    for _ in range(3):
        assert bench.deliverer.deliver(to_endpoint, delivery.request) == bench.outcome
    assert bench.slept == []
    assert len(bench.client.scan(TableName="endpoints")["Items"]) == 1


def test_an_attempt_that_is_put_off_gives_its_concurrency_slot_back(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    saved(bench, replace(RATED, attempts_at_once=1, rate_per_second=0.1))
    first, second = (bench.deliverer.deliver(to_endpoint, delivery.request) for _ in range(2))
    assert first == bench.outcome
    assert isinstance(second, Postponed)
    assert bench.slots.take(RATED, 1, "another", START)


def test_a_429_with_retry_after_pauses_all_attempts_at_an_endpoint_with_a_rate(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    saved(bench, RATED)
    bench.outcome = Outcome(NOON, 12, http_status=429, retry_after="30")
    assert bench.deliverer.deliver(to_endpoint, delivery.request) == bench.outcome
    assert "endpoint.paused" in dict(bench.reported)
    second = bench.deliverer.deliver(to_endpoint, delivery.request)
    assert isinstance(second, Postponed)
    assert second.due_at == "2025-12-28T12:00:30Z"


def test_where_rate_slots_cannot_be_taken_the_attempt_is_made(
    bench: Bench, to_endpoint: Reference, delivery: Delivery
) -> None:
    """As with concurrency slots: a limit must not prevent a delivery."""
    saved(bench, RATED)
    bench.deliverer.deliver(to_endpoint, delivery.request)
    bench.client.delete_table(TableName="endpoints")
    bench.outcome = Outcome(NOON, 12, http_status=429, retry_after="30")
    assert bench.deliverer.deliver(to_endpoint, delivery.request) == bench.outcome
    assert [event for event, _ in bench.reported].count("rate.uncounted") == 2


class Hourglass:
    """Returns the seconds that are left, a different number at each call."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = iter(seconds)

    def __call__(self) -> float:
        return next(self._seconds)


def test_a_request_has_the_remaining_time_less_what_the_answer_takes(
    bench: Bench, delivery: Delivery
) -> None:
    bench.deliverer.deliver(delivery.reference, delivery.request, time_left=Hourglass(9.31))
    assert bench.within == [7.3]


def test_without_time_for_a_request_nothing_is_sent_and_the_attempt_has_an_outcome(
    bench: Bench, delivery: Delivery
) -> None:
    outcome = bench.deliverer.deliver(
        delivery.reference, delivery.request, time_left=Hourglass(2.9)
    )
    assert isinstance(outcome, Outcome)
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.INTERNAL
    assert bench.sent == []


@pytest.mark.parametrize(
    ("status", "left", "is_recorded"),
    [(500, 7.0, True), (500, 6.9, False), (410, 7.0, True), (410, 6.9, False)],
)
def test_the_health_of_an_endpoint_is_recorded_only_if_the_time_is_enough_for_the_call(
    bench: Bench,
    to_endpoint: Reference,
    delivery: Delivery,
    status: int,
    left: float,
    *,
    is_recorded: bool,
) -> None:
    bench.store.save(ENDPOINT, KEPT)
    bench.outcome = Outcome(NOON, 12, http_status=status)
    time_left = Hourglass(30, left)
    outcome = bench.deliverer.deliver(to_endpoint, delivery.request, time_left=time_left)
    assert outcome == bench.outcome
    assert bool(bench.recorded) is is_recorded
    assert ("endpoint.unrecorded" in dict(bench.reported)) is not is_recorded


@pytest.mark.parametrize(("left", "is_free"), [(7.0, True), (6.9, False)])
def test_a_slot_is_given_back_only_if_there_is_time_else_it_lapses(
    bench: Bench, to_endpoint: Reference, delivery: Delivery, left: float, *, is_free: bool
) -> None:
    bench.store.save(BUSY, KEPT)
    outcome = bench.deliverer.deliver(to_endpoint, delivery.request, time_left=Hourglass(30, left))
    assert outcome == bench.outcome
    assert (bench.slots.take(BUSY, 1, "another", START) is not None) is is_free
    assert ("slot.uncounted" in dict(bench.reported)) is not is_free
