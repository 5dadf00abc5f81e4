"""Two tables: the ledger of deliveries, and the accepted messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from .table import string, table

if TYPE_CHECKING:
    from ..settings import NamedSettings

ATTENTION_INDEX = "attention"

# The attributes that a list of retries and dead letters shows. Every attempt rewrites the index
# entry anyway, since its sort key is a time, so projecting attributes that change with it costs no
# further write. The history, which grows, and the correlation id stay out: an entry is well under 1
# KB.
_PROJECTED = [
    "messageId",
    "senderId",
    "targetUrl",
    "endpointId",
    "eventType",
    "status",
    "attempts",
    "nextRetryAt",
    "lastUpdatedAt",
]


class Ledger(Construct):
    """The ledger (`table`) and the accepted messages (`messages`).

    In both an item expires at its `ttl`.

    Args:
        settings: deletion protection and removal policy.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: NamedSettings) -> None:
        super().__init__(scope, construct_id)
        self.table = table(self, "Deliveries", settings, sort_key="sk", ttl="ttl", streams=True)
        # Sparse: only an item with `attention` is in it, so a delivery that succeeds at once never
        # touches it. `<status>#<hex digit>` spreads each status over 16 partitions.
        self.table.add_global_secondary_index(
            index_name=ATTENTION_INDEX,
            partition_key=string("attention"),
            sort_key=string("attentionAt"),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=_PROJECTED,
        )
        self.messages = table(self, "Messages", settings, ttl="ttl")
