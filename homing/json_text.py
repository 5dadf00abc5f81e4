"""JSON texts that are copied into a response exactly as they were written."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class JsonText:
    """A value of a document that is already written as JSON."""

    text: str


_MARK = re.compile(r'"([0-9a-f]{32})"')


def dump(document: Any, **layout: Any) -> str:
    """Return a document as JSON, with each `JsonText` in it unchanged.

    Args:
        document: the document.
        layout: further arguments of `json.dumps`, such as `indent`.
    """
    texts: dict[str, str] = {}

    def keep(value: Any) -> str:
        if not isinstance(value, JsonText):
            raise TypeError(f"{type(value).__name__} is not JSON")
        mark = secrets.token_hex(16)  # which no other value of the document contains
        texts[mark] = value.text
        return mark

    dumped = json.dumps(document, default=keep, **layout)
    return _MARK.sub(lambda found: texts.get(found[1], found[0]), dumped) if texts else dumped
