"""`look` opens a connection. It changes nothing, and needs only permissions of the functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from homing.dispatch.executions import FirstAttempts
from homing.ledger.table import Ledger
from homing.queues.deliveries import DeliveryQueue

if TYPE_CHECKING:
    from homing.delivery import Delivery


def test_a_look_at_the_ledger_reads_a_record_that_no_delivery_has(ledger_table: Any) -> None:
    Ledger(ledger_table.name, ledger_table.client).look()
    assert ledger_table.items() == []


@pytest.mark.usefixtures("aws")
def test_a_look_at_the_queue_leaves_its_messages_alone(delivery: Delivery) -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    queue = DeliveryQueue(url, client)
    queue.send([delivery])
    queue.look()
    asked = ["ApproximateNumberOfMessages"]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
    assert found["ApproximateNumberOfMessages"] == "1"


class Refusing:
    """A Step Functions client that refuses every call, with the arguments in the error."""

    def start_sync_execution(self, **given: str) -> None:
        """Refuse."""
        raise ValueError(given)


def test_a_look_at_the_workflow_names_no_state_machine_so_that_nothing_can_start() -> None:
    client: Any = Refusing()
    with pytest.raises(ValueError, match=r"\{.stateMachineArn.: .-.\}"):
        FirstAttempts("arn:machine", 60, client).look()
