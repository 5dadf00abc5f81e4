"""The ledger's updates, with DynamoDB's semantics (moto)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.claim import AttemptClaim
from homing.ledger.table import Ledger, RecordResult
from homing.ledger.updates import Retry, retry_entry, retry_update
from homing.retry.classification import MAX_REASON_LENGTH, Category, Decision, Status, Verdict
from homing.retry.outcome import Outcome

if TYPE_CHECKING:
    from homing.delivery import Delivery, Reference

EXPIRES_AT = 1_769_515_200


def retry(
    reference: Reference,
    attempt_number: int,
    worker: str = "a",
    execution_name: str = "express-path",
) -> Retry:
    """Return a retry as `worker` records it; workers observe different outcomes."""
    outcome = Outcome("2025-12-28T12:00:00.000Z", ord(worker), 500)
    verdict = Verdict(Decision.RETRY, Category.SERVER_ERROR, "HTTP 500", Status.RETRY_SCHEDULED)
    backoff = {
        "exponentialDelay": 1,
        "jitterApplied": 0.25,
        "retryAfterSeconds": None,
        "retryDelaySeconds": 1,
        "nextRetryAt": "2025-12-28T12:00:01.250Z",
    }
    entry = retry_entry(reference, attempt_number, outcome, verdict, backoff)
    return Retry(
        reference,
        attempt_number,
        entry,
        expires_at=EXPIRES_AT,
        execution_name=execution_name,
    )


@pytest.fixture
def ledger(ledger_table: Any) -> Ledger:
    return Ledger(ledger_table.name, ledger_table.client)


def owned(ledger: Ledger, delivery: Delivery) -> None:
    assert ledger.own(delivery.reference, delivery.to_document()) is None


def test_a_delivery_that_nobody_has_is_given_to_its_execution(
    ledger: Ledger, ledger_table: Any, delivery: Delivery
) -> None:
    owned(ledger, replace(delivery, attempt_number=1))
    reference = delivery.reference
    (item,) = map(from_dynamodb, ledger_table.items())
    kept = {name: value for name, value in reference.to_document().items() if name != "deliveryId"}
    assert item == {
        **kept,
        "endpointId": None,
        "eventType": None,
        "status": "QUEUED",
        "attempts": 1,
        "retryHistory": [],
        "nextRetryAt": "2025-12-28T12:00:00.000Z",
        "lastUpdatedAt": reference.created_at,
        "ttl": delivery.expires_at,
        "generation": 0,
        "executionName": reference.delivery_id,
        "attention": f"QUEUED#{reference.delivery_id[0]}",
        "senderAttention": f"default#QUEUED#{reference.delivery_id[0]}",
        "attentionAt": "2025-12-28T12:00:00.000Z",
    }


def test_a_delivery_that_has_a_record_keeps_it(
    ledger: Ledger, ledger_table: Any, delivery: Delivery
) -> None:
    """boto3 may repeat the call, and another execution may have been faster."""
    owned(ledger, delivery)
    before = ledger_table.items()
    assert ledger.own(delivery.reference, delivery.to_document()) == ledger.read(delivery.reference)
    assert ledger_table.items() == before


def test_the_record_of_a_previous_acceptance_gives_way(
    ledger: Ledger, ledger_table: Any, delivery: Delivery
) -> None:
    """The key may be in use again while the record of a previous acceptance still exists (0022)."""
    previous = replace(delivery.reference, created_at="2024-12-28T12:00:00.000Z")
    ledger.record_retry(retry(previous, 0))
    owned(ledger, delivery)
    (item,) = map(from_dynamodb, ledger_table.items())
    assert (item["createdAt"], item["retryHistory"]) == (delivery.reference.created_at, [])
    assert ledger.own(previous, delivery.to_document()) is not None


def test_a_ledger_that_cannot_be_written_owns_nothing(delivery: Delivery) -> None:
    ledger = Ledger("ledger", BrokenClient(EndpointConnectionError(endpoint_url="http://ledger")))  # type: ignore[arg-type]
    with pytest.raises(EndpointConnectionError):
        ledger.own(delivery.reference, delivery.to_document())


def test_the_express_path_records_no_retry_of_a_delivery_that_an_execution_has(
    ledger: Ledger, delivery: Delivery
) -> None:
    """That execution continues with the delivery, and must find its own attempt unrecorded."""
    owned(ledger, delivery)
    reference = delivery.reference
    assert ledger.record_retry(retry(reference, 0)).result is RecordResult.SUPERSEDED
    own = retry(reference, 0, execution_name=reference.delivery_id)
    assert ledger.record_retry(own).result is RecordResult.RECORDED


@pytest.mark.parametrize(
    ("execution_name", "owner"), [("express-path", None), ("a-later-one", "a-later-one")]
)
def test_a_retry_says_which_execution_makes_it(
    ledger: Ledger, reference: Reference, execution_name: str, owner: str | None
) -> None:
    ledger.record_retry(retry(reference, 0, execution_name=execution_name))
    record = ledger.read(reference)
    assert record is not None
    assert record.execution_name == (owner or reference.delivery_id)
    assert record.generation == 0


def test_a_claim_after_a_postponement_keeps_the_record_for_longer(
    ledger: Ledger, delivery: Delivery
) -> None:
    owned(ledger, delivery)
    reference = delivery.reference
    claim = AttemptClaim(0, reference.delivery_id, 0, delivery.due_at, delivery.expires_at + 300)
    assert isinstance(ledger.claim(reference, claim), AttemptClaim)
    record = ledger.read(reference)
    assert record is not None
    assert record.expires_at == delivery.expires_at + 300


def test_a_first_retry_makes_the_item_that_the_requirements_describe(
    ledger: Ledger, ledger_table: Any, reference: Reference
) -> None:
    assert ledger.record_retry(retry(reference, 0)).result is RecordResult.RECORDED
    (item,) = map(from_dynamodb, ledger_table.items())
    assert item == {
        "pk": "order-1841#default",
        "sk": "2025-12-28T12:00:00.000Z#https://example.com/hooks",
        "messageId": "order-1841",
        "senderId": "default",
        "timestamp": "2025-12-28T12:00:00.000Z",
        "targetUrl": "https://example.com/hooks",
        "correlationId": "trace-7",
        "createdAt": "2025-12-28T12:00:00.000Z",
        "status": "RETRY_SCHEDULED",
        "attempts": 1,
        "nextRetryAt": "2025-12-28T12:00:01.250Z",
        "executionName": reference.delivery_id,
        "generation": 0,
        "lastUpdatedAt": "2025-12-28T12:00:00.000Z",
        "endpointId": None,
        "eventType": None,
        "attention": f"RETRY_SCHEDULED#{reference.delivery_id[0]}",
        "senderAttention": f"default#RETRY_SCHEDULED#{reference.delivery_id[0]}",
        "cause": {"category": "SERVER_ERROR", "reason": "HTTP 500"},
        "attentionAt": "2025-12-28T12:00:01.250Z",
        "ttl": EXPIRES_AT,
        "retryHistory": [
            {
                "attemptNumber": 0,
                "timestamp": "2025-12-28T12:00:00.000Z",
                "errorCategory": "SERVER_ERROR",
                "errorDetails": {"message": "HTTP 500"},
                "responseTime": 97,
                "httpStatus": 500,
                "retryDelaySeconds": 1,
                "exponentialDelay": 1,
                "jitterApplied": 0.25,
                "nextRetryTimestamp": "2025-12-28T12:00:01.250Z",
                "correlationId": "trace-7",
            }
        ],
    }


def test_of_two_workers_with_the_same_attempt_one_wins_and_the_other_changes_nothing(
    ledger: Ledger, ledger_table: Any, reference: Reference
) -> None:
    assert ledger.record_retry(retry(reference, 0, "a")).result is RecordResult.RECORDED
    before = ledger_table.items()
    lost = ledger.record_retry(retry(reference, 0, "b"))
    assert lost.result is RecordResult.SUPERSEDED
    assert "RETRY_SCHEDULED, attempts: 1" in lost.reason
    assert ledger_table.items() == before


def test_an_update_that_had_been_made_already_counts_as_success(
    ledger: Ledger, ledger_table: Any, reference: Reference
) -> None:
    ledger.record_retry(retry(reference, 0))
    before = ledger_table.items()
    assert ledger.record_retry(retry(reference, 0)).result is RecordResult.REPLAYED
    assert ledger_table.items() == before


def test_a_replay_is_known_even_after_later_attempts(ledger: Ledger, reference: Reference) -> None:
    ledger.record_retry(retry(reference, 0))
    for attempt_number in (1, 2):
        ledger.record_retry(retry(reference, attempt_number, execution_name=reference.delivery_id))
    assert ledger.record_retry(retry(reference, 0)).result is RecordResult.REPLAYED


def test_an_attempt_that_could_not_be_recorded_does_not_lock_out_the_next(
    ledger: Ledger, ledger_table: Any, reference: Reference
) -> None:
    ledger.record_retry(retry(reference, 0))
    later = retry(reference, 2, execution_name=reference.delivery_id)
    assert ledger.record_retry(later).result is RecordResult.RECORDED
    (item,) = map(from_dynamodb, ledger_table.items())
    assert item["attempts"] == 3
    assert [entry["attemptNumber"] for entry in item["retryHistory"]] == [0, 2]


def test_an_end_on_record_stays_whatever_attempt_comes_after_it(
    ledger: Ledger, ledger_table: Any, reference: Reference
) -> None:
    """Only the record of a waiting delivery has a `nextRetryAt`, and only that may change."""
    ledger.record_retry(retry(reference, 0))
    ended = {**ledger_table.items()[0], "status": {"S": "DELIVERED"}}
    del ended["nextRetryAt"]
    ledger_table.client.put_item(TableName=ledger_table.name, Item=ended)
    assert ledger.record_retry(retry(reference, 1)).result is RecordResult.SUPERSEDED
    assert ledger_table.items() == [ended]


def test_deliveries_of_one_message_to_two_targets_are_two_items(
    ledger: Ledger, ledger_table: Any, reference: Reference
) -> None:
    ledger.record_retry(retry(reference, 0))
    ledger.record_retry(retry(replace(reference, target_url="https://example.org/"), 0))
    first, second = ledger_table.items()
    assert first["pk"] == second["pk"]
    assert first["sk"] != second["sk"]


class BrokenClient:
    """A DynamoDB client whose every write fails in the same way."""

    class exceptions:  # noqa: N801  # botocore's name
        class ConditionalCheckFailedException(Exception):  # noqa: N818  # botocore's name
            response: dict[str, Any]

    def __init__(self, error: Exception) -> None:
        self._error = error

    def update_item(self, **_: Any) -> None:
        raise self._error

    put_item = update_item


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "UpdateItem"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_a_ledger_that_cannot_be_written_is_a_result_and_no_exception(
    reference: Reference, error: Exception
) -> None:
    ledger = Ledger("ledger", BrokenClient(error))  # type: ignore[arg-type]  # a fake client
    recorded = ledger.record_retry(retry(reference, 0))
    assert recorded.result is RecordResult.UNRECORDED
    assert type(error).__name__ in recorded.reason


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moves=st.lists(st.sampled_from("ab"), min_size=1, max_size=14), seed=st.integers(0, 10**9))
def test_any_interleaving_of_two_writers_leaves_a_history_with_no_gap_and_no_double(
    ledger: Ledger, ledger_table: Any, reference: Reference, moves: list[str], seed: int
) -> None:
    """In each move one worker records its current attempt. A worker that is refused stops."""
    mine = replace(reference, message_id=f"m{seed}-{''.join(moves)}")
    in_hand: dict[str, int | None] = {"a": 0, "b": 0}
    results: dict[tuple[str, int], RecordResult] = {}
    for worker in moves:
        attempt_number = in_hand[worker]
        if attempt_number is None:
            continue
        name = "express-path" if attempt_number == 0 else mine.delivery_id
        result = ledger.record_retry(retry(mine, attempt_number, worker, name)).result
        results[worker, attempt_number] = result
        in_hand[worker] = attempt_number + 1 if result is RecordResult.RECORDED else None
    item = from_dynamodb(
        ledger_table.client.get_item(
            TableName=ledger_table.name, Key={"pk": {"S": mine.pk}, "sk": {"S": mine.sk}}
        )["Item"]
    )
    numbers = [entry["attemptNumber"] for entry in item["retryHistory"]]
    assert numbers == list(range(item["attempts"]))
    winners = [key for key, result in results.items() if result is RecordResult.RECORDED]
    assert len(winners) == item["attempts"]
    assert len({worker for worker, _ in winners}) == 1


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.integers(-(10**6), 10**6).map(lambda milliseconds: milliseconds / 1000 + 0.0005)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(plain)
def test_plain_values_survive_dynamodb(value: Any) -> None:
    assert from_dynamodb({"value": to_dynamodb(value)}) == {"value": value}


def test_whole_numbers_come_back_as_int() -> None:
    back = from_dynamodb({"a": {"N": "1"}, "b": {"N": "1.25"}})
    assert [type(number) for number in back.values()] == [int, float]


def test_an_item_stays_small_at_the_highest_number_of_attempts(
    ledger: Ledger, ledger_table: Any, reference: Reference
) -> None:
    """DynamoDB's limit is 400 KB. 20 entries with the longest error text take less than 12 KB."""
    for attempt_number in range(20):
        made = retry(reference, attempt_number, execution_name="the-same")
        longest = {"errorDetails": {"message": "x" * MAX_REASON_LENGTH}}
        ledger.record_retry(replace(made, entry={**made.entry, **longest}))
    (item,) = ledger_table.items()
    assert len(item["retryHistory"]["L"]) == 20
    assert len(json.dumps(from_dynamodb(item))) < 12_000


