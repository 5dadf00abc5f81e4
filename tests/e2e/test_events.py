"""Events on the local cloud: subscribers get them, and `match` says why others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import KeyApi, Settle

    from homing_cli.receiver.server import Receiver

BIG = {"payload": {"total": [{"numeric": [">", 100]}]}}


def test_an_event_reaches_those_who_subscribe_and_match_explains_the_others(
    enter: Callable[[str], KeyApi], receiver: Receiver, settle: Settle
) -> None:
    shop = enter("events")
    settings = {
        "all": {"eventTypes": ["*"]},
        "big": {"eventTypes": ["order.*"], "filter": BIG},
        "carts": {"eventTypes": ["cart.*"]},
    }
    for name, wanted in settings.items():
        body = {"url": f"{receiver.url}/{name}", **wanted}
        assert shop("PUT", f"/v1/endpoints/{name}", body)[0] == 201
    event = {"eventType": "order.paid", "payload": {"total": 50}}
    status, matched = shop("POST", "/v1/endpoints/match", event)
    assert status == 200
    assert [each["endpointId"] for each in matched["endpoints"] if each["matches"]] == ["all"]
    status, accepted = shop("POST", "/v1/messages", event)
    assert (status, len(accepted["deliveries"])) == (202, 1)
    assert settle(shop, accepted["messageId"])["endpointId"] == "all"
    assert [arrival.path for arrival in receiver.arrivals] == ["/all"]
