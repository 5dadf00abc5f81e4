"""When the invocation in hand must be over: a function that runs out of time logs nothing.

A container runs one invocation at a time, so the end is one value of the module. Handlers set it
first (`begin`); clients made by `homing.aws` begin no call that might not come back before it.
"""

from __future__ import annotations

from math import inf
from time import monotonic


class _Invocation:
    ends_at: float = inf


def begin(context: object) -> None:
    """Take the end of an invocation from its Lambda context; one without a clock has no end."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    _Invocation.ends_at = inf if remaining is None else monotonic() + remaining() / 1000


def seconds_left() -> float:
    """Return how many seconds the invocation has left; infinity outside of one."""
    return _Invocation.ends_at - monotonic()
