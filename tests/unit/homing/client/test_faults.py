"""The client behind a proxy that fails a third of the calls."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from faulty_server import Answer, Fault, FaultyProxy, serving

from homing.client import Accepted, Homing

if TYPE_CHECKING:
    from conftest import Played
    from faulty_server import Asked

MESSAGES = 200


class Api:
    """Accepts each messageId once, and answers the next request for it as a duplicate."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()

    def __call__(self, asked: Asked) -> Answer:
        message = json.loads(asked.body)
        key = message["messageId"], message["payload"]
        self.requests[key] += 1  # one step, whichever thread takes it
        identity = {"messageId": key[0], "senderId": "shop", "correlationId": key[0]}
        document = {**identity, "timestamp": "2025-12-28T12:00:00.000Z", "deliveries": []}
        return Answer(202 if self.requests[key] == 1 else 200, document)


def test_200_messages_through_a_proxy_that_fails_a_third_of_the_calls_are_accepted_once_each(
    played: Played,
) -> None:
    api = Api()
    proxy = FaultyProxy(api, seed=1)
    with serving(proxy) as url:
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying(give_up_after=10_000))
        results = homing.send_batch(
            {"target_url": "https://example.com/hooks", "payload": number}
            for number in range(MESSAGES)
        )
    accepted = [result for result in results if isinstance(result, Accepted)]
    assert sorted(payload for _, payload in api.requests) == list(range(MESSAGES))
    assert {one.message_id for one in accepted} == {message_id for message_id, _ in api.requests}
    assert len(accepted) == MESSAGES
    assert max(api.requests.values()) > 1  # some were sent again after their answer was lost
    assert set(proxy.faults) == {None, *Fault}
