"""Accepts messages: stores the idempotency record, then queues the deliveries, then responds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from homing.aws import client
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import (
    AcceptanceError,
    DependencyError,
    FieldError,
    FullLineError,
    InvalidMessageError,
    RateExceededError,
)
from homing.ledger.table import Ledger
from homing.ordering.joining import Joining
from homing.ordering.line import MOST_WAITING
from homing.ordering.lines_table import Lines
from homing.ordering.places_table import Places
from homing.ordering.releasing import Releasing
from homing.payloads.store import PayloadStore
from homing.queues.bursts import Bursts
from homing.queues.deliveries import DeliveryQueue
from homing.reception.messages_table import MessagesTable
from homing.reception.recipients import of_endpoints
from homing.reception.sender_rate import SenderRate
from homing.routing.known_endpoints import KnownEndpoints
from homing.routing.subscriptions import Subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from homing.delivery import Delivery
    from homing.endpoints.endpoint import Endpoint
    from homing.ordering.joining import Joined
    from homing.reception.idempotency import IdempotencyRecord
    from homing.reception.message import Message
    from homing.routing.subscriptions import Event
    from homing.settings import AcceptSettings

_NOBODY = "-"  # the id of no sender and no endpoint
_AT_ONCE = 10  # concurrent calls: as many as a client has connections (homing/aws.py)

_OVERDUE = FieldError("deliverAt", "is in the past")
_REUSED = FieldError(
    "messageId",
    "is in use for a message with a different recipient, eventType, contentType or payload; "
    "choose another messageId",
)


@dataclass(frozen=True, slots=True)
class Reception:
    """An accepted message.

    Args:
        idempotency: its idempotency record; for a duplicate, the one of the first acceptance.
        is_duplicate: whether the message had been accepted before.
    """

    idempotency: IdempotencyRecord
    is_duplicate: bool


Result: TypeAlias = Reception | InvalidMessageError | AcceptanceError | RateExceededError


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A message with its idempotency record, and the deliveries to queue."""

    reception: Reception
    deliveries: tuple[Delivery, ...]

    @property
    def is_ordered(self) -> bool:
        """Whether the message has an `orderingKey`, so that its deliveries wait in lines."""
        return self.reception.idempotency.ordering_key is not None

    def result(self, refused: Mapping[str, str], too_many: Collection[str] = ()) -> Result:
        """Return the result of the message.

        Args:
            refused: why the queue or a line refused a delivery, by its id.
            too_many: the ids of deliveries whose line is full.
        """
        ids = [each.reference.delivery_id for each in self.deliveries]
        reasons = [refused[each] for each in ids if each in refused]
        if any(each in too_many for each in ids):
            return FullLineError(f"{MOST_WAITING} deliveries with this orderingKey are waiting")
        if not reasons:
            return self.reception
        told = ", ".join(sorted(set(reasons)))
        return AcceptanceError(f"the queue refused {len(reasons)} deliveries: {told}")


_Claim: TypeAlias = _Claimed | InvalidMessageError | AcceptanceError


