"""What can be set at deployment: CDK context, with defaults, checked at synth.

`cdk deploy -c maxAttempts=5 -c alarmEmail=me@example.com`, or the same keys under `context` in
`cdk.json`. docs/operations.md lists them; a test compares that list with this package.
"""

from .context import ContextError
from .stack_settings import StackSettings

__all__ = ["ContextError", "StackSettings"]
