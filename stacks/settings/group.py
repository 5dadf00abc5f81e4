"""The base of all groups of settings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class SettingsGroup(BaseModel):
    """A group of settings; the context key of a setting is its name in camelCase.

    `StackSettings.from_context` takes context keys only, the constructor takes Python names only.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=False,
        allow_inf_nan=False,
        validate_default=True,  # another setting may make a default invalid
    )


def setting(default: Any, allowed: str, meaning: str, **bounds: Any) -> Any:
    """Return the field for a setting.

    Args:
        default: the value of the setting if it is not given.
        allowed: the allowed values in words, for the docs and for error messages.
        meaning: the effect of the setting, for the docs.
        bounds: the limits of the allowed values, in the form that pydantic checks.
    """
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed}, **bounds)
