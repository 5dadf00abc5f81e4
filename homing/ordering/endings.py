"""Finds the lines of ordered deliveries in which a change to the ledger has ended a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.delivery import Reference
from homing.items import from_dynamodb
from homing.ledger.record import FAILED, WAITING, Record
from homing.ordering.line import line_id_of
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ENDS = sorted(each.value for each in (*FAILED, Status.DELIVERED, Status.CANCELLED))
_IS_ORDERED = {"line": {"S": [{"exists": True}]}}

# The event patterns for changes to the ledger that end a delivery in a line; Lambda drops all other
# changes without charge. The second pattern matches deliveries that the watchdog no longer
# examines: they have ended, although the status in their records says that they wait.
ENDINGS: list[dict[str, Any]] = [
    {"dynamodb": {"NewImage": {**_IS_ORDERED, "status": {"S": _ENDS}}}},
    {
        "dynamodb": {
            "NewImage": {
                **_IS_ORDERED,
                "status": {"S": sorted(each.value for each in WAITING)},
                "attention": {"S": [{"exists": False}]},
            }
        }
    },
]


def ended_lines(
    records: Sequence[dict[str, Any]],
) -> Iterator[tuple[str, str, tuple[Reference, Record]]]:
    """Yield, once each, the lines in which a batch of changes has ended a delivery.

    Args:
        records: the records of the ledger's stream.

    Yields:
        The sequence number of the first change to a delivery of the line, from which Lambda can
        retry the batch; the line's id; and the delivery of the line that ended last, with its
        record.
    """
    first: dict[str, str] = {}
    last: dict[str, tuple[Reference, Record]] = {}
    for record in records:
        item = from_dynamodb(record["dynamodb"]["NewImage"])
        reference = Reference.from_document(item)
        line_id = line_id_of(reference)
        first.setdefault(line_id, record["dynamodb"]["SequenceNumber"])
        last[line_id] = reference, Record.from_attributes(item)
    for line_id, number in first.items():
        yield number, line_id, last[line_id]
