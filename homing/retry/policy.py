"""The retry policy of a delivery, which is part of the delivery document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ATTEMPTS_LIMIT = 20
MAX_DELAY_LIMIT_SECONDS = 365 * 86_400  # the limit of a Wait state is one year


class Jitter(StrEnum):
    """How delays are randomized, so that deliveries that fail together are not retried together."""

    ADDITIVE = "additive"
    FULL = "full"
    EQUAL = "equal"
    DECORRELATED = "decorrelated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Preset:
    """The policy fields that a preset sets; the resulting `give_up_on` is empty."""

    schedule: tuple[float, ...]
    retry_on: tuple[str, ...]


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        # Standard Webhooks 1.0.0, "Deliverability and reliability": 0 s, 5 s, 5 m, 30 m,
        # 2 h, 5 h, 10 h, 14 h, 20 h, 24 h; every status except 2xx and 410 is retried.
        "standard-webhooks": Preset(
            (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400),
            ("3xx", "4xx", "5xx"),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Policy:
    """The retry policy of one delivery. Times are in seconds.

    Args:
        max_attempts: the maximum number of attempts, the first included (1 to 20).
        base_delay_seconds: the delay after the first failure, before jitter.
        multiplier: the factor by which the delay grows with each failure.
        max_delay_seconds: the maximum of the exponential delay.
        jitter: the jitter strategy.
        schedule: instead of base and multiplier, the waits between attempts, one after each
            failure; the last wait is repeated. A leading 0 is the wait before the first attempt,
            which is made immediately anyway, so `(0, 5, 300)` and `(5, 300)` are the same.
        retry_after_ceiling_seconds: the maximum delay that `Retry-After` can cause.
        retry_on: the statuses (`404`) and classes (`4xx`) that are retried, even if they are not
            retried by the rules in `homing.retry.classification`; 2xx is not allowed.
        give_up_on: the statuses and classes that are not retried, regardless of those rules.
    """

    max_attempts: int = 3
    base_delay_seconds: float = 1
    multiplier: float = 2
    max_delay_seconds: float = 3600
    jitter: Jitter = Jitter.ADDITIVE
    schedule: tuple[float, ...] | None = None
    retry_after_ceiling_seconds: float = 86_400
    retry_on: tuple[str, ...] = ()
    give_up_on: tuple[str, ...] = ()

    @property
    def waits(self) -> tuple[float, ...]:
        """The schedule without a leading 0, the wait before the first attempt; empty for none."""
        schedule = self.schedule or ()
        return schedule[1:] if schedule[:1] == (0,) else schedule

    def to_document(self) -> dict[str, Any]:
        """Return the `policy` of the delivery document (docs/architecture.md)."""
        return {
            "maxAttempts": self.max_attempts,
            "baseDelaySeconds": self.base_delay_seconds,
            "multiplier": self.multiplier,
            "maxDelaySeconds": self.max_delay_seconds,
            "jitter": self.jitter,
            "schedule": None if self.schedule is None else list(self.schedule),
            "retryAfterCeilingSeconds": self.retry_after_ceiling_seconds,
            "retryOn": list(self.retry_on),
            "giveUpOn": list(self.give_up_on),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Return the policy of a delivery document."""
        schedule = document["schedule"]
        return cls(
            max_attempts=document["maxAttempts"],
            base_delay_seconds=document["baseDelaySeconds"],
            multiplier=document["multiplier"],
            max_delay_seconds=document["maxDelaySeconds"],
            jitter=Jitter(document["jitter"]),
            schedule=None if schedule is None else tuple(schedule),
            retry_after_ceiling_seconds=document["retryAfterCeilingSeconds"],
            retry_on=tuple(document.get("retryOn", ())),  # older documents have neither
            give_up_on=tuple(document.get("giveUpOn", ())),
        )
