"""A sample of the deliveries recorded in the ledger, read within a time limit and cached."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from homing.items import from_dynamodb
from homing_cli.what_if.replay import History

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from homing_cli.client.target import Target

DEFAULT_LIMIT = 5000
_BUDGET_SECONDS = 3.0
_KEPT = timedelta(seconds=60)
_WANTED = "targetUrl, #status, retryHistory, redriveHistory, historySummary"


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of the deliveries recorded in the ledger.

    Args:
        histories: the first run of each delivery with at least one attempt.
        is_whole: whether the sample contains all deliveries in the ledger.
    """

    histories: tuple[History, ...]
    is_whole: bool


class Histories:
    """Reads samples of the ledger of a deployed Homing; safe to share between threads.

    Args:
        target: the deployed Homing.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, target: Target, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = target.client("dynamodb")
        self._table = target.outputs["LedgerTable"]
        self._clock = clock
        self._lock = Lock()
        self._sample: Sample | None = None
        self._read_at = 0.0

    def sample(self) -> Sample:
        """Return a sample that is at most a minute old."""
        with self._lock:
            age = self._clock() - self._read_at
            if self._sample is None or age > _KEPT.total_seconds():
                self._sample = self.read(DEFAULT_LIMIT)
                self._read_at = self._clock()
            return self._sample

    def read(self, limit: int) -> Sample:
        """Return a sample of up to `limit` records; of fewer if the time limit is reached."""
        found: list[History] = []
        deadline = self._clock() + _BUDGET_SECONDS
        after: dict[str, Any] = {}
        while True:
            answer = self._client.scan(
                TableName=self._table,
                Limit=min(limit - len(found), 1000),
                ProjectionExpression=_WANTED,
                ExpressionAttributeNames={"#status": "status"},
                **after,
            )
            records = map(from_dynamodb, answer["Items"])
            found += [history for r in records if (history := History.from_record(r))]
            if "LastEvaluatedKey" not in answer:
                return Sample(tuple(found), is_whole=True)
            if len(found) >= limit or self._clock() >= deadline:
                return Sample(tuple(found), is_whole=False)
            after = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