class Acceptance:
    """Accepts messages.

    Args:
        messages: the table of idempotency records.
        records: the ledger.
        queue: the queue of deliveries.
        endpoints: the table of endpoints that messages may name.
        payloads: the store of large payloads.
        subscriptions: finds the endpoints that subscribe to an event.
        joining: gives deliveries with an `orderingKey` their places.
        bursts: decides which messages go to the bulk queue; by default none does.
        rate: decides which messages exceed the rate of their sender; by default none does.
    """

    def __init__(  # noqa: PLR0913 -- its dependencies
        self,
        messages: MessagesTable,
        records: Ledger,
        queue: DeliveryQueue,
        endpoints: EndpointsTable,
        payloads: PayloadStore,
        subscriptions: Subscriptions,
        *,
        joining: Joining,
        bursts: Bursts | None = None,
        rate: SenderRate | None = None,
    ) -> None:
        self._messages = messages
        self._records = records
        self._queue = queue
        self._endpoints = endpoints
        self._known = KnownEndpoints(endpoints)
        self._payloads = payloads
        self._subscriptions = subscriptions
        self._joining = joining
        self._bursts = bursts
        self._rate = rate

    @classmethod
    def connect(cls, settings: AcceptSettings, *, tries: int = 3, is_rated: bool = True) -> Self:
        """Connect to the tables and the queue that the settings name.

        Args:
            settings: the settings.
            tries: the maximum number of tries of each call.
            is_rated: whether messages that exceed the rate of their sender are refused.
        """
        # These time-outs are short, so that the sender gets a 503 before its own time-out.
        dynamodb = client("dynamodb", read_seconds=2, tries=tries)
        sqs = client("sqs", read_seconds=2, tries=tries)
        endpoints = EndpointsTable(settings.endpoints_table, dynamodb)
        ledger = Ledger(settings.ledger_table, dynamodb)
        queue = DeliveryQueue(settings.delivery_queue_url, sqs, settings.bulk_queue_url)
        releasing = Releasing(
            Lines(settings.lines_table, dynamodb),
            Places(settings.places_table, dynamodb),
            ledger,
            endpoints,
            queue,
        )
        return cls(
            MessagesTable(settings.messages_table, dynamodb),
            ledger,
            queue,
            endpoints,
            PayloadStore(settings.payload_bucket),
            Subscriptions(endpoints),
            joining=Joining(releasing),
            bursts=Bursts(),
            rate=SenderRate.connect(settings, dynamodb) if is_rated else None,
        )

    def look_at_endpoints(self) -> None:
        """Open a connection to DynamoDB by reading an endpoint that does not exist."""
        self._endpoints.find_many(_NOBODY, [_NOBODY])

    def look_at_queue(self) -> None:
        """Open a connection to SQS by reading an attribute of the delivery queue."""
        self._queue.look()

    def find_endpoints(self, sender_id: str, ids: Sequence[str]) -> Mapping[str, Endpoint]:
        """Return those of the given endpoints that exist, by id, as they were at most 30 s ago.

        Raises:
            DependencyError: when they cannot be read.
        """
        try:
            return self._known.find(sender_id, ids)
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error

    def find_subscribers(self, event: Event) -> list[Endpoint]:
        """Return the endpoints that an event goes to, ordered by id.

        Raises:
            DependencyError: when the subscriptions cannot be read.
        """
        try:
            subscriptions = self._subscriptions.of_sender(event.sender_id)
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error
        return [each.endpoint for each in subscriptions if each.matches(event)]

    def accept(self, message: Message, *, now: datetime) -> Reception:
        """Accept a message. When this returns, all its deliveries are queued or wait in lines.

        Raises:
            InvalidMessageError, AcceptanceError, RateExceededError: see `accept_all`.
        """
        (result,) = self.accept_all([message], now=now)
        if isinstance(result, Reception):
            return result
        raise result

    def accept_all(self, messages: Sequence[Message], *, now: datetime) -> list[Result]:
        """Accept messages, in order; a refused message does not affect the others.

        Returns:
            One of these for each message:

            - a Reception: all its deliveries have been queued, or wait in their lines;
            - an InvalidMessageError: 400 when `deliverAt` has passed, unless the message is a
              duplicate; 409 when its `messageId` is in use for a different message;
            - an AcceptanceError: a table or the queue failed, or too many deliveries wait in a
              line. Sending the message again continues where this call stopped;
            - a RateExceededError: nothing was done. Its `seconds` tell when to send the message
              again.
        """
        kept = self._exceeding(messages, now) if self._rate else {}
        left = [each for number, each in enumerate(messages) if number not in kept]
        results = (result for run in _runs(left) for result in self._accept_run(run, now))
        return [kept.get(number) or next(results) for number in range(len(messages))]

    def _exceeding(self, messages: Sequence[Message], now: datetime) -> dict[int, Result]:
        """Return the results of the messages that exceed the rate of their sender, by index.

        If the rate of a sender cannot be read, none of its messages is allowed.
        """
        of_sender: dict[str, list[int]] = {}
        for number, message in enumerate(messages):
            of_sender.setdefault(message.idempotency.sender_id, []).append(number)
        found: dict[int, Result] = {}
        for sender_id, numbers in of_sender.items():
            counts = [len(messages[number].idempotency.targets) for number in numbers]
            told = zip(numbers, self._exceeded(sender_id, counts, now), strict=True)
            found |= {number: result for number, result in told if result}
        return found

    def _exceeded(
        self, sender_id: str, deliveries: Sequence[int], now: datetime
    ) -> Sequence[RateExceededError | AcceptanceError | None]:
        try:
            return self._rate.exceeded(sender_id, deliveries, now) if self._rate else []
        except DependencyError as error:
            return [AcceptanceError(str(error))] * len(deliveries)

    def _accept_run(self, messages: Sequence[Message], now: datetime) -> Iterator[Result]:
        # Bursts are counted in the order of the messages, before threads handle them concurrently:
        # otherwise chance would decide which messages exceed a burst.
        routed = [self._routed(message) for message in messages]
        claims = _side_by_side(lambda message: self._claimed(message, now), routed)
        claimed = [claim for claim in claims if isinstance(claim, _Claimed)]
        records = [claim.reception.idempotency for claim in claimed]
        bulk = {record.key for record in records if record.is_bulk}
        joined = self._join(claimed, now)
        ready = [each for claim in claimed if not claim.is_ordered for each in claim.deliveries]
        refused = self._queue.send([*ready, *joined.ready], bulk) | joined.refused
        for claim in claims:
            if isinstance(claim, _Claimed):
                yield claim.result(refused, joined.too_many)
            else:
                yield claim

    def _join(self, claimed: Sequence[_Claimed], now: datetime) -> Joined:
        """Assign places to deliveries with an `orderingKey`, in the order of their messages."""
        ordered = [claim for claim in claimed if claim.is_ordered]
        repeated = {
            claim.reception.idempotency.key for claim in ordered if claim.reception.is_duplicate
        }
        deliveries = [each for claim in ordered for each in claim.deliveries]
        return self._joining.join(deliveries, repeated, now)

    def _claimed(self, message: Message, now: datetime) -> _Claim:
        try:
            standing = self._claim(message, now)
            missing = message.deliveries() if standing is None else self._missing(message, standing)
            self._keep_payload(message, missing)
        except (InvalidMessageError, AcceptanceError) as error:
            return error
        except (BotoCoreError, ClientError, DependencyError) as error:
            return AcceptanceError(f"{type(error).__name__}: {error}")
        return _Claimed(Reception(standing or message.idempotency, standing is not None), missing)

    def _routed(self, message: Message) -> Message:
        """Return the message, marked for the bulk queue if it exceeds the burst of its sender.

        The mark is in the idempotency record. For a duplicate, the mark of the first acceptance
        counts.
        """
        record = message.idempotency
        if self._bursts and self._bursts.is_beyond(record.sender_id, len(record.targets)):
            return replace(message, idempotency=replace(record, is_bulk=True))
        return message

    def _claim(self, message: Message, now: datetime) -> IdempotencyRecord | None:
        if not message.idempotency.is_overdue:
            return self._messages.claim(message.idempotency, now)
        standing = self._messages.find(message.idempotency.key, now)
        if standing is None:
            raise InvalidMessageError([_OVERDUE])
        return standing

    def _missing(self, message: Message, standing: IdempotencyRecord) -> tuple[Delivery, ...]:
        """Return the deliveries of a duplicate that have no ledger record.

        These deliveries are queued again, since a crash may have prevented them from being queued.
        So a delivery that is already queued or in progress is queued twice. When `dispatch` gets
        the second queue message, it finds the delivery's ledger record and does not repeat the
        first attempt.
        """
        if standing.fingerprint != message.idempotency.fingerprint:
            raise InvalidMessageError([_REUSED], 409)
        recorded = {
            item["sk"]
            for item in self._records.of_message(standing.key)
            # An item with another creation time is from a previous acceptance
            # (docs/decisions/0022).
            if item.get("createdAt") == standing.created_at
        }
        if all(each.sk in recorded for each in standing.references()):
            return ()
        deliveries = self._as_accepted(message, standing).deliveries()
        return tuple(each for each in deliveries if each.reference.sk not in recorded)

    def _as_accepted(self, message: Message, standing: IdempotencyRecord) -> Message:
        """Return a duplicate with its recorded recipients, regardless of current subscriptions."""
        if message.readdress and not message.policies.keys() >= set(standing.endpoint_ids):
            found = self._endpoints.find_many(standing.sender_id, standing.endpoint_ids)
            to = of_endpoints(standing.targets, standing.endpoint_ids, found)
            message = message.readdress(to)
        return replace(message, idempotency=standing)

    def _keep_payload(self, message: Message, deliveries: Sequence[Delivery]) -> None:
        """Store a large payload. It must exist before a delivery that refers to it is queued."""
        if deliveries and message.claim is not None:
            self._payloads.keep(message.claim, message.request.payload.encode())


def _runs(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Yield the messages in groups, each without duplicates.

    A duplicate is thus handled only after its original.
    """
    run: dict[str, Message] = {}
    for message in messages:
        if message.idempotency.key in run:
            yield list(run.values())
            run = {}
        run[message.idempotency.key] = message
    if run:
        yield list(run.values())


def _side_by_side(
    claim: Callable[[Message], _Claim], messages: Sequence[Message]
) -> Sequence[_Claim]:
    """Return the result of `claim` for each message; several calls run concurrently."""
    if len(messages) == 1:
        return [claim(messages[0])]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(claim, messages))
