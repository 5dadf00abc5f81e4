"""Taking out of a response what its endpoint was told in confidence.

An endpoint that echoes the request in its response, as debugging pages do, would put its own
credentials into the execution, where the first part of each response stands.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from homing.outcome import Outcome

MASK = "[redacted]"

# What separates the parts of a header's value: `Bearer <token>`, `key="<token>"; other=<token>`.
# Parts are looked for, since an echo in JSON has the quotes between them escaped.
_SEPARATORS = re.compile(r"[\s\"'\\,;]+")
# A part that is shorter is no secret worth the name, and taking it out would mangle any text.
_SHORTEST = 6


def redact(outcome: Outcome, confidential: Iterable[str]) -> Outcome:
    """Give an outcome whose response holds none of these values, nor the start of one at its end.

    Args:
        outcome: what the endpoint answered.
        confidential: values of headers that are kept for the endpoint alone.
    """
    parts = sorted(
        {part for value in confidential for part in _SEPARATORS.split(value)}, key=len, reverse=True
    )
    secrets = [part for part in parts if len(part) >= _SHORTEST]
    if not secrets:
        return outcome
    return replace(
        outcome,
        response_body=_masked(outcome.response_body, secrets),
        retry_after=outcome.retry_after and _masked(outcome.retry_after, secrets),
    )


def _masked(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = _without_start(text.replace(secret, MASK), secret)
    return text


def _without_start(text: str, secret: str) -> str:
    """Mask the start of a secret at the end of a text: responses are cut short."""
    for length in range(len(secret) - 1, _SHORTEST - 1, -1):
        if text.endswith(secret[:length]):
            return text[:-length] + MASK
    return text
