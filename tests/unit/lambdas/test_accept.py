"""The function `accept`: POST /v1/messages."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import boto3
import pytest
from posted import posted

from homing.credentials.confidential import Confidential
from homing.delivery import Delivery
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.store import EndpointStore
from homing.errors import DependencyError
from homing.reception.sender_rate import SenderRate
from homing.retry.policy import Policy
from homing.targets.address_guard import AddressGuard
from homing_cli.openapi.models import AcceptedMessage, BatchResults, Problem
from lambdas import accept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Logged = Callable[[], list[dict[str, Any]]]

URL = "https://example.com/hooks"
OWN_HOSTS = "abc123.execute-api.,def456.execute-api."
BODY = (
    '{"targetUrl": "https://example.com/hooks", "messageId": "order-1841", "payload": {"n": 1.10}}'
)


@pytest.fixture(autouse=True)
def container(
    messages_table: Any,
    ledger_table: Any,
    delivery_queue: Any,
    registry: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """A new container, with the environment variables that the stack sets."""
    monkeypatch.setenv("MESSAGES_TABLE", messages_table.name)
    monkeypatch.setenv("LEDGER_TABLE", ledger_table.name)
    monkeypatch.setenv("LINES_TABLE", "lines")
    monkeypatch.setenv("PLACES_TABLE", "places")
    monkeypatch.setenv("DELIVERY_QUEUE_URL", delivery_queue.url)
    monkeypatch.setenv("BULK_QUEUE_URL", delivery_queue.url)
    monkeypatch.setenv("SENDER_RATE_PER_SECOND", "0")
    monkeypatch.setenv("SENDER_BACKLOG", "1000")
    monkeypatch.setenv("WARM_UP_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:warm-up")
    monkeypatch.setenv("DEFAULT_POLICY", json.dumps(Policy(max_attempts=4).to_document()))
    monkeypatch.setenv("RETENTION_DAYS", "30")
    monkeypatch.setenv("ENDPOINTS_TABLE", "endpoints")
    monkeypatch.setenv("PAYLOAD_BUCKET", "payloads")
    monkeypatch.setenv("OWN_HOSTS", OWN_HOSTS)
    monkeypatch.setenv("ADDRESS_GUARD", json.dumps(AddressGuard().to_document()))
    for cached in (accept._settings, accept._acceptance, accept._rules):
        cached.cache_clear()
    yield
    for cached in (accept._settings, accept._acceptance, accept._rules):
        cached.cache_clear()


SIGNER = "arn:aws:sts::000000000000:assumed-role/shop/session"


def ask_at_url(method: str, path: str, body: str = "", **query: str) -> dict[str, Any]:
    """Return the function's response to a request at its URL, signed by a role.

    The event is that of "Invoking Lambda function URLs" (AWS Lambda developer guide).
    """
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "queryStringParameters": query,
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "apiId": "abc",
            "authentication": None,
            "authorizer": {"iam": {"accountId": "000000000000", "userArn": SIGNER}},
            "http": {"method": method, "path": path},
            "routeKey": "$default",
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": False,
    }
    return accept.handler(event, None)


def post(body: str | None, *, is_base64: bool = False) -> dict[str, Any]:
    """Return the function's response to a POST with this body, through API Gateway."""
    return accept.handler(posted(body, is_base64=is_base64), None)


def problem(answer: dict[str, Any], status: int) -> dict[str, Any]:
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    document = json.loads(answer["body"])
    assert document["status"] == status
    Problem.model_validate(document, extra="forbid")
    return document


def fields(document: dict[str, Any]) -> list[str]:
    return [error["field"] for error in document["errors"]]


def body_of(payload: str = "1", **given: Any) -> str:
    members = {"targetUrl": URL} | given
    return json.dumps(members)[:-1] + f', "payload": {payload}}}'


