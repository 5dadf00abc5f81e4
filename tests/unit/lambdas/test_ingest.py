"""The function `ingest`: a batch of the ingest queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from homing.credentials.confidential import Confidential
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.store import EndpointStore
from homing.retry.policy import Policy
from homing.targets.address_guard import AddressGuard
from lambdas import ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Logged = Callable[[], list[dict[str, Any]]]

ANY = "arn:aws:sqs:us-east-1:123456789012:any"
SHOP = "arn:aws:sqs:us-east-1:123456789012:shop"
TENANTS = "arn:aws:sqs:us-east-1:123456789012:tenants"
URL = "https://example.com/hooks"
POSTED = f'{{"targetUrl": "{URL}", "payload": {{"n": 1.10}}}}'
INVALID = '{"targetUrl": "nowhere", "payload": 1}'


@pytest.fixture
def unaccepted(aws: None) -> Any:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="unaccepted")["QueueUrl"]

    def take() -> list[dict[str, Any]]:
        answer = client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    take.url = url  # type: ignore[attr-defined]
    return take


@pytest.fixture(autouse=True)
def container(
    messages_table: Any,
    ledger_table: Any,
    delivery_queue: Any,
    registry: Any,
    unaccepted: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """A new container, with the environment variables that the stack sets."""
    environment = {
        "MESSAGES_TABLE": messages_table.name,
        "LEDGER_TABLE": ledger_table.name,
        "LINES_TABLE": "lines",
        "PLACES_TABLE": "places",
        "DELIVERY_QUEUE_URL": delivery_queue.url,
        "BULK_QUEUE_URL": delivery_queue.url,
        "SENDER_RATE_PER_SECOND": "0",
        "SENDER_BACKLOG": "1000",
        "WARM_UP_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:warm-up",
        "DEFAULT_POLICY": json.dumps(Policy(max_attempts=4).to_document()),
        "RETENTION_DAYS": "30",
        "ENDPOINTS_TABLE": "endpoints",
        "PAYLOAD_BUCKET": "payloads",
        "OWN_HOSTS": "abc123.execute-api.",
        "ADDRESS_GUARD": json.dumps(AddressGuard().to_document()),
        "UNACCEPTED_QUEUE_URL": unaccepted.url,
        "SENDERS": json.dumps({ANY: "", SHOP: "shop", TENANTS: "$.payload.tenant"}),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for cached in (ingest._settings, ingest._desk):
        cached.cache_clear()
    yield
    for cached in (ingest._settings, ingest._desk):
        cached.cache_clear()


def record(body: str, number: int = 0, queue: str = ANY, **attributes: str) -> dict[str, Any]:
    """Return a record as Lambda passes it ("Using Lambda with Amazon SQS", developer guide)."""
    return {
        "messageId": f"q-{number}",
        "receiptHandle": "MessageReceiptHandle",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"} for name, value in attributes.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": queue,
        "awsRegion": "us-east-1",
    }


def failed(*records: dict[str, Any]) -> list[str]:
    """Run the function; return the ids of the queue messages that will be redelivered."""
    answer = ingest.handler({"Records": list(records)}, None)
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def deliveries(queue: Any) -> dict[str, dict[str, Any]]:
    """Return the deliveries on the queue, by deliveryId; one that is queued twice counts once."""
    return {one["reference"]["deliveryId"]: one for one in queue.take()}


def ids(queue: Any) -> list[tuple[str, str]]:
    found = [one["reference"] for one in deliveries(queue).values()]
    return sorted((one["senderId"], one["messageId"]) for one in found)


def test_a_batch_is_accepted_with_each_payload_to_the_digit(delivery_queue: Any) -> None:
    assert failed(*(record(POSTED.replace("1.10", f"{n}.10"), n) for n in range(10))) == []
    queued = deliveries(delivery_queue).values()
    payloads = {one["reference"]["messageId"]: one["request"]["payload"] for one in queued}
    assert payloads == {f"sqs-q-{n}": f'{{"n": {n}.10}}' for n in range(10)}


@pytest.mark.parametrize(
    ("queue", "body", "sender"),
    [
        (ANY, POSTED, "default"),
        (ANY, POSTED.replace("{", '{"senderId": "a", ', 1), "a"),
        (SHOP, POSTED, "shop"),
        (SHOP, POSTED.replace("{", '{"senderId": "shop", ', 1), "shop"),
        (TENANTS, POSTED.replace("1.10", '1, "tenant": "customer-42"'), "customer-42"),
    ],
)
def test_a_message_is_its_queues_senders(
    delivery_queue: Any, queue: str, body: str, sender: str
) -> None:
    assert failed(record(body, queue=queue)) == []
    assert ids(delivery_queue) == [(sender, "sqs-q-0")]


def test_an_endpoint_is_the_senders_own(delivery_queue: Any, registry: Any) -> None:
    since = "2026-01-01T00:00:00.000Z"
    store = EndpointStore("endpoints", "secrets", registry)
    assert store.save(Endpoint("shop", "hooks", URL, since, since), Confidential())
    body = '{"endpointId": "hooks", "payload": 1}'
    assert failed(record(body, 1, SHOP), record(body, 2, ANY)) == []
    assert ids(delivery_queue) == [("shop", "sqs-q-1")]


def test_an_event_goes_to_the_endpoints_of_its_sender_that_subscribe_to_its_type(
    delivery_queue: Any, registry: Any
) -> None:
    since = "2026-01-01T00:00:00.000Z"
    store = EndpointStore("endpoints", "secrets", registry)
    for sender, name, subscribed in (
        ("shop", "a", "order.*"),
        ("shop", "b", "user.*"),
        ("b", "c", "*"),
    ):
        endpoint = Endpoint(sender, name, f"{URL}/{name}", since, since, event_types=(subscribed,))
        assert store.save(endpoint, Confidential())
    event = (
        '{"version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602", "source": "shop", '
        '"detail-type": "order.paid", "time": "2026-11-28T12:00:00Z", "detail": {"total": 1.10}}'
    )
    assert failed(record(event, queue=SHOP)) == []
    (queued,) = deliveries(delivery_queue).values()
    assert queued["request"]["payload"] == '{"total": 1.10}'
    assert queued["reference"]["targetUrl"] == f"{URL}/a"
    assert queued["reference"]["messageId"] == "7bf73129-1428-4cd3-a780-95db273d1602"
    assert queued["reference"]["eventType"] == "order.paid"
    assert queued["reference"]["timestamp"] == "2026-11-28T12:00:00.000Z"


@pytest.mark.parametrize(
    ("body", "queue", "status", "field"),
    [
        ("hello", ANY, 400, "body"),
        (INVALID, ANY, 400, "targetUrl"),
        (POSTED.replace("{", '{"senderId": "a", ', 1), SHOP, 403, "senderId"),
        (POSTED, TENANTS, 400, "senderId"),
    ],
)
def test_what_is_invalid_is_set_aside_whole_with_the_problem_beside_it(
    unaccepted: Any, logged: Logged, body: str, queue: str, status: int, field: str
) -> None:
    assert failed(record(body, 7, queue, eventColour="red")) == []
    (kept,) = unaccepted()
    attributes = {name: each["StringValue"] for name, each in kept["MessageAttributes"].items()}
    problem = json.loads(attributes.pop("problem"))
    assert kept["Body"] == body
    assert attributes == {"messageId": "sqs-q-7", "queueArn": queue}
    assert (problem["status"], problem["errors"][0]["field"]) == (status, field)
    (line,) = logged()
    assert (line["message"], line["MessageRejected"]) == ("message.rejected", [1.0])
    assert (line["queueMessageId"], line["fields"]) == ("q-7", [field])


def test_one_invalid_message_spoils_no_other(delivery_queue: Any, unaccepted: Any) -> None:
    assert failed(record(POSTED, 1), record(INVALID, 2), record(POSTED, 3)) == []
    assert ids(delivery_queue) == [("default", "sqs-q-1"), ("default", "sqs-q-3")]
    assert [one["Body"] for one in unaccepted()] == [INVALID]


def test_an_id_that_is_used_again_for_other_content_is_set_aside(unaccepted: Any) -> None:
    body = POSTED.replace("{", '{"messageId": "order-1", ', 1)
    assert failed(record(body, 1), record(body.replace("1.10", "1.1"), 2)) == []
    (kept,) = unaccepted()
    assert json.loads(kept["MessageAttributes"]["problem"]["StringValue"])["status"] == 409


def test_what_is_set_aside_is_accepted_under_the_same_id_when_it_is_put_back(
    delivery_queue: Any, unaccepted: Any
) -> None:
    """It keeps its attributes, whatever id the queue assigns."""
    failed(record(INVALID, 1))
    (kept,) = unaccepted()
    attributes = {name: each["StringValue"] for name, each in kept["MessageAttributes"].items()}
    assert failed(record(POSTED, 2, **attributes)) == []
    assert ids(delivery_queue) == [("default", "sqs-q-1")]


def test_what_aws_refuses_for_now_comes_again_and_says_why(
    delivery_queue: Any, unaccepted: Any, logged: Logged
) -> None:
    delivery_queue.client.delete_queue(QueueUrl=delivery_queue.url)
    assert failed(record(POSTED, 1), record(INVALID, 2)) == ["q-1"]
    assert [one["Body"] for one in unaccepted()] == [INVALID]
    (line,) = [one for one in logged() if one["message"] == "message.failed"]
    assert (line["AcceptanceFailed"], line["queueMessageId"]) == ([1.0], "q-1")
    assert line["level"] == "ERROR"
    assert "NonExistentQueue" in line["reason"]


def test_an_invalid_message_that_cannot_be_set_aside_comes_again(
    unaccepted: Any, logged: Logged
) -> None:
    boto3.client("sqs").delete_queue(QueueUrl=unaccepted.url)
    assert failed(record(INVALID, 1)) == ["q-1"]
    assert [one["message"] for one in logged()] == ["message.failed"]


def test_a_queue_that_has_no_sender_is_left_alone(delivery_queue: Any, unaccepted: Any) -> None:
    """Otherwise messages of such a queue could name any sender."""
    assert failed(record(POSTED, 1, f"{ANY}-other")) == ["q-1"]
    assert (ids(delivery_queue), unaccepted()) == ([], [])


def broken_at(number: int, calls: list[str], *, after: bool) -> Callable[..., Any]:
    """Make the nth call to AWS fail, before or after it takes effect; 0 makes none fail."""
    serve = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, operation: str, arguments: Any) -> Any:
        calls.append(operation)
        is_broken = len(calls) == number
        answer = serve(client, operation, arguments) if after or not is_broken else None
        if is_broken:
            raise ClientError({"Error": {"Code": "InternalFailure", "Message": ""}}, operation)
        return answer

    return call


@pytest.mark.parametrize(
    ("number", "after", "made"),
    [
        (1, False, ["PutItem"]),
        (1, True, ["PutItem"]),
        (2, False, ["PutItem", "SendMessageBatch"]),
        (2, True, ["PutItem", "SendMessageBatch"]),
        (0, False, ["PutItem", "SendMessageBatch"]),
    ],
)
def test_wherever_acceptance_breaks_the_message_comes_again_and_is_one_message(
    delivery_queue: Any,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    *,
    after: bool,
    made: list[str],
) -> None:
    """In the last case the function accepts the message, and crashes before it is deleted."""
    calls: list[str] = []
    body = POSTED.replace(f'"targetUrl": "{URL}"', f'"targets": ["{URL}/1", "{URL}/2"]')
    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", broken_at(number, calls, after=after))
        assert failed(record(body)) == (["q-0"] if number else [])
        assert calls == made
        assert failed(record(body)) == []
    queued = deliveries(delivery_queue).values()
    assert sorted(one["reference"]["targetUrl"] for one in queued) == [f"{URL}/1", f"{URL}/2"]
    assert {one["reference"]["messageId"] for one in queued} == {"sqs-q-0"}


def test_the_same_event_put_twice_on_the_queue_is_one_message(
    delivery_queue: Any, logged: Logged
) -> None:
    """EventBridge and SNS deliver at least once; the two messages have different SQS ids."""
    body = POSTED.replace("{", '{"messageId": "order-1", ', 1)
    assert failed(record(body, 1), record(body, 2)) == []
    assert ids(delivery_queue) == [("default", "order-1")]
    assert [line["message"] for line in logged()] == ["message.accepted", "message.duplicate"]
