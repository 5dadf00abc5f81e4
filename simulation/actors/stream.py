"""The ledger's DynamoDB stream, and the event source mapping that invokes `release` with it."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

from homing.ordering.endings import ENDINGS
from homing.routing.operators import read_json
from homing.routing.pattern import compile_pattern
from simulation.engine.clock import HOUR, MINUTE, SECOND
from simulation.engine.faults import ServiceError
from simulation.engine.process import Call, Process, Sleep

if TYPE_CHECKING:
    from simulation.engine.process import Outcome, Steps
    from simulation.engine.scheduler import Scheduler

_INVOKE_TIMEOUT = 900 * SECOND
_REPEATED_FOR = HOUR
_BATCH = 100
_PATTERNS = [compile_pattern(json.dumps(each)) for each in ENDINGS]


class StreamMapping:
    """Invokes `release`, in order, with the changes that match the mapping's filter patterns.

    If `release` fails for a change, the change is retried, together with later ones, until it is an
    hour old. After that, it and the rest of its batch are dropped.

    Args:
        scheduler: the scheduler of the simulation.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._changes: deque[tuple[int, dict[str, Any]]] = deque()
        self._runs = 0
        self._added = 0
        self._is_running = False

    def add(self, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        """Add a change to a ledger item to the stream, unless the filter patterns exclude it."""
        if "S" not in after.get("line", {}):
            return
        images = {"NewImage": after} | ({} if before is None else {"OldImage": before})
        event = read_json(json.dumps({"dynamodb": images}))
        if not any(pattern.matches(event) for pattern in _PATTERNS):
            return
        self._added += 1
        record = {"dynamodb": {**images, "SequenceNumber": str(self._added)}}
        self._changes.append((self._scheduler.now, record))
        if not self._is_running:
            self._is_running = True
            self._runs += 1
            self._scheduler.start(Process(f"release#{self._runs}", self._steps(), self._ended))

    def _steps(self) -> Steps:
        pause = SECOND
        while self._changes:
            batch = [record for _, record in self._changes][:_BATCH]
            invoke = {"FunctionName": "release", "Payload": {"Records": batch}}
            try:
                result = yield Call("lambda.invoke", invoke, _INVOKE_TIMEOUT)
                failures = result["Payload"]["batchItemFailures"]
            except ServiceError:
                failures = [{"itemIdentifier": batch[0]["dynamodb"]["SequenceNumber"]}]
            self._forget(len(batch), failures)
            if failures:
                yield Sleep(self._scheduler.now + pause)
                pause = min(2 * pause, MINUTE)

    def _forget(self, count: int, failures: list[dict[str, Any]]) -> None:
        failed = {each["itemIdentifier"] for each in failures}
        for _ in range(count):
            since, record = self._changes[0]
            is_failed = record["dynamodb"]["SequenceNumber"] in failed
            if is_failed and self._scheduler.now - since < _REPEATED_FOR:
                return
            failed = set() if is_failed else failed
            self._changes.popleft()

    def _ended(self, _: Outcome) -> None:
        self._is_running = False
