"""Executions that ended without delivering or dead-lettering their message (`homing broken`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing_cli.client.target import Target

LOOKS_BACK = timedelta(days=14)
# After a delivery has been dead-lettered, the state `DeliveryFailed` ends its execution with the
# ledger status as the error. Such an execution is not broken.
_AS_THEY_SHOULD = frozenset({"FAILED", "MAX_RETRIES_EXCEEDED"})
_STATUSES = ("FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True, slots=True)
class Broken:
    """An execution that ended without delivering or dead-lettering its message.

    Args:
        arn: the ARN of the execution.
        status: FAILED, TIMED_OUT or ABORTED.
        error: the execution's error and cause; empty if it was stopped without an error.
        stopped_at: the time at which the execution ended.
    """

    arn: str
    status: str
    error: str
    stopped_at: datetime

    @property
    def delivery_id(self) -> str:
        """The id of the delivery, which is the name of the execution."""
        return self.arn.rpartition(":")[2]

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "executionArn": self.arn,
            "status": self.status,
            "error": self.error,
            "stoppedAt": to_text(self.stopped_at),
        }


def broken_executions(target: Target, since: datetime | None = None) -> Iterator[Broken]:
    """Yield the broken executions, grouped by status; in each group, the newest first.

    Executions that `homing drain` stopped are left out: their messages have been dead-lettered or
    cancelled.

    Args:
        target: the deployed Homing; the caller needs `states:ListExecutions` and
            `DescribeExecution`.
        since: only executions that ended after this time; by default, in the last 14 days.
    """
    states = target.client("stepfunctions")
    after = since or datetime.now(UTC) - LOOKS_BACK
    for status in _STATUSES:
        pages = states.get_paginator("list_executions").paginate(
            stateMachineArn=target.outputs["StateMachineArn"], statusFilter=status
        )
        for page in pages:
            for each in page["executions"]:
                if each["stopDate"] > after:
                    found = states.describe_execution(executionArn=each["executionArn"])
                    if not _is_as_it_should_be(found):
                        yield _broken(found)


def redrive(target: Target, one: Broken) -> None:
    """Redrive an execution: it continues at the state that failed."""
    target.client("stepfunctions").redrive_execution(executionArn=one.arn)


def _is_as_it_should_be(execution: Mapping[str, Any]) -> bool:
    return execution.get("error") in _AS_THEY_SHOULD | {"Drained"}


def _broken(execution: Mapping[str, Any]) -> Broken:
    told = [execution[name] for name in ("error", "cause") if execution.get(name)]
    return Broken(
        arn=execution["executionArn"],
        status=execution["status"],
        error=": ".join(told),
        stopped_at=execution["stopDate"],
    )
