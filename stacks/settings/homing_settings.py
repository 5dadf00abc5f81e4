"""The settings of one Homing, in any stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError, model_validator
from pydantic.alias_generators import to_camel

from .delivery import DeliverySettings
from .ingest import IngestSettings
from .operation import OperationSettings
from .problems import IN_CONTEXT, IN_PYTHON, InvalidSettingsError
from .retry_policy import RetryPolicySettings
from .targets import TargetSettings

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler, ValidationInfo


# pydantic collects the fields of the last base first, so the bases are in the reverse order of the
# docs.
class HomingSettings(
    OperationSettings, TargetSettings, IngestSettings, DeliverySettings, RetryPolicySettings
):
    """The settings of a `Homing`: `HomingSettings(max_attempts=8)`.

    docs/operations.md lists them by their context keys (`maxAttempts`).

    Raises:
        InvalidSettingsError: when a value is not valid, a setting does not exist, or settings
            cannot be combined.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _explained(
        cls, given: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        naming = info.context or IN_PYTHON
        try:
            settings = handler(given)
        except ValidationError as error:
            # pydantic reports an invalid value of `int | float` twice; `_error` shows it once.
            problems = [naming.problem(details, cls.model_fields) for details in error.errors()]
            raise _error(naming.heading, problems) from error
        names = given if isinstance(given, Mapping) else {}
        if faults := [*settings.policy_faults(names)]:
            told = [naming.in_words(fault, cls.model_fields) for fault in faults]
            raise _error(naming.heading, told)
        return settings

    def overridden(self, by: Mapping[str, Any]) -> HomingSettings:
        """Return the settings with some of them replaced.

        Args:
            by: the new values, by context key.

        Raises:
            InvalidSettingsError: when the result is not valid.
        """
        given = self.model_dump(include=self.model_fields_set & HomingSettings.model_fields.keys())
        whole = {to_camel(name): value for name, value in given.items()} | dict(by)
        return HomingSettings.model_validate(
            whole, by_alias=True, by_name=False, context=IN_CONTEXT
        )

    def named(self, name: str) -> NamedSettings:
        """Return the same settings, with the name of the Homing to which they belong."""
        given = self.model_dump(include=self.model_fields_set & HomingSettings.model_fields.keys())
        return NamedSettings(**given, name=name)


class NamedSettings(HomingSettings):
    """The settings of one Homing, and its name in the account and region.

    Args:
        name: the name, which is also the namespace of its metrics, the folder of its saved queries,
            and the beginning of the names of its log groups.
    """

    name: str


def _error(heading: str, problems: list[str]) -> InvalidSettingsError:
    return InvalidSettingsError("\n".join([heading, *dict.fromkeys(problems)]))