def test_an_accepted_message_is_answered_with_its_ids_and_where_to_ask_after_it(
    delivery_queue: Any,
) -> None:
    answer = post(BODY)
    document = json.loads(answer["body"])
    (queued,) = delivery_queue.take()
    assert answer["statusCode"] == 202
    assert answer["headers"]["Content-Type"] == "application/json"
    assert document == {
        "messageId": "order-1841",
        "senderId": "default",
        "timestamp": queued["reference"]["timestamp"],
        "correlationId": "order-1841",
        "deliveries": [{"deliveryId": queued["reference"]["deliveryId"], "targetUrl": URL}],
        "links": {"self": "/v1/messages/order-1841?senderId=default"},
    }
    assert answer["headers"]["Location"] == document["links"]["self"]
    AcceptedMessage.model_validate(document, extra="forbid")


def test_what_is_queued_is_a_delivery_document_with_the_payload_to_the_character(
    delivery_queue: Any,
) -> None:
    payload = r'{"b":12345678901234567890, "a" : 1.10,"b":"\u00e9\/é😀"}'
    post(body_of(payload, messageId="a"))
    (queued,) = delivery_queue.take()
    delivery = Delivery.from_document(queued)
    assert delivery.to_document() == queued
    assert delivery.request.payload == payload
    assert delivery.policy == Policy(max_attempts=4)
    due = datetime.fromisoformat(delivery.due_at)
    assert timedelta() <= datetime.now(UTC) - due < timedelta(minutes=1)
    assert delivery.expires_at - due.timestamp() == pytest.approx(30 * 86_400, abs=1)


def test_a_duplicate_gets_the_same_body_with_200(delivery_queue: Any) -> None:
    first, second = post(BODY), post(BODY)
    assert (first["statusCode"], second["statusCode"]) == (202, 200)
    assert first["body"] == second["body"]
    assert first["headers"] == second["headers"]
    assert len({queued["reference"]["deliveryId"] for queued in delivery_queue.take()}) == 1


def test_a_message_without_an_id_gets_one_of_its_own_each_time() -> None:
    ids = {json.loads(post(body_of())["body"])["messageId"] for _ in range(2)}
    assert len(ids) == 2
    for message_id in ids:
        assert message_id.startswith("msg_")
        int(message_id.removeprefix("msg_"), 16)
        assert len(message_id) == 36


def test_the_link_is_fit_for_ids_of_any_kind() -> None:
    document = json.loads(post(body_of(messageId="a:b", senderId="shop@x.de"))["body"])
    assert document["links"]["self"] == "/v1/messages/a%3Ab?senderId=shop%40x.de"


def test_a_body_in_base64_is_read_like_any_other(delivery_queue: Any) -> None:
    encoded = base64.b64encode(body_of('"é"').encode()).decode()
    assert post(encoded, is_base64=True)["statusCode"] == 202
    (queued,) = delivery_queue.take()
    assert queued["request"]["payload"] == '"é"'


def test_the_largest_message_to_ten_targets_is_queued_whole(delivery_queue: Any) -> None:
    payload = '"' + "a" * (200 * 1024 - 2) + '"'
    urls = [f"https://example.com/{number}" for number in range(10)]
    body = json.dumps({"targets": urls})[:-1] + f', "payload": {payload}}}'
    assert post(body)["statusCode"] == 202
    queued = delivery_queue.take()
    assert sorted(document["reference"]["targetUrl"] for document in queued) == urls
    assert {document["request"]["payload"] for document in queued} == {payload}


@pytest.mark.parametrize(
    ("body", "is_base64"),
    [
        (None, False),
        ("", False),
        ("hello", False),
        ("[]", False),
        ('{"payload": "\ud800"}', False),
        ("*", True),
        (base64.b64encode(b"\xff").decode(), True),
    ],
)
def test_a_body_that_is_no_request_is_refused(body: str | None, *, is_base64: bool) -> None:
    assert fields(problem(post(body, is_base64=is_base64), 400)) == ["body"]


def test_a_refusal_names_every_wrong_field_and_leaves_nothing_behind(
    messages_table: Any, delivery_queue: Any
) -> None:
    document = problem(post('{"targetUrl": "/x", "policy": {"maxAttempts": 0}}'), 400)
    assert document["type"] == "urn:homing:problem:invalid-message"
    assert document["title"] == "The message cannot be accepted"
    assert fields(document) == ["targetUrl", "payload", "policy.maxAttempts"]
    assert "payload is required" in document["detail"]
    assert messages_table.items() == []
    assert delivery_queue.take() == []


