"""The webhook client and the address guard on real sockets: none connects to a refused address."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from contextlib import contextmanager
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from homing.delivery import Reference, Request
from homing.http.connection import Address
from homing.retry.classification import Category, Decision, classify
from homing.retry.outcome import ErrorKind, Outcome
from homing.retry.policy import Policy
from homing.sending.webhook_client import WebhookClient
from homing.targets.address_guard import AddressGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = "2025-12-28T12:00:00.000Z"
NAME = "hooks.example.com"
PUBLIC = "93.184.216.34"
REFUSED = "address guard: the target URL is not an allowed target"

# Addresses that stand for an endpoint on the internet and for a service in the internal network.
OUTSIDE, INSIDE = "127.0.0.1", "127.0.0.2"


class Service(http.server.HTTPServer):
    """A server that counts the connections that reach it."""

    def __init__(self, host: str, *, location: str | None = None, keep_alive: bool = True) -> None:
        super().__init__((host, 0), Answer)
        self.location = location
        self.keep_alive = keep_alive
        self.connections = 0
        self.hosts: list[str] = []

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]  # as it came

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def address(self) -> Address:
        return Address(socket.AF_INET, self.server_address)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.port}/hooks"


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.hosts.append(self.headers["Host"])
        self.send_response(302 if self.server.location else 200)
        if self.server.location:
            self.send_header("Location", self.server.location)
        if not self.server.keep_alive:
            self.send_header("Connection", "close")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    with service:
        thread = threading.Thread(target=service.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


def elsewhere(text: str) -> Address:
    """Return an address that is not on this machine.

    The address family does not fit, so that no packet leaves even if the guard fails.
    """
    return Address(socket.AF_UNIX, (text, 443))


class Names:
    """A resolver that returns one response after the other; the last one repeats."""

    def __init__(self, *answers: list[Address]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> list[Address]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return answer


def attempts(url: str, names: Names, guard: AddressGuard, *, times: int = 1) -> list[Outcome]:
    """Make attempts at a URL, one after the other, with the same webhook client."""
    reference = Reference("order-1841", "default", NOON, url, "trace-7", NOON)
    sender = WebhookClient(attempt_timeout_seconds=5, resolve=names, guard=guard)
    try:
        request = Request("{}", "application/json", {})
        return [sender.send(reference, request) for _ in range(times)]
    finally:
        sender.close()


def blocked(outcome: Outcome) -> str:
    """Return what the outcome tells the message's sender about a refusal."""
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.BLOCKED
    assert outcome.error.detail
    return outcome.error.message


def open_to(service: Service) -> AddressGuard:
    """Return a guard that allows the address that stands for the internet, and its port."""
    return AddressGuard(
        allowed_ports=frozenset({service.port}),
        allow_http=True,
        allowed_networks=(ip_network(f"{OUTSIDE}/32"),),
    )


@pytest.mark.parametrize(
    "answer",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["127.0.0.1"],
        ["0.0.0.0"],  # noqa: S104 - nothing binds to it here
        ["::1"],
        ["fd00:ec2::254"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::169.254.169.254"],
        ["fe80::1%1"],
        [PUBLIC, "10.0.0.1"],
        ["10.0.0.1", PUBLIC],
        ["2606:4700:4700::1111", PUBLIC, "::1"],
        ["not an address"],
    ],
)
def test_a_name_with_a_single_refused_address_is_refused_whatever_it_is(answer: list[str]) -> None:
    """All refusals look alike to the sender, and no address is connected."""
    names = Names([elsewhere(text) for text in answer])
    (outcome,) = attempts(f"https://{NAME}/", names, AddressGuard())
    assert blocked(outcome) == REFUSED


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://10.0.0.1/", "is not an allowed target"),
        ("https://[::1]/", "is not an allowed target"),
        ("https://localhost/", "names no public host"),
        ("https://2130706433/", "contains an address in an unusual notation"),
        ("http://hooks.example.com/", "must begin with https://"),
        (
            "https://hooks.example.com:22/",
            "names a port that is not allowed; give 80, 443, 8080, 8443",
        ),
    ],
)
def test_the_host_of_a_refused_url_is_not_looked_up(url: str, message: str) -> None:
    names = Names([elsewhere(PUBLIC)])
    (outcome,) = attempts(url, names, AddressGuard())
    assert blocked(outcome) == f"address guard: the target URL {message}"
    assert names.asked == 0


