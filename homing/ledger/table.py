"""The ledger: the DynamoDB table that holds one record for each delivery.

A record is the audit trail of a delivery, which continues even if the ledger is unavailable. Every
update is conditional (`homing.ledger.updates`); if the condition fails, the record is read to find
out why.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from homing import aws
from homing.delivery import Reference
from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.delivery_index import ATTENTION_INDEX, partitions
from homing.ledger.record import WAITING, Record
from homing.ledger.updates import (
    cancel_update,
    claim_update,
    dead_letter_update,
    keep_dead_letter_update,
    key_of,
    list_failure_update,
    look_again_update,
    own_put,
    owned_item,
    redrive_update,
    retry_update,
    settled_update,
    take_up_update,
)
from homing.retry.classification import Status
from homing.retry.not_attempted import Superseded
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.ledger.claim import AttemptClaim
    from homing.ledger.updates import Retry

_WAITING_PARTITIONS = partitions(sorted(WAITING))


class RecordResult(StrEnum):
    """The result of recording a retry."""

    RECORDED = "RECORDED"
    REPLAYED = "REPLAYED"
    SUPERSEDED = "SUPERSEDED"
    UNRECORDED = "UNRECORDED"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of recording a retry, and an explanation for people."""

    result: RecordResult
    reason: str

    def to_document(self) -> dict[str, Any]:
        """Return the `record` of the delivery document (docs/architecture.md)."""
        return {"result": self.result, "reason": self.reason}