def test_a_time_in_the_past_is_refused_and_one_soon_to_come_is_not(delivery_queue: Any) -> None:
    past, soon = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    assert fields(problem(post(body_of(deliverAt=past.isoformat())), 400)) == ["deliverAt"]
    assert post(body_of(deliverAt=soon.isoformat()))["statusCode"] == 202
    (queued,) = delivery_queue.take()
    wait = datetime.fromisoformat(queued["dueAt"]) - soon
    assert timedelta() <= wait < timedelta(seconds=1)


def test_a_payload_that_is_too_large_is_refused_with_413() -> None:
    document = problem(post(body_of('"' + "a" * 6_000_000 + '"')), 413)
    assert document["type"] == "urn:homing:problem:payload-too-large"
    assert fields(document) == ["payload"]


def test_an_id_used_again_for_other_content_is_refused_with_409() -> None:
    post(BODY)
    document = problem(post(BODY.replace("1.10", "1.1")), 409)
    assert document["type"] == "urn:homing:problem:message-id-reused"
    assert fields(document) == ["messageId"]


@pytest.mark.parametrize("broken", ["messages", "queue"])
def test_a_message_that_cannot_be_accepted_is_answered_with_when_and_how_to_send_it_again(
    messages_table: Any, delivery_queue: Any, broken: str
) -> None:
    if broken == "queue":
        delivery_queue.client.delete_queue(QueueUrl=delivery_queue.url)
    else:
        messages_table.client.delete_table(TableName="messages")
    answer = post(body_of(senderId="shop"))
    document = problem(answer, 503)
    assert document["type"] == "urn:homing:problem:unavailable"
    assert document["senderId"] == "shop"
    assert document["messageId"].startswith("msg_")
    assert int(answer["headers"]["Retry-After"]) > 0


def test_after_a_503_the_message_is_accepted_when_sent_again(delivery_queue: Any) -> None:
    client, url = delivery_queue.client, delivery_queue.url
    client.delete_queue(QueueUrl=url)
    failed = problem(post(body_of()), 503)
    assert client.create_queue(QueueName="deliveries")["QueueUrl"] == url
    answer = post(body_of(messageId=failed["messageId"]))
    assert answer["statusCode"] == 200
    (queued,) = delivery_queue.take()
    assert queued["reference"]["messageId"] == failed["messageId"]


def test_field_names_that_cannot_be_written_or_are_endless_do_not_break_the_answer() -> None:
    body = '{"\\ud800": 1, "' + "a" * 10_000 + '": 1, "payload": 1, "targetUrl": "http://a/"}'
    assert fields(problem(post(body), 400)) == ["\\ud800", "a" * 300 + "..."]


def test_an_answer_names_a_limited_number_of_errors() -> None:
    headers = {f" {number}": "" for number in range(5000)}
    document = problem(post(body_of(headers=headers)), 400)
    assert len(document["errors"]) == 50
    assert len(json.dumps(document)) < 10_000


@pytest.mark.parametrize(
    ("bodies", "event", "metric"),
    [
        ([BODY], "message.accepted", "MessageAccepted"),
        ([BODY, BODY], "message.duplicate", "MessageDuplicate"),
        ([BODY.replace("/hooks", " ")], "message.rejected", "MessageRejected"),
    ],
)
def test_each_request_is_logged_and_counted_once(
    logged: Logged, bodies: list[str], event: str, metric: str
) -> None:
    for body in bodies:
        post(body)
    line = logged()[-1]
    assert len(logged()) == len(bodies)
    assert line["message"] == event
    assert line[metric] == [1.0]
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Homing"


def test_an_accepted_message_is_logged_with_its_ids(logged: Logged) -> None:
    post(body_of(messageId="m", senderId="s", correlationId="c"))
    (line,) = logged()
    assert (line["messageId"], line["senderId"], line["correlationId"]) == ("m", "s", "c")


def test_a_refusal_is_logged_with_its_fields(logged: Logged) -> None:
    post('{"targetUrl": "/x"}')
    (line,) = logged()
    assert line["fields"] == ["targetUrl", "payload"]
    assert line["status"] == 400