def test_a_record_is_read_as_it_is_written_and_as_it_stands_now(
    ledger: Ledger, reference: Reference
) -> None:
    assert ledger.read(reference) is None
    ledger.record_retry(retry(reference, 0))
    record = ledger.read(reference)
    assert record is not None
    assert record.created_at == reference.created_at
    assert (record.status, record.attempts) == (Status.RETRY_SCHEDULED, 1)
    assert record.next_retry_at == "2025-12-28T12:00:01.250Z"
    assert record.expires_at == EXPIRES_AT
    assert record.history[0]["jitterApplied"] == 0.25


def test_a_read_is_consistent(reference: Reference) -> None:
    asked: list[dict[str, Any]] = []

    class Client:
        def get_item(self, **arguments: Any) -> dict[str, Any]:
            asked.append(arguments)
            return {}

    assert Ledger("a-ledger", Client()).read(reference) is None  # type: ignore[arg-type]
    assert asked == [
        {
            "TableName": "a-ledger",
            "Key": {"pk": {"S": reference.pk}, "sk": {"S": reference.sk}},
            "ConsistentRead": True,
        }
    ]


def test_a_record_of_a_previous_acceptance_is_none(ledger: Ledger, reference: Reference) -> None:
    """DynamoDB deletes expired items days late, and the key may be in use again by then."""
    ledger.record_retry(retry(replace(reference, created_at="2024-12-28T12:00:00.000Z"), 0))
    assert ledger.read(reference) is None


