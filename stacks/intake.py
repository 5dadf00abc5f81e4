"""The way in: the HTTP API, the delivery queue, and the dispatcher behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsii
from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from stacks.function import PythonFunction
from stacks.ledger import grant
from stacks.workflow import parking_queue

if TYPE_CHECKING:
    from stacks.ledger import Ledger
    from stacks.settings import StackSettings
    from stacks.workflow import Workflow

# A POST may name ten targets, and Step Functions starts 300 executions a second by default; the
# queue holds what comes in faster. The limit is against a sender gone wild.
_RATE_PER_SECOND = 300
_BURST = 600

# What dispatch needs beyond the first attempts that it waits for.
_DISPATCH_MARGIN_SECONDS = 15
# SQS must not hand a batch out again while Lambda still works on it: 6 times the function's timeout
# ("Configuring a queue to use with Lambda", AWS Lambda developer guide).
_VISIBILITY_FACTOR = 6
# At least 5, so that a throttled dispatcher does not park good messages (same page).
_MAX_RECEIVE_COUNT = 5
_BATCH_SIZE = 10

# Who asked for what and what came of it; neither bodies nor headers.
_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "caller": "$context.identity.userArn",
    "routeKey": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
}


class Intake(Construct):
    """Takes messages in and hands their deliveries to the workflow.

    Args:
        settings: default policy, retention, concurrency.
        ledger: the tables that `accept` and `get_message` use.
        workflow: what `dispatch` starts.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StackSettings,
        ledger: Ledger,
        workflow: Workflow,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.dead_letter_queue = parking_queue(self, "DeadLetters", fifo=True)
        seconds = workflow.first_attempt_timeout_seconds + _DISPATCH_MARGIN_SECONDS
        self._dispatch_timeout = Duration.seconds(seconds)
        self.queue = self._queue()
        self.accept = self._accept(ledger)
        self.get_message = self._get_message(ledger)
        self.redrive = self._redrive(ledger, workflow)
        self.dispatch = self._dispatch(workflow)
        self.api = apigwv2.HttpApi(
            self,
            "Api",
            description="Homing: hand over messages and see what became of them",
            create_default_stage=False,
            default_authorizer=HttpIamAuthorizer(),
        )
        self.stage = self._stage()
        self._add_routes()

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The functions behind the API and the queue."""
        return (self.accept, self.get_message, self.redrive, self.dispatch)

    def _queue(self) -> sqs.Queue:
        return sqs.Queue(
            self,
            "Deliveries",
            # Equal deliveries are dropped for five minutes, and of one delivery one message is out
            # at a time (docs/decisions/0005). Each is a group of its own: none waits for another.
            fifo=True,
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            visibility_timeout=Duration.seconds(
                self._dispatch_timeout.to_seconds() * _VISIBILITY_FACTOR
            ),
            retention_period=Duration.days(14),  # nothing accepted is lost to a long outage
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letter_queue, max_receive_count=_MAX_RECEIVE_COUNT
            ),
        )

    def _accept(self, ledger: Ledger) -> PythonFunction:
        function = PythonFunction(
            self,
            "Accept",
            settings=self._settings,
            timeout=Duration.seconds(25),  # HTTP APIs give up after 30 s
            memory_size=512,
            environment={
                "MESSAGES_TABLE": ledger.messages.table_name,
                "LEDGER_TABLE": ledger.table.table_name,
                "DELIVERY_QUEUE_URL": self.queue.queue_url,
                "DEFAULT_POLICY": json.dumps(self._settings.policy.to_document()),
                "RETENTION_DAYS": str(self._settings.retention_days),
            },
        )
        grant(ledger.messages, function, "dynamodb:PutItem", "dynamodb:GetItem")
        grant(ledger.table, function, "dynamodb:Query")
        self.queue.grant(function, "sqs:SendMessage")
        return function

    def _get_message(self, ledger: Ledger) -> PythonFunction:
        function = PythonFunction(
            self,
            "GetMessage",
            settings=self._settings,
            timeout=Duration.seconds(15),
            memory_size=512,
            environment={
                "MESSAGES_TABLE": ledger.messages.table_name,
                "LEDGER_TABLE": ledger.table.table_name,
            },
        )
        grant(ledger.messages, function, "dynamodb:GetItem")
        grant(ledger.table, function, "dynamodb:Query")
        return function

    def _redrive(self, ledger: Ledger, workflow: Workflow) -> PythonFunction:
        function = PythonFunction(
            self,
            "Redrive",
            settings=self._settings,
            timeout=Duration.seconds(25),
            memory_size=512,
            environment={
                "MESSAGES_TABLE": ledger.messages.table_name,
                "LEDGER_TABLE": ledger.table.table_name,
                "STATE_MACHINE_ARN": workflow.state_machine.state_machine_arn,
            },
        )
        grant(ledger.messages, function, "dynamodb:GetItem")
        grant(
            ledger.table, function, *(f"dynamodb:{do}" for do in ("Query", "GetItem", "UpdateItem"))
        )
        workflow.state_machine.grant_start_execution(function)
        workflow.state_machine.grant_execution(function, "states:DescribeExecution")
        return function

    def _dispatch(self, workflow: Workflow) -> PythonFunction:
        first_attempts = workflow.first_attempts
        function = PythonFunction(
            self,
            "Dispatch",
            settings=self._settings,
            timeout=self._dispatch_timeout,
            memory_size=512,
            environment={
                "STATE_MACHINE_ARN": workflow.state_machine.state_machine_arn,
                "FIRST_ATTEMPT_ARN": first_attempts.state_machine_arn if first_attempts else "",
                "FIRST_ATTEMPT_TIMEOUT_SECONDS": str(workflow.first_attempt_timeout_seconds),
                "LEDGER_TABLE": workflow.ledger.table.table_name,
                "DEAD_LETTER_QUEUE_URL": workflow.dead_letter_queue.queue_url,
            },
        )
        workflow.state_machine.grant_start_execution(function)
        if first_attempts:
            first_attempts.grant_start_sync_execution(function)
            workflow.state_machine.grant_execution(function, "states:DescribeExecution")
            grant(workflow.ledger.table, function, "dynamodb:GetItem", "dynamodb:UpdateItem")
            workflow.dead_letter_queue.grant(function, "sqs:SendMessage")
        function.add_event_source(
            SqsEventSource(
                self.queue,
                batch_size=_BATCH_SIZE,
                report_batch_item_failures=True,
                max_concurrency=self._settings.dispatch_concurrency,
            )
        )
        return function

    def _stage(self) -> apigwv2.HttpStage:
        access_logs = logs.LogGroup(
            self,
            "AccessLogs",
            retention=self._settings.log_retention,
            removal_policy=self._settings.removal_policy,
        )
        return apigwv2.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            auto_deploy=True,
            throttle=apigwv2.ThrottleSettings(rate_limit=_RATE_PER_SECOND, burst_limit=_BURST),
            access_log_settings=_AccessLogs(access_logs),
        )

    def _add_routes(self) -> None:
        post, get = [apigwv2.HttpMethod.POST], [apigwv2.HttpMethod.GET]
        accept = HttpLambdaIntegration("AcceptIntegration", self.accept)
        read = HttpLambdaIntegration("GetMessageIntegration", self.get_message)
        self.api.add_routes(path="/v1/messages", methods=post, integration=accept)
        self.api.add_routes(path="/v1/messages/{messageId}", methods=get, integration=read)
        redrive = HttpLambdaIntegration("RedriveIntegration", self.redrive)
        path = "/v1/messages/{messageId}/redrive"
        self.api.add_routes(path=path, methods=post, integration=redrive)
        self.api.add_routes(
            path="/v1/health",
            methods=get,
            integration=read,
            authorizer=apigwv2.HttpNoneAuthorizer(),  # load balancers and monitors do not sign
        )


# CDK's Python has no ready class for this interface.
@jsii.implements(apigwv2.IAccessLogSettings)
class _AccessLogs:
    def __init__(self, log_group: logs.LogGroup) -> None:
        self._log_group = log_group

    @property
    def destination(self) -> apigwv2.IAccessLogDestination:
        return apigwv2.LogGroupLogDestination(self._log_group)

    @property
    def format(self) -> apigateway.AccessLogFormat:
        return apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG))
