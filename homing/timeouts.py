"""The chain of time-outs, from one attempt to the visibility of its queue message.

Each timeout is longer than the one before it, so that the innermost, which can report the most,
ends first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from homing.sending.time_left import ANSWER_SECONDS, CALL_SECONDS

# An HTTP API waits 10 s for an authorizer and 30 s for an integration (API Gateway quotas).
AUTHORIZER_SECONDS = 10
API_SECONDS = 25
# The timeout of `ingest`. It is less than 30 s, the default visibility timeout of a queue, since
# Lambda refuses a queue whose visibility timeout is less than the timeout of the function.
INGEST_SECONDS = 25
# The watchdog runs every 15 minutes, and a run is over before the next begins.
WATCHDOG_EVERY_SECONDS = 900
WATCHDOG_SECONDS = 600
# The timeout of `release`: a batch is up to a hundred deliveries that have ended, and each takes
# six calls of some milliseconds.
RELEASE_SECONDS = 60
# The timeout of `operational_events`, which makes ten calls to the event bus for a hundred changes
# to a table. The calls take this long only if the bus hangs.
OPERATIONAL_EVENTS_SECONDS = 60
# The timeout of a workflow step other than `deliver`.
STEP_SECONDS = 15

# The time to claim the attempt and look up its recipient in a new container, where the first calls
# connect and the function has 9% of a processor. In a warm container this takes milliseconds.
_DELIVER_START_SECONDS = 3
# The time of `deliver` beyond the attempt's own deadline. It is enough to start, to record the
# endpoint's health and release its concurrency slot (two calls at their slowest), and to return. If
# the steps before the request take longer (a ledger that does not respond, a concurrency slot, a
# payload in S3), the request has less time, and calls after it may be left out
# (homing/sending/time_left.py).
_DELIVER_MARGIN_SECONDS = _DELIVER_START_SECONDS + 2 * CALL_SECONDS + ANSWER_SECONDS
# The time of a first attempt beyond its deadline: `deliver`'s margin, and as much again for the
# other steps and their retries.
_FIRST_ATTEMPT_MARGIN_SECONDS = 30
# The time of `dispatch` beyond the first attempts that it waits for.
_DISPATCH_MARGIN_SECONDS = 15
# SQS must not redeliver a batch while Lambda still works on it: 6 times the function's timeout
# ("Configuring a queue to use with Lambda", AWS Lambda developer guide).
_VISIBILITY_FACTOR = 6
# After this time, the ingest queue redelivers a message that could not be accepted.
INGEST_VISIBILITY_SECONDS = _VISIBILITY_FACTOR * INGEST_SECONDS


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The chain of time-outs, in seconds.

    Args:
        attempt_seconds: the deadline of one attempt, from connect to the last byte.
    """

    attempt_seconds: float

    @property
    def deliver(self) -> int:
        """The timeout of `deliver`."""
        return ceil(self.attempt_seconds) + _DELIVER_MARGIN_SECONDS

    @property
    def first_attempt(self) -> int:
        """The timeout of a first attempt: enough for `deliver`, other steps and short retries."""
        return ceil(self.attempt_seconds) + _FIRST_ATTEMPT_MARGIN_SECONDS

    @property
    def dispatch(self) -> int:
        """The timeout of `dispatch`.

        A first attempt may wait for its permit as long as another attempt may take (bulkhead.py).
        If too many attempts are already detached, it is not detached, and `dispatch` waits for its
        end (bounded_wait.py).
        """
        return ceil(self.attempt_seconds) + self.first_attempt + _DISPATCH_MARGIN_SECONDS

    @property
    def visibility(self) -> int:
        """The visibility timeout, after which SQS redelivers a message that is not deleted."""
        return _VISIBILITY_FACTOR * self.dispatch
