"""Which headers and content types a message may have."""

from __future__ import annotations

import pytest

from homing.http_fields import (
    MAX_HEADERS,
    MAX_HEADERS_BYTES,
    check_content_type,
    check_header_name,
    check_header_value,
    check_headers,
    is_json,
)


@pytest.mark.parametrize("name", ["X-Tenant", "x", "Authorization", "accept", "x_y.z~!#$%&'*+^`|"])
def test_a_token_is_a_header_name(name: str) -> None:
    assert check_header_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\n", "\r\n", "é", "a(b)", "a\x00", '"a"'])
def test_anything_else_is_not(name: str) -> None:
    with pytest.raises(ValueError, match="not a header name"):
        check_header_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Connection", "Keep-Alive", "Proxy-Authorization", "proxy-anything", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "Expect", "Host", "Content-Length", "User-Agent",
        "Accept-Encoding", "Webhook-Id", "webhook-signature", "webhook-anything",
        "X-Correlation-ID",
    ],
)  # fmt: skip
def test_a_header_that_is_not_the_senders_to_set_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Homing or the connection sets it"):
        check_header_name(name)


def test_the_content_type_has_a_field_of_its_own() -> None:
    with pytest.raises(ValueError, match="use contentType"):
        check_header_name("Content-Type")


@pytest.mark.parametrize("value", ["", "a", "a b\tc", "~!@#$%^&*()", 'Bearer "x"'])
def test_printable_ascii_is_a_header_value(value: str) -> None:
    assert check_header_value(value) == value


@pytest.mark.parametrize(
    "value", ["a\r\nb", "a\n", "\r", "a\x00", "é", "€", " a", "a ", "\t", "\x7f"]
)
def test_what_would_break_out_or_change_on_the_way_is_no_header_value(value: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        check_header_value(value)


def test_as_many_headers_as_allowed_are_taken() -> None:
    size = MAX_HEADERS_BYTES // MAX_HEADERS
    headers = {f"x-{number:02}": "a" * (size - 4) for number in range(MAX_HEADERS)}
    assert check_headers(headers) == headers
    with pytest.raises(ValueError, match="8193 bytes; at most 8192"):
        check_headers(headers | {"x-00": "a" * (size - 3)})
    with pytest.raises(ValueError, match="33 headers; at most 32"):
        check_headers(headers | {"x-99": ""})


@pytest.mark.parametrize(
    "text",
    [
        "application/json",
        "text/plain;charset=utf-8",
        'text/plain ; charset="UTF-8" ; format=flowed',
        "application/cloudevents+json",
        'a/b; c="d\\"e; charset=latin1"',
        "application/x-www-form-urlencoded",
    ],
)
def test_a_media_type_is_a_content_type(text: str) -> None:
    assert check_content_type(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "media type"),
        ("text", "media type"),
        ("text/", "media type"),
        ("/plain", "media type"),
        ("text/plain;", "media type"),
        ("text/plain; charset", "media type"),
        ("text/plain; charset=", "media type"),
        ("text/plain\n", "media type"),
        ("text/plain; a=\r\nb", "media type"),
        ("text/plain, text/html", "media type"),
        ("text/plän", "media type"),
        ("text/plain; charset=iso-8859-1", "UTF-8"),
        ('text/plain; a=b; Charset="utf-16"', "UTF-8"),
        ("text/" + "a" * 252, "256"),
    ],
)
def test_anything_else_is_no_content_type(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_content_type(text)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/json ;a=b", True),
        ("application/problem+json", True),
        ("text/json", False),
        ("application/jsonl", False),
        ("text/plain; a=application/json", False),
        ("application/xml", False),
    ],
)
def test_json_is_recognized_by_its_type_or_its_suffix(content_type: str, *, expected: bool) -> None:
    assert is_json(content_type) is expected
