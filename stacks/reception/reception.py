"""The IAM API, the functions behind it, the delivery queue, and the dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from homing.ledger.delivery_index import SENDER_INDEX
from homing.timeouts import API_SECONDS

from ..apis.function_url import messages_url
from ..apis.stage import api_stage
from ..exceptions import except_from
from ..functions.function import PythonFunction
from ..storage.table import grant
from ..workflow.workflow import dead_lettering_queue
from .accepting import Accepting
from .warm_up import WarmUp

if TYPE_CHECKING:
    from aws_cdk import CfnElement
    from aws_cdk import aws_stepfunctions as sfn

    from ..settings import NamedSettings
    from ..storage.ledger import Ledger
    from ..storage.registry import Registry
    from ..workflow.workflow import Workflow

# At least 5, so that a throttled dispatcher does not dead-letter good messages ("Configuring a
# queue to use with Lambda", AWS Lambda developer guide).
_MAX_RECEIVE_COUNT = 5
_BATCH_SIZE = 10


class Reception(Construct):
    """Accepts messages and dispatches their deliveries to the workflow.

    Args:
        settings: default policy, retention, concurrency.
        ledger: the tables that `accept` and `get_message` use.
        workflow: the state machines that `dispatch` starts.
        registry: the endpoints that messages may name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        ledger: Ledger,
        workflow: Workflow,
        registry: Registry,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.dead_letter_queue = dead_lettering_queue(
            self, "Undispatched", settings=settings, fifo=True
        )
        self.queue = self._queue("Deliveries", workflow)
        self.bulk_queue = self._queue("Bulk", workflow)
        queues = (self.queue, self.bulk_queue)
        warm_up = WarmUp(self, "WarmUp", functions=(workflow.deliver, workflow.classify))
        self.accepting = Accepting(
            settings, ledger, registry, workflow, *queues, warm_up=warm_up.topic
        )
        self.accept = self._accept()
        self.messages_url = messages_url(self.accept) if settings.messages_url else None
        self.get_message = self._get_message(ledger)
        self.redrive = self._redrive(ledger, workflow)
        self.dispatch = self._dispatch(workflow)
        self.api = apigwv2.HttpApi(
            self,
            "Api",
            description="Homing: send messages and see their status",
            create_default_stage=False,
            default_authorizer=HttpIamAuthorizer(),
        )
        self.stage = api_stage(self, self.api, settings)

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The functions behind the API and the queue."""
        return (self.accept, self.get_message, self.redrive, self.dispatch)

    def _queue(self, construct_id: str, workflow: Workflow) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct_id,
            # A FIFO queue drops duplicates for five minutes and returns only one message of a group
            # at a time (docs/decisions/0006). Each delivery is its own message group, so that no
            # delivery waits for another.
            fifo=True,
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            visibility_timeout=Duration.seconds(workflow.timeouts.visibility),
            retention_period=Duration.days(
                14
            ),  # so that no accepted message is lost in a long outage
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letter_queue, max_receive_count=_MAX_RECEIVE_COUNT
            ),
            removal_policy=self._settings.removal_policy,
        )

    def _accept(self) -> PythonFunction:
        function = PythonFunction(
            self,
            "Accept",
            settings=self._settings,
            timeout=Duration.seconds(API_SECONDS),
            memory_size=512,
            environment=self.accepting.environment,
        )
        self.accepting.allow(function)
        if self._settings.sender_rate_per_second:
            grant(self.accepting.ledger.messages, function, "dynamodb:UpdateItem")
        if self._settings.accept_concurrency:
            function.reserve(self._settings.accept_concurrency)
        return function

    def _get_message(self, ledger: Ledger) -> PythonFunction:
        function = PythonFunction(
            self,
            "GetMessage",
            settings=self._settings,
            timeout=Duration.seconds(API_SECONDS),
            memory_size=512,
            environment={
                "MESSAGES_TABLE": ledger.messages.table_name,
                "LEDGER_TABLE": ledger.table.table_name,
                **ledger.ordering_environment,
            },
        )
        grant(ledger.messages, function, "dynamodb:GetItem")
        grant(ledger.table, function, "dynamodb:Query")
        grant(ledger.lines, function, "dynamodb:GetItem")
        grant(ledger.places, function, "dynamodb:Query")
        ledger.allow_lists(function, SENDER_INDEX)
        return function

    def _redrive(self, ledger: Ledger, workflow: Workflow) -> PythonFunction:
        function = PythonFunction(
            self,
            "Redrive",
            settings=self._settings,
            timeout=Duration.seconds(API_SECONDS),
            memory_size=512,
            environment={
                "MESSAGES_TABLE": ledger.messages.table_name,
                "LEDGER_TABLE": ledger.table.table_name,
                "STATE_MACHINE_ARN": workflow.state_machine.state_machine_arn,
                "PAYLOAD_BUCKET": workflow.payloads.bucket.bucket_name,
                **ledger.ordering_environment,
            },
        )
        workflow.payloads.allow_renewal(function)
        grant(ledger.messages, function, "dynamodb:GetItem")
        grant(ledger.lines, function, "dynamodb:GetItem")
        grant(ledger.places, function, "dynamodb:Query")
        grant(
            ledger.table, function, *(f"dynamodb:{do}" for do in ("Query", "GetItem", "UpdateItem"))
        )
        ledger.allow_lists(function, SENDER_INDEX)
        workflow.state_machine.grant_start_execution(function)
        workflow.state_machine.grant_execution(function, "states:DescribeExecution")
        except_executions(function, workflow.state_machine)
        return function

    def _dispatch(self, workflow: Workflow) -> PythonFunction:
        first_attempts = workflow.first_attempts
        function = PythonFunction(
            self,
            "Dispatch",
            settings=self._settings,
            timeout=Duration.seconds(workflow.timeouts.dispatch),
            memory_size=256,  # MB; a full batch takes 68 MB (benchmarks/memory.py)
            environment={
                "STATE_MACHINE_ARN": workflow.state_machine.state_machine_arn,
                "FIRST_ATTEMPT_ARN": first_attempts.state_machine_arn if first_attempts else "",
                "FIRST_ATTEMPT_TIMEOUT_SECONDS": str(workflow.timeouts.first_attempt),
                "LEDGER_TABLE": workflow.ledger.table.table_name,
                "DELIVERY_QUEUE_URL": self.queue.queue_url,
                "BULK_QUEUE_URL": self.bulk_queue.queue_url,
                "DEAD_LETTER_QUEUE_URL": workflow.dead_letter_queue.queue_url,
                "ATTEMPT_TIMEOUT_SECONDS": f"{self._settings.attempt_timeout_seconds:g}",
                "ATTEMPTS_PER_ENDPOINT": str(self._settings.attempts_per_endpoint),
                "SLOW_THRESHOLD_SECONDS": f"{self._settings.slow_threshold_seconds:g}",
                "FIRST_WAIT_SECONDS": f"{self._settings.first_wait_seconds:g}",
            },
        )
        workflow.state_machine.grant_start_execution(function)
        allowed = ("PutItem", "GetItem", "UpdateItem")
        grant(workflow.ledger.table, function, *(f"dynamodb:{do}" for do in allowed))
        workflow.dead_letter_queue.grant(function, "sqs:SendMessage")
        if first_attempts:
            grant(workflow.ledger.table, function, "dynamodb:BatchGetItem")  # to read ahead
            first_attempts.grant_start_sync_execution(function)
        # The event source also grants sqs:ChangeMessageVisibility. `dispatch` needs it to postpone
        # the redelivery of a message whose first attempt is detached.
        for queue in (self.queue, self.bulk_queue):
            function.add_event_source(
                SqsEventSource(
                    queue,
                    batch_size=_BATCH_SIZE,
                    report_batch_item_failures=True,
                    max_concurrency=self._settings.dispatch_concurrency,
                )
            )
        return function


def except_executions(function: PythonFunction, machine: sfn.StateMachine) -> None:
    """Exempt a wildcard for a state machine's executions: their names are not known yet."""
    node = machine.node.default_child
    name = Stack.of(machine).get_logical_id(cast("CfnElement", node))
    ours = f'{{"Fn::Select":[6,{{"Fn::Split":[":",{{"Ref":"{name}"}}]}}]}}'
    place = "<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    except_from(
        function.own_role,
        f"IAM5[Resource::arn:{place}:execution:{ours}:*]",
        "Any execution of this one state machine: each execution is named after its delivery.",
    )