def test_a_failure_of_ours_is_logged_with_its_reason_and_counted(
    logged: Logged, delivery_queue: Any
) -> None:
    delivery_queue.client.delete_queue(QueueUrl=delivery_queue.url)
    post(BODY)
    (line,) = logged()
    assert (line["message"], line["level"]) == ("message.failed", "ERROR")
    assert line["AcceptanceFailed"] == [1.0]
    assert "NonExistentQueue" in line["reason"]


@pytest.mark.parametrize(
    "body",
    [
        body_of('"SECRET"', headers={"Authorization": "SECRET"}),
        body_of('"SECRET', headers={"Authorization": "SECRET"}),
        body_of('"SECRET"', headers={"Authorization": "SECRET\n"}, contentType="text/plain"),
        body_of('{"SECRET": NaN}'),
        body_of('["SECRET"]', contentType="text/plain"),
        body_of(targetUrl="https://user:SECRET@example.com/"),
    ],
)
def test_what_is_sent_appears_in_no_log_and_no_refusal(logged: Logged, body: str) -> None:
    answer = post(body)
    assert "SECRET" not in json.dumps(logged())
    assert "SECRET" not in json.dumps(answer)


def test_settings_and_clients_are_made_on_first_use_and_kept() -> None:
    post(BODY)
    post(BODY)
    assert accept._acceptance.cache_info().misses == 1
    assert accept._settings.cache_info().misses == 1


def test_a_large_payload_is_kept_in_the_bucket_and_only_its_claim_is_queued(
    delivery_queue: Any,
) -> None:
    bucket = boto3.client("s3")
    bucket.create_bucket(Bucket="payloads")
    payload = '"' + "a" * 5_000_000 + '"'
    body = body_of(payload, messageId="large")
    first, repeat = post(body), post(body)
    assert (first["statusCode"], repeat["statusCode"]) == (202, 200)
    assert first["body"] == repeat["body"]
    documents = delivery_queue.take()
    claims = {json.dumps(document["request"]["claim"]) for document in documents}
    assert len(claims) == 1
    claim = json.loads(claims.pop())
    kept = bucket.get_object(Bucket="payloads", Key=claim["key"])["Body"].read()
    assert kept == payload.encode()
    assert len(json.dumps(documents[0])) < 3000


def test_a_large_payload_that_cannot_be_kept_promises_nothing(delivery_queue: Any) -> None:
    answer = post(body_of('"' + "a" * 300_000 + '"'))
    problem(answer, 503)
    assert delivery_queue.take() == []


def test_content_that_is_refused_is_not_kept() -> None:
    bucket = boto3.client("s3")
    bucket.create_bucket(Bucket="payloads")
    post(BODY)
    problem(post(body_of('"' + "a" * 300_000 + '"', messageId="order-1841")), 409)
    assert "Contents" not in bucket.list_objects_v2(Bucket="payloads")


def with_endpoint(registry: Any, name: str, **fields: Any) -> None:
    store = EndpointStore("endpoints", "secrets", registry)
    now = "2025-12-28T12:00:00.000Z"
    endpoint = Endpoint("shop", name, f"https://{name}.example/", now, now, **fields)
    assert store.save(endpoint, Confidential())


def test_a_message_to_endpoints_takes_their_urls_and_policies_from_them(
    registry: Any, delivery_queue: Any
) -> None:
    with_endpoint(registry, "a", policy={"maxAttempts": 7, "baseDelaySeconds": 2})
    with_endpoint(registry, "b", enabled=False)
    body = {"endpointIds": ["a", "b"], "payload": 1, "senderId": "shop", "messageId": "m"}
    answer = post(json.dumps(body | {"policy": {"baseDelaySeconds": 5}}))
    accepted = json.loads(answer["body"])
    AcceptedMessage.model_validate(accepted, extra="forbid")
    assert [each["endpointId"] for each in accepted["deliveries"]] == ["a", "b"]
    queued = {each["reference"]["endpointId"]: each for each in delivery_queue.take()}
    assert queued["a"]["reference"]["targetUrl"] == "https://a.example/"
    policies = {name: each["policy"] for name, each in queued.items()}
    assert (policies["a"]["maxAttempts"], policies["a"]["baseDelaySeconds"]) == (7, 5)
    assert (policies["b"]["maxAttempts"], policies["b"]["baseDelaySeconds"]) == (4, 5)


