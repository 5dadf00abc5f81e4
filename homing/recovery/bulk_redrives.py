"""How bulk redrives are started: by the API for one sender, by an operator for all senders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.ledger.delivery_groups import grouped
from homing.recovery.bulk_redrive import BulkRedrive, before

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_lambda import LambdaClient

    from homing.ledger.delivery_filter import DeliveryFilter
    from homing.ledger.delivery_groups import Group
    from homing.ledger.delivery_index import DeliveryIndex
    from homing.recovery.redrives_table import RedrivesTable


class WatchdogFunction:
    """The function `watchdog`, which runs bulk redrives.

    After an interruption, it continues bulk redrives on its own schedule, without a call of `run`.

    Args:
        arn: the function's ARN.
        client: a Lambda client.
    """

    def __init__(self, arn: str, client: LambdaClient) -> None:
        self._arn = arn
        self._client = client

    def run(self, redrive_id: str) -> None:
        """Continue a bulk redrive now.

        Raises:
            BotoCoreError, ClientError: when the function cannot be invoked; in that case, the bulk
                redrive continues within 15 minutes.
        """
        event = json.dumps({"redriveId": redrive_id})
        self._client.invoke(FunctionName=self._arn, InvocationType="Event", Payload=event.encode())


@dataclass(frozen=True, slots=True)
class BulkRedrives:
    """Starts bulk redrives.

    Every method may raise BotoCoreError or ClientError; the call can be repeated.

    Args:
        redrives: the table of bulk redrives.
        index: reads the lists of deliveries.
        watchdog: the function that runs bulk redrives.
    """

    redrives: RedrivesTable
    index: DeliveryIndex
    watchdog: WatchdogFunction

    def preview(self, wanted: DeliveryFilter, now: datetime) -> list[Group]:
        """Return the deliveries that would be redriven now, grouped by endpoint and cause."""
        return grouped(self.index.all(before(wanted, now), now=now))

    def begin(
        self, redrive_id: str, wanted: DeliveryFilter, rate: float, *, matched: int, now: datetime
    ) -> BulkRedrive:
        """Start a bulk redrive.

        If there is already a bulk redrive with this id, that one continues with its own filter and
        is returned.

        Args:
            redrive_id: the id of the bulk redrive.
            wanted: the filter that selects deliveries.
            rate: how many deliveries are redriven per second at most.
            matched: how many deliveries match now (`preview`).
            now: the time.
        """
        begun = self.redrives.begin(BulkRedrive.begun(redrive_id, wanted, rate, matched, now))
        self.watchdog.run(redrive_id)
        return begun
