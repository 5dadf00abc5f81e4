"""Endpoints: set up through the API, delivered to with signatures, disabled, hidden from others."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from workbench.verification import verifies

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Door

    from workbench.receiver import Receiver
    from workbench.target import Target

    Settle = Callable[..., dict[str, Any]]

FAST = {"baseDelaySeconds": 0, "maxDelaySeconds": 0, "jitter": "none"}


@pytest.fixture
def shop(enter: Callable[[str], Door]) -> Door:
    return enter("shop")


@pytest.fixture
def settle() -> Settle:
    """Wait until the one delivery of a message has come to its end, and give it."""

    def wait(door: Door, message_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            _, found = door("GET", f"/v1/messages/{message_id}")
            (delivery,) = found["deliveries"]
            if delivery["status"] not in {"QUEUED", "RETRY_SCHEDULED"}:
                ended: dict[str, Any] = delivery
                return ended
            time.sleep(0.2)
        raise AssertionError(f"{message_id} has not ended within a minute")

    return wait


def send(door: Door, endpoint_id: str, **fields: Any) -> str:
    body = {"endpointId": endpoint_id, "payload": {"total": 1.5}, **fields}
    status, accepted = door("POST", "/v1/messages", body)
    assert status == 202, accepted
    message_id: str = accepted["messageId"]
    return message_id


def test_what_is_sent_to_an_endpoint_is_signed_on_every_attempt(
    shop: Door, receiver: Receiver, settle: Settle
) -> None:
    url = f"{receiver.url}/script/503,200"
    settings = {"url": url, "policy": FAST, "headers": {"Authorization": "Bearer abc"}}
    status, endpoint = shop("PUT", "/v1/endpoints/orders", settings)
    assert status == 201
    message_id = send(shop, "orders")
    assert settle(shop, message_id)["status"] == "DELIVERED"
    first, second = receiver.arrivals
    for arrival in (first, second):
        assert verifies(arrival, endpoint["secret"])
        assert arrival.message_id == message_id
        assert arrival.headers["authorization"] == "Bearer abc"
    assert not verifies(first, "whsec_" + "A" * 32)


def test_what_is_sent_to_a_plain_url_is_signed_with_the_senders_own_secret(
    homing: Any, door: Door, receiver: Receiver, settle: Settle, run_id: str
) -> None:
    added = json.loads(homing("senders", "add", f"plain-{run_id}", "--json").stdout)
    plain = door.with_key(added["key"])
    body = {"targetUrl": f"{receiver.url}/x", "payload": "é"}
    settle(plain, plain("POST", "/v1/messages", body)[1]["messageId"])
    (arrival,) = receiver.arrivals
    assert verifies(arrival, added["signingSecret"])


def test_what_nobody_registered_sends_goes_unsigned(homing: Any, receiver: Receiver) -> None:
    target = ("--target", f"{receiver.url}/x", "--payload", "1")
    assert homing("send", *target, "--sender", "nobody", "--wait").exit_code == 0
    (arrival,) = receiver.arrivals
    assert "webhook-signature" not in arrival.headers


def test_after_a_rotation_both_secrets_verify_and_after_one_without_grace_the_new_one_only(
    shop: Door, receiver: Receiver, settle: Settle
) -> None:
    """A container remembers secrets for a minute, so each rotation gets an endpoint of its own."""
    for endpoint_id, grace, old_verifies in (("a", 3600, True), ("b", 0, False)):
        path = f"/v1/endpoints/{endpoint_id}"
        _, endpoint = shop("PUT", path, {"url": f"{receiver.url}/{endpoint_id}"})
        status, rotated = shop("POST", f"{path}/rotate-secret", {"graceSeconds": grace})
        assert status == 200
        assert len(rotated["oldSecretsEndAt"]) == (1 if grace else 0)
        settle(shop, send(shop, endpoint_id))
        arrival = receiver.arrivals[-1]
        assert verifies(arrival, rotated["secret"])
        assert verifies(arrival, endpoint["secret"]) is old_verifies


def test_an_endpoint_signs_with_ed25519_where_it_wants_to(
    shop: Door, receiver: Receiver, settle: Settle
) -> None:
    status, endpoint = shop(
        "PUT", "/v1/endpoints/keys", {"url": f"{receiver.url}/x", "signing": "v1a"}
    )
    assert status == 201
    assert endpoint["publicKey"].startswith("whpk_")
    assert "secret" not in endpoint
    settle(shop, send(shop, "keys"))
    (arrival,) = receiver.arrivals
    assert arrival.headers["webhook-signature"].startswith("v1a,")


def test_a_410_disables_an_endpoint_and_its_messages_are_parked_not_dropped(
    shop: Door, receiver: Receiver, settle: Settle, cloud: Target
) -> None:
    shop("PUT", "/v1/endpoints/gone", {"url": f"{receiver.url}/script/410"})
    first = settle(shop, send(shop, "gone"))
    assert first["retryHistory"][0]["errorCategory"] == "GONE"
    _, endpoint = shop("GET", "/v1/endpoints/gone")
    assert (endpoint["enabled"], endpoint["disabledReason"]) == (False, "it answered 410 Gone")

    message_id = send(shop, "gone")
    parked = settle(shop, message_id)
    assert (parked["status"], parked["attempts"]) == ("FAILED", 1)
    assert parked["retryHistory"][0]["errorCategory"] == "ENDPOINT_DISABLED"
    assert len(receiver.arrivals) == 1
    assert message_id in letters(cloud)


def letters(cloud: Target) -> set[str]:
    """Look into the dead-letter queue."""
    queue, url = cloud.client("sqs"), cloud.outputs["DeadLetterQueueUrl"]
    found = set()
    while messages := queue.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=2
    ).get("Messages"):
        found |= {json.loads(each["Body"])["reference"]["messageId"] for each in messages}
    return found


def test_an_endpoint_that_is_switched_on_again_is_delivered_to(
    shop: Door, receiver: Receiver, settle: Settle
) -> None:
    url = f"{receiver.url}/x"
    _, made = shop("PUT", "/v1/endpoints/off", {"url": url, "enabled": False})
    assert (made["enabled"], made["disabledReason"]) == (False, "by its sender")
    status, endpoint = shop("PATCH", "/v1/endpoints/off", {"enabled": True})
    assert (status, endpoint["enabled"]) == (200, True)
    assert settle(shop, send(shop, "off"))["status"] == "DELIVERED"


def test_what_is_on_its_way_to_a_deleted_endpoint_is_parked(
    shop: Door, receiver: Receiver, settle: Settle
) -> None:
    url = f"{receiver.url}/x"
    shop("PUT", "/v1/endpoints/short-lived", {"url": url})
    deliver_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    message_id = send(shop, "short-lived", deliverAt=deliver_at)
    assert shop("DELETE", "/v1/endpoints/short-lived")[0] == 200
    ended = settle(shop, message_id)
    assert ended["retryHistory"][0]["errorCategory"] == "ENDPOINT_DISABLED"
    assert not receiver.arrivals


def test_a_test_message_goes_the_way_of_all_others(
    shop: Door, receiver: Receiver, settle: Settle
) -> None:
    _, endpoint = shop("PUT", "/v1/endpoints/tried", {"url": f"{receiver.url}/x"})
    status, accepted = shop("POST", "/v1/endpoints/tried/test")
    assert status == 202
    assert accepted["deliveries"][0]["endpointId"] == "tried"
    settle(shop, accepted["messageId"])
    (arrival,) = receiver.arrivals
    assert json.loads(arrival.body) == {"type": "homing.test", "endpointId": "tried"}
    assert verifies(arrival, endpoint["secret"])


def test_one_message_to_several_endpoints_is_signed_by_each_ones_secret(
    shop: Door, receiver: Receiver
) -> None:
    secrets = {}
    for name in ("a", "b"):
        _, made = shop("PUT", f"/v1/endpoints/{name}", {"url": f"{receiver.url}/{name}"})
        secrets[f"/{name}"] = made["secret"]
    body = {"endpointIds": ["a", "b"], "payload": 1}
    _, accepted = shop("POST", "/v1/messages", body)
    assert [each["endpointId"] for each in accepted["deliveries"]] == ["a", "b"]
    deadline = time.monotonic() + 30
    while len(receiver.arrivals) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert {arrival.path for arrival in receiver.arrivals} == set(secrets)
    assert all(verifies(each, secrets[each.path]) for each in receiver.arrivals)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", None),
        ("POST", "/rotate-secret", {}),
        ("POST", "/test", None),
    ],
)
def test_another_senders_endpoint_looks_like_one_that_does_not_exist(
    enter: Callable[[str], Door], method: str, path: str, body: Any
) -> None:
    shop, thief = enter("shop"), enter("thief")
    url = "https://example.com/hooks"
    assert shop("PUT", "/v1/endpoints/there", {"url": url})[0] == 201
    there = thief(method, f"/v1/endpoints/there{path}", body)
    nowhere = thief(method, f"/v1/endpoints/nowhere{path}", body)
    assert there[0] == 404
    assert json.dumps(there).replace("there", "") == json.dumps(nowhere).replace("nowhere", "")
    assert shop("GET", "/v1/endpoints/there")[1]["enabled"] is True


def test_an_endpoint_of_the_same_name_is_another_one_for_another_sender(
    enter: Callable[[str], Door],
) -> None:
    shop, thief = enter("shop"), enter("thief")
    shop("PUT", "/v1/endpoints/orders", {"url": "https://example.com/shop"})
    thief("PUT", "/v1/endpoints/orders", {"url": "https://example.com/thief"})
    _, listed = thief("GET", "/v1/endpoints")
    assert [each["url"] for each in listed["endpoints"]] == ["https://example.com/thief"]


def test_a_message_to_another_senders_endpoint_is_404_and_leaves_nothing(
    enter: Callable[[str], Door],
) -> None:
    shop, thief = enter("shop"), enter("thief")
    shop("PUT", "/v1/endpoints/there", {"url": "https://example.com/hooks"})
    for endpoint_id in ("there", "nowhere"):
        body = {"endpointId": endpoint_id, "payload": 1, "messageId": "stolen"}
        status, problem = thief("POST", "/v1/messages", body)
        assert (status, problem["errors"][0]["field"]) == (404, "endpointId")
    assert thief("GET", "/v1/messages/stolen")[0] == 404


def test_a_target_that_nobody_may_reach_is_refused_at_the_door(shop: Door) -> None:
    for url in ("http://169.254.169.254/latest", "https://localhost/", "https://10.0.0.1/"):
        status, problem = shop("POST", "/v1/messages", {"targetUrl": url, "payload": 1})
        assert (status, problem["errors"][0]["field"]) == (400, "targetUrl")
        status, problem = shop("PUT", "/v1/endpoints/x", {"url": url})
        assert (status, problem["errors"][0]["field"]) == (400, "url")


def test_secrets_and_header_values_are_answered_once_or_never(shop: Door) -> None:
    settings = {"url": "https://example.com/", "headers": {"Authorization": "Bearer planted"}}
    _, made = shop("PUT", "/v1/endpoints/quiet", settings)
    assert made["headerNames"] == ["Authorization"]
    later = [shop("GET", "/v1/endpoints/quiet"), shop("GET", "/v1/endpoints")]
    later.append(shop("PUT", "/v1/endpoints/quiet", settings))
    text = json.dumps([made["headerNames"], later])
    assert made["secret"] not in text
    assert "planted" not in text + json.dumps(made)


def test_the_command_does_what_the_api_does(
    homing: Any, read: Any, receiver: Receiver, run_id: str
) -> None:
    sender = ("--sender", f"cli-{run_id}")
    url = f"{receiver.url}/cli"
    options = ("--url", url, "--header", "X-Key: planted", "--policy", '{"maxAttempts": 2}')
    made = json.loads(homing("endpoints", "set", "orders", *options, *sender).stdout)
    assert made["secret"].startswith("whsec_")
    changed = json.loads(homing("endpoints", "set", "orders", "--rate", "4", *sender).stdout)
    assert (changed["rate"], changed["url"], changed["headerNames"]) == (4, url, ["X-Key"])
    assert [each["endpointId"] for each in read("endpoints", "list", *sender)] == ["orders"]
    assert "orders" in homing("endpoints", "list", *sender).stdout
    assert json.loads(homing("endpoints", "show", "orders", *sender).stdout) == changed
    rotated = json.loads(homing("endpoints", "rotate-secret", "orders", *sender).stdout)
    assert rotated["secret"] != made["secret"]
    accepted = json.loads(homing("endpoints", "test", "orders", *sender).stdout)
    assert accepted["deliveries"][0]["endpointId"] == "orders"
    assert homing("endpoints", "delete", "orders", *sender).exit_code == 0
    gone = homing("endpoints", "show", "orders", *sender)
    assert (gone.exit_code, gone.stderr.count("\n")) == (1, 1)
    assert homing("endpoints", "set", "new", "--rate", "4", *sender).exit_code == 1
