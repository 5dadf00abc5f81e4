"""The function `smoke_receiver`: the endpoint that `homing smoke` sends its message to.

Anybody may call it. It stores nothing and makes no calls. It only reports whether a request is
signed with the secret that the request itself contains (docs/decisions/0089).
"""

from __future__ import annotations

import time
from base64 import b64decode
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from homing.endpoints.verification import SECRET_HEADER, is_signed
from lambdas.initialization import initialize

if TYPE_CHECKING:
    from collections.abc import Mapping


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Return 204 for a valid signature, 401 for an invalid one, 400 if the secret is missing."""
    headers, body = event["headers"], event.get("body", "")
    if SECRET_HEADER not in headers:
        return {"statusCode": HTTPStatus.BAD_REQUEST}
    content = b64decode(body) if event["isBase64Encoded"] else body.encode()
    is_valid = is_signed(headers[SECRET_HEADER], headers, content, time.time())
    return {"statusCode": HTTPStatus.NO_CONTENT if is_valid else HTTPStatus.UNAUTHORIZED}


initialize()
