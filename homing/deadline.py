"""The deadline of the current invocation.

Calls to AWS end before the deadline, since a function that times out logs nothing.

A container runs one invocation at a time, so the deadline is a module-level value, which
every handler sets first (`begin`). The AWS clients of `homing.aws` make no call that might end
after it.
"""

from __future__ import annotations

from math import inf
from time import monotonic


class _Invocation:
    ends_at: float = inf


def begin(context: object) -> None:
    """Set the deadline from the Lambda context; without a Lambda context there is no deadline."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    _Invocation.ends_at = inf if remaining is None else monotonic() + remaining() / 1000


def seconds_left() -> float:
    """Return the seconds left in the invocation; infinity outside an invocation."""
    return _Invocation.ends_at - monotonic()
