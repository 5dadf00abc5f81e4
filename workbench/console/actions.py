"""What an operator may do to dead letters: send them again, or throw them away.

Sent again, a delivery goes on where it stopped: the same `webhook-id`, the next attempt's number,
and as many attempts more as its policy allowed at first, in an execution of its own whose name
says which round it is. So the same letter sent again twice starts one execution, and the ledger
takes the new attempts as it took the old. A letter leaves the queue once that execution exists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from homing import timestamps
from workbench.dead_letters import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from homing.delivery import Reference
    from workbench.target import Target

_BATCH = 10
_HOLD_SECONDS = 60
# A letter may be hidden by somebody else's look; after so many empty answers it counts as gone.
_EMPTY_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one letter.

    Args:
        delivery_id: whose.
        complaint: why nothing was done; empty where it was.
        reference: the delivery; None where the letter was not found.
    """

    delivery_id: str
    complaint: str = ""
    reference: Reference | None = None


class Actions(Protocol):
    """What the console can have done. Each call yields letter by letter, as it is done."""

    def redrive(self, delivery_ids: Collection[str]) -> Iterator[Done]:
        """Send these dead letters again."""

    def discard(self, delivery_ids: Collection[str]) -> Iterator[Done]:
        """Take these dead letters out of the queue for good."""


class QueueActions:
    """Does it with the dead-letter queue and the state machine alone.

    Args:
        target: the deployed Homing.
        clock: tells the time.
    """

    def __init__(
        self, target: Target, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._sqs = target.client("sqs")
        self._queue = target.outputs["DeadLetterQueueUrl"]
        self._stepfunctions = target.client("stepfunctions")
        self._machine = target.outputs["StateMachineArn"]
        self._clock = clock

    def redrive(self, delivery_ids: Collection[str]) -> Iterator[Done]:
        """Send these dead letters again."""
        return self._each(delivery_ids, self._start)

    def discard(self, delivery_ids: Collection[str]) -> Iterator[Done]:
        """Take these dead letters out of the queue for good; the ledger keeps its account."""
        return self._each(delivery_ids, lambda _: None)

    def _each(
        self, delivery_ids: Collection[str], act: Callable[[DeadLetter], None]
    ) -> Iterator[Done]:
        """Find each letter in the queue, act, and only then delete it."""
        wanted = dict.fromkeys(delivery_ids)
        held: list[Mapping[str, Any]] = []
        empty = 0
        try:
            while wanted and empty < _EMPTY_ANSWERS:
                received = self._receive()
                empty = 0 if received else empty + 1
                for message in received:
                    letter = DeadLetter.from_body(message["Body"])
                    if letter is None or letter.reference.delivery_id not in wanted:
                        held.append(message)
                        continue
                    act(letter)
                    self._sqs.delete_message(
                        QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                    )
                    del wanted[letter.reference.delivery_id]
                    yield Done(letter.reference.delivery_id, reference=letter.reference)
        finally:
            for message in held:
                self._sqs.change_message_visibility(
                    QueueUrl=self._queue,
                    ReceiptHandle=message["ReceiptHandle"],
                    VisibilityTimeout=0,
                )
        yield from (Done(missing, "no longer in the queue") for missing in wanted)

    def _receive(self) -> list[Mapping[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue,
            MaxNumberOfMessages=_BATCH,
            VisibilityTimeout=_HOLD_SECONDS,
            WaitTimeSeconds=1,
        )
        found: list[Mapping[str, Any]] = answer.get("Messages", [])
        return found

    def _start(self, letter: DeadLetter) -> None:
        document = again(letter.document, self._clock())
        name = execution_name(letter.reference.delivery_id, document["redrive"]["round"])
        try:
            self._stepfunctions.start_execution(
                stateMachineArn=self._machine, name=name, input=json.dumps(document)
            )
        except self._stepfunctions.exceptions.ExecutionAlreadyExists:
            return  # sent again before; only the letter had not been deleted


def again(document: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Give the delivery document with which a parked delivery goes on.

    Args:
        document: the dead letter.
        now: when it is sent again.
    """
    before = document.get("redrive") or {"round": 0, "attempts": document["policy"]["maxAttempts"]}
    made = int(document["attempts"])
    kept = document["expiresAt"] - int(timestamps.from_text(document["dueAt"]).timestamp())
    return {
        **{key: document[key] for key in ("reference", "request")},
        "policy": document["policy"] | {"maxAttempts": made + before["attempts"]},
        "attemptNumber": made,
        "attempts": made + 1,
        "dueAt": timestamps.to_due_text(now),
        "expiresAt": int((now + timedelta(seconds=kept)).timestamp()),
        "previousDelaySeconds": None,
        "redrive": {"round": before["round"] + 1, "attempts": before["attempts"]},
    }


def execution_name(delivery_id: str, number: int) -> str:
    """Name the execution that sends a delivery again for the n-th time, counted from 1."""
    return f"{delivery_id}-again-{number}"
