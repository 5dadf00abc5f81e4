"""The Python client and the local cloud, with a proxy in between that fails a third of calls."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from faulty_server import Answer, Fault, FaultyProxy, serving

from homing.client import Accepted, CallError, Homing, Retrying

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import KeyApi
    from faulty_server import Asked

    from homing_cli.receiver.server import Receiver

MESSAGES = 200
# On a busy machine an attempt may time out, which is not what is tested here.
PATIENT = {"maxAttempts": 20, "jitter": "full"}


def passing_on_to(url: str) -> Callable[[Asked], Answer]:
    """Return a function that forwards requests to the cloud, with the host it expects."""
    parts = urlsplit(url)

    def pass_on(asked: Asked) -> Answer:
        connection = HTTPConnection(parts.netloc, timeout=30)
        headers = {name: asked.headers[name] for name in ("Authorization", "Content-Type")}
        try:
            connection.request(asked.method, parts.path + asked.path, asked.body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())
        finally:
            connection.close()

    return pass_on


def test_200_messages_through_a_proxy_that_fails_a_third_of_the_calls_arrive_once_each(
    enter: Callable[[str], KeyApi], receiver: Receiver
) -> None:
    key_api = enter("shop")
    proxy = FaultyProxy(passing_on_to(key_api.url), seed=1)
    with serving(proxy) as url:
        # Long enough for a busy machine, so that any failure is the client's.
        homing = Homing(url, api_key=str(key_api.key), retrying=Retrying(give_up_after=240))

        def send(start: int) -> tuple[Accepted | CallError, ...]:
            return homing.send_batch(
                {"target_url": f"{receiver.url}/{number}", "payload": number, "policy": PATIENT}
                for number in range(start, start + 4)
            )

        with ThreadPoolExecutor(8) as pool:
            results = list(chain.from_iterable(pool.map(send, range(0, MESSAGES, 4))))
        assert [result for result in results if not isinstance(result, Accepted)] == []
        ids = [str(result.message_id) for result in results]
        assert len(set(ids)) == MESSAGES
        deadline = time.monotonic() + 600
        while len({arrival.path for arrival in receiver.arrivals}) < MESSAGES:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    # If one message arrives twice, both requests have the same `webhook-id`; two messages have two
    # ids.
    arrived = {(arrival.path, arrival.message_id) for arrival in receiver.arrivals}
    assert arrived == {(f"/{number}", one) for number, one in enumerate(ids)}
    assert set(proxy.faults) == {None, *Fault}
