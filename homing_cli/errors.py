"""What can go wrong at the workbench, each told in one line for the person at the terminal.

WorkbenchError
├── NoTargetError      there is no local cloud, or no such stack
├── LocalCloudError    the local cloud could not be started, deployed to, or stopped
├── ApiError           Homing's API could not be reached, or refused
└── NotFoundError      no such message, delivery or dead letter
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """The base of what the workbench reports instead of a traceback."""


class NoTargetError(WorkbenchError):
    """Raised when a command finds neither a local cloud nor the named stack."""


class LocalCloudError(WorkbenchError):
    """Raised when the local cloud cannot be started, deployed to or stopped."""


class ApiError(WorkbenchError):
    """Raised when Homing's API cannot be reached or answers with an error."""


class NotFoundError(WorkbenchError):
    """Raised when what was asked for does not exist."""
