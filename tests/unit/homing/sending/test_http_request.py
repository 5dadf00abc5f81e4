"""What is sent for one attempt: the parts of the target URL and the bytes of the request."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from homing.delivery import Request
from homing.http_fields import RESERVED_HEADERS, RESERVED_PREFIXES, check_header_name
from homing.sending.http_request import (
    USER_AGENT,
    encode_request,
    request_headers,
)
from homing.targets.target import parse_target

if TYPE_CHECKING:
    from homing.delivery import Reference

STARTED = datetime(2025, 12, 28, 12, 0, 0, 999_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "origin", "host_header", "path"),
    [
        ("http://example.com", ("http", "example.com", 80), "example.com", "/"),
        ("https://example.com", ("https", "example.com", 443), "example.com", "/"),
        ("https://example.com:443/a", ("https", "example.com", 443), "example.com", "/a"),
        ("http://example.com:443/a", ("http", "example.com", 443), "example.com:443", "/a"),
        ("https://example.com:8443/", ("https", "example.com", 8443), "example.com:8443", "/"),
        ("HTTPS://Example.COM/A", ("https", "example.com", 443), "example.com", "/A"),
        ("http://[::1]/a", ("http", "::1", 80), "[::1]", "/a"),
        ("http://[2001:db8::1]:81/a", ("http", "2001:db8::1", 81), "[2001:db8::1]:81", "/a"),
        ("https://user:secret@example.com/", ("https", "example.com", 443), "example.com", "/"),
        ("https://example.com?a=1", ("https", "example.com", 443), "example.com", "/?a=1"),
        ("https://example.com?", ("https", "example.com", 443), "example.com", "/?"),
        ("https://example.com/plain?", ("https", "example.com", 443), "example.com", "/plain?"),
        ("https://example.com/a??", ("https", "example.com", 443), "example.com", "/a??"),
        ("https://example.com/a?#b?c", ("https", "example.com", 443), "example.com", "/a?"),
        ("https://example.com./a", ("https", "example.com.", 443), "example.com.", "/a"),
        (
            "https://example.com/a?b=1&b=2&c",
            ("https", "example.com", 443),
            "example.com",
            "/a?b=1&b=2&c",
        ),
        (
            "https://example.com/a;x=1/b?d=%20+",
            ("https", "example.com", 443),
            "example.com",
            "/a;x=1/b?d=%20+",
        ),
        (
            "https://example.com/caf%C3%A9%2Fx",
            ("https", "example.com", 443),
            "example.com",
            "/caf%C3%A9%2Fx",
        ),
        (
            "https://example.com/a/../b//c",
            ("https", "example.com", 443),
            "example.com",
            "/a/../b//c",
        ),
        ("https://example.com/a#part", ("https", "example.com", 443), "example.com", "/a"),
    ],
)
def test_a_url_is_split_and_its_path_kept_as_written(
    url: str, origin: tuple[str, str, int], host_header: str, path: str
) -> None:
    target = parse_target(url)
    assert (target.origin, target.host_header, target.path) == (origin, host_header, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/hooks",
        "example.com/hooks",
        "ftp://example.com/",
        "https:///hooks",
        "https://example.com:port/",
        "https://example.com:70000/",
        "https://[::1/",
        "https://example.com/a b",
        "https://example.com/a\r\nX-Injected: 1",
        "https://example.com/café",
        "https://exämple.com/",
    ],
)
def test_a_url_that_reception_would_not_pass_is_not_sent_to(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_target(url)


def test_the_headers_are_homings_own_and_then_the_added_ones(reference: Reference) -> None:
    request = Request("é", "text/plain", {"x-tenant": "acme", "Authorization": "Bearer t"})
    assert request_headers(reference, request, STARTED, request.payload.encode()) == {
        "Content-Type": "text/plain",
        "Content-Length": "2",
        "User-Agent": "Homing/0.1.0",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "webhook-id": "order-1841",
        "webhook-timestamp": "1766923200",
        "X-Correlation-ID": "trace-7",
        "x-tenant": "acme",
        "Authorization": "Bearer t",
    }


@pytest.mark.parametrize("name", ["accept", "Accept", "ACCEPT"])
def test_the_accept_header_of_a_message_takes_the_place_of_the_usual_one(
    name: str, reference: Reference
) -> None:
    request = Request("", "text/plain", {name: "application/json"})
    headers = request_headers(reference, request, STARTED, b"")
    given = {key: value for key, value in headers.items() if key.lower() == "accept"}
    assert given == {name: "application/json"}


RESERVED = [*sorted(RESERVED_HEADERS), *(f"{prefix}x" for prefix in RESERVED_PREFIXES)]


@pytest.mark.parametrize("name", RESERVED)
def test_an_added_header_never_replaces_or_repeats_a_reserved_one(
    name: str, reference: Reference
) -> None:
    plain = request_headers(reference, Request("{}", "application/json", {}), STARTED, b"{}")
    forged = Request("{}", "application/json", {name: "forged", name.upper(): "forged"})
    assert request_headers(reference, forged, STARTED, b"{}") == plain


@pytest.mark.parametrize("name", RESERVED)
def test_reception_refuses_a_message_with_a_reserved_header(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be set"):
        check_header_name(name)


def test_the_user_agent_names_the_version_of_the_project() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"Homing/{project['version']}" == USER_AGENT


def test_a_request_is_one_piece_with_host_first_and_the_body_as_it_is() -> None:
    target = parse_target("https://example.com:8443/hooks?x=1")
    assert encode_request(target, {"A": "1", "B": "2\t3"}, b"\x00\xff\r\n\r\n") == (
        b"POST /hooks?x=1 HTTP/1.1\r\n"
        b"Host: example.com:8443\r\n"
        b"A: 1\r\n"
        b"B: 2\t3\r\n"
        b"\r\n"
        b"\x00\xff\r\n\r\n"
    )


def test_a_header_beyond_ascii_travels_as_utf_8(reference: Reference) -> None:
    reference = replace(reference, correlation_id="bestellung-ü")
    headers = request_headers(reference, Request("", "text/plain", {}), STARTED, b"")
    message = encode_request(parse_target("https://example.com"), headers, b"")
    assert "X-Correlation-ID: bestellung-ü\r\n".encode() in message


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x00", "\x0b", "\x7f"])
@pytest.mark.parametrize("place", ["name", "value"])
def test_a_control_character_in_a_header_is_refused(end: str, place: str) -> None:
    bad = f"x{end}Host: evil"
    headers = {bad: "1"} if place == "name" else {"x-a": bad}
    with pytest.raises(ValueError, match="control character"):
        encode_request(parse_target("https://example.com"), headers, b"")
