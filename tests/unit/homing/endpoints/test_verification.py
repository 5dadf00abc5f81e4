"""The verification of signatures by the smoke receiver."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from homing.credentials.signing import generate_secret, sign
from homing.endpoints.verification import TOLERANCE_SECONDS, is_signed

if TYPE_CHECKING:
    from collections.abc import Mapping

# The test vector that is published with Standard Webhooks 1.0.0.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_614_265_330
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(NOW),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_the_published_vector_is_signed() -> None:
    assert is_signed(SECRET, HEADERS, BODY, NOW)


@pytest.mark.parametrize("late", [0, TOLERANCE_SECONDS, -TOLERANCE_SECONDS])
def test_a_signature_counts_for_five_minutes_around_its_time(late: int) -> None:
    assert is_signed(SECRET, HEADERS, BODY, NOW + late)


def test_one_of_several_signatures_is_enough() -> None:
    signatures = f"v1,AAAA v1a,BBBB {HEADERS['webhook-signature']} v1,é"
    assert is_signed(SECRET, HEADERS | {"webhook-signature": signatures}, BODY, NOW)


@pytest.mark.parametrize(
    ("secret", "headers", "body", "now"),
    [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", {}, BODY, NOW),
        ("whsec_é", {}, BODY, NOW),
        ("whsec_x", {}, BODY, NOW),
        ("", {}, BODY, NOW),
        (SECRET, {"webhook-id": "msg_other"}, BODY, NOW),
        (SECRET, {"webhook-timestamp": str(NOW + 1)}, BODY, NOW),
        (SECRET, {"webhook-timestamp": "now"}, BODY, NOW),
        (SECRET, {"webhook-timestamp": "²"}, BODY, NOW),
        (SECRET, {"webhook-timestamp": "9" * 5000}, BODY, NOW),
        (SECRET, {"webhook-timestamp": ""}, BODY, NOW),
        (SECRET, {"webhook-signature": ""}, BODY, NOW),
        (SECRET, {"webhook-signature": HEADERS["webhook-signature"][3:]}, BODY, NOW),
        (SECRET, {}, BODY + b" ", NOW),
        (SECRET, {}, b"", NOW),
        (SECRET, {}, BODY, NOW + TOLERANCE_SECONDS + 1),
        (SECRET, {}, BODY, NOW - TOLERANCE_SECONDS - 1),
    ],
)
def test_whatever_differs_is_not_signed(
    secret: str, headers: Mapping[str, str], body: bytes, now: int
) -> None:
    assert not is_signed(secret, {**HEADERS, **headers}, body, now)


def test_a_request_without_the_headers_is_not_signed() -> None:
    assert not is_signed(SECRET, {}, BODY, NOW)


@given(st.binary(max_size=200), st.text("abc_-0", min_size=1), st.integers(0, 10**11))
def test_what_homing_signs_is_signed(body: bytes, message_id: str, now: int) -> None:
    secret = generate_secret()
    headers = {"webhook-id": message_id, "webhook-timestamp": str(now)}
    ours = sign([secret], message_id, now, body)
    assert is_signed(secret, headers | {"webhook-signature": ours}, body, now)


def test_what_the_public_library_signs_is_signed() -> None:
    document: dict[str, Any] = {"total": 1.1}
    body = json.dumps(document)
    theirs = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(NOW, UTC), body)
    headers = HEADERS | {"webhook-id": "msg_1", "webhook-signature": theirs}
    assert is_signed(SECRET, headers, body.encode(), NOW)
