"""The CDK context as settings: which of its keys are Homing's, and what is wrong with them."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from pydantic.alias_generators import to_camel

from homing.errors import HomingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

# Keys of other tools have a colon, a slash or a dash (`@aws-cdk/...`, `aws:cdk:...`,
# `availability-zones:...`). A bare word can only be meant for Homing.
_OURS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ContextError(HomingError):
    """Raised when the CDK context cannot be used; names every bad key and its allowed values."""


def settings_in(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the app's context that is meant for Homing."""
    return {key: value for key, value in context.items() if _OURS.fullmatch(key)}


def problem(details: ErrorDetails, model_fields: Mapping[str, FieldInfo]) -> str:
    """Return what is wrong with one key, as an indented line."""
    key = str(details["loc"][0])
    fields = {str(field.alias): field for field in model_fields.values()}
    if details["type"] == "extra_forbidden":
        near = get_close_matches(key, fields, n=1)
        return f"  {key}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
    key = to_camel(key)  # pydantic names a default that fails by its field
    default = json.dumps(fields[key].default)
    return (
        f"  {key}: {details['input']!r} is not valid; "
        f"use {allowed_values(fields[key])} (default {default})"
    )


def allowed_values(field: FieldInfo) -> str:
    """Return the values that a setting takes, in words."""
    return cast("dict[str, str]", field.json_schema_extra)["allowed"]
