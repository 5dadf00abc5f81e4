"""The scriptable receiver: what its URLs mean, and what it does on real sockets."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from wire_endpoint import Client

from homing.retry.outcome import ErrorKind
from homing.sending.webhook_client import WebhookClient
from homing_cli.receiver.script import ScriptError, Step, parse_path, parse_script, step_for
from homing_cli.receiver.server import Arrival, Receiver, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("200", [Step()]),
        ("503,503,200", [Step(503), Step(503), Step(200)]),
        ("429;retry-after=3,200", [Step(429, retry_after="3"), Step(200)]),
        ("retry-after=3;429", [Step(429, retry_after="3")]),
        ("503;retry-after=Wed%2C%2021%20Oct", [Step(503, retry_after="Wed, 21 Oct")]),
        ("drop,200", [Step(drop=True), Step()]),
        ("drip", [Step(drip_seconds=1)]),
        ("500;drip=0.25", [Step(500, drip_seconds=0.25)]),
        ("delay=2;200", [Step(delay_seconds=2)]),
        ("delay=0.5;drop", [Step(delay_seconds=0.5, drop=True)]),
        ("299,599", [Step(299), Step(599)]),
    ],
)
def test_a_script_is_a_list_of_steps(text: str, script: list[Step]) -> None:
    assert parse_script(text) == tuple(script)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "step 1: '' is not one of"),
        ("200,", "step 2: '' is not one of"),
        ("200,banana", "step 2: 'banana' is not one of"),
        ("100", "step 1: '100' is not one of"),
        ("600", "step 1: '600' is not one of"),
        ("20", "step 1: '20' is not one of"),
        ("200;;drop", "step 1: '' is not one of"),
        ("drop=1", "step 1: 'drop=1' is not one of"),
        ("delay", "step 1: 'delay' needs seconds"),
        ("delay=", "step 1: 'delay=' needs seconds"),
        ("delay=-1", "step 1: 'delay=-1' needs seconds"),
        ("delay=3601", "step 1: 'delay=3601' needs seconds"),
        ("delay=nan", "step 1: 'delay=nan' needs seconds"),
        ("drip=", "step 1: 'drip=' needs seconds"),
        ("retry-after=", "step 1: 'retry-after=' needs a header value"),
        ("retry-after=1%0D%0AX:y", "step 1: 'retry-after=1%0D%0AX:y' needs a header value"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused_by_step(text: str, complaint: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(text)
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize(
    ("url", "script"),
    [
        ("/script/503,200", [Step(503), Step()]),
        ("/script/503/orders/7?x=1", [Step(503)]),
        ("http://127.0.0.1:9000/script/410", [Step(410)]),
        ("/", [Step()]),
        ("/hooks/script/503", [Step()]),
    ],
)
def test_a_url_holds_its_script_after_the_prefix(url: str, script: list[Step]) -> None:
    assert parse_path(url) == tuple(script)


def test_the_last_step_of_a_script_repeats() -> None:
    script = parse_script("503,429,200")
    assert [step_for(script, hit).status for hit in range(5)] == [503, 429, 200, 200, 200]


@pytest.mark.parametrize(("step", "text"), [(Step(503), "503"), (Step(drop=True), "dropped")])
def test_a_step_is_described_by_the_response_it_sends(step: Step, text: str) -> None:
    assert str(step) == text


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def connect(receiver: Receiver) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=10)


def post(receiver: Receiver, path: str, message_id: str = "m-1") -> http.client.HTTPResponse:
    with closing(connect(receiver)) as connection:
        connection.request("POST", path, b"{}", {"webhook-id": message_id})
        response = connection.getresponse()
        response.text = response.read().decode()
        return response


def statuses(receiver: Receiver, path: str, message_id: str, times: int) -> list[int]:
    return [post(receiver, path, message_id).status for _ in range(times)]


def test_a_message_goes_through_its_script_request_by_request(receiver: Receiver) -> None:
    assert statuses(receiver, "/script/503,429,200", "m-1", 4) == [503, 429, 200, 200]


def test_each_message_and_each_path_starts_the_script_anew(receiver: Receiver) -> None:
    assert statuses(receiver, "/script/503,200", "m-1", 2) == [503, 200]
    assert statuses(receiver, "/script/503,200", "m-2", 2) == [503, 200]
    assert statuses(receiver, "/script/503,200/other", "m-1", 2) == [503, 200]


def test_a_retry_after_is_a_header(receiver: Receiver) -> None:
    response = post(receiver, "/script/429;retry-after=3")
    assert (response.status, response.headers["Retry-After"]) == (429, "3")


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_leaves_the_connection_in_step(
    receiver: Receiver, status: int
) -> None:
    with closing(connect(receiver)) as connection:
        for path, expected in [(f"/script/{status}", status), ("/", 200)]:
            connection.request("POST", path, b"{}")
            response = connection.getresponse()
            response.read()
            assert response.status == expected
        assert len({arrival.received_at for arrival in receiver.arrivals}) == 2


def test_a_path_with_a_script_that_makes_no_sense_is_answered_with_the_reason(
    receiver: Receiver,
) -> None:
    response = post(receiver, "/script/200,banana")
    assert response.status == 400
    assert response.text.startswith("step 2: 'banana' is not one of")
    assert receiver.arrivals[0].step is None


def test_a_dropped_connection_gets_no_answer(receiver: Receiver) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        post(receiver, "/script/drop")


def test_a_delay_comes_before_the_answer(receiver: Receiver) -> None:
    started = time.monotonic()
    assert post(receiver, "/script/delay=0.2;503").status == 503
    assert 0.2 <= time.monotonic() - started < 5


def test_a_drip_is_an_answer_byte_by_byte(receiver: Receiver) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(receiver.url).port), 10) as sock:
        sock.sendall(b"POST /script/503;drip=0.005 HTTP/1.1\r\nHost: x\r\n\r\n")
        pieces = [sock.recv(1000)]
        while pieces[-1] and not b"".join(pieces).endswith(b"Service Unavailable\n"):
            pieces.append(sock.recv(1000))
    assert b"".join(pieces).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert len(pieces) > 20


def test_a_drip_holds_back_its_head_so_that_an_attempt_at_it_times_out(receiver: Receiver) -> None:
    """The demo's slow endpoint. A status without the body would already count as delivered."""
    sender = WebhookClient(attempt_timeout_seconds=0.2)
    outcome = Client(sender).send(f"{receiver.url}/script/drip=0.05")
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.TIMEOUT
    assert outcome.error.message.startswith("waiting for the response: ")


