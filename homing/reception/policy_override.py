"""The retry policy of a message or an endpoint: its fields replace those of a default policy."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from homing.errors import FieldError, InvalidMessageError
from homing.retry.policy import MAX_ATTEMPTS_LIMIT, PRESETS, Jitter, Policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STATUS_PATTERN = "[1345]([0-9]{2}|xx)"
MAX_STATUSES = 50

_EXPONENTIAL = {
    "baseDelaySeconds": "base_delay_seconds",
    "maxDelaySeconds": "max_delay_seconds",
    "multiplier": "multiplier",
}


@dataclass(frozen=True, slots=True)
class PolicyOverride:
    """The policy fields that a message, endpoint or deployment overrides; the others are None.

    Args:
        preset: the name of a predefined schedule (`PRESETS`), instead of `schedule`. It also sets
            `retry_on` and `give_up_on`, if they are None here.

    The other fields are those of `Policy`.
    """

    max_attempts: int | None = None
    base_delay_seconds: float | None = None
    multiplier: float | None = None
    max_delay_seconds: float | None = None
    jitter: Jitter | None = None
    schedule: Sequence[float] | None = None
    preset: str | None = None
    retry_on: Sequence[str] | None = None
    give_up_on: Sequence[str] | None = None


def check_status(entry: object) -> str:
    """Return an entry of `retryOn` or `giveUpOn` after checking it.

    Raises:
        ValueError: when the entry is invalid.
    """
    if not isinstance(entry, str):
        raise ValueError('must be a string such as "404" or "4xx"')  # noqa: TRY004 -- pydantic's
    if re.fullmatch(STATUS_PATTERN, entry):
        return entry
    if re.fullmatch("2([0-9]{2}|xx)", entry):
        raise ValueError(f"{entry} is always a delivery; remove it")
    raise ValueError('must be an HTTP status such as "404" or a class such as "4xx"')


def conflicts(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for each field of a `policy` that conflicts with another of its fields.

    A schedule or preset lists the delays, so fields that compute delays cannot be combined with it.
    A status cannot be in both `retryOn` and `giveUpOn`.
    """
    yield from _in_both(raw.get("retryOn"), raw.get("giveUpOn"))
    ways = [name for name in ("schedule", "preset") if name in raw]
    if not ways:
        return
    if len(ways) > 1:
        yield FieldError("policy.preset", "cannot be combined with schedule; give one of them")
    for name in _EXPONENTIAL:
        if name in raw:
            yield FieldError(f"policy.{name}", f"cannot be combined with {ways[0]}")
    if raw.get("jitter") == Jitter.DECORRELATED:
        yield FieldError("policy.jitter", f"decorrelated cannot be combined with {ways[0]}")


def _in_both(retry_on: Any, give_up_on: Any) -> Iterator[FieldError]:
    if isinstance(retry_on, list) and isinstance(give_up_on, list):
        both = {each: None for each in retry_on if isinstance(each, str) and each in give_up_on}
        for entry in both:
            message = f"{entry} is also in retryOn; remove it from one of them"
            yield FieldError("policy.giveUpOn", message)


def override(default: Policy, own: PolicyOverride) -> Policy:
    """Return the policy that results from overriding a default.

    If the override has a schedule but no `max_attempts`, there is one more attempt than there are
    waits. If it has a field that computes delays, such as `multiplier`, the schedule of the default
    no longer applies. An entry of the override's `retry_on` is removed from the default's
    `give_up_on`, and vice versa.

    Args:
        default: the policy to override.
        own: the fields that override it, each of them valid.

    Raises:
        InvalidMessageError: when the resulting policy is invalid.
    """
    policy = _replaced(default, own)
    if errors := list(_faults(policy, own)):
        raise InvalidMessageError(errors)
    return policy


def _replaced(default: Policy, own: PolicyOverride) -> Policy:
    changes = {name: value for name, value in asdict(own).items() if value is not None}
    preset = changes.pop("preset", None)
    changes |= _statuses(default, own)
    schedule = PRESETS[preset].schedule if preset else own.schedule
    if schedule is not None:
        waits = replace(default, schedule=tuple(schedule)).waits
        jitter = Jitter.ADDITIVE if default.jitter is Jitter.DECORRELATED else default.jitter
        changes = {"max_attempts": len(waits) + 1, "jitter": jitter} | changes
        changes["schedule"] = tuple(schedule)
    elif changes.keys() & set(_EXPONENTIAL.values()) or own.jitter is Jitter.DECORRELATED:
        changes["schedule"] = None
    return replace(default, **changes)


def _statuses(default: Policy, own: PolicyOverride) -> dict[str, tuple[str, ...]]:
    retry_on, give_up_on = default.retry_on, default.give_up_on
    if own.preset:
        retry_on, give_up_on = PRESETS[own.preset].retry_on, ()
    return {
        "retry_on": _list(own.retry_on, retry_on, without=own.give_up_on),
        "give_up_on": _list(own.give_up_on, give_up_on, without=own.retry_on),
    }


def _list(
    own: Sequence[str] | None, inherited: Sequence[str], *, without: Sequence[str] | None
) -> tuple[str, ...]:
    if own is not None:
        return tuple(dict.fromkeys(own))
    return tuple(entry for entry in inherited if entry not in (without or ()))


def _faults(policy: Policy, own: PolicyOverride) -> Iterator[FieldError]:
    if policy.schedule is None:
        base, cap = policy.base_delay_seconds, policy.max_delay_seconds
        if base > cap and own.base_delay_seconds is not None:
            yield FieldError("policy.baseDelaySeconds", f"is above maxDelaySeconds ({cap})")
        elif base > cap:
            yield FieldError("policy.maxDelaySeconds", f"is below baseDelaySeconds ({base})")
    elif not policy.waits and policy.max_attempts > 1:
        yield FieldError("policy.schedule", "has no wait between two attempts")
    elif policy.max_attempts > MAX_ATTEMPTS_LIMIT:
        message = f"makes {policy.max_attempts} attempts; at most {MAX_ATTEMPTS_LIMIT} are allowed"
        yield FieldError("policy.schedule", message)
