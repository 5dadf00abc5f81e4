"""State `Deliver`, against a real endpoint."""

from __future__ import annotations

import json
from ipaddress import ip_network
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from homing.delivery import Reference
from homing.ledger.table import Ledger
from homing.ledger.updates import own_put, owned_item
from homing.targets.address_guard import AddressGuard
from homing_cli.receiver.server import Receiver
from lambdas import deliver

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 20_000)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing.delivery import Delivery


@pytest.fixture(autouse=True)
def environment(
    registry: Any, ledger_table: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    guard = AddressGuard(allowed_networks=(ip_network("127.0.0.0/8"),))
    monkeypatch.setenv("ATTEMPT_TIMEOUT_SECONDS", "5")
    monkeypatch.setenv("ADDRESS_GUARD", json.dumps(guard.to_document()))
    monkeypatch.setenv("LEDGER_TABLE", ledger_table.name)
    monkeypatch.setenv("LINES_TABLE", "lines")
    monkeypatch.setenv("PLACES_TABLE", "places")
    monkeypatch.setenv("ENDPOINTS_TABLE", "endpoints")
    monkeypatch.setenv("SECRETS_TABLE", "secrets")
    monkeypatch.setenv("PAYLOAD_BUCKET", "payloads")
    monkeypatch.setenv("OWN_HOSTS", "abc123.execute-api.,xyz.lambda-url.")
    monkeypatch.setenv("DISABLE_AFTER_HOURS", "120")
    deliver._deliverer.cache_clear()  # the test starts with a new container
    deliver._ledger.cache_clear()
    yield
    deliver._deliverer().close()
    deliver._deliverer.cache_clear()
    deliver._ledger.cache_clear()


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
    outcome = deliver.handler(event, CONTEXT)
    (arrival,) = receiver.arrivals
    assert arrival.body == b'{"total": 1.10}'
    assert arrival.headers["x-tenant"] == "acme"
    assert (outcome["httpStatus"], outcome["retryAfter"], outcome["error"]) == (429, "3", None)


def test_the_webhook_id_is_the_same_on_every_attempt(
    event: dict[str, Any], receiver: Receiver
) -> None:
    for attempt_number in (0, 1):
        deliver.handler({**event, "attemptNumber": attempt_number}, CONTEXT)
    assert [arrival.message_id for arrival in receiver.arrivals] == ["order-1841", "order-1841"]


def test_an_endpoint_that_is_not_there_is_an_outcome_and_no_exception(
    event: dict[str, Any],
) -> None:
    with Receiver() as gone:
        event["reference"]["targetUrl"] = gone.url
    outcome = deliver.handler(event, CONTEXT)
    assert outcome["httpStatus"] is None
    assert outcome["error"]["kind"] == "CONNECT"


def claimed(event: dict[str, Any], name: str, generation: int = 0) -> dict[str, Any]:
    """Return the event from an execution that has waited for this attempt."""
    claim = {
        "executionName": name,
        "generation": generation,
        "dueAt": "2025-12-28T12:00:00Z",
        "expiresAt": 1_769_515_200,
    }
    return {**event, "claim": claim}


def own(ledger_table: Any, event: dict[str, Any], name: str) -> None:
    """Record an execution as the owner of the delivery."""
    reference = Reference.from_document(event["reference"])
    document = {**event, "dueAt": "2025-12-28T12:00:00Z", "expiresAt": 1_769_515_200}
    item = owned_item(reference, document) | {"executionName": name}
    put = own_put(reference, item)
    ledger_table.client.put_item(TableName=ledger_table.name, **put)


def test_of_two_executions_that_wake_up_for_one_attempt_one_sends(
    event: dict[str, Any], receiver: Receiver, ledger_table: Any
) -> None:
    own(ledger_table, event, "sleeper")
    assert deliver.handler(claimed(event, "retry-now", generation=1), CONTEXT)["httpStatus"] == 429
    assert deliver.handler(claimed(event, "sleeper"), CONTEXT)["kind"] == "SUPERSEDED"
    assert len(receiver.arrivals) == 1


def test_an_execution_whose_function_is_invoked_again_sends_again(
    event: dict[str, Any], receiver: Receiver, ledger_table: Any
) -> None:
    """The claim is its own: Lambda may have lost the response of the first invocation."""
    own(ledger_table, event, "sleeper")
    for _ in range(2):
        assert deliver.handler(claimed(event, "sleeper"), CONTEXT)["kind"] == "ATTEMPTED"
    assert len(receiver.arrivals) == 2


def test_a_delivery_that_was_cancelled_while_it_slept_is_not_sent(
    event: dict[str, Any], receiver: Receiver, ledger_table: Any
) -> None:
    reference = Reference.from_document(event["reference"])
    ledger = Ledger(ledger_table.name, ledger_table.client)
    own(ledger_table, event, "sleeper")
    noon = "2025-12-28T12:00:00.000Z"
    assert ledger.cancel(reference, at=noon, expires_at=1_769_515_200)
    assert deliver.handler(claimed(event, "sleeper"), CONTEXT)["kind"] == "SUPERSEDED"
    assert not receiver.arrivals


def test_a_ledger_that_is_down_does_not_keep_an_attempt_from_being_made_and_that_is_said(
    event: dict[str, Any],
    receiver: Receiver,
    ledger_table: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger_table.client.delete_table(TableName=ledger_table.name)
    assert deliver.handler(claimed(event, "sleeper"), CONTEXT)["httpStatus"] == 429
    assert len(receiver.arrivals) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["message"] == "claim.unrecorded"
    assert said["deliveryId"] == Reference.from_document(event["reference"]).delivery_id


def test_an_execution_whose_record_was_refused_sends_nothing_even_if_the_ledger_is_down(
    event: dict[str, Any], receiver: Receiver, ledger_table: Any
) -> None:
    ledger_table.client.delete_table(TableName=ledger_table.name)
    refused = claimed(event, "sleeper")
    refused["claim"]["isRefused"] = True
    assert deliver.handler(refused, CONTEXT)["kind"] == "SUPERSEDED"
    assert not receiver.arrivals


@pytest.mark.parametrize(
    "host", ["abc123.execute-api.us-east-1.amazonaws.com", "XYZ.lambda-url.eu-west-1.on.aws."]
)
def test_nothing_is_sent_to_an_api_of_the_stack_itself(event: dict[str, Any], host: str) -> None:
    event["reference"]["targetUrl"] = f"https://{host}/v1/messages"
    outcome = deliver.handler(event, CONTEXT)
    assert (outcome["httpStatus"], outcome["error"]["kind"]) == (None, "BLOCKED")
