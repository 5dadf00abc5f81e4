"""The function `release`: it queues the next delivery of a line when the head has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from homing import deadline
from homing.ordering.endings import ended_lines
from homing.ordering.releasing import Releasing
from homing.settings import ReleaseSettings
from lambdas.initialization import initialize
from lambdas.observation import log_line

if TYPE_CHECKING:
    from homing.delivery import Reference
    from homing.ledger.record import Record


@cache
def _releasing() -> Releasing:
    return Releasing.connect(ReleaseSettings.from_env())


def _now() -> datetime:
    return datetime.now(UTC)


def _advance(line_id: str, ended: tuple[Reference, Record]) -> bool:
    """Queue the next delivery of a line, if any; return False if this must be retried."""
    try:
        result = _releasing().advance(line_id, _now(), ended)
    except Exception as error:  # noqa: BLE001  # an error in one line must not stop the others
        log_line(line_id, error)
        return False
    log_line(line_id, result)
    return True


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Queue the next delivery in the line of each delivery that has ended.

    If that fails, Lambda retries from the first change of the ledger that could not be handled.
    """
    deadline.begin(context)
    lines = ended_lines(event["Records"])
    failed = [number for number, line_id, ended in lines if not _advance(line_id, ended)]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed[:1]]}


initialize(_releasing)
