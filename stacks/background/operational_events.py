"""Operational events: a function that puts events on the event bus when two tables change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from homing.operational_events.deliveries import delivery_patterns
from homing.operational_events.endpoints import ENDPOINT_PATTERNS
from homing.operational_events.event import SOURCE
from homing.timeouts import OPERATIONAL_EVENTS_SECONDS

from ..functions.function import PythonFunction
from ..storage.table import allow_stream, grant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_dynamodb as dynamodb

    from ..settings import NamedSettings
    from ..storage.ledger import Ledger
    from ..storage.registry import Registry

_BATCH_SIZE = 100


class OperationalEvents(Construct):
    """The function that puts operational events on the default event bus.

    Args:
        settings: what all functions share, and whether every successful delivery leads to an event.
        ledger: the table of deliveries.
        registry: the table of endpoints.
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
        self.function = PythonFunction(
            self,
            "OperationalEvents",
            settings=settings,
            timeout=Duration.seconds(OPERATIONAL_EVENTS_SECONDS),
            memory_size=256,
            environment={
                "LEDGER_TABLE": ledger.table.table_name,
                "ENDPOINTS_TABLE": registry.endpoints.table_name,
                "DELIVERED_EVENTS": json.dumps(settings.delivered_events),
            },
        )
        self._allow_events()
        grant(registry.endpoints, self.function, "dynamodb:GetItem")
        self._watch(
            "Deliveries", ledger.table, delivery_patterns(delivered=settings.delivered_events)
        )
        self._watch("Endpoints", registry.endpoints, ENDPOINT_PATTERNS)

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The one function of this construct."""
        return (self.function,)

    def _watch(
        self, construct_id: str, table: dynamodb.Table, patterns: Sequence[dict[str, Any]]
    ) -> None:
        """Invoke the function with the changes of a table that match one of the patterns.

        A failed batch is retried for a day, which is how long the stream keeps it. Meanwhile, later
        changes in the same shard of the stream wait behind it.
        """
        stream = allow_stream(table, self.function)
        self.function.add_event_source_mapping(
            construct_id,
            event_source_arn=stream,
            # With `LATEST`, changes could be missed while the event source mapping is created.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=_BATCH_SIZE,
            bisect_batch_on_error=True,
            filters=[lambda_.FilterCriteria.filter(each) for each in patterns],
        )

    def _allow_events(self) -> None:
        bus = Stack.of(self).format_arn(
            service="events", resource="event-bus", resource_name="default"
        )
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["events:PutEvents"],
                resources=[bus],
                conditions={"StringEquals": {"events:source": SOURCE}},
            )
        )
