"""Lines of deliveries with an ordering key: places, turns, and what follows when one ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from releasing import releasing_on

from homing.delivery import Delivery, Reference, Request
from homing.endpoints.endpoint import Endpoint, Ordering
from homing.errors import DependencyError
from homing.items import to_dynamodb
from homing.ledger.claim import AttemptClaim
from homing.ledger.table import Ledger
from homing.ordering import joining as joining_module
from homing.ordering.joining import Joining
from homing.ordering.line import Place, line_id_of
from homing.ordering.places_table import Places
from homing.ordering.releasing import Advance, pass_over, revisit
from homing.ordering.turns import Turns, unknown
from homing.retry.not_attempted import Postponed, Superseded
from homing.retry.policy import Policy
from homing.timestamps import to_text

if TYPE_CHECKING:
    from homing.ordering.joining import Joined

START = datetime(2025, 12, 28, 12, tzinfo=UTC)
LASTS = timedelta(seconds=40)
AT = to_text(START)
UNTIL = START + LASTS
ANSWERED = {"httpStatus": 200, "errorCategory": "SUCCESS", "errorDetails": {"message": ""}}
UNANSWERED = ANSWERED | {"httpStatus": None}


class Queue:
    """A delivery queue that keeps what it is sent, and may refuse it."""

    def __init__(self) -> None:
        self.sent: list[Delivery] = []
        self.refuses = False

    def send(self, deliveries: list[Delivery]) -> dict[str, str]:
        if self.refuses:
            return {each.reference.delivery_id: "InternalError" for each in deliveries}
        self.sent += deliveries
        return {}

    def take(self) -> list[tuple[str, int | None, int | None]]:
        found = [each.reference for each in self.sent]
        self.sent.clear()
        return [(each.message_id, each.sequence, each.after) for each in found]


class Bench:
    """Lines on tables in moto."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.queue = Queue()
        self.releasing = releasing_on(client, self.queue)
        self.joining = Joining(self.releasing)
        self.turns = Turns(self.releasing.lines, LASTS)

    def join(self, *names: str, repeated: bool = False, **given: Any) -> Joined:
        deliveries = [delivery(name, **given) for name in names]
        keys = {each.reference.pk for each in deliveries} if repeated else set()
        return self.joining.join(deliveries, keys, START)

    def begin(self, reference: Reference, *, now: datetime = START) -> object:
        return self.turns.begin(reference, None, now)

    def records(
        self, reference: Reference, status: str = "DELIVERED", *entries: Any, **more: Any
    ) -> None:
        history = list(entries or (ANSWERED,))
        item = {
            **reference.to_document(),
            "status": status,
            "attempts": len(history),
            "retryHistory": history,
            "lastUpdatedAt": AT,
            "ttl": 2_000_000_000,
            **more,
        }
        typed = {name: to_dynamodb(value) for name, value in item.items()}
        self.client.put_item(TableName="ledger", Item=typed)

    def places(self) -> list[int]:
        items = self.client.scan(TableName="places")["Items"]
        return sorted(int(item["sk"]["S"]) for item in items)

    def advance(self) -> Advance:
        return self.releasing.advance(line_id_of(delivery("m").reference), START)


def delivery(name: str, *, key: str = "k", endpoint: str | None = None) -> Delivery:
    reference = Reference(
        message_id=name,
        sender_id="shop",
        timestamp=AT,
        target_url="https://a.example/",
        correlation_id=name,
        created_at=AT,
        endpoint_id=endpoint,
        ordering_key=key,
    )
    request = Request("{}", "application/json", {})
    return Delivery(reference, request, Policy(), 0, AT, 2_000_000_000)


def placed(name: str, sequence: int, after: int | None = None) -> Reference:
    return replace(delivery(name).reference, sequence=sequence, after=after)


def turns_of(joined: Joined) -> list[tuple[str, int | None, int | None]]:
    references = [each.reference for each in joined.ready]
    return [(each.message_id, each.sequence, each.after) for each in references]


def claim(**given: Any) -> AttemptClaim:
    return AttemptClaim(0, "execution", 0, AT, 2_000_000_000, **given)


