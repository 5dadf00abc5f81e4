"""What an endpoint echoes of its own credentials does not get into the execution."""

from __future__ import annotations

import json

import pytest

from homing.outcome import Outcome
from homing.sending.redaction import redact

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
