"""The settings of a deployment, with their defaults. They are checked at synthesis.

In Python they are given as `HomingSettings(max_attempts=5)`. For Homing's own stack they are given
as `cdk deploy -c maxAttempts=5 -c alarmEmail=me@example.com`, or by the same keys under `context`
in `cdk.json`. docs/operations.md lists them; a test compares that list with this package.
"""

from .homing_settings import HomingSettings, NamedSettings
from .problems import InvalidSettingsError
from .stack_settings import StackSettings

__all__ = ["HomingSettings", "InvalidSettingsError", "NamedSettings", "StackSettings"]