def test_every_request_is_kept_as_received_and_reported() -> None:
    told: list[Arrival] = []
    before = datetime.now(UTC)
    with Receiver(on_arrival=told.append) as receiver, closing(connect(receiver)) as connection:
        for number in range(2):
            body = b"\x00\xff\r\n" + bytes([number])
            headers = {"Webhook-Id": "m-1", "X-A": "b"}
            connection.request("POST", "/script/503,200?a=%20", body, headers)
            connection.getresponse().read()
        arrivals = receiver.arrivals
    assert tuple(told) == arrivals
    assert [arrival.body for arrival in arrivals] == [b"\x00\xff\r\n\x00", b"\x00\xff\r\n\x01"]
    assert [arrival.hit for arrival in arrivals] == [0, 1]
    assert [arrival.step for arrival in arrivals] == [Step(503), Step(200)]
    assert {arrival.message_id for arrival in arrivals} == {"m-1"}
    assert (arrivals[0].method, arrivals[0].path) == ("POST", "/script/503,200?a=%20")
    assert arrivals[0].headers["x-a"] == "b"
    assert before <= arrivals[0].received_at <= arrivals[1].received_at <= datetime.now(UTC)


def test_hundreds_of_requests_at_once_are_all_served(receiver: Receiver) -> None:
    answered = []

    def send(number: int) -> None:
        answered.append(post(receiver, "/script/delay=0.3;200", f"m-{number}").status)

    started = time.monotonic()
    threads = [threading.Thread(target=send, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answered == [200] * 200
    assert time.monotonic() - started < 20  # one after the other, they would take a minute
    assert len({arrival.message_id for arrival in receiver.arrivals}) == 200


@pytest.mark.parametrize("path", ["/script/delay=600", "/script/drip=600"])
def test_stopping_a_receiver_waits_for_no_request(path: str) -> None:
    arrived = threading.Event()
    with Receiver(on_arrival=lambda _: arrived.set()) as receiver:
        port = urlsplit(receiver.url).port
        waiting = socket.create_connection(("127.0.0.1", port), 10)
        waiting.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert arrived.wait(10)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    waiting.close()


def test_serving_goes_on_until_it_is_interrupted() -> None:
    ready: list[str] = []
    arrivals: list[Arrival] = []

    def interrupt(url: str) -> None:
        ready.append(url)
        with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
            connection.request("GET", "/script/204")
            assert connection.getresponse().status == 204
        raise KeyboardInterrupt

    serve(port=0, on_ready=interrupt, on_arrival=arrivals.append)
    assert [arrival.method for arrival in arrivals] == ["GET"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(ready[0]).port or 0), 1)


def test_a_port_that_is_taken_is_said_at_once(receiver: Receiver) -> None:
    with pytest.raises(OSError, match="in use"):
        Receiver(port=urlsplit(receiver.url).port or 0)


def test_what_breaks_on_an_arrival_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(_: Arrival) -> None:
        raise ValueError("a broken callback")

    with Receiver(on_arrival=breaks) as receiver, pytest.raises(http.client.RemoteDisconnected):
        post(receiver, "/")
    assert "a broken callback" in capsys.readouterr().err
