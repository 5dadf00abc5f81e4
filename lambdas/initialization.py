"""What a function creates before its first invocation: settings, AWS clients, connections.

A function of 160 MB has 9% of a processor during an invocation, and a whole one during
initialization. So everything that each invocation needs is created during initialization. An import
elsewhere, in a test or in the simulation, creates nothing.
"""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Lambda sets this variable in every execution environment, to on-demand, snap-start or
# provisioned-concurrency.
VARIABLE = "AWS_LAMBDA_INITIALIZATION_TYPE"
_ON_DEMAND = "on-demand"  # an invocation follows immediately and can use the open connections

# The longest time to wait for connections: a service that is down must not hold up a function that
# may need it only later.
_LONGEST_SECONDS = 1.0


def pause_collection() -> None:
    """Pause garbage collection while Lambda initializes a function, until `initialize` ends.

    Imports create many objects and hardly any garbage, but Python would search for it forty times.
    """
    if VARIABLE in os.environ:
        gc.disable()


def initialize(*makers: Callable[[], object]) -> None:
    """Call each of the `makers`, which cache their results, if Lambda is initializing a function.

    Every handler calls this at the end of its module. Finally, resume garbage collection, which
    from then on ignores all objects that already exist.
    """
    if VARIABLE in os.environ:
        for make in makers:
            make()
        gc.freeze()
        gc.enable()


def connect(*calls: Callable[[], object]) -> None:
    """Make calls that open connections, if Lambda initializes a function because of an invocation.

    To open a TLS connection takes more processor time than the call itself, since botocore reads
    all certificate authorities for each connection. The calls are made concurrently and change no
    data. Their errors are ignored, since the invocation will get the same errors.
    """
    if os.environ.get(VARIABLE) != _ON_DEMAND:
        return
    threads = [Thread(target=_try, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    end = monotonic() + _LONGEST_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - monotonic()))


def _try(call: Callable[[], object]) -> None:
    with suppress(Exception):
        call()
