"""The function `get_message`: GET /v1/messages/{messageId} and GET /v1/health."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from homing.items import to_dynamodb
from homing.ledger.table import Ledger
from homing.ledger.updates import Retry, retry_entry, retry_update
from homing.reception.idempotency import IdempotencyRecord
from homing.reception.messages_table import MessagesTable
from homing.retry.classification import classify
from homing.retry.outcome import Outcome
from homing.retry.policy import Policy
from homing_cli.openapi.models import DeliveryList, MessageState, Problem
from lambdas import get_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.delivery import Reference

    Logged = Callable[[], list[dict[str, Any]]]

NOON = "2025-12-28T12:00:00.000Z"
BEFORE = "2025-10-28T12:00:00.250Z"
TOMORROW = "2025-12-29T12:00:00.000Z"
A, B = "https://a.example/", "https://b.example/"
FAR = int((datetime.now(UTC) + timedelta(days=30)).timestamp())
GONE = int((datetime.now(UTC) - timedelta(minutes=1)).timestamp())


@pytest.fixture(autouse=True)
def container(
    messages_table: Any, ledger_table: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A new container, with the environment variables that the stack sets."""
    monkeypatch.setenv("MESSAGES_TABLE", messages_table.name)
    monkeypatch.setenv("LEDGER_TABLE", ledger_table.name)
    monkeypatch.setenv("LINES_TABLE", "lines")
    monkeypatch.setenv("PLACES_TABLE", "places")
    caches = (get_message._query, get_message._index)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


