"""Order per key: a function that reads the ledger's stream and queues the next deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from homing.ordering.endings import ENDINGS
from homing.timeouts import RELEASE_SECONDS

from ..functions.function import PythonFunction
from ..storage.table import allow_stream, grant

if TYPE_CHECKING:
    from ..reception.reception import Reception
    from ..settings import NamedSettings
    from ..storage.ledger import Ledger
    from ..storage.registry import Registry

_BATCH_SIZE = 100
# A change that could not be handled for this long is left to the watchdog, so that other lines do
# not wait behind it.
_REPEATED_FOR = Duration.hours(1)


class Release(Construct):
    """Queues the next delivery of a line when the head has ended.

    The attribute `function` is the Lambda function that does this.

    Args:
        settings: what all functions share.
        reception: the delivery queue.
        ledger: the tables of deliveries and of lines.
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
        ledger: Ledger,
        registry: Registry,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = PythonFunction(
            self,
            "Release",
            settings=settings,
            timeout=Duration.seconds(RELEASE_SECONDS),
            memory_size=256,
            environment={
                "LEDGER_TABLE": ledger.table.table_name,
                "ENDPOINTS_TABLE": registry.endpoints.table_name,
                "DELIVERY_QUEUE_URL": reception.queue.queue_url,
                **ledger.ordering_environment,
            },
        )
        ledger.allow_advance(self.function)
        grant(registry.endpoints, self.function, "dynamodb:GetItem")
        reception.queue.grant(self.function, "sqs:SendMessage")
        self.function.add_event_source_mapping(
            "Deliveries",
            event_source_arn=allow_stream(ledger.table, self.function),
            # With `LATEST`, changes could be missed while the event source mapping is created.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=_BATCH_SIZE,
            max_record_age=_REPEATED_FOR,
            report_batch_item_failures=True,
            filters=[lambda_.FilterCriteria.filter(each) for each in ENDINGS],
        )

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The one function of this construct."""
        return (self.function,)
