"""Redrive, retry now, cancel: what an operator can do with a delivery.

Each intervention is one conditional step. It can be repeated, and it never doubles a delivery, even
if something else happens to the delivery at the same time (docs/decisions/0057):

    redrive     moves a delivery that has failed to the next generation with one update of the
                ledger, then starts the execution of that generation
    retry now   starts an execution of the next generation; its first state claims the attempt, or
                finds that the sleeping execution has claimed it
    cancel      records that the delivery has ended; an execution that wakes up later finds this
                and stops
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from homing.delivery import document_text
from homing.ledger.generation import execution_name, generation_of, redriven, taken_over
from homing.payloads.reference import PayloadReference
from homing.retry.classification import Status
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from homing.delivery import Reference
    from homing.dispatch.executions import Workflow
    from homing.ledger.record import Record
    from homing.ledger.table import Ledger


class Result(StrEnum):
    """The result of an intervention."""

    REDRIVEN = "REDRIVEN"
    ALREADY_REDRIVEN = "ALREADY_REDRIVEN"
    RETRIED_NOW = "RETRIED_NOW"
    CANCELLED = "CANCELLED"
    PASSED_OVER = "PASSED_OVER"
    UNDER_WAY = "UNDER_WAY"
    ENDED = "ENDED"
    DEAD_LETTER_MISSING = "DEAD_LETTER_MISSING"
    NOT_WAITING = "NOT_WAITING"

    @property
    def settles_dead_letter(self) -> bool:
        """Whether the dead letter is no longer needed and may be deleted."""
        return self in {Result.REDRIVEN, Result.ALREADY_REDRIVEN, Result.ENDED}


@dataclass(frozen=True, slots=True)
class Interventions:
    """Redrives, retries and cancels deliveries.

    Args:
        ledger: the ledger.
        workflow: the Standard workflow.
        renew: renews the retention of a payload in S3; returns False if the payload no longer
            exists (docs/decisions/0054).
        pass_over: releases the line that a failed delivery blocks; returns False if it blocks none.
    """

    ledger: Ledger
    workflow: Workflow
    renew: Callable[[PayloadReference], bool]
    pass_over: Callable[[Reference, datetime], bool] = lambda _reference, _now: False

    def redrive_dead_letter(
        self, dead_letter: Mapping[str, Any], reference: Reference, *, now: datetime
    ) -> Result:
        """Redrive a delivery from its dead letter, which is a delivery document.

        If the delivery has been redriven from this dead letter before, nothing new is started.

        Raises:
            BotoCoreError, ClientError: when the ledger or Step Functions fails; keep the dead
                letter and repeat the call.
        """
        record = self.ledger.read(reference)
        if record and record.generation > generation_of(dead_letter):
            return self._again(dead_letter, reference, record, now)
        if record and not (record.is_waiting or record.has_failed):
            return Result.ENDED
        if record and record.is_waiting and not self._lags(dead_letter, reference, record):
            return Result.UNDER_WAY
        if not self._outlives(dead_letter["request"]):
            return Result.DEAD_LETTER_MISSING
        return self._begin_anew(dead_letter, reference, record, now)

    def redrive(self, reference: Reference, *, now: datetime) -> Result:
        """Redrive a failed delivery, with the payload from its ledger record or its execution.

        Raises:
            BotoCoreError, ClientError: when the ledger or Step Functions fails; repeat the call.
        """
        record = self.ledger.read(reference)
        if record is None or record.status is Status.RETRY_SCHEDULED:
            return Result.UNDER_WAY
        if record.status in {Status.DELIVERED, Status.CANCELLED}:
            return Result.ENDED
        if record.status is Status.QUEUED and not record.generation:
            return Result.UNDER_WAY
        kept = self._kept(reference, record)
        if kept is None:
            return Result.DEAD_LETTER_MISSING
        if record.status is Status.QUEUED:
            return self._again(kept, reference, record, now)
        dead_letter = {**kept, "generation": record.generation, "attempts": record.attempts}
        return self.redrive_dead_letter(dead_letter, reference, now=now)

    def retry_now(self, reference: Reference, *, now: datetime) -> Result:
        """Make the next attempt of a waiting delivery now.

        Raises:
            BotoCoreError, ClientError: when AWS refuses a call; in that case, nothing has changed.
        """
        record = self.ledger.read(reference)
        if record is None:
            return Result.NOT_WAITING
        if not record.is_waiting:
            return Result.ENDED
        sleeping = self.workflow.describe(_execution(reference, record))
        if sleeping is None or not sleeping.is_running:
            return Result.NOT_WAITING
        document = taken_over(sleeping.document, record, now)
        claimed = record.claimed_attempt
        if claimed is not None and claimed >= document["attemptNumber"]:
            return Result.UNDER_WAY
        name = execution_name(
            reference.delivery_id, document["generation"], document["attemptNumber"]
        )
        self.workflow.start(name, document_text(document))
        return Result.RETRIED_NOW

    def cancel(self, reference: Reference, *, now: datetime, expires_at: int) -> Result:
        """Cancel a delivery; a request that has been sent cannot be recalled.

        A failed delivery that blocks its line stays failed, and the line continues (`PASSED_OVER`).

        Args:
            reference: the delivery.
            now: the time.
            expires_at: when the record may be deleted, in epoch seconds. It is used only if the
                delivery has no record yet, so that this call creates it.

        Raises:
            BotoCoreError, ClientError, DependencyError: when AWS refuses a call; it can be retried.
        """
        if self.ledger.cancel(reference, at=to_text(now), expires_at=expires_at):
            return Result.CANCELLED
        record = self.ledger.read(reference)
        if record is not None and record.status is Status.CANCELLED:
            return Result.CANCELLED
        is_failure = record is not None and record.has_failed and reference.ordering_key is not None
        return Result.PASSED_OVER if is_failure and self.pass_over(reference, now) else Result.ENDED

    def _begin_anew(
        self,
        dead_letter: Mapping[str, Any],
        reference: Reference,
        seen: Record | None,
        now: datetime,
    ) -> Result:
        """Move the delivery to its next generation, if its record is unchanged."""
        document = redriven(dead_letter, generation_of(dead_letter) + 1, now)
        name = execution_name(reference.delivery_id, document["generation"])
        if self.ledger.redrive(reference, seen, document, name, at=to_text(now)):
            self.workflow.start(name, document_text(document))
            return Result.REDRIVEN
        # Either another redrive was faster, or boto3 has retried a write of ours that succeeded.
        record = self.ledger.read(reference)
        if record is None or record.generation != document["generation"]:
            return Result.UNDER_WAY
        result = self._again(dead_letter, reference, record, now)
        return Result.REDRIVEN if record.last_updated_at == to_text(now) else result

    def _lags(self, dead_letter: Mapping[str, Any], reference: Reference, record: Record) -> bool:
        """Return whether a delivery has failed although its record says that it is waiting.

        If its execution is running, the delivery has not failed, and the dead letter is
        superfluous: it comes from an immediate retry during an outage of the ledger
        (docs/decisions/0054).
        """
        if record.attempts >= dead_letter["attempts"]:
            return False
        execution = self.workflow.describe(_execution(reference, record))
        return execution is None or not execution.is_running

    def _again(
        self,
        dead_letter: Mapping[str, Any],
        reference: Reference,
        record: Record,
        now: datetime,
    ) -> Result:
        """Start the execution that an earlier, interrupted redrive has recorded but not started."""
        if record.status is Status.QUEUED and record.claimed_attempt is None:
            document = redriven(dead_letter, record.generation, now)
            self.workflow.start(_execution(reference, record), document_text(document))
        return Result.ALREADY_REDRIVEN

    def _outlives(self, request: Mapping[str, Any]) -> bool:
        """Renew the retention of a payload in S3; return whether the payload exists."""
        claim = request.get("claim")
        return claim is None or self.renew(PayloadReference.from_document(claim))

    def _kept(self, reference: Reference, record: Record) -> Mapping[str, Any] | None:
        """Return the delivery document, from the ledger record or the input of an execution.

        The execution is the one that the record names or, if that was never started, the one from
        which the delivery was redriven.
        """
        if record.dead_letter is not None:
            kept: Mapping[str, Any] = json.loads(record.dead_letter)
            return kept
        execution = self.workflow.describe(_execution(reference, record))
        if execution is None and record.redriven_from is not None:
            execution = self.workflow.describe(record.redriven_from)
        return execution.document if execution else None


def _execution(reference: Reference, record: Record) -> str:
    """Return the name of the Standard execution that has the delivery."""
    return record.execution_name or reference.delivery_id
