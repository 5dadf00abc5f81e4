"""The rules for ids.

A `messageId` has no dot, since it is the `webhook-id`, which Standard Webhooks 1.0.0 signs as
`id.timestamp.body`. `messageId` and `senderId` have no `#`, which separates them in the keys of the
messages table and the ledger. An `endpointId` does not begin with a dot, since clients remove the
segments `.` and `..` from a path (RFC 3986, section 5.2.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LIMIT = 128  # the maximum length of any id, in characters
DEFAULT_SENDER_ID = "default"


@dataclass(frozen=True, slots=True)
class Naming:
    """A rule for ids.

    Args:
        pattern: a regular expression for the whole text, valid in JSON Schema and in Python.
        rule: the same rule in words; error messages put it after "must have 1 to 128 characters:".
    """

    pattern: str
    rule: str

    @property
    def anchored(self) -> str:
        """The pattern with anchors, as JSON Schema needs it."""
        return f"^{self.pattern}$"

    def allows(self, text: str) -> bool:
        """Return whether a text follows the rule."""
        return re.fullmatch(self.pattern, text) is not None

    def check(self, text: str) -> str:
        """Return the text if it follows the rule.

        Raises:
            ValueError: when it does not; the message contains the rule.
        """
        if not self.allows(text):
            raise ValueError(f"must have 1 to {LIMIT} characters: {self.rule}")
        return text


MESSAGE_ID = Naming(
    r"[A-Za-z0-9_:\-]{1,128}", "letters, digits, '_', ':' and '-', but no dot and no '#'"
)
SENDER_ID = Naming(
    r"[A-Za-z0-9_:.@\-]{1,128}", "letters, digits, '_', ':', '.', '@' and '-', but no '#'"
)
ENDPOINT_ID = Naming(
    r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,127}",
    "letters, digits, '_', '-' and '.', but no '.' at the start",
)
EVENT_TYPE = Naming(r"[!-~]([ -~]{0,126}[!-~])?", "printable ASCII, no space at either end")
CORRELATION_ID = Naming(
    r"[!-~]([ -~]{0,126}[!-~])?", "printable ASCII, no space at either end (it is sent as a header)"
)
