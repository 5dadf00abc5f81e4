"""Endpoints: set up through the API, delivered to with signatures, disabled, hidden from others."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any, Self

import pytest

from homing_cli.receiver.server import Arrival, Receiver
from homing_cli.receiver.verification import verifies

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from conftest import BusEvents, KeyApi, Settle

    from homing_cli.client.target import Target

FAST = {"baseDelaySeconds": 0, "maxDelaySeconds": 0, "jitter": "none"}


@pytest.fixture
def shop(enter: Callable[[str], KeyApi]) -> KeyApi:
    return enter("shop")


def send(key_api: KeyApi, endpoint_id: str, **fields: Any) -> str:
    body = {"endpointId": endpoint_id, "payload": {"total": 1.5}, **fields}
    status, accepted = key_api("POST", "/v1/messages", body)
    assert status == 202, accepted
    message_id: str = accepted["messageId"]
    return message_id


def test_what_is_sent_to_an_endpoint_is_signed_on_every_attempt(
    shop: KeyApi, receiver: Receiver, settle: Settle
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
    homing: Any, key_api: KeyApi, receiver: Receiver, settle: Settle, run_id: str
) -> None:
    added = json.loads(homing("senders", "add", f"plain-{run_id}", "--json").stdout)
    plain = key_api.with_key(added["key"])
    body = {"targetUrl": f"{receiver.url}/x", "payload": "é"}
    settle(plain, plain("POST", "/v1/messages", body)[1]["messageId"])
    (arrival,) = receiver.arrivals
    assert verifies(arrival, added["signingSecret"])


def test_a_message_to_an_unregistered_url_is_unsigned(homing: Any, receiver: Receiver) -> None:
    target = ("--target", f"{receiver.url}/x", "--payload", "1")
    assert homing("send", *target, "--sender", "nobody", "--wait").exit_code == 0
    (arrival,) = receiver.arrivals
    assert "webhook-signature" not in arrival.headers


def test_after_a_rotation_both_secrets_verify_and_after_one_without_grace_the_new_one_only(
    shop: KeyApi, receiver: Receiver, settle: Settle
) -> None:
    """Containers remember secrets for a minute, so each rotation has its own endpoint."""
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
    shop: KeyApi, receiver: Receiver, settle: Settle
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


def test_a_410_disables_an_endpoint_and_its_messages_are_dead_lettered_not_dropped(
    shop: KeyApi, receiver: Receiver, settle: Settle, cloud: Target
) -> None:
    shop("PUT", "/v1/endpoints/gone", {"url": f"{receiver.url}/script/410"})
    first = settle(shop, send(shop, "gone"))
    assert first["retryHistory"][0]["errorCategory"] == "GONE"
    _, endpoint = shop("GET", "/v1/endpoints/gone")
    assert (endpoint["enabled"], endpoint["disabledReason"]) == (False, "it answered 410 Gone")

    message_id = send(shop, "gone")
    dead_lettered = settle(shop, message_id)
    assert (dead_lettered["status"], dead_lettered["attempts"]) == ("FAILED", 1)
    assert dead_lettered["retryHistory"][0]["errorCategory"] == "ENDPOINT_DISABLED"
    assert len(receiver.arrivals) == 1
    assert message_id in dead_letters(cloud)


def test_a_retry_goes_to_where_its_endpoint_has_moved_with_the_headers_of_there(
    shop: KeyApi, receiver: Receiver, settle: Settle
) -> None:
    old, new = f"{receiver.url}/script/503/old", f"{receiver.url}/new"
    fields = {"policy": {"schedule": [5]}, "headers": {"Authorization": "old"}}
    shop("PUT", "/v1/endpoints/moves", {"url": old, **fields})
    message_id = send(shop, "moves")
    while not receiver.arrivals:
        time.sleep(0.05)
    moved = {"url": new, "headers": {"Authorization": "new"}}
    # Its failure is still being recorded.
    while shop("PATCH", "/v1/endpoints/moves", moved)[0] == 409:
        time.sleep(0.05)
    delivery = settle(shop, message_id)
    assert [(each.path, each.headers["authorization"]) for each in receiver.arrivals] == [
        ("/script/503/old", "old"),
        ("/new", "new"),
    ]
    assert (delivery["status"], delivery["targetUrl"]) == ("DELIVERED", old)
    assert [each.get("targetUrl") for each in delivery["retryHistory"]] == [None, new]
    assert "failingSince" not in shop("GET", "/v1/endpoints/moves")[1]


def test_a_run_of_failures_that_lasts_too_long_disables_with_an_event(
    shop: KeyApi,
    receiver: Receiver,
    settle: Settle,
    cloud: Target,
    run_id: str,
    bus_events: BusEvents,
) -> None:
    """`disableAfterHours` is 120, so the test changes the recorded start of the failures."""
    began = "2025-12-28T12:00:00.000Z"
    url = f"{receiver.url}/script/503"
    shop("PUT", "/v1/endpoints/ailing", {"url": url, "policy": {"maxAttempts": 1}})
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["EndpointsTable"],
        Key={"pk": {"S": f"shop-{run_id}"}, "sk": {"S": "ailing"}},
        UpdateExpression="SET failingSince = :began",
        ExpressionAttributeValues={":began": {"S": began}},
    )
    settle(shop, send(shop, "ailing"))
    _, endpoint = shop("GET", "/v1/endpoints/ailing")
    assert (endpoint["enabled"], endpoint["failingSince"]) == (False, began)
    ((kind, _), detail) = next(iter(bus_events({("Endpoint Disabled", "ailing")}).items()))
    assert kind == "Endpoint Disabled"
    assert detail == {
        "senderId": f"shop-{run_id}",
        "endpointId": "ailing",
        "url": url,
        "reason": f"every attempt has failed since {began}",
        "failingSince": began,
        "disabledAt": endpoint["disabledAt"],
    }


def test_what_a_disabled_endpoint_was_owed_arrives_signed_with_its_id_once_it_is_enabled(
    shop: KeyApi, receiver: Receiver, settle: Settle, forget: Callable[[], None]
) -> None:
    url = f"{receiver.url}/x"
    _, endpoint = shop("PUT", "/v1/endpoints/held", {"url": url, "enabled": False})
    message_id = send(shop, "held")
    assert settle(shop, message_id)["retryHistory"][0]["errorCategory"] == "ENDPOINT_DISABLED"
    shop("PATCH", "/v1/endpoints/held", {"enabled": True})
    forget()
    deadline = time.monotonic() + 90
    while not receiver.arrivals and time.monotonic() < deadline:
        shop("POST", f"/v1/messages/{message_id}/redrive")
        time.sleep(1)
    (arrival,) = receiver.arrivals
    assert arrival.message_id == message_id
    assert verifies(arrival, endpoint["secret"])


def test_a_redrive_has_the_id_of_before_and_a_signature_of_its_own(
    shop: KeyApi, receiver: Receiver, settle: Settle
) -> None:
    _, endpoint = shop("PUT", "/v1/endpoints/again", {"url": f"{receiver.url}/script/404,200"})
    message_id = send(shop, "again")
    assert settle(shop, message_id)["status"] == "FAILED"
    deadline = time.monotonic() + 60
    while len(receiver.arrivals) < 2 and time.monotonic() < deadline:
        shop("POST", f"/v1/messages/{message_id}/redrive")
        time.sleep(0.5)
    first, second = receiver.arrivals
    assert first.message_id == second.message_id == message_id
    assert first.body == second.body
    assert verifies(first, endpoint["secret"])
    assert verifies(second, endpoint["secret"])
    stamps = [int(each.headers["webhook-timestamp"]) for each in (first, second)]
    assert stamps == sorted(stamps)


def dead_letters(cloud: Target) -> set[str]:
    """Return the dead letters in the queue."""
    queue, url = cloud.client("sqs"), cloud.outputs["DeadLetterQueueUrl"]
    found = set()
    while messages := queue.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=2
    ).get("Messages"):
        found |= {json.loads(each["Body"])["reference"]["messageId"] for each in messages}
    return found


def test_an_endpoint_that_is_switched_on_again_is_delivered_to(
    shop: KeyApi, receiver: Receiver, settle: Settle
) -> None:
    url = f"{receiver.url}/x"
    _, made = shop("PUT", "/v1/endpoints/off", {"url": url, "enabled": False})
    assert (made["enabled"], made["disabledReason"]) == (False, "by its sender")
    status, endpoint = shop("PATCH", "/v1/endpoints/off", {"enabled": True})
    assert (status, endpoint["enabled"]) == (200, True)
    assert settle(shop, send(shop, "off"))["status"] == "DELIVERED"


def test_a_waiting_delivery_to_a_deleted_endpoint_is_dead_lettered(
    shop: KeyApi, receiver: Receiver, settle: Settle
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
    shop: KeyApi, receiver: Receiver, settle: Settle
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
    shop: KeyApi, receiver: Receiver
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
    enter: Callable[[str], KeyApi], method: str, path: str, body: Any
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
    enter: Callable[[str], KeyApi],
) -> None:
    shop, thief = enter("shop"), enter("thief")
    shop("PUT", "/v1/endpoints/orders", {"url": "https://example.com/shop"})
    thief("PUT", "/v1/endpoints/orders", {"url": "https://example.com/thief"})
    _, listed = thief("GET", "/v1/endpoints")
    assert [each["url"] for each in listed["endpoints"]] == ["https://example.com/thief"]


def test_a_message_to_another_senders_endpoint_is_404_and_leaves_nothing(
    enter: Callable[[str], KeyApi],
) -> None:
    shop, thief = enter("shop"), enter("thief")
    shop("PUT", "/v1/endpoints/there", {"url": "https://example.com/hooks"})
    for endpoint_id in ("there", "nowhere"):
        body = {"endpointId": endpoint_id, "payload": 1, "messageId": "stolen"}
        status, problem = thief("POST", "/v1/messages", body)
        assert (status, problem["errors"][0]["field"]) == (404, "endpointId")
    assert thief("GET", "/v1/messages/stolen")[0] == 404


def test_a_forbidden_target_is_refused_at_reception(shop: KeyApi) -> None:
    for url in ("http://169.254.169.254/latest", "https://localhost/", "https://10.0.0.1/"):
        status, problem = shop("POST", "/v1/messages", {"targetUrl": url, "payload": 1})
        assert (status, problem["errors"][0]["field"]) == (400, "targetUrl")
        status, problem = shop("PUT", "/v1/endpoints/x", {"url": url})
        assert (status, problem["errors"][0]["field"]) == (400, "url")


def test_secrets_and_header_values_are_answered_once_or_never(shop: KeyApi) -> None:
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
    changed = json.loads(
        homing("endpoints", "set", "orders", "--description", "new", *sender).stdout
    )
    assert (changed["description"], changed["url"], changed["headerNames"]) == (
        "new",
        url,
        ["X-Key"],
    )
    assert [each["endpointId"] for each in read("endpoints", "list", *sender)] == ["orders"]
    assert "orders" in homing("endpoints", "list", *sender).stdout
    shown = json.loads(homing("endpoints", "show", "orders", *sender).stdout)
    assert shown == changed | {"attemptsAtOnce": 0, "ratePerSecond": 0}
    rotated = json.loads(homing("endpoints", "rotate-secret", "orders", *sender).stdout)
    assert rotated["secret"] != made["secret"]
    accepted = json.loads(homing("endpoints", "test", "orders", *sender).stdout)
    assert accepted["deliveries"][0]["endpointId"] == "orders"
    assert homing("endpoints", "delete", "orders", *sender).exit_code == 0
    gone = homing("endpoints", "show", "orders", *sender)
    assert (gone.exit_code, gone.stderr.count("\n")) == (1, 1)
    assert homing("endpoints", "set", "new", "--description", "x", *sender).exit_code == 1


def as_plain_text(text: str) -> str:
    """Return what is sent for a payload that is not JSON: the text of the string, in UTF-8."""
    return text


@pytest.mark.parametrize("size", [204_801, 5_900_000])
@pytest.mark.parametrize(
    ("content_type", "sent"),
    [("application/json", json.dumps), ("text/plain; charset=utf-8", as_plain_text)],
)
def test_a_large_payload_arrives_to_the_byte_and_signed(
    shop: KeyApi,
    receiver: Receiver,
    settle: Settle,
    cloud: Target,
    size: int,
    content_type: str,
    sent: Callable[[str], str],
) -> None:
    """Neither side notices that the payload is in a bucket, also between two attempts."""
    url = f"{receiver.url}/script/503,200"
    _, endpoint = shop("PUT", "/v1/endpoints/large", {"url": url, "policy": FAST})
    start = 'é€😀\u2028 "quoted"\r\n'
    text = start + "x" * (size - len(sent(start).encode()))
    body = sent(text).encode()
    assert len(body) == size
    message_id = send(shop, "large", payload=text, contentType=content_type)
    assert settle(shop, message_id)["status"] == "DELIVERED"
    for arrival in receiver.arrivals:
        assert arrival.body == body
        assert verifies(arrival, endpoint["secret"])
    assert len(receiver.arrivals) == 2
    kept = cloud.client("s3").list_objects_v2(Bucket=cloud.outputs["PayloadBucket"])["Contents"]
    assert hashlib.sha256(body).hexdigest() in {each["Key"].rpartition("/")[2] for each in kept}


def test_a_payload_of_more_than_6_mb_is_413(shop: KeyApi, receiver: Receiver) -> None:
    body = {"targetUrl": f"{receiver.url}/x", "payload": "x" * 6_000_000}
    status, problem = shop("POST", "/v1/messages", body)
    assert (status, problem["type"]) == (413, "urn:homing:problem:payload-too-large")


def test_an_endpoint_is_never_sent_more_at_once_than_it_allows_and_no_attempt_is_used_up(
    shop: KeyApi, settle: Settle
) -> None:
    with Crowd() as crowd:
        url = f"{crowd.receiver.url}/script/delay=0.3;200"
        shop("PUT", "/v1/endpoints/narrow", {"url": url, "attemptsAtOnce": 2})
        ids = [send(shop, "narrow") for _ in range(12)]
        ended = [settle(shop, message_id) for message_id in ids]
    assert [(each["status"], each["attempts"]) for each in ended] == [("DELIVERED", 1)] * 12
    assert crowd.most in {1, 2}


@pytest.mark.slow
def test_200_messages_at_20_a_second_take_ten_seconds_and_none_is_early(
    shop: KeyApi,
    cloud: Target,
    receiver: Receiver,
    wait_scale: Callable[[float], AbstractContextManager[None]],
) -> None:
    """All attempts are postponed before the first slot, so that the time of each slot is known."""
    shop("PUT", "/v1/endpoints/paced", {"url": f"{receiver.url}/x", "ratePerSecond": 20})
    first = time.time() + 60
    set_next_slot(cloud, "paced", first)
    messages = [{"endpointId": "paced", "payload": {}} for _ in range(50)]
    with wait_scale(1):
        for _ in range(4):
            status, _ = shop("POST", "/v1/messages/batch", {"messages": messages})
            assert status == 200
        deadline = time.monotonic() + 120
        while len(receiver.arrivals) < 200 and time.monotonic() < deadline:
            time.sleep(0.1)
    arrived = sorted(each.received_at.timestamp() for each in receiver.arrivals)
    assert len(arrived) == 200
    assert next_slot(cloud, "paced") == pytest.approx(first + 200 * 0.05, abs=0.001)
    assert min(at - first - number * 0.05 for number, at in enumerate(arrived)) >= 0
    assert arrived[-1] - first == pytest.approx(10, rel=0.05)


def rate_item(cloud: Target, endpoint_id: str) -> dict[str, Any]:
    """Return the item with the slots of an endpoint."""
    items = cloud.client("dynamodb").scan(TableName=cloud.outputs["EndpointsTable"])["Items"]
    (item,) = (one for one in items if one["sk"]["S"] == endpoint_id and "nextSlot" in one)
    return item


def next_slot(cloud: Target, endpoint_id: str) -> float:
    """Return when the next slot of an endpoint is free, in seconds since 1970."""
    return int(rate_item(cloud, endpoint_id)["nextSlot"]["N"]) / 1_000_000


def set_next_slot(cloud: Target, endpoint_id: str, at: float) -> None:
    item = rate_item(cloud, endpoint_id) | {"nextSlot": {"N": str(round(at * 1_000_000))}}
    cloud.client("dynamodb").put_item(TableName=cloud.outputs["EndpointsTable"], Item=item)


class Crowd:
    """A receiver that records how many requests it has at the same time.

    It responds to each after 0.3 s at the earliest.
    """

    def __init__(self) -> None:
        self.receiver = Receiver(on_arrival=self._note)
        self._ends: list[float] = []
        self.most = 0

    def _note(self, _: Arrival) -> None:
        now = time.monotonic()
        self._ends = [end for end in self._ends if end > now] + [now + 0.25]
        self.most = max(self.most, len(self._ends))

    def __enter__(self) -> Self:
        self.receiver.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.receiver.__exit__(None, None, None)
