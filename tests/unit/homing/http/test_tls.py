"""The webhook client and TLS: which certificates it trusts, and the outcome if it does not."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from authority import Authority
from cryptography.x509.oid import ExtensionOID

from homing.delivery import Reference, Request
from homing.http.connection import Address
from homing.http.tls import default_tls
from homing.retry.outcome import ErrorKind, Outcome
from homing.sending.webhook_client import WebhookClient
from homing.targets.target_url import check_target_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Endpoint(http.server.HTTPServer):
    """An HTTPS server on a free port that counts the requests that reach it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.address = Address(socket.AF_INET, self.server_address)
        self.connections = 0
        self.requests = 0
        self.protocols: list[str | None] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report no clients that hang up."""


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests += 1
        self.server.protocols.append(self.connection.selected_alpn_protocol())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def serve(stack: ExitStack) -> Callable[[ssl.SSLContext], Endpoint]:
    def start(context: ssl.SSLContext) -> Endpoint:
        endpoint = stack.enter_context(Endpoint(context))
        thread = threading.Thread(target=endpoint.serve_forever, args=(0.01,))
        thread.start()
        stack.callback(thread.join)
        stack.callback(endpoint.shutdown)
        return endpoint

    return start


@pytest.fixture
def send(stack: ExitStack) -> Callable[..., list[Outcome]]:
    """Make attempts, one after the other, at a URL whose name resolves to an address."""

    def make(
        url: str,
        address: Address,
        *,
        tls: Callable[[], ssl.SSLContext] = default_tls,
        times: int = 1,
    ) -> list[Outcome]:
        sender = WebhookClient(attempt_timeout_seconds=5, resolve=lambda *_: [address], tls=tls)
        stack.callback(sender.close)
        noon = "2025-12-28T12:00:00.000Z"
        reference = Reference("order-1841", "default", noon, url, "trace-7", noon)
        request = Request("{}", "application/json", {})
        return [sender.send(reference, request) for _ in range(times)]

    return make


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.mark.parametrize(
    ("url", "certified", "server_name"),
    [
        ("https://hooks.example/", "hooks.example", "hooks.example"),
        ("https://hooks.example./", "hooks.example", "hooks.example"),
        ("https://a.hooks.example./", "*.hooks.example", "a.hooks.example"),
        ("https://127.0.0.1/", "127.0.0.1", None),
        ("https://[::1]/", "::1", None),
    ],
)
def test_the_certificate_is_checked_against_the_name_wherever_the_connection_goes(
    serve: Callable[..., Endpoint],
    send: Callable[..., list[Outcome]],
    authority: Authority,
    tmp_path: Path,
    *,
    url: str,
    certified: str,
    server_name: str | None,
) -> None:
    context = authority.context_for(certified, tmp_path)
    asked_for = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    endpoint = serve(context)
    outcomes = send(url, endpoint.address, tls=authority.trusted, times=2)
    assert [outcome.http_status for outcome in outcomes] == [200, 200]
    assert (endpoint.connections, endpoint.requests) == (1, 2)
    assert asked_for == [server_name]


@pytest.mark.parametrize(
    ("certified", "days", "reason"),
    [
        ("hooks.example", -1, "certificate has expired"),
        ("other.example", 1, "Hostname mismatch"),
        ("127.0.0.1", 1, "Hostname mismatch"),
    ],
    ids=["expired", "another name", "the address instead of the name"],
)
def test_a_certificate_that_does_not_fit_is_a_tls_error_and_nothing_is_sent(
    serve: Callable[..., Endpoint],
    send: Callable[..., list[Outcome]],
    authority: Authority,
    tmp_path: Path,
    *,
    certified: str,
    days: int,
    reason: str,
) -> None:
    endpoint = serve(authority.context_for(certified, tmp_path, days=days))
    outcome = send("https://hooks.example/", endpoint.address, tls=authority.trusted)[0]
    assert_failed(outcome, ErrorKind.TLS, reason)
    assert endpoint.requests == 0


def test_a_certificate_of_an_unknown_authority_is_a_tls_error(
    serve: Callable[..., Endpoint],
    send: Callable[..., list[Outcome]],
    authority: Authority,
    tmp_path: Path,
) -> None:
    endpoint = serve(authority.context_for("hooks.example", tmp_path))
    outcome = send("https://hooks.example/", endpoint.address)[0]
    assert_failed(outcome, ErrorKind.TLS, "unable to get local issuer certificate")


def test_a_self_signed_certificate_is_a_tls_error(
    serve: Callable[..., Endpoint],
    send: Callable[..., list[Outcome]],
    authority: Authority,
    tmp_path: Path,
) -> None:
    endpoint = serve(authority.context_of_its_own(tmp_path))
    outcome = send("https://hooks.example/", endpoint.address)[0]
    assert_failed(outcome, ErrorKind.TLS, "self-signed certificate")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_tls_below_1_2_is_a_tls_error(
    serve: Callable[..., Endpoint],
    send: Callable[..., list[Outcome]],
    authority: Authority,
    tmp_path: Path,
) -> None:
    context = authority.context_for("hooks.example", tmp_path)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    endpoint = serve(context)
    outcome = send("https://hooks.example/", endpoint.address, tls=authority.trusted)[0]
    assert_failed(outcome, ErrorKind.TLS, "")


def test_an_endpoint_that_speaks_plain_http_is_a_tls_error(
    send: Callable[..., list[Outcome]], stack: ExitStack
) -> None:
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def answer() -> None:
        with server.accept()[0] as sock:
            sock.recv(65_536)
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    address = Address(socket.AF_INET, server.getsockname())
    outcome = send("https://hooks.example/", address)[0]
    thread.join()
    assert_failed(outcome, ErrorKind.TLS, "")


def test_a_handshake_that_never_ends_is_a_time_out(stack: ExitStack) -> None:
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    address = Address(socket.AF_INET, server.getsockname())
    sender = WebhookClient(attempt_timeout_seconds=0.1, resolve=lambda *_: [address])
    reference = Reference("m", "default", "", "https://hooks.example/", "c", "")
    outcome = sender.send(reference, Request("{}", "application/json", {}))
    assert_failed(outcome, ErrorKind.TIMEOUT, "timed out after 0.1 s in total")


def assert_failed(outcome: Outcome, kind: ErrorKind, reason: str) -> None:
    assert outcome.http_status is None
    assert outcome.error
    assert outcome.error.kind is kind
    assert outcome.error.message.startswith(f"TLS handshake: {reason}")


def test_the_context_that_is_used_is_the_same_on_every_python() -> None:
    """Homing sets every option; none is left to the defaults of Python or a distribution."""
    context = default_tls()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.maximum_version is ssl.TLSVersion.MAXIMUM_SUPPORTED
    for option in (ssl.OP_NO_COMPRESSION, ssl.OP_NO_RENEGOTIATION, ssl.OP_IGNORE_UNEXPECTED_EOF):
        assert context.options & option
    assert context.keylog_filename is None
    below_1_3 = [cipher for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert below_1_3
    assert all(cipher["kea"] in {"kx-ecdhe", "kx-dhe"} for cipher in below_1_3)
    assert all(cipher["strength_bits"] >= 128 for cipher in below_1_3)


def test_an_endpoint_that_speaks_several_protocols_is_asked_for_http_1_1(
    serve: Callable[..., Endpoint],
    send: Callable[..., list[Outcome]],
    authority: Authority,
    tmp_path: Path,
) -> None:
    context = authority.context_for("hooks.example", tmp_path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    endpoint = serve(context)
    (outcome,) = send("https://hooks.example/", endpoint.address, tls=authority.trusted)
    assert outcome.http_status == 200
    assert endpoint.protocols == ["http/1.1"]


def test_a_root_without_a_subject_key_identifier_is_trusted_on_every_python(
    serve: Callable[..., Endpoint],
    send: Callable[..., list[Outcome]],
    authority: Authority,
    tmp_path: Path,
) -> None:
    extensions = [extension.oid for extension in authority.certificate.extensions]
    assert ExtensionOID.SUBJECT_KEY_IDENTIFIER not in extensions
    endpoint = serve(authority.context_for("hooks.example", tmp_path))
    (outcome,) = send("https://hooks.example/", endpoint.address, tls=authority.trusted)
    assert outcome.http_status == 200


def test_a_wildcard_certificate_does_not_cover_a_name_with_an_underscore(
    serve: Callable[..., Endpoint],
    send: Callable[..., list[Outcome]],
    authority: Authority,
    tmp_path: Path,
) -> None:
    """This is why such a URL is refused when a message is accepted."""
    endpoint = serve(authority.context_for("*.hooks.example", tmp_path))
    url = "https://my_shop.hooks.example/"
    (outcome,) = send(url, endpoint.address, tls=authority.trusted)
    assert_failed(outcome, ErrorKind.TLS, "Hostname mismatch")
    with pytest.raises(ValueError, match="underscore"):
        check_target_url(url)
