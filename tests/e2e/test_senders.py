"""API keys at the key API: what callers without a key, and other senders, can see."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.senders.api_key import issue

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Homing, KeyApi, Settle, Traces

    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver

    Read = Callable[..., Any]


NONE = {"LedgerTable": 0, "MessagesTable": 0}


def key_id_of(key_api: KeyApi) -> str:
    assert key_api.key is not None
    return key_api.key.split("_")[1]


@pytest.fixture
def message(receiver: Receiver, run_id: str) -> dict[str, Any]:
    return {"messageId": f"m-{run_id}", "targetUrl": f"{receiver.url}/{run_id}", "payload": 1}


def test_a_sender_with_a_key_sends_and_asks(
    enter: Callable[[str], KeyApi], message: dict[str, Any], run_id: str
) -> None:
    shop = enter("shop")
    status, accepted = shop("POST", "/v1/messages", message)
    assert (status, accepted["senderId"]) == (202, f"shop-{run_id}")
    status, found = shop("GET", f"/v1/messages/{message['messageId']}")
    assert (status, found["senderId"]) == (200, f"shop-{run_id}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages"),
        ("GET", "/v1/messages/any"),
        ("POST", "/v1/messages/any/redrive"),
        ("GET", "/v1/endpoints"),
        ("PUT", "/v1/endpoints/any"),
        ("GET", "/v1/endpoints/any"),
        ("PATCH", "/v1/endpoints/any"),
        ("DELETE", "/v1/endpoints/any"),
        ("POST", "/v1/endpoints/any/rotate-secret"),
        ("POST", "/v1/endpoints/any/test"),
    ],
)
def test_without_a_key_401_with_a_wrong_one_403_and_nothing_is_detached(
    enter: Callable[[str], KeyApi],
    key_api: KeyApi,
    message: dict[str, Any],
    traces: Traces,
    method: str,
    path: str,
) -> None:
    good = enter("shop")
    assert good.key is not None
    never_issued = issue("shop", "2025-12-28T12:00:00.000Z")[1]
    other_secret = good.key[:-1] + ("A" if good.key[-1] != "A" else "B")
    assert key_api(method, path, message)[0] == 401
    for wrong in (never_issued, other_secret, "hmg_", "x", f"{good.key}=", good.key[4:]):
        assert key_api.with_key(wrong)(method, path, message)[0] == 403
    assert traces() == NONE


def test_a_revoked_key_gets_403_and_nothing_is_detached(
    homing: Homing, enter: Callable[[str], KeyApi], message: dict[str, Any], traces: Traces
) -> None:
    shop = enter("shop")
    assert homing("senders", "revoke", key_id_of(shop)).exit_code == 0
    assert shop("POST", "/v1/messages", message)[0] == 403
    assert traces() == NONE


def test_a_key_in_use_is_refused_within_a_minute_of_its_revocation(
    homing: Homing, enter: Callable[[str], KeyApi]
) -> None:
    shop = enter("shop")
    assert shop("GET", "/v1/messages/none")[0] == 404
    homing("senders", "revoke", key_id_of(shop))
    deadline = time.monotonic() + 60
    while shop("GET", "/v1/messages/none")[0] == 404:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert shop("GET", "/v1/messages/none")[0] == 403


def test_a_key_cannot_send_as_another_sender(
    enter: Callable[[str], KeyApi], message: dict[str, Any], traces: Traces, run_id: str
) -> None:
    thief = enter("thief")
    for other in (f"shop-{run_id}", "default", "never-heard-of"):
        status, problem = thief("POST", "/v1/messages", {**message, "senderId": other})
        assert (status, problem["errors"][0]["field"]) == (403, "senderId")
    assert traces() == NONE


def test_another_senders_message_looks_like_one_that_does_not_exist(
    enter: Callable[[str], KeyApi], message: dict[str, Any], run_id: str
) -> None:
    shop, thief = enter("shop"), enter("thief")
    assert shop("POST", "/v1/messages", message)[0] == 202
    there, nowhere = message["messageId"], f"n-{run_id}"
    answers = [thief("GET", f"/v1/messages/{each}") for each in (there, nowhere)]
    assert [status for status, _ in answers] == [404, 404]
    assert json.dumps(answers[0]).replace(there, "") == json.dumps(answers[1]).replace(nowhere, "")
    query = f"?senderId=shop-{run_id}"
    asked = [thief("GET", f"/v1/messages/{each}{query}") for each in (there, nowhere)]
    assert [status for status, _ in asked] == [403, 403]
    assert asked[0] == asked[1]


def test_another_senders_failed_message_cannot_be_redriven(
    enter: Callable[[str], KeyApi],
    message: dict[str, Any],
    receiver: Receiver,
    settle: Settle,
    run_id: str,
) -> None:
    shop, thief = enter("shop"), enter("thief")
    there, nowhere = message["messageId"], f"n-{run_id}"
    failing = {**message, "targetUrl": f"{receiver.url}/script/404,200"}
    assert shop("POST", "/v1/messages", failing)[0] == 202
    before = settle(shop, there)
    assert before["status"] == "FAILED"
    answers = [thief("POST", f"/v1/messages/{each}/redrive") for each in (there, nowhere)]
    assert [status for status, _ in answers] == [404, 404]
    assert json.dumps(answers[0]).replace(there, "") == json.dumps(answers[1]).replace(nowhere, "")
    asked = [
        thief("POST", f"/v1/messages/{each}/redrive?senderId=shop-{run_id}")
        for each in (there, nowhere)
    ]
    assert [status for status, _ in asked] == [403, 403]
    assert asked[0] == asked[1]
    assert shop("GET", f"/v1/messages/{there}")[1]["deliveries"] == [before]
    assert len(receiver.arrivals) == 1


def test_the_same_id_from_two_senders_is_two_messages(
    enter: Callable[[str], KeyApi], message: dict[str, Any]
) -> None:
    shop, thief = enter("shop"), enter("thief")
    assert [each("POST", "/v1/messages", message)[0] for each in (shop, thief)] == [202, 202]


def test_health_is_open_on_both_apis(cloud: Target, key_api: KeyApi) -> None:
    for url in (cloud.api_url, cloud.sender_api_url):
        assert replace(key_api, url=url)("GET", "/v1/health") == (200, {"status": "ok"})


def test_senders_are_listed_without_keys_and_without_hashes(
    homing: Homing, read: Read, enter: Callable[[str], KeyApi], run_id: str
) -> None:
    shop = enter("shop")
    listed = [key for key in read("senders", "list") if key["senderId"] == f"shop-{run_id}"]
    assert [key["keyId"] for key in listed] == [key_id_of(shop)]
    assert listed[0].keys() == {"keyId", "senderId", "createdAt", "revokedAt"}
    assert shop.key is not None
    assert shop.key not in homing("senders", "list").stdout
    homing("senders", "revoke", key_id_of(shop))
    (revoked,) = [key for key in read("senders", "list") if key["keyId"] == key_id_of(shop)]
    assert revoked["revokedAt"]


def test_a_key_that_does_not_exist_cannot_be_revoked(homing: Homing) -> None:
    done = homing("senders", "revoke", "0" * 16)
    assert (done.exit_code, done.stderr) == (1, f"homing: no key {'0' * 16}\n")


def test_a_second_key_of_a_sender_does_not_change_its_signing_secret(
    homing: Homing, run_id: str
) -> None:
    first, second = (
        json.loads(homing("senders", "add", f"shop-{run_id}", "--json").stdout) for _ in range(2)
    )
    assert first["signingSecret"].startswith("whsec_")
    assert second["signingSecret"] is None
    assert first["key"] != second["key"]