@pytest.fixture
def bench(ordering_tables: Any, ledger_table: Any, registry: Any) -> Bench:
    return Bench(ordering_tables)


def test_the_first_of_a_line_is_queued_and_the_others_wait(bench: Bench) -> None:
    assert turns_of(bench.join("m1", "m2", "m3")) == [("m1", 1, 0)]
    assert bench.places() == [1, 2, 3]
    assert turns_of(bench.join("m4")) == []


def test_other_keys_senders_and_endpoints_have_lines_of_their_own() -> None:
    one = delivery("m").reference
    others = [
        replace(one, ordering_key="other"),
        replace(one, sender_id="other"),
        replace(one, target_url="https://b.example/"),
        replace(one, endpoint_id="https://a.example/"),
    ]
    assert len({line_id_of(each) for each in (one, *others)}) == 5
    assert line_id_of(one) == line_id_of(replace(one, message_id="other", sequence=7))


def test_an_endpoint_that_moves_keeps_its_lines() -> None:
    one = replace(delivery("m").reference, endpoint_id="orders")
    assert line_id_of(one) == line_id_of(replace(one, target_url="https://moved.example/"))


def test_many_lines_are_joined_side_by_side(bench: Bench) -> None:
    deliveries = [delivery("m", key=f"k{number}") for number in range(8)]
    joined = bench.joining.join(deliveries, (), START)
    assert sorted(each.reference.ordering_key or "" for each in joined.ready) == [
        f"k{number}" for number in range(8)
    ]


def test_what_comes_after_an_end_is_queued_at_once(bench: Bench) -> None:
    bench.join("m1")
    assert bench.begin(placed("m1", 1, 0)) is None
    bench.records(placed("m1", 1))
    assert turns_of(bench.join("m2")) == [("m2", 2, 1)]


def test_a_repeated_message_keeps_its_place(bench: Bench) -> None:
    bench.join("m1", "m2")
    assert turns_of(bench.join("m2", repeated=True)) == []
    assert bench.places() == [1, 2]
    assert bench.queue.take() == [("m1", 1, 0)]  # m1 has no record, so it is queued again


def test_a_repeated_message_without_a_place_gets_one(bench: Bench) -> None:
    assert turns_of(bench.join("m1", repeated=True)) == [("m1", 1, 0)]


def test_a_line_takes_ten_thousand_that_wait(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining_module, "MOST_WAITING", 2)
    joined = bench.join("m1", "m2", "m3", "m4")
    refused = {delivery(name).reference.delivery_id for name in ("m3", "m4")}
    assert (joined.too_many, bench.places()) == (refused, [1, 2])
    bench.begin(placed("m1", 1, 0))
    assert not bench.join("m3").too_many


def test_a_line_that_cannot_be_read_refuses_what_would_join(bench: Bench) -> None:
    bench.client.delete_table(TableName="places")
    joined = bench.join("m1", "m2")
    assert {"ResourceNotFoundException" in why for why in joined.refused.values()} == {True}
    assert len(joined.refused) == 2


