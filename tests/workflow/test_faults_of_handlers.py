"""Real faults at both ends of the delivery queue: calls of `accept` and `dispatch` are refused.

The handlers run in this process, with the environment of the deployed functions, and every call
that they make goes through the faulty cloud.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from posted import posted

from homing_cli.local.faulty_cloud import FaultyCloud, faulty_cloud
from lambdas import accept, dispatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.delivery import Delivery

    Logged = Callable[[], list[dict[str, Any]]]

CACHES = (accept._settings, accept._acceptance, accept._rules, dispatch._desk)
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)


@pytest.fixture
def faulty(bench: Any) -> Iterator[FaultyCloud]:
    with faulty_cloud(bench.cloud.endpoint, bench.cloud.key) as server:
        yield server


@pytest.fixture
def deployed_as(
    bench: Any, faulty: FaultyCloud, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Set the environment variables of a deployed function in this process."""

    def become(name: str) -> None:
        functions = bench.cloud.client("lambda")
        (variables,) = [
            one["Environment"]["Variables"]
            for one in functions.list_functions()["Functions"]
            if one["FunctionName"].startswith("Homing")
            and f"-Reception{name}" in one["FunctionName"]
        ]
        around = {
            "AWS_ENDPOINT_URL": faulty.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_MAX_ATTEMPTS": "2",
        }
        for variable, value in {**variables, **around}.items():
            monkeypatch.setenv(variable, value)

    for cache in CACHES:
        cache.cache_clear()
    yield become
    for cache in CACHES:
        cache.cache_clear()


def post(message: dict[str, Any]) -> dict[str, Any]:
    return accept.handler(posted(json.dumps(message)), None)


@pytest.mark.parametrize(
    ("action", "error", "status"),
    [
        ("SendMessageBatch", "ServiceUnavailable", 503),
        ("PutItem", "ProvisionedThroughputExceededException", 400),
    ],
)
def test_a_message_that_cannot_be_stored_is_not_accepted_and_is_counted(
    deployed_as: Callable[[str], None],
    faulty: FaultyCloud,
    receiver: Any,
    logged: Logged,
    action: str,
    error: str,
    status: int,
) -> None:
    deployed_as("Accept")
    message = {"messageId": f"refused-{action}", "targetUrl": f"{receiver.url}/ok", "payload": 1}
    faulty.refuse(action, 99, error=error, status=status)
    assert post(message)["statusCode"] == 503
    assert logged()[-1]["AcceptanceFailed"] == [1.0]
    faulty.refuse(action, 0, error="")
    assert post(message)["statusCode"] in {200, 202}  # 200 if the idempotency record already exists


@pytest.mark.parametrize(
    ("action", "error", "status"),
    [
        ("StartSyncExecution", "ThrottlingException", 400),
        ("StartSyncExecution", "ServiceUnavailable", 503),
        ("GetItem", "InternalServerError", 500),
    ],
)
def test_a_delivery_that_cannot_be_settled_goes_back_and_is_counted(
    deployed_as: Callable[[str], None],
    faulty: FaultyCloud,
    deliver_to: Callable[..., Delivery],
    receiver: Any,
    logged: Logged,
    action: str,
    error: str,
    status: int,
) -> None:
    deployed_as("Dispatch")
    delivery = deliver_to("200")
    record = {
        "messageId": "queued-1",
        "receiptHandle": "handle",
        "eventSource": "aws:sqs",
        "body": json.dumps(delivery.to_document()),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "MessageGroupId": delivery.reference.delivery_id,
        },
        "messageAttributes": {},
    }
    faulty.refuse(action, 99, error=error, status=status)
    answer = dispatch.handler({"Records": [record]}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "queued-1"}]}
    (failed,) = [line for line in logged() if line["message"] == "dispatch.failed"]
    assert failed["DispatchFailed"] == [1.0]
    assert failed["deliveryId"] == delivery.reference.delivery_id
    faulty.refuse(action, 0, error="")
    assert dispatch.handler({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}
    arrived = [one for one in receiver.arrivals if one.message_id == delivery.reference.message_id]
    assert len(arrived) == 1
