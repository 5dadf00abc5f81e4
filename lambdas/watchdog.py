"""Trigger `watchdog`: every 15 minutes, take up what no execution goes on with."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from homing import deadline
from homing.dispatch.executions import Workflow
from homing.ledger.table import Ledger
from homing.queues.dead_letters import DeadLetterQueue, sqs_client
from homing.queues.undispatched import UndispatchedQueue
from homing.recovery.watchdog import Watchdog
from homing.settings import WatchdogSettings
from lambdas.initialization import initialize
from lambdas.observation import log_examined, log_put_back

_MOST_MESSAGES = 5_000  # undispatched ones of one run
_LAST_SECONDS = 60  # in which nothing more is begun


@cache
def _watchdog() -> Watchdog:
    settings = WatchdogSettings.from_env()
    return Watchdog(
        Ledger(settings.ledger_table),
        Workflow(settings.state_machine_arn),
        DeadLetterQueue(settings.dead_letter_queue_url),
    )


@cache
def _undispatched() -> UndispatchedQueue:
    settings = WatchdogSettings.from_env()
    return UndispatchedQueue(
        settings.undispatched_queue_url, settings.delivery_queue_url, sqs_client()
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _has_time() -> bool:
    return deadline.seconds_left() > _LAST_SECONDS


def handler(event: object, context: Any) -> None:
    """Examine what is overdue, then put undispatched messages on the delivery queue again."""
    deadline.begin(context)
    for one in _watchdog().run(_now(), _has_time):
        log_examined(one)
    log_put_back(_undispatched().put_back(_MOST_MESSAGES, _has_time))


initialize(_watchdog, _undispatched)