def test_a_list_of_statuses_of_a_message_replaces_that_of_the_endpoint(
    registry: Any, delivery_queue: Any
) -> None:
    with_endpoint(registry, "a", policy={"retryOn": ["404", "409"], "giveUpOn": ["503"]})
    body = {"endpointId": "a", "payload": 1, "senderId": "shop", "messageId": "m"}
    assert post(json.dumps(body | {"policy": {"giveUpOn": ["409", "5xx"]}}))["statusCode"] == 202
    (queued,) = delivery_queue.take()
    assert queued["policy"]["retryOn"] == ["404"]
    assert queued["policy"]["giveUpOn"] == ["409", "5xx"]


def test_a_duplicate_has_the_target_of_the_first_although_the_endpoint_has_moved(
    registry: Any, delivery_queue: Any
) -> None:
    with_endpoint(registry, "a")
    body = json.dumps({"endpointId": "a", "payload": 1, "senderId": "shop", "messageId": "m"})
    first = post(body)
    store = EndpointStore("endpoints", "secrets", registry)
    known = store.endpoints.find("shop", "a")
    assert known is not None
    assert store.save(replace(known, url="https://moved.example/", version=2))
    second = post(body)
    assert (second["statusCode"], second["body"]) == (200, first["body"])
    urls = {each["reference"]["targetUrl"] for each in delivery_queue.take()}
    assert urls == {"https://a.example/"}


def test_an_endpoint_that_the_sender_does_not_have_is_404_naming_the_field(registry: Any) -> None:
    with_endpoint(registry, "a")
    body = json.dumps({"endpointId": "a", "payload": 1, "senderId": "other"})
    document = problem(post(body), 404)
    assert document["type"] == "urn:homing:problem:endpoint-not-found"
    assert fields(document) == ["endpointId"]


def test_endpoints_that_cannot_be_read_are_503(registry: Any) -> None:
    registry.delete_table(TableName="endpoints")
    problem(post(json.dumps({"endpointId": "a", "payload": 1})), 503)


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://10.0.0.1/", "https://localhost/", "https://x.com:22/"]
)
def test_a_target_that_may_not_be_reached_is_refused_by_its_place(url: str) -> None:
    document = problem(post(json.dumps({"targets": [URL, url], "payload": 1})), 400)
    assert fields(document) == ["targets[1]"]


def test_ways_to_say_where_to_exclude_each_other() -> None:
    body = json.dumps({"targetUrl": URL, "endpointId": "a", "payload": 1})
    assert fields(problem(post(body), 400)) == ["endpointId"]


def test_a_test_message_is_one_attempt_to_the_endpoint(registry: Any, delivery_queue: Any) -> None:
    with_endpoint(registry, "a")
    path = "/v1/endpoints/a/test"
    event = {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": {
            "http": {"method": "POST", "path": path},
            "stage": "$default",
            "authorizer": {"lambda": {"senderId": "shop"}},
        },
        "isBase64Encoded": False,
    }
    assert accept.handler(event, None)["statusCode"] == 202
    (queued,) = delivery_queue.take()
    assert queued["policy"]["maxAttempts"] == 1
    assert json.loads(queued["request"]["payload"]) == {"type": "homing.test", "endpointId": "a"}


def test_at_its_url_a_message_is_taken_in_for_any_sender_as_at_the_api_under_iam(
    delivery_queue: Any,
) -> None:
    answer = ask_at_url("POST", "/v1/messages", body_of(messageId="a", senderId="shop"))
    assert (answer["statusCode"], json.loads(answer["body"])["senderId"]) == (202, "shop")
    assert post(body_of(messageId="a", senderId="shop"))["statusCode"] == 200
    (queued, _) = delivery_queue.take()
    assert queued["reference"]["senderId"] == "shop"


def test_at_its_url_a_wrong_request_is_refused_with_the_same_document() -> None:
    body = body_of(policy={"maxAttempts": 21})
    assert ask_at_url("POST", "/v1/messages", body) == post(body)