def test_a_place_behind_the_head_is_given_up_for_one_at_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line has moved on between the read of its end and the write of the place."""
    bench.join("m1", "m2")
    bench.begin(placed("m1", 1, 0))
    bench.begin(placed("m2", 2, 1))
    for name, sequence in (("m1", 1), ("m2", 2)):
        bench.records(placed(name, sequence))
    bench.advance()
    ends = [1]  # as read when m1 was the last delivery of the line
    last = Places.last
    monkeypatch.setattr(Places, "last", lambda *of: ends.pop() if ends else last(*of))
    assert turns_of(bench.join("m3")) == [("m3", 3, 1)]
    assert bench.places() == [3]


def test_a_place_behind_the_head_does_not_say_how_long_the_line_is(bench: Bench) -> None:
    """The place was written late, after its call had failed."""
    bench.join("m1", "m2", "m3")
    for number, name in enumerate(("m1", "m2", "m3")):
        bench.begin(placed(name, number + 1, number and 1))
        bench.records(placed(name, number + 1))
    bench.advance()
    late = Place(line_id_of(placed("m0", 1)), 1, delivery("m0"), AT)
    assert bench.releasing.places.put(late) is None
    assert turns_of(bench.join("m4")) == [("m4", 4, 1)]
    assert bench.places() == [1, 4]


def test_the_record_of_a_head_that_has_ended_is_not_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.join("m1", "m2")
    bench.begin(placed("m1", 1, 0))
    bench.records(placed("m1", 1))
    ended = bench.releasing.ledger.find((placed("m1", 1).pk, placed("m1", 1).sk))
    monkeypatch.setattr(Ledger, "find", lambda *_: pytest.fail("it was read"))
    result = bench.releasing.advance(line_id_of(placed("m1", 1)), START, ended)
    assert (result, bench.queue.take()) == (Advance.RELEASED, [("m2", 2, 1)])


def test_what_ended_before_the_head_says_nothing_of_the_head(bench: Bench) -> None:
    bench.join("m1", "m2", "m3")
    bench.begin(placed("m1", 1, 0))
    bench.records(placed("m1", 1))
    ended = bench.releasing.ledger.find((placed("m1", 1).pk, placed("m1", 1).sk))
    bench.begin(placed("m2", 2, 1))
    result = bench.releasing.advance(line_id_of(placed("m1", 1)), START, ended)
    assert (result, bench.queue.take()) == (Advance.WAITS, [])


def test_where_a_line_is_forgotten_its_places_tell_how_many_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining_module, "MOST_WAITING", 2)
    bench.join("m1", "m2")
    bench.releasing.places.leave(line_id_of(placed("m1", 1)), 1)
    assert not bench.join("m3").too_many
    assert bench.places() == [2, 3]
    assert bench.join("m4").too_many


def test_the_next_is_released_when_the_head_has_ended(bench: Bench) -> None:
    bench.join("m1", "m2", "m3")
    bench.begin(placed("m1", 1, 0))
    assert (bench.advance(), bench.queue.take()) == (Advance.WAITS, [])
    bench.records(placed("m1", 1), "RETRY_SCHEDULED", attention="RETRY_SCHEDULED#1")
    assert (bench.advance(), bench.queue.take()) == (Advance.WAITS, [])
    bench.records(placed("m1", 1))
    assert (bench.advance(), bench.queue.take()) == (Advance.RELEASED, [("m2", 2, 1)])
    assert bench.places() == [2, 3]
    assert (bench.advance(), bench.queue.take()) == (Advance.RELEASED, [("m2", 2, 1)])


def test_a_line_is_empty_after_its_last(bench: Bench) -> None:
    bench.join("m1")
    bench.begin(placed("m1", 1, 0))
    bench.records(placed("m1", 1))
    assert (bench.advance(), bench.places()) == (Advance.EMPTY, [])


def test_a_line_of_which_nothing_was_queued_is_released_by_its_first(bench: Bench) -> None:
    """The function that accepted it stopped before it was on the queue."""
    bench.join("m1")
    assert (bench.advance(), bench.queue.take()) == (Advance.RELEASED, [("m1", 1, 0)])


def test_what_the_watchdog_has_settled_has_ended(bench: Bench) -> None:
    bench.join("m1", "m2")
    bench.begin(placed("m1", 1, 0))
    bench.records(placed("m1", 1), "RETRY_SCHEDULED")
    assert bench.advance() is Advance.RELEASED


def test_what_was_cancelled_before_its_turn_is_left_out(bench: Bench) -> None:
    bench.join("m1", "m2", "m3", "m4")
    bench.begin(placed("m1", 1, 0))
    bench.records(placed("m1", 1))
    for name in ("m2", "m3"):
        bench.records(delivery(name).reference, "CANCELLED", attempts=0, retryHistory=[])
    assert (bench.advance(), bench.queue.take()) == (Advance.RELEASED, [("m4", 4, 0)])
    assert bench.begin(placed("m4", 4, 0)) is None


def test_the_first_of_a_line_may_be_cancelled_before_its_turn(bench: Bench) -> None:
    bench.join("m1", "m2")
    bench.records(delivery("m1").reference, "CANCELLED", attempts=0, retryHistory=[])
    assert (bench.advance(), bench.queue.take()) == (Advance.RELEASED, [("m2", 2, 0)])


def test_a_delivery_that_its_execution_has_is_not_queued_again(bench: Bench) -> None:
    bench.join("m1", "m2")
    bench.begin(placed("m1", 1, 0))
    bench.records(placed("m1", 1))
    bench.records(placed("m2", 2), "QUEUED", attention="QUEUED#1")
    assert (bench.advance(), bench.queue.take()) == (Advance.WAITS, [])


@pytest.mark.parametrize(
    ("status", "entries"),
    [("DELIVERED", [ANSWERED, ANSWERED]), ("MAX_RETRIES_EXCEEDED", [UNANSWERED])],
    ids=["an attempt that began is not on record", "an attempt had no answer"],
)
def test_without_an_answer_to_each_attempt_the_next_waits_for_the_deadline(
    bench: Bench, status: str, entries: list[Any]
) -> None:
    bench.join("m1", "m2")
    bench.begin(placed("m1", 1, 0))
    bench.records(placed("m1", 1), status, *entries)
    bench.advance()
    assert bench.queue.take() == [("m2", 2, -1)]
    held_up = bench.begin(placed("m2", 2, -1))
    assert held_up == Postponed("2025-12-28T12:00:40Z")
    assert bench.begin(placed("m2", 2, -1), now=UNTIL + timedelta(seconds=1)) is None


def test_a_late_attempt_of_the_head_makes_the_next_wait(bench: Bench) -> None:
    bench.join("m1", "m2")
    for _ in range(2):
        assert bench.begin(placed("m1", 1, 0)) is None
    assert isinstance(bench.begin(placed("m2", 2, 1)), Postponed)


def test_after_the_next_has_begun_no_attempt_of_the_head_begins(bench: Bench) -> None:
    bench.join("m1", "m2")
    bench.begin(placed("m1", 1, 0))
    assert bench.begin(placed("m2", 2, 1)) is None
    assert bench.begin(placed("m1", 1, 0)) == Superseded()
    unrecorded = claim(unrecorded="the ledger is down")
    assert isinstance(bench.turns.begin(placed("m1", 1), unrecorded, START), Postponed)


def test_a_redriven_delivery_comes_late(bench: Bench) -> None:
    """Its execution has a claim that is recorded in the ledger."""
    bench.join("m1", "m2")
    bench.begin(placed("m1", 1, 0))
    bench.begin(placed("m2", 2, 1))
    assert bench.turns.begin(placed("m1", 1), claim(), START) is None


def test_nobody_overtakes(bench: Bench) -> None:
    bench.begin(placed("m1", 1, 0))
    held_up = bench.begin(placed("m3", 3, 1))
    assert held_up == Postponed("2025-12-28T12:00:40Z")


def test_a_claimed_attempt_that_waits_for_its_turn_keeps_its_record_for_as_long(
    bench: Bench,
) -> None:
    bench.begin(placed("m1", 1, 0))
    held_up = bench.turns.begin(placed("m2", 2, -1), claim(), START)
    assert held_up == Postponed("2025-12-28T12:00:40Z", 2_000_000_040)


def test_the_longer_a_line_cannot_be_read_the_longer_the_pauses() -> None:
    pauses = [
        unknown(claim(due_since=to_text(START - timedelta(seconds=waited))), START).due_at
        for waited in (0, 120, 3_600)
    ]
    assert pauses == ["2025-12-28T12:00:30Z", "2025-12-28T12:01:00Z", "2025-12-28T12:05:00Z"]
    assert unknown(None, START) == Postponed("2025-12-28T12:00:30Z")


def test_a_clock_that_is_behind_has_no_attempt_due_again_at_once() -> None:
    behind = START - timedelta(minutes=5)
    assert unknown(claim(), behind).due_at == unknown(claim(), START).due_at


def test_a_line_that_cannot_be_read_is_an_error(bench: Bench) -> None:
    bench.client.delete_table(TableName="lines")
    with pytest.raises(DependencyError, match="ResourceNotFoundException"):
        bench.begin(placed("m1", 1, 0))


def test_a_delivery_without_a_key_has_no_turn(bench: Bench) -> None:
    bench.client.delete_table(TableName="lines")
    assert bench.begin(replace(delivery("m").reference, ordering_key=None)) is None


def set_up(bench: Bench, ordering: Ordering) -> None:
    endpoint = Endpoint("shop", "orders", "https://a.example/", AT, AT, ordering=ordering)
    item = {name: to_dynamodb(value) for name, value in endpoint.to_item().items()}
    bench.client.put_item(TableName="endpoints", Item=item)


@pytest.mark.parametrize(
    ("ordering", "result"), [("skip", Advance.RELEASED), ("block", Advance.BLOCKED)]
)
def test_an_endpoint_says_whether_a_failure_blocks_its_line(
    bench: Bench, ordering: str, result: Advance
) -> None:
    set_up(bench, Ordering(ordering))
    bench.join("m1", "m2", endpoint="orders")
    head = replace(delivery("m1", endpoint="orders").reference, sequence=1, after=0)
    bench.begin(head)
    bench.records(head, "FAILED")
    assert bench.releasing.advance(line_id_of(head), START) is result


def test_a_blocked_line_goes_on_when_its_head_is_redriven_and_delivered(bench: Bench) -> None:
    set_up(bench, Ordering.BLOCK)
    bench.join("m1", "m2", endpoint="orders")
    head = replace(delivery("m1", endpoint="orders").reference, sequence=1, after=0)
    bench.begin(head)
    bench.records(head, "FAILED")
    # The redriven delivery is still the head.
    assert bench.turns.begin(head, claim(), START) is None
    bench.records(head, "QUEUED", attention="QUEUED#1")
    assert bench.releasing.advance(line_id_of(head), START) is Advance.WAITS
    bench.records(head)
    assert bench.releasing.advance(line_id_of(head), START) is Advance.RELEASED


def test_a_blocked_line_goes_on_when_its_head_is_passed_over(bench: Bench) -> None:
    set_up(bench, Ordering.BLOCK)
    bench.join("m1", "m2", endpoint="orders")
    head = replace(delivery("m1", endpoint="orders").reference, sequence=1, after=0)
    bench.begin(head)
    bench.records(head, "FAILED")
    assert pass_over(bench.releasing, head, START)
    assert bench.queue.take() == [("m2", 2, 1)]


def test_only_the_head_is_passed_over(bench: Bench) -> None:
    bench.join("m1", "m2")
    assert not pass_over(bench.releasing, placed("m1", 1), START)
    bench.begin(placed("m1", 1, 0))
    assert not pass_over(bench.releasing, placed("m2", 2), START)


def test_a_record_is_kept_as_long_after_the_wait_in_a_line(bench: Bench) -> None:
    bench.join("m1")
    later = START + timedelta(days=3)
    bench.releasing.advance(line_id_of(placed("m1", 1)), later)
    (sent,) = bench.queue.sent
    assert sent.expires_at == 2_000_000_000 + 3 * 86_400
    assert sent.due_at == AT


def test_a_queue_that_refuses_is_an_error(bench: Bench) -> None:
    bench.join("m1")
    bench.queue.refuses = True
    with pytest.raises(DependencyError, match="InternalError"):
        bench.advance()


def test_lines_in_which_something_has_waited_are_visited_again(bench: Bench) -> None:
    bench.join("m1", "m2")
    bench.join("other", key="k2")
    soon, later = START + timedelta(minutes=14), START + timedelta(minutes=16)
    assert list(revisit(bench.releasing, soon, lambda: True)) == []
    assert list(revisit(bench.releasing, later, lambda: False)) == []
    results = [result for _, result in revisit(bench.releasing, later, lambda: True)]
    assert results == [Advance.RELEASED, Advance.RELEASED]
    bench.queue.refuses = True
    results = [result for _, result in revisit(bench.releasing, later, lambda: True)]
    assert {type(result) for result in results} == {DependencyError}