@pytest.mark.parametrize(
    ("status", "is_kept"),
    [
        ("FAILED", True),
        ("MAX_RETRIES_EXCEEDED", True),
        ("RETRY_SCHEDULED", False),
        ("CANCELLED", False),
    ],
)
def test_a_dead_letter_is_kept_with_the_record_of_a_failure_and_of_nothing_else(
    ledger: Ledger, ledger_table: Any, reference: Reference, status: str, is_kept: bool
) -> None:
    """The delivery may be redriven, or end, while its dead letter is sent."""
    ledger.record_retry(retry(reference, 0))
    ledger_table.client.put_item(
        TableName=ledger_table.name, Item={**ledger_table.items()[0], "status": {"S": status}}
    )
    before = ledger.read(reference)
    ledger.keep_dead_letter(reference, '{"a": "letter"}')
    assert before is not None
    kept = replace(before, dead_letter='{"a": "letter"}') if is_kept else before
    assert ledger.read(reference) == kept


def test_a_dead_letter_without_a_record_is_not_kept_and_raises_nothing(
    ledger: Ledger, ledger_table: Any, reference: Reference
) -> None:
    """The dead letter is in the dead-letter queue nevertheless."""
    ledger.keep_dead_letter(reference, "a dead letter")
    assert list(ledger_table.items()) == []


