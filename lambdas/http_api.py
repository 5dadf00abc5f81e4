"""Between the HTTP API and the domain: who calls, the body that came, the answer that goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response

from homing.reception.raw_json import from_base64
from homing.senders.ownership import acting_sender

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

    from homing.reception.answer import Answer


def key_owner(event: BaseProxyEvent) -> str | None:
    """Give the sender whose API key the request brought; None at the doors under IAM.

    The door has checked the caller before it calls us, and only it writes here.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    if "lambda" not in authorizer:
        return None
    sender_id: str = authorizer["lambda"]["senderId"]
    return sender_id


def signer(event: BaseProxyEvent) -> dict[str, str]:
    """Give the ARN of who signed a request under IAM, as the log field `caller`; else nothing.

    A function URL has no access log that would tell it.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    arn = authorizer.get("iam", {}).get("userArn")  # what is only logged must not fail a request
    return {"caller": arn} if arn else {}


def queried_sender(event: BaseProxyEvent) -> str:
    """Give the sender that a request without a body acts for: its key's, or `?senderId=`.

    Raises:
        InvalidMessageError: 403, where it asks for another sender than its key's.
    """
    asked = (event.query_string_parameters or {}).get("senderId")
    return acting_sender(asked, key_owner(event))


def request_body(event: BaseProxyEvent) -> str | bytes:
    """Give the body of a request; what the API takes for no text arrives in base64.

    Raises:
        InvalidMessageError: when it should be base64 and is not.
    """
    body = event.body or ""
    return from_base64(body) if event.is_base64_encoded else body


def respond(answer: Answer) -> Response[str]:
    """Write an answer as the response of a route."""
    return Response(
        status_code=answer.status,
        content_type=answer.content_type,
        body=json.dumps(answer.document),
        headers=dict(answer.headers),
    )
