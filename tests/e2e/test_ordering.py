"""Order per key on the local cloud: lines of messages to an endpoint that fails now and then."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Homing, KeyApi, Settle

    from homing_cli.receiver.server import Receiver

KEYS, EACH, SENDERS, BATCH = 20, 25, 8, 20
SLOW = "slow"  # a key whose first message is retried much later
FAST = {"baseDelaySeconds": 0, "maxDelaySeconds": 0, "jitter": "none"}
WAIT_SECONDS = 300  # a tenth of that on the tests' cloud


class Endpoint:
    """An endpoint that fails a fifth of first attempts, and records what it gets and when."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[str, float, int]] = []
        self._lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status = endpoint.answer(self.headers["webhook-id"])
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", str(WAIT_SECONDS))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, message_id: str) -> int:
        key, number = message_id.rsplit("-", 1)
        with self._lock:
            is_first = all(each != message_id for each, _, _ in self.arrivals)
            fails = is_first and (int(number) % 5 == 2 or (key == SLOW and number == "0"))
            status = 200 if not fails else 429 if key == SLOW else 503
            self.arrivals.append((message_id, time.monotonic(), status))
        return status

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def done(self) -> set[str]:
        return {each for each, _, status in self.arrivals if status == 200}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


def message(key: str, number: int) -> dict[str, Any]:
    return {
        "endpointId": "orders",
        "messageId": f"{key}-{number}",
        "orderingKey": key,
        "payload": {"number": number},
    }


def send(shop: KeyApi, keys: list[str]) -> None:
    """Send messages with some keys in batches, in which the keys alternate."""
    messages = [message(key, number) for number in range(EACH) for key in keys]
    for start in range(0, len(messages), BATCH):
        body = {"messages": messages[start : start + BATCH]}
        status, answer = shop("POST", "/v1/messages/batch", body)
        assert status == 200
        assert {each["status"] for each in answer["results"]} == {202}


@pytest.mark.slow
def test_the_messages_of_each_key_arrive_in_order_and_no_key_waits_for_another(
    enter: Callable[[str], KeyApi], endpoint: Endpoint
) -> None:
    shop = enter("orders")
    shop("PUT", "/v1/endpoints/orders", {"url": endpoint.url, "policy": FAST})
    keys = [f"key{number}" for number in range(KEYS)]
    slow = [message(SLOW, number) for number in range(2)]
    assert shop("POST", "/v1/messages/batch", {"messages": slow})[0] == 200
    with ThreadPoolExecutor(SENDERS) as senders:
        list(senders.map(lambda first: send(shop, keys[first::SENDERS]), range(SENDERS)))
    expected = {f"{key}-{number}" for key in keys for number in range(EACH)} | {"slow-0", "slow-1"}
    deadline = time.monotonic() + 240
    while not expected <= endpoint.done() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert expected - endpoint.done() == set()

    of_key: dict[str, list[str]] = defaultdict(list)
    ended: dict[str, float] = {}
    for message_id, at, status in endpoint.arrivals:
        key = message_id.rsplit("-", 1)[0]
        if message_id not in of_key[key]:
            of_key[key].append(message_id)
        elif of_key[key][-1] != message_id:
            raise AssertionError(f"{message_id} came after {of_key[key][-1]}")
        if status == 200:
            ended.setdefault(message_id, at)
    assert of_key == {
        key: [f"{key}-{number}" for number in range(2 if key == SLOW else EACH)]
        for key in (*keys, SLOW)
    }
    first_of = {each: at for each, at, _ in reversed(endpoint.arrivals)}
    begun = {key: first_of[f"{key}-0"] for key in keys}
    assert max(begun.values()) < ended["slow-0"]  # no other key waits for the blocked one


@pytest.mark.slow
def test_a_message_that_waits_shows_what_it_waits_behind(
    enter: Callable[[str], KeyApi], endpoint: Endpoint, settle: Settle
) -> None:
    shop = enter("waiting")
    policy = {"schedule": [30], "jitter": "none"}
    shop("PUT", "/v1/endpoints/orders", {"url": endpoint.url, "policy": policy})
    for number in (2, 3):
        assert shop("POST", "/v1/messages", message("key", number))[0] == 202
    _, found = shop("GET", "/v1/messages/key-3")
    (waiting,) = found["deliveries"]
    assert (waiting["status"], waiting["orderingKey"], waiting["sequence"]) == ("QUEUED", "key", 2)
    ended = settle(shop, "key-3")
    assert (ended["status"], ended["sequence"]) == ("DELIVERED", 2)
    assert [each for each, _, _ in endpoint.arrivals] == ["key-2", "key-2", "key-3"]


@pytest.mark.slow
def test_a_failure_blocks_its_line_until_it_is_passed_over(
    enter: Callable[[str], KeyApi], homing: Homing, receiver: Receiver, settle: Settle, run_id: str
) -> None:
    shop = enter("blocked")
    gone = {"url": f"{receiver.url}/script/410", "ordering": "block"}
    assert shop("PUT", "/v1/endpoints/orders", gone)[1]["ordering"] == "block"
    for number in range(2):
        assert shop("POST", "/v1/messages", message(f"b{run_id}", number))[0] == 202
    assert settle(shop, f"b{run_id}-0")["status"] == "FAILED"

    def line() -> Any:
        found = json.loads(homing("ordering", "--json").stdout)
        return next((one for one in found if one["orderingKey"] == f"b{run_id}"), None)

    blocked = line()
    head = {"messageId": f"b{run_id}-0", "sequence": 1, "status": "FAILED"}
    assert (blocked["head"], blocked["waiting"]) == (head, 1)
    shop("PATCH", "/v1/endpoints/orders", {"url": f"{receiver.url}/fine", "enabled": True})
    assert [each.message_id for each in receiver.arrivals] == [f"b{run_id}-0"]
    sender = f"blocked-{run_id}"
    done = homing("cancel", f"b{run_id}-0", "--sender", sender, "--json")
    assert (done.exit_code, json.loads(done.stdout)[0]["result"]) == (0, "PASSED_OVER")
    settle(shop, f"b{run_id}-1")
    assert line() is None