def test_while_the_ledger_is_unavailable_no_dead_letter_is_kept_and_nothing_raised(
    reference: Reference,
) -> None:
    class Client:
        def update_item(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://ledger")

    Ledger("a-ledger", Client()).keep_dead_letter(reference, "a dead letter")  # type: ignore[arg-type]


def test_the_document_says_how_an_update_ended(ledger: Ledger, reference: Reference) -> None:
    told = [
        ledger.record_retry(retry(reference, 0, worker)).to_document() for worker in ("a", "a", "b")
    ]
    superseded = (
        "another execution has the delivery, or it has ended (RETRY_SCHEDULED, attempts: 1)"
    )
    assert told == [
        {"result": "RECORDED", "reason": "recorded"},
        {"result": "REPLAYED", "reason": "the same entry had been recorded before"},
        {"result": "SUPERSEDED", "reason": superseded},
    ]


TWO_MADE = {
    "createdAt": {"S": "2025-12-28T12:00:00.000Z"},
    "status": {"S": "RETRY_SCHEDULED"},
    "attempts": {"N": "2"},
    "lastUpdatedAt": {"S": "2025-12-28T12:00:00.000Z"},
    "ttl": {"N": "1769515200"},
    "retryHistory": {"L": []},
}


@pytest.mark.parametrize(
    ("response", "found"),
    [
        ({}, "no record"),
        ({"Item": {"pk": {"S": "a"}}}, "no record"),
        ({"Item": TWO_MADE}, "RETRY_SCHEDULED, attempts: 2"),
    ],
    ids=["no item", "no history", "an empty history"],
)
def test_a_failed_condition_that_shows_little_is_another_workers(
    reference: Reference, response: dict[str, Any], found: str
) -> None:
    class FailedError(ClientError):
        pass

    class Client:
        class exceptions:  # noqa: N801  # as boto3 spells it
            ConditionalCheckFailedException = FailedError

        def update_item(self, **_: Any) -> None:
            raise FailedError(
                {"Error": {"Code": "ConditionalCheckFailedException"}, **response},  # type: ignore[typeddict-unknown-key]
                "UpdateItem",
            )

    recorded = Ledger("a-ledger", Client()).record_retry(retry(reference, 0))  # type: ignore[arg-type]
    assert recorded.result is RecordResult.SUPERSEDED
    assert recorded.reason.endswith(f"({found})")


def test_a_client_of_its_own_does_not_hold_a_delivery_up(
    aws: None,
) -> None:
    config = Ledger("a-ledger")._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}


def test_an_update_belongs_to_the_first_generation_where_none_is_named(
    reference: Reference,
) -> None:
    update = retry_update(retry(reference, 0))
    assert update["ExpressionAttributeValues"][":generation"] == {"N": "0"}
