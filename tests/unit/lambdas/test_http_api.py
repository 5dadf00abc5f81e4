"""What is true of every route of the API, for any request."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from in_process_api import Api, in_process_api

from homing.api import routes
from homing_cli.openapi.models import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGE = {"targetUrl": "https://example.com/hooks", "payload": 1}
LONG = "e" * 1_500
ROUTES = [
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/batch"),
    ("GET", "/v1/messages/m"),
    ("GET", "/v1/messages"),
    ("GET", "/v1/endpoints/e/deliveries"),
    ("POST", "/v1/messages/m/redrive"),
    ("POST", "/v1/redrives"),
    ("GET", "/v1/redrives/r"),
    ("DELETE", "/v1/redrives/r"),
    ("GET", "/v1/endpoints"),
    ("GET", "/v1/endpoints/e"),
    ("PUT", "/v1/endpoints/e"),
    ("PATCH", "/v1/endpoints/e"),
    ("DELETE", "/v1/endpoints/e"),
    ("POST", "/v1/endpoints/e/rotate-secret"),
    ("POST", "/v1/endpoints/match"),
    ("POST", "/v1/endpoints/e/test"),
]
IN_THE_BODY = (
    "/v1/messages",
    "/v1/messages/batch",
    "/v1/redrives",
)  # the routes at which the body names the sender
BODIES: dict[str, Any] = {
    "/v1/messages": MESSAGE,
    "/v1/messages/batch": {"messages": [MESSAGE]},
    "/v1/endpoints/e": {"url": "https://example.com/hooks"},
    "/v1/endpoints/e/rotate-secret": {},
    "/v1/redrives": {"filter": {}},
    "/v1/endpoints/match": {"eventType": "order.paid", "payload": {}},
}


@pytest.fixture(scope="module")
def apis() -> Iterator[Callable[[str | None], Api]]:
    with in_process_api() as made:
        yield made


@pytest.fixture
def iam(apis: Callable[[str | None], Api]) -> Api:
    return apis(None)


def refused(
    api: Api, method: str, target: str, body: bytes = b"", **headers: str
) -> tuple[int, Any]:
    answer = api.ask(method, target, body, {"Content-Type": "application/json", **headers})
    assert answer.headers["Content-Type"] == "application/problem+json", answer
    problem = Problem.model_validate(answer.document, extra="forbid")
    assert problem.status == answer.status
    return answer.status, [each.field for each in problem.errors or []]


def test_every_route_that_needs_credentials_is_tried_here() -> None:
    closed = [route for route in routes.ROUTES if not route.is_open]
    paths = [each.path.format(messageId="m", endpointId="e", redriveId="r") for each in closed]
    assert [(each.method, path) for each, path in zip(closed, paths, strict=True)] == ROUTES


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_unknown_query_parameter_is_an_error_at_every_route(
    iam: Api, method: str, path: str
) -> None:
    body = json.dumps(BODIES.get(path, {})).encode() if method in {"POST", "PUT", "PATCH"} else b""
    assert refused(iam, method, f"{path}?sender=shop", body) == (400, ["sender"])


@pytest.mark.parametrize(
    ("method", "path"), [route for route in ROUTES if route[1] not in IN_THE_BODY]
)
@pytest.mark.parametrize("sender_id", ["", "a%23b", "x" * 3_000, "a&senderId=b"])
def test_what_cannot_be_a_sender_is_an_error_at_every_route_that_asks_for_one(
    iam: Api, method: str, path: str, sender_id: str
) -> None:
    assert refused(iam, method, f"{path}?senderId={sender_id}") == (400, ["senderId"])


def test_a_request_may_be_signed_in_its_query(iam: Api) -> None:
    signed = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=abc"
    assert iam.ask("GET", f"/v1/endpoints?{signed}").status == 200


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", f"/v1/endpoints?limit={'9' * 4_400}", (400, ["limit"])),
        ("GET", "/v1/endpoints?limit=%D9%A3", (400, ["limit"])),  # an Arabic 3
        ("GET", f"/v1/endpoints?after={LONG}", (400, ["after"])),
        ("GET", f"/v1/endpoints/{LONG}", (404, ["endpointId"])),
        ("PUT", f"/v1/endpoints/{LONG}", (400, ["endpointId"])),
        ("PATCH", f"/v1/endpoints/{LONG}", (404, ["endpointId"])),
        ("DELETE", f"/v1/endpoints/{LONG}", (404, ["endpointId"])),
        ("POST", f"/v1/endpoints/{LONG}/rotate-secret", (404, ["endpointId"])),
        ("POST", f"/v1/endpoints/{LONG}/test", (404, ["endpointId"])),
        ("GET", f"/v1/messages/{LONG}", (404, [])),
        ("GET", "/v1/messages/%22", (404, [])),
        ("GET", "/v1/messages/%FF%00", (404, [])),
        ("POST", "/v1/messages/%60/redrive", (404, [])),
        ("GET", "/v1/endpoints/%5C", (404, [])),
    ],
)
def test_what_is_beyond_all_bounds_is_a_mistake_of_the_caller(
    iam: Api, method: str, target: str, expected: Any
) -> None:
    assert refused(iam, method, target) == expected


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/messages", "payload"),
        ("PUT", "/v1/endpoints/e", "description"),
        ("PATCH", "/v1/endpoints/e", "description"),
        ("POST", "/v1/endpoints/e/rotate-secret", "secret"),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream"])
@pytest.mark.parametrize("broken", [b"\xff", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80"])
def test_a_body_that_is_not_utf_8_is_refused_whichever_way_it_comes_in(
    iam: Api, method: str, path: str, name: str, content_type: str, broken: bytes
) -> None:
    given = json.dumps(BODIES[path] | {name: "?"}).encode().replace(b"?", broken)
    assert refused(iam, method, path, given, **{"Content-Type": content_type}) == (400, ["body"])


def test_u_fffd_itself_is_taken_where_it_cannot_stand_for_anything_else(iam: Api) -> None:
    """It is accepted as an escape, and in a body whose bytes are not decoded before."""
    escaped = json.dumps(MESSAGE | {"payload": "\ufffd"}).encode()
    literal = json.dumps(MESSAGE | {"payload": "\ufffd"}, ensure_ascii=False).encode()
    assert iam.ask("POST", "/v1/messages", escaped).status == 202
    binary = {"Content-Type": "application/octet-stream"}
    assert iam.ask("POST", "/v1/messages", literal, binary).status == 202
    assert refused(iam, "POST", "/v1/messages", literal) == (400, ["body"])


@pytest.mark.parametrize("number", ["3.0", "3", "0.3e1", "30e-1"])
def test_a_whole_number_is_whole_however_it_is_written(iam: Api, number: str) -> None:
    policy = f'{{"url": "https://example.com/", "policy": {{"maxAttempts": {number}}}}}'
    changed = f'{{"attemptsAtOnce": {number}}}'
    grace = f'{{"graceSeconds": {number}}}'
    assert iam.ask("PUT", "/v1/endpoints/whole", policy.encode()).status in {200, 201}
    answer = iam.ask("PATCH", "/v1/endpoints/whole", changed.encode())
    assert json.dumps(answer.document["attemptsAtOnce"]) == "3"
    assert iam.ask("POST", "/v1/endpoints/whole/rotate-secret", grace.encode()).status == 200
    message = json.dumps(MESSAGE)[:-1] + f', "policy": {{"maxAttempts": {number}}}}}'
    assert iam.ask("POST", "/v1/messages", message.encode()).status == 202


@pytest.mark.parametrize("number", ["3.5", "true", '"3"', "1e999", f"{'9' * 5_000}", "null"])
def test_what_is_no_whole_number_is_none(iam: Api, number: str) -> None:
    message = json.dumps(MESSAGE)[:-1] + f', "policy": {{"maxAttempts": {number}}}}}'
    assert refused(iam, "POST", "/v1/messages", message.encode()) == (400, ["policy.maxAttempts"])


@pytest.mark.parametrize(
    "host",
    [
        "abc123.execute-api.us-east-1.amazonaws.com",
        "ABC123.execute-api.eu-west-1.api.aws.",
        "def456.lambda-url.us-east-1.on.aws",
        "hooks.homing.example",
    ],
)
def test_no_message_or_endpoint_may_name_an_api_of_the_stack_itself(iam: Api, host: str) -> None:
    url = f"https://{host}/v1/messages"
    at_home = replace(iam, host=host.lower().removesuffix("."))
    message = json.dumps(MESSAGE | {"targetUrl": url}).encode()
    assert refused(at_home, "POST", "/v1/messages", message) == (400, ["targetUrl"])
    if host.lower().startswith("abc123."):  # the same on every way in
        assert refused(iam, "POST", "/v1/messages", message) == (400, ["targetUrl"])
        body = json.dumps({"url": url}).encode()
        assert refused(iam, "PUT", "/v1/endpoints/e", body) == (400, ["url"])


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] == "POST"])
def test_a_delivery_is_not_taken_for_a_request(iam: Api, method: str, path: str) -> None:
    body = json.dumps(BODIES.get(path, {})).encode()
    marked = {"Webhook-Id": "order-1841"}
    assert refused(iam, method, path, body, **marked) == (400, ["webhook-id"])
