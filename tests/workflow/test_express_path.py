"""The express path on the local cloud: the same ends, and nothing is lost if it fails."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from homing.dispatch.admission import Admission
from homing.dispatch.bounded_wait import BoundedWait
from homing.dispatch.bulkhead import Bulkhead, Limits
from homing.dispatch.express_path import Settled
from homing.errors import DetachedError, UnsettledError
from homing.retry.policy import Jitter, Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Delivery
    from homing_cli.receiver.server import Receiver

# The script of the receiver, how the express path settles the message, and the record at the end.
SCENARIOS = {
    "delivered at once": ("200", Settled.DELIVERED, "DELIVERED", 1),
    "delivered at the third attempt": ("503,503,200", Settled.HANDED_OFF, "DELIVERED", 3),
    "given up": ("410", Settled.DEAD_LETTERED, "FAILED", 1),
    "limit reached": ("500", Settled.HANDED_OFF, "MAX_RETRIES_EXCEEDED", 3),
}

# By the script of the receiver: the states of the Express workflow that are then passed.
WAYS = {
    "200": ("Deliver", "Classify", "WhatNext", "RecordDelivered"),
    "503,200": ("ComputeBackoff", "RecordRetry", "Recorded", "HandOff", "HandedOff"),
    "410": ("RecordFailure", "DeadLetter", "DeliveryFailed"),
}
BREAKS = [(script, state) for script, states in WAYS.items() for state in states]


def body(delivery: Delivery) -> str:
    return json.dumps(delivery.to_document())


def breaking(state: str) -> Callable[[dict[str, Any]], None]:
    def change(states: dict[str, Any]) -> None:
        states[state] = {"Type": "Fail", "Error": "BrokenOnPurpose", "Cause": state}

    return change


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_delivery_ends_in_the_express_path_as_it_ends_without_it(
    bench: Any, deliver_to: Callable[..., Delivery], receiver: Receiver, scenario: str
) -> None:
    script, settled, status, attempts = SCENARIOS[scenario]
    delivery, standard = deliver_to(script), bench.standard()
    assert bench.express_path(standard).settle(body(delivery))[1] is settled
    bench.wait_for(standard, delivery.reference)
    record, dead = bench.record(delivery.reference), bench.dead_letters(delivery.reference)
    without = bench.run(deliver_to(script))
    assert (record["status"], record["attempts"]) == (status, attempts)
    assert (without.record["status"], without.record["attempts"]) == (status, attempts)
    claim = {"generation", "executionName", "claimedAttempt"}  # made after a wait only
    assert set(record) - claim - {"deadLetter"} == set(without.record) - claim
    assert len(dead) == len(without.dead_letters)
    assert requests(receiver, delivery) == attempts


@pytest.mark.parametrize(("script", "state"), BREAKS)
def test_wherever_the_express_path_breaks_the_message_goes_back_and_is_recorded_once(
    bench: Any, deliver_to: Callable[..., Delivery], receiver: Receiver, script: str, state: str
) -> None:
    """The request is sent twice only if the fault comes before the record."""
    delivery, standard = deliver_to(script), bench.standard()
    with pytest.raises(UnsettledError, match="BrokenOnPurpose"):
        bench.express_path(standard, breaking(state)).settle(body(delivery))
    assert bench.dead_letters(delivery.reference) == () or state == "DeliveryFailed"

    recorded_before = bench.record(delivery.reference) is not None
    bench.express_path(standard).settle(body(delivery))
    bench.wait_for(standard, delivery.reference)
    record = bench.record(delivery.reference)
    assert record["status"] == ("FAILED" if script == "410" else "DELIVERED")
    numbers = [entry["attemptNumber"] for entry in record["retryHistory"]]
    assert numbers == list(range(record["attempts"]))
    assert len(bench.dead_letters(delivery.reference)) == (script == "410")
    sent_again = not recorded_before and state != "Deliver"
    assert requests(receiver, delivery) == record["attempts"] + sent_again


# The script of the receiver, the state whose function is throttled, how the message is settled, and
# how many requests have been sent when it is delivered.
WITHOUT_A_FUNCTION = [
    ("200", "Deliver", Settled.HANDED_OFF, 1),
    ("200", "Classify", Settled.DELIVERED, 1),
    ("503,200", "Classify", Settled.HANDED_OFF, 2),
    ("503,200", "ComputeBackoff", Settled.HANDED_OFF, 2),
]


@pytest.mark.parametrize(("script", "state", "settled", "sent"), WITHOUT_A_FUNCTION)
def test_where_lambda_is_throttled_the_standard_workflow_makes_the_attempt(
    bench: Any,
    deliver_to: Callable[..., Delivery],
    receiver: Receiver,
    script: str,
    state: str,
    settled: Settled,
    sent: int,
) -> None:
    delivery, standard = deliver_to(script), bench.standard()

    def throttle(states: dict[str, Any]) -> None:
        """Throttle the function; in the emulator, by its error for a broken function."""
        states[state]["Arguments"]["FunctionName"] = bench.broken_function
        states[state]["Catch"][0]["ErrorEquals"] = ["Runtime.HandlerError"]

    assert bench.express_path(standard, throttle).settle(body(delivery))[1] is settled
    bench.wait_for(standard, delivery.reference)
    record = bench.record(delivery.reference)
    assert (record["status"], record["attempts"]) == ("DELIVERED", 1)
    assert bench.dead_letters(delivery.reference) == ()
    assert requests(receiver, delivery) == sent


# By the script of the receiver: the status and attempts at the end, and how the redelivered message
# is settled.
LEFT = {
    "delay=1.5;200": ("DELIVERED", 1, Settled.ALREADY_SETTLED),
    "delay=9,200": ("DELIVERED", 2, Settled.ALREADY_STARTED),  # an attempt times out after 3 s
    "delay=1.5;410": ("FAILED", 1, Settled.ALREADY_SETTLED),
}


@pytest.mark.parametrize("script", LEFT)
def test_an_attempt_that_is_detached_ends_as_ever_and_its_message_is_settled_by_its_record(
    bench: Any, deliver_to: Callable[..., Delivery], receiver: Receiver, script: str
) -> None:
    status, attempts, settled = LEFT[script]
    # Here waits take a hundredth of their time. The message is redelivered during this one.
    policy = Policy(jitter=Jitter.NONE, base_delay_seconds=600)
    delivery, standard = replace(deliver_to(script), policy=policy), bench.standard()
    express_path = replace(bench.express_path(standard), admission=never_waiting())
    with pytest.raises(DetachedError):
        express_path.settle(body(delivery))
    end = status if attempts == 1 else "RETRY_SCHEDULED"
    wait_until(lambda: (bench.record(delivery.reference) or {}).get("status") == end)
    # The dead letter has been sent, and the detached attempt still adds it to the record.
    if status == "FAILED":
        wait_until(lambda: "deadLetter" in bench.record(delivery.reference))
    if attempts > 1:
        wait_until(lambda: bool(express_path.workflow.describe(delivery.reference.delivery_id)))
    assert express_path.settle(body(delivery))[1] is settled
    bench.wait_for(standard, delivery.reference)
    record = bench.record(delivery.reference)
    assert (record["status"], record["attempts"]) == (status, attempts)
    assert len(record["retryHistory"]) == attempts
    assert len(bench.dead_letters(delivery.reference)) == (status == "FAILED")
    assert requests(receiver, delivery) == attempts


def never_waiting() -> Admission:
    second = timedelta(seconds=1)
    limits = Limits(10, attempt_timeout=3 * second, over_after=38 * second, slow_threshold=second)
    return Admission(Bulkhead(limits), BoundedWait(0.2, most_detached=10))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_delivery_that_is_settled_twice_at_once_is_recorded_once(
    bench: Any, deliver_to: Callable[..., Delivery]
) -> None:
    delivery, standard = deliver_to("200"), bench.standard()
    express_path = bench.express_path(standard)
    assert express_path.settle(body(delivery))[1] is Settled.DELIVERED
    assert express_path.settle(body(delivery))[1] is Settled.ALREADY_SETTLED
    assert len(bench.record(delivery.reference)["retryHistory"]) == 1


def requests(receiver: Receiver, delivery: Delivery) -> int:
    message_id = delivery.reference.message_id
    return sum(arrival.message_id == message_id for arrival in receiver.arrivals)
