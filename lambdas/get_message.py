"""Trigger `get_message`: tell the status of a message, `GET /v1/messages/{messageId}`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from homing import deadline
from homing.errors import DependencyError, InvalidMessageError
from homing.reception.answer import Answer
from homing.reception.message_query import MessageQuery
from homing.reception.problem import dependency_failed, invalid, not_found
from homing.settings import GetMessageSettings
from lambdas.http_api import json_api, queried_sender, respond
from lambdas.observation import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response

app = json_api()


@cache
def _query() -> MessageQuery:
    return MessageQuery.connect(GetMessageSettings.from_env())


@app.get("/v1/messages/<message_id>")
def get_message(message_id: str) -> Response[str]:
    """Answer with every delivery of a message and its history, or 404."""
    message_id = unquote(message_id)
    sender_id = queried_sender(app.current_event)
    try:
        document = _query().find(message_id, sender_id, now=datetime.now(UTC))
    except DependencyError as error:
        logger.error("query.failed", messageId=message_id, senderId=sender_id, reason=str(error))
        return respond(dependency_failed())
    if document is None:
        return respond(not_found(message_id, sender_id))
    return respond(Answer(200, document))


@app.exception_handler(InvalidMessageError)  # type: ignore[untyped-decorator]  # Powertools' own gap
def refuse(error: InvalidMessageError) -> Response[str]:
    """Answer 403 to a question for another sender than the key's."""
    return respond(invalid(error))


@app.get("/v1/health")
def get_health() -> Response[str]:
    """Answer that the API is there; nothing behind it is looked at."""
    return respond(Answer(200, {"status": "ok"}))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)
