"""The actions of the console on chosen deliveries, against SQS and DynamoDB in moto."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from seeded import record

from homing.delivery import Reference
from homing.items import to_dynamodb
from homing.ledger.delivery_filter import DeliveryFilter
from homing.ledger.delivery_index import DeliveryIndex
from homing_cli.console.actions.chosen import ActionError, Chosen
from homing_cli.console.actions.console_actions import ConsoleActions

if TYPE_CHECKING:
    from homing.delivery import Delivery

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FAILED = [record(number, NOW) for number in (8, 18)]
VERDICT = {"status": "FAILED", "category": "GONE", "reason": "HTTP 410"}


@dataclass(frozen=True)
class Moto:
    """A target with nothing but the ledger and the dead-letter queue."""

    clients: dict[str, Any]
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        return self.clients.get(service)


@pytest.fixture
def actions(ledger_table: Any, delivery_queue: Any, delivery: Delivery) -> ConsoleActions:
    """Two failed deliveries in the ledger; the first has a dead letter in the queue."""
    for one in FAILED:
        typed = {name: to_dynamodb(value) for name, value in one.items()}
        ledger_table.client.put_item(TableName=ledger_table.name, Item=typed)
    first = replace(delivery, reference=Reference.from_document(FAILED[0]))
    body = json.dumps(first.to_document() | {"verdict": VERDICT, "attempts": 1})
    delivery_queue.client.send_message(QueueUrl=delivery_queue.url, MessageBody=body)
    target: Any = Moto(
        {"dynamodb": ledger_table.client, "sqs": delivery_queue.client},
        {
            "LedgerTable": ledger_table.name,
            "DeadLetterQueueUrl": delivery_queue.url,
            "StateMachineArn": "arn",
            "PayloadBucket": "payloads",
        },
    )
    catalogue: Any = None
    return ConsoleActions(target, catalogue)


def test_what_is_discarded_leaves_the_queue_and_all_lists_but_its_record_stays(
    actions: ConsoleActions, ledger_table: Any, delivery_queue: Any
) -> None:
    chosen = [Chosen.of(Reference.from_document(one)) for one in FAILED]
    gone, missing = actions.act("discard", chosen)
    assert (gone.chosen, gone.complaint) == (chosen[0], "")
    assert missing.complaint == "not in the queue, or held by another reader at the moment"
    assert delivery_queue.take() == []
    index = DeliveryIndex(ledger_table.name, ledger_table.client)
    assert [one.message_id for one in index.all(DeliveryFilter(), now=NOW)] == ["seed-00018"]
    assert len(ledger_table.items()) == 2


def test_an_action_that_there_is_not_is_refused(actions: ConsoleActions) -> None:
    with pytest.raises(ActionError, match="there is no action explode"):
        actions.act("explode", [])
