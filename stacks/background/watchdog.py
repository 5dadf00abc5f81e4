"""The watchdog: a scheduled function that resumes deliveries whose execution is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from homing.ledger.delivery_index import INDEXES
from homing.timeouts import WATCHDOG_EVERY_SECONDS, WATCHDOG_SECONDS

from ..functions.function import PythonFunction
from ..reception.reception import except_executions
from ..storage.table import grant

if TYPE_CHECKING:
    from ..reception.reception import Reception
    from ..settings import NamedSettings
    from ..storage.registry import Registry
    from ..workflow.workflow import Workflow


class Watchdog(Construct):
    """The watchdog and its schedule; the attribute `function` is its Lambda function.

    Args:
        settings: what all functions share.
        reception: the delivery queue and the queue of undispatched messages.
        workflow: the Standard workflow, the dead-letter queue and the ledger.
        registry: the endpoints, whose setting `ordering` determines whether a failure blocks a
            line.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        reception: Reception,
        workflow: Workflow,
        registry: Registry,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = PythonFunction(
            self,
            "Watchdog",
            settings=settings,
            timeout=Duration.seconds(WATCHDOG_SECONDS),
            memory_size=256,
            environment={
                "LEDGER_TABLE": workflow.ledger.table.table_name,
                "REDRIVES_TABLE": workflow.ledger.redrives.table_name,
                "ENDPOINTS_TABLE": registry.endpoints.table_name,
                **workflow.ledger.ordering_environment,
                "PAYLOAD_BUCKET": workflow.payloads.bucket.bucket_name,
                "STATE_MACHINE_ARN": workflow.state_machine.state_machine_arn,
                "DELIVERY_QUEUE_URL": reception.queue.queue_url,
                "UNDISPATCHED_QUEUE_URL": reception.dead_letter_queue.queue_url,
                "DEAD_LETTER_QUEUE_URL": workflow.dead_letter_queue.queue_url,
            },
        )
        self._allow(reception, workflow)
        workflow.ledger.allow_advance(self.function)
        grant(workflow.ledger.places, self.function, "dynamodb:Scan")
        grant(registry.endpoints, self.function, "dynamodb:GetItem")
        self._run_redrives_of(reception.redrive, workflow)
        events.Rule(
            self,
            "Schedule",
            description="Runs the watchdog",
            schedule=events.Schedule.rate(Duration.seconds(WATCHDOG_EVERY_SECONDS)),
            # A failed run is not retried: the next run does its work.
            targets=[targets.LambdaFunction(self.function, retry_attempts=0)],
        )

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The one function of this construct."""
        return (self.function,)

    def _allow(self, reception: Reception, workflow: Workflow) -> None:
        table, machine = workflow.ledger.table, workflow.state_machine
        of_records = ("GetItem", "BatchGetItem", "UpdateItem")
        grant(table, self.function, *(f"dynamodb:{do}" for do in of_records))
        workflow.ledger.allow_lists(self.function, *INDEXES)
        of_redrives = ("GetItem", "PutItem", "UpdateItem", "Query", "Scan")
        grant(workflow.ledger.redrives, self.function, *(f"dynamodb:{do}" for do in of_redrives))
        workflow.payloads.allow_renewal(self.function)
        machine.grant_start_execution(self.function)
        machine.grant_execution(self.function, "states:DescribeExecution")
        except_executions(self.function, machine)
        undispatched = reception.dead_letter_queue
        undispatched.grant(self.function, "sqs:ReceiveMessage", "sqs:DeleteMessage")
        for queue in (reception.queue, workflow.dead_letter_queue):
            queue.grant(self.function, "sqs:SendMessage")
        workflow.dead_letter_queue.grant(self.function, "sqs:ReceiveMessage", "sqs:DeleteMessage")

    def _run_redrives_of(self, redrive: PythonFunction, workflow: Workflow) -> None:
        """Allow a function to start bulk redrives, which the watchdog runs, and to stop them."""
        redrive.add_environment("REDRIVES_TABLE", workflow.ledger.redrives.table_name)
        redrive.add_environment("WATCHDOG_ARN", self.function.function_arn)
        of_redrives = ("GetItem", "PutItem", "UpdateItem")
        grant(workflow.ledger.redrives, redrive, *(f"dynamodb:{do}" for do in of_redrives))
        self.function.grant_invoke_latest_version(redrive)
