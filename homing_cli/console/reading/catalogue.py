"""Reading the deliveries of a deployed Homing: lists of them, and a single one by its ids."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference, message_key
from homing.identifiers import DEFAULT_SENDER_ID, MESSAGE_ID, SENDER_ID
from homing.ledger.table import Ledger
from homing.reception.messages_table import MessagesTable
from homing.retry.classification import Status
from homing_cli.console.reading.attention import Attention
from homing_cli.console.reading.cursor import CursorError
from homing_cli.console.reading.listing import BUDGET_SECONDS, PAGE_SIZE, Limits, Page
from homing_cli.console.reading.queued import Queued, queued_record
from homing_cli.console.reading.table_scan import IN_ONE_READ, NEWEST_FIRST, TableScan, newest_first
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homing_cli.client.target import Target
    from homing_cli.console.reading.filters import Filters

_INDEXED = frozenset({Status.RETRY_SCHEDULED, Status.FAILED, Status.MAX_RETRIES_EXCEEDED})

_ID_SHOWN = 32  # characters, as a deliveryId has


class Catalogue:
    """The deliveries of a target; safe to share between threads.

    Args:
        target: the deployed Homing.
        monotonic: the clock for the time limit of a page.
        clock: returns the time.
    """

    def __init__(
        self,
        target: Target,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        client = target.client("dynamodb")
        ledger, messages = target.outputs["LedgerTable"], target.outputs["MessagesTable"]
        self.attention = Attention(client, ledger)
        self.scan = TableScan(client, ledger)
        self._queued = Queued(client, messages, ledger)
        self._records = Ledger(ledger, client)
        self._messages = MessagesTable(messages, client)
        self._monotonic = monotonic
        self._clock = clock

    def page(self, filters: Filters, place: Any = None, size: int = PAGE_SIZE) -> Page:
        """Return one page of the matching deliveries.

        Args:
            filters: the filters.
            place: the end of the previous page; None for the first.
            size: the maximum number of deliveries.

        Raises:
            CursorError: when the place does not belong to this list.
        """
        limits = self.limits(size)
        if place is None and (exact := self._exact(filters)):
            return Page(tuple(exact), None, len(exact), "exactly this messageId")
        try:
            if filters.status in _INDEXED:
                return self.attention.page([Status(filters.status)], filters, place, limits)
            if filters.status == Status.QUEUED:
                return self._queued.page(filters, place, limits)
            if place is None or isinstance(place, int):
                whole = self._whole(filters, place or 0, limits)
                if whole:
                    return whole
            return self.scan.page(filters, place, limits)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            if place is None:
                raise
            raise CursorError("this page is not of this list: start from the first page") from error

    def limits(self, size: int) -> Limits:
        """Return the limits of a page of this size that begins now."""
        deadline = self._monotonic() + BUDGET_SECONDS
        return Limits(size, deadline, self._monotonic, int(self._clock().timestamp()))

    def message(self, message_id: str, sender_id: str) -> list[dict[str, Any]]:
        """Return the records of a message's deliveries; stand-ins for those without a record.

        Raises:
            NotFoundError: when no such message has been accepted, or its records have been deleted.
        """
        if not (MESSAGE_ID.allows(message_id) and SENDER_ID.allows(sender_id)):
            raise NotFoundError(
                "this cannot be the id of a message or sender"
            )  # DynamoDB would refuse the key
        key, now = message_key(message_id, sender_id), self._clock()
        idempotency = self._messages.find(key, now)
        known = (
            {}
            if idempotency is None
            else {r.sk: queued_record(r, idempotency) for r in idempotency.references()}
        )
        limits = self.limits(PAGE_SIZE)
        records = [record for record in self._records.of_message(key) if limits.is_current(record)]
        found = list((known | {record["sk"]: record for record in records}).values())
        if not found and idempotency is not None:
            raise NotFoundError(f"message {message_id} is an event that matched no endpoint")
        if not found:
            raise NotFoundError(f"there is no message {message_id} of sender {sender_id}")
        return found

    def delivery(self, message_id: str, sender_id: str, delivery_id: str) -> dict[str, Any]:
        """Return the record of one delivery.

        Raises:
            NotFoundError: when there is no such delivery.
        """
        for record in self.message(message_id, sender_id):
            if Reference.from_document(record).delivery_id == delivery_id:
                return record
        raise NotFoundError(f"message {message_id} has no delivery {delivery_id[:_ID_SHOWN]}")

    def _exact(self, filters: Filters) -> list[Mapping[str, Any]]:
        """Return the matching deliveries of the message with exactly this id."""
        if not filters.text:
            return []
        try:
            found = self.message(filters.text, filters.sender or DEFAULT_SENDER_ID)
        except NotFoundError:
            return []
        return [record for record in found if filters.fits(record)]

    def _whole(self, filters: Filters, offset: int, limits: Limits) -> Page | None:
        """Return a page of a ledger that fits into one read; None if it is larger."""
        records = self.scan.whole()
        if records is None:
            return None
        if not filters.status:
            records = newest_first(records + self._queued.whole(IN_ONE_READ))
        fitting = [r for r in records if limits.is_current(r) and filters.fits(r)]
        shown = fitting[offset : offset + limits.size]
        following = offset + len(shown)
        place = following if following < len(fitting) else None
        return Page(tuple(shown), place, len(records), NEWEST_FIRST)
