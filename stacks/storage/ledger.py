"""The tables of deliveries (the ledger), accepted messages, bulk redrives and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from homing.ledger.delivery_index import INDEXES, PROJECTED

from .table import grant, string, table

if TYPE_CHECKING:
    from ..functions.function import PythonFunction
    from ..settings import NamedSettings


class Ledger(Construct):
    """The tables of deliveries, messages, bulk redrives and lines.

    `table` is the ledger, `messages` contains the accepted messages, and `redrives` the bulk
    redrives. For deliveries with an `orderingKey`, `lines` contains the progress of each line, and
    `places` contains the deliveries that wait in lines. In each table an item expires at its `ttl`.

    Args:
        settings: deletion protection and removal policy.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: NamedSettings) -> None:
        super().__init__(scope, construct_id)
        self.table = table(self, "Deliveries", settings, sort_key="sk", ttl="ttl", streams=True)
        # These indexes are sparse: a delivery that succeeds at its first attempt lacks their key
        # attributes, so it is in none of them. The partition keys end with `<status>#<hex digit>`,
        # which spreads each status over 16 partitions.
        for index in INDEXES:
            self.table.add_global_secondary_index(
                index_name=index,
                partition_key=string(index),
                sort_key=string("attentionAt"),
                projection_type=dynamodb.ProjectionType.INCLUDE,
                non_key_attributes=list(PROJECTED),
            )
        self.messages = table(self, "Messages", settings, ttl="ttl")
        self.redrives = table(self, "Redrives", settings, sort_key="sk", ttl="ttl")
        self.lines = table(self, "Lines", settings, ttl="ttl")
        self.places = table(self, "Places", settings, sort_key="sk", ttl="ttl")

    @property
    def ordering_environment(self) -> dict[str, str]:
        """The environment variables with the names of the tables of lines and places."""
        return {"LINES_TABLE": self.lines.table_name, "PLACES_TABLE": self.places.table_name}

    def allow_advance(self, function: PythonFunction) -> None:
        """Allow a function to advance lines, except for writing to the delivery queue."""
        grant(self.lines, function, "dynamodb:GetItem", "dynamodb:UpdateItem")
        grant(self.places, function, "dynamodb:Query", "dynamodb:DeleteItem")
        grant(self.table, function, "dynamodb:GetItem")

    def allow_lists(self, function: PythonFunction, *indexes: str) -> None:
        """Allow a function to list deliveries from these indexes."""
        arns = [f"{self.table.table_arn}/index/{index}" for index in indexes]
        function.add_to_role_policy(iam.PolicyStatement(actions=["dynamodb:Query"], resources=arns))
