"""The simulated table: what it refuses, and that moto treats the real updates in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from homing.delivery import Reference
from homing.ledger.claim import AttemptClaim
from homing.ledger.updates import Retry, claim_update, retry_entry, retry_update
from homing.retry.classification import Category, Decision, Status, Verdict
from homing.retry.outcome import Outcome
from simulation.engine.faults import ConditionFailedError
from simulation.errors import UnsupportedError
from simulation.services.table import Table
from simulation.workflow.definition import Task, delivery_document, load_definition

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = "2025-12-28T12:00:00.000Z"
STATES = load_definition(delivery_document()).states
REFERENCES = tuple(
    Reference(f"m{number}", "default", NOON, "https://example.com/", "trace", NOON)
    for number in range(2)
)


def retry_of(reference: Reference, attempt: int, worker: int) -> dict[str, Any]:
    outcome = Outcome(NOON, worker, 500)
    verdict = Verdict(Decision.RETRY, Category.SERVER_ERROR, "HTTP 500", Status.RETRY_SCHEDULED)
    backoff = {
        "exponentialDelay": 1,
        "jitterApplied": 0.25,
        "retryAfterSeconds": None,
        "retryDelaySeconds": 1,
        "nextRetryAt": NOON,
    }
    entry = retry_entry(reference, attempt, outcome, verdict, backoff)
    update = retry_update(Retry(reference, attempt, entry, 1_769_515_200, worker))
    return {"TableName": "ledger", "ReturnValuesOnConditionCheckFailure": "ALL_OLD", **update}


def end_of(reference: Reference, attempt: int, worker: int, status: str) -> dict[str, Any]:
    """Return the arguments that the definition computes from a delivery document."""
    task = STATES["RecordDelivered" if status == "DELIVERED" else "RecordFailure"]
    assert isinstance(task, Task)
    document = {
        "reference": reference.to_document(),
        "attemptNumber": attempt,
        "attempts": attempt + 1,
        "generation": worker,
        "expiresAt": 1_769_515_200,
        "outcome": {
            "timestamp": NOON,
            "responseTime": worker,
            "httpStatus": 500 if worker else None,
        },
        "verdict": {"status": status, "category": "SERVER_ERROR", "reason": "HTTP 500"},
    }
    if status == "DELIVERED":
        document["outcome"]["httpStatus"] = 200
    states = {"input": document, "context": {"Execution": {"Name": f"e-{worker}"}}}
    return {**task.arguments(states), "TableName": "ledger"}


def claim_of(reference: Reference, attempt: int, worker: int) -> dict[str, Any]:
    claim = AttemptClaim(attempt, f"e-{worker}", worker, NOON, 1_769_515_200)
    update = claim_update(reference, claim)
    return {"TableName": "ledger", "ReturnValuesOnConditionCheckFailure": "ALL_OLD", **update}


calls = st.builds(
    lambda reference, attempt, worker, status: (
        retry_of(reference, attempt, worker)
        if status == "RETRY_SCHEDULED"
        else claim_of(reference, attempt, worker)
        if status == "CLAIMED"
        else end_of(reference, attempt, worker, status)
    ),
    st.sampled_from(REFERENCES),
    st.integers(0, 3),
    st.integers(0, 1),
    st.sampled_from(
        [
            "RETRY_SCHEDULED",
            "RETRY_SCHEDULED",
            "CLAIMED",
            "CLAIMED",
            "DELIVERED",
            "FAILED",
            "MAX_RETRIES_EXCEEDED",
        ]
    ),
)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.client("dynamodb")


def make_tables(client: Any) -> None:
    for name, keys in {"ledger": ("pk", "sk"), "messages": ("pk",)}.items():
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        )


def outcome_of(call: Any, arguments: dict[str, Any]) -> Any:
    """Return the outcome of a call: nothing, or the item that made its condition fail."""
    try:
        call(arguments)
    except ConditionFailedError as error:
        return error.item or {}
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return error.response.get("Item", {}) if "ConditionalCheck" in code else code
    return None


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(calls, min_size=1, max_size=10))
def test_updates_of_the_ledger_leave_the_items_that_dynamodb_would_leave(
    dynamodb: Any, updates: list[dict[str, Any]]
) -> None:
    make_tables(dynamodb)
    table = Table(("pk", "sk"))
    for update in updates:
        theirs = outcome_of(lambda arguments: dynamodb.update_item(**arguments), update)
        assert outcome_of(table.update_item, update) == theirs
    by_key = {(item["pk"]["S"], item["sk"]["S"]): item for item in table.items.values()}
    scanned = dynamodb.scan(TableName="ledger")["Items"]
    assert {(item["pk"]["S"], item["sk"]["S"]): item for item in scanned} == by_key
    for reference in REFERENCES:
        query = {
            "TableName": "ledger",
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": reference.pk}},
            "ConsistentRead": True,
        }
        assert table.query(query)["Items"] == dynamodb.query(**query)["Items"]
        key = {"pk": {"S": reference.pk}, "sk": {"S": reference.sk}}
        get = {
            "TableName": "ledger",
            "Key": key,
            "ConsistentRead": True,
            "ProjectionExpression": "#status",
            "ExpressionAttributeNames": {"#status": "status"},
        }
        assert table.get_item(get).get("Item") == dynamodb.get_item(**get).get("Item")
    for name in ("ledger", "messages"):
        dynamodb.delete_table(TableName=name)


@pytest.mark.parametrize("expires", [99, 100, 101])
def test_a_put_where_nothing_that_lives_may_stand_does_as_in_dynamodb(
    dynamodb: Any, expires: int
) -> None:
    make_tables(dynamodb)
    table = Table(("pk",))
    put = {
        "TableName": "messages",
        "ConditionExpression": "attribute_not_exists(pk) OR #ttl < :now",
        "ExpressionAttributeNames": {"#ttl": "ttl"},
        "ExpressionAttributeValues": {":now": {"N": "100"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    for number in (expires, 500):
        arguments = {**put, "Item": {"pk": {"S": "a"}, "ttl": {"N": str(number)}}}
        theirs = outcome_of(lambda arguments: dynamodb.put_item(**arguments), arguments)
        assert outcome_of(table.put_item, arguments) == theirs
    assert list(table.items.values()) == dynamodb.scan(TableName="messages")["Items"]


UPDATE = {"TableName": "t", "Key": {"pk": {"S": "a"}}}


@pytest.mark.parametrize(
    "more",
    [
        {"UpdateExpression": "SET a.b = :x"},
        {"UpdateExpression": "SET a[0] = :x"},
        {"UpdateExpression": "SET status = :x"},  # a reserved word
        {"UpdateExpression": "SET a = a + :x"},
        {"UpdateExpression": "ADD a :x"},
        {"UpdateExpression": "SET a = :x", "ReturnValues": "UPDATED_OLD"},
        {"UpdateExpression": "SET a = :x", "ConditionExpression": "begins_with(a, :x)"},
        {"UpdateExpression": "SET a = :x", "ConditionExpression": "a BETWEEN :x AND :x"},
    ],
)
def test_what_the_table_does_not_implement_is_refused(more: dict[str, Any]) -> None:
    values = {"ExpressionAttributeValues": {":x": {"N": "1"}}}
    with pytest.raises(UnsupportedError):
        Table(("pk",)).update_item({**UPDATE, **values, **more})


def test_a_read_that_may_be_stale_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="consistent"):
        Table(("pk",)).get_item({"TableName": "t", "Key": {"pk": {"S": "a"}}})
