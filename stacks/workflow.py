"""The delivery workflow: the state machine, its functions and the dead-letter queue."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.function import PROJECT, PythonFunction
from stacks.ledger import grant

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from stacks.ledger import Ledger
    from stacks.settings import StackSettings

DEFINITION = PROJECT / "statemachine" / "delivery.asl.json"

# What a function needs beyond the attempt's own deadline: to parse, to close, to answer.
_DELIVER_MARGIN_SECONDS = 5

# Both count what the functions cannot see: direct integrations, and executions that broke. Every
# failed try of a write is a TaskFailed; a failed condition is a result, not a failure.
_LEDGER_TRY_FAILED = (
    '{ ($.type = "TaskFailed" || $.type = "TaskTimedOut")'
    ' && $.details.resourceType = "dynamodb" && $.details.resource = "updateItem"'
    ' && $.details.error != "DynamoDB.ConditionalCheckFailedException" }'
)
# `DeliveryFailed` ends an execution with the ledger status as its error. Any other end means that
# the message was neither delivered nor parked.
_BROKEN = (
    '{ ($.type = "ExecutionFailed" && $.details.error != "FAILED"'
    ' && $.details.error != "MAX_RETRIES_EXCEEDED")'
    ' || $.type = "ExecutionAborted" || $.type = "ExecutionTimedOut" }'
)


class Workflow(Construct):
    """The workflow of one delivery (docs/architecture.md).

    Args:
        settings: attempt deadline, retention, log retention.
        ledger: where deliveries are recorded.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StackSettings,
        ledger: Ledger,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.ledger = ledger
        self.dead_letter_queue = parking_queue(self, "DeadLetters")
        self.deliver = self._deliver()
        self.classify = self._function("Classify", memory_size=256)
        self.compute_backoff = self._function(
            "ComputeBackoff",
            memory_size=256,
            environment={"RETENTION_DAYS": str(settings.retention_days)},
        )
        self.record_retry = self._function(
            "RecordRetry",
            memory_size=512,  # boto3 loads in half the time
            environment={"LEDGER_TABLE": self.ledger.table.table_name},
        )
        self._log_group = self._logs()
        self.state_machine = self._state_machine()
        self.ledger_try_failed = self._count("LedgerTryFailed", _LEDGER_TRY_FAILED)
        self.execution_broken = self._count("ExecutionBroken", _BROKEN)
        self._grant()

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The functions that its states invoke."""
        return (self.deliver, self.classify, self.compute_backoff, self.record_retry)

    def _function(
        self,
        construct_id: str,
        *,
        memory_size: int,
        timeout: Duration | None = None,
        environment: dict[str, str] | None = None,
    ) -> PythonFunction:
        return PythonFunction(
            self,
            construct_id,
            settings=self._settings,
            timeout=timeout or Duration.seconds(15),
            memory_size=memory_size,
            environment=environment,
        )

    def _deliver(self) -> PythonFunction:
        deadline = self._settings.attempt_timeout_seconds
        return self._function(
            "Deliver",
            memory_size=256,  # it mostly waits
            timeout=Duration.seconds(math.ceil(deadline) + _DELIVER_MARGIN_SECONDS),
            environment={"ATTEMPT_TIMEOUT_SECONDS": f"{deadline:g}"},
        )

    def _logs(self) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Logs",
            retention=self._settings.log_retention,
            removal_policy=self._settings.removal_policy,
        )

    def _state_machine(self) -> sfn.StateMachine:
        # from_string puts the definition into the template, where tests can read it; from_file
        # would make an S3 asset of it.
        return sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text()),
            definition_substitutions={
                "DeliverFunction": self.deliver.function_arn,
                "ClassifyFunction": self.classify.function_arn,
                "ComputeBackoffFunction": self.compute_backoff.function_arn,
                "RecordRetryFunction": self.record_retry.function_arn,
                "LedgerTable": self.ledger.table.table_name,
                "DeadLetterQueue": self.dead_letter_queue.queue_url,
            },
            state_machine_type=sfn.StateMachineType.STANDARD,
            # Payloads never reach the logs: execution data is left out, and of the events only the
            # errors are written (docs/decisions/0011). For log delivery and X-Ray CDK allows `*`
            # as the resource, since their actions know no other.
            logs=sfn.LogOptions(
                destination=self._log_group,
                level=sfn.LogLevel.ERROR,
                include_execution_data=False,
            ),
            tracing_enabled=True,
        )

    def _count(self, metric_name: str, pattern: str) -> cloudwatch.Metric:
        found = logs.MetricFilter(
            self,
            metric_name,
            log_group=self._log_group,
            filter_pattern=logs.FilterPattern.literal(pattern),
            metric_namespace=self._settings.metrics_namespace,
            metric_name=metric_name,
            metric_value="1",
        )
        return found.metric(statistic=cloudwatch.Stats.SUM, period=Duration.minutes(5))

    def _grant(self) -> None:
        table = self.ledger.table
        callees: tuple[lambda_.IFunction, ...] = self.functions
        for function in callees:
            function.grant_invoke_latest_version(self.state_machine)
        grant(table, self.state_machine, "dynamodb:UpdateItem", "dynamodb:GetItem")
        grant(table, self.record_retry, "dynamodb:UpdateItem")
        self.dead_letter_queue.grant(self.state_machine, "sqs:SendMessage")


def parking_queue(scope: Construct, construct_id: str) -> sqs.Queue:
    """Make a queue for what a person must look at; SQS keeps a message for 14 days at most."""
    return sqs.Queue(
        scope,
        construct_id,
        retention_period=Duration.days(14),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
    )
