"""Operational events on the local cloud: what fails and recovers reaches a rule with a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import BusEvents, KeyApi, Settle

    from homing_cli.receiver.server import Receiver

FAST = {"baseDelaySeconds": 0, "maxDelaySeconds": 0, "jitter": "none"}


@pytest.mark.slow
def test_what_fails_and_recovers_reaches_a_rule_and_what_is_delivered_at_once_does_not(
    enter: Callable[[str], KeyApi], receiver: Receiver, settle: Settle, bus_events: BusEvents
) -> None:
    shop = enter("ops")
    scripts = {"fine": "200", "once": "503,200", "late": "503,503,200", "gone": "400"}
    for name, script in scripts.items():
        url = f"{receiver.url}/script/{script}/{name}"
        shop("PUT", f"/v1/endpoints/{name}", {"url": url, "policy": FAST})
        body = {"endpointId": name, "messageId": name, "payload": {}, "eventType": "order.paid"}
        assert shop("POST", "/v1/messages", body)[0] == 202
    quiet = {"endpointId": "gone", "messageId": "quiet", "payload": {}, "eventType": "homing.x"}
    assert shop("POST", "/v1/messages", quiet)[0] == 202
    for name in (*scripts, "quiet"):
        settle(shop, name)
    expected = {
        ("Delivery Failing", "late"),
        ("Delivery Recovered", "late"),
        ("Delivery Failed", "gone"),
    }
    found = bus_events(expected)
    assert found.keys() == expected
    failed = found["Delivery Failed", "gone"]
    assert (failed["endpointId"], failed["eventType"]) == ("gone", "order.paid")
    assert (failed["status"], failed["reason"]) == ("FAILED", "HTTP 400")
    assert found["Delivery Recovered", "late"]["attempts"] == 3
