"""Trigger `get_message`: return the status of a message, `GET /v1/messages/{messageId}`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from homing import deadline
from homing.reception.answer import Answer
from homing.reception.message_query import MessageQuery
from homing.reception.problem import not_found
from homing.reception.routes import GET_HEALTH, GET_MESSAGE
from homing.settings import GetMessageSettings
from lambdas.http_api import json_api, queried_sender, respond, serve
from lambdas.initialization import initialize
from lambdas.observation import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response

app = json_api(partial(logger.error, "query.failed"))


@cache
def _query() -> MessageQuery:
    return MessageQuery.connect(GetMessageSettings.from_env())


@serve(app, GET_MESSAGE)
def get_message(message_id: str) -> Response[str]:
    """Return every delivery of a message with its history, or 404."""
    message_id = unquote(message_id)
    sender_id = queried_sender(app.current_event, GET_MESSAGE)
    app.context.update(messageId=message_id, senderId=sender_id)
    document = _query().find(message_id, sender_id, now=datetime.now(UTC))
    if document is None:
        return respond(not_found(message_id, sender_id))
    return respond(Answer(200, document))


@serve(app, GET_HEALTH)
def get_health() -> Response[str]:
    """Return 200 without reading a table."""
    return respond(Answer(200, {"status": "ok"}))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the response to a request of an HTTP API (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)


initialize(_query)
