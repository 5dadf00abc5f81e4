"""Settings of the default retry policy of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import field_validator
from pydantic.alias_generators import to_camel

from homing.errors import InvalidMessageError
from homing.reception.policy_override import (
    MAX_STATUSES,
    PolicyOverride,
    check_status,
    conflicts,
    override,
)
from homing.retry.policy import (
    MAX_ATTEMPTS_LIMIT,
    MAX_DELAY_LIMIT_SECONDS,
    PRESETS,
    Jitter,
    Policy,
)

from .group import SettingsGroup, setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import ValidationInfo

_POLICY = Policy()
_STATUSES = (
    f"up to {MAX_STATUSES} statuses such as 404 and classes such as 4xx, none of 2xx, commas "
    "between them"
)
_YEAR = f"{MAX_DELAY_LIMIT_SECONDS} (a year)"


class RetryPolicySettings(SettingsGroup):
    """Settings of the default retry policy."""

    max_attempts: int = setting(
        _POLICY.max_attempts,
        f"1 to {MAX_ATTEMPTS_LIMIT}",
        "the highest number of attempts, including the first, for messages without their own "
        "policy",
        ge=1,
        le=MAX_ATTEMPTS_LIMIT,
    )
    base_delay_seconds: int | float = setting(
        _POLICY.base_delay_seconds,
        f"0 to {_YEAR}",
        "the delay after the first failure, before jitter",
        ge=0,
        le=MAX_DELAY_LIMIT_SECONDS,
    )
    multiplier: int | float = setting(
        _POLICY.multiplier,
        "1 to 100",
        "the factor by which the delay grows with each failure",
        ge=1,
        le=100,
    )
    max_delay_seconds: int | float = setting(
        _POLICY.max_delay_seconds,
        f"baseDelaySeconds to {_YEAR}",
        "the cap of the exponential delay",
        ge=0,
        le=MAX_DELAY_LIMIT_SECONDS,
    )
    jitter: Jitter = setting(_POLICY.jitter, ", ".join(Jitter), "how a delay is randomized")
    preset: str | None = setting(
        None,
        ", ".join(PRESETS),
        "a schedule by name with its `retryOn`, instead of `schedule`, `baseDelaySeconds`, "
        "`multiplier` and `maxDelaySeconds`",
        pattern=f"^({'|'.join(PRESETS)})$",
    )
    schedule: str | None = setting(
        None,
        f"numbers from 0 to {_YEAR}, commas between them",
        "the delay in seconds after each failure, such as `5,300,3600`, instead of "
        "`baseDelaySeconds`, `multiplier` and `maxDelaySeconds`; without `maxAttempts` it allows "
        "one more attempt than it has delays",
    )
    retry_on: str | None = setting(
        None,
        _STATUSES,
        "HTTP statuses that are retried, regardless of the default; `4xx` excludes 410",
    )
    give_up_on: str | None = setting(
        None, _STATUSES, "HTTP statuses that are not retried, regardless of the default"
    )
    retry_after_ceiling_seconds: int | float = setting(
        _POLICY.retry_after_ceiling_seconds,
        f"0 to {_YEAR}",
        "the longest delay that a `Retry-After` can ask for",
        ge=0,
        le=MAX_DELAY_LIMIT_SECONDS,
    )

    @field_validator("max_delay_seconds")
    @classmethod
    def _not_below_base(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("base_delay_seconds", 0):
            raise ValueError("below baseDelaySeconds")
        return value

    @field_validator("schedule")
    @classmethod
    def _delays_in_range(cls, value: str | None) -> str | None:
        if value is not None and not all(
            0 <= delay <= MAX_DELAY_LIMIT_SECONDS for delay in _delays(value)
        ):
            raise ValueError("a delay is out of range")
        return value

    @field_validator("retry_on", "give_up_on")
    @classmethod
    def _statuses_known(cls, value: str | None) -> str | None:
        entries = [check_status(entry) for entry in _entries(value) or ()]
        if len(entries) > MAX_STATUSES:
            raise ValueError("too many")
        return value

    def policy_faults(self, given: Mapping[str, Any]) -> Iterator[str]:
        """Yield the errors in the combination of the policy's settings.

        The same rules apply to the policy of a message; for example, `preset` excludes `schedule`.

        Args:
            given: the settings that were given, by context key or by name.
        """
        raw = {to_camel(name): value for name, value in given.items() if value is not None}
        raw |= {"retryOn": _entries(self.retry_on), "giveUpOn": _entries(self.give_up_on)}
        faults = list(conflicts(raw))
        try:
            _ = self.policy
        except InvalidMessageError as error:
            faults += error.errors
        for fault in faults:
            yield f"  {fault.field.removeprefix('policy.')}: {fault.message}"

    @property
    def policy(self) -> Policy:
        """The default retry policy of messages."""
        exponential = Policy(
            max_attempts=self.max_attempts,
            base_delay_seconds=self.base_delay_seconds,
            multiplier=self.multiplier,
            max_delay_seconds=self.max_delay_seconds,
            jitter=self.jitter,
            retry_after_ceiling_seconds=self.retry_after_ceiling_seconds,
        )
        schedule = _delays(self.schedule) if self.schedule else None
        is_given = "max_attempts" in self.model_fields_set
        attempts = self.max_attempts if is_given and (schedule or self.preset) else None
        own = PolicyOverride(
            attempts,
            schedule=schedule,
            preset=self.preset,
            retry_on=_entries(self.retry_on),
            give_up_on=_entries(self.give_up_on),
        )
        return override(exponential, own)


def _entries(value: str | None) -> list[str] | None:
    if value is None:
        return None
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def _delays(value: str) -> tuple[float, ...]:
    return tuple(float(each) for each in value.split(",") if each.strip())
