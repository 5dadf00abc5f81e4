"""SQS: the queues, and the calls that wait for their messages (long polling)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference
from simulation.deployment import BULK, DEAD_LETTERS, DELIVERIES, UNACCEPTED, UNDISPATCHED
from simulation.engine.clock import SECOND
from simulation.engine.faults import UnavailableError
from simulation.engine.process import Outcome
from simulation.errors import UnsupportedError
from simulation.journal import DeadLetter
from simulation.scenario import host_of
from simulation.services.queue import DeadLettering, Message, Queue
from simulation.workflow.machine import Execution

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.engine.chance import Chance
    from simulation.engine.process import Call, Process, Respond
    from simulation.engine.scheduler import Scheduler
    from simulation.journal import Journal
    from simulation.scenario import Scenario


# The URLs of the dead-letter queue in the workflow definition and in the functions' settings.
_DEAD_LETTER_QUEUE = frozenset({"${DeadLetterQueue}", DEAD_LETTERS})
_BULK_NUMBERS = 1_000_000  # above the numbers of messages on any delivery queue
_HIDDEN = 30 * SECOND  # the visibility timeout of the queue of undispatched messages


class QueueService:
    """The delivery queue, the bulk queue, and the queues of undispatched messages and dead letters.

    Args:
        scheduler: provides the time, and wakes pollers when a message becomes visible again.
        scenario: contains the settings of the queues and the probabilities of their faults.
        chance: draws which messages are in a batch, and which are delivered twice.
        journal: gets the dead letters.
        on_undispatched: called when a message moves to the queue of undispatched messages.
        on_unaccepted: called with the body of each message that `ingest` sends to the queue of
            unaccepted messages.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        scenario: Scenario,
        chance: Chance,
        journal: Journal,
        on_undispatched: Callable[[], None],
        on_unaccepted: Callable[[str], None],
    ) -> None:
        self._on_undispatched = on_undispatched
        self._on_unaccepted = on_unaccepted
        deployment = scenario.deployment
        self._scheduler = scheduler
        self._scenario = scenario
        self._chance = chance
        self._journal = journal
        self._waiting: dict[str, list[tuple[Process, Respond]]] = {DELIVERIES: [], BULK: []}
        self._out: dict[str, Message] = {}
        self.undispatched: list[Message] = []
        self._queues = {
            name: Queue(
                is_fifo=deployment.queue_is_fifo,
                visibility_timeout=deployment.visibility_timeout,
                dead_lettering=DeadLettering(deployment.max_receive_count, self._to_undispatched),
                first=first,
            )
            for name, first in ((DELIVERIES, 0), (BULK, _BULK_NUMBERS))
        }

    def __len__(self) -> int:
        """Return how many messages are on the delivery queue and the bulk queue."""
        return sum(map(len, self._queues.values()))

    def send_message(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Send a message to the dead-letter, unaccepted or delivery queue."""
        if call.arguments["QueueUrl"] == UNACCEPTED:
            self._on_unaccepted(call.arguments["MessageBody"])
            respond(Outcome({"MessageId": label}))
            return
        if call.arguments["QueueUrl"] == DELIVERIES:
            sent = call.arguments
            entry = sent["MessageBody"], sent["MessageGroupId"], sent["MessageDeduplicationId"]
            self._put(DELIVERIES, *entry)
            respond(Outcome({"MessageId": label}))
            return
        if call.arguments["QueueUrl"] not in _DEAD_LETTER_QUEUE:
            raise UnsupportedError(f"a message to {call.arguments['QueueUrl']}")
        body = call.arguments["MessageBody"]  # Step Functions writes an object as JSON
        document = json.loads(body) if isinstance(body, str) else body
        delivery = document["reference"]["deliveryId"]
        run = (
            process.about.run
            if isinstance(process.about, Execution)
            else self._journal.run_of(delivery, document.get("generation", 0))
        )
        self._journal.dead.setdefault(delivery, []).append(DeadLetter(document, run))
        respond(Outcome({"MessageId": label}))

    def send_message_batch(
        self, process: Process, call: Call, label: str, respond: Respond
    ) -> None:
        """Put deliveries on a queue, except for the entries that the queue refuses."""
        entries, failed = call.arguments["Entries"], []
        for entry in entries:
            if self._chance.happens(f"{label}/refused/{entry['Id']}", self._scenario.refuses):
                failed.append({"Id": entry["Id"], "Code": "InternalError"})
                continue
            self.note(entry["MessageBody"])
            self._put(
                call.arguments["QueueUrl"],
                entry["MessageBody"],
                entry.get("MessageGroupId"),
                entry.get("MessageDeduplicationId"),
            )
        bad = {each["Id"] for each in failed}
        good = [{"Id": entry["Id"]} for entry in entries if entry["Id"] not in bad]
        respond(Outcome({"Successful": good, "Failed": failed}))

    def receive(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Respond with messages as soon as some are visible.

        They come from the delivery queue or, if the argument of the call is `bulk`, from the bulk
        queue.
        """
        self._waiting[call.arguments or DELIVERIES].append((process, respond))
        self._pump()

    def delete(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Delete messages; a receipt handle is valid until the message is redelivered."""
        for receipt in call.arguments:
            number, _, receives = receipt.partition("/")
            message = self._out[number]
            if message.receives == int(receives):
                message.deleted = True
        respond(Outcome({}))
        self._pump()

    def change_message_visibility(
        self, process: Process, call: Call, label: str, respond: Respond
    ) -> None:
        """Change the time at which a message is redelivered.

        Raises:
            UnavailableError: when the receipt handle is no longer valid.
        """
        number, _, receives = call.arguments["ReceiptHandle"].partition("/")
        message = self._out[number]
        if message.deleted or message.receives != int(receives):
            raise UnavailableError("an invalid receipt handle")
        seconds = call.arguments["VisibilityTimeout"]
        message.visible_at = self._scheduler.now + seconds * SECOND
        self._scheduler.at(message.visible_at, self._pump)
        respond(Outcome({}))

    def receive_message(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Respond with undispatched messages, and hide them for a while.

        Raises:
            UnsupportedError: when the call is not to the queue of undispatched messages.
        """
        if call.arguments["QueueUrl"] != UNDISPATCHED:
            raise UnsupportedError(f"messages of {call.arguments['QueueUrl']}")
        now = self._scheduler.now
        visible = [each for each in self.undispatched if each.visible_at <= now]
        batch = visible[: call.arguments["MaxNumberOfMessages"]]
        for message in batch:
            message.visible_at = now + _HIDDEN
        respond(
            Outcome(
                {
                    "Messages": [
                        {
                            "MessageId": f"{message.number}",
                            "ReceiptHandle": f"{message.number}",
                            "Body": message.body,
                        }
                        for message in batch
                    ]
                }
            )
        )

    def delete_message(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Delete an undispatched message."""
        number = int(call.arguments["ReceiptHandle"])
        self.undispatched = [each for each in self.undispatched if each.number != number]
        respond(Outcome({}))

    def note(self, body: str) -> None:
        """Add a queue message's delivery to the journal, in which operators find deliveries."""
        reference = Reference.from_document(json.loads(body)["reference"])
        name = reference.message_id, host_of(reference.target_url)
        self._journal.references.setdefault(name, reference)

    def _put(self, name: str, body: str, group: str | None, deduplication: str | None) -> None:
        queue = self._queues[name]
        if not queue.is_fifo:
            group = deduplication = None  # a standard queue has neither
        queue.send(self._scheduler.now, body, group, deduplication)
        self._pump()

    def _to_undispatched(self, message: Message) -> None:
        self._journal.undispatched += 1
        message.visible_at = self._scheduler.now
        self.undispatched.append(message)
        self._on_undispatched()

    def _pump(self) -> None:
        now = self._scheduler.now
        for name, queue in self._queues.items():
            waiting = [each for each in self._waiting[name] if each[0].alive]
            self._waiting[name] = waiting
            while waiting and (visible := queue.visible(now)):
                _, respond = waiting.pop(0)
                batch = self._batch(visible)
                respond(Outcome([self._hand_out(queue, message) for message in batch]))

    def _batch(self, visible: list[Message]) -> list[Message]:
        """Return a random batch of visible messages, which contains at least the first of them.

        On a FIFO queue, a batch that leaves out a message leaves out all later ones of its group.
        """
        batch: list[Message] = []
        passed_over: set[str | None] = set()
        for message in visible[: self._scenario.deployment.batch_size]:
            name = f"batch/{message.number}/{message.receives}/{len(batch)}"
            if message.group in passed_over and message.group is not None:
                continue
            if batch and self._chance.happens(name, 0.3):
                passed_over.add(message.group)
                continue
            batch.append(message)
        return batch

    def _hand_out(self, queue: Queue, message: Message) -> dict[str, Any]:
        now = self._scheduler.now
        queue.receive(now, message)
        doubled = f"double/{message.number}/{message.receives}"
        if self._chance.happens(doubled, self._scenario.doubles):
            message.visible_at = now + 1
        self._scheduler.at(message.visible_at, self._pump)
        self._out[str(message.number)] = message
        return {
            "messageId": str(message.number),
            "receiptHandle": f"{message.number}/{message.receives}",
            "body": message.body,
            "eventSource": "aws:sqs",
            "attributes": {
                "ApproximateReceiveCount": str(message.receives),
                **({} if message.group is None else {"MessageGroupId": message.group}),
            },
            "messageAttributes": {},
        }
