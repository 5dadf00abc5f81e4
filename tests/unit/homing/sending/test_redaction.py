"""Credentials that an endpoint echoes are removed before the response enters the execution."""

from __future__ import annotations

import html
import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.retry.outcome import Outcome
from homing.sending.redaction import MASK, redact

NOON = "2025-12-28T12:00:00.000Z"


def answered(body: str, retry_after: str | None = None) -> Outcome:
    return Outcome(NOON, 12, http_status=500, retry_after=retry_after, response_body=body)


@pytest.mark.parametrize(
    ("value", "body", "expected"),
    [
        ("Bearer abcdef123", "you sent: Bearer abcdef123!", "you sent: [redacted] [redacted]!"),
        ("Bearer abcdef123", "token abcdef123, twice: abcdef123", None),
        ("Basic dXNlcjpwYXNz", json.dumps({"authorization": "Basic dXNlcjpwYXNz"}), None),
        ('Digest a="q\\"uoted-token"', json.dumps({"a": 'Digest a="q\\"uoted-token"'}), None),
        ("abcdef123", "x" * 10 + "abcdef12", "x" * 10 + "[redacted]"),
        ("abcdef123", "x" * 10 + "abcdef", "x" * 10 + "[redacted]"),
        ("abcdef123", "x" * 10 + "abcde", "x" * 10 + "abcde"),
        ("shared-token", "shared-token-longer shared-token", "[redacted]-longer [redacted]"),
        ("1", "order 1841 failed", "order 1841 failed"),
        ("acme eu", "acme eu", "acme eu"),
    ],
)
def test_an_echoed_value_is_masked_in_whole_and_in_part(
    value: str, body: str, expected: str | None
) -> None:
    found = redact(answered(body), [value]).response_body
    for secret in ("abcdef123", "dXNlcjpwYXNz", "uoted-token"):
        assert secret not in found
    assert expected in (None, found)


TOKEN = "k3y/with+odd=chars&more%2F~x"


def hexadecimal(form: str) -> Any:
    return lambda text: "".join(form.format(ord(each)) for each in text)


SERIALIZERS: dict[str, Any] = {
    "JSON": json.dumps,
    "JSON with its slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON safe in HTML": lambda text: "".join(
        f"\\u{ord(each):04x}" if each in "=&+<>/" else each for each in text
    ),
    "JSON escaped throughout": hexadecimal("\\u{:04X}"),
    "JavaScript": hexadecimal("\\u{{{:x}}}"),
    "Python": hexadecimal("\\x{:02x}"),
    "C": hexadecimal("\\{:03o}"),
    "a URL": lambda text: quote(text, safe=""),
    "a URL, in small dead letters": lambda text: quote(text, safe="").lower(),
    "a form": quote_plus,
    "a URL escaped throughout": hexadecimal("%{:02X}"),
    "HTML": html.escape,
    "HTML by names": lambda text: text.translate(
        {ord("&"): "&amp;", ord("="): "&equals;", ord("+"): "&plus;", ord("/"): "&sol;"}
    ),
    "XML by numbers": hexadecimal("&#{};"),
    "XML by hexadecimal numbers": hexadecimal("&#x{:X};"),
    "a Python literal": repr,
}


@pytest.mark.parametrize("outer", [None, *SERIALIZERS])
@pytest.mark.parametrize("inner", SERIALIZERS)
def test_an_echo_is_masked_in_every_form_that_a_serializer_makes(
    inner: str, outer: str | None
) -> None:
    echo = SERIALIZERS[inner](TOKEN)
    if outer:
        echo = SERIALIZERS[outer](echo)
    found = redact(answered(f"you sent {echo} to us"), [f"Bearer {TOKEN}"]).response_body
    assert MASK in found
    assert len(found) <= len("you sent  to us") + len(MASK) + 2 * len(
        SERIALIZERS[outer or "C"]('"')
    )
    assert found.startswith("you sent ")
    assert found.endswith(" to us")


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_an_echo_that_is_cut_short_anywhere_shows_nothing_of_the_secret(serializer: str) -> None:
    token = "abcdefghij=/+klmnop"
    start = SERIALIZERS[serializer](token[:6])
    whole = SERIALIZERS[serializer](token)
    for length in range(len(start), len(whole)):
        found = redact(answered("got " + whole[:length]), [token]).response_body
        assert found.strip("\"'") == f"got {MASK}" or found == f"got {whole[0]}{MASK}"


@pytest.mark.parametrize(
    "password", ["hunter2-x", "two words", 'quo"ted', "a:b:c:d", "pa\\ss+word"]
)
@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("scheme", ["Basic", "basic"])
def test_basic_credentials_are_masked_decoded_as_well(
    password: str, serializer: str, scheme: str
) -> None:
    header = f"{scheme} {b64encode(f'admin:{password}'.encode()).decode()}"
    write = SERIALIZERS[serializer]
    for echo in (password, f"admin:{password}"):
        found = redact(answered(f"<{write(echo)}>"), [header]).response_body
        assert MASK in found
        assert len(found) <= len(f"<{MASK}>") + 2 * len(write('"'))


@pytest.mark.parametrize(
    "body", ["100% & more; \\o/ %zz \\u12 &unknown; &#1114112;", "\\", "%", "&", "\\U00110000", ""]
)
def test_what_looks_like_an_escape_and_is_no_secret_stays_as_it_is(body: str) -> None:
    assert redact(answered(body), ["abcdef123"]).response_body == body


@given(
    text=st.text(alphabet='abcdef123\\u0061%&#;x= "', max_size=60),
    secret=st.text(alphabet="abcdef123/=%", min_size=6, max_size=9),
)
def test_any_text_loses_its_secrets_and_keeps_the_rest(text: str, secret: str) -> None:
    found = redact(answered(f"{text} {secret} end"), [secret]).response_body
    assert secret not in found
    assert found.endswith(" end")


def test_of_two_values_the_longer_goes_first() -> None:
    found = redact(answered("token-and-more"), ["token-and", "token-and-more"])
    assert found.response_body == "[redacted]"


def test_a_retry_after_is_no_way_out() -> None:
    assert redact(answered("", "abcdef123"), ["abcdef123"]).retry_after == "[redacted]"
    assert redact(answered("", "120"), ["abcdef123"]).retry_after == "120"


def test_what_echoes_nothing_stays_as_it_is() -> None:
    outcome = answered("é, and so on", "3")
    assert redact(outcome, []) is outcome
    assert redact(outcome, ["abcdef123"]) == outcome
