"""The definition's two updates of the ledger are copies of those in `homing.ledger.updates`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.ledger.updates import (
    ATTEMPT,
    ATTEMPT_CONDITION,
    DELIVERED_CONDITION,
    IDENTITY,
    LINE,
    LINE_CONDITION,
    NAMES,
    Retry,
    cancel_update,
    dead_letter_update,
    owned_item,
    redrive_update,
    retry_update,
)
from homing.retry.classification import Status, outcome_document
from homing.retry.outcome import AttemptError, ErrorKind, Outcome
from simulation.workflow.definition import delivery_document
from simulation.workflow.templates import compile_template

if TYPE_CHECKING:
    from homing.delivery import Delivery

NOON = "2025-12-28T12:00:00.000Z"
VERDICT = {"category": "INTERNAL_ERROR", "reason": "drained"}
STATES = delivery_document()["States"]
IDENTITY_VALUES = {
    *(":messageId", ":senderId", ":timestamp", ":targetUrl", ":correlationId", ":createdAt"),
    *(":endpointId", ":eventType"),
}


def retry_of(delivery: Delivery) -> dict[str, Any]:
    entry = {
        "timestamp": NOON,
        "nextRetryTimestamp": NOON,
        "errorCategory": "SERVER_ERROR",
        "errorDetails": {"message": "HTTP 500"},
    }
    return retry_update(Retry(delivery.reference, 0, entry, delivery.expires_at))


def update_of(state: str, delivery: Delivery, status: Status) -> Any:
    """Return the arguments that the definition computes from a delivery document."""
    document = {
        **delivery.to_document(),
        "outcome": {"timestamp": NOON, "responseTime": 12, "httpStatus": 200},
        "verdict": {"status": status.value, "category": "SUCCESS", "reason": "HTTP 200"},
    }
    states = {"input": document, "context": {"Execution": {"Name": "sleeper"}}}
    return compile_template(STATES[state]["Arguments"])(states)


@pytest.fixture(
    params=[
        ("RecordDelivered", Status.DELIVERED),
        ("RecordFailure", Status.FAILED),
        ("RecordFailure", Status.MAX_RETRIES_EXCEEDED),
    ],
    ids=str,
)
def copied(request: pytest.FixtureRequest, delivery: Delivery) -> Any:
    state, status = request.param
    return update_of(state, delivery, status)


def test_the_definition_records_an_attempt_with_the_assignments_of_a_retry(copied: Any) -> None:
    assert copied["UpdateExpression"].startswith(f"SET {ATTEMPT}, ")


def test_the_definition_names_the_attributes_as_every_update_does(copied: Any) -> None:
    assert copied["ExpressionAttributeNames"] == NAMES


def test_the_definition_writes_the_values_that_a_retry_writes(
    copied: Any, delivery: Delivery
) -> None:
    ours, theirs = retry_of(delivery), copied
    assert theirs["Key"] == ours["Key"]
    shared = {*IDENTITY_VALUES, ":generation", ":attemptNumber", ":attempts", ":ttl", ":none"}
    for name in shared | {":now"}:
        value = theirs["ExpressionAttributeValues"][name]
        assert value == ours["ExpressionAttributeValues"][name], name


def test_an_end_is_recorded_under_the_condition_of_every_attempt(delivery: Delivery) -> None:
    delivered = update_of("RecordDelivered", delivery, Status.DELIVERED)
    failure = update_of("RecordFailure", delivery, Status.FAILED)
    assert delivered["ConditionExpression"] == f"{DELIVERED_CONDITION} AND {LINE_CONDITION}"
    assert failure["ConditionExpression"] == f"{ATTEMPT_CONDITION} AND {LINE_CONDITION}"
    assert retry_of(delivery)["ConditionExpression"] == ATTEMPT_CONDITION


def test_the_definition_lists_a_failure_as_drain_would(delivery: Delivery) -> None:
    named = replace(
        delivery, reference=replace(delivery.reference, endpoint_id="crm", event_type="order.paid")
    )
    for each in (delivery, named):
        verdict = {"category": "SUCCESS", "reason": "HTTP 200"}
        failure = update_of("RecordFailure", each, Status.FAILED)
        drained = dead_letter_update(
            each.reference, {**each.to_document(), "verdict": verdict}, "sleeper", NOON
        )
        for name in (":attention", ":senderAttention", ":cause"):
            theirs = failure["ExpressionAttributeValues"][name]
            assert theirs == drained["ExpressionAttributeValues"][name]


def test_every_update_of_a_whole_record_sets_the_identity(delivery: Delivery) -> None:
    reference, document = delivery.reference, delivery.to_document()
    for update in (
        retry_of(delivery),
        redrive_update(reference, None, document, "anew", NOON),
        cancel_update(reference, NOON, delivery.expires_at),
        dead_letter_update(reference, {**document, "verdict": VERDICT}, "sleeper", NOON),
    ):
        assert update["UpdateExpression"].startswith(f"SET {IDENTITY}, ")
        assert update["ExpressionAttributeNames"] == NAMES
        assert update["ExpressionAttributeValues"].keys() >= IDENTITY_VALUES


def test_a_record_has_its_place_in_a_line_and_nothing_of_it_without_one(delivery: Delivery) -> None:
    placed = replace(delivery.reference, ordering_key="order-7", sequence=3)
    for each, expected in ((replace(delivery, reference=placed), "3#order-7"), (delivery, None)):
        for state, status in (
            ("RecordDelivered", Status.DELIVERED),
            ("RecordFailure", Status.FAILED),
        ):
            theirs = update_of(state, each, status)
            assert (f"{LINE}, " in theirs["UpdateExpression"]) is (expected is not None)
            value = {"NULL": True} if expected is None else {"S": expected}
            assert theirs["ExpressionAttributeValues"][":line"] == value
        ours = retry_of(each)
        assert (f"{LINE}, " in ours["UpdateExpression"]) is (expected is not None)
        assert ours["ExpressionAttributeValues"].get(":line") == (expected and {"S": expected})
        assert owned_item(each.reference, each.to_document()).get("line") == expected


def test_a_record_has_the_endpoint_and_the_event_type_or_says_that_there_are_none(
    delivery: Delivery,
) -> None:
    named = replace(delivery.reference, endpoint_id="orders", event_type="order.paid")
    for each, expected in (
        (replace(delivery, reference=named), [{"S": "orders"}, {"S": "order.paid"}]),
        (delivery, [{"NULL": True}] * 2),
    ):
        for update in (
            retry_of(each),
            update_of("RecordDelivered", each, Status.DELIVERED),
            update_of("RecordFailure", each, Status.FAILED),
        ):
            values = update["ExpressionAttributeValues"]
            assert [values[":endpointId"], values[":eventType"]] == expected


OUTCOMES = {
    "a 2xx": outcome_document(Outcome(NOON, 12, 204)),
    "a status": outcome_document(Outcome(NOON, 12, 503, retry_after="7", response_body="busy")),
    "another URL": outcome_document(Outcome(NOON, 12, 410, target_url="https://example.org/")),
    "no response": outcome_document(
        Outcome(NOON, 0, error=AttemptError(ErrorKind.CONNECT, "connection refused"))
    ),
    "Deliver failed": None,
}


def outcome_of(name: str) -> Any:
    """The outcome of an attempt or, if Deliver failed, the one that its Catch sets."""
    if OUTCOMES[name] is not None:
        return OUTCOMES[name]
    failed = {"input": {}, "errorOutput": {"Error": "Lambda.Unknown"}}
    failed["context"] = {"State": {"EnteredTime": NOON}}
    return compile_template(STATES["Deliver"]["Catch"][0]["Output"])(failed)["outcome"]


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_definition_can_evaluate_every_end_of_every_outcome_also_where_it_is_not_classified(
    delivery: Delivery, name: str
) -> None:
    """Step Functions logs no event if an evaluation fails."""
    outcome = outcome_of(name)
    states: dict[str, Any] = {
        "input": {**delivery.to_document(), "outcome": outcome},
        "context": {"Execution": {"Name": "sleeper"}},
        "errorOutput": {"Error": "Lambda.Unknown"},
    }
    caught = compile_template(STATES["Classify"]["Catch"][0]["Output"])(states)
    classified = {"status": "FAILED", "category": "GONE", "reason": "HTTP 410"}
    for verdict in (caught["verdict"], classified):
        states["input"] = {**states["input"], "verdict": verdict}
        ends = ["RecordFailure", *(["RecordDelivered"] if outcome["httpStatus"] else [])]
        for state in ends:
            assert compile_template(STATES[state]["Arguments"])(states)["Key"]
        assert compile_template(STATES["DeliveryFailed"]["Error"])(states)
