"""The records of a batch are read in one call, and each is used once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from homing.ledger.read_ahead import ReadAhead

if TYPE_CHECKING:
    from homing.delivery import Delivery, Reference


@dataclass
class Counting:
    """A DynamoDB client that records its reads. A batch may leave out its last key, or fail."""

    client: Any
    leaves_out: bool = False
    fails: bool = False
    reads: list[str] = field(default_factory=list)

    def get_item(self, **arguments: Any) -> Any:
        self.reads.append("one")
        return self.client.get_item(**arguments)

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803  # botocore's name
        self.reads.append("many")
        if self.fails:
            raise EndpointConnectionError(endpoint_url="x")
        ((table, request),) = RequestItems.items()
        keys = request["Keys"][:-1] if self.leaves_out else request["Keys"]
        found = self.client.batch_get_item(RequestItems={table: {**request, "Keys": keys}})
        left_out = {table: {"Keys": request["Keys"][-1:]}} if self.leaves_out else {}
        return {**found, "UnprocessedKeys": left_out}


@pytest.fixture
def counting(ledger_table: Any) -> Counting:
    return Counting(ledger_table.client)


@pytest.fixture
def two(ledger_table: Any, delivery: Delivery) -> tuple[Reference, Reference]:
    """The references of a delivery with a record, and of one without."""
    ledger = ReadAhead(ledger_table.name, ledger_table.client)
    assert ledger.own(delivery.reference, delivery.to_document()) is None
    return delivery.reference, replace(delivery.reference, message_id="other")


def test_two_records_take_one_call_and_a_second_read_sees_what_is_there_then(
    counting: Any, two: tuple[Reference, Reference]
) -> None:
    ledger = ReadAhead("ledger", counting)
    ledger.read_ahead(two)
    first, other = (ledger.read(each) for each in two)
    assert first is not None
    assert other is None
    assert counting.reads == ["many"]
    assert ledger.read(two[0]) == first
    assert counting.reads == ["many", "one"]


def test_a_record_of_a_previous_acceptance_is_none_as_when_it_is_read_alone(
    counting: Any, two: tuple[Reference, Reference]
) -> None:
    later = replace(two[0], created_at="2099-01-01T00:00:00.000Z")
    ledger = ReadAhead("ledger", counting)
    ledger.read_ahead([later, two[0]])  # the same key twice, which DynamoDB would refuse
    assert ledger.read(later) is None
    assert ledger.read(two[0]) is not None
    assert counting.reads == ["many"]


def test_what_dynamodb_leaves_out_is_read_alone(
    counting: Any, two: tuple[Reference, Reference]
) -> None:
    counting.leaves_out = True
    ledger = ReadAhead("ledger", counting)
    ledger.read_ahead(reversed(two))
    assert ledger.read(two[0]) is not None
    assert counting.reads == ["many", "one"]


def test_a_ledger_that_is_down_fails_each_read_once_without_another_call(
    counting: Any, two: tuple[Reference, Reference]
) -> None:
    counting.fails = True
    ledger = ReadAhead("ledger", counting)
    ledger.read_ahead(two)
    for each in two:
        with pytest.raises(EndpointConnectionError):
            ledger.read(each)
    assert counting.reads == ["many"]
    assert ledger.read(two[0]) is not None


def test_what_an_earlier_batch_left_is_forgotten(
    counting: Any, two: tuple[Reference, Reference]
) -> None:
    ledger = ReadAhead("ledger", counting)
    ledger.read_ahead(two)
    ledger.read_ahead([])
    ledger.read(two[0])
    assert counting.reads == ["many", "one"]
