"""The steps of a bulk redrive. The watchdog runs them one by one until the redrive has ended.

A step may be repeated, and may be interrupted anywhere: the next run of the watchdog continues it.
A chunk is recorded before it is redriven, so a repeated step redrives the same deliveries. This
starts nothing new (`homing.recovery.interventions`), and each delivery is counted once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from homing.recovery.bulk_redrive import BulkRedrive, Key, Phase
from homing.recovery.interventions import Result
from homing.recovery.redrives_table import Chunk
from homing.recovery.superfluous import sweep
from homing.retry.classification import Status
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from homing.ledger.delivery_index import DeliveryIndex
    from homing.ledger.table import Ledger
    from homing.queues.dead_letters import DeadLetterQueue
    from homing.recovery.interventions import Interventions
    from homing.recovery.redrives_table import RedrivesTable

_AT_ONCE = 10  # concurrent calls: as many as a client has connections (homing/aws.py)


@dataclass(frozen=True, slots=True)
class BulkRunner:
    """Runs the steps of bulk redrives.

    Args:
        redrives: the table of bulk redrives.
        index: reads the lists of deliveries.
        ledger: the ledger.
        interventions: redrives single deliveries.
        dead_letters: the dead-letter queue, from which superfluous dead letters are deleted once.
        clock: returns the time.
        sleep: waits for a number of seconds, so that the rate is not exceeded.
    """

    redrives: RedrivesTable
    index: DeliveryIndex
    ledger: Ledger
    interventions: Interventions
    dead_letters: DeadLetterQueue
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]

    def run(
        self,
        redrive_id: str,
        has_time: Callable[[], bool],
        hold_seconds: float,
        *,
        waits: bool = True,
    ) -> None:
        """Run the steps of a bulk redrive until time runs out, unless another run holds its lock.

        Args:
            redrive_id: the id of the bulk redrive.
            has_time: returns whether there is time for another step.
            hold_seconds: how long this run may last; after this time, its lock expires.
            waits: whether to pause after a step and run the next one; if not, one step is run.

        Raises:
            BotoCoreError, ClientError: when AWS refuses a call; a later run continues.
        """
        now = int(self.clock().timestamp())
        if not self.redrives.hold(redrive_id, now, now + ceil(hold_seconds)):
            return
        try:
            while has_time():
                pause = self.step(redrive_id, has_time)
                if pause is None or not waits:
                    return
                self._wait(pause, has_time)
        finally:
            self.redrives.release(redrive_id)

    def resume(self, has_time: Callable[[], bool], hold_seconds: float) -> None:
        """Continue all bulk redrives that have not ended, until time runs out.

        Raises:
            BotoCoreError, ClientError: when AWS refuses a call; a later run continues.
        """
        for redrive_id in self.redrives.open():
            self.run(redrive_id, has_time, hold_seconds, waits=False)

    def _wait(self, seconds: int, has_time: Callable[[], bool]) -> None:
        waited = 0
        while waited < seconds and has_time():
            self.sleep(1)
            waited += 1

    def step(self, redrive_id: str, has_time: Callable[[], bool]) -> int | None:
        """Redrive further deliveries until time runs out, or check those already redriven.

        Returns:
            The seconds until the next step; None after the last one.

        Raises:
            BotoCoreError, ClientError: when AWS refuses a call; repeat the step.
        """
        redrive = self.redrives.find(redrive_id)
        while redrive and redrive.phase is Phase.REDRIVING:
            if not has_time():
                return 0
            self._save(self._next_chunk(redrive), redrive)
            redrive = self.redrives.find(redrive_id)
        if redrive is None or redrive.phase is Phase.ENDED:
            return None
        followed = self._followed(redrive, has_time)
        self._save(followed, redrive)
        return None if followed.phase is Phase.ENDED else followed.pause(self.clock())

    def _save(self, changed: BulkRedrive, before: BulkRedrive) -> None:
        self.redrives.save(changed, chunks_before=before.chunks)

    def _next_chunk(self, redrive: BulkRedrive) -> BulkRedrive:
        """Redrive the next chunk of the list, unless there is none or the bulk redrive is stopped.

        Return the bulk redrive with its new progress.
        """
        chunk = self.redrives.chunk(redrive, redrive.chunks)
        if chunk is None and redrive.is_stopped:
            return replace(redrive, phase=Phase.FOLLOWING)
        if chunk is None:
            chunk = self._listed(redrive)
            self.redrives.save_chunk(redrive, chunk)
        if chunk.redriven is None:
            results = self._redriven(redrive, chunk.members)
            kept = tuple(key for key, done in zip(chunk.members, results, strict=True) if done)
            left = len(chunk.members) - len(kept)
            chunk = replace(chunk, members=kept, redriven=len(kept), not_redriven=left)
            self.redrives.save_chunk(redrive, chunk)
        return redrive.advanced(chunk.place, chunk.redriven or 0, chunk.not_redriven)

    def _listed(self, redrive: BulkRedrive) -> Chunk:
        page = self.index.page(
            redrive.wanted, after=redrive.place, limit=redrive.chunk_size, now=self.clock()
        )
        members = tuple((one.pk, one.sk) for one in page.deliveries)
        return Chunk(number=redrive.chunks, members=members, place=page.after)

    def _redriven(self, redrive: BulkRedrive, members: Sequence[Key]) -> list[bool]:
        """Redrive deliveries; return for each whether it is redriven, by this or an earlier run."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            begun = []
            for key in members:
                begun.append(pool.submit(self._redrive, redrive, key))
                self.sleep(1 / redrive.rate)
            return [each.result() for each in begun]

    def _redrive(self, redrive: BulkRedrive, key: Key) -> bool:
        found = self.ledger.find(key)
        if found is None:
            return False
        reference, record = found
        # This clock may be behind the clock of the function that started the redrive.
        now = max(self.clock(), from_text(redrive.started_at))
        if any(each["timestamp"] >= redrive.started_at for each in record.redrives):
            # If an earlier step was interrupted, the execution may not have been started.
            if record.status is Status.QUEUED:
                self.interventions.redrive(reference, now=now)
            return True
        result = self.interventions.redrive(reference, now=now)
        return result in {Result.REDRIVEN, Result.ALREADY_REDRIVEN}

    def _followed(self, redrive: BulkRedrive, has_time: Callable[[], bool]) -> BulkRedrive:
        """Count the results of redriven deliveries, and delete superfluous dead letters.

        Return the bulk redrive with its new counts.
        """
        chunks = [self._settled(redrive, chunk) for chunk in self.redrives.chunks(redrive)]
        counted = replace(
            redrive,
            delivered=sum(chunk.delivered for chunk in chunks),
            failed=sum(chunk.failed for chunk in chunks),
            others=sum(chunk.others for chunk in chunks),
        )
        now = self.clock()
        if not counted.is_swept and counted.may_be_swept(now):
            sweep(self.dead_letters, self.ledger, has_time)
            counted = replace(counted, is_swept=True)
        return counted.ended(now) if counted.is_over(now) else counted

    def _settled(self, redrive: BulkRedrive, chunk: Chunk) -> Chunk:
        """Count the deliveries of a chunk that have ended, and return the chunk without them."""
        if not chunk.members:
            return chunk
        statuses = self.ledger.statuses(chunk.members)
        ended = {key: status for key, status in statuses.items() if status not in _OPEN}
        if not ended:
            return chunk
        found = list(ended.values())
        delivered = found.count(Status.DELIVERED)
        failed = sum(status in _FAILED for status in found)
        settled = replace(
            chunk,
            members=tuple(key for key in chunk.members if key not in ended),
            delivered=chunk.delivered + delivered,
            failed=chunk.failed + failed,
            others=chunk.others + len(found) - delivered - failed,
        )
        self.redrives.save_chunk(redrive, settled)
        return settled


_OPEN = frozenset({Status.QUEUED, Status.RETRY_SCHEDULED})
_FAILED = frozenset({Status.FAILED, Status.MAX_RETRIES_EXCEEDED})
