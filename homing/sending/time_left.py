"""How an attempt and what follows it share the time that one invocation of `deliver` has left.

A function that runs out of time takes the outcome of its attempt with it, though the endpoint may
have taken the message; the retry would send it again. So the request is given what is left when it
begins, less what it takes to answer, and what is noted after it is left out where it may not fit.
All that comes before the request is in the time that has passed by then.
"""

from __future__ import annotations

# One call with the clients of `registry_client` and `endpoint_watch` at the slowest: two tries, a
# second each to connect and to be answered, and a second between them (botocore, "standard" mode).
CALL_SECONDS = 5
# To close connections, to load the client of the event bus, to write the outcome; at 160 MB a
# function has 9% of a processor (docs/decisions/0063).
ANSWER_SECONDS = 2

_LEAST_SECONDS = 1


def request_seconds(left: float) -> float | None:
    """Give how long a request may take in all, in seconds; None where that is hardly any time.

    Args:
        left: the seconds that the invocation has left.
    """
    seconds = round(left - ANSWER_SECONDS, 1)
    return seconds if seconds >= _LEAST_SECONDS else None


def is_enough(left: float, *, calls: int) -> bool:
    """Tell whether so many calls fit into the seconds left, however slow, and the answer too."""
    return left >= calls * CALL_SECONDS + ANSWER_SECONDS