def get(path: str, **query: str) -> dict[str, Any]:
    """Return the function's response to a GET, through API Gateway."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"http": {"method": "GET", "path": path}, "stage": "$default"},
        "isBase64Encoded": False,
    }
    return get_message.handler(event | ({"queryStringParameters": query} if query else {}), None)


def found(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "application/json"
    return json.loads(answer["body"])


def deliveries(path: str = "/v1/messages/order-1841") -> list[dict[str, Any]]:
    document = found(get(path))
    MessageState.model_validate(document, extra="forbid")
    return document["deliveries"]


def put_idempotency_record(
    message_id: str = "order-1841",
    sender_id: str = "default",
    *,
    deliver_at: str | None = None,
    endpoint_ids: tuple[str, ...] = (),
    expires_at: int = FAR,
) -> IdempotencyRecord:
    idempotency = IdempotencyRecord(
        message_id=message_id,
        sender_id=sender_id,
        timestamp=NOON,
        correlation_id="trace-7",
        created_at=NOON,
        targets=(B, A),
        deliver_at=deliver_at,
        endpoint_ids=endpoint_ids,
        fingerprint="f",
        expires_at=expires_at,
    )
    now = datetime.fromtimestamp(0, UTC)
    MessagesTable("messages", boto3.client("dynamodb")).claim(idempotency, now)
    return idempotency


def test_a_scheduled_message_shows_its_time_until_its_first_attempt_also_once_it_has_an_owner(
    ledger_table: Any, messages_table: Any
) -> None:
    later = "2025-12-29T12:00:00.000Z"
    idempotency = put_idempotency_record(deliver_at=later)
    ledger = Ledger("ledger", ledger_table.client)
    for reference in idempotency.references():
        document = {"dueAt": later, "attemptNumber": 0, "expiresAt": FAR}
        assert ledger.own(reference, document) is None
    assert [(each["status"], each["deliverAt"], each["nextRetryAt"]) for each in deliveries()] == [
        ("QUEUED", later, later)
    ] * 2


def put_retry(ledger_table: Any, reference: Reference, *, expires_at: int = FAR) -> None:
    """Record a failed first attempt, as `RecordRetry` does."""
    outcome = Outcome(NOON, 12, http_status=500)
    verdict = classify(outcome, attempts=1, policy=Policy(max_attempts=3))
    backoff = {
        "exponentialDelay": 1,
        "jitterApplied": 0.25,
        "retryAfterSeconds": None,
        "retryDelaySeconds": 1,
        "nextRetryAt": "2025-12-28T12:00:01.250Z",
    }
    entry = retry_entry(reference, 0, outcome, verdict, backoff)
    update = retry_update(Retry(reference, 0, entry, expires_at))
    ledger_table.client.update_item(TableName="ledger", **update)


def test_what_was_accepted_is_queued_until_something_is_on_record() -> None:
    idempotency = put_idempotency_record()
    first, second = idempotency.references()
    document = found(get("/v1/messages/order-1841"))
    assert document.keys() == {"messageId", "senderId", "deliveries"}
    assert (document["messageId"], document["senderId"]) == ("order-1841", "default")
    assert deliveries() == [
        {
            "messageId": "order-1841",
            "senderId": "default",
            "timestamp": NOON,
            "targetUrl": reference.target_url,
            "correlationId": "trace-7",
            "createdAt": NOON,
            "lastUpdatedAt": NOON,
            "deliveryId": reference.delivery_id,
            "status": "QUEUED",
            "attempts": 0,
            "retryHistory": [],
        }
        for reference in (first, second)
    ]


def test_a_scheduled_message_says_when_it_will_go_out() -> None:
    put_idempotency_record(deliver_at=TOMORROW)
    assert [delivery["deliverAt"] for delivery in deliveries()] == [TOMORROW, TOMORROW]


def test_what_is_on_record_is_given_as_it_stands_in_the_ledger_but_for_its_keys(
    ledger_table: Any,
) -> None:
    idempotency = put_idempotency_record()
    recorded = idempotency.references()[1]
    put_retry(ledger_table, recorded)
    queued, retried = deliveries()
    assert queued["status"] == "QUEUED"
    assert retried == {
        "messageId": "order-1841",
        "senderId": "default",
        "timestamp": NOON,
        "targetUrl": A,
        "correlationId": "trace-7",
        "createdAt": NOON,
        "lastUpdatedAt": NOON,
        "deliveryId": recorded.delivery_id,
        "status": "RETRY_SCHEDULED",
        "attempts": 1,
        "executionName": recorded.delivery_id,
        "generation": 0,
        "nextRetryAt": "2025-12-28T12:00:01.250Z",
        "ttl": FAR,
        "retryHistory": [
            {
                "attemptNumber": 0,
                "timestamp": NOON,
                "errorCategory": "SERVER_ERROR",
                "errorDetails": {"message": "HTTP 500"},
                "responseTime": 12,
                "httpStatus": 500,
                "retryDelaySeconds": 1,
                "exponentialDelay": 1,
                "jitterApplied": 0.25,
                "nextRetryTimestamp": "2025-12-28T12:00:01.250Z",
                "correlationId": "trace-7",
            }
        ],
    }


def test_a_delivery_names_its_endpoint_before_and_after_it_is_on_record(ledger_table: Any) -> None:
    put_retry(ledger_table, put_idempotency_record(endpoint_ids=("b", "a")).references()[0])
    assert [(each["endpointId"], each["status"]) for each in deliveries()] == [
        ("b", "RETRY_SCHEDULED"),
        ("a", "QUEUED"),
    ]


def test_a_delivery_that_was_brought_back_is_of_the_documented_form(ledger_table: Any) -> None:
    reference = put_idempotency_record().references()[0]
    put_retry(ledger_table, reference)
    ledger = Ledger("ledger", ledger_table.client)
    record = ledger.read(reference)
    assert record is not None
    document = {"generation": 1, "expiresAt": FAR}
    assert ledger.redrive(reference, record, document, "anew", at=TOMORROW)
    brought_back, _ = deliveries()
    assert (brought_back["status"], brought_back["attempts"]) == ("QUEUED", 0)
    assert (brought_back["generation"], brought_back["executionName"]) == (1, "anew")
    assert len(brought_back["retryHistory"]) == len(brought_back["redriveHistory"]) == 1


def test_whole_numbers_are_written_without_a_point(ledger_table: Any) -> None:
    put_retry(ledger_table, put_idempotency_record().references()[0])
    body = get("/v1/messages/order-1841")["body"]
    assert '"exponentialDelay": 1,' in body
    assert '"attempts": 1' in body
    assert '"jitterApplied": 0.25' in body


def test_a_record_that_has_expired_is_not_shown_though_it_is_still_there(ledger_table: Any) -> None:
    put_retry(
        ledger_table, put_idempotency_record(expires_at=GONE).references()[0], expires_at=GONE
    )
    assert get("/v1/messages/order-1841")["statusCode"] == 404


def test_a_record_that_outlives_the_guard_is_still_shown(ledger_table: Any) -> None:
    put_retry(ledger_table, put_idempotency_record(expires_at=GONE).references()[0])
    (delivery,) = deliveries()
    assert delivery["status"] == "RETRY_SCHEDULED"


def test_a_record_of_a_previous_acceptance_says_nothing_of_a_message_that_was_accepted_anew(
    ledger_table: Any,
) -> None:
    put_retry(ledger_table, replace(put_idempotency_record().references()[0], created_at=BEFORE))
    assert [(each["status"], each["createdAt"]) for each in deliveries()] == [("QUEUED", NOON)] * 2


def test_a_history_longer_than_a_page_of_the_ledger_is_given_whole(ledger_table: Any) -> None:
    idempotency = put_idempotency_record()
    for number, reference in enumerate(idempotency.references() * 3):
        item = reference.to_document() | {"sk": f"{reference.sk}{number}", "ttl": FAR}
        item |= {"status": "DELIVERED", "note": "a" * 300_000}
        typed = {name: to_dynamodb(value) for name, value in item.items()}
        ledger_table.client.put_item(TableName="ledger", Item=typed)
    assert len(found(get("/v1/messages/order-1841"))["deliveries"]) == 8


def test_the_sender_is_default_unless_it_is_named() -> None:
    put_idempotency_record("m", "default")
    put_idempotency_record("m", "shop@example.com", deliver_at=TOMORROW)
    assert found(get("/v1/messages/m"))["senderId"] == "default"
    document = found(get("/v1/messages/m", senderId="shop@example.com"))
    assert document["senderId"] == "shop@example.com"
    assert document["deliveries"][0]["deliverAt"] == TOMORROW


@pytest.mark.parametrize("path", ["/v1/messages/a:b", "/v1/messages/a%3Ab"])
def test_an_id_may_be_percent_encoded(path: str) -> None:
    put_idempotency_record("a:b")
    assert found(get(path))["messageId"] == "a:b"


@pytest.mark.parametrize(
    ("message_id", "sender_id"),
    [
        ("unknown", "default"),
        ("order-1841", "other"),
        ("order.1841", "default"),
        ("a" * 3000, "default"),
        ("order-1841%23default", "default"),
    ],
)
def test_what_was_never_accepted_is_not_found(message_id: str, sender_id: str) -> None:
    put_idempotency_record()
    answer = get(f"/v1/messages/{message_id}", senderId=sender_id)
    document = json.loads(answer["body"])
    assert answer["statusCode"] == document["status"] == 404
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert document["type"] == "urn:homing:problem:message-not-found"
    Problem.model_validate(document, extra="forbid")
    assert len(document["detail"]) < 400


@pytest.mark.parametrize("broken", ["messages", "ledger"])
def test_a_table_that_fails_is_answered_with_503_and_logged(
    logged: Logged, messages_table: Any, broken: str
) -> None:
    messages_table.client.delete_table(TableName=broken)
    answer = get("/v1/messages/order-1841")
    assert answer["statusCode"] == 503
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert int(answer["headers"]["Retry-After"]) > 0
    (line,) = logged()
    assert line["message"] == "query.failed"
    assert line["messageId"] == "order-1841"
    assert "ResourceNotFoundException" in line["reason"]


def test_health_is_answered_without_any_call(messages_table: Any) -> None:
    messages_table.client.delete_table(TableName="messages")
    assert found(get("/v1/health")) == {"status": "ok"}


def put_retries(ledger_table: Any, sender_id: str, count: int) -> None:
    for number in range(count):
        endpoint = {0: ("crm",)}.get(number, ())
        record = put_idempotency_record(f"order-{number}", sender_id, endpoint_ids=endpoint * 2)
        put_retry(ledger_table, record.references()[0])


def listed(path: str, **query: str) -> dict[str, Any]:
    document = found(get(path, status="RETRY_SCHEDULED", **query))
    DeliveryList.model_validate(document, extra="forbid")
    return document


def test_a_list_has_the_deliveries_of_its_sender_page_by_page(ledger_table: Any) -> None:
    put_retries(ledger_table, "shop", 3)
    put_retries(ledger_table, "other", 1)
    first = listed("/v1/messages", senderId="shop", limit="2")
    rest = listed("/v1/messages", senderId="shop", limit="2", after=first["after"])
    every = [*first["deliveries"], *rest["deliveries"]]
    assert [len(first["deliveries"]), len(rest["deliveries"])] == [2, 1]
    assert sorted(one["messageId"] for one in every) == ["order-0", "order-1", "order-2"]
    assert {one["senderId"] for one in every} == {"shop"}
    assert "after" not in rest


def test_an_endpoint_has_a_list_of_its_own(ledger_table: Any) -> None:
    put_retries(ledger_table, "default", 2)
    document = listed("/v1/endpoints/crm/deliveries", category="SERVER_ERROR")
    assert [one["messageId"] for one in document["deliveries"]] == ["order-0"]
    assert listed("/v1/endpoints/crm/deliveries", category="GONE") == {"deliveries": []}


@pytest.mark.parametrize(
    ("query", "field", "fix"),
    [
        ({"status": "DELIVERED"}, "status[0]", "give one of QUEUED"),
        ({"status": "FAILED,LOST"}, "status[1]", "must be"),
        ({"category": "BAD"}, "category", "must be 'SUCCESS'"),
        ({"since": "yesterday"}, "since", "2026-01-31T12:00:00Z"),
        ({"reason": ""}, "reason", "at least 1 character"),
        ({"limit": "1000"}, "limit", "from 1 to 100"),
        ({"after": "bm9uc2Vuc2U"}, "after", "leave it out"),
        ({"sender": "shop"}, "sender", "is not a known query parameter"),
    ],
    ids=str,
)
def test_a_list_that_cannot_be_made_is_refused_with_the_field_and_the_fix(
    query: dict[str, str], field: str, fix: str
) -> None:
    answer = get("/v1/messages", **query)
    assert answer["statusCode"] == 400
    (error,) = json.loads(answer["body"])["errors"]
    assert error["field"] == field
    assert fix in error["message"]


def test_a_list_within_a_key_is_that_of_its_own_sender() -> None:
    event = {
        "version": "2.0",
        "rawPath": "/v1/messages",
        "rawQueryString": "",
        "headers": {},
        "queryStringParameters": {"senderId": "other"},
        "requestContext": {
            "http": {"method": "GET", "path": "/v1/messages"},
            "stage": "$default",
            "authorizer": {"lambda": {"senderId": "shop", "keyId": "k"}},
        },
        "isBase64Encoded": False,
    }
    assert get_message.handler(event, None)["statusCode"] == 403
