"""Which changes of the ledger end a delivery in a line."""

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

# The event patterns of these changes; Lambda drops all others without a charge. The second matches
# deliveries that the watchdog settles: they have ended although their record still waits.
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
    """Yield each line that the changes of a batch affect, once.

    Args:
        records: the records of the ledger's stream.

    Returns:
        The sequence number of the line's first change, from which a batch can be retried, the
        line's id, and the delivery that ended last, with its record.
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
