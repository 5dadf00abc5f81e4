"""The actions of an operator on deliveries, by the command line and the console."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from homing.retry.lifetime import YEAR
from homing.timestamps import from_text
from homing_cli.client.recovery import Actions

if TYPE_CHECKING:
    from homing.delivery import Reference


class Deployed:
    """A target whose every client is that of the ledger."""

    def __init__(self, client: Any, ledger: str) -> None:
        self._client = client
        self.outputs = {"LedgerTable": ledger, "StateMachineArn": "arn", "PayloadBucket": "bucket"}

    def client(self, _service: str) -> Any:
        return self._client


def test_a_cancellation_stays_on_record_for_longer_than_an_execution_may_sleep(
    ledger_table: Any, reference: Reference
) -> None:
    """A message may be due in a year, and without a record it would be sent then."""
    now = from_text(reference.created_at)
    deployed = Deployed(ledger_table.client, ledger_table.name)
    done = Actions(deployed, clock=lambda: now).cancel(reference)  # type: ignore[arg-type]
    (record,) = ledger_table.items()
    assert done.result == "CANCELLED"
    assert int(record["ttl"]["N"]) >= (now + YEAR + timedelta(days=1)).timestamp()
