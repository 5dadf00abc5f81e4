"""The errors of the command line. Each is reported in one line, without a traceback.

CommandError
├── NoTargetError      there is no local cloud, or no such stack
├── LocalCloudError    the local cloud cannot be started, deployed to or stopped
├── ApiError           Homing's API cannot be reached or returns an error
└── NotFoundError      no such message, delivery or dead letter
"""

from __future__ import annotations


class CommandError(Exception):
    """The base class of the errors that a command reports in one line."""


class NoTargetError(CommandError):
    """Raised when a command finds neither a local cloud nor the named stack."""


class LocalCloudError(CommandError):
    """Raised when the local cloud cannot be started, deployed to or stopped."""


class ApiError(CommandError):
    """Raised when Homing's API cannot be reached or returns an error."""


class BusyError(ApiError):
    """Raised when the API returned 429 or 5xx in all tries of a call."""


class NotFoundError(CommandError):
    """Raised when a message, delivery or dead letter does not exist."""