def test_at_its_url_an_endpoint_can_be_tried_too(registry: Any, delivery_queue: Any) -> None:
    with_endpoint(registry, "a")
    answer = ask_at_url("POST", "/v1/endpoints/a/test", senderId="shop")
    assert answer["statusCode"] == 202
    assert len(delivery_queue.take()) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1/health"),
        ("GET", "/v1/messages"),
        ("GET", "/v1/messages/order-1841"),
        ("PUT", "/v1/messages"),
        ("OPTIONS", "/v1/messages"),
        ("POST", "/v1/messages/order-1841/redrive"),
        ("DELETE", "/v1/endpoints/a"),
    ],
)
def test_at_its_url_all_else_is_404_and_named(method: str, path: str) -> None:
    document = problem(ask_at_url(method, path), 404)
    assert document["type"] == "urn:homing:problem:not-here"
    assert document["detail"].startswith(f"{method} {path} is not available at this URL")


@pytest.mark.parametrize("body", [body_of(), body_of(policy=1)])
def test_who_signed_is_logged_since_a_url_has_no_access_log(logged: Logged, body: str) -> None:
    ask_at_url("POST", "/v1/messages", body)
    (line,) = logged()
    assert line["caller"] == SIGNER


def test_who_came_with_a_key_has_signed_nothing(logged: Logged) -> None:
    post(BODY)
    assert "caller" not in logged()[0]


def post_batch(*messages: str, key_sender: str | None = None) -> dict[str, Any]:
    """Return the function's response to a batch, sent with the key of a sender or signed."""
    event = posted(f'{{"messages": [{", ".join(messages)}]}}')
    path = "/v1/messages/batch"
    authorizer = {} if key_sender is None else {"authorizer": {"lambda": {"senderId": key_sender}}}
    context = {**event["requestContext"], "http": {"method": "POST", "path": path}, **authorizer}
    return accept.handler({**event, "rawPath": path, "requestContext": context}, None)


def results_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    assert answer["statusCode"] == 200
    document = json.loads(answer["body"])
    BatchResults.model_validate(document, extra="forbid")
    found: list[dict[str, Any]] = document["results"]
    return found


def test_each_message_of_a_batch_is_answered_as_it_would_be_alone(registry: Any) -> None:
    with_endpoint(registry, "a")
    messages = [
        body_of(messageId="known"),
        body_of("NaN", messageId="b"),
        body_of(messageId="c", policy={"maxAttempts": 21}),
        body_of("2", messageId="known"),
        json.dumps({"endpointId": "nobody", "payload": 1}),
        json.dumps({"endpointId": "a", "payload": 1, "senderId": "shop", "messageId": "e"}),
        "7",
        body_of('"' + "a" * 6_000_000 + '"'),
        body_of(messageId="last"),
    ]
    post(messages[0])
    results = results_of(post_batch(*messages))
    assert [each["status"] for each in results] == [200, 400, 400, 409, 404, 202, 400, 413, 202]
    for message, result in zip(messages, results, strict=True):
        alone = json.loads(post(message)["body"])
        assert result.get("message", result.get("problem")) == alone


def test_a_batch_sent_again_is_answered_with_the_same_messages(delivery_queue: Any) -> None:
    messages = [body_of(str(number), messageId=f"m-{number}") for number in range(30)]
    first, second = results_of(post_batch(*messages)), results_of(post_batch(*messages))
    assert {each["status"] for each in first} == {202}
    assert {each["status"] for each in second} == {200}
    assert [each["message"] for each in first] == [each["message"] for each in second]
    queued = [each["reference"]["messageId"] for each in delivery_queue.take()]
    assert list(dict.fromkeys(queued)) == [f"m-{number}" for number in range(30)]


@pytest.fixture
def rated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender's rate: one delivery in ten seconds, and three at once."""
    monkeypatch.setenv("SENDER_RATE_PER_SECOND", "0.1")
    monkeypatch.setenv("SENDER_BACKLOG", "3")


