"""JSON texts that go into an answer as they were written, with each digit."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class JsonText:
    """A value of a document that is JSON already."""

    text: str


def dump(document: Mapping[str, Any]) -> str:
    """Return a document as JSON, with each `JsonText` in it unchanged."""
    texts: dict[str, str] = {}

    def keep(value: Any) -> str:
        if not isinstance(value, JsonText):
            raise TypeError(f"{type(value).__name__} is not JSON")
        mark = secrets.token_hex(16)  # which no other value of the document contains
        texts[mark] = value.text
        return mark

    dumped = json.dumps(document, default=keep)
    for mark, text in texts.items():
        dumped = dumped.replace(f'"{mark}"', text)
    return dumped
