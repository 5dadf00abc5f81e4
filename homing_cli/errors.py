"""What can go wrong on the command line, each reported in one line for the person at the terminal.

CommandError
├── NoTargetError      there is no local cloud, or no such stack
├── LocalCloudError    the local cloud could not be started, deployed to, or stopped
├── ApiError           Homing's API could not be reached, or refused
└── NotFoundError      no such message, delivery or dead letter
"""

from __future__ import annotations


class CommandError(Exception):
    """The base of what the command line reports instead of a traceback."""


class NoTargetError(CommandError):
    """Raised when a command finds neither a local cloud nor the named stack."""


class LocalCloudError(CommandError):
    """Raised when the local cloud cannot be started, deployed to or stopped."""


class ApiError(CommandError):
    """Raised when Homing's API cannot be reached or answers with an error."""


class NotFoundError(CommandError):
    """Raised when what was asked for does not exist."""
