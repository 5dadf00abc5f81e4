"""The actions of an operator on deliveries: redrive, retry now and cancel (docs/cli.md).

The command line and the console both use `Actions`. Every action may be repeated, and none can
duplicate a delivery (`homing.recovery.interventions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from homing.dispatch.executions import Workflow
from homing.endpoints.endpoints_table import EndpointsTable
from homing.ledger.table import Ledger
from homing.ordering.lines_table import Lines
from homing.ordering.places_table import Places
from homing.ordering.releasing import Releasing, pass_over
from homing.payloads.store import PayloadStore
from homing.queues.deliveries import DeliveryQueue
from homing.recovery.interventions import Interventions, Result
from homing.retry.lifetime import YEAR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from homing.delivery import Reference
    from homing_cli.client.queues.held_dead_letters import HeldDeadLetter
    from homing_cli.client.target import Target

# How long the record of a cancelled delivery is kept, if the delivery had no record before: longer
# than any execution waits.
_KEPT_AFTER_CANCELLING = YEAR + timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Done:
    """The result of an action on one delivery."""

    reference: Reference
    result: Result


class Actions:
    """Redrives deliveries, cancels them, and makes their next attempts immediately.

    Args:
        target: the deployed Homing; the caller needs `dynamodb:GetItem` and `UpdateItem` on the
            ledger, `states:StartExecution` and `DescribeExecution`, and for large payloads the
            permissions of `PayloadStore.renew`.
        clock: returns the current time.
    """

    def __init__(
        self, target: Target, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clock = clock
        self._interventions = Interventions(
            Ledger(target.outputs["LedgerTable"], target.client("dynamodb")),
            Workflow(target.outputs["StateMachineArn"], target.client("stepfunctions")),
            PayloadStore(target.outputs["PayloadBucket"], lambda: target.client("s3")).renew,
            lambda reference, now: pass_over(releasing_of(target), reference, now),
        )

    def redrive(self, reference: Reference) -> Done:
        """Redrive a failed delivery with the dead letter that its ledger record contains."""
        return Done(reference, self._interventions.redrive(reference, now=self._clock()))

    def redrive_dead_letters(self, dead_letters: Iterable[HeldDeadLetter]) -> Iterator[Done]:
        """Redrive the deliveries of held dead letters, one by one.

        A dead letter is deleted once the execution that redrives it has started; otherwise it stays
        in the queue.
        """
        for held in dead_letters:
            reference = held.dead_letter.reference
            result = self._interventions.redrive_dead_letter(
                held.dead_letter.document, reference, now=self._clock()
            )
            if result.settles_dead_letter:
                held.delete()
            yield Done(reference, result)

    def retry_now(self, reference: Reference) -> Done:
        """Make the next attempt of a waiting delivery immediately."""
        return Done(reference, self._interventions.retry_now(reference, now=self._clock()))

    def cancel(self, reference: Reference) -> Done:
        """Cancel a delivery; a request that has already been sent cannot be recalled."""
        now = self._clock()
        expires_at = int((now + _KEPT_AFTER_CANCELLING).timestamp())
        return Done(
            reference, self._interventions.cancel(reference, now=now, expires_at=expires_at)
        )


def releasing_of(target: Target) -> Releasing:
    """Return the object that queues the next delivery of a line in a deployed Homing."""
    dynamodb, outputs = target.client("dynamodb"), target.outputs
    return Releasing(
        Lines(outputs["LinesTable"], dynamodb),
        Places(outputs["PlacesTable"], dynamodb),
        Ledger(outputs["LedgerTable"], dynamodb),
        EndpointsTable(outputs["EndpointsTable"], dynamodb),
        DeliveryQueue(outputs["DeliveryQueueUrl"], target.client("sqs")),
    )
