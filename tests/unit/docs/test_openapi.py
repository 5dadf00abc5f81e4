"""The OpenAPI document of the HTTP API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from homing.api.routes import ROUTES
from homing.reception.request_model import MAX_TARGETS, MessageRequest, PolicyRequest
from homing_cli.openapi.document import PATH, openapi_document, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

DOCUMENT = openapi_document()
SCHEMAS = DOCUMENT["components"]["schemas"]


def references(node: Any) -> Iterator[str]:
    match node:
        case {"$ref": str(target)}:
            yield target
        case dict():
            for inner in node.values():
                yield from references(inner)
        case list():
            for inner in node:
                yield from references(inner)


def test_the_document_in_docs_is_what_the_code_says() -> None:
    assert PATH.read_text(encoding="utf-8") == text(), "run: python -m homing_cli.openapi.document"


def test_every_route_is_described() -> None:
    described = {
        (method.upper(), path, operation["operationId"])
        for path, operations in DOCUMENT["paths"].items()
        for method, operation in operations.items()
    }
    assert described == {(each.method, each.path, each.operation_id) for each in ROUTES}
    assert len({each.operation_id for each in ROUTES}) == len(ROUTES)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert found == {f"#/components/schemas/{name}" for name in SCHEMAS}


@pytest.mark.parametrize("model", [MessageRequest, PolicyRequest])
def test_every_field_of_a_request_is_explained_and_unknown_ones_are_excluded(
    model: type[BaseModel],
) -> None:
    schema = SCHEMAS[model.__name__]
    assert schema["additionalProperties"] is False
    for name, field in schema["properties"].items():
        assert field["description"], name


def test_limits_that_only_the_code_checks_are_in_the_document_too() -> None:
    message = SCHEMAS["MessageRequest"]["properties"]
    assert message["targetUrl"]["maxLength"] == 999
    assert message["targets"]["maxItems"] == MAX_TARGETS
    assert message["messageId"]["pattern"] == r"^[A-Za-z0-9_:\-]{1,128}$"
    assert message["headers"]["maxProperties"] == 32
    policy = SCHEMAS["PolicyRequest"]["properties"]
    assert policy["preset"]["enum"] == ["standard-webhooks"]
    assert (policy["maxAttempts"]["minimum"], policy["maxAttempts"]["maximum"]) == (1, 20)


def test_only_health_is_open_to_everyone() -> None:
    operations = [each for path in DOCUMENT["paths"].values() for each in path.values()]
    open_ones = [each["operationId"] for each in operations if each.get("security") == []]
    assert DOCUMENT["security"]
    assert open_ones == ["getHealth"]


def test_every_operation_says_what_reception_answers_too_many_and_all_but_health_strangers() -> (
    None
):
    said = {
        operation["operationId"]: operation["responses"].keys() & {"401", "403", "429"}
        for path in DOCUMENT["paths"].values()
        for operation in path.values()
    }
    assert said.pop("getHealth") == {"429"}
    assert all(each == {"401", "403", "429"} for each in said.values()), said


def test_every_status_has_a_schema_and_errors_are_problem_documents() -> None:
    """Responses from the gateway itself are exempt."""
    answer, problem = "application/json", "application/problem+json"
    from_gateway = {"401": {answer}, "403": {problem, answer}, "429": {answer}}
    # Homing also responds with 429, if the rate of the sender is exceeded.
    of_both = {"postMessage": {"429": {problem, answer}}}
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            from_outside = from_gateway | of_both.get(operation["operationId"], {})
            for status, response in operation["responses"].items():
                own = {problem if status >= "4" else answer}
                assert set(response["content"]) == from_outside.get(status, own)


def test_no_parameter_or_field_has_a_default_that_depends_on_the_credentials() -> None:
    operations = [each for path in DOCUMENT["paths"].values() for each in path.values()]
    parameters = [each for one in operations for each in one.get("parameters", [])]
    senders = [each["schema"] for each in parameters if each["name"] == "senderId"]
    # Messages, single or in a batch, and bulk redrives name their sender in the body.
    assert len(senders) == len(operations) - 4
    for schema in (*senders, SCHEMAS["MessageRequest"]["properties"]["senderId"]):
        assert "default" not in schema


def test_a_message_is_one_model() -> None:
    """If it were a `oneOf`, generators of clients would make a model of each member."""
    assert not {"oneOf", "anyOf", "allOf"} & SCHEMAS["MessageRequest"].keys()


def test_a_request_about_an_endpoint_that_has_a_body_may_be_too_large() -> None:
    of_endpoints = [
        each
        for path, operations in DOCUMENT["paths"].items()
        if path.startswith("/v1/endpoints")
        for each in operations.values()
    ]
    refusing = {each["operationId"] for each in of_endpoints if "413" in each["responses"]}
    assert refusing == {each["operationId"] for each in of_endpoints if "requestBody" in each}
    assert refusing == {"putEndpoint", "patchEndpoint", "rotateSecret", "matchEvent"}


def test_only_a_rotation_may_come_without_the_body_that_it_can_have() -> None:
    operations = [each for path in DOCUMENT["paths"].values() for each in path.values()]
    optional = [
        each["operationId"]
        for each in operations
        if not each.get("requestBody", {"required": True})["required"]
    ]
    assert optional == ["rotateSecret"]


def test_the_document_is_plain_json() -> None:
    assert json.loads(text()) == DOCUMENT
