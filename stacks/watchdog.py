"""The watchdog: a function that runs on a schedule and takes up what no execution goes on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from homing.timeouts import WATCHDOG_EVERY_SECONDS, WATCHDOG_SECONDS

from .function import PythonFunction
from .reception import except_executions
from .storage.ledger import ATTENTION_INDEX
from .storage.table import grant

if TYPE_CHECKING:
    from .reception import Reception
    from .settings import NamedSettings
    from .workflow import Workflow


class Watchdog(Construct):
    """The watchdog (`function`) and its schedule.

    Args:
        settings: what all functions share.
        reception: the delivery queue and the queue of undispatched messages.
        workflow: the Standard workflow, the dead-letter queue and the ledger.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        reception: Reception,
        workflow: Workflow,
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
                "STATE_MACHINE_ARN": workflow.state_machine.state_machine_arn,
                "DELIVERY_QUEUE_URL": reception.queue.queue_url,
                "UNDISPATCHED_QUEUE_URL": reception.dead_letter_queue.queue_url,
                "DEAD_LETTER_QUEUE_URL": workflow.dead_letter_queue.queue_url,
            },
        )
        self._allow(reception, workflow)
        events.Rule(
            self,
            "Schedule",
            description="Runs the watchdog",
            schedule=events.Schedule.rate(Duration.seconds(WATCHDOG_EVERY_SECONDS)),
            # A run that fails is made up for by the next one.
            targets=[targets.LambdaFunction(self.function, retry_attempts=0)],
        )

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """Its function."""
        return (self.function,)

    def _allow(self, reception: Reception, workflow: Workflow) -> None:
        table, machine = workflow.ledger.table, workflow.state_machine
        grant(table, self.function, "dynamodb:GetItem", "dynamodb:UpdateItem")
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["dynamodb:Query"],
                resources=[f"{table.table_arn}/index/{ATTENTION_INDEX}"],
            )
        )
        machine.grant_start_execution(self.function)
        machine.grant_execution(self.function, "states:DescribeExecution")
        except_executions(self.function, machine)
        undispatched = reception.dead_letter_queue
        undispatched.grant(self.function, "sqs:ReceiveMessage", "sqs:DeleteMessage")
        for queue in (reception.queue, workflow.dead_letter_queue):
            queue.grant(self.function, "sqs:SendMessage")
