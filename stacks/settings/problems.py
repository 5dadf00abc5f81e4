"""Errors in settings. They name a setting as the user wrote it, in the context or in Python."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from pydantic.alias_generators import to_camel, to_snake

from homing.errors import HomingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails


class InvalidSettingsError(HomingError):
    """Raised when settings are not valid. Names each wrong setting and its allowed values."""


@dataclass(frozen=True, slots=True)
class Naming:
    """The naming convention in which settings were given, for error messages.

    A setting is `maxAttempts` in the context of the CDK CLI and `max_attempts` in Python.

    Args:
        heading: the first line of an error message.
        in_context: whether settings are named by context keys.
    """

    heading: str
    in_context: bool

    def name(self, either: str) -> str:
        """Convert a setting's name, which may be in either convention, to this convention."""
        return to_camel(either) if self.in_context else to_snake(either)

    def problem(self, details: ErrorDetails, model_fields: Mapping[str, FieldInfo]) -> str:
        """Return the error in one setting, as an indented line."""
        given = str(details["loc"][0])
        if details["type"] == "extra_forbidden":
            near = get_close_matches(given, map(self.name, model_fields), n=1)
            return f"  {given}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
        field = model_fields[to_snake(given)]
        return (
            f"  {self.name(given)}: {details['input']!r} is not valid; "
            f"use {self.in_words(allowed_values(field), model_fields)} "
            f"(default {json.dumps(field.default)})"
        )

    def in_words(self, text: str, model_fields: Mapping[str, FieldInfo]) -> str:
        """Return a text in which the names of settings are converted to this convention."""
        aliases = "|".join(str(field.alias) for field in model_fields.values())
        return re.sub(rf"\b({aliases})\b", lambda found: self.name(found[0]), text)


IN_CONTEXT = Naming("The context is not valid:", in_context=True)
IN_PYTHON = Naming("HomingSettings is not valid:", in_context=False)


def allowed_values(field: FieldInfo) -> str:
    """Return the allowed values of a setting, in words."""
    return cast("dict[str, str]", field.json_schema_extra)["allowed"]
