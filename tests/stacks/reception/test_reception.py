"""The IAM API and the delivery queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tuned import TUNED

from homing.api.routes import ROUTES
from homing.queues.visibility import seconds_until_over

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION, URL = "AWS::Lambda::Function", "AWS::Lambda::Url"
QUEUE, MAPPING = "AWS::SQS::Queue", "AWS::Lambda::EventSourceMapping"
DAY = 86_400


VIA = {"Reception/Api": ("AWS_IAM", "Reception"), "Senders/Api": ("CUSTOM", "Senders")}
ANSWERS = {
    "POST /v1/messages": "Reception/Accept",
    "POST /v1/messages/batch": "Reception/Accept",
    "GET /v1/messages/{messageId}": "Reception/GetMessage",
    "POST /v1/messages/{messageId}/redrive": "Reception/Redrive",
    "GET /v1/messages": "Reception/GetMessage",
    "GET /v1/endpoints/{endpointId}/deliveries": "Reception/GetMessage",
    "POST /v1/redrives": "Reception/Redrive",
    "GET /v1/redrives/{redriveId}": "Reception/Redrive",
    "DELETE /v1/redrives/{redriveId}": "Reception/Redrive",
    "GET /v1/health": "Reception/GetMessage",
    "GET /v1/endpoints": "Endpoints/Endpoints",
    "GET /v1/endpoints/{endpointId}": "Endpoints/Endpoints",
    "PUT /v1/endpoints/{endpointId}": "Endpoints/Endpoints",
    "PATCH /v1/endpoints/{endpointId}": "Endpoints/Endpoints",
    "DELETE /v1/endpoints/{endpointId}": "Endpoints/Endpoints",
    "POST /v1/endpoints/{endpointId}/rotate-secret": "Endpoints/Endpoints",
    "POST /v1/endpoints/{endpointId}/test": "Reception/Accept",
    "POST /v1/endpoints/match": "Endpoints/Endpoints",
}


def test_the_table_above_has_every_route() -> None:
    assert set(ANSWERS) == {route.key for route in ROUTES}


def routes(stack: Any, api: str) -> list[dict[str, Any]]:
    every = [route["Properties"] for route in stack.resources("AWS::ApiGatewayV2::Route").values()]
    return [route for route in every if stack.referred(route["ApiId"]) == api]


@pytest.mark.parametrize(("api", "kind"), [(api, kind) for api, (kind, _) in VIA.items()])
def test_every_route_but_health_asks_who_calls(stack: Any, api: str, kind: str) -> None:
    asked = {route["RouteKey"]: route["AuthorizationType"] for route in routes(stack, api)}
    assert asked == {**dict.fromkeys(ANSWERS, kind), "GET /v1/health": "NONE"}


@pytest.mark.parametrize("api", VIA)
def test_routes_lead_to_the_functions_that_answer_them(stack: Any, api: str) -> None:
    answers = {}
    for route in routes(stack, api):
        target = route["Target"]["Fn::Join"][1][1]["Ref"]
        integration = stack.template["Resources"][target]["Properties"]
        answers[route["RouteKey"]] = stack.referred(integration["IntegrationUri"])
        assert integration["PayloadFormatVersion"] == "2.0"
    assert answers == ANSWERS


def test_a_senders_key_is_asked_for_anew_within_a_minute(stack: Any) -> None:
    (authorizer,) = stack.resources("AWS::ApiGatewayV2::Authorizer").values()
    properties = authorizer["Properties"]
    assert properties["AuthorizerType"] == "REQUEST"
    assert properties["IdentitySource"] == ["$request.header.Authorization"]
    assert properties["EnableSimpleResponses"] is True
    assert properties["AuthorizerResultTtlInSeconds"] <= 60


@pytest.mark.parametrize("scope", [scope for _, scope in VIA.values()])
def test_the_api_is_throttled_and_logs_who_asked_but_no_content(stack: Any, scope: str) -> None:
    stage = stack.properties("AWS::ApiGatewayV2::Stage", f"{scope}/Stage")
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": 300,
        "ThrottlingBurstLimit": 600,
    }
    access_log = stage["AccessLogSettings"]
    assert stack.referred(access_log["DestinationArn"]) == f"{scope}/AccessLogs"
    fields = json.loads(access_log["Format"])
    assert {"requestId", "caller", "senderId", "keyId", "routeKey", "status"} <= set(fields)
    assert all(value.startswith("$context.") for value in fields.values())
    assert not {"$context.path", "$context.requestUri"} & set(fields.values())


def test_the_one_function_url_leads_to_accept_and_asks_who_calls(stack: Any) -> None:
    """No streamed responses, no CORS, and access only by the callers' own policies."""
    ((path, url),) = stack.resources(URL).items()
    properties = dict(url["Properties"])
    assert path == "Reception/Accept/FunctionUrl"
    assert stack.referred(properties.pop("TargetFunctionArn")) == "Reception/Accept"
    assert properties == {"AuthType": "AWS_IAM", "InvokeMode": "BUFFERED"}
    granted = [one["Properties"] for one in stack.resources("AWS::Lambda::Permission").values()]
    assert granted
    assert {grant["Action"] for grant in granted} == {"lambda:InvokeFunction"}
    callers: dict[str, set[str]] = {}
    for grant in granted:
        function = stack.referred(grant["FunctionName"])
        callers.setdefault(grant["Principal"], set()).add(function)
    assert callers["events.amazonaws.com"] == {"Watchdog/Watchdog"}
    assert callers["sns.amazonaws.com"] == {"Workflow/Deliver", "Workflow/Classify"}
    assert callers.keys() == {
        "apigateway.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com",
    }  # fmt: skip


