"""The client behind a proxy that fails a third of the calls."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from faulty_server import Answer, Fault, FaultyProxy, serving

from homing.client import Accepted, Homing

if TYPE_CHECKING:
    from conftest import Played
    from faulty_server import Asked

MESSAGES = 200


class Api:
    """Accepts each messageId once. Further requests with it are answered as duplicates."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()

    def __call__(self, asked: Asked) -> Answer:
        document = json.loads(asked.body)
        if asked.path == "/v1/messages":
            return self._accept(document)
        return Answer(200, {"results": [self._result(each) for each in document["messages"]]})

    def _result(self, message: Any) -> dict[str, Any]:
        answer = self._accept(message)
        if answer.status == 202 and message["payload"] % 3 == 0:  # accepted, but the answer is lost
            return {"status": 503, "problem": {"detail": "send it again"}}
        return {"status": answer.status, "message": answer.document}

    def _accept(self, message: Any) -> Answer:
        key = message["messageId"], message["payload"]
        self.requests[key] += 1  # atomic, whichever thread calls it
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
        with ThreadPoolExecutor(8) as pool:
            send = partial(homing.send, target_url="https://example.com/hooks")
            accepted = list(pool.map(lambda number: send(payload=number), range(MESSAGES)))
    assert sorted(payload for _, payload in api.requests) == list(range(MESSAGES))
    assert {one.message_id for one in accepted} == {message_id for message_id, _ in api.requests}
    assert len(accepted) == MESSAGES
    assert max(api.requests.values()) > 1  # some messages were sent again after the answer was lost
    assert set(proxy.faults) == {None, *Fault}


def test_batches_through_it_whose_messages_fail_too_are_accepted_once_each(
    played: Played,
) -> None:
    api = Api()
    proxy = FaultyProxy(api, seed=1)
    with serving(proxy) as url:
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying(give_up_after=10_000))
        results = [
            result
            for start in range(0, MESSAGES, 4)
            for result in homing.send_batch(
                {"target_url": "https://example.com/hooks", "payload": number}
                for number in range(start, start + 4)
            )
        ]
    assert all(isinstance(each, Accepted) for each in results)
    assert sorted(payload for _, payload in api.requests) == list(range(MESSAGES))
    assert {each.message_id for each in results} == {message_id for message_id, _ in api.requests}
    assert set(proxy.faults) == {None, *Fault}
