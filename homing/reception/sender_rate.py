"""The rate of senders: how many deliveries of each sender are accepted, across all containers.

`backlog` deliveries of a sender are accepted immediately, and `per_second` more each second. For
each sender, an item of the messages table contains the time at which its backlog will be worked off
(GCRA, docs/decisions/0096). When deliveries are accepted, one conditional update moves that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.errors import DependencyError, RateExceededError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.settings import AcceptSettings

_SECOND = 1_000_000  # times are microseconds since the epoch
_TRIES = 10  # a try fails if another container has changed the item in the meantime
_REMEMBERED = 10_000  # the number of senders whose state a container remembers
_KEPT_SECONDS = 86_400  # an item can expire, since it has no effect once the backlog is worked off

_IS_FREE = "attribute_not_exists(freeAt) OR freeAt <= :now"
_IS_BEHIND = "freeAt > :now AND freeAt <= :latest"


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of every sender.

    Args:
        per_second: how many deliveries are accepted per second in the long run.
        backlog: how many deliveries are accepted immediately, beyond that rate.
    """

    per_second: float
    backlog: int

    def takes(self, deliveries: int) -> int:
        """Return how many microseconds it takes to work off this many deliveries at the rate."""
        return round(deliveries * _SECOND / self.per_second)

    def fitting(self, free_at: int, now: int, deliveries: Sequence[int]) -> int:
        """Return how many messages may be accepted, counted from the first.

        If the sender has no backlog, its first message is accepted in any case, even if it has more
        deliveries than the limit.

        Args:
            free_at: when the sender's backlog is worked off.
            now: the present.
            deliveries: the number of deliveries of each message.
        """
        ahead = max(free_at - now, 0)
        most = self.takes(self.backlog)
        sums = [ahead + self.takes(each) for each in accumulate(deliveries)]
        fitting = sum(each <= most for each in sums)
        return fitting or int(not ahead)

    def seconds_until(self, free_at: int, now: int, deliveries: int) -> float:
        """Return the seconds to wait before a message with this many deliveries is sent again."""
        most = max(self.takes(self.backlog) - self.takes(deliveries), 0)
        return max(free_at - now - most, 0) / _SECOND


class SenderRate:
    """Counts the deliveries that are accepted from each sender.

    Args:
        allowance: the limits of each sender.
        table: the messages table.
        client: a DynamoDB client.
    """

    def __init__(self, allowance: Allowance, table: str, client: DynamoDBClient) -> None:
        self._allowance = allowance
        self._table = table
        self._client = client
        self._free_at: dict[str, int] = {}  # by sender: the last known `free_at`, which only grows

    @classmethod
    def connect(cls, settings: AcceptSettings, client: DynamoDBClient) -> Self | None:
        """Return the rate that the settings name; None if the rate of senders is not limited."""
        if not settings.sender_rate_per_second:
            return None
        allowance = Allowance(settings.sender_rate_per_second, settings.sender_backlog)
        return cls(allowance, settings.messages_table, client)

    def exceeded(
        self, sender_id: str, deliveries: Sequence[int], now: datetime
    ) -> list[RateExceededError | None]:
        """Count the deliveries of messages, and return which of these exceed the rate.

        Messages are counted in order until one does not fit; this message and all after it exceed
        the rate. The call makes one update of the table, or none if the container already knows
        that no message fits.

        Args:
            sender_id: the sender of the messages.
            deliveries: the number of deliveries of each message.
            now: the present.

        Raises:
            DependencyError: when the table cannot be written.
        """
        moment = round(now.timestamp() * _SECOND)
        free_at = self._free_at.get(sender_id, 0)
        for _ in range(_TRIES):
            fitting = self._allowance.fitting(free_at, moment, deliveries)
            if not fitting:
                return self._refused(free_at, moment, deliveries)
            rest = deliveries[fitting:]
            taken = self._allowance.takes(sum(deliveries[:fitting]))
            if not taken:  # none of these messages has a recipient
                return [None] * fitting + self._refused(free_at, moment, rest)
            is_taken, found = self._take(sender_id, taken, free_at, moment)
            if is_taken:
                self._remember(sender_id, max(free_at, moment) + taken)
                return [None] * fitting + self._refused(self._free_at[sender_id], moment, rest)
            free_at = found
            self._remember(sender_id, free_at)
        raise DependencyError(f"the rate of a sender could not be updated in {_TRIES} tries")

    def _refused(
        self, free_at: int, now: int, deliveries: Sequence[int]
    ) -> list[RateExceededError | None]:
        return [
            RateExceededError(self._allowance.seconds_until(free_at, now, each))
            for each in deliveries
        ]

    def _take(self, sender_id: str, taken: int, free_at: int, now: int) -> tuple[bool, int]:
        """Add deliveries to the sender's backlog, if its item is still in the expected state.

        Returns:
            Whether they were added; if they were not, also the time at which the backlog will be
            worked off, otherwise 0.
        """
        is_behind = free_at > now
        latest = now + max(self._allowance.takes(self._allowance.backlog) - taken, 0)
        values = {":now": now, ":taken": taken, ":kept": now // _SECOND + _KEPT_SECONDS}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=rate_key(sender_id),
                UpdateExpression=(
                    f"SET freeAt = {'freeAt' if is_behind else ':now'} + :taken, #ttl = :kept"
                ),
                ConditionExpression=_IS_BEHIND if is_behind else _IS_FREE,
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=_numbers(
                    {**values, ":latest": latest} if is_behind else values
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            refused: Mapping[str, Any] = error.response
            return False, int(refused.get("Item", {}).get("freeAt", {"N": "0"})["N"])
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error
        return True, 0

    def _remember(self, sender_id: str, free_at: int) -> None:
        if len(self._free_at) >= _REMEMBERED:
            self._free_at.clear()
        self._free_at[sender_id] = free_at


def rate_key(sender_id: str) -> dict[str, Any]:
    """Return the key of the item that holds a sender's rate.

    No message has this key, since no messageId begins with a `#` (identifiers.py).
    """
    return {"pk": {"S": f"#rate#{sender_id}"}}


def _numbers(values: Mapping[str, int]) -> dict[str, Any]:
    return {name: {"N": str(value)} for name, value in values.items()}
