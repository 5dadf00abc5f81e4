"""A retry policy from the input of a form or a command line, checked as in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.errors import InvalidMessageError
from homing.reception.policy_override import conflicts, override
from homing.reception.request_model import PolicyRequest, read_fields
from homing.retry.policy import Policy
from homing_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHOLE = frozenset({"maxAttempts"})
_WORDS = frozenset({"jitter", "preset"})
_STATUSES = frozenset({"retryOn", "giveUpOn"})
NAMES = (
    "maxAttempts",
    "baseDelaySeconds",
    "multiplier",
    "maxDelaySeconds",
    "jitter",
    "schedule",
    "preset",
    "retryOn",
    "giveUpOn",
)
_BESIDE_A_SCHEDULE = frozenset(
    {"maxAttempts", "jitter", "schedule", "preset", "retryOn", "giveUpOn"}
)


class PolicyError(CommandError):
    """Raised when a policy is not valid. The message names the fields and their errors."""


def read_policy(typed: Mapping[str, str]) -> Policy:
    """Return the policy that was typed into a form. An empty field means the default.

    With a schedule or preset, the fields of the formula for delays are ignored.

    Args:
        typed: the input by the names of the API's `policy`; commas separate the entries of lists.

    Raises:
        PolicyError: when the API would refuse it.
    """
    given = {name: typed[name].strip() for name in NAMES if typed.get(name, "").strip()}
    if "schedule" in given or "preset" in given:
        given = {name: text for name, text in given.items() if name in _BESIDE_A_SCHEDULE}
    raw = {name: _value(name, text) for name, text in given.items()}
    request, errors = read_fields(PolicyRequest, raw)
    errors = errors or list(conflicts(raw))
    if request is None or errors:
        raise PolicyError("; ".join(_sentence(error.field, error.message) for error in errors))
    try:
        return override(Policy(), request.override())
    except InvalidMessageError as error:
        found = (_sentence(one.field, one.message) for one in error.errors)
        raise PolicyError("; ".join(found)) from error


def _sentence(field: str, message: str) -> str:
    return f"{field.removeprefix('policy.')}: {message}"


def _value(name: str, text: str) -> Any:
    try:
        if name in _WORDS:
            return text
        if name in _WHOLE:
            return int(text)
        if name in _STATUSES:
            return [part.strip() for part in text.split(",") if part.strip()]
        if name == "schedule":
            return [float(part) for part in text.split(",") if part.strip()]
        return float(text)
    except ValueError as error:
        raise PolicyError(f"{name}: {text} is not a number") from error
