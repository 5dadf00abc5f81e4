"""Where the pages of endpoints and senders read; one set for each console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from homing_cli.console.endpoints.background import Background
from homing_cli.console.endpoints.backlog import Backlog, BacklogReader
from homing_cli.console.endpoints.recent_attempts import RecentAttempts, Sample
from homing_cli.console.endpoints.registered import Registry

if TYPE_CHECKING:
    from homing_cli.client.target import Target

_WAIT_SECONDS = 0.4  # of the second that a page may take
_FRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources; safe to share between threads.

    Args:
        registry: endpoints, keys and the dates of secrets.
        backlog: what waits or has failed.
        attempts: the attempts of the last hour.
    """

    registry: Registry
    backlog: Background[Backlog]
    attempts: Background[Sample]

    @classmethod
    def connect(cls, target: Target) -> Self:
        """Return the sources of a target."""
        backlog, attempts = BacklogReader(target), RecentAttempts(target)
        return cls(
            Registry(target),
            Background(
                lambda: backlog.read(datetime.now(UTC)),
                fresh_seconds=_FRESH_SECONDS,
                wait_seconds=_WAIT_SECONDS,
            ),
            Background(
                lambda: attempts.read(datetime.now(UTC)),
                fresh_seconds=_FRESH_SECONDS,
                wait_seconds=_WAIT_SECONDS,
            ),
        )
