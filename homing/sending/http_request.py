"""The HTTP/1.1 request of an attempt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from homing.credentials.signing import sign
from homing.http_fields import is_reserved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from homing.delivery import Reference, Request
    from homing.targets.target import Target

USER_AGENT = "Homing/0.1.0"

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def request_headers(
    reference: Reference,
    request: Request,
    started: datetime,
    body: bytes,
    secrets: Sequence[str] = (),
) -> dict[str, str]:
    """Return the headers of one attempt: Homing's own, then those of the message.

    Args:
        reference: the delivery. Its message id becomes `webhook-id`, the same for every attempt;
            its correlation id becomes `X-Correlation-ID`.
        request: the content type and the message's headers, which cannot override Homing's own.
        started: the time of the attempt, which becomes `webhook-timestamp` in whole seconds.
        body: the bytes of the body.
        secrets: the secrets that sign the request; without any, it is unsigned.

    Raises:
        SigningError: when a secret is not valid.
    """
    seconds = int(started.timestamp())
    added = {
        name: value for name, value in request.headers.items() if not is_reserved(name.lower())
    }
    accept = {} if any(name.lower() == "accept" for name in added) else {"Accept": "*/*"}
    return {
        "Content-Type": request.content_type,
        "Content-Length": str(len(body)),
        "User-Agent": USER_AGENT,
        **accept,
        "Accept-Encoding": "identity",
        "webhook-id": reference.message_id,
        "webhook-timestamp": str(seconds),
        **_signature(secrets, reference.message_id, seconds, body),
        "X-Correlation-ID": reference.correlation_id,
        **added,
    }


def _signature(
    secrets: Sequence[str], message_id: str, seconds: int, body: bytes
) -> dict[str, str]:
    return {"webhook-signature": sign(secrets, message_id, seconds, body)} if secrets else {}


def encode_request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a POST request as one byte string, so that one write can send it.

    Raises:
        ValueError: when a header contains a control character, which could end its line.
    """
    lines = [f"POST {target.path} HTTP/1.1", f"Host: {target.host_header}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if _CONTROL.search("".join(lines)):
        raise ValueError("a header contains a control character")
    return "\r\n".join([*lines, "", ""]).encode() + body
