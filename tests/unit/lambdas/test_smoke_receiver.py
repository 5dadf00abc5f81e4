"""The receiver of `homing smoke`, called as by an HTTP API."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from homing.credentials.signing import generate_secret, sign
from homing.endpoints.verification import SECRET_HEADER
from lambdas.smoke_receiver import handler

BODY = '{"type":"homing.smoke"}'
SECRET = generate_secret()


def event(body: str, headers: dict[str, str], *, encoded: bool = False) -> dict[str, Any]:
    """Return the event of a request (payload format 2.0), with a `body` only if there is one."""
    content = base64.b64encode(body.encode()).decode() if encoded else body
    return {
        "version": "2.0",
        "headers": headers,
        "isBase64Encoded": encoded,
        **({"body": content} if body else {}),
    }


def signed(body: str, **changed: str) -> dict[str, str]:
    now = int(time.time())
    return {
        SECRET_HEADER: SECRET,
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign([SECRET], "msg_1", now, body.encode()),
        **changed,
    }


@pytest.mark.parametrize("encoded", [True, False])
@pytest.mark.parametrize("body", [BODY, "", "é"])
def test_a_signed_request_is_answered_204(body: str, *, encoded: bool) -> None:
    assert handler(event(body, signed(body), encoded=encoded), None) == {"statusCode": 204}


@pytest.mark.parametrize(
    "headers",
    [signed(BODY, **{"webhook-id": "msg_2"}), signed("other"), {SECRET_HEADER: SECRET}],
)
def test_a_request_that_is_not_signed_so_is_answered_401(headers: dict[str, str]) -> None:
    assert handler(event(BODY, headers), None) == {"statusCode": 401}


def test_a_stranger_who_names_no_secret_is_answered_400() -> None:
    assert handler(event(BODY, {}), None) == {"statusCode": 400}
