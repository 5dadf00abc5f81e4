"""The texts that name things: what they may be made of, and what to say when they are not.

No dot in a `messageId`: it becomes the `webhook-id`, which Standard Webhooks 1.0.0 signs as
`id.timestamp.body`. No `#` in either id: it parts them in the key of both tables. No dot in front
of an `endpointId`: clients take the segments `.` and `..` out of a path (RFC 3986, 5.2.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LIMIT = 128  # characters of any of them
DEFAULT_SENDER_ID = "default"


@dataclass(frozen=True, slots=True)
class Naming:
    """A rule for names.

    Args:
        pattern: a regular expression that the whole text matches, in a form that JSON Schema
            shares with Python.
        rule: the same for people, to follow "may hold".
    """

    pattern: str
    rule: str

    @property
    def anchored(self) -> str:
        """The pattern as JSON Schema wants it."""
        return f"^{self.pattern}$"

    def allows(self, text: str) -> bool:
        """Tell whether a text keeps the rule."""
        return re.fullmatch(self.pattern, text) is not None

    def check(self, text: str) -> str:
        """Give the text back.

        Raises:
            ValueError: when it breaks the rule; the message says what may stand there.
        """
        if not self.allows(text):
            raise ValueError(f"may hold 1 to {LIMIT} characters: {self.rule}")
        return text


MESSAGE_ID = Naming(
    r"[A-Za-z0-9_:\-]{1,128}", "letters, digits, '_', ':' and '-', but no dot and no '#'"
)
SENDER_ID = Naming(
    r"[A-Za-z0-9_:.@\-]{1,128}", "letters, digits, '_', ':', '.', '@' and '-', but no '#'"
)
ENDPOINT_ID = Naming(
    r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,127}",
    "letters, digits, '_', '-' and '.', but no '.' in front",
)
CORRELATION_ID = Naming(
    r"[!-~]([ -~]{0,126}[!-~])?", "printable ASCII, no space at either end (it is sent as a header)"
)
