"""The ingest queue: it exists only if the settings ask for it, and only its senders may use it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from homing.settings import AcceptSettings, IngestSettings
from homing_cli.cost.assumptions import load_assumptions
from simulation.deployment import Deployment
from simulation.engine.clock import SECOND
from stacks.settings import InvalidSettingsError, StackSettings
from stacks.settings.ingest import sender_rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Synthesized

FUNCTION, QUEUE, ALARM = "AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::CloudWatch::Alarm"
MAPPING, POLICY = "AWS::Lambda::EventSourceMapping", "AWS::SQS::QueuePolicy"
INGEST, MAIN, UNACCEPTED = "Ingest/Ingest", "Ingest/Queue", "Ingest/Unaccepted"
DAY = 86_400


@pytest.fixture(scope="module")
def ingesting(synthesize: Callable[..., Synthesized]) -> Synthesized:
    return synthesize(ingestQueue="true")


def environment(stack: Any, path: str) -> dict[str, Any]:
    variables: dict[str, Any] = stack.properties(FUNCTION, path)["Environment"]["Variables"]
    return variables


def allowed(stack: Any, role: str) -> set[tuple[str, str]]:
    """The (action, resource) pairs that a role is allowed, without those on any resource."""
    statements = [
        statement
        for policy in stack.resources("AWS::IAM::Policy").values()
        if role in [stack.referred(one) for one in policy["Properties"]["Roles"]]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    return {
        (action, stack.referred(resource))
        for statement in statements
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if resource != "*"
    }


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def senders(stack: Any, path: str = INGEST) -> dict[str, str]:
    found: dict[str, str] = json.loads(stack.referred(environment(stack, path)["SENDERS"]))
    return found


def sources(stack: Any, queue: str) -> set[tuple[str, str]]:
    """Return which services may send to a queue, and under which condition."""
    policy = stack.properties(POLICY, f"{queue}/Policy")["PolicyDocument"]["Statement"]
    allowed = [one for one in policy if one["Effect"] == "Allow"]
    actions = {action for one in allowed for action in listed(one["Action"])}
    assert actions <= {"sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"}
    assert {stack.referred(one["Resource"]) for one in allowed} <= {queue}
    return {
        (one["Principal"]["Service"], stack.referred(value))
        for one in allowed
        for condition in one["Condition"].values()
        for name, value in condition.items()
        if name == "aws:SourceArn"
    }


def test_the_simulation_reckons_with_its_figures(ingesting: Synthesized) -> None:
    figures = Deployment()
    queue = ingesting.properties(QUEUE, MAIN)
    assert queue["VisibilityTimeout"] * SECOND == figures.ingest_visibility_timeout
    assert queue["RedrivePolicy"]["maxReceiveCount"] == figures.ingest_max_receive_count
    assert ingesting.properties(FUNCTION, INGEST)["Timeout"] * SECOND == figures.ingest_timeout


def test_nothing_of_it_is_there_unless_it_is_asked_for(stack: Any) -> None:
    assert not [
        path for path in map(stack.path_of, stack.template["Resources"]) if "Ingest" in path
    ]
    assert not {"IngestQueueUrl", "UnacceptedQueueUrl"} & set(stack.template["Outputs"])


def test_it_adds_a_function_two_queues_and_nothing_to_what_was_there(
    stack: Any, ingesting: Any
) -> None:
    def kinds(of: Any) -> Counter[str]:
        return Counter(one["Type"] for one in of.template["Resources"].values())

    assert kinds(ingesting) - kinds(stack) == Counter(
        {
            QUEUE: 2,
            POLICY: 2,
            FUNCTION: 1,
            MAPPING: 1,
            "AWS::IAM::Role": 1,
            "AWS::IAM::Policy": 1,
            "AWS::Logs::LogGroup": 1,
            ALARM: 5,
        }
    )
    assert set(ingesting.template["Outputs"]) - set(stack.template["Outputs"]) == {
        "IngestQueueUrl",
        "UnacceptedQueueUrl",
    }


def test_the_function_has_exactly_the_environment_that_its_handler_reads(ingesting: Any) -> None:
    variables = environment(ingesting, INGEST)
    given = {name for name in variables if not name.startswith("POWERTOOLS_")}
    assert given == set(IngestSettings.variables())
    assert ingesting.properties(FUNCTION, INGEST)["Handler"] == "lambdas.ingest.handler"
    accept = environment(ingesting, "Reception/Accept")
    shared = set(AcceptSettings.variables()) - {"OWN_HOSTS"}
    assert {name: variables[name] for name in shared} == {name: accept[name] for name in shared}
    assert variables["OWN_HOSTS"] == environment(ingesting, "Workflow/Deliver")["OWN_HOSTS"]
    assert ingesting.referred(variables["UNACCEPTED_QUEUE_URL"]) == UNACCEPTED


def test_the_function_may_accept_set_aside_and_read_its_queue_and_nothing_else(
    ingesting: Any,
) -> None:
    reads = ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl")
    assert allowed(ingesting, f"{INGEST}Role") == {
        ("sns:Publish", "Reception/WarmUp/Topic"),
        ("dynamodb:PutItem", "Ledger/Messages"),
        ("dynamodb:GetItem", "Ledger/Messages"),
        ("dynamodb:Query", "Ledger/Deliveries"),
        ("dynamodb:BatchGetItem", "Registry/Endpoints"),
        ("dynamodb:Query", "Registry/Endpoints"),
        ("dynamodb:GetItem", "Registry/Endpoints"),
        ("dynamodb:GetItem", "Ledger/Deliveries"),
        ("dynamodb:GetItem", "Ledger/Lines"),
        ("dynamodb:UpdateItem", "Ledger/Lines"),
        *((f"dynamodb:{action}Item", "Ledger/Places") for action in ("Put", "Delete")),
        ("dynamodb:Query", "Ledger/Places"),
        ("s3:PutObject", "Workflow/Payloads/Bucket/*"),
        ("sqs:SendMessage", "Reception/Deliveries"),
        ("sqs:GetQueueAttributes", "Reception/Deliveries"),
        ("sqs:SendMessage", "Reception/Bulk"),
        ("sqs:SendMessage", UNACCEPTED),
        *((f"sqs:{action}", MAIN) for action in (*reads, "ReceiveMessage")),
        ("logs:CreateLogStream", f"{INGEST}Logs"),
        ("logs:PutLogEvents", f"{INGEST}Logs"),
    }


def test_a_message_comes_again_until_an_outage_of_two_hours_is_over(ingesting: Any) -> None:
    queue, function = ingesting.properties(QUEUE, MAIN), ingesting.properties(FUNCTION, INGEST)
    assert "FifoQueue" not in queue
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert queue["MessageRetentionPeriod"] == 14 * DAY
    redrive = queue["RedrivePolicy"]
    assert ingesting.referred(redrive["deadLetterTargetArn"]) == UNACCEPTED
    assert queue["VisibilityTimeout"] * redrive["maxReceiveCount"] > 2 * 3600
    assert ingesting.properties(QUEUE, UNACCEPTED)["MessageRetentionPeriod"] == 14 * DAY


def test_the_function_takes_queues_with_the_usual_visibility_timeout(ingesting: Any) -> None:
    """Lambda refuses a queue whose messages may become visible again before the function ends."""
    assert ingesting.properties(FUNCTION, INGEST)["Timeout"] <= 30


@pytest.mark.parametrize(("given", "concurrency"), [({}, 10), ({"ingestConcurrency": "2"}, 2)])
def test_batches_of_ten_report_failed_items_and_have_a_concurrency_limit(
    synthesize: Callable[..., Any], given: dict[str, str], concurrency: int
) -> None:
    stack = synthesize(ingestQueue="true", **given)
    (mapping,) = (
        one["Properties"]
        for one in stack.resources(MAPPING).values()
        if stack.referred(one["Properties"]["FunctionName"]) == INGEST
    )
    assert stack.referred(mapping["EventSourceArn"]) == MAIN
    assert mapping["BatchSize"] == 10
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": concurrency}


@pytest.mark.parametrize(
    ("given", "sender"),
    [({}, ""), ({"ingestSender": "shop"}, "shop"), ({"ingestSender": "$.detail.t"}, "$.detail.t")],
)
def test_the_sender_is_that_of_the_settings_and_the_queue_stays_the_same(
    synthesize: Callable[..., Any], given: dict[str, str], sender: str
) -> None:
    assert senders(synthesize(ingestQueue="true", **given)) == {MAIN: sender}


def test_rules_and_topics_of_the_account_may_write_to_it_and_no_plain_http(ingesting: Any) -> None:
    place = "{'Ref': 'AWS::Region'}:{'Ref': 'AWS::AccountId'}"
    partition = "arn:{'Ref': 'AWS::Partition'}"
    assert sources(ingesting, MAIN) == {
        ("events.amazonaws.com", f"{partition}:events:{place}:rule/*"),
        ("sns.amazonaws.com", f"{partition}:sns:{place}:*"),
    }
    assert sources(ingesting, UNACCEPTED) == set()
    for queue in (MAIN, UNACCEPTED):
        assert ingesting.properties(QUEUE, queue)["SqsManagedSseEnabled"] is True
        policy = ingesting.properties(POLICY, f"{queue}/Policy")["PolicyDocument"]["Statement"]
        (deny,) = [one for one in policy if one["Effect"] == "Deny"]
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


WATCHED = {
    "UnacceptedMessages": ("ApproximateNumberOfMessagesVisible", UNACCEPTED, 1),
    "UnacceptedMessagesExpiring": ("ApproximateAgeOfOldestMessage", UNACCEPTED, 10 * DAY),
    "IngestQueueAge": ("ApproximateAgeOfOldestMessage", MAIN, 300),
    "IngestErrors": ("Errors", INGEST, 1),
    "IngestThrottles": ("Throttles", INGEST, 1),
}


@pytest.mark.parametrize(("name", "watched"), WATCHED.items())
def test_it_is_watched_like_everything_else(
    ingesting: Any, name: str, watched: tuple[str, str, float]
) -> None:
    alarm = ingesting.properties(ALARM, f"Alarms/{name}")
    (dimension,) = alarm["Dimensions"]
    assert (alarm["MetricName"], ingesting.referred(dimension["Value"]), alarm["Threshold"]) == (
        watched
    )
    assert [ingesting.referred(action) for action in alarm["AlarmActions"]] == ["Alarms/Topic"]


def test_every_alarm_is_on_the_dashboard(ingesting: Any) -> None:
    (board,) = ingesting.resources("AWS::CloudWatch::Dashboard").values()
    body = json.loads(ingesting.referred(board["Properties"]["DashboardBody"]))
    shown = [alarm for one in body["widgets"] for alarm in one["properties"].get("alarms", [])]
    assert sorted(shown) == sorted(ingesting.resources(ALARM))


def test_its_logs_are_asked_by_the_queries_over_all_logs(ingesting: Any) -> None:
    queries = ingesting.resources("AWS::Logs::QueryDefinition")
    groups = queries["Queries/ErrorsOfOurOwn"]["Properties"]["LogGroupNames"]
    asked = [ingesting.referred(group) for group in groups]
    assert f"{INGEST}Logs" in asked
    assert len(asked) == len(set(asked)) == len(ingesting.resources(FUNCTION))


def test_who_uses_it_pays_for_these_alarms(stack: Any, ingesting: Any) -> None:
    added = len(ingesting.resources(ALARM)) - len(stack.resources(ALARM))
    assumed = load_assumptions()
    assert added == assumed.monthly_ingest["cloudwatch.alarms"]
    function = ingesting.properties(FUNCTION, INGEST)
    assert function["MemorySize"] == assumed.functions["Ingest"].memory_mb


def queues(stack: Any) -> dict[str, str]:
    """The ingest queues of the subscriptions, by sender."""
    by_queue = senders(stack, f"Webhooks/{INGEST}")
    return {sender: queue for queue, sender in by_queue.items()}


def test_each_sender_has_a_queue_of_its_own_and_a_queue_of_theirs_is_read_as_it_is(
    subscribed: Any,
) -> None:
    found = queues(subscribed)
    assert found.keys() == {"$.detail.tenantId", "shop", "partner"}
    assert found["partner"] == "Queue"
    ours = {path for path in subscribed.resources(QUEUE) if path.startswith("Webhooks/Ingest/")}
    assert ours == {found["$.detail.tenantId"], found["shop"], f"Webhooks/{UNACCEPTED}"}
    read = {
        subscribed.referred(one["Properties"]["EventSourceArn"])
        for one in subscribed.resources(MAPPING).values()
        if subscribed.referred(one["Properties"]["FunctionName"]) == f"Webhooks/{INGEST}"
    }
    assert read == set(found.values())
    assert f"Webhooks/{MAIN}" not in ours


def rules(stack: Any) -> dict[str, dict[str, Any]]:
    """The rules that match events; the watchdog's rule has a schedule instead."""
    return {
        path: rule["Properties"]
        for path, rule in stack.resources("AWS::Events::Rule").items()
        if "ScheduleExpression" not in rule["Properties"]
    }


