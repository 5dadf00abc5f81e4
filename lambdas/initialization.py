"""What a function makes before its first invocation: settings, clients of AWS, TLS contexts.

A function of 160 MB has 9% of a processor while it handles an invocation, and more than one whole
while it initializes. So what every invocation needs is made then. An import elsewhere, in a test
or in the simulation, makes nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Lambda sets it in every execution environment: on-demand, snap-start, provisioned-concurrency.
VARIABLE = "AWS_LAMBDA_INITIALIZATION_TYPE"


def initialize(*makers: Callable[[], object]) -> None:
    """Call each of these, whose results they keep themselves, if Lambda initializes a function."""
    if VARIABLE in os.environ:
        for make in makers:
            make()
