"""The ingest queue, and the queue of unaccepted messages behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from simulation.deployment import INGEST
from simulation.engine.process import Outcome
from simulation.services.queue import DeadLettering, Message, Queue

if TYPE_CHECKING:
    from simulation.engine.process import Call, Process, Respond
    from simulation.engine.scheduler import Scheduler
    from simulation.journal import Journal
    from simulation.scenario import Scenario


class IngestQueue:
    """A standard queue that `ingest` reads.

    Args:
        scheduler: provides the time, and wakes the poller when a message becomes visible again.
        scenario: contains the settings of the queue.
        journal: gets the messages that are put on the queue, and those that are not accepted.
    """

    def __init__(self, scheduler: Scheduler, scenario: Scenario, journal: Journal) -> None:
        deployment = scenario.deployment
        self._scheduler = scheduler
        self._journal = journal
        self._batch_size = deployment.batch_size
        self._waiting: list[tuple[Process, Respond]] = []
        self._out: dict[str, Message] = {}
        self._queue = Queue(
            is_fifo=False,
            visibility_timeout=deployment.ingest_visibility_timeout,
            dead_lettering=DeadLettering(deployment.ingest_max_receive_count, self._give_up),
        )

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, body: str) -> None:
        """Put a message on the ingest queue."""
        self._journal.ingested.add(json.loads(body)["messageId"])
        self._queue.send(self._scheduler.now, body)
        self._pump()

    def set_aside(self, body: str) -> None:
        """Put a message on the queue of unaccepted messages."""
        self._journal.unaccepted.add(json.loads(body)["messageId"])

    def receive(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Respond with messages as soon as some are visible."""
        self._waiting.append((process, respond))
        self._pump()

    def delete(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Delete messages; a receipt handle is valid until the message is redelivered."""
        for receipt in call.arguments:
            number, _, receives = receipt.partition("/")
            if self._out[number].receives == int(receives):
                self._queue.delete(self._out[number])
        respond(Outcome({}))

    def _give_up(self, message: Message) -> None:
        self.set_aside(message.body)

    def _pump(self) -> None:
        now = self._scheduler.now
        self._waiting = [each for each in self._waiting if each[0].alive]
        while self._waiting and (visible := self._queue.visible(now)):
            _, respond = self._waiting.pop(0)
            respond(Outcome([self._hand_out(each) for each in visible[: self._batch_size]]))

    def _hand_out(self, message: Message) -> dict[str, Any]:
        self._queue.receive(self._scheduler.now, message)
        self._scheduler.at(message.visible_at, self._pump)
        self._out[str(message.number)] = message
        return {
            "messageId": f"ingested-{message.number}",
            "receiptHandle": f"{message.number}/{message.receives}",
            "body": message.body,
            "eventSource": "aws:sqs",
            "eventSourceARN": INGEST,
            "attributes": {"ApproximateReceiveCount": str(message.receives)},
            "messageAttributes": {},
        }