def test_the_queue_of_a_sender_takes_messages_of_its_subscriptions_alone(subscribed: Any) -> None:
    found = queues(subscribed)
    assert len(rules(subscribed)) == 2
    assert sources(subscribed, found["$.detail.tenantId"]) == {
        ("events.amazonaws.com", rule) for rule in rules(subscribed)
    }
    assert sources(subscribed, found["shop"]) == {
        ("sns.amazonaws.com", topic) for topic in ("Orders", "Returns")
    }


def test_a_rule_puts_the_events_of_its_pattern_on_the_queue_as_they_are(subscribed: Any) -> None:
    for rule in rules(subscribed).values():
        assert rule["EventPattern"] == {"source": ["shop"]}
        assert subscribed.referred(rule["EventBusName"]) == "Bus"
        (target,) = rule["Targets"]
        assert target.keys() == {"Arn", "Id"}
        assert subscribed.referred(target["Arn"]) == queues(subscribed)["$.detail.tenantId"]


def test_a_topic_puts_its_envelope_on_the_queue_which_has_the_id(subscribed: Any) -> None:
    of_any_topic = subscribed.resources("AWS::SNS::Subscription").values()
    found = [one["Properties"] for one in of_any_topic]
    subscriptions = [one for one in found if one["Protocol"] == "sqs"]
    assert {subscribed.referred(one["TopicArn"]) for one in subscriptions} == {"Orders", "Returns"}
    for one in subscriptions:
        assert subscribed.referred(one["Endpoint"]) == queues(subscribed)["shop"]
        assert not one.get("RawMessageDelivery", False)


