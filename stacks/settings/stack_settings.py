"""The settings of Homing's own stack. They come from the context of the CDK CLI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from .homing_settings import HomingSettings
from .problems import IN_CONTEXT
from .stage import StageSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

# Keys of other tools have a colon, a slash or a dash (`@aws-cdk/...`, `aws:cdk:...`,
# `availability-zones:...`). A bare word can only be meant for Homing.
_OURS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class StackSettings(HomingSettings, StageSettings):
    """The settings of one deployed Homing; the context key of each is its name in camelCase."""

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Read the settings from the app's context; values given with `-c` are strings.

        Raises:
            InvalidSettingsError: when a value is not valid, or a bare key is not the name of a
                setting.
        """
        given = {key: value for key, value in context.items() if _OURS.fullmatch(key)}
        return cls.model_validate(given, by_alias=True, by_name=False, context=IN_CONTEXT)
