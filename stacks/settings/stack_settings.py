"""All settings of one stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from .context import ContextError, problem, settings_in
from .delivery import DeliverySettings
from .operation import OperationSettings
from .retry_policy import RetryPolicySettings
from .stage import StageSettings
from .targets import TargetSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


# pydantic collects the fields of the last base first: this is the docs' order, reversed.
class StackSettings(
    OperationSettings, TargetSettings, DeliverySettings, RetryPolicySettings, StageSettings
):
    """The settings of one deployed Homing; the context key is the name in camelCase."""

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Read the settings from the app's context; values given with `-c` are strings.

        Raises:
            ContextError: when a value is not valid, or a bare key is none of the settings.
        """
        given = settings_in(context)
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            # A number that is neither whole nor broken is two errors of pydantic and one problem.
            problems = [problem(details, cls.model_fields) for details in error.errors()]
            raise _error(dict.fromkeys(problems)) from error
        if faults := list(settings.policy_faults(given)):
            raise _error(faults)
        return settings


def _error(problems: Iterable[str]) -> ContextError:
    return ContextError("\n".join(["The context is not valid:", *problems]))
