"""The function `watchdog`: every 15 minutes it resumes deliveries whose execution is gone.

It also runs bulk redrives.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from homing import deadline
from homing.aws import client
from homing.dispatch.executions import Workflow
from homing.ledger.delivery_index import DeliveryIndex
from homing.ledger.table import Ledger
from homing.ordering.releasing import Releasing, revisit
from homing.payloads.store import PayloadStore
from homing.queues.dead_letters import DeadLetterQueue, sqs_client
from homing.queues.undispatched import UndispatchedQueue
from homing.recovery.bulk_runner import BulkRunner
from homing.recovery.interventions import Interventions
from homing.recovery.redrives_table import RedrivesTable
from homing.recovery.watchdog import Watchdog
from homing.settings import WatchdogSettings
from lambdas.initialization import initialize
from lambdas.observation import log_examined, log_line, log_put_back, logger

_MOST_MESSAGES = 5_000  # one run requeues at most this many undispatched messages
_LAST_SECONDS = 60  # in the last seconds of an invocation, no further work is begun


@cache
def _settings() -> WatchdogSettings:
    return WatchdogSettings.from_env()


@cache
def _watchdog() -> Watchdog:
    return Watchdog(
        Ledger(_settings().ledger_table),
        Workflow(_settings().state_machine_arn),
        DeadLetterQueue(_settings().dead_letter_queue_url),
    )


@cache
def _undispatched() -> UndispatchedQueue:
    return UndispatchedQueue(
        _settings().undispatched_queue_url, _settings().delivery_queue_url, sqs_client()
    )


@cache
def _releasing() -> Releasing:
    return Releasing.connect(_settings())


@cache
def _runner() -> BulkRunner:
    dynamodb = client("dynamodb", read_seconds=2, tries=3)
    ledger, store = _watchdog().ledger, PayloadStore(_settings().payload_bucket)
    return BulkRunner(
        redrives=RedrivesTable(_settings().redrives_table, dynamodb),
        index=DeliveryIndex(_settings().ledger_table, dynamodb),
        ledger=ledger,
        interventions=Interventions(ledger, _watchdog().workflow, store.renew),
        dead_letters=_watchdog().dead_letters,
        clock=_now,
        sleep=time.sleep,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _has_time() -> bool:
    return deadline.seconds_left() > _LAST_SECONDS


def handler(event: dict[str, Any], context: Any) -> None:
    """Examine overdue deliveries, requeue undispatched messages, advance lines, run bulk redrives.

    If the event contains a `redriveId`, only run that bulk redrive.
    """
    deadline.begin(context)
    if "redriveId" in event:
        logger.info("redrive.run", redriveId=event["redriveId"])
        _runner().run(event["redriveId"], _has_time, deadline.seconds_left())
        return
    for one in _watchdog().run(_now(), _has_time):
        log_examined(one)
    log_put_back(_undispatched().put_back(_MOST_MESSAGES, _has_time))
    for line_id, result in revisit(_releasing(), _now(), _has_time):
        log_line(line_id, result)
    _runner().resume(_has_time, deadline.seconds_left())


initialize(_watchdog, _releasing, _undispatched, _runner)