def test_where_a_region_has_no_function_urls_all_comes_in_at_the_api(
    synthesize: Callable[..., Any],
) -> None:
    stack = synthesize(messagesUrl="false")
    assert not stack.resources(URL)
    assert "MessagesUrl" not in stack.template["Outputs"]
    assert "Alarms/MessagesUrlErrors" not in stack.resources("AWS::CloudWatch::Alarm")
    assert "UrlRequestCount" not in json.dumps(stack.resources("AWS::CloudWatch::Dashboard"))
    assert {route["RouteKey"] for route in routes(stack, "Reception/Api")} == set(ANSWERS)


@pytest.mark.parametrize(("given", "reserved"), [({}, None), (TUNED, 20)])
def test_what_is_taken_in_at_once_is_bounded_where_that_is_set(
    synthesize: Callable[..., Any], given: dict[str, str], reserved: int | None
) -> None:
    functions = synthesize(**given).resources(FUNCTION)
    bounds = {
        path: one["Properties"].get("ReservedConcurrentExecutions")
        for path, one in functions.items()
    }
    assert bounds.pop("Reception/Accept") == reserved
    assert set(bounds.values()) == {None}


def test_a_batch_is_not_handed_out_again_while_it_is_worked_on(stack: Any) -> None:
    """AWS recommends a visibility timeout of at least six times the function's timeout."""
    dispatch = stack.properties("AWS::Lambda::Function", "Reception/Dispatch")
    queue = stack.properties(QUEUE, "Reception/Deliveries")
    assert queue["VisibilityTimeout"] >= 6 * dispatch["Timeout"]


def test_the_queue_keeps_what_it_cannot_dispatch_as_long_as_sqs_can(stack: Any) -> None:
    queue = stack.properties(QUEUE, "Reception/Deliveries")
    assert queue["MessageRetentionPeriod"] == 14 * DAY
    redrive = queue["RedrivePolicy"]
    assert stack.referred(redrive["deadLetterTargetArn"]) == "Reception/Undispatched"
    assert redrive["maxReceiveCount"] == 5
    assert stack.properties(QUEUE, "Reception/Undispatched")["MessageRetentionPeriod"] == 14 * DAY


