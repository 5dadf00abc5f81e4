"""Traces of messages: each delivery with its attempts, from its execution and from the ledger.

The ledger has every attempt; the history of an execution adds the states and their times. First
attempts run as Express executions, for which Step Functions keeps no history, so their only source
is the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing import timestamps
from homing.ledger.table import Ledger
from homing.retry.classification import Status
from homing_cli.client.deliveries import DeliveryView, views
from homing_cli.traces import execution_history
from homing_cli.traces.executions import Executions
from homing_cli.traces.story import tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing_cli.client.api import ApiClient
    from homing_cli.client.target import Target
    from homing_cli.traces.story import Story


@dataclass(frozen=True, slots=True)
class Trace:
    """A delivery and its execution.

    Args:
        delivery: the delivery as the API returns it.
        execution: the response of `DescribeExecution`; None without a Standard execution (the
            delivery ended at the first attempt or is not yet dispatched, or the execution was
            deleted after 90 days).
        attempts: its attempts, oldest first.
    """

    delivery: DeliveryView
    execution: Mapping[str, Any] | None
    attempts: tuple[execution_history.Attempt, ...]

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        execution = self.execution or {}
        started, stopped = execution.get("startDate"), execution.get("stopDate")
        return {
            "deliveryId": self.delivery.reference.delivery_id,
            "targetUrl": self.delivery.reference.target_url,
            "eventType": self.delivery.reference.event_type,
            "status": self.delivery.status,
            "executionArn": execution.get("executionArn"),
            "executionStatus": execution.get("status"),
            "startedAt": started and timestamps.to_text(started),
            "stoppedAt": stopped and timestamps.to_text(stopped),
            "attempts": [attempt.to_document() for attempt in self.attempts],
        }


def trace(
    target: Target, api: ApiClient, message_id: str, sender_id: str | None = None
) -> tuple[Trace, ...]:
    """Return a trace of each delivery of a message.

    Raises:
        NotFoundError: when no such message has been accepted.
        ApiError: when the API cannot be reached.
    """
    client = target.client("stepfunctions")
    prefix = target.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:")
    return tuple(
        _trace(client, f"{prefix}:{_execution_name(view)}", view)
        for view in views(api.message(message_id, sender_id))
    )


def story(target: Target, view: DeliveryView) -> Story:
    """Return the history of a delivery as shown by the console.

    The response to a failed first attempt is in the ledger record, which only operators may read.

    Raises:
        ClientError: when the caller may not read executions or the ledger.
    """
    record = dict(view.document)
    if view.status in {Status.FAILED, Status.MAX_RETRIES_EXCEEDED}:
        ledger = Ledger(target.outputs["LedgerTable"], target.client("dynamodb"))
        kept = ledger.read(view.reference)
        if kept is not None and kept.dead_letter is not None:
            record["deadLetter"] = kept.dead_letter
    return tell(record, Executions(target).of_delivery(record))


def _trace(client: Any, arn: str, view: DeliveryView) -> Trace:
    try:
        execution = client.describe_execution(executionArn=arn)
    except client.exceptions.ExecutionDoesNotExist:
        return Trace(view, None, merged(view, ()))
    seen = execution_history.attempts(execution_history.visits(_events(client, arn)))
    return Trace(view, execution, merged(view, seen))


def _execution_name(view: DeliveryView) -> str:
    """Return the name of the latest execution of a delivery."""
    return str(view.document.get("executionName", view.reference.delivery_id))


def merged(
    view: DeliveryView, seen: tuple[execution_history.Attempt, ...]
) -> tuple[execution_history.Attempt, ...]:
    """Merge the attempts in the ledger with those in an execution's history, in order.

    After each redrive, attempts are counted from 0 again. The attempts before the latest redrive
    come from the ledger only.
    """
    numbers = {attempt.number for attempt in seen}
    entries = view.document.get("retryHistory") or []
    redrives = view.document.get("redriveHistory") or [{"attemptsOnRecord": 0}]
    before = int(redrives[-1]["attemptsOnRecord"])
    alone = [
        execution_history.recorded(each)
        for each in entries[before:]
        if each["attemptNumber"] not in numbers
    ]
    return (
        *(execution_history.recorded(each) for each in entries[:before]),
        *sorted((*alone, *seen), key=lambda attempt: attempt.number),
    )


def _events(client: Any, arn: str) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    for page in pages:
        yield from page["events"]