def test_the_queue_of_each_sender_has_an_alarm_on_the_dashboard(subscribed: Any) -> None:
    ages = {
        subscribed.referred(one["Properties"]["Dimensions"][0]["Value"])
        for one in subscribed.resources(ALARM).values()
        if one["Properties"]["MetricName"] == "ApproximateAgeOfOldestMessage"
    }
    found = queues(subscribed)
    assert {found["shop"], found["$.detail.tenantId"]} <= ages
    (board,) = subscribed.resources("AWS::CloudWatch::Dashboard").values()
    body = json.loads(subscribed.referred(board["Properties"]["DashboardBody"]))
    shown = [alarm for one in body["widgets"] for alarm in one["properties"].get("alarms", [])]
    assert sorted(shown) == sorted(subscribed.resources(ALARM))


def test_what_waits_on_an_ingest_queue_stays_when_the_stack_is_deleted(subscribed: Any) -> None:
    for path, one in subscribed.resources(QUEUE).items():
        if path.startswith("Webhooks/Ingest/"):
            assert one["DeletionPolicy"] == "RetainExceptOnCreate"
            assert one["Metadata"]["homing:kept"] is True


@pytest.mark.parametrize(
    ("path", "sender_id", "message"),
    [
        ("$.detail.tenantId", "shop", "give either sender_path or sender_id"),
        ("detail.tenantId", None, "sender_path: 'detail.tenantId' is not valid"),
        ("$.detail[0]", None, "sender_path: "),
        (None, "a#b", "sender_id: 'a#b' is not valid; it must have 1 to 128 characters"),
    ],
)
def test_a_sender_that_cannot_be_is_refused(
    path: str | None, sender_id: str | None, message: str
) -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        sender_rule(path, sender_id)
    assert message in str(caught.value)


@pytest.mark.parametrize("sender", ["a#b", "$", "$.", "$.a b", "$.a[0]", "$a"])
def test_a_setting_that_is_neither_an_id_nor_a_path_is_refused(sender: str) -> None:
    with pytest.raises(
        InvalidSettingsError, match=r"ingestSender: .* is not valid; use a senderId"
    ):
        StackSettings.from_context({"ingestSender": sender})
