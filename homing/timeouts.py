"""The chain of time-outs, from one attempt to the visibility of its queue message.

Each timeout is longer than the one before it, so that the innermost ends whatever takes too long.
It knows most about what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from homing.sending.time_left import ANSWER_SECONDS, CALL_SECONDS

# An HTTP API waits 10 s for an authorizer and 30 s for an integration (API Gateway quotas).
AUTHORIZER_SECONDS = 10
API_SECONDS = 25
# A step of the workflow other than `deliver`.
STEP_SECONDS = 15

# To load boto3 in a new container (2 s, docs/decisions/0063), to claim the attempt and to look up
# its recipient. All of it usually takes milliseconds.
_DELIVER_START_SECONDS = 3
# What `deliver` needs beyond the attempt's own deadline, so that nothing is left out while AWS
# answers as it should: to start; after the slowest attempt, to note that its endpoint is disabled
# and to tell of it, two calls as slow as they may be; and to answer. Where what comes before the
# request takes longer (a ledger that does not answer, a concurrency slot, a payload in S3), the
# request has less time, and what comes after may be left out (homing/sending/time_left.py).
_DELIVER_MARGIN_SECONDS = _DELIVER_START_SECONDS + 2 * CALL_SECONDS + ANSWER_SECONDS
# What a first attempt needs beyond its deadline: `deliver`'s margin, and as much again for the
# other steps, and what is retried of them.
_FIRST_ATTEMPT_MARGIN_SECONDS = 30
# What `dispatch` needs beyond the first attempts that it waits for.
_DISPATCH_MARGIN_SECONDS = 15
# SQS must not hand a batch out again while Lambda still works on it: 6 times the function's timeout
# ("Configuring a queue to use with Lambda", AWS Lambda developer guide).
_VISIBILITY_FACTOR = 6


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The chain, in seconds.

    Args:
        attempt_seconds: the deadline of one attempt, from connect to the last byte.
    """

    attempt_seconds: float

    @property
    def deliver(self) -> int:
        """When Lambda ends `deliver`."""
        return ceil(self.attempt_seconds) + _DELIVER_MARGIN_SECONDS

    @property
    def first_attempt(self) -> int:
        """When Step Functions ends a first attempt: room for one deadline and short retries."""
        return ceil(self.attempt_seconds) + _FIRST_ATTEMPT_MARGIN_SECONDS

    @property
    def dispatch(self) -> int:
        """When Lambda ends `dispatch`.

        A first attempt may wait for its turn as long as another may take (bulkhead.py), and
        where too many have been detached it is waited for to its end (slow_threshold.py).
        """
        return ceil(self.attempt_seconds) + self.first_attempt + _DISPATCH_MARGIN_SECONDS

    @property
    def visibility(self) -> int:
        """When the delivery queue hands a message out again that `dispatch` has not settled."""
        return _VISIBILITY_FACTOR * self.dispatch
