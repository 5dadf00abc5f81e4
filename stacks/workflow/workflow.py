"""The delivery workflow: the state machine, its functions and the dead-letter queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from homing.timeouts import STEP_SECONDS, Timeouts

from ..exceptions import except_from
from ..functions.bundle import SOURCES
from ..functions.function import PythonFunction
from ..storage.payloads import Payloads
from ..storage.table import grant
from ..vended_logs import vended_logs
from .express_path import first_attempt_definition

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from ..settings import NamedSettings
    from ..storage.ledger import Ledger
    from ..storage.registry import Registry

DEFINITION = SOURCES / "statemachine" / "delivery.asl.json"

# The next two filters count errors that the functions do not see, in the logs of executions at
# level ERROR ("Log levels", Step Functions developer guide).
#
# The first one counts the failed tries of states that write to DynamoDB directly. Each try is a
# TaskFailed or a TaskTimedOut; a failed condition is a result, not an error. If an expression of
# such a state cannot be evaluated, there is no such event, so
# tests/unit/homing/ledger/test_updates.py evaluates the expressions with all outcomes.
_LEDGER_TRY_FAILED = (
    '{ ($.type = "TaskFailed" || $.type = "TaskTimedOut")'
    ' && $.details.resourceType = "dynamodb" && $.details.resource = "updateItem"'
    ' && $.details.error != "DynamoDB.ConditionalCheckFailedException" }'
)
# The second one counts broken executions. The state `DeliveryFailed` ends an execution with the
# status of the delivery as its error. An execution that fails in any other way has neither
# delivered nor dead-lettered its message.
_BROKEN = (
    '{ ($.type = "ExecutionFailed" && $.details.error != "FAILED"'
    ' && $.details.error != "MAX_RETRIES_EXCEEDED")'
    ' || $.type = "ExecutionAborted" || $.type = "ExecutionTimedOut" }'
)


class Workflow(Construct):
    """The workflow of one delivery (docs/architecture.md).

    Args:
        settings: the time limit of attempts, and how long messages and logs are kept.
        ledger: the tables in which deliveries are recorded.
        registry: the tables of endpoints and secrets.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        ledger: Ledger,
        registry: Registry,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.timeouts = Timeouts(settings.attempt_timeout_seconds)
        self.ledger = ledger
        self.dead_letter_queue = dead_lettering_queue(self, "DeadLetters", settings=settings)
        except_from(
            self.dead_letter_queue,
            "SQS3",
            "This queue is itself a dead-letter queue: the workflow sends to it.",
        )
        self.payloads = Payloads(self, "Payloads", settings=settings)
        self.deliver = self._deliver(registry)
        self.classify = self._function("Classify", memory_size=128)
        self.compute_backoff = self._function(
            "ComputeBackoff",
            memory_size=128,
            environment={"RETENTION_DAYS": str(settings.retention_days)},
        )
        self.record_retry = self._function(
            "RecordRetry",
            memory_size=512,  # with less memory, and so less processor time, boto3 loads slowly
            environment={"LEDGER_TABLE": self.ledger.table.table_name},
        )
        grant(self.ledger.table, self.record_retry, "dynamodb:UpdateItem")
        self.log_group = vended_logs(self, "Logs", settings, service="states")
        self.state_machine = self._standard()
        self.first_attempts = self._express() if settings.express_path else None
        self.ledger_try_failed = self._count("LedgerTryFailed", _LEDGER_TRY_FAILED)
        self.execution_broken = self._count("ExecutionBroken", _BROKEN)

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The functions that the states of the workflow invoke."""
        return (self.deliver, self.classify, self.compute_backoff, self.record_retry)

    @property
    def attempt_logs(self) -> tuple[logs.ILogGroup, ...]:
        """The log groups that contain attempts: one for last attempts, one for all others."""
        return (self.classify.log_group, self.compute_backoff.log_group)

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
            timeout=timeout or Duration.seconds(STEP_SECONDS),
            memory_size=memory_size,
            environment=environment,
        )

    def _deliver(self, registry: Registry) -> PythonFunction:
        deadline = self._settings.attempt_timeout_seconds
        function = self._function(
            "Deliver",
            memory_size=160,  # MB; a payload of 6 MB takes 87 MB (benchmarks/memory.py)
            timeout=Duration.seconds(self.timeouts.deliver),
            environment={
                "ATTEMPT_TIMEOUT_SECONDS": f"{deadline:g}",
                "ADDRESS_GUARD": json.dumps(self._settings.address_guard.to_document()),
                "LEDGER_TABLE": self.ledger.table.table_name,
                "ENDPOINTS_TABLE": registry.endpoints.table_name,
                "SECRETS_TABLE": registry.secrets.table_name,
                "PAYLOAD_BUCKET": self.payloads.bucket.bucket_name,
                "LINES_TABLE": self.ledger.lines.table_name,
                "DISABLE_AFTER_HOURS": str(self._settings.disable_after_hours),
            },
        )
        function.add_layers(*registry.signing_layers)
        grant(self.ledger.table, function, "dynamodb:UpdateItem")
        grant(self.ledger.lines, function, "dynamodb:UpdateItem")
        grant(registry.endpoints, function, "dynamodb:GetItem", "dynamodb:UpdateItem")
        grant(registry.secrets, function, "dynamodb:GetItem")
        self.payloads.allow(function, "s3:GetObject")
        registry.key.grant_decrypt(function)
        return function

    def _standard(self) -> sfn.StateMachine:
        return self._machine(
            "StateMachine",
            DEFINITION.read_text(),
            kind=sfn.StateMachineType.STANDARD,
            level=sfn.LogLevel.ERROR,
        )

    def _express(self) -> sfn.StateMachine:
        """Return the Express workflow of first attempts, which hands off to the Standard one."""
        definition = first_attempt_definition(
            json.loads(DEFINITION.read_text()), timeout_seconds=self.timeouts.first_attempt
        )
        machine = self._machine(
            "FirstAttempts",
            json.dumps(definition),
            kind=sfn.StateMachineType.EXPRESS,
            level=sfn.LogLevel[self._settings.first_attempt_log_level],
            substitutions={"DeliveryStateMachine": self.state_machine.state_machine_arn},
        )
        self.state_machine.grant_start_execution(machine)
        return machine

    def _machine(
        self,
        construct_id: str,
        definition: str,
        *,
        kind: sfn.StateMachineType,
        level: sfn.LogLevel,
        substitutions: dict[str, str] | None = None,
    ) -> sfn.StateMachine:
        # Only the Standard state machine is kept when the stack is deleted: its executions contain
        # waiting deliveries, while Express executions end within minutes.
        is_standard = kind is sfn.StateMachineType.STANDARD
        kept = self._settings.removal_policy if is_standard else RemovalPolicy.DESTROY
        # from_string puts the definition into the template, where tests can read it; from_file
        # would make an S3 asset of it.
        machine = sfn.StateMachine(
            self,
            construct_id,
            definition_body=sfn.DefinitionBody.from_string(definition),
            definition_substitutions={
                "Partition": Aws.PARTITION,
                "DeliverFunction": self.deliver.function_arn,
                "ClassifyFunction": self.classify.function_arn,
                "ComputeBackoffFunction": self.compute_backoff.function_arn,
                "RecordRetryFunction": self.record_retry.function_arn,
                "LedgerTable": self.ledger.table.table_name,
                "DeadLetterQueue": self.dead_letter_queue.queue_url,
                **(substitutions or {}),
            },
            state_machine_type=kind,
            # Payloads never reach the logs, since execution data is left out (docs/decisions/0011).
            logs=sfn.LogOptions(
                destination=self.log_group, level=level, include_execution_data=False
            ),
            tracing_enabled=is_standard,  # docs/decisions/0011
            removal_policy=kept,
        )
        self._grant(machine)
        except_from(machine, "SF1", "Only errors are logged, at no cost (docs/decisions/0011).")
        if not is_standard:
            except_from(machine, "SF2", "X-Ray traces the Standard one (docs/decisions/0011).")
        except_from(
            machine,
            "IAM5[Resource::*]",
            "The actions of log delivery and X-Ray do not support narrower resources.",
        )
        return machine

    def _count(self, metric_name: str, pattern: str) -> cloudwatch.Metric:
        found = logs.MetricFilter(
            self,
            metric_name,
            log_group=self.log_group,
            filter_pattern=logs.FilterPattern.literal(pattern),
            metric_namespace=self._settings.name,
            metric_name=metric_name,
            metric_value="1",
        )
        return found.metric(statistic=cloudwatch.Stats.SUM, period=Duration.minutes(5))

    def _grant(self, machine: sfn.StateMachine) -> None:
        callees: tuple[lambda_.IFunction, ...] = self.functions
        for function in callees:
            function.grant_invoke_latest_version(machine)
        grant(self.ledger.table, machine, "dynamodb:UpdateItem", "dynamodb:GetItem")
        self.dead_letter_queue.grant(machine, "sqs:SendMessage")


def dead_lettering_queue(
    scope: Construct, construct_id: str, *, settings: NamedSettings, fifo: bool | None = None
) -> sqs.Queue:
    """Return a dead-letter queue; SQS keeps a message for at most 14 days."""
    return sqs.Queue(
        scope,
        construct_id,
        fifo=fifo,  # True for the dead letters of a FIFO queue, else None: `False` would not deploy
        retention_period=Duration.days(14),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        removal_policy=settings.removal_policy,
    )