def test_a_service_inside_the_network_is_not_connected_to() -> None:
    with serving(Service(INSIDE)) as inside:
        guard = AddressGuard(allowed_ports=frozenset({inside.port}), allow_http=True)
        for url in (inside.url, f"http://{NAME}:{inside.port}/"):
            (outcome,) = attempts(url, Names([inside.address]), guard)
            assert blocked(outcome) == REFUSED
    assert inside.connections == 0


def test_a_name_that_is_bound_anew_between_attempts_is_refused_the_second_time() -> None:
    """DNS rebinding: the connection goes to the address that was checked."""
    with (
        serving(Service(OUTSIDE, keep_alive=False)) as outside,
        serving(Service(INSIDE)) as inside,
    ):
        names = Names([outside.address], [inside.address])
        outcomes = attempts(f"http://{NAME}:{outside.port}/", names, open_to(outside), times=2)
    assert outcomes[0].http_status == 200
    assert blocked(outcomes[1]) == REFUSED
    assert (outside.connections, inside.connections) == (1, 0)


def test_a_name_is_looked_up_once_per_connection_and_stays_in_the_host_header() -> None:
    """A resolver that would answer differently the second time is not asked a second time."""
    with serving(Service(OUTSIDE)) as outside, serving(Service(INSIDE)) as inside:
        names = Names([outside.address], [inside.address])
        outcomes = attempts(f"http://{NAME}:{outside.port}/", names, open_to(outside), times=3)
    assert [outcome.http_status for outcome in outcomes] == [200, 200, 200]
    assert names.asked == outside.connections == 1
    assert inside.connections == 0
    assert set(outside.hosts) == {f"{NAME}:{outside.port}"}


def test_a_redirect_into_the_network_is_not_followed() -> None:
    with (
        serving(Service(INSIDE)) as inside,
        serving(Service(OUTSIDE, location=inside.url)) as outside,
    ):
        (outcome,) = attempts(
            f"http://{NAME}:{outside.port}/", Names([outside.address]), open_to(outside)
        )
    assert outcome.http_status == 302
    assert (outside.connections, inside.connections) == (1, 0)


def test_a_refusal_is_final_and_says_nothing_of_the_network() -> None:
    names = Names([elsewhere(PUBLIC), elsewhere("10.20.30.40")])
    (outcome,) = attempts(f"https://{NAME}/", names, AddressGuard())
    verdict = classify(outcome, attempts=1, policy=Policy(max_attempts=3))
    assert (verdict.decision, verdict.category) == (Decision.GIVE_UP, Category.BLOCKED_TARGET)
    shown = json.dumps([outcome.to_document(), verdict.to_document()])
    assert not any(word in shown for word in ("10.20", "93.184", "private", "1918"))
    assert outcome.error is not None
    assert outcome.error.detail == "10.20.30.40 is private use (RFC 1918)"


def test_where_an_endpoint_has_moved_to_is_guarded_as_where_it_was() -> None:
    """The URL of the delivery is allowed. The attempt goes to another URL, which is not."""
    reference = Reference("m-1", "default", NOON, f"https://{NAME}/", "m-1", NOON)
    sender = WebhookClient(attempt_timeout_seconds=5, guard=AddressGuard())
    outcome = sender.send(
        reference, Request("{}", "application/json", {}), url="https://169.254.169.254/latest"
    )
    assert blocked(outcome)
