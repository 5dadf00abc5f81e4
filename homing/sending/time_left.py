"""How an invocation of `deliver` divides its time between the request and later calls to AWS.

If the function times out, the outcome of its attempt is lost, and the retry sends the message again
although the endpoint may have accepted it. So the request may take only the time that is left when
it begins, minus the time that is needed to return the outcome. Calls to AWS after the request are
skipped if there may not be enough time for them.
"""

from __future__ import annotations

# The longest time of one call with the client of `registry_client`: two tries, each with a second
# to connect and a second for the response, and a second between them (botocore, "standard" mode).
CALL_SECONDS = 5
# The time to close connections and return the outcome. It is not shorter because a function with
# 160 MB has only 9% of a processor (docs/decisions/0063).
ANSWER_SECONDS = 2

_LEAST_SECONDS = 1


def request_seconds(left: float) -> float | None:
    """Return the time limit of the request in seconds; None if too little time remains.

    Args:
        left: the remaining seconds of the invocation.
    """
    seconds = round(left - ANSWER_SECONDS, 1)
    return seconds if seconds >= _LEAST_SECONDS else None


def is_enough(left: float) -> bool:
    """Return whether the remaining seconds are enough for the slowest call and for returning."""
    return left >= CALL_SECONDS + ANSWER_SECONDS
