"""Who may do what: exactly what the handlers call, on exactly the resources that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tuned import TUNED

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION, POLICY = "AWS::Lambda::Function", "AWS::IAM::Policy"
FUNCTIONS = [
    "Reception/Accept",
    "Reception/GetMessage",
    "Reception/Redrive",
    "Reception/Dispatch",
    "Endpoints/Endpoints",
    "Senders/Authorize",
    "Workflow/Deliver",
    "Workflow/Classify",
    "Workflow/ComputeBackoff",
    "Workflow/RecordRetry",
    "Watchdog/Watchdog",
    "Events/OperationalEvents",
    "Ordering/Release",
]

# Actions for which AWS supports no narrower resource (Service Authorization Reference: X-Ray;
# Step Functions developer guide, "IAM policies for logging to CloudWatch Logs").
ANYWHERE = {
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
CHANGE = ("GetItem", "PutItem", "DeleteItem", "UpdateItem")
OF_REDRIVES = ("GetItem", "PutItem", "UpdateItem")
DEFAULT_BUS = (
    "arn:{'Ref': 'AWS::Partition'}:events:{'Ref': 'AWS::Region'}:{'Ref': 'AWS::AccountId'}"
    ":event-bus/default"
)
READ_STREAM = ("DescribeStream", "GetRecords", "GetShardIterator")
CONSUME = {
    (f"sqs:{action}", queue)
    for queue in ("Reception/Deliveries", "Reception/Bulk")
    for action in (
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ReceiveMessage",
    )
}


def allowed(stack: Any, role: str) -> set[tuple[str, str]]:
    pairs: set[tuple[str, str]] = stack.allowed(role)
    return pairs


def narrow(stack: Any, role: str) -> set[tuple[str, str]]:
    return {(action, on) for action, on in allowed(stack, role) if on != "*"}


SEE_LINES = {("dynamodb:GetItem", "Ledger/Lines"), ("dynamodb:Query", "Ledger/Places")}
ADVANCE = SEE_LINES | {
    ("dynamodb:UpdateItem", "Ledger/Lines"),
    ("dynamodb:DeleteItem", "Ledger/Places"),
    ("dynamodb:GetItem", "Ledger/Deliveries"),
    ("dynamodb:GetItem", "Registry/Endpoints"),
}


def test_the_rate_of_senders_is_counted_in_the_messages_table_if_they_have_one(
    stack: Any, synthesize: Callable[..., Any]
) -> None:
    role = stack.referred(stack.properties(FUNCTION, "Reception/Accept")["Role"])
    counts = ("dynamodb:UpdateItem", "Ledger/Messages")
    assert counts in allowed(synthesize(**TUNED), role)
    assert counts not in allowed(stack, role)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "Reception/Accept",
            {
                ("dynamodb:PutItem", "Ledger/Messages"),
                ("dynamodb:GetItem", "Ledger/Messages"),
                ("dynamodb:Query", "Ledger/Deliveries"),
                ("dynamodb:BatchGetItem", "Registry/Endpoints"),
                ("dynamodb:Query", "Registry/Endpoints"),
                ("s3:PutObject", "Workflow/Payloads/Bucket/*"),
                ("sqs:SendMessage", "Reception/Deliveries"),
                ("sqs:GetQueueAttributes", "Reception/Deliveries"),
                ("sqs:SendMessage", "Reception/Bulk"),
                *ADVANCE,
                ("dynamodb:PutItem", "Ledger/Places"),
                ("sns:Publish", "Reception/WarmUp/Topic"),
            },
        ),
        (
            "Reception/GetMessage",
            {
                ("dynamodb:GetItem", "Ledger/Messages"),
                ("dynamodb:Query", "Ledger/Deliveries"),
                ("dynamodb:Query", "Ledger/Deliveries/index/senderAttention"),
                *SEE_LINES,
            },
        ),
        (
            "Reception/Redrive",
            {
                ("dynamodb:Query", "Ledger/Deliveries/index/senderAttention"),
                *((f"dynamodb:{action}", "Ledger/Redrives") for action in OF_REDRIVES),
                ("lambda:InvokeFunction", "Watchdog/Watchdog"),
                ("lambda:InvokeFunction", "Watchdog/Watchdog:$LATEST"),
                *SEE_LINES,
                ("dynamodb:GetItem", "Ledger/Messages"),
                ("dynamodb:Query", "Ledger/Deliveries"),
                ("dynamodb:GetItem", "Ledger/Deliveries"),
                ("dynamodb:UpdateItem", "Ledger/Deliveries"),
                ("states:StartExecution", "Workflow/StateMachine"),
                ("states:DescribeExecution", "Workflow/StateMachine executions"),
                ("s3:GetObject", "Workflow/Payloads/Bucket/*"),
                ("s3:PutObject", "Workflow/Payloads/Bucket/*"),
                ("s3:ListBucket", "Workflow/Payloads/Bucket"),
            },
        ),
        (
            "Reception/Dispatch",
            {
                ("states:StartExecution", "Workflow/StateMachine"),
                ("states:StartSyncExecution", "Workflow/FirstAttempts"),
                ("dynamodb:PutItem", "Ledger/Deliveries"),
                ("dynamodb:GetItem", "Ledger/Deliveries"),
                ("dynamodb:BatchGetItem", "Ledger/Deliveries"),
                ("dynamodb:UpdateItem", "Ledger/Deliveries"),
                ("sqs:SendMessage", "Workflow/DeadLetters"),
                *CONSUME,
            },
        ),
        (
            "Workflow/Deliver",
            {
                ("dynamodb:UpdateItem", "Ledger/Deliveries"),
                ("dynamodb:GetItem", "Registry/Endpoints"),
                ("dynamodb:UpdateItem", "Registry/Endpoints"),
                ("dynamodb:GetItem", "Registry/Secrets"),
                ("s3:GetObject", "Workflow/Payloads/Bucket/*"),
                ("kms:Decrypt", "Registry/Key"),
                ("dynamodb:UpdateItem", "Ledger/Lines"),
            },
        ),
        (
            "Ordering/Release",
            {
                *((f"dynamodb:{action}", "Ledger/Deliveries") for action in READ_STREAM),
                ("dynamodb:ListStreams", "Ledger/Deliveries/stream/*"),
                ("sqs:SendMessage", "Reception/Deliveries"),
                *ADVANCE,
            },
        ),
        (
            "Events/OperationalEvents",
            {
                *((f"dynamodb:{action}", "Ledger/Deliveries") for action in READ_STREAM),
                ("dynamodb:ListStreams", "Ledger/Deliveries/stream/*"),
                *((f"dynamodb:{action}", "Registry/Endpoints") for action in READ_STREAM),
                ("dynamodb:ListStreams", "Registry/Endpoints/stream/*"),
                ("events:PutEvents", DEFAULT_BUS),
                ("dynamodb:GetItem", "Registry/Endpoints"),
            },
        ),
        (
            "Endpoints/Endpoints",
            {
                *((f"dynamodb:{action}", "Registry/Endpoints") for action in (*CHANGE, "Query")),
                *((f"dynamodb:{action}", "Registry/Secrets") for action in CHANGE),
                ("kms:Decrypt", "Registry/Key"),
                ("kms:Encrypt", "Registry/Key"),
                ("kms:ReEncrypt*", "Registry/Key"),
                ("kms:GenerateDataKey*", "Registry/Key"),
            },
        ),
        ("Senders/Authorize", {("dynamodb:GetItem", "Registry/Keys")}),
        (
            "Watchdog/Watchdog",
            {
                ("dynamodb:Query", "Ledger/Deliveries/index/attention"),
                ("dynamodb:Query", "Ledger/Deliveries/index/senderAttention"),
                ("dynamodb:GetItem", "Ledger/Deliveries"),
                ("dynamodb:BatchGetItem", "Ledger/Deliveries"),
                ("dynamodb:UpdateItem", "Ledger/Deliveries"),
                *((f"dynamodb:{action}", "Ledger/Redrives") for action in OF_REDRIVES),
                ("dynamodb:Query", "Ledger/Redrives"),
                ("dynamodb:Scan", "Ledger/Redrives"),
                ("s3:GetObject", "Workflow/Payloads/Bucket/*"),
                ("s3:PutObject", "Workflow/Payloads/Bucket/*"),
                ("s3:ListBucket", "Workflow/Payloads/Bucket"),
                ("sqs:ReceiveMessage", "Workflow/DeadLetters"),
                ("sqs:DeleteMessage", "Workflow/DeadLetters"),
                ("states:StartExecution", "Workflow/StateMachine"),
                ("states:DescribeExecution", "Workflow/StateMachine executions"),
                ("sqs:ReceiveMessage", "Reception/Undispatched"),
                ("sqs:DeleteMessage", "Reception/Undispatched"),
                ("sqs:SendMessage", "Reception/Deliveries"),
                ("sqs:SendMessage", "Workflow/DeadLetters"),
                *ADVANCE,
                ("dynamodb:Scan", "Ledger/Places"),
            },
        ),
        ("Workflow/Classify", set()),
        ("Workflow/ComputeBackoff", set()),
        ("Workflow/RecordRetry", {("dynamodb:UpdateItem", "Ledger/Deliveries")}),
    ],
)
def test_a_function_may_do_what_its_handler_does_and_write_its_own_logs(
    stack: Any, path: str, expected: set[tuple[str, str]]
) -> None:
    logs = {
        ("logs:CreateLogStream", f"{path}Logs"),
        ("logs:PutLogEvents", f"{path}Logs"),
    }
    assert narrow(stack, f"{path}Role") == expected | logs


@pytest.mark.parametrize("path", FUNCTIONS)
def test_a_function_has_a_role_of_its_own_without_managed_policies(stack: Any, path: str) -> None:
    role = stack.referred(stack.properties(FUNCTION, path)["Role"])
    assert role == f"{path}Role"
    assert "ManagedPolicyArns" not in stack.properties("AWS::IAM::Role", role)


@pytest.mark.parametrize(
    ("machine", "more"),
    [
        ("StateMachine", set()),
        ("FirstAttempts", {("states:StartExecution", "Workflow/StateMachine")}),
    ],
)
def test_a_workflow_may_invoke_its_functions_record_dead_letter_and_hand_off(
    stack: Any, machine: str, more: set[tuple[str, str]]
) -> None:
    functions = [path for path in FUNCTIONS if path.startswith("Workflow/")]
    assert narrow(stack, f"Workflow/{machine}/Role") == {
        *(("lambda:InvokeFunction", path) for path in functions),
        *(("lambda:InvokeFunction", f"{path}:$LATEST") for path in functions),
        ("dynamodb:UpdateItem", "Ledger/Deliveries"),
        ("dynamodb:GetItem", "Ledger/Deliveries"),
        ("sqs:SendMessage", "Workflow/DeadLetters"),
        *more,
    }


def test_with_the_express_path_off_dispatch_may_run_no_first_attempt(
    synthesize: Callable[..., Any],
) -> None:
    stack = synthesize(expressPath="false")
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    allowed_here = {pair for pair in narrow(stack, "Reception/DispatchRole") if pair[0] not in logs}
    assert allowed_here == {
        ("states:StartExecution", "Workflow/StateMachine"),
        ("dynamodb:PutItem", "Ledger/Deliveries"),
        ("dynamodb:GetItem", "Ledger/Deliveries"),
        ("dynamodb:UpdateItem", "Ledger/Deliveries"),
        ("sqs:SendMessage", "Workflow/DeadLetters"),
        *CONSUME,
    }


def test_no_action_is_a_wildcard_and_a_wildcard_resource_is_the_only_one_there_is(
    stack: Any,
) -> None:
    roles = stack.resources("AWS::IAM::Role")
    pairs = set().union(*(allowed(stack, role) for role in roles))
    assert {action for action, _ in pairs if "*" in action} == {
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
    }
    assert {action for action, on in pairs if on == "*"} <= ANYWHERE


@pytest.mark.parametrize(
    "queue",
    ["Reception/Deliveries", "Reception/Bulk", "Reception/Undispatched", "Workflow/DeadLetters"],
)
def test_a_queue_is_encrypted_and_refuses_plain_http(stack: Any, queue: str) -> None:
    """The only statement with `sqs:*` is a Deny."""
    assert stack.properties("AWS::SQS::Queue", queue)["SqsManagedSseEnabled"] is True
    policy = stack.properties("AWS::SQS::QueuePolicy", f"{queue}/Policy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_secrets_are_for_deliver_and_the_endpoints_api_alone(stack: Any) -> None:
    """No other role may access the table or use the key."""
    trusted = {"Workflow/DeliverRole", "Endpoints/EndpointsRole"}
    for role in set(stack.resources("AWS::IAM::Role")) - trusted:
        reachable = {on for _, on in allowed(stack, role)}
        assert not {on for on in reachable if on.startswith(("Registry/Secrets", "Registry/Key/"))}
        assert "Registry/Key" not in reachable
        assert not any(action.startswith("kms:") for action, _ in allowed(stack, role))


def test_the_key_belongs_to_the_account_and_turns_over_every_year(stack: Any) -> None:
    key = stack.properties("AWS::KMS::Key", "Registry/Key")
    assert key["EnableKeyRotation"] is True
    (statement,) = key["KeyPolicy"]["Statement"]
    assert str(statement["Principal"]).endswith(":root']]}}")


def test_the_secrets_table_is_encrypted_with_that_key(stack: Any) -> None:
    table = stack.properties("AWS::DynamoDB::Table", "Registry/Secrets")
    assert table["SSESpecification"]["SSEType"] == "KMS"
    assert stack.referred(table["SSESpecification"]["KMSMasterKeyId"]) == "Registry/Key"


@pytest.mark.parametrize("table", ["Keys", "Endpoints", "Secrets"])
def test_the_registry_can_be_restored_and_is_not_deleted_by_accident(
    stack: Any, table: str
) -> None:
    resource = stack.resources("AWS::DynamoDB::Table")[f"Registry/{table}"]
    restored = resource["Properties"]["PointInTimeRecoverySpecification"]
    assert restored["PointInTimeRecoveryEnabled"] is True
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"


def test_large_payloads_wait_in_private_encrypted_and_expire(stack: Any) -> None:
    bucket = stack.properties("AWS::S3::Bucket", "Workflow/Payloads/Bucket")
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    kept = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert kept == {"45-days/": 45, "400-days/": 400}
    policy = stack.properties("AWS::S3::BucketPolicy", "Workflow/Payloads/Bucket/Policy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