@pytest.mark.parametrize(("given", "concurrency"), [({}, 10), (TUNED, 2)])
def test_dispatch_takes_batches_of_ten_reports_failed_items_and_has_a_concurrency_limit(
    synthesize: Callable[..., Any], given: dict[str, str], concurrency: int
) -> None:
    stack = synthesize(**given)
    sources = [one["Properties"] for one in stack.resources(MAPPING).values()]
    # The stream of a table has one.
    mappings = [one for one in sources if "FilterCriteria" not in one]
    queues = {stack.referred(mapping["EventSourceArn"]) for mapping in mappings}
    assert queues == {"Reception/Deliveries", "Reception/Bulk"}
    for mapping in mappings:
        assert stack.referred(mapping["FunctionName"]) == "Reception/Dispatch"
        assert mapping["BatchSize"] == 10
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": concurrency}


def test_the_bulk_queue_is_as_the_delivery_queue_is(stack: Any) -> None:
    deliveries, bulk = (
        stack.properties(QUEUE, f"Reception/{name}") for name in ("Deliveries", "Bulk")
    )
    assert deliveries == bulk


def test_accept_answers_before_the_api_times_out(stack: Any) -> None:
    """An HTTP API waits for at most 30 seconds."""
    for path in ("Reception/Accept", "Reception/GetMessage"):
        assert stack.properties("AWS::Lambda::Function", path)["Timeout"] < 30


def test_equal_deliveries_are_dropped_and_none_waits_for_another(stack: Any) -> None:
    queue = stack.properties(QUEUE, "Reception/Deliveries")
    assert queue["FifoQueue"] is True
    assert queue["DeduplicationScope"] == "messageGroup"
    assert queue["FifoThroughputLimit"] == "perMessageGroupId"
    assert stack.properties(QUEUE, "Reception/Undispatched")["FifoQueue"] is True


@pytest.mark.parametrize("seconds", ["1", pytest.param("15", marks=pytest.mark.slow), "60"])
def test_dispatch_outlives_the_first_attempts_that_it_waits_for(
    synthesize: Callable[..., Any], seconds: str
) -> None:
    stack = synthesize(attemptTimeoutSeconds=seconds)
    dispatch = stack.properties("AWS::Lambda::Function", "Reception/Dispatch")
    waits = int(dispatch["Environment"]["Variables"]["FIRST_ATTEMPT_TIMEOUT_SECONDS"])
    deliver = stack.properties("AWS::Lambda::Function", "Workflow/Deliver")
    assert deliver["Timeout"] < waits < dispatch["Timeout"]
    assert waits < 300  # an Express execution lasts at most five minutes


@pytest.mark.parametrize("seconds", ["1", pytest.param("15", marks=pytest.mark.slow), "60"])
def test_a_message_that_is_detached_is_redelivered_when_its_execution_must_be_over_and_soon_enough(
    synthesize: Callable[..., Any], seconds: str
) -> None:
    """See docs/decisions/0055: with or without a postponed redelivery, before alarm `QueueAge`."""
    stack = synthesize(attemptTimeoutSeconds=seconds)
    (express,) = (
        json.loads(one["Properties"]["DefinitionString"])
        for one in stack.resources("AWS::StepFunctions::StateMachine").values()
        if one["Properties"]["StateMachineType"] == "EXPRESS"
    )
    dispatch = stack.properties("AWS::Lambda::Function", "Reception/Dispatch")
    queue = stack.properties(QUEUE, "Reception/Deliveries")
    variables = dispatch["Environment"]["Variables"]
    over_in = seconds_until_over(float(variables["FIRST_ATTEMPT_TIMEOUT_SECONDS"]))
    assert over_in > express["TimeoutSeconds"]
    assert queue["VisibilityTimeout"] > dispatch["Timeout"] + express["TimeoutSeconds"]
    age = stack.properties("AWS::CloudWatch::Alarm", "Alarms/QueueAge")["Threshold"]
    assert dispatch["Timeout"] + over_in < age