@pytest.mark.usefixtures("rated")
def test_a_sender_beyond_its_rate_is_told_when_to_send_again_and_nothing_is_accepted(
    delivery_queue: Any, messages_table: Any, logged: Logged
) -> None:
    messages = [body_of(str(number), messageId=f"m-{number}") for number in range(4)]
    answers = [post(message) for message in messages]
    assert [each["statusCode"] for each in answers] == [202, 202, 202, 429]
    refused = problem(answers[3], 429)
    assert refused["type"] == "urn:homing:problem:rate-exceeded"
    assert (refused["messageId"], refused["senderId"]) == ("m-3", "default")
    assert 1 <= refused["retryAfterSeconds"] <= 10
    assert answers[3]["headers"]["Retry-After"] == str(refused["retryAfterSeconds"])
    assert len(delivery_queue.take()) == 3
    kept = [item["messageId"]["S"] for item in messages_table.items() if "messageId" in item]
    assert sorted(kept) == ["m-0", "m-1", "m-2"]
    last = logged()[-1]
    assert (last["message"], last["status"], last["senderId"]) == (
        *("message.rejected", 429),
        "default",
    )
    other = post(body_of(senderId="other"))
    assert other["statusCode"] == 202


@pytest.mark.usefixtures("rated")
def test_of_a_batch_what_exceeds_the_rate_of_its_sender_is_429_and_no_other() -> None:
    senders = ("shop", "other", "shop", "shop", "shop", "other")
    messages = [
        body_of(str(number), messageId=f"m-{number}", senderId=sender)
        for number, sender in enumerate(senders)
    ]
    results = results_of(post_batch(*messages))
    assert [each["status"] for each in results] == [202, 202, 202, 202, 429, 202]
    assert results[4]["problem"]["messageId"] == "m-4"


@pytest.mark.usefixtures("rated")
def test_a_table_that_cannot_tell_the_rate_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise DependencyError("down")

    monkeypatch.setattr(SenderRate, "exceeded", fail)
    assert problem(post(body_of(messageId="m")), 503)["messageId"] == "m"


def test_a_batch_with_a_key_is_of_its_sender_only() -> None:
    results = results_of(
        post_batch(
            body_of(), body_of(senderId="other"), body_of(senderId="shop"), key_sender="shop"
        )
    )
    assert [each["status"] for each in results] == [202, 403, 202]
    assert results[0]["message"]["senderId"] == "shop"


def test_a_batch_is_taken_at_the_function_url_too(logged: Logged) -> None:
    body = f'{{"messages": [{body_of()}, {body_of()}]}}'
    answer = ask_at_url("POST", "/v1/messages/batch", body)
    assert [each["status"] for each in results_of(answer)] == [202, 202]
    assert [line["caller"] for line in logged()] == [SIGNER] * 2


def test_what_is_no_batch_is_refused_as_a_whole_and_logged(
    logged: Logged, messages_table: Any
) -> None:
    document = problem(post_batch(body_of(), ""), 400)
    assert fields(document) == ["messages"]
    assert messages_table.items() == []
    assert [line["message"] for line in logged()] == ["message.rejected"]


def test_each_message_of_a_batch_is_logged_and_counted_once(logged: Logged) -> None:
    post_batch(body_of(messageId="a"), body_of(messageId="a"), body_of(policy=1))
    lines = sorted(line["message"] for line in logged())
    assert lines == ["message.accepted", "message.duplicate", "message.rejected"]


def test_a_queue_that_is_down_is_503_for_each_message_with_its_ids(
    logged: Logged, delivery_queue: Any
) -> None:
    delivery_queue.client.delete_queue(QueueUrl=delivery_queue.url)
    results = results_of(post_batch(body_of(), "7", body_of(senderId="shop")))
    assert [each["status"] for each in results] == [503, 400, 503]
    assert results[0]["problem"]["messageId"].startswith("msg_")
    assert results[2]["problem"]["senderId"] == "shop"
    assert sum(line["message"] == "message.failed" for line in logged()) == 2


def test_an_endpoint_that_many_messages_name_is_read_once(
    registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_endpoint(registry, "a")
    asked: list[Any] = []
    find = accept._acceptance().find_endpoints
    monkeypatch.setattr(
        accept._acceptance(),
        "find_endpoints",
        lambda sender, ids: asked.append(ids) or find(sender, ids),
    )
    message = json.dumps({"endpointIds": ["a"], "payload": 1, "senderId": "shop"})
    results = results_of(post_batch(*[message] * 10))
    assert {each["status"] for each in results} == {202}
    assert asked == [["a"]]
