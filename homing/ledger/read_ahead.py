"""The ledger for `dispatch`: it reads the records of a batch in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from homing.ledger.table import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.delivery import Reference
    from homing.ledger.record import Record


class ReadAhead(Ledger):
    """A ledger that can read records in advance. `read` returns each such record once."""

    def __init__(self, table: str, client: DynamoDBClient | None = None) -> None:
        super().__init__(table, client)
        self._ahead: dict[Reference, Record | Exception | None] = {}

    def read_ahead(self, references: Iterable[Reference]) -> None:
        """Read the records of a batch, so that the next `read` of each delivery needs no call.

        If the batch has only one delivery, nothing is read here and `read` makes the call. It also
        makes the call for records that DynamoDB leaves out. If the call made here fails, `read`
        raises the same error without another call, so that an outage costs the time of only one
        call.
        """
        wanted = list(dict.fromkeys(references))
        self._ahead = {}
        if len(wanted) > 1:
            try:
                self._ahead = {**self.read_many(wanted)}
            except (BotoCoreError, ClientError) as error:
                self._ahead = dict.fromkeys(wanted, error)

    def read(self, reference: Reference) -> Record | None:
        """Return a delivery's record, like `Ledger.read`."""
        if reference not in self._ahead:
            return super().read(reference)
        found = self._ahead.pop(reference)
        if isinstance(found, Exception):
            raise found
        return found
