"""The size of a benchmark: full, or with `--smallest` just large enough to show that it runs."""

from __future__ import annotations

import os
import sys
from typing import TypeVar

from homing_cli.local.deployment import App

T = TypeVar("T")

IS_SMALLEST = "--smallest" in sys.argv

# What is deployed: our own app, or a folder with it synthesized, which spares a test that time.
APP = App(os.environ.get("SYNTHESIZED"))


def sized(full: T, smallest: T) -> T:
    """Return the size of this run."""
    return smallest if IS_SMALLEST else full


def argument(default: T) -> T:
    """Return the number that was given as an argument, or the default."""
    numbers = [each for each in sys.argv[1:] if not each.startswith("--")]
    return type(default)(numbers[0]) if numbers else default  # type: ignore[call-arg]  # a number
