"""The function `get_message`: it returns the status of a message, and lists of deliveries."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from homing import deadline
from homing.api.answer import Answer
from homing.api.delivery_request import list_document, read_list_request
from homing.api.message_query import MessageQuery
from homing.api.problem import not_found
from homing.api.routes import GET_HEALTH, GET_MESSAGE, LIST_DELIVERIES, LIST_OF_ENDPOINT
from homing.aws import client
from homing.ledger.delivery_index import DeliveryIndex
from homing.settings import GetMessageSettings
from lambdas.http_api import (
    json_api,
    named_endpoint,
    queried_sender,
    query,
    respond,
    serve,
)
from lambdas.initialization import initialize
from lambdas.observation import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response

    from homing.api.routes import Route

app = json_api(partial(logger.error, "query.failed"))


@cache
def _query() -> MessageQuery:
    return MessageQuery.connect(GetMessageSettings.from_env())


@cache
def _index() -> DeliveryIndex:
    dynamodb = client("dynamodb", read_seconds=2, tries=3)
    return DeliveryIndex(GetMessageSettings.from_env().ledger_table, dynamodb)


@serve(app, GET_MESSAGE)
def get_message(message_id: str) -> Response[str]:
    """Return every delivery of a message with its attempts; 404 if there is no such message."""
    message_id = unquote(message_id)
    sender_id = queried_sender(app.current_event, GET_MESSAGE)
    app.context.update(messageId=message_id, senderId=sender_id)
    document = _query().find(message_id, sender_id, now=datetime.now(UTC))
    if document is None:
        return respond(not_found(message_id, sender_id))
    return respond(Answer(200, document))


@serve(app, LIST_DELIVERIES)
def list_deliveries() -> Response[str]:
    """Return a page of a sender's deliveries."""
    return _list(LIST_DELIVERIES)


@serve(app, LIST_OF_ENDPOINT)
def list_of_endpoint(endpoint_id: str) -> Response[str]:
    """Return a page of the deliveries to an endpoint, even if the endpoint has been deleted."""
    return _list(LIST_OF_ENDPOINT, named_endpoint(endpoint_id))


def _list(route: Route, endpoint_id: str | None = None) -> Response[str]:
    sender_id = queried_sender(app.current_event, route)
    app.context.update(senderId=sender_id)
    given = query(app.current_event, route)
    wanted, after, limit = read_list_request(given, sender_id, endpoint_id)
    page = _index().page(wanted, after=after, limit=limit, now=datetime.now(UTC))
    return respond(Answer(200, list_document(page)))


@serve(app, GET_HEALTH)
def get_health() -> Response[str]:
    """Return 200 without reading a table."""
    return respond(Answer(200, {"status": "ok"}))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the response to a request of an HTTP API (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)


initialize(_query, _index)
