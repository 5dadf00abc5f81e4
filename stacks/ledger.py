"""The two tables: the ledger of deliveries, and the messages that were accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

    from stacks.settings import StackSettings

ATTENTION_INDEX = "attention"

# What a list of retries and dead letters shows. An entry of the index is written anew with every
# attempt anyway, since its sort key is a time; projecting what changes with it costs no write more.
# The history, which grows, and the correlation id stay out: an entry is well under 1 KB.
_PROJECTED = [
    "messageId",
    "senderId",
    "targetUrl",
    "status",
    "attempts",
    "nextRetryAt",
    "lastUpdatedAt",
]


class Ledger(Construct):
    """The ledger (`table`) and the accepted messages (`messages`).

    Both are billed by request, can be restored to any second of the last 35 days, and forget an
    item at its `ttl`. They are encrypted with DynamoDB's own key, which costs nothing.

    Args:
        settings: deletion protection, and what becomes of the data when the stack is deleted.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings) -> None:
        super().__init__(scope, construct_id)
        self.table = _table(self, "Deliveries", settings, sort_key="sk")
        # Sparse: only an item with `attention` is in it, so a delivery that succeeds at once never
        # touches it. `<status>#<hex digit>` spreads each status over 16 partitions.
        self.table.add_global_secondary_index(
            index_name=ATTENTION_INDEX,
            partition_key=_string("attention"),
            sort_key=_string("attentionAt"),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=_PROJECTED,
        )
        self.messages = _table(self, "Messages", settings)


def grant(table: dynamodb.Table, grantee: iam.IGrantable, *actions: str) -> None:
    """Allow some actions on the table itself; `Table.grant` would add its indexes."""
    dynamodb.TableGrants(table=table, has_index=False).actions(grantee, *actions)


def _table(
    scope: Construct, construct_id: str, settings: StackSettings, sort_key: str | None = None
) -> dynamodb.Table:
    return dynamodb.Table(
        scope,
        construct_id,
        partition_key=_string("pk"),
        sort_key=_string(sort_key) if sort_key else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        time_to_live_attribute="ttl",
        deletion_protection=settings.deletion_protection,
        removal_policy=settings.removal_policy,
    )


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
