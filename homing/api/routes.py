"""The routes of the HTTP API.

Routes are defined only here: `stacks.apis` gives each API these routes, the handlers in `lambdas`
serve them, and `homing_cli.openapi` describes them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the HTTP API.

    Args:
        operation_id: its name in the OpenAPI document.
        method: the HTTP method.
        path: the path, with its parameters in braces: `/v1/messages/{messageId}`.
        function: the module in `lambdas` that serves it.
        summary: what it does, in a few words.
        query: the query parameters that the route takes. Any other parameter is refused, unless the
            route can be called without credentials.
        is_open: whether the route can be called without credentials.
    """

    operation_id: str
    method: str
    path: str
    function: str
    summary: str
    query: tuple[str, ...] = ()
    is_open: bool = False

    @property
    def key(self) -> str:
        """Return the route as API Gateway writes it: `GET /v1/health`."""
        return f"{self.method} {self.path}"


_MESSAGE = "/v1/messages/{messageId}"
_ENDPOINT = "/v1/endpoints/{endpointId}"
_SENDER = ("senderId",)  # for routes whose body does not name the sender
_FILTER = (
    *("status", "targetUrl", "eventType", "category", "since", "before", "reason"),
    *("after", "limit", *_SENDER),
)

POST_MESSAGE = Route("postMessage", "POST", "/v1/messages", "accept", "Send a message")
POST_BATCH = Route("postBatch", "POST", "/v1/messages/batch", "accept", "Send several messages")
GET_MESSAGE = Route(
    "getMessage", "GET", _MESSAGE, "get_message", "Return the status of a message", _SENDER
)
LIST_DELIVERIES = Route(
    "listDeliveries",
    "GET",
    "/v1/messages",
    "get_message",
    "List waiting, failed and cancelled deliveries, the latest first",
    ("endpointId", *_FILTER),
)
LIST_OF_ENDPOINT = Route(
    "listDeliveriesOfEndpoint",
    "GET",
    f"{_ENDPOINT}/deliveries",
    "get_message",
    "List waiting, failed and cancelled deliveries to an endpoint",
    _FILTER,
)
REDRIVE_MESSAGE = Route(
    "redriveMessage",
    "POST",
    f"{_MESSAGE}/redrive",
    "redrive",
    "Redrive the failed deliveries of a message",
    _SENDER,
)
_REDRIVE = "/v1/redrives/{redriveId}"
POST_REDRIVE = Route(
    "postRedrive",
    "POST",
    "/v1/redrives",
    "redrive",
    "Redrive all failed deliveries that match a filter, or preview the redrive",
)
GET_REDRIVE = Route(
    "getRedrive", "GET", _REDRIVE, "redrive", "Return the progress of a bulk redrive", _SENDER
)
STOP_REDRIVE = Route("stopRedrive", "DELETE", _REDRIVE, "redrive", "Stop a bulk redrive", _SENDER)
# This route needs no credentials, since load balancers and monitors do not sign their requests.
GET_HEALTH = Route(
    "getHealth", "GET", "/v1/health", "get_message", "Check that the API responds", is_open=True
)
LIST_ENDPOINTS = Route(
    "listEndpoints",
    "GET",
    "/v1/endpoints",
    "endpoints",
    "List endpoints, ordered by id",
    ("after", "limit", *_SENDER),
)
GET_ENDPOINT = Route("getEndpoint", "GET", _ENDPOINT, "endpoints", "Return an endpoint", _SENDER)
PUT_ENDPOINT = Route(
    "putEndpoint", "PUT", _ENDPOINT, "endpoints", "Create or replace an endpoint", _SENDER
)
PATCH_ENDPOINT = Route(
    "patchEndpoint", "PATCH", _ENDPOINT, "endpoints", "Change fields of an endpoint", _SENDER
)
DELETE_ENDPOINT = Route(
    "deleteEndpoint", "DELETE", _ENDPOINT, "endpoints", "Delete an endpoint", _SENDER
)
ROTATE_SECRET = Route(
    "rotateSecret",
    "POST",
    f"{_ENDPOINT}/rotate-secret",
    "endpoints",
    "Give an endpoint a new signing secret",
    _SENDER,
)
MATCH_EVENT = Route(
    "matchEvent",
    "POST",
    "/v1/endpoints/match",
    "endpoints",
    "Return which endpoints would get an event, and why the others would not",
    _SENDER,
)
TEST_ENDPOINT = Route(
    "testEndpoint",
    "POST",
    f"{_ENDPOINT}/test",
    "accept",
    "Send a test message to an endpoint",
    _SENDER,
)

ROUTES = (
    POST_MESSAGE,
    POST_BATCH,
    GET_MESSAGE,
    LIST_DELIVERIES,
    LIST_OF_ENDPOINT,
    REDRIVE_MESSAGE,
    POST_REDRIVE,
    GET_REDRIVE,
    STOP_REDRIVE,
    GET_HEALTH,
    LIST_ENDPOINTS,
    GET_ENDPOINT,
    PUT_ENDPOINT,
    PATCH_ENDPOINT,
    DELETE_ENDPOINT,
    ROTATE_SECRET,
    MATCH_EVENT,
    TEST_ENDPOINT,
)
