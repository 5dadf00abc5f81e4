"""The size of a benchmark: full or, with `--smallest`, just large enough to show that it works."""

from __future__ import annotations

import os
import sys
from typing import TypeVar

from homing_cli.local.deployment import App

T = TypeVar("T")

IS_SMALLEST = "--smallest" in sys.argv

# The app that is deployed: our own or, to save a test the time of synthesis, a folder with our own
# app already synthesized.
APP = App(os.environ.get("SYNTHESIZED"))


def sized(full: T, smallest: T) -> T:
    """Return the size that applies to this run."""
    return smallest if IS_SMALLEST else full


def argument(default: T) -> T:
    """Return the number that was given on the command line or, without one, the default."""
    numbers = [each for each in sys.argv[1:] if not each.startswith("--")]
    return type(default)(numbers[0]) if numbers else default  # type: ignore[call-arg]  # a number