class Ledger:
    """The ledger table.

    Args:
        table: the table's name.
        client: a DynamoDB client; by default one with short time-outs.
    """

    def __init__(self, table: str, client: DynamoDBClient | None = None) -> None:
        self._table = table
        # A ledger that is slow must not hold deliveries up.
        self._client: DynamoDBClient = client or aws.client("dynamodb", read_seconds=2, tries=3)

    def look(self) -> None:
        """Open a connection to DynamoDB, by reading a record that does not exist.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        nobody = {"S": "-"}  # no record has this key: all keys are longer
        self._client.get_item(TableName=self._table, Key={"pk": nobody, "sk": nobody})

    def read(self, reference: Reference) -> Record | None:
        """Return the current record of a delivery, or None.

        A record that is left from a previous acceptance of the message does not count: DynamoDB may
        delete expired items days late (docs/decisions/0022).

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        found = self._client.get_item(
            TableName=self._table, Key=key_of(reference), ConsistentRead=True
        )
        return _own_record(reference, found.get("Item", {}))

    def read_many(self, references: Sequence[Reference]) -> dict[Reference, Record | None]:
        """Return the records of up to 100 deliveries in one call (see `read`).

        Deliveries whose records DynamoDB did not return, because it was busy, are left out.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        keys = {(each.pk, each.sk): key_of(each) for each in references}
        request: Any = {"Keys": list(keys.values()), "ConsistentRead": True}
        found = self._client.batch_get_item(RequestItems={self._table: request})
        items = {
            (item["pk"]["S"], item["sk"]["S"]): item for item in found["Responses"][self._table]
        }
        left_out = found.get("UnprocessedKeys", {}).get(self._table, {"Keys": []})["Keys"]
        missing = {(key["pk"]["S"], key["sk"]["S"]) for key in left_out}
        return {
            each: _own_record(each, items.get((each.pk, each.sk), {}))
            for each in references
            if (each.pk, each.sk) not in missing
        }

    def find(self, key: tuple[str, str]) -> tuple[Reference, Record] | None:
        """Return the delivery whose record has this key, and the record; None if there is none.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        found = self._client.get_item(
            TableName=self._table, Key=_typed_key(key), ConsistentRead=True
        )
        item = from_dynamodb(found.get("Item", {}))
        return (Reference.from_document(item), Record.from_attributes(item)) if item else None

    def statuses(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Status | None]:
        """Return the statuses of up to 100 records, by key; None where there is no record.

        Keys that DynamoDB did not process, because it was busy, are missing from the result.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        asked: Any = {
            "Keys": [_typed_key(key) for key in keys],
            "ProjectionExpression": "pk, sk, #status",
            "ExpressionAttributeNames": {"#status": "status"},
        }
        answer = self._client.batch_get_item(RequestItems={self._table: asked})
        items = map(from_dynamodb, answer["Responses"].get(self._table, []))
        found = {(item["pk"], item["sk"]): Status(item["status"]) for item in items}
        left = answer.get("UnprocessedKeys", {}).get(self._table, {"Keys": []})["Keys"]
        unknown = {(key["pk"]["S"], key["sk"]["S"]) for key in left}
        return {key: found.get(key) for key in keys if key not in unknown}

    def of_message(self, key: str) -> list[dict[str, Any]]:
        """Return the items of all deliveries of a message, expired ones too, as plain JSON.

        Args:
            key: the message's partition key (`homing.delivery.message_key`).

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": key}},
            ConsistentRead=True,
        )
        return [from_dynamodb(item) for page in pages for item in page["Items"]]

    def record_retry(self, retry: Retry) -> Recorded:
        """Record a failed attempt and the retry that follows it.

        If the ledger cannot be written, the result says so; no error is raised.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **retry_update(retry),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            return _settle_retry(retry, _record_in(error))
        except (BotoCoreError, ClientError) as error:
            return Recorded(RecordResult.UNRECORDED, _sentence(error))
        return Recorded(RecordResult.RECORDED, "recorded")

    def own(self, reference: Reference, document: Mapping[str, Any]) -> Record | None:
        """Assign a delivery to the execution named after it, before that execution is started.

        Until this call, no execution has the delivery.

        Args:
            reference: the delivery.
            document: the input of the execution.

        Returns:
            None if the execution has the delivery now; otherwise the delivery's record, which
            determines what to do with the queue message.

        Raises:
            BotoCoreError, ClientError: when the write fails; it may still have taken effect.
        """
        item = owned_item(reference, document)
        try:
            self._client.put_item(
                TableName=self._table,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **own_put(reference, item),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            return _record_in(error)
        return None

    def claim(self, reference: Reference, claim: AttemptClaim) -> AttemptClaim | Superseded:
        """Claim an attempt for an execution that has finished waiting.

        An unavailable ledger must not delay the delivery: if it is unavailable, the attempt may be
        made without a record of the claim, and `unrecorded` in the returned claim tells why. The
        same applies if the delivery's record no longer exists.

        Returns:
            The claim if the attempt may be made; `Superseded` if it may not.
        """
        try:
            answer = self._client.update_item(
                TableName=self._table,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **claim_update(reference, claim),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            if not error.response.get("Item"):
                return replace(claim, unrecorded="the ledger has no record of the delivery")
            return Superseded()
        except (BotoCoreError, ClientError) as error:
            return replace(claim, unrecorded=_sentence(error))
        record = Record.from_attributes(from_dynamodb(answer["Attributes"]))
        return replace(claim, due_since=record.next_retry_at)

    def keep_dead_letter(self, reference: Reference, dead_letter: str) -> None:
        """Store a dead letter in the record of a failed delivery, so that a redrive finds it there.

        Errors are ignored, since the dead letter is in the queue, too. If the delivery has been
        redriven in the meantime, nothing is stored.
        """
        with suppress(BotoCoreError, ClientError):
            self._client.update_item(
                TableName=self._table, **keep_dead_letter_update(reference, dead_letter)
            )

    def redrive(
        self,
        reference: Reference,
        seen: Record | None,
        document: Mapping[str, Any],
        execution_name: str,
        *,
        at: str,
    ) -> bool:
        """Move a delivery to the generation of `document`, if its record is unchanged.

        Args:
            reference: the delivery.
            seen: the delivery's record as the caller has read it; None if there was none.
            document: the delivery document of the new generation.
            execution_name: the execution that the caller will start with this document.
            at: the time, in ISO 8601.

        Returns:
            Whether the record has been changed.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be written.
        """
        return self._apply(redrive_update(reference, seen, document, execution_name, at))

    def cancel(self, reference: Reference, *, at: str, expires_at: int) -> bool:
        """Cancel a delivery unless it has ended; return whether it was cancelled.

        Args:
            reference: the delivery.
            at: the time, in ISO 8601.
            expires_at: when the record may be deleted, in epoch seconds. It is used only if the
                delivery has no record yet, so that this call creates it.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be written.
        """
        return self._apply(cancel_update(reference, at, expires_at))

    def dead_letter(
        self, reference: Reference, dead_letter: Mapping[str, Any], execution_name: str, *, at: str
    ) -> bool:
        """Record the failure of a waiting delivery, with its dead letter.

        After that, the waiting execution can no longer claim its attempt.

        Args:
            reference: the delivery.
            dead_letter: the delivery document, with a verdict.
            execution_name: the execution that waits.
            at: the time, in ISO 8601.

        Returns:
            Whether the failure is recorded. It is not recorded if the delivery has ended, or if
            another execution has it.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be written.
        """
        return self._apply(dead_letter_update(reference, dead_letter, execution_name, at))

    def overdue(self, before: datetime, most: int) -> Iterator[tuple[Reference, Record]]:
        """Yield the deliveries in the attention index that should have continued before a time.

        Args:
            before: the time. It also determines with which partition the search begins, so that no
                partition of the index always comes last.
            most: how many entries to read from each of the index's 32 partitions. Later searches
                read further entries.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        first = int(before.timestamp()) // 60 % len(_WAITING_PARTITIONS)
        for partition in _WAITING_PARTITIONS[first:] + _WAITING_PARTITIONS[:first]:
            values = {":attention": {"S": partition}, ":before": {"S": to_text(before)}}
            entries = self._client.query(
                TableName=self._table,
                IndexName=ATTENTION_INDEX,
                KeyConditionExpression="attention = :attention AND attentionAt < :before",
                ExpressionAttributeValues=values,
                Limit=most,
            )["Items"]
            for entry in entries:
                key = {name: entry[name] for name in ("pk", "sk")}
                found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
                item = from_dynamodb(found.get("Item", {}))
                # The index lags behind the table, so the delivery may have continued already.
                if item.get("attention") == partition and item["attentionAt"] < to_text(before):
                    yield Reference.from_document(item), Record.from_attributes(item)

    def take_up(
        self,
        reference: Reference,
        seen: Record,
        document: Mapping[str, Any],
        execution_name: str,
        *,
        at: str,
    ) -> bool:
        """Move a waiting delivery to the generation of `document`, if its record is unchanged.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be written.
        """
        return self._apply(take_up_update(reference, seen, document, execution_name, at))

    def look_again(self, reference: Reference, seen: Record, *, at: str) -> bool:
        """Keep `overdue` from yielding a delivery before `at`, if its record is unchanged.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be written.
        """
        return self._apply(look_again_update(reference, seen, at))

    def list_failure(self, reference: Reference, seen: Record) -> bool:
        """Index a delivery as failed once its dead letter is sent, if its record is unchanged.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be written.
        """
        return self._apply(list_failure_update(reference, seen))

    def settle(self, reference: Reference, seen: Record) -> bool:
        """Keep `overdue` from yielding a delivery again, if its record is unchanged.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be written.
        """
        return self._apply(settled_update(reference, seen))

    def _apply(self, update: Mapping[str, Any]) -> bool:
        try:
            self._client.update_item(TableName=self._table, **update)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _settle_retry(retry: Retry, record: Record | None) -> Recorded:
    """Return the result of recording a retry whose conditional update was refused.

    If the record contains the same entry, botocore has made this update twice. Otherwise another
    execution has the delivery, or the delivery has ended.
    """
    entry = from_dynamodb({"entry": to_dynamodb(dict(retry.entry))})["entry"]
    if record is not None and entry in record.history:
        return Recorded(RecordResult.REPLAYED, "the same entry had been recorded before")
    found = "no record" if record is None else f"{record.status}, attempts: {record.attempts}"
    reason = f"another execution has the delivery, or it has ended ({found})"
    return Recorded(RecordResult.SUPERSEDED, reason)


def _own_record(reference: Reference, item: Mapping[str, Any]) -> Record | None:
    record = _record_of(item)
    if record is None or record.is_of_previous_acceptance(reference.created_at):
        return None
    return record


def _record_in(error: ClientError) -> Record | None:
    response: Mapping[str, Any] = error.response
    return _record_of(response.get("Item", {}))


def _record_of(item: Mapping[str, Any]) -> Record | None:
    """Return an item as a record, or None if it is not the item of a delivery."""
    return Record.from_attributes(from_dynamodb(item)) if "createdAt" in item else None


def _typed_key(key: tuple[str, str]) -> dict[str, Any]:
    pk, sk = key
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
