"""docs/api.md agrees with the code."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from homing import http_fields, identifiers
from homing.api import batch, endpoint_request
from homing.api.batch import split_batch
from homing.api.delivery_request import read_bulk_redrive
from homing.api.endpoint_request import EndpointRequest, read_endpoint
from homing.api.problem import invalid
from homing.errors import InvalidMessageError
from homing.reception import idempotency, message, payload, raw_json, request_model
from homing.reception.recipients import no_subscribers
from homing.retry import lifetime, policy
from homing.retry.classification import Status
from homing.retry.policy import Policy
from homing.targets import address_guard, target_url
from homing.targets.address_guard import AddressGuard
from homing_cli.openapi.models import (
    AcceptedMessage,
    Attempt,
    BatchResults,
    Delivery,
    DeliveryList,
    HistorySummary,
    MessageState,
    NewEndpoint,
    Problem,
    Redrive,
    RedrivePreview,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
REQUESTS, ANSWERS = EXAMPLES[:2], [*EXAMPLES[2:4], EXAMPLES[6]]
BATCH, BATCH_ANSWER = EXAMPLES[4:6]
LIST_ANSWER, BULK_REDRIVE, PREVIEW = EXAMPLES[7:10]
ENDPOINT, ENDPOINT_ANSWER = EXAMPLES[10:]


def test_the_examples_of_lists_and_bulk_redrives_are_what_the_api_takes_and_gives() -> None:
    DeliveryList.model_validate_json(LIST_ANSWER, extra="forbid")
    RedrivePreview.model_validate_json(PREVIEW, extra="forbid")
    request = read_bulk_redrive(BULK_REDRIVE)
    assert request.filter.endpoint_id == "crm"
    assert request.rate_per_second == 10


def parse(body: str) -> message.Message:
    return message.parse_message(
        body,
        now=datetime(2025, 12, 28, 12, tzinfo=UTC),
        rules=message.Rules(
            default_policy=Policy(),
            retention=timedelta(days=30),
            guard=AddressGuard().refusing(["abc123.execute-api."]),
            new_id=lambda: "msg_new",
        ),
        find_subscribers=no_subscribers,
    )


@pytest.mark.parametrize("body", REQUESTS)
def test_the_requests_on_the_page_are_accepted(body: str) -> None:
    assert parse(body).deliveries()


def test_the_problem_on_the_page_is_what_is_answered() -> None:
    body = '{"targetUrl": "https://example.com/", "payload": 1, "policy": {"maxAttempts": 21}}'
    with pytest.raises(InvalidMessageError) as caught:
        parse(body)
    assert invalid(caught.value).document == json.loads(ANSWERS[1])


def test_the_batch_on_the_page_is_answered_as_it_says() -> None:
    BatchResults.model_validate_json(BATCH_ANSWER, extra="forbid")
    accepted, refused = json.loads(BATCH_ANSWER)["results"]
    first, second = split_batch(BATCH)
    assert json.loads(first)["messageId"] == accepted["message"]["messageId"]
    with pytest.raises(InvalidMessageError) as caught:
        parse(second)
    assert invalid(caught.value).document == refused["problem"]


def test_the_fullest_request_on_the_page_has_every_field_but_target_url() -> None:
    fields = {str(field.alias) for field in request_model.MessageRequest.model_fields.values()}
    other_ways = {"targetUrl", "endpointId", "endpointIds"}
    assert json.loads(REQUESTS[1]).keys() == fields - other_ways
    for name in fields:
        assert f"`{name}`" in PAGE


def test_the_endpoint_on_the_page_can_be_set_up_and_has_every_field() -> None:
    change = read_endpoint(EndpointRequest, ENDPOINT, AddressGuard(), Policy())
    fields = EndpointRequest.model_fields
    assert asdict(change).keys() == fields.keys()
    assert None not in asdict(change).values()
    for field in fields.values():
        assert f"| `{field.alias}` |" in PAGE


def test_the_endpoint_answered_on_the_page_is_of_the_documented_form() -> None:
    NewEndpoint.model_validate_json(ENDPOINT_ANSWER, extra="forbid")


@pytest.mark.parametrize(
    ("body", "model"), list(zip(ANSWERS, [AcceptedMessage, Problem, MessageState], strict=True))
)
def test_the_answers_on_the_page_are_of_the_documented_form(body: str, model: type) -> None:
    model.model_validate_json(body, extra="forbid")


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("payload, as it is sent", payload.MAX_PAYLOAD_BYTES),
        ("request", message.MAX_BODY_BYTES),
        ("nesting", raw_json.MAX_DEPTH),
        ("values in a request", raw_json.MAX_VALUES),
        ("messages in a batch", batch.MAX_MESSAGES),
        ("fields of a request", raw_json.MAX_MEMBERS),
        ("any field but the payload", raw_json.MAX_FIELD_LENGTH),
        ("`targets`", request_model.MAX_TARGETS),
        ("a target URL", target_url.MAX_URL_LENGTH),
        ("`messageId`, `senderId`, `correlationId`", identifiers.LIMIT),
        ("`headers`", http_fields.MAX_HEADERS),
        ("`headers`", http_fields.MAX_HEADERS_BYTES),
        ("`contentType`", http_fields.MAX_CONTENT_TYPE_LENGTH),
        ("`maxAttempts`", policy.MAX_ATTEMPTS_LIMIT),
        ("`schedule`", policy.MAX_ATTEMPTS_LIMIT),
        ("a delay", policy.MAX_DELAY_LIMIT_SECONDS),
        ("`multiplier`", request_model.MAX_MULTIPLIER),
        ("`deliverAt`", lifetime.YEAR.days),
        ("`deliverAt`", idempotency.CLOCK_SKEW.seconds),
        ("a request about an endpoint", endpoint_request.MAX_BODY_BYTES),
    ],
)
def test_the_limits_on_the_page_are_those_of_the_code(what: str, limit: int) -> None:
    table = PAGE.split("### Limits")[1].split("### Answers")[0]
    (row,) = [line for line in table.splitlines() if line.startswith(f"| {what}")]
    assert str(limit) in re.findall(r"\d+", row.rsplit("|", maxsplit=2)[1])


def refusals() -> list[tuple[str, str]]:
    """Each sentence in the table of refused targets, with each of its examples."""
    section = PAGE.split("### A target that is refused")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z][^`]+)` \| ([^|]+) \|", section, re.MULTILINE)
    return [(said, url) for said, urls in rows for url in re.findall(r"`([^`]+)`", urls)]


@pytest.mark.parametrize(("said", "url"), refusals())
def test_a_target_is_refused_in_the_words_on_the_page(said: str, url: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        parse(json.dumps({"targetUrl": url, "payload": 1}))
    (error,) = caught.value.errors
    assert error.field == "targetUrl"
    assert error.message.startswith(said)


def test_every_refusal_of_the_guard_that_a_setting_can_lift_is_on_the_page() -> None:
    source = Path(address_guard.__file__).read_text(encoding="utf-8")
    sentences = re.findall(r'Refusal\(.*?, f?"([a-z ]+)', source)
    said = {said for said, _ in refusals()}
    assert len(sentences) == 4
    for sentence in sentences:
        assert any(one.startswith(sentence.strip()) for one in said | {"names no valid host"})


def test_every_kind_of_problem_is_on_the_page() -> None:
    source = (Path(__file__).parents[3] / "homing" / "api" / "problem.py").read_text(
        encoding="utf-8"
    )
    kinds = re.findall(r'\("([a-z-]+)", "', source)
    assert len(kinds) == 14
    for kind in kinds:
        assert f"`{kind}`" in PAGE


def test_every_status_of_a_delivery_is_on_the_page_with_whether_it_is_over() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (yes|no) \|", PAGE, re.MULTILINE))
    assert rows.keys() == set(Status)
    assert {name for name, over in rows.items() if over == "no"} == {"QUEUED", "RETRY_SCHEDULED"}


@pytest.mark.parametrize("model", [Delivery, Attempt, Redrive, HistorySummary])
def test_every_member_of_a_delivery_is_explained_on_the_page(model: type[BaseModel]) -> None:
    explained = PAGE.split("A delivery has these members")[1].split("## POST")[0]
    for field in model.model_fields.values():
        assert f"`{field.alias}`" in explained
