"""State `Deliver`, against a real endpoint."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from homing.targets.address_guard import AddressGuard
from lambdas import deliver
from workbench.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing.delivery import Delivery


@pytest.fixture(autouse=True)
def environment(registry: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    guard = AddressGuard(allowed_networks=(ip_network("127.0.0.0/8"),))
    monkeypatch.setenv("ATTEMPT_TIMEOUT_SECONDS", "5")
    monkeypatch.setenv("ADDRESS_GUARD", json.dumps(guard.to_document()))
    monkeypatch.setenv("ENDPOINTS_TABLE", "endpoints")
    monkeypatch.setenv("SECRETS_TABLE", "secrets")
    monkeypatch.setenv("PAYLOAD_BUCKET", "payloads")
    monkeypatch.setenv("DISABLE_AFTER_HOURS", "120")
    deliver._deliverer.cache_clear()  # a new environment, a new container
    yield
    deliver._deliverer().close()
    deliver._deliverer.cache_clear()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def event(delivery: Delivery, receiver: Receiver) -> dict[str, Any]:
    document = delivery.to_document()
    document["reference"]["targetUrl"] = f"{receiver.url}/script/429;retry-after=3,200"
    return {name: document[name] for name in ("reference", "request", "attemptNumber")}


def test_one_call_is_one_request_and_its_outcome(event: dict[str, Any], receiver: Receiver) -> None:
    outcome = deliver.handler(event, None)
    (arrival,) = receiver.arrivals
    assert arrival.body == b'{"total": 1.10}'
    assert arrival.headers["x-tenant"] == "acme"
    assert (outcome["httpStatus"], outcome["retryAfter"], outcome["error"]) == (429, "3", None)


def test_the_webhook_id_is_the_same_on_every_attempt(
    event: dict[str, Any], receiver: Receiver
) -> None:
    for attempt_number in (0, 1):
        deliver.handler({**event, "attemptNumber": attempt_number}, None)
    assert [arrival.message_id for arrival in receiver.arrivals] == ["order-1841", "order-1841"]


def test_an_endpoint_that_is_not_there_is_an_outcome_and_no_exception(
    event: dict[str, Any],
) -> None:
    with Receiver() as gone:
        event["reference"]["targetUrl"] = gone.url
    outcome = deliver.handler(event, None)
    assert outcome["httpStatus"] is None
    assert outcome["error"]["kind"] == "CONNECT"
